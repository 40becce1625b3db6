//! What clients notice while a node is away: throughput and latency over time through a kill, a
//! restart and the node's catching up; and what is lost by failovers.

use serde::{Deserialize, Serialize};

use crate::run::Host;

/// `outage.json`: several outages, each under its own load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutageSet {
    /// The command that measured it.
    pub command: String,
    /// The machine.
    pub host: Host,
    /// What was measured.
    pub outages: Vec<Outage>,
}

/// One node killed, started again, and in sync again, under constant load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// Who was killed: `owner`, `master` or `backup`.
    pub victim: String,
    /// The cluster, in words.
    pub text: String,
    /// Operations begun per second.
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
    /// Bytes of rows that it had to be sent: those that it held, if it came back empty; those that
    /// were put while it was away, otherwise.
    pub caught_up_bytes: u64,
}

/// What completed in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutageRow {
    /// Operations answered.
    pub answered: u64,
    /// Operations that ended in an error.
    pub errors: u64,
    /// Median latency from the intended beginning, milliseconds; 0 if nothing was answered.
    pub p50_ms: f64,
    /// 99th percentile of it.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// What completed in a longer time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Operations answered per second.
    pub per_second: f64,
    /// Operations that ended in an error.
    pub errors: u64,
    /// Median latency from the intended beginning, milliseconds; 0 if nothing was answered.
    pub p50_ms: f64,
    /// 99th percentile of it.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Outage {
    /// The longest that a put had to wait from the kill until the cluster was whole, milliseconds.
    pub fn longest_wait_ms(&self) -> f64 {
        let at = |ms: u64| usize::try_from(ms / self.interval_ms).unwrap_or(0);
        let rows = self
            .rows
            .iter()
            .take(at(self.whole_ms) + 1)
            .skip(at(self.killed_ms));
        rows.map(|row| row.max_ms).fold(0.0, f64::max)
    }
}

/// `loss.json`: kills of owners under load, and the acknowledged writes that were gone after each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossSet {
    /// The command that measured it.
    pub command: String,
    /// The machine.
    pub host: Host,
    /// One for each mode.
    pub series: Vec<LossSeries>,
}

/// Kills in one mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossSeries {
    /// `async` or `semi-sync`.
    pub mode: String,
    /// Each kill.
    pub kills: Vec<LossAtKill>,
}

/// What one kill of an owner cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossAtKill {
    /// How long each message between nodes was under way, milliseconds: backups are at least so far
    /// behind.
    pub link_delay_ms: f64,
    /// Writes acknowledged per second in the last second before it.
    pub acknowledged_per_second: f64,
    /// Writes whose presence was asked for after it: those that the victim had acknowledged last.
    pub asked: u64,
    /// Those that were gone.
    pub lost: u64,
    /// How long before the kill the oldest of those was acknowledged, milliseconds; 0 if nothing
    /// was lost.
    pub lag_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_counts_from_the_kill_until_the_cluster_is_whole() {
        let row = |max_ms| OutageRow {
            answered: 9,
            max_ms,
            ..OutageRow::default()
        };
        let outage = Outage {
            victim: "owner".to_string(),
            text: String::new(),
            rate: 90.0,
            interval_ms: 100,
            rows: [900.0, 2.0, 300.0, 450.0, 3.0, 800.0].map(row).to_vec(),
            killed_ms: 150,
            started_ms: 300,
            whole_ms: 499,
            caught_up_bytes: 0,
        };
        assert_eq!(outage.longest_wait_ms(), 450.0);
    }
}
