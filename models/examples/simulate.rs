//! Runs a world in virtual time, many seeds, and stops at the first violation.
//!
//! `cargo run --release -p kensho-models --example simulate -- [--world replicas|cluster]
//! [--seeds A..B] [--nodes N] [--mode async|semi-sync] [--threads N] [--keep-going]`, or
//! `--trace SEED` for the story of one run. With the feature `break-rules`, `--break RULE` switches
//! one safety rule off.

use kensho_models::cluster::Cluster;
use kensho_models::run::{Given, Run, explore_aloud};
use kensho_models::sample::{Sample, sample};
use kensho_models::world::World;
use kensho_protocol::settings::Mode;

/// Progress is told after every so many runs.
const TELL_EVERY: u64 = 10_000;

struct Wish {
    whole_clusters: bool,
    sample: Sample,
    trace: Option<u64>,
    /// How the given things were said, to be repeated in a command that replays a run.
    said: String,
}

fn main() {
    let wish = match parse(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(wrong) => {
            eprintln!("{wrong}");
            std::process::exit(254);
        }
    };
    let violated = match wish.whole_clusters {
        true => run::<Cluster>(&wish),
        false => run::<World>(&wish),
    };
    std::process::exit(i32::from(violated));
}

/// Runs what is wished; true if something was violated.
fn run<R: Run>(wish: &Wish) -> bool {
    if let Some(seed) = wish.trace {
        let (outcome, story) = explore_aloud::<R>(seed, wish.sample.given);
        println!("{story}\n{outcome:#?}");
        return outcome.violation.is_some();
    }
    let total = sample::<R>(&wish.sample, |outcome, total| {
        let seed = outcome.seed;
        if let Some(violation) = &outcome.violation {
            let said = &wish.said;
            println!("seed {seed}: {violation}");
            println!(
                "  cargo run --release -p kensho-models --example simulate --{said} --trace {seed}"
            );
        }
        if total.runs % TELL_EVERY == 0 {
            eprintln!("{} runs, {} violated", total.runs, total.violated);
        }
    });
    print!("{}", total.sometimes);
    let figures = &total.figures;
    println!(
        "{} runs, {} events, {} statements, {} faults, {} acknowledged updates lost, {:.0} h of virtual \
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
    );
    total.violated > 0
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish {
        whole_clusters: false,
        sample: Sample {
            seeds: 0..10_000,
            step: 1,
            given: Given::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            keep_going: false,
        },
        trace: None,
        said: String::new(),
    };
    let Sample {
        seeds,
        given,
        threads,
        keep_going,
        ..
    } = &mut wish.sample;
    while let Some(name) = arguments.next() {
        if name == "--keep-going" {
            *keep_going = true;
            continue;
        }
        let value = arguments.next().ok_or(format!("{name} needs a value"))?;
        let number = |text: &str| {
            let wrong = format!("{name} needs a number, not \"{text}\"");
            text.parse::<u64>().map_err(|_| wrong)
        };
        match name.as_str() {
            "--world" => {
                wish.whole_clusters = match value.as_str() {
                    "replicas" => false,
                    "cluster" => true,
                    _ => return Err(format!("there is no world \"{value}\"")),
                }
            }
            "--seeds" => {
                let (from, to) = value
                    .split_once("..")
                    .ok_or(format!("--seeds is like 0..1000, not \"{value}\""))?;
                *seeds = number(from)?..number(to)?;
            }
            "--nodes" => match usize::try_from(number(&value)?) {
                Ok(nodes @ 1..=7) => given.nodes = Some(nodes),
                _ => return Err(format!("--nodes is from 1 to 7, not {value}")),
            },
            "--threads" => *threads = usize::try_from(number(&value)?).unwrap_or(1),
            "--trace" => wish.trace = Some(number(&value)?),
            "--mode" => {
                given.mode = match value.as_str() {
                    "async" => Some(Mode::Async),
                    "semi-sync" => Some(Mode::SemiSync),
                    _ => return Err(format!("there is no mode \"{value}\"")),
                }
            }
            #[cfg(feature = "break-rules")]
            "--break" => {
                let rule = value.parse().map_err(|wrong| format!("{wrong}"))?;
                given.rules = given.rules.without(rule);
            }
            _ => return Err(format!("there is no option \"{name}\"")),
        }
        if matches!(name.as_str(), "--world" | "--nodes" | "--mode" | "--break") {
            wish.said = format!("{} {name} {value}", wish.said);
        }
    }
    Ok(wish)
}
