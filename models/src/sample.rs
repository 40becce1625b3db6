//! Many runs by seed, on many threads.

use std::ops::{ControlFlow, Range};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
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

fn step(step: u64) -> usize {
    usize::try_from(step.max(1)).unwrap_or(usize::MAX)
}

/// Hands each of `seeds` to `run`, on so many threads, each as soon as a thread is free. After a
/// `Break` no further one is begun.
pub fn for_each_seed(
    seeds: impl Iterator<Item = u64> + Send,
    threads: usize,
    run: impl Fn(u64) -> ControlFlow<()> + Sync,
) {
    let seeds = Mutex::new(seeds.fuse());
    let stop = AtomicBool::new(false);
    let next = || seeds.lock().expect("no thread panics").next();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let Some(seed) = next() else { return };
                    if run(seed).is_break() {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}

/// Runs a sample of `R`. `tell` hears of each run when it has ended, in no fixed order, with the
/// total up to then; of which only the times are missing.
pub fn sample<R: Run>(
    wanted: &Sample,
    tell: impl Fn(&Outcome<R::Sight>, &Total<R::Sight>) + Sync,
) -> Total<R::Sight> {
    let (began, cpu_before) = (Instant::now(), cpu::seconds());
    let total = Mutex::new(Total {
        runs: 0,
        violated: 0,
        figures: Figures::default(),
        sometimes: Sometimes::default(),
        seconds: 0.0,
        cpu_seconds: 0.0,
    });
    let seeds = wanted.seeds.clone().step_by(step(wanted.step));
    for_each_seed(seeds, wanted.threads, |seed| {
        let outcome = explore::<R>(seed, &wanted.given);
        let mut total = total.lock().expect("no thread panics");
        total.add(&outcome);
        tell(&outcome, &total);
        if outcome.violation.is_some() && !wanted.keep_going {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let mut total = total.into_inner().expect("no thread panics");
    total.seconds = began.elapsed().as_secs_f64();
    let used = cpu_before.zip(cpu::seconds());
    total.cpu_seconds = used.map_or(total.seconds, |(before, after)| after - before);
    total
}
