//! Which fault when: a pure function of its settings.
//!
//! Families take turns, each turn in a fresh order, and each family deals its faults from a
//! shuffled deck: a run of any length gets a balanced mix, and a short one does not get the same
//! fault three times.

use fastrand::Rng;
use serde::Serialize;

use crate::catalogue::{Entry, Family};
use crate::fault::Fault;

/// What a schedule is made from. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Seed of every choice.
    pub seed: u64,
    /// The cluster's heartbeat, from which its leases and time limits follow.
    pub heartbeat_ms: u64,
    /// When the run ends; every fault has ended by then.
    pub until_ms: u64,
    /// Quiet time before the first fault.
    pub lead_ms: u64,
    /// Shortest and longest time a fault lasts.
    pub fault_ms: (u64, u64),
    /// Shortest and longest quiet time between faults.
    pub quiet_ms: (u64, u64),
    /// How long a cluster takes to be whole again after a fault that takes data: the next one of these begins no
    /// sooner after it. Others may strike meanwhile.
    pub whole_ms: u64,
}

impl Settings {
    /// Faults of 2 to 4 s with 1.5 to 3 s of quiet in between, and longer where the heartbeat is
    /// slow: a fault lasts 10 heartbeats at least, so that every lease (2) and every time limit
    /// (3) runs out during it. A node without data is given some after 60 heartbeats.
    pub fn usual(seed: u64, heartbeat_ms: u64, until_ms: u64) -> Settings {
        let fault_ms = (
            (10 * heartbeat_ms).max(2_000),
            (20 * heartbeat_ms).max(4_000),
        );
        let quiet_ms = (
            (8 * heartbeat_ms).max(1_500),
            (15 * heartbeat_ms).max(3_000),
        );
        Settings {
            seed,
            heartbeat_ms,
            until_ms,
            lead_ms: quiet_ms.1,
            fault_ms,
            quiet_ms,
            whole_ms: (90 * heartbeat_ms).max(6_000),
        }
    }
}

/// A fault with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// When it begins, milliseconds since the start of the run.
    pub start_ms: u64,
    /// When it is undone, milliseconds since the start of the run.
    pub end_ms: u64,
    /// What is done.
    pub fault: Fault,
    /// Seed for what is drawn only when it begins: the targets.
    pub seed: u64,
}

/// The faults of a run, in order, without overlap.
pub fn plan(settings: &Settings, entries: &[&'static Entry]) -> Vec<Planned> {
    let mut draw = Rng::with_seed(settings.seed);
    let mut decks = Decks::new(entries);
    let mut planned = Vec::new();
    let mut start_ms = settings.lead_ms;
    let mut whole_from_ms = 0;
    while let Some(entry) = decks.deal(&mut draw) {
        let takes_data = entry.takes_data();
        if takes_data {
            start_ms = start_ms.max(whole_from_ms);
        }
        let end_ms = start_ms + draw.u64(settings.fault_ms.0..=settings.fault_ms.1);
        let quiet_ms = draw.u64(settings.quiet_ms.0..=settings.quiet_ms.1);
        if end_ms + settings.quiet_ms.0 > settings.until_ms {
            break;
        }
        let fault = entry.draw(settings.heartbeat_ms, &mut draw);
        planned.push(Planned {
            start_ms,
            end_ms,
            fault,
            seed: draw.u64(..),
        });
        start_ms = end_ms + quiet_ms;
        if takes_data {
            whole_from_ms = end_ms + settings.whole_ms;
        }
    }
    planned
}

/// A deck of faults for each family, and the families whose turn is still to come.
struct Decks {
    full: Vec<(Family, Vec<&'static Entry>)>,
    left: Vec<(Family, Vec<&'static Entry>)>,
    turns: Vec<usize>,
}

impl Decks {
    fn new(entries: &[&'static Entry]) -> Decks {
        let mut full: Vec<(Family, Vec<&'static Entry>)> = Vec::new();
        for &entry in entries {
            // Asked for alone, a fault counts even where its family would leave it out.
            let copies = std::iter::repeat_n(entry, entry.weight.max(1));
            match full.iter_mut().find(|(family, _)| *family == entry.family) {
                Some((_, deck)) => deck.extend(copies),
                None => full.push((entry.family, copies.collect())),
            }
        }
        let left = full
            .iter()
            .map(|(family, _)| (*family, Vec::new()))
            .collect();
        Decks {
            full,
            left,
            turns: Vec::new(),
        }
    }

    /// The next fault; `None` only where there are no faults at all.
    fn deal(&mut self, draw: &mut Rng) -> Option<&'static Entry> {
        if self.turns.is_empty() {
            self.turns = (0..self.full.len()).collect();
            draw.shuffle(&mut self.turns);
        }
        let turn = self.turns.pop()?;
        let deck = &mut self.left[turn].1;
        if deck.is_empty() {
            deck.extend(&self.full[turn].1);
            draw.shuffle(deck);
        }
        deck.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Able;
    use crate::catalogue::{all, select};
    use proptest::prelude::*;

    fn usual(seed: u64) -> Vec<Planned> {
        let names = ["kill", "pause", "partition", "disk"];
        let entries = select(names, &Able::to_everything()).unwrap();
        plan(&Settings::usual(seed, 100, 60_000), &entries)
    }

    proptest! {
        /// A minute at default settings is never thin and never one-sided.
        #[test]
        fn a_minute_has_a_balanced_mix(seed: u64) {
            let planned = usual(seed);
            prop_assert!(planned.len() >= 8, "{} faults", planned.len());
            let family = |p: &Planned| {
                all().find(|entry| entry.name == p.fault.name).unwrap().family
            };
            let asked = [Family::Kill, Family::Pause, Family::Partition, Family::Disk];
            let kinds = asked
                .map(|wanted| planned.iter().filter(|p| family(p) == wanted).count());
            prop_assert!(kinds.iter().all(|&count| count >= 2), "{kinds:?}");
        }

        #[test]
        fn faults_do_not_overlap_and_end_in_time(seed: u64) {
            let planned = usual(seed);
            for pair in planned.windows(2) {
                prop_assert!(pair[0].end_ms + 1_500 <= pair[1].start_ms);
            }
            for fault in &planned {
                prop_assert!(fault.start_ms + 2_000 <= fault.end_ms && fault.end_ms < 60_000);
                for injection in &fault.fault.injections {
                    prop_assert!(fault.start_ms + injection.after_ms < fault.end_ms);
                }
            }
        }

        /// The cluster is whole again before more is taken from it, also in a short run.
        #[test]
        fn what_takes_data_waits_for_what_was_taken_before(seed: u64) {
            let all = ["kill", "folder"];
            for (names, least) in [(&all[..], 1), (&all[1..], 2)] {
                let entries = select(names.iter().copied(), &Able::to_everything()).unwrap();
                let settings = Settings::usual(seed, 100, 30_000);
                let planned = plan(&settings, &entries);
                let takes: Vec<&Planned> =
                    planned.iter().filter(|p| p.fault.takes_data()).collect();
                prop_assert!(takes.len() >= least, "{}", takes.len());
                for pair in takes.windows(2) {
                    prop_assert!(pair[0].end_ms + settings.whole_ms <= pair[1].start_ms);
                }
            }
        }

        #[test]
        fn a_seed_gives_one_schedule(seed: u64) {
            prop_assert_eq!(usual(seed), usual(seed));
        }
    }

    #[test]
    fn ten_minutes_hit_owners_and_masters_often() {
        let count = |wanted: &[&str]| -> usize {
            let planned = (0..10).flat_map(usual);
            planned.filter(|p| wanted.contains(&p.fault.name)).count()
        };
        assert!(
            count(&[
                "crash-owner",
                "kill-owner",
                "kill-owner-and-master",
                "pause-backup-kill-owner"
            ]) >= 10
        );
        assert!(count(&["kill-master", "kill-owner-and-master"]) >= 5);
        assert!(count(&["pause-owner"]) >= 10);
    }

    #[test]
    fn no_faults_give_an_empty_schedule_and_a_single_one_fills_it() {
        let settings = Settings::usual(1, 100, 60_000);
        assert!(plan(&settings, &[]).is_empty());
        let one = select(["kill-one"], &Able::to_everything()).unwrap();
        let planned = plan(&settings, &one);
        assert!(planned.len() >= 8 && planned.iter().all(|p| p.fault.name == "kill-one"));
    }
}
