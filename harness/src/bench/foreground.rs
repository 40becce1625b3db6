//! Puts at a constant rate while something else is done to the cluster, and what became of each.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use kensho_results::bench::absence::{Latency, Phase, Row};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::pace::Pace;
use super::window::histogram;
use super::worker::Rows;

const CONNECTIONS: usize = 256;
/// The length of one row of figures.
pub(super) const INTERVAL_MS: u64 = 100;

/// What is put, and how often.
#[derive(Clone)]
pub(super) struct Foreground {
    pub(super) rows: Rows,
    /// Puts go over so many rows again and again.
    pub(super) records: u64,
    /// Puts begun per second.
    pub(super) rate: f64,
}

/// One put that ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// When, since the load began.
    pub(super) at: Duration,
    /// Which row it was of.
    pub(super) record: u64,
    /// From its intended beginning; none if it ended in an error.
    pub(super) latency: Option<Duration>,
}

struct Running {
    begin: Instant,
    pace: Pace,
    next: Cell<u64>,
    stopped: Cell<bool>,
    ended: RefCell<Vec<Ended>>,
}

impl Foreground {
    /// Puts from now until `script` ends; gives all puts by the time of their end.
    pub(super) async fn during<T>(
        &self,
        script: impl Future<Output = Result<T>>,
    ) -> Result<(T, Vec<Ended>)> {
        let begin = Instant::now();
        let running = Rc::new(Running {
            begin,
            pace: Pace::new(Some(self.rate), begin),
            next: Cell::new(0),
            stopped: Cell::new(false),
            ended: RefCell::default(),
        });
        let local = LocalSet::new();
        for _ in 0..CONNECTIONS {
            local.spawn_local(put_until_stopped(self.clone(), Rc::clone(&running)));
        }
        let given = local.run_until(script).await;
        running.stopped.set(true);
        local.await;
        Ok((given?, running.ended.take()))
    }
}

async fn put_until_stopped(foreground: Foreground, running: Rc<Running>) {
    while !running.stopped.get() {
        let intended = running.pace.next().await;
        if running.stopped.get() {
            return;
        }
        let origin = intended.min(Instant::now());
        let number = running.next.get();
        running.next.set(number + 1);
        let record = number % foreground.records;
        let outcome = foreground.rows.put(record).await;
        running.ended.borrow_mut().push(Ended {
            at: running.begin.elapsed(),
            record,
            latency: outcome.is_ok().then(|| origin.elapsed()),
        });
    }
}

/// The puts in rows of [`INTERVAL_MS`]; only rows that lie before `end_ms` as a whole.
pub(super) fn in_rows(puts: &[Ended], end_ms: u64) -> Vec<Row> {
    let count = usize::try_from(end_ms / INTERVAL_MS).unwrap_or(0);
    let mut rows: Vec<Vec<Ended>> = vec![Vec::new(); count];
    for put in puts {
        let row = usize::try_from(milliseconds(put.at) / INTERVAL_MS).ok();
        if let Some(row) = row.and_then(|row| rows.get_mut(row)) {
            row.push(*put);
        }
    }
    rows.iter().map(|puts| row(puts)).collect()
}

fn row(puts: &[Ended]) -> Row {
    let latency = latencies(puts.iter());
    Row {
        answered: latency.len(),
        errors: puts.len() as u64 - latency.len(),
        latency: shares(&latency),
    }
}

/// The puts that ended within a time, taken together.
pub(super) fn phase(puts: &[Ended], from_ms: u64, to_ms: u64) -> Phase {
    let within = |put: &&Ended| (from_ms..to_ms).contains(&milliseconds(put.at));
    let latency = latencies(puts.iter().filter(within));
    let seconds = to_ms.saturating_sub(from_ms).max(1) as f64 / 1e3;
    Phase {
        per_second: latency.len() as f64 / seconds,
        errors: puts.iter().filter(within).count() as u64 - latency.len(),
        latency: shares(&latency),
    }
}

/// A time in whole milliseconds.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn latencies<'a>(puts: impl Iterator<Item = &'a Ended>) -> Histogram<u64> {
    let mut latency = histogram();
    for answered in puts.filter_map(|put| put.latency) {
        let nanoseconds = u64::try_from(answered.as_nanos()).unwrap_or(u64::MAX);
        // A histogram that grows takes every value.
        let _ = latency.record(nanoseconds.max(1));
    }
    latency
}

fn shares(latency: &Histogram<u64>) -> Latency {
    // Of nothing it is 0.
    let at = |share| latency.value_at_quantile(share) as f64 / 1e6;
    Latency {
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        max_ms: at(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(at_ms: u64, latency_ms: Option<u64>) -> Ended {
        Ended {
            at: Duration::from_millis(at_ms),
            record: 0,
            latency: latency_ms.map(Duration::from_millis),
        }
    }

    #[test]
    fn puts_count_where_they_end() {
        let puts = [
            ended(20, Some(4)),
            ended(99, Some(8)),
            ended(100, None),
            ended(310, Some(200)),
        ];
        let rows = in_rows(&puts, 350);
        let counts: Vec<_> = rows.iter().map(|row| (row.answered, row.errors)).collect();
        assert_eq!(
            counts,
            [(2, 0), (0, 1), (0, 0)],
            "the last row is not whole"
        );
        assert!((7.9..8.1).contains(&rows[0].latency.max_ms));
        assert_eq!(rows[1].latency.max_ms, 0.0, "nothing was answered");
        let all = phase(&puts, 0, 400);
        assert_eq!((all.per_second, all.errors), (7.5, 1));
        assert!(
            (199.0..201.0).contains(&all.latency.max_ms)
                && (7.9..8.1).contains(&all.latency.p50_ms)
        );
    }
}
