//! What a fault did to those who asked meanwhile.

use super::availability::Outage;
use super::series::{Series, SeriesRow};

/// Throughput before a fault is taken from at most this long before it, and after it likewise,
/// milliseconds.
const AROUND_MS: u64 = 5_000;

/// The time of a fault and the quiet times around it, milliseconds since the run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultTime {
    /// When the fault before it was undone; 0 if there was none.
    pub quiet_from_ms: u64,
    /// When it began.
    pub start_ms: u64,
    /// When everything was undone.
    pub end_ms: u64,
    /// When the next fault began, or the main phase ended.
    pub quiet_until_ms: u64,
}

/// What a fault did.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Answers per second in the quiet time before it; none if there was no such time.
    pub before: Option<f64>,
    /// Answers per second while it lasted.
    pub during: Option<f64>,
    /// Answers per second in the quiet time after it.
    pub after: Option<f64>,
    /// The highest 99th percentile of an interval before it, milliseconds.
    pub p99_ms_before: Option<f64>,
    /// The highest 99th percentile of an interval from its beginning to the next fault's.
    pub p99_ms_worst: Option<f64>,
    /// Operations that failed or were never answered from its beginning to the next fault's.
    pub errors: u64,
    /// How many partitions had an outage that a person would notice, in the same time.
    pub partitions_out: usize,
    /// The longest of those outages, and its partition.
    pub longest: Option<(usize, Outage)>,
}

impl Effect {
    /// What a fault did, as far as the rows of a series tell. `noticeable` are the outages of each
    /// partition.
    pub fn of(series: &Series, noticeable: &[Vec<Outage>], fault: FaultTime) -> Effect {
        let FaultTime {
            quiet_from_ms,
            start_ms,
            end_ms,
            quiet_until_ms,
        } = fault;
        let before_from = quiet_from_ms.max(start_ms.saturating_sub(AROUND_MS));
        let before = rows(series, before_from, start_ms);
        let after = rows(series, end_ms, quiet_until_ms.min(end_ms + AROUND_MS));
        let since = rows(series, start_ms, quiet_until_ms.max(end_ms));
        let mut outages: Vec<(usize, Outage)> = Vec::new();
        for (partition, all) in noticeable.iter().enumerate() {
            let begun = all.iter().filter(|outage| {
                let from = outage.from_ms + outage.ms;
                from > start_ms as f64 && outage.from_ms < quiet_until_ms as f64
            });
            let longest = begun.max_by(|one, other| one.ms.total_cmp(&other.ms));
            outages.extend(longest.map(|outage| (partition, *outage)));
        }
        Effect {
            before: rate(series, before),
            during: rate(series, rows(series, start_ms, end_ms)),
            after: rate(series, after),
            p99_ms_before: worst(before),
            p99_ms_worst: worst(since),
            errors: since.iter().map(|row| row.failed + row.unknown).sum(),
            partitions_out: outages.len(),
            longest: outages
                .into_iter()
                .max_by(|one, other| one.1.ms.total_cmp(&other.1.ms)),
        }
    }
}

/// The rows that lie wholly in a time; those around the edges belong to both sides.
fn rows(series: &Series, from_ms: u64, to_ms: u64) -> &[SeriesRow] {
    let place = |ms: u64| {
        usize::try_from(ms)
            .unwrap_or(usize::MAX)
            .min(series.rows.len())
    };
    let interval = series.interval_ms.max(1);
    let (from, to) = (place(from_ms.div_ceil(interval)), place(to_ms / interval));
    series.rows.get(from..to).unwrap_or_default()
}

fn rate(series: &Series, rows: &[SeriesRow]) -> Option<f64> {
    let seconds = rows.len() as f64 * series.interval_ms as f64 / 1e3;
    let served: u64 = rows.iter().map(|row| row.served).sum();
    (seconds > 0.0).then(|| served as f64 / seconds)
}

fn worst(rows: &[SeriesRow]) -> Option<f64> {
    let served = rows.iter().filter(|row| row.served > 0);
    served.map(|row| row.p99_ms).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_seen_against_the_quiet_times_around_it() {
        let row = |served, unknown, p99_ms| SeriesRow {
            served,
            unknown,
            p99_ms,
            ..SeriesRow::default()
        };
        let series = Series {
            interval_ms: 500,
            rows: vec![
                row(100, 0, 5.0),
                row(100, 0, 7.0),
                row(0, 3, 0.0),
                row(20, 1, 900.0),
                row(80, 0, 30.0),
                row(100, 9, 2_000.0),
            ],
        };
        let outage = Outage {
            from_ms: 1_050.0,
            ms: 600.0,
            open: false,
        };
        let early = Outage {
            from_ms: 10.0,
            ms: 300.0,
            open: false,
        };
        let fault = FaultTime {
            quiet_from_ms: 0,
            start_ms: 1_000,
            end_ms: 2_000,
            quiet_until_ms: 2_500,
        };
        let effect = Effect::of(&series, &[vec![early], vec![outage]], fault);
        let expected = Effect {
            before: Some(200.0),
            during: Some(20.0),
            after: Some(160.0),
            p99_ms_before: Some(7.0),
            p99_ms_worst: Some(900.0),
            errors: 4,
            partitions_out: 1,
            longest: Some((1, outage)),
        };
        assert_eq!(effect, expected);
        let at_once = FaultTime {
            quiet_from_ms: 9_000,
            start_ms: 9_000,
            end_ms: 9_000,
            quiet_until_ms: 9_000,
        };
        assert_eq!(
            Effect::of(&series, &[], at_once).before,
            None,
            "beyond the end"
        );
    }
}
