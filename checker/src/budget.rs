//! Limits of time and memory, asked inside the inner loops.

use std::time::{Duration, Instant};

/// How long one key's sub-history may be made smaller; then it is shown as it is.
pub(crate) const EXPLANATION_TIME: Duration = Duration::from_secs(2);

/// What is said of a sub-history for which that time was too short.
pub(crate) const CUT_SHORT: &str =
    " (There was no time to look for a smaller proof: some of these operations may not be needed.)";

/// How much a check may use.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Time in all, from the start of the check.
    pub time: Duration,
    /// Bytes that the tables of one search may take.
    pub bytes: usize,
}

impl Default for Budget {
    /// One minute, and 1 GiB for each search.
    fn default() -> Self {
        Budget {
            time: Duration::from_secs(60),
            bytes: 1 << 30,
        }
    }
}

impl Budget {
    /// The share of the time that explanations may take in all, once the verdicts are there.
    pub(crate) fn time_for_explanations(&self) -> Duration {
        self.time / 4
    }

    /// The instant at which the time runs out, counted from now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline {
            at: Instant::now().checked_add(self.time),
        }
    }
}

/// A budget that is running.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Option<Instant>,
}

impl Deadline {
    /// The same, but no later than so long from now.
    pub(crate) fn at_most(&self, time: Duration) -> Deadline {
        let sooner = Instant::now().checked_add(time);
        Deadline {
            at: self.at.into_iter().chain(sooner).min(),
        }
    }

    /// Whether the time is over. Asks the clock, so ask once in some hundreds of steps.
    pub(crate) fn passed(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }
}
