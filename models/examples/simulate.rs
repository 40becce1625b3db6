//! Runs many seeds on all cores and stops at the first violation.
//!
//! `cargo run --release -p kensho-models --example simulate -- [--from SEED] [--seeds COUNT]
//! [--mode async|semi-sync] [--threads N] [--keep-going]`, or `--trace SEED` for the story of one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use kensho_models::cpu;
use kensho_models::explore::{explore, explore_aloud};
use kensho_models::world::plan::Given;
use kensho_models::world::sometimes::Sometimes;
use kensho_protocol::settings::Mode;

struct Wish {
    from: u64,
    seeds: u64,
    given: Given,
    threads: usize,
    keep_going: bool,
    trace: Option<u64>,
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
        return;
    }
    std::process::exit(i32::from(sample(&wish)));
}

/// Runs all seeds; true if something was violated.
fn sample(wish: &Wish) -> bool {
    let next = AtomicU64::new(wish.from);
    let stop = AtomicBool::new(false);
    let total = Mutex::new((Sometimes::default(), 0u64, 0u64, 0u64));
    let violated = AtomicU64::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..wish.threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= wish.from + wish.seeds {
                        return;
                    }
                    let outcome = explore(seed, wish.given);
                    if let Some(violation) = &outcome.violation {
                        println!("seed {seed}: {violation}");
                        violated.fetch_add(1, Ordering::Relaxed);
                        stop.store(!wish.keep_going, Ordering::Relaxed);
                    }
                    let mut total = total.lock().expect("no thread panics");
                    total.0.add(&outcome.sometimes);
                    total.1 += outcome.figures.events;
                    total.2 += 1;
                    total.3 += outcome.figures.updates + outcome.figures.reads;
                    if total.2 % 10_000 == 0 {
                        let rate = total.1 as f64 / began.elapsed().as_secs_f64();
                        eprintln!("{} runs, {:.2} M events/s", total.2, rate / 1e6);
                    }
                }
            });
        }
    });
    let (sometimes, events, runs, operations) = total.into_inner().expect("no thread panics");
    let seconds = began.elapsed().as_secs_f64();
    let cpu_seconds = cpu::seconds().unwrap_or(seconds);
    let rate = events as f64 / cpu_seconds / 1e6;
    print!("{sometimes}");
    println!(
        "{runs} runs, {events} events, {operations} operations in {seconds:.1} s, {cpu_seconds:.1} CPU \
         seconds: {rate:.2} M events per CPU second on {} threads; {} violated",
        wish.threads,
        violated.load(Ordering::Relaxed)
    );
    violated.load(Ordering::Relaxed) > 0
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish {
        from: 0,
        seeds: 10_000,
        given: Given::default(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        keep_going: false,
        trace: None,
    };
    while let Some(name) = arguments.next() {
        if name == "--keep-going" {
            wish.keep_going = true;
            continue;
        }
        let value = arguments.next().ok_or(format!("{name} needs a value"))?;
        let number = || {
            let wrong = format!("{name} needs a number, not \"{value}\"");
            value.parse::<u64>().map_err(|_| wrong)
        };
        match name.as_str() {
            "--from" => wish.from = number()?,
            "--seeds" => wish.seeds = number()?,
            "--threads" => wish.threads = usize::try_from(number()?).unwrap_or(1),
            "--trace" => wish.trace = Some(number()?),
            "--mode" => {
                wish.given.mode = match value.as_str() {
                    "async" => Some(Mode::Async),
                    "semi-sync" => Some(Mode::SemiSync),
                    _ => return Err(format!("there is no mode \"{value}\"")),
                }
            }
            _ => return Err(format!("there is no option \"{name}\"")),
        }
    }
    Ok(wish)
}
