//! One experiment: contestants under the same load, in windows that take turns.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

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
    /// What is under load, by names; the first is what the others are compared with.
    pub subjects: Vec<(String, Subject)>,
}

struct Entrant<'a> {
    name: &'a str,
    contestant: Contestant,
    workers: Vec<Worker>,
    generator: Rc<RefCell<Generator>>,
    rounds: Vec<Round>,
    latency: Histogram<u64>,
}

/// Starts everything, measures in rotation, and stops everything. Data of the clusters is in
/// `folder` while they run.
///
/// # Errors
/// If a contestant cannot be started, ends by itself, or answers nothing at all.
pub async fn measure(
    experiment: &Experiment,
    program: &Path,
    folder: &Path,
    mut tell: impl FnMut(usize),
) -> Result<bench::Experiment> {
    let load = &experiment.load;
    let mut entrants = Vec::new();
    for (number, (name, subject)) in experiment.subjects.iter().enumerate() {
        let folder = folder.join(number.to_string());
        let contestant = Contestant::start(subject, load, program, folder).await;
        let contestant = contestant.with_context(|| format!("cannot start {name}"))?;
        entrants.push(Entrant {
            name,
            workers: contestant.workers(load).await?,
            contestant,
            generator: Rc::new(RefCell::new(Generator::new(load))),
            rounds: Vec::new(),
            latency: window::histogram(),
        });
    }
    for round in 0..experiment.rounds {
        for number in order(entrants.len(), round) {
            entrants[number].play(experiment).await?;
        }
        tell(round + 1);
    }
    let mut contestants = Vec::new();
    for (entrant, (name, subject)) in entrants.into_iter().zip(&experiment.subjects) {
        entrant.contestant.stop().await;
        contestants.push(bench::Contestant {
            name: name.clone(),
            text: subject.text(),
            rounds: entrant.rounds,
            latency_us: percentiles(&entrant.latency),
        });
    }
    Ok(bench::Experiment {
        name: experiment.name.clone(),
        load: record(load),
        window_ms: u64::try_from(experiment.window.as_millis())?,
        contestants,
    })
}

impl Entrant<'_> {
    async fn play(&mut self, experiment: &Experiment) -> Result<()> {
        let plan = Plan {
            warm_up: experiment.warm_up,
            length: experiment.window,
            rate: experiment.load.rate,
        };
        let processes = self.contestant.processes();
        let window = window::run(&mut self.workers, &self.generator, plan, &processes).await;
        let window = window.with_context(|| format!("under load: {}", self.name))?;
        if window.round.operations == 0 {
            let error = window.error.as_deref().unwrap_or("nothing was answered");
            bail!("{} answered no operation: {error}", self.name);
        }
        if let Some(error) = &window.error {
            let errors = window.round.errors;
            eprintln!(
                "warning: {errors} errors of {}, the first: {error}",
                self.name
            );
        }
        self.rounds.push(window.round);
        self.latency
            .add(&window.latency)
            .context("histograms grow")?;
        Ok(())
    }
}

fn record(load: &Load) -> LoadRecord {
    LoadRecord {
        connections: load.connections,
        rate: load.rate,
        mix: load.mix.name().to_string(),
        keys: load.keys.name().to_string(),
        value_bytes: load.value_bytes,
        batch_rows: 1,
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
