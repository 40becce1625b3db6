//! The one clock of a run.

use std::time::{Duration, Instant, SystemTime};

/// Counts from the start of the main phase.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    began: SystemTime,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Clock {
        Clock {
            start: Instant::now(),
            began: SystemTime::now(),
        }
    }

    /// Nanoseconds since the start.
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Milliseconds since the start.
    pub fn now_ms(&self) -> u64 {
        self.now_ns() / 1_000_000
    }

    /// The time of day at the start.
    pub fn began(&self) -> SystemTime {
        self.began
    }

    /// The instant so many nanoseconds after the start.
    pub fn instant(&self, nanoseconds: u64) -> Instant {
        self.start + Duration::from_nanos(nanoseconds)
    }
}
