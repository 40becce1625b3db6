//! How often a search asks for its limits: the work is counted always, the clock and the memory
//! are asked once in some rounds, the more often the faster memory grows.

use crate::budget::Effort;

/// The limits are asked at least once in so many rounds.
pub(crate) const ROUNDS_MAX: u32 = 1024;

/// Between two questions, memory should grow by no more than this.
const GROWTH_MAX: usize = 1 << 20;

/// To make so many bytes of states counts as a step.
const BYTES_A_STEP: usize = 256;

/// Counts the rounds of one search.
pub(crate) struct Pace<'a> {
    effort: &'a mut Effort,
    rounds: u32,
    /// After how many rounds the limits are asked the next time.
    next: u32,
    bytes: usize,
}

impl<'a> Pace<'a> {
    pub(crate) fn new(effort: &'a mut Effort) -> Self {
        Pace {
            effort,
            rounds: 0,
            next: ROUNDS_MAX / 16,
            bytes: 0,
        }
    }

    /// Counts one round, and says what has run out. `bytes` says how many bytes the search has,
    /// and how many it will need at once.
    #[inline]
    pub(crate) fn round(&mut self, bytes: impl FnOnce() -> (usize, usize)) -> Option<&'static str> {
        self.rounds += 1;
        if self.rounds < self.next {
            return None;
        }
        let (mine, more) = bytes();
        self.effort
            .spend(u64::from(std::mem::take(&mut self.rounds)));
        let grown = mine.saturating_sub(std::mem::replace(&mut self.bytes, mine));
        // Large states are work, too.
        let work = u64::from(std::mem::take(&mut self.rounds)) + (grown / BYTES_A_STEP) as u64;
        self.effort.spend(work);
        self.next = if grown > GROWTH_MAX {
            (self.next / 4).max(1)
        } else {
            (self.next * 2).min(ROUNDS_MAX)
        };
        if self.effort.is_full(mine, more) {
            return Some("memory");
        }
        self.effort.run_out()
    }
}

impl Drop for Pace<'_> {
    fn drop(&mut self) {
        self.effort.spend(u64::from(self.rounds));
    }
}
