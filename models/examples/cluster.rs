//! Runs whole clusters in virtual time, many seeds, and stops at the first violation.
//!
//! `cargo run --release -p kensho-models --example cluster -- [--seeds A..B] [--nodes N]
//! [--mode async|semi-sync] [--threads N] [--keep-going]`, or `--trace SEED` for the story of one.
//! With the feature `break-rules`, `--break RULE` switches one safety rule off.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use kensho_models::cluster::plan::Given;
use kensho_models::cluster::sights::Sometimes;
use kensho_models::cluster::{Outcome, explore, explore_aloud};
use kensho_protocol::settings::Mode;

/// Progress is told after every so many runs.
const TELL_EVERY: u64 = 5_000;

struct Wish {
    seeds: Range<u64>,
    given: Given,
    threads: usize,
    keep_going: bool,
    trace: Option<u64>,
    /// How the given things were said, to be repeated in a command that replays a run.
    said: String,
}

#[derive(Default)]
struct Total {
    sometimes: Sometimes,
    runs: u64,
    events: u64,
    statements: u64,
    faults: u64,
    lost: u64,
    virtual_ns: u64,
}

impl Total {
    fn add(&mut self, outcome: &Outcome) {
        let figures = &outcome.figures;
        self.sometimes.add(&outcome.sometimes);
        self.runs += 1;
        self.events += figures.events;
        self.statements += figures.updates + figures.reads;
        self.faults += figures.faults;
        self.lost += figures.lost;
        self.virtual_ns += figures.virtual_ns;
    }
}

fn main() {
    let wish = match parse(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(wrong) => {
            eprintln!("{wrong}");
            std::process::exit(254);
        }
    };
    if let Some(seed) = wish.trace {
        let (outcome, story) = explore_aloud(seed, wish.given);
        println!("{story}\n{outcome:#?}");
        std::process::exit(i32::from(outcome.violation.is_some()));
    }
    std::process::exit(i32::from(sample(&wish)));
}

/// Runs all seeds; true if something was violated.
fn sample(wish: &Wish) -> bool {
    let next = AtomicU64::new(wish.seeds.start);
    let stop = AtomicBool::new(false);
    let total = Mutex::new(Total::default());
    let violated = AtomicU64::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..wish.threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= wish.seeds.end {
                        return;
                    }
                    let outcome = explore(seed, wish.given);
                    if let Some(violation) = &outcome.violation {
                        let said = &wish.said;
                        println!("seed {seed}: {violation}");
                        println!(
                            "  cargo run --release -p kensho-models --example cluster --{said} \
                             --trace {seed}"
                        );
                        violated.fetch_add(1, Ordering::Relaxed);
                        stop.store(!wish.keep_going, Ordering::Relaxed);
                    }
                    let mut total = total.lock().expect("no thread panics");
                    total.add(&outcome);
                    if total.runs % TELL_EVERY == 0 {
                        let rate = total.events as f64 / began.elapsed().as_secs_f64();
                        eprintln!("{} runs, {:.2} M events/s", total.runs, rate / 1e6);
                    }
                }
            });
        }
    });
    let total = total.into_inner().expect("no thread panics");
    let seconds = began.elapsed().as_secs_f64();
    print!("{}", total.sometimes);
    println!(
        "{} runs, {} events, {} statements, {} faults, {} acknowledged updates lost, {:.0} h of \
         virtual time in {seconds:.1} s: {:.2} M events/s on {} threads; {} violated",
        total.runs,
        total.events,
        total.statements,
        total.faults,
        total.lost,
        total.virtual_ns as f64 / 3.6e12,
        total.events as f64 / seconds / 1e6,
        wish.threads,
        violated.load(Ordering::Relaxed)
    );
    violated.load(Ordering::Relaxed) > 0
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish {
        seeds: 0..10_000,
        given: Given::default(),
        threads: 1,
        keep_going: false,
        trace: None,
        said: String::new(),
    };
    while let Some(name) = arguments.next() {
        if name == "--keep-going" {
            wish.keep_going = true;
            continue;
        }
        let value = arguments.next().ok_or(format!("{name} needs a value"))?;
        let number = |text: &str| {
            let wrong = format!("{name} needs a number, not \"{text}\"");
            text.parse::<u64>().map_err(|_| wrong)
        };
        match name.as_str() {
            "--seeds" => {
                let (from, to) = value
                    .split_once("..")
                    .ok_or(format!("--seeds is like 0..1000, not \"{value}\""))?;
                wish.seeds = number(from)?..number(to)?;
            }
            "--nodes" => match usize::try_from(number(&value)?) {
                Ok(nodes @ 1..=7) => wish.given.nodes = Some(nodes),
                _ => return Err(format!("--nodes is from 1 to 7, not {value}")),
            },
            "--threads" => wish.threads = usize::try_from(number(&value)?).unwrap_or(1),
            "--trace" => wish.trace = Some(number(&value)?),
            "--mode" => {
                wish.given.mode = match value.as_str() {
                    "async" => Some(Mode::Async),
                    "semi-sync" => Some(Mode::SemiSync),
                    _ => return Err(format!("there is no mode \"{value}\"")),
                }
            }
            #[cfg(feature = "break-rules")]
            "--break" => {
                let rule = value.parse().map_err(|wrong| format!("{wrong}"))?;
                wish.given.rules = wish.given.rules.without(rule);
            }
            _ => return Err(format!("there is no option \"{name}\"")),
        }
        if matches!(name.as_str(), "--nodes" | "--mode" | "--break") {
            wish.said = format!("{} {name} {value}", wish.said);
        }
    }
    Ok(wish)
}
