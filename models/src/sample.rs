//! Many runs by seed, on many threads.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::cpu;
use crate::run::{Figures, Given, Outcome, Run, explore};
use crate::sights::{Sighted, Sometimes};

/// Which runs, and how.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The seeds, in order.
    pub seeds: Range<u64>,
    /// Every how many of them one is run; 1: all.
    pub step: u64,
    /// What every run is given.
    pub given: Given,
    /// How many runs there are at once.
    pub threads: usize,
    /// Whether to go on after a violation.
    pub keep_going: bool,
}

/// All runs together.
#[derive(Clone, Debug)]
pub struct Total<S> {
    /// How many runs there were.
    pub runs: u64,
    /// How many of them violated something.
    pub violated: u64,
    /// How much happened.
    pub figures: Figures,
    /// What happened at least sometimes.
    pub sometimes: Sometimes<S>,
    /// How long it took.
    pub seconds: f64,
    /// How much processor time it took, where the system tells that.
    pub cpu_seconds: f64,
}

impl<S: Sighted> Total<S> {
    fn add(&mut self, outcome: &Outcome<S>) {
        self.runs += 1;
        self.violated += u64::from(outcome.violation.is_some());
        self.figures.add(&outcome.figures);
        self.sometimes.add(&outcome.sometimes);
    }

    /// How many millions of events one processor handles in a second.
    #[must_use]
    pub fn million_events_per_cpu_second(&self) -> f64 {
        self.figures.events as f64 / self.cpu_seconds.max(0.01) / 1e6
    }
}

/// Runs a sample of `R`. `tell` hears of each run when it has ended, in no fixed order, with the
/// total up to then; of which only the times are missing.
pub fn sample<R: Run>(
    wanted: &Sample,
    tell: impl Fn(&Outcome<R::Sight>, &Total<R::Sight>) + Sync,
) -> Total<R::Sight> {
    let (began, cpu_before) = (Instant::now(), cpu::seconds());
    let next = AtomicU64::new(wanted.seeds.start);
    let stop = AtomicBool::new(false);
    let total = Mutex::new(Total {
        runs: 0,
        violated: 0,
        figures: Figures::default(),
        sometimes: Sometimes::default(),
        seconds: 0.0,
        cpu_seconds: 0.0,
    });
    std::thread::scope(|scope| {
        for _ in 0..wanted.threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(wanted.step, Ordering::Relaxed);
                    if seed >= wanted.seeds.end {
                        return;
                    }
                    let outcome = explore::<R>(seed, &wanted.given);
                    if outcome.violation.is_some() && !wanted.keep_going {
                        stop.store(true, Ordering::Relaxed);
                    }
                    let mut total = total.lock().expect("no thread panics");
                    total.add(&outcome);
                    tell(&outcome, &total);
                }
            });
        }
    });
    let mut total = total.into_inner().expect("no thread panics");
    total.seconds = began.elapsed().as_secs_f64();
    let used = cpu_before.zip(cpu::seconds());
    total.cpu_seconds = used.map_or(total.seconds, |(before, after)| after - before);
    total
}
