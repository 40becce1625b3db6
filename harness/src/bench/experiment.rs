//! One experiment: contestants under the same load, in windows that take turns.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use kensho_results::bench::{self, LoadRecord, Round};

use super::contestant::{Contestant, Subject};
use super::generator::{Generator, Load};
use super::rotation::order;
use super::window::{self, Plan};
use super::worker::Worker;

/// What is to be measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// Its name.
    pub name: String,
    /// The load.
    pub load: Load,
    /// Load before each window that is not counted.
    pub warm_up: Duration,
    /// The length of a window.
    pub window: Duration,
    /// How many windows each contestant gets.
    pub rounds: usize,
    /// What is under load; the first is what the others are compared with.
    pub entries: Vec<Entry>,
}

/// What is put under load, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the experiment.
    pub name: String,
    /// What it is.
    pub subject: Subject,
    /// Rows in each request; more than 1 for batches of puts.
    pub batch_rows: u64,
}

/// What an experiment gave.
#[derive(Debug)]
pub struct Measured {
    /// Its figures.
    pub figures: bench::Experiment,
    /// The latencies of each window.
    pub windows: Vec<WindowLatency>,
}

/// The latencies of a window, in nanoseconds.
#[derive(Debug)]
pub struct WindowLatency {
    /// The contestant.
    pub name: String,
    /// When it ended, since the experiment began.
    pub end: Duration,
    /// How long it was.
    pub length: Duration,
    /// The latencies.
    pub latency: Histogram<u64>,
}

/// Everything that is up. What one experiment has started serves the next one as well.
pub struct Fleet {
    program: PathBuf,
    folder: PathBuf,
    started: usize,
    running: Vec<(Subject, Contestant)>,
}

impl Fleet {
    /// Nothing yet. Clusters are started from `program`, with their data in `folder`.
    pub fn new(program: PathBuf, folder: PathBuf) -> Fleet {
        Fleet {
            program,
            folder,
            started: 0,
            running: Vec::new(),
        }
    }

    /// Starts what is not up yet, and stops what `experiment` does not need.
    async fn prepare(&mut self, experiment: &Experiment) -> Result<()> {
        let needed = |subject: &Subject| {
            experiment
                .entries
                .iter()
                .any(|entry| entry.subject == *subject)
        };
        let running = std::mem::take(&mut self.running);
        for (subject, contestant) in running {
            if needed(&subject) {
                self.running.push((subject, contestant));
            } else {
                contestant.stop().await;
            }
        }
        for entry in &experiment.entries {
            if self.contestant(&entry.subject).is_none() {
                let folder = self.folder.join(self.started.to_string());
                self.started += 1;
                let contestant = Contestant::start(&entry.subject, &self.program, folder).await;
                let contestant =
                    contestant.with_context(|| format!("cannot start {}", entry.name))?;
                self.running.push((entry.subject.clone(), contestant));
            }
        }
        Ok(())
    }

    fn contestant(&self, subject: &Subject) -> Option<&Contestant> {
        let mut running = self.running.iter();
        running
            .find(|(other, _)| other == subject)
            .map(|(_, contestant)| contestant)
    }

    /// Stops everything, and removes all data.
    pub async fn stop(self) {
        for (_, contestant) in self.running {
            contestant.stop().await;
        }
    }
}

struct Entrant {
    entry: Entry,
    processes: Vec<u32>,
    workers: Vec<Worker>,
    generator: Rc<RefCell<Generator>>,
    rounds: Vec<Round>,
    latency: Histogram<u64>,
}

/// Measures in rotation; `tell` is called with the number of rounds done.
///
/// # Errors
/// If a contestant cannot be started, ends by itself, or answers nothing at all.
pub async fn measure(
    experiment: &Experiment,
    fleet: &mut Fleet,
    mut tell: impl FnMut(usize),
) -> Result<Measured> {
    fleet.prepare(experiment).await?;
    let load = &experiment.load;
    let mut entrants = Vec::new();
    for entry in &experiment.entries {
        let contestant = fleet
            .contestant(&entry.subject)
            .context("it was just started")?;
        entrants.push(Entrant {
            entry: entry.clone(),
            processes: contestant.processes(),
            workers: contestant.workers(load, entry.batch_rows).await?,
            generator: Rc::new(RefCell::new(Generator::new(load))),
            rounds: Vec::new(),
            latency: window::histogram(),
        });
    }
    let begin = Instant::now();
    let mut windows = Vec::new();
    for round in 0..experiment.rounds {
        for number in order(entrants.len(), round) {
            let latency = entrants[number].play(experiment).await?;
            windows.push(WindowLatency {
                name: entrants[number].entry.name.clone(),
                end: begin.elapsed(),
                length: experiment.window,
                latency,
            });
        }
        tell(round + 1);
    }
    let figures = bench::Experiment {
        name: experiment.name.clone(),
        load: record(load),
        window_ms: u64::try_from(experiment.window.as_millis())?,
        contestants: entrants.into_iter().map(Entrant::figures).collect(),
    };
    Ok(Measured { figures, windows })
}

impl Entrant {
    async fn play(&mut self, experiment: &Experiment) -> Result<Histogram<u64>> {
        let plan = Plan {
            warm_up: experiment.warm_up,
            length: experiment.window,
            rate: experiment.load.rate,
        };
        let name = &self.entry.name;
        let window = window::run(&mut self.workers, &self.generator, plan, &self.processes).await;
        let window = window.with_context(|| format!("under load: {name}"))?;
        if window.round.operations == 0 {
            let error = window.error.as_deref().unwrap_or("nothing was answered");
            bail!("{name} answered no operation: {error}");
        }
        if let Some(error) = &window.error {
            let errors = window.round.errors;
            eprintln!("warning: {errors} errors of {name}, the first: {error}");
        }
        self.rounds.push(window.round);
        self.latency
            .add(&window.latency)
            .context("histograms grow")?;
        Ok(window.latency)
    }

    fn figures(self) -> bench::Contestant {
        let (replication, durability) = match &self.entry.subject {
            Subject::Cluster {
                replication,
                durability,
                ..
            } => (Some(replication.name()), Some(durability.name())),
            _ => (None, None),
        };
        bench::Contestant {
            name: self.entry.name,
            text: self.entry.subject.text(),
            replication: replication.map(String::from),
            durability: durability.map(String::from),
            batch_rows: self.entry.batch_rows,
            rounds: self.rounds,
            latency_us: percentiles(&self.latency),
        }
    }
}

fn record(load: &Load) -> LoadRecord {
    LoadRecord {
        connections: load.connections,
        rate: load.rate,
        mix: load.mix.name().to_string(),
        keys: load.keys.name().to_string(),
        value_bytes: load.value_bytes,
        records: load.records,
    }
}

/// The shares at which a latency is kept: enough to draw a smooth line up to 99.99 %.
fn percentiles(latency: &Histogram<u64>) -> Vec<(f64, f64)> {
    if latency.is_empty() {
        return Vec::new();
    }
    let exact = [0.5, 0.9, 0.99, 0.999, 1.0];
    // Equal steps on a scale of nines: 0, 0.9, 0.99, ...
    let smooth = (0..=80).map(|step| 1.0 - 10_f64.powf(-f64::from(step) / 20.0));
    let mut shares: Vec<f64> = smooth.chain(exact).collect();
    shares.sort_by(f64::total_cmp);
    shares.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
    let at = |share: f64| latency.value_at_quantile(share) as f64 / 1e3;
    shares.into_iter().map(|share| (share, at(share))).collect()
}
