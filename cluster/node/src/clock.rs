//! The node's clock.

use std::time::Duration;

use kensho_protocol::time::Time;
use nix::time::{ClockId, clock_gettime};

/// The time that leases are measured with: it runs on while the machine sleeps or the process is
/// stopped (rule R10).
///
/// # Panics
/// When the operating system has no such clock; Linux has had it since 2.6.39.
#[must_use]
pub fn now() -> Time {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has CLOCK_BOOTTIME");
    Time(0) + Duration::from(time)
}

/// When tokio's clock will show what this one calls `time`. A stopped process looks again when it
/// continues.
#[must_use]
pub(crate) fn instant_of(time: Time) -> tokio::time::Instant {
    tokio::time::Instant::now() + time.since(now())
}
