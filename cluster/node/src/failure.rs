//! What ends the process.

use std::fmt::Display;

/// Wrong arguments or settings.
pub const EXIT_WRONG_SETTINGS: i32 = 254;
/// The node failed.
pub const EXIT_FAILURE: i32 = 255;

/// Says why, and ends the process without doing anything more: after a failed write to disk nobody
/// may be told anything that relies on it.
pub(crate) fn stop_at_once(reason: &dyn Display) -> ! {
    tracing::error!("the node stops: {reason}");
    eprintln!("kensho-node: {reason}");
    std::process::exit(EXIT_FAILURE);
}
