//! What becomes of a message on its way: how long it takes, whether it is lost, doubled or held up.
//!
//! The fate of a link's k-th message depends on the seed, the link and k alone. So whatever nodes
//! make of their time, under one seed the same message of a link has the same fate.

use clap::ValueEnum;
use fastrand::Rng;

use super::Address;

/// How latencies are spread around their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Distribution {
    /// Always the mean.
    Constant,
    /// Anything between nothing and twice the mean.
    Uniform,
    /// Mostly less than the mean, and at times several times as much.
    Exponential,
}

/// What the network does to messages that no client is part of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// The mean latency, milliseconds.
    pub latency_ms: u64,
    /// How latencies are spread.
    pub distribution: Distribution,
    /// The share of messages that are lost.
    pub loss: f64,
    /// The share of messages that arrive twice.
    pub duplicate: f64,
    /// The share of messages that are held up, so that later ones overtake them.
    pub reorder: f64,
}

impl Conditions {
    /// No latency, nothing lost.
    pub const PERFECT: Conditions = Conditions {
        latency_ms: 0,
        distribution: Distribution::Constant,
        loss: 0.0,
        duplicate: 0.0,
        reorder: 0.0,
    };

    /// What is held up is so for at most so many times the mean latency, …
    const HELD_UP_MEANS: u64 = 10;
    /// … or for so many milliseconds, if that is longer.
    const HELD_UP_MS: u64 = 50;

    /// The latency of each copy that arrives of the link's `count`-th message, nanoseconds.
    pub fn fate(&self, seed: u64, link: (Address, Address), count: u64) -> Vec<u64> {
        if *self == Self::PERFECT {
            return vec![0];
        }
        let mut draw = Rng::with_seed(mix(seed, link, count));
        let lost = draw.f64() < self.loss;
        let copies = 1 + usize::from(draw.f64() < self.duplicate);
        if lost {
            return Vec::new();
        }
        (0..copies).map(|_| self.latency_ns(&mut draw)).collect()
    }

    fn latency_ns(&self, draw: &mut Rng) -> u64 {
        let mean = self.latency_ms as f64 * 1e6;
        let latency = match self.distribution {
            Distribution::Constant => mean,
            Distribution::Uniform => draw.f64() * 2.0 * mean,
            Distribution::Exponential => -mean * (1.0 - draw.f64()).ln(),
        };
        let held_up = if draw.f64() < self.reorder {
            let longest_ms = (Self::HELD_UP_MEANS * self.latency_ms).max(Self::HELD_UP_MS);
            draw.f64() * longest_ms as f64 * 1e6
        } else {
            0.0
        };
        (latency + held_up) as u64
    }
}

/// One number of several, as different as those are.
fn mix(seed: u64, link: (Address, Address), count: u64) -> u64 {
    let end = |address| match address {
        Address::Node(node) => node as u64,
        Address::Service(service) => (1 << 32) | service as u64,
        Address::Client(client) => (2 << 32) | client,
    };
    [end(link.0), end(link.1), count]
        .into_iter()
        .fold(seed, |mixed, part| Rng::with_seed(mixed ^ part).u64(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: (Address, Address) = (Address::Node(0), Address::Node(1));

    fn fates(conditions: Conditions, seed: u64) -> Vec<Vec<u64>> {
        (0..20_000)
            .map(|count| conditions.fate(seed, LINK, count))
            .collect()
    }

    fn mean_ms(fates: &[Vec<u64>]) -> f64 {
        let all: Vec<u64> = fates.iter().flatten().copied().collect();
        all.iter().map(|ns| *ns as f64).sum::<f64>() / all.len() as f64 / 1e6
    }

    #[test]
    fn latencies_have_the_mean_that_was_asked_for() {
        for distribution in [
            Distribution::Constant,
            Distribution::Uniform,
            Distribution::Exponential,
        ] {
            let conditions = Conditions {
                latency_ms: 10,
                distribution,
                ..Conditions::PERFECT
            };
            let fates = fates(conditions, 1);
            assert!((mean_ms(&fates) - 10.0).abs() < 0.3, "{distribution:?}");
            let longest = *fates.iter().flatten().max().unwrap();
            match distribution {
                Distribution::Constant => assert_eq!(longest, 10_000_000),
                Distribution::Uniform => assert!((19_000_000..=20_000_000).contains(&longest)),
                Distribution::Exponential => assert!(longest > 50_000_000),
            }
        }
    }

    #[test]
    fn shares_are_kept() {
        let conditions = Conditions {
            loss: 0.25,
            duplicate: 0.5,
            reorder: 0.1,
            ..Conditions::PERFECT
        };
        let fates = fates(conditions, 1);
        let share = |count: usize| count as f64 / fates.len() as f64;
        let lost = fates.iter().filter(|copies| copies.is_empty()).count();
        let twice = fates.iter().filter(|copies| copies.len() == 2).count();
        let late = fates.iter().flatten().filter(|ns| **ns > 0).count();
        assert!((share(lost) - 0.25).abs() < 0.02);
        assert!((share(twice) - 0.375).abs() < 0.02);
        assert!((share(late) - 0.1125).abs() < 0.02);
    }

    #[test]
    fn a_seed_gives_each_message_its_fate() {
        let conditions = Conditions {
            latency_ms: 10,
            distribution: Distribution::Exponential,
            loss: 0.1,
            ..Conditions::PERFECT
        };
        assert_eq!(fates(conditions, 7), fates(conditions, 7));
        assert_ne!(fates(conditions, 7), fates(conditions, 8));
        let back = (LINK.1, LINK.0);
        let there: Vec<_> = (0..50).map(|n| conditions.fate(7, LINK, n)).collect();
        let returned: Vec<_> = (0..50).map(|n| conditions.fate(7, back, n)).collect();
        assert_ne!(there, returned);
    }
}
