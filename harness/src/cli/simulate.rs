//! `kensho simulate`: many seeds of a world in virtual time, on all processors.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use kensho_checker::history::{Event, Writer};
use kensho_models::asked_for::Nemesis;
use kensho_models::replay::{Place, Recipe, Visit, broken_rules, parse_durability, parse_mode};
use kensho_models::run::{Given, Run, run_aloud, story};
use kensho_models::sample::{Sample, Total, sample};
use kensho_models::shrink::shrink;
use kensho_models::sights::Sighted;
use kensho_protocol::settings::{Durability, Mode};
use kensho_workloads::Workload;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::span::Span;
use crate::identity;

/// At most so many runs make a failing run small.
const SHRINK_RUNS_MAX: u64 = 20_000;

/// Progress is told after every so many runs.
const TELL_EVERY: u64 = 10_000;

/// Which world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum World {
    /// Replicas and clients, under one atomic table: the faster one
    Replicas,
    /// Whole clusters, which elect their masters
    Cluster,
}

impl World {
    fn place(self) -> Place {
        match self {
            World::Replicas => Place::Replicas,
            World::Cluster => Place::Cluster,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The world to run [default: replicas; a workload needs cluster]
    #[arg(long, value_enum)]
    world: Option<World>,
    /// What clients do, as in kensho test, judged by its own check: kensho workloads lists what there
    /// is [default: they write and read a few registers, and the invariants judge]
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    /// What goes wrong meanwhile, as in kensho test: families (kill, pause, partition, disk,
    /// packet), single faults by name, or none [default: drawn]
    #[arg(
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        requires = "workload"
    )]
    nemesis: Option<Vec<String>>,
    /// The seeds to run, without the last one
    #[arg(long, default_value = "0..1000", value_name = "A..B")]
    seeds: Seeds,
    /// How many nodes there are, from 1 to 256 [default: drawn]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=256))]
    nodes: Option<u64>,
    /// When updates are acknowledged: async or semi-sync [default: drawn]
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// When a node counts an update as held: sync or delayed
    #[arg(long, value_name = "DURABILITY", default_value = "sync")]
    durability: String,
    /// How long faults strike, in virtual time [default: drawn, a few seconds]
    #[arg(long, value_name = "TIME")]
    duration: Option<Span>,
    /// Safety rules to break on purpose; needs a program built with the feature break-rules
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    break_rules: Vec<String>,
    /// Run every N-th seed only, from the I-th on, so that N machines share the work
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// How many runs there are at once [default: one for each processor]
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    /// Go on after a violation
    #[arg(long)]
    keep_going: bool,
    /// Tell the whole story of one run instead
    #[arg(long, value_name = "SEED", conflicts_with = "shrink")]
    trace: Option<u64>,
    /// Write the history of the run that is told to this file, for kensho check
    #[arg(long, value_name = "FILE", requires = "trace", requires = "workload")]
    history: Option<PathBuf>,
    /// Look for the few faults and operations that make one run fail; --out is a file for `kensho replay`
    #[arg(long, value_name = "SEED")]
    shrink: Option<u64>,
    /// Write figures, or what was shrunk, to this file, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Seeds from one to another, without the last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seeds(std::ops::Range<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seeds, String> {
        let range = text.split_once("..").and_then(|(from, to)| {
            let (from, to) = (from.parse().ok()?, to.parse().ok()?);
            (from < to).then_some(from..to)
        });
        range
            .map(Seeds)
            .ok_or_else(|| format!("{text:?} are no seeds: write two numbers, such as 0..1000"))
    }
}

/// One of several parts of the seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shard {
    number: u64,
    of: u64,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let shard = text.split_once('/').and_then(|(number, of)| {
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            (1..=of).contains(&number).then_some(Shard { number, of })
        });
        shard.ok_or_else(|| format!("{text:?} is no shard: write two numbers, such as 1/4 or 4/4"))
    }
}

impl Arguments {
    fn place(&self) -> Result<Place> {
        match (self.world, &self.workload) {
            (Some(World::Replicas), Some(workload)) => {
                let text = format!(
                    "the workload {workload} needs whole clusters: leave --world replicas out, or write --world cluster"
                );
                Err(Refusal(text).into())
            }
            (Some(world), _) => Ok(world.place()),
            (None, Some(_)) => Ok(Place::Cluster),
            (None, None) => Ok(Place::Replicas),
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let mode = arguments.mode.as_deref().map(parse_mode).transpose();
    let place = arguments.place()?;
    let workload = arguments.workload.as_deref().map(kensho_workloads::find);
    let nemesis = arguments.nemesis.as_deref().map(Nemesis::of);
    let given = Given {
        workload: workload.transpose().map_err(Refusal)?,
        nemesis: nemesis.transpose().map_err(Refusal)?,
        nodes: arguments.nodes.map(usize::try_from).transpose()?,
        mode: mode.map_err(Refusal)?,
        durability: parse_durability(&arguments.durability, place).map_err(Refusal)?,
        rules: broken_rules(&arguments.break_rules).map_err(Refusal)?,
        turbulent_ns: arguments
            .duration
            .map(|span| span.milliseconds().saturating_mul(1_000_000)),
        only: None,
    };
    let json = match (arguments.trace, arguments.shrink) {
        (Some(seed), _) => {
            let trace = Trace {
                seed,
                given: &given,
                history: arguments.history.as_deref(),
            };
            return place.visit(&given, trace);
        }
        (None, Some(seed)) => {
            let shrink = Shrink {
                seed,
                given: &given,
                place,
                arguments,
            };
            return place.visit(&given, shrink);
        }
        (None, None) => {
            let many = Many {
                given: &given,
                place,
                arguments,
            };
            identity::stamped(&place.visit(&given, many), None)?
        }
    };
    if let Some(path) = &arguments.out {
        write(path, &json)?;
    }
    Ok(u8::from(json["violated"] != 0))
}

fn write(path: &Path, json: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(json)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// How the command goes on that runs one seed of the same again.
fn same_again(place: Place, given: &Given) -> String {
    let recipe = Recipe::new(place, 0, given);
    let mut said = format!("kensho simulate --world {}", place.name());
    if let Some(workload) = given.workload {
        said += &format!(" --workload {}", workload.name());
    }
    if let Some(nemesis) = &given.nemesis {
        said += &format!(" --nemesis {nemesis}");
    }
    if let Some(nodes) = given.nodes {
        said += &format!(" --nodes {nodes}");
    }
    if let Some(mode) = given.mode {
        said += &format!(" --mode {}", mode.name());
    }
    if given.durability != Durability::default() {
        said += &format!(" --durability {}", given.durability.name());
    }
    if let Some(ms) = recipe.duration_ms {
        said += &format!(" --duration {ms}ms");
    }
    if !recipe.broken_rules.is_empty() {
        said += &format!(" --break-rules {}", recipe.broken_rules.join(","));
    }
    said
}

/// Tells the story of one run.
struct Trace<'a> {
    seed: u64,
    given: &'a Given,
    history: Option<&'a Path>,
}

impl Visit for Trace<'_> {
    type Result = Result<u8>;

    fn visit<R: Run>(self) -> Result<u8> {
        let (outcome, world) = run_aloud::<R>(self.seed, self.given);
        println!("{}", story(&world));
        if let Some(path) = self.history {
            write_history(path, world.history())?;
        }
        match &outcome.violation {
            None => println!("seed {}: nothing is violated", self.seed),
            Some(violation) => println!("seed {}: {violation}", self.seed),
        }
        Ok(u8::from(outcome.violation.is_some()))
    }
}

fn write_history(path: &Path, events: &[Event]) -> Result<()> {
    let write = || {
        let mut writer = Writer::new(BufWriter::new(File::create(path)?));
        for event in events {
            writer.write(event)?;
        }
        writer.into_inner().flush()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Makes one failing run small.
struct Shrink<'a> {
    seed: u64,
    given: &'a Given,
    place: Place,
    arguments: &'a Arguments,
}

impl Visit for Shrink<'_> {
    type Result = Result<u8>;

    fn visit<R: Run>(self) -> Result<u8> {
        let Shrink { seed, given, .. } = self;
        let Some(shrunk) = shrink::<R>(seed, given, SHRINK_RUNS_MAX) else {
            println!("seed {seed}: nothing is violated");
            return Ok(0);
        };
        let (before, kept) = (&shrunk.before, &shrunk.kept);
        println!(
            "seed {seed} violates {} with {} of {} faults and {} of {} operations ({} runs):",
            shrunk.invariant,
            kept.faults.len(),
            before.faults.len(),
            kept.operations.len(),
            before.operations.len(),
            shrunk.runs,
        );
        for fault in &kept.faults {
            println!("  fault: {fault}");
        }
        for operation in &kept.operations {
            println!("  {operation}");
        }
        let recipe = Recipe {
            only: Some(kept.clone()),
            violates: Some(shrunk.invariant.name().to_owned()),
            ..Recipe::new(self.place, seed, given)
        };
        if let Some(path) = &self.arguments.out {
            write(path, &serde_json::to_value(&recipe)?)?;
            println!("  kensho replay {}", path.display());
        }
        Ok(1)
    }
}

/// Runs many seeds.
struct Many<'a> {
    given: &'a Given,
    place: Place,
    arguments: &'a Arguments,
}

impl Visit for Many<'_> {
    type Result = Value;

    fn visit<R: Run>(self) -> Value {
        let Many {
            given,
            place,
            arguments,
        } = self;
        let Seeds(seeds) = arguments.seeds.clone();
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = Sample {
            seeds: seeds.start + arguments.shard.number - 1..seeds.end,
            step: arguments.shard.of,
            given: given.clone(),
            threads: arguments.threads.unwrap_or_else(all).max(1),
            keep_going: arguments.keep_going,
        };
        let total = sample::<R>(&wanted, |outcome, total| {
            let seed = outcome.seed;
            if let Some(violation) = &outcome.violation {
                let again = same_again(place, given);
                println!("seed {seed}: {violation}");
                println!("  {again} --trace {seed}");
                println!("  {again} --shrink {seed} --out seed-{seed}.json");
            }
            if total.runs % TELL_EVERY == 0 {
                eprintln!("{} runs, {} violated", total.runs, total.violated);
            }
        });
        print!("{}", total.sometimes);
        println!("{}", line(&total));
        figures(place, given, &wanted, &total)
    }
}

fn line<S: Sighted>(total: &Total<S>) -> String {
    let figures = &total.figures;
    format!(
        "{} runs, {} events, {} statements, {} faults, {} acknowledged updates lost, {:.1} h of virtual \
         time in {:.1} s, {:.1} CPU seconds: {:.2} M events per CPU second; {} violated",
        total.runs,
        figures.events,
        figures.updates + figures.reads,
        figures.faults,
        figures.lost,
        figures.virtual_ns as f64 / 3.6e12,
        total.seconds,
        total.cpu_seconds,
        total.million_events_per_cpu_second(),
        total.violated,
    )
}

fn figures<S: Sighted>(place: Place, given: &Given, wanted: &Sample, total: &Total<S>) -> Value {
    let figures = &total.figures;
    let virtual_seconds = figures.virtual_ns as f64 / 1e9;
    json!({
        "world": place.name(),
        "workload": given.workload.map(Workload::name),
        "nemesis": given.nemesis.as_ref().map(Nemesis::names),
        "mode": given.mode.map_or("async and semi-sync", Mode::name),
        "durability": given.durability.name(),
        "seeds": [wanted.seeds.start, wanted.seeds.end],
        "step": wanted.step,
        "runs": total.runs,
        "violated": total.violated,
        "events": figures.events,
        "messages": figures.messages,
        "updates": figures.updates,
        "reads": figures.reads,
        "failed": figures.failed,
        "unknown": figures.unknown,
        "faults": figures.faults,
        "acknowledged_updates_lost": figures.lost,
        "virtual_seconds": virtual_seconds,
        "seconds": total.seconds,
        "cpu_seconds": total.cpu_seconds,
        "million_events_per_cpu_second": total.million_events_per_cpu_second(),
        "virtual_seconds_per_cpu_second": virtual_seconds / total.cpu_seconds.max(0.01),
        "sometimes": total
            .sometimes
            .counts()
            .map(|(sight, count)| (sight.name().to_owned(), Value::from(count)))
            .collect::<serde_json::Map<_, _>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_and_shards_are_checked() {
        assert_eq!("3..7".parse(), Ok(Seeds(3..7)));
        assert!("7..3".parse::<Seeds>().is_err());
        assert!("7".parse::<Seeds>().is_err_and(|e| e.contains("0..1000")));
        assert_eq!("2/4".parse(), Ok(Shard { number: 2, of: 4 }));
        for wrong in ["0/4", "5/4", "1", "1/0", "a/b"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_command_that_runs_it_again_says_all_that_was_given() {
        let given = Given {
            nodes: Some(3),
            mode: Some(Mode::SemiSync),
            turbulent_ns: Some(5_000_000_000),
            workload: kensho_workloads::find("register").ok(),
            nemesis: Nemesis::of(&["kill".to_owned(), "pause-owner".to_owned()]).ok(),
            ..Given::default()
        };
        assert_eq!(
            same_again(Place::Cluster, &given),
            "kensho simulate --world cluster --workload register --nemesis kill,pause-owner --nodes 3 \
             --mode semi-sync --duration 5000ms"
        );
    }
}
