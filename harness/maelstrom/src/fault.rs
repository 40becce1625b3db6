//! When which fault strikes: a pure function of the seed.

use clap::ValueEnum;
use fastrand::Rng;
use kensho_nemesis::fault::{Shape, Target};
use serde::Serialize;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Messages between some nodes are lost
    Partition,
    /// Nodes are killed, and started again
    Kill,
    /// Nodes stand still for a while
    Pause,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Partition => "partition",
            Kind::Kill => "kill",
            Kind::Pause => "pause",
        }
    }
}

/// A fault that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// What.
    pub kind: Kind,
    /// To whom.
    pub target: Target,
    /// Of a partition: which links are cut around the targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// When it begins, nanoseconds after the main part began.
    pub at_ns: u64,
    /// When it ends.
    pub until_ns: u64,
    /// Its targets are drawn from this.
    pub seed: u64,
}

/// Plans faults of each kind, one after the other, so that something begins or ends every
/// `interval_ns` on average, and each kind strikes before half of the time is over.
pub fn plan(kinds: &[Kind], interval_ns: u64, length_ns: u64, seed: u64) -> Vec<Planned> {
    let mut planned = Vec::new();
    for kind in kinds {
        let mut draw = Rng::with_seed(seed ^ (*kind as u64 + 1));
        let longest = 2 * interval_ns.max(1);
        let mut at_ns = draw.u64(..longest.min(length_ns / 2).max(1));
        while at_ns < length_ns {
            let lasts = draw.u64(longest / 20..=longest);
            let until_ns = (at_ns + lasts).min(length_ns);
            let (target, shape) = match kind {
                Kind::Partition => cut(&mut draw),
                Kind::Kill | Kind::Pause => (some_nodes(&mut draw), None),
            };
            planned.push(Planned {
                kind: *kind,
                target,
                shape,
                at_ns,
                until_ns,
                seed: draw.u64(..),
            });
            at_ns = until_ns + draw.u64(longest / 20..=longest);
        }
    }
    planned.sort_by_key(|fault| fault.at_ns);
    planned
}

fn cut(draw: &mut Rng) -> (Target, Option<Shape>) {
    let (target, shape) = match draw.u8(..8) {
        0 | 1 => (Target::One, Shape::Split),
        2 | 3 => (Target::Minority, Shape::Split),
        4 | 5 => (Target::One, Shape::MajorityRing),
        6 => (Target::One, Shape::Bridge),
        _ if draw.bool() => (Target::One, Shape::Mute),
        _ => (Target::One, Shape::Deaf),
    };
    (target, Some(shape))
}

fn some_nodes(draw: &mut Rng) -> Target {
    let targets = [Target::One, Target::Minority, Target::Majority, Target::All];
    targets[draw.usize(..targets.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Kind; 3] = [Kind::Partition, Kind::Kill, Kind::Pause];

    proptest! {
        #[test]
        fn each_kind_strikes_in_time_and_one_after_the_other(
            seed: u64,
            interval in 1_u64..1_000,
            length in 10_u64..10_000,
        ) {
            let planned = plan(&ALL, interval, length, seed);
            prop_assert!(planned.is_sorted_by_key(|fault| fault.at_ns));
            for kind in ALL {
                let own: Vec<_> = planned.iter().filter(|fault| fault.kind == kind).collect();
                prop_assert!(own[0].at_ns <= length / 2);
                for fault in &own {
                    prop_assert!(fault.at_ns <= fault.until_ns && fault.until_ns <= length);
                    prop_assert!((fault.kind == Kind::Partition) == fault.shape.is_some());
                }
                prop_assert!(own.windows(2).all(|two| two[0].until_ns <= two[1].at_ns));
            }
        }
    }

    #[test]
    fn something_begins_or_ends_at_the_interval_on_average() {
        let planned = plan(&[Kind::Kill], 10, 1_000_000, 3);
        let mean = 1_000_000.0 / (2 * planned.len()) as f64;
        assert!((mean - 10.0).abs() < 1.0, "{mean}");
        assert_eq!(planned, plan(&[Kind::Kill], 10, 1_000_000, 3));
        assert_ne!(planned, plan(&[Kind::Kill], 10, 1_000_000, 4));
    }
}
