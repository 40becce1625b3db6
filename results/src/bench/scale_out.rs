//! What clients notice while nodes join a cluster that serves, and what those nodes get.

use serde::{Deserialize, Serialize};

use super::absence::{Phase, Row};
use crate::run::Host;

/// `scale-out.json`: nodes that joined a cluster under constant load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScaleOut {
    /// The command that measured it.
    pub command: String,
    /// The machine.
    pub host: Host,
    /// The cluster, in words.
    pub text: String,
    /// Its heartbeat, milliseconds.
    pub heartbeat_ms: u64,
    /// Puts begun per second.
    pub rate: f64,
    /// Bytes of rows that were there before.
    pub data_bytes: u64,
    /// Length of a row, milliseconds.
    pub interval_ms: u64,
    /// What completed all the time, in rows of equal length.
    pub rows: Vec<Row>,
    /// The same load while nothing was done.
    pub control: Phase,
    /// What happened to the control's slowest second: puts answered in it.
    pub control_least_per_second: u64,
    /// The nodes that joined, one after the other.
    pub joins: Vec<Join>,
}

/// A node that joined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join {
    /// How many members there were then.
    pub nodes: usize,
    /// When it was started, milliseconds since the load began.
    pub started_ms: u64,
    /// When all nodes had like shares.
    pub level_ms: u64,
    /// What completed from its start until then.
    pub meanwhile: Phase,
    /// Puts answered in the slowest second of that.
    pub least_per_second: u64,
    /// The fewest and the most partitions that a node owned then.
    pub owned: Share,
    /// The same of partitions that a node held, the owned ones among them.
    pub held: Share,
}

/// The node with fewest, and the one with most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Fewest.
    pub least: usize,
    /// Most.
    pub most: usize,
}

impl Share {
    /// How far they are apart.
    #[must_use]
    pub fn spread(self) -> usize {
        self.most - self.least
    }
}

impl Join {
    /// From the node's start until all had like shares, seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.level_ms.saturating_sub(self.started_ms) as f64 / 1e3
    }
}

impl ScaleOut {
    /// Puts that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.rows.iter().map(|row| row.errors).sum()
    }

    /// The longest that a put waited while a node joined, beyond the longest of the control, milliseconds.
    #[must_use]
    pub fn beyond_control_ms(&self, join: &Join) -> f64 {
        join.meanwhile.latency.max_ms - self.control.latency.max_ms
    }
}
