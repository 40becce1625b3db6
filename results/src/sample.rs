//! One operation as it was measured.

use kensho_checker::history::Kind;

/// An operation of a client, with its times in nanoseconds since the run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The operation's name.
    pub f: &'static str,
    /// The partition it was on.
    pub partition: u32,
    /// When it was meant to begin. Latency counts from here, so that waiting for a free client
    /// counts too (no *coordinated omission*).
    pub intended_ns: u64,
    /// When it began.
    pub invoke_ns: u64,
    /// When it ended.
    pub complete_ns: u64,
    /// How it ended.
    pub kind: Kind,
    /// Whether the database gave an answer of substance, as it does when a compare-and-set finds
    /// another value than the expected one.
    pub served: bool,
}
