//! Time as a number. It is handed in with every event and never read from a clock.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds on one node's own clock, which runs on while the machine sleeps or the process is
/// stopped (`CLOCK_BOOTTIME`). Times of different nodes cannot be compared; lengths of time can, up
/// to the drift that [`Settings`](crate::settings::Settings) allows for.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
    /// Never.
    pub const MAX: Time = Time(u64::MAX);

    /// The length of time since `earlier`; zero if that is later.
    #[must_use]
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The next multiple of `step` that is later than this: timers that share a grid fire together,
    /// so that what they send shares one batch.
    #[must_use]
    pub fn next_multiple(self, step: Duration) -> Time {
        let step = nanos(step).max(1);
        Time((self.0 / step + 1).saturating_mul(step))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(nanos(duration)))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, duration: Duration) -> Time {
        Time(self.0.saturating_sub(nanos(duration)))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Time::MAX {
            f.write_str("never")
        } else {
            write!(f, "{}.{:06}ms", self.0 / 1_000_000, self.0 % 1_000_000)
        }
    }
}
