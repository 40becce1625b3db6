//! What it takes to bring a node in sync again by data images, and what clients notice of it.

use serde::{Deserialize, Serialize};

use super::outage::{OutageRow, Phase};
use crate::run::Host;

/// `catch-up.json`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CatchUpSet {
    /// The command that measured it.
    pub command: String,
    /// The machine.
    pub host: Host,
    /// What was measured.
    pub catch_up: CatchUp,
}

/// A node that was killed, lacked more than the log held when it was started again, and was sent
/// data images, under constant load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CatchUp {
    /// The cluster, in words.
    pub text: String,
    /// Puts begun per second.
    pub rate: f64,
    /// Length of a row, milliseconds.
    pub interval_ms: u64,
    /// What completed, in rows of equal length.
    pub rows: Vec<OutageRow>,
    /// When it was killed, milliseconds since the first row began.
    pub killed_ms: u64,
    /// When it was started again.
    pub started_ms: u64,
    /// When every partition had all its replicas in sync again.
    pub whole_ms: u64,
    /// Data images that were sent to it, one for each partition at least.
    pub images: u64,
    /// The bytes of those images, as nodes logged them.
    pub image_bytes: u64,
    /// What clients noticed.
    pub phases: Phases,
}

/// What clients noticed, by what went on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Before the kill.
    pub before: Phase,
    /// While the node was dead.
    pub away: Phase,
    /// From its start until all was in sync.
    pub catching_up: Phase,
    /// After that.
    pub after: Phase,
}

impl CatchUp {
    /// From the node's start until all was in sync, seconds.
    pub fn seconds(&self) -> f64 {
        self.whole_ms.saturating_sub(self.started_ms) as f64 / 1e3
    }

    /// Millions of bytes of images per second, from the node's start until all was in sync.
    pub fn megabytes_per_second(&self) -> f64 {
        self.image_bytes as f64 / 1e6 / self.seconds().max(0.001)
    }
}
