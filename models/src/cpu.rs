//! How much processor time this program has used: what a figure should be divided by on a machine
//! that others use too.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// Seconds of processor time of all threads until now; `None` where the system does not say.
#[must_use]
pub fn seconds() -> Option<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Some(seconds(usage.user_time()) + seconds(usage.system_time()))
}
