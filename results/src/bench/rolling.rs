//! What clients notice while the nodes of a cluster are restarted in order, one after the other.

use serde::{Deserialize, Serialize};

use crate::run::Host;

/// `rolling-restart.json`: rolling restarts of several clusters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollingSet {
    /// The command that measured it.
    pub command: String,
    /// The machine.
    pub host: Host,
    /// What was measured, cluster after cluster.
    pub clusters: Vec<RollingCluster>,
}

/// One cluster under constant load: rounds of a control, in which nothing is done, and a rolling restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollingCluster {
    /// The cluster, in words.
    pub text: String,
    /// How many nodes it has.
    pub nodes: usize,
    /// Its heartbeat, milliseconds.
    pub heartbeat_ms: u64,
    /// Puts begun per second.
    pub rate: f64,
    /// Round after round.
    pub rounds: Vec<RollingRound>,
}

/// A control, and then a restart of all nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollingRound {
    /// The longest that a put waited in the control, milliseconds.
    pub control_longest_ms: f64,
    /// The longest that a put waited during the restarts, milliseconds.
    pub restart_longest_ms: f64,
    /// Puts that failed during both.
    pub failed: u64,
    /// Puts that were answered during both.
    pub answered: u64,
    /// By node: from the signal to its end, milliseconds.
    pub stop_ms: Vec<u64>,
    /// By node: from its start until all of the cluster is in sync again, milliseconds.
    pub whole_ms: Vec<u64>,
}

impl RollingCluster {
    /// Median over the rounds of the longest wait during the restarts beyond that of the control,
    /// milliseconds; of none 0.
    #[must_use]
    pub fn median_beyond_control_ms(&self) -> f64 {
        let rounds = self.rounds.iter();
        let mut beyond: Vec<f64> = rounds
            .map(|round| round.restart_longest_ms - round.control_longest_ms)
            .collect();
        beyond.sort_unstable_by(f64::total_cmp);
        beyond.get(beyond.len() / 2).copied().unwrap_or_default()
    }

    /// Puts that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.rounds.iter().map(|round| round.failed).sum()
    }
}
