//! What it takes to bring a node in sync again by data images, and what clients notice of it.

use serde::{Deserialize, Serialize};

use super::absence::{Absence, Phase};
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
    /// Times and load.
    #[serde(flatten)]
    pub absence: Absence,
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
    /// Millions of bytes of images per second, from the node's start until all was in sync.
    pub fn megabytes_per_second(&self) -> f64 {
        self.image_bytes as f64 / 1e6 / self.absence.catch_up_seconds().max(0.001)
    }
}
