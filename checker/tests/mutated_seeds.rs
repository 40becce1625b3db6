//! Feeds mutated histories to every reader, and judges what they accept: nothing may panic.
//!
//! This is the short form that runs with all tests; `make fuzz-checker` fuzzes for as long as one
//! likes, guided by coverage, from the same seeds (`checker/fuzz`).

use kensho_checker::budget::Budget;
use kensho_checker::explain;
use kensho_checker::formats::{Format, read};
use kensho_checker::generate::Random;
use kensho_checker::judge::{Model, Settings, judge, models};
use std::path::Path;
use std::time::Duration;

/// Inputs for each format.
const ROUNDS: usize = 2500;

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

const MODELS: [&Model; 10] = [
    &models::CAS_REGISTER,
    &models::ETCD_REGISTER,
    &models::KV,
    &models::LIST_APPEND,
    &models::RW_REGISTER,
    &models::SET_FULL,
    &models::COUNTER,
    &models::BANK,
    &models::QUEUE,
    &models::LONG_FORK,
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
    input.truncate(2048);
    input
}

/// Whether the input is a history.
fn read_and_judge(input: &[u8], format: Format, model: &'static Model) -> bool {
    let _ = Format::detect(input);
    let history = match read(input, format) {
        Ok(history) => history,
        Err(problem) => {
            // It names its place, or is about the file as a whole.
            let begins = ["line ", "offset ", "nothing was read: ", "this "];
            let text = problem.to_string();
            assert!(begins.iter().any(|begin| text.starts_with(begin)), "{text}");
            return false;
        }
    };
    let settings = Settings {
        budget: Budget {
            time: Duration::from_millis(20),
            bytes: 1 << 24,
        },
        threads: 1,
        format: Some(format),
        ..Settings::default()
    };
    let mut split = history.clone();
    split.split_tuples();
    for history in [history, split] {
        let report = judge(&history, model, &settings);
        let _ = explain::text(&report);
        let _ = explain::html_fragment(&history, &report);
    }
    true
}

fn fuzz(format: Format) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let mut pool: Vec<Vec<u8>> = files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect();
    let mut random = Random::new(1);
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let input = mutate(&mut random, &pool);
        // What is accepted and new leads deeper than what is refused at once.
        if read_and_judge(&input, format, MODELS[round % MODELS.len()]) {
            accepted += 1;
            if pool.len() < 200 {
                pool.push(input);
            }
        }
    }
    assert!(
        accepted > ROUNDS / 100,
        "only {accepted} inputs were histories"
    );
}

macro_rules! formats {
    ($($name:ident: $format:ident,)*) => {
        $(#[test]
        fn $name() {
            fuzz(Format::$format);
        })*

        #[test]
        fn every_format_is_fuzzed() {
            // What has a checksum in front is only reached by its own tests.
            let fuzzed = [$(Format::$format,)* Format::Jepsen];
            assert!(Format::ALL.iter().all(|format| fuzzed.contains(format)));
        }
    };
}

formats! {
    edn: Edn,
    jsonl: Jsonl,
    jepsen_txt: JepsenTxt,
    porcupine_log: PorcupineLog,
    elle_json: ElleJson,
    fressian: Fressian,
    dbcop: Dbcop,
    dbcop_json: DbcopJson,
    dbcop_text: DbcopText,
    cobra: Cobra,
    etcd: Etcd,
    porcupine: Porcupine,
    tipocket: Tipocket,
    csv: Csv,
    plume: Plume,
    awdit: Awdit,
}
