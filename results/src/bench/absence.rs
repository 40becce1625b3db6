//! Puts at a constant rate while a node is killed, away, started again and brought in sync again.

use serde::{Deserialize, Serialize};

/// When what of it was, and what completed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Absence {
    /// Puts begun per second.
    pub rate: f64,
    /// Length of a row, milliseconds.
    pub interval_ms: u64,
    /// What completed, in rows of equal length.
    pub rows: Vec<Row>,
    /// When the node was killed, milliseconds since the first row began.
    pub killed_ms: u64,
    /// When it was started again.
    pub started_ms: u64,
    /// When every partition had all its replicas in sync again.
    pub whole_ms: u64,
}

/// What completed in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Puts answered.
    pub answered: u64,
    /// Puts that ended in an error.
    pub errors: u64,
    /// How long those took that were answered.
    #[serde(flatten)]
    pub latency: Latency,
}

/// What completed in a longer time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Puts answered per second.
    pub per_second: f64,
    /// Puts that ended in an error.
    pub errors: u64,
    /// How long those took that were answered.
    #[serde(flatten)]
    pub latency: Latency,
}

/// Latencies from the intended beginning, milliseconds; 0 if nothing was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The median.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Absence {
    /// From the node's start until all was in sync, seconds.
    pub fn catch_up_seconds(&self) -> f64 {
        self.whole_ms.saturating_sub(self.started_ms) as f64 / 1e3
    }

    /// The longest that a put had to wait from the kill until all was in sync, milliseconds.
    pub fn longest_wait_ms(&self) -> f64 {
        let at = |ms: u64| usize::try_from(ms / self.interval_ms).unwrap_or(0);
        let rows = self
            .rows
            .iter()
            .take(at(self.whole_ms) + 1)
            .skip(at(self.killed_ms));
        rows.map(|row| row.latency.max_ms).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_counts_from_the_kill_until_all_is_in_sync() {
        let row = |max_ms| Row {
            answered: 9,
            errors: 0,
            latency: Latency {
                max_ms,
                ..Latency::default()
            },
        };
        let absence = Absence {
            rate: 90.0,
            interval_ms: 100,
            rows: [900.0, 2.0, 300.0, 450.0, 3.0, 800.0].map(row).to_vec(),
            killed_ms: 150,
            started_ms: 300,
            whole_ms: 499,
        };
        assert_eq!(absence.longest_wait_ms(), 450.0);
        assert!((absence.catch_up_seconds() - 0.199).abs() < 1e-9);
    }
}
