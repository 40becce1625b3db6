//! The only source of chance in a simulated world.
//!
//! A world owns several independent [streams](Stream) drawn from one seed, so that one more or one
//! fewer event of one kind doesn't shift the draws of another.

/// What a stream of random numbers is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The sizes, settings and fault classes of the run.
    Plan = 1,
    /// Delays, losses and duplicates of messages.
    Network = 2,
    /// How long disks take, and what a crash leaves.
    Disks = 3,
    /// What clients ask for, and when.
    Clients = 4,
    /// When and where faults strike.
    Nemesis = 5,
    /// What the master decides where the rules leave a choice.
    Master = 6,
    /// How late timers fire and how events fall into batches.
    Processors = 7,
    /// The load and the faults of a run whose workload was given.
    Workload = 8,
    /// Which nodes are members at first, and how often that changes.
    Members = 9,
    /// What may be kept in memory.
    Limits = 10,
    /// How often disks are full.
    Room = 11,
    /// Whether folders are copied and put back, and how often.
    Folders = 12,
    /// How much nodes take on.
    Busy = 13,
    /// How often nodes stop in order, and owners hand over.
    Goodbyes = 14,
    /// Whether connections are refused, and how often for no reason.
    Evidence = 15,
    /// Whether backups are asked, and how often.
    Backups = 16,
}

/// A generator of pseudo-random numbers (`SplitMix64`; Steele, Lea, Flood: "Fast splittable
/// pseudorandom number generators", OOPSLA 2014): eight bytes of state, and every seed is a good one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream for `purpose` of the run `seed`.
    #[must_use]
    pub fn new(seed: u64, purpose: Stream) -> Self {
        let mut mixed = Random { state: seed };
        let base = mixed.draw();
        Random {
            state: base ^ (purpose as u64).wrapping_mul(0xd605_bbb5_8c8a_bc2d),
        }
    }

    /// The stream for the thing number `number` of `purpose` in the run `seed`.
    #[must_use]
    pub fn nth(seed: u64, purpose: Stream, number: u64) -> Self {
        let base = Random::new(seed, purpose).draw();
        Random::new(base ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15), purpose)
    }

    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Multiply and shift; the bias is at most bound / 2^64.
        u64::try_from((u128::from(self.draw()) * u128::from(bound)) >> 64).unwrap_or(0)
    }

    /// An index into something of `length` elements.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True `per_million` times in a million.
    pub fn chance(&mut self, per_million: u32) -> bool {
        per_million > 0 && self.below(1_000_000) < u64::from(per_million)
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |purpose| Random::new(7, purpose).draw();
        assert_eq!(draw(Stream::Network), draw(Stream::Network));
        assert_ne!(draw(Stream::Network), draw(Stream::Disks));
        assert_ne!(
            Random::new(8, Stream::Network).draw(),
            draw(Stream::Network)
        );
    }

    #[test]
    fn numbers_stay_within_their_bounds_and_reach_them() {
        let mut random = Random::new(1, Stream::Plan);
        let drawn: Vec<u64> = (0..1_000).map(|_| random.between(3, 6)).collect();
        for number in 3..=6 {
            assert!(drawn.contains(&number));
        }
        assert!(drawn.iter().all(|number| (3..=6).contains(number)));
        assert!(!random.chance(0));
        assert!(random.chance(1_000_000));
    }
}
