//! One window: a contestant is under load for a short time, and what it did is counted.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use kensho_results::bench::Round;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::generator::{Generator, Operation};
use super::pace::Pace;
use super::processor;
use super::worker::Worker;

/// What a window is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    /// Under load, but not counted.
    pub(super) warm_up: Duration,
    /// Counted.
    pub(super) length: Duration,
    /// Operations begun per second, in an open loop.
    pub(super) rate: Option<f64>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) round: Round,
    /// Latencies in nanoseconds.
    pub(super) latency: Histogram<u64>,
    /// The first error, in words.
    pub(super) error: Option<String>,
}

/// What operations may do; all of them share it, on one thread.
struct Tally {
    counting: Cell<bool>,
    stopped: Cell<bool>,
    operations: Cell<u64>,
    errors: Cell<u64>,
    error: RefCell<Option<String>>,
    latency: RefCell<Histogram<u64>>,
}

/// A histogram of nanoseconds with three digits, of any range.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are allowed")
}

/// Puts `workers` to work until the window ends. Processor time is that of this process and of
/// `processes`.
pub(super) async fn run(
    workers: &mut Vec<Worker>,
    generator: &Rc<RefCell<Generator>>,
    plan: Plan,
    processes: &[u32],
) -> Result<Window> {
    let tally = Rc::new(Tally {
        counting: Cell::new(false),
        stopped: Cell::new(false),
        operations: Cell::new(0),
        errors: Cell::new(0),
        error: RefCell::default(),
        latency: RefCell::new(histogram()),
    });
    let pace = Rc::new(Pace::new(plan.rate, Instant::now()));
    let local = LocalSet::new();
    let working: Vec<_> = workers
        .drain(..)
        .map(|worker| {
            let (tally, generator) = (Rc::clone(&tally), Rc::clone(generator));
            local.spawn_local(work(worker, generator, tally, Rc::clone(&pace)))
        })
        .collect();
    let counted = local.run_until(async {
        tokio::time::sleep(plan.warm_up).await;
        let (before, start) = (used(processes)?, Instant::now());
        tally.counting.set(true);
        tokio::time::sleep(plan.length).await;
        tally.counting.set(false);
        tally.stopped.set(true);
        let (after, seconds) = (used(processes)?, start.elapsed().as_secs_f64());
        Ok::<_, anyhow::Error>(Round {
            operations: tally.operations.get(),
            errors: tally.errors.get(),
            seconds,
            client_cpu_seconds: (after.0 - before.0).as_secs_f64(),
            server_cpu_seconds: after.1.saturating_sub(before.1).as_secs_f64(),
        })
    });
    let counted = counted.await;
    // What is under way ends before the next window; it is not counted.
    tally.stopped.set(true);
    local.await;
    for ended in working {
        workers.push(
            ended
                .await
                .context("a client of the load generator failed")?,
        );
    }
    let latency = tally.latency.replace(histogram());
    Ok(Window {
        round: counted?,
        latency,
        error: tally.error.take(),
    })
}

fn used(processes: &[u32]) -> Result<(Duration, Duration)> {
    Ok((processor::of_this()?, processor::of_all(processes)?))
}

/// Performs operations until the window ends.
async fn work(
    mut worker: Worker,
    generator: Rc<RefCell<Generator>>,
    tally: Rc<Tally>,
    pace: Rc<Pace>,
) -> Worker {
    while !tally.stopped.get() {
        let intended = pace.next().await;
        if tally.stopped.get() {
            break;
        }
        let origin = intended.min(Instant::now());
        let operation = generator.borrow_mut().draw();
        let outcome = worker.perform(operation).await;
        note(&tally, &generator, operation, outcome, origin);
    }
    worker
}

fn note(
    tally: &Tally,
    generator: &RefCell<Generator>,
    operation: Operation,
    outcome: Result<u64, String>,
    origin: Instant,
) {
    match outcome {
        Ok(operations) => {
            generator.borrow_mut().done(operation);
            if tally.counting.get() {
                tally.operations.set(tally.operations.get() + operations);
                let nanoseconds = u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
                // A histogram that grows takes every value.
                let _ = tally.latency.borrow_mut().record(nanoseconds.max(1));
            }
        }
        Err(text) => {
            tally.errors.set(tally.errors.get() + 1);
            tally.error.borrow_mut().get_or_insert(text);
        }
    }
}
