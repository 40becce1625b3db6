//! Limits of time, memory and work, asked inside the inner loops.
//!
//! Verdicts are bounded by the clock and by memory; what explains them is bounded by *work*, that
//! is by counted steps, so that the same history is told in the same words on any machine.

mod memory;

pub(crate) use memory::resident;

use std::time::{Duration, Instant};

/// What is said of a sub-history for which the work did not suffice.
pub(crate) const CUT_SHORT: &str =
    " (It takes too long to look for a smaller proof: some of these operations may not be needed.)";

/// How much a check may use.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Time in all, from the start of the check.
    pub time: Duration,
    /// Bytes that the whole process may have in memory, the history included. A check that comes
    /// there ends with the verdict *unknown*.
    pub bytes: usize,
}

impl Default for Budget {
    /// One minute, and 4 GiB.
    fn default() -> Self {
        Budget {
            time: Duration::from_secs(60),
            bytes: 4 << 30,
        }
    }
}

impl Budget {
    /// The instant at which the time runs out, counted from now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline {
            at: Instant::now().checked_add(self.time),
        }
    }

    /// What a verdict may use: time until the deadline, and memory.
    pub(crate) fn for_verdict(&self, deadline: Deadline) -> Effort {
        Effort {
            deadline,
            steps_left: u64::MAX,
            bytes: self.bytes,
        }
    }

    /// What an explanation may use: so many steps, and memory.
    pub(crate) fn for_explanation(&self, steps: u64) -> Effort {
        Effort {
            deadline: Deadline { at: None },
            steps_left: steps,
            bytes: self.bytes,
        }
    }
}

/// A limit of time that is running.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Option<Instant>,
}

impl Deadline {
    /// Whether the time is over. Asks the clock, so ask once in some hundreds of steps.
    pub(crate) fn passed(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }
}

/// What is left to somebody who searches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    deadline: Deadline,
    steps_left: u64,
    bytes: usize,
}

impl Effort {
    /// Counts so many steps.
    pub(crate) fn spend(&mut self, steps: u64) {
        self.steps_left = self.steps_left.saturating_sub(steps);
    }

    /// How many steps are left.
    pub(crate) fn steps_left(&self) -> u64 {
        self.steps_left
    }

    /// Whether no step is left.
    pub(crate) fn is_spent(&self) -> bool {
        self.steps_left == 0
    }

    /// What has run out, if anything, other than memory. Asks the clock.
    pub(crate) fn run_out(&self) -> Option<&'static str> {
        if self.is_spent() {
            Some("work")
        } else if self.deadline.passed() {
            Some("time")
        } else {
            None
        }
    }

    /// Whether the process has come to its limit of memory, for one that itself uses so many bytes
    /// and will need so many more in one go. Who uses hardly anything may go on: memory that
    /// others gave back is not always back at once.
    pub(crate) fn is_full(&self, mine: usize, more: usize) -> bool {
        const SMALL: usize = 64;
        if mine <= self.bytes / SMALL && more <= self.bytes / SMALL {
            return false;
        }
        let all = resident().unwrap_or(mine);
        all > self.bytes || all + more > self.bytes + self.bytes / 5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_and_not_timed() {
        let mut effort = Budget::default().for_explanation(100);
        effort.spend(99);
        assert_eq!(effort.run_out(), None);
        effort.spend(99);
        assert_eq!(effort.run_out(), Some("work"));
    }

    #[test]
    fn the_memory_of_the_whole_process_counts() {
        let small = Budget {
            bytes: 1 << 20,
            ..Budget::default()
        };
        let effort = small.for_explanation(1);
        // Any process has more than that.
        assert!(effort.is_full(1 << 20, 0));
        assert!(!effort.is_full(1, 0));
        let large = Budget {
            bytes: 1 << 45,
            ..Budget::default()
        };
        let effort = large.for_explanation(1);
        assert!(!effort.is_full(1 << 42, 0));
        assert!(effort.is_full(0, 1 << 46));
    }
}
