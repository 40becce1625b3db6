//! Feeds mutated histories to every reader, and judges what they accept: nothing may panic.
//!
//! `cargo run --release -p kensho-checker --example fuzz_parsers -- SECONDS [SEED]` spends so many
//! seconds on each format, beginning with the files in `checker/fuzz/seeds`. An input that makes a
//! reader panic is written to `checker/fuzz/seeds/crash-FORMAT`, where the next run finds it.

use kensho_checker::budget::Budget;
use kensho_checker::formats::{Format, read};
use kensho_checker::generate::Random;
use kensho_checker::judge::{ModelName, Settings, judge};
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

const FORMATS: [(Format, &str); 5] = [
    (Format::Edn, "edn"),
    (Format::Jsonl, "jsonl"),
    (Format::JepsenTxt, "jepsen-txt"),
    (Format::PorcupineLog, "porcupine-log"),
    (Format::ElleJson, "elle-json"),
];

/// Pieces that mean something to one reader or another.
const WORDS: [&str; 26] = [
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "\"",
    "\\",
    "#",
    "#_",
    "#{",
    ":",
    "nil",
    "null",
    ":type",
    ":ok",
    "\t",
    "\n",
    ",",
    "-",
    "1e999",
    "9223372036854775808",
    "\\u",
    "^",
    ";",
    "process",
];

fn mutate(random: &mut Random, pool: &[Vec<u8>]) -> Vec<u8> {
    let mut input = pool[random.below(pool.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() + 1);
        match random.below(7) {
            0 if at < input.len() => input[at] = random.bits() as u8,
            1 if at < input.len() => {
                input.remove(at);
            }
            2 => input.truncate(at),
            3 => {
                let word = WORDS[random.below(WORDS.len())].as_bytes();
                input.splice(at..at, word.iter().copied());
            }
            4 => {
                let other = &pool[random.below(pool.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(60)).min(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
            5 if at < input.len() => {
                let end = (at + random.below(40)).min(input.len());
                let part = input[at..end].to_vec();
                input.splice(at..at, part);
            }
            _ if at < input.len() => input[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
    input.truncate(4096);
    input
}

fn try_all(input: &[u8], format: Format) {
    let _ = Format::detect(input);
    let Ok(mut history) = read(input, format) else {
        return;
    };
    let budget = Budget {
        time: Duration::from_millis(20),
        bytes: 1 << 24,
    };
    let settings = Settings {
        budget,
        threads: 1,
        format: Some(format),
        ..Settings::default()
    };
    for model in [
        ModelName::CasRegister,
        ModelName::EtcdRegister,
        ModelName::Kv,
        ModelName::ListAppend,
        ModelName::RwRegister,
        ModelName::SetFull,
        ModelName::Counter,
        ModelName::Bank,
        ModelName::Queue,
        ModelName::LongFork,
    ] {
        let report = judge(&history, model, &settings);
        let _ = kensho_checker::explain::text(&report);
        let _ = kensho_checker::explain::html_fragment(&history, &report);
    }
    history.split_tuples();
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds: f64 = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10.0);
    let seed: u64 = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for entry in std::fs::read_dir(&folder)
        .expect("checker/fuzz/seeds")
        .flatten()
    {
        seeds.push(std::fs::read(entry.path()).expect("a seed"));
    }
    std::panic::set_hook(Box::new(|_| {}));
    let mut findings = 0;
    for (format, name) in FORMATS {
        let mut random = Random::new(seed);
        let mut pool = seeds.clone();
        let (mut tries, mut accepted) = (0_u64, 0_u64);
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        while Instant::now() < end {
            let input = mutate(&mut random, &pool);
            tries += 1;
            if catch_unwind(|| try_all(&input, format)).is_err() {
                findings += 1;
                let path = folder.join(format!("crash-{name}"));
                std::fs::write(&path, &input).expect("to keep the finding");
                eprintln!("{name}: panic; the input is {}", path.display());
                break;
            }
            // What is accepted and new leads deeper than what is refused at once.
            if read(&input, format).is_ok() {
                accepted += 1;
                if pool.len() < 500 {
                    pool.push(input);
                } else {
                    let at = seeds.len() + random.below(pool.len() - seeds.len());
                    pool[at] = input;
                }
            }
        }
        println!("{name}: {tries} inputs, {accepted} accepted");
    }
    std::process::exit(i32::from(findings > 0));
}
