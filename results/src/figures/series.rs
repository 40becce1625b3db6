//! Throughput and latency over time.

use hdrhistogram::Histogram;
use kensho_checker::history::Kind;
use serde::{Deserialize, Serialize};

use super::latency::{histogram, record};
use super::{Input, milliseconds};

/// Rows of equal length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Length of a row, milliseconds.
    pub interval_ms: u64,
    /// The rows, from the beginning of the run.
    pub rows: Vec<SeriesRow>,
}

/// What completed in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesRow {
    /// Operations that the database answered.
    pub served: u64,
    /// Operations that had no effect, other than by an answer of substance.
    pub failed: u64,
    /// Operations of unknown outcome.
    pub unknown: u64,
    /// Median latency of the answered ones, milliseconds; 0 if there are none.
    pub p50_ms: f64,
    /// 99th percentile of it.
    pub p99_ms: f64,
}

/// Rows that a run is divided into, at most; a picture has no room for more, and a fault is still
/// seen when it is looked at closely.
const ROWS: u64 = 600;

impl Series {
    pub(super) fn of(input: Input<'_>) -> Series {
        // A round number, so that rows can be read.
        let wanted_ms = input.length_ns / 1_000_000 / ROWS;
        let lengths = [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000];
        let interval_ms = lengths
            .into_iter()
            .find(|&ms| ms >= wanted_ms)
            .unwrap_or(wanted_ms.next_multiple_of(60_000));
        let interval_ns = interval_ms * 1_000_000;
        // A run ends a little after a full interval, and that little is no row of its own.
        let full = (input.length_ns + interval_ns / 2) / interval_ns;
        let count = usize::try_from(full).unwrap_or(0).max(1);
        let mut rows = vec![SeriesRow::default(); count];
        let mut histograms: Vec<Option<Histogram<u64>>> = vec![None; count];
        for sample in input.samples {
            let at = usize::try_from(sample.complete_ns / interval_ns).unwrap_or(usize::MAX);
            // What completes after the end belongs to the last row.
            let at = at.min(count - 1);
            match (sample.served, sample.kind) {
                (true, _) => {
                    rows[at].served += 1;
                    record(histograms[at].get_or_insert_with(histogram), sample);
                }
                (false, Kind::Fail) => rows[at].failed += 1,
                (false, _) => rows[at].unknown += 1,
            }
        }
        for (row, histogram) in rows.iter_mut().zip(&histograms) {
            if let Some(histogram) = histogram {
                row.p50_ms = milliseconds(histogram.value_at_quantile(0.5));
                row.p99_ms = milliseconds(histogram.value_at_quantile(0.99));
            }
        }
        Series { interval_ms, rows }
    }
}
