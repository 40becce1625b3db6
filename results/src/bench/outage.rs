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

impl Outage {
    /// Operations per second of each row.
    pub fn per_second(&self, row: &OutageRow) -> f64 {
        row.answered as f64 * 1e3 / self.interval_ms as f64
    }

    /// How long nothing, or nearly nothing, was answered around the kill, milliseconds: rows in
    /// which less than a tenth of the load was answered.
    pub fn stalled_ms(&self) -> u64 {
        let from = usize::try_from(self.killed_ms / self.interval_ms).unwrap_or(0);
        let slow = |row: &&OutageRow| self.per_second(row) < 0.1 * self.rate;
        let rows = self.rows.iter().skip(from);
        rows.filter(slow).count() as u64 * self.interval_ms
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
    /// Writes acknowledged per second in the last second before it.
    pub acknowledged_per_second: f64,
    /// Writes whose presence was asked for after it: those that the victim had acknowledged last.
    pub asked: u64,
    /// Those that were gone.
    pub lost: u64,
    /// How long before the kill the oldest of those was acknowledged, milliseconds: so far behind
    /// was a backup. 0 if nothing was lost.
    pub lag_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_less_than_a_tenth_of_the_load_are_stalled() {
        let row = |answered| OutageRow {
            answered,
            ..OutageRow::default()
        };
        let outage = Outage {
            victim: "owner".to_string(),
            text: String::new(),
            rate: 1_000.0,
            interval_ms: 100,
            rows: [0, 100, 0, 9, 10, 250, 100].map(row).to_vec(),
            killed_ms: 150,
            started_ms: 400,
            whole_ms: 500,
            caught_up_bytes: 0,
        };
        assert_eq!(outage.stalled_ms(), 200);
    }
}
