//! Measures the checker: CPU time of one thread, and the most memory in use, for each row of a
//! table. Each row runs in a process of its own, so that memory is measured cleanly.
//!
//! `cargo run --release -p kensho-checker --example bench_checker -- [OUTPUT.json]`
//! `… -- --row NAME` runs one row and prints its line of JSON.
//!
//! The row `etcd` judges all `*.log` files of the folder in `KENSHO_ETCD_LOGS`, if it is set.

use kensho_checker::formats::{self, Format};
use kensho_checker::generate::{Recipe, Values, history};
use kensho_checker::history::History;
use kensho_checker::register::{Explain, FailedCas, Options, check};
use serde_json::{Value, json};
use std::process::Command;

struct Row {
    name: String,
    what: &'static str,
    recipe: Recipe,
    /// What is to be reached: seconds, and MiB if that matters.
    target: Option<(f64, Option<f64>)>,
}

fn rows() -> Vec<Row> {
    let base = Recipe {
        operations: 1_000_000,
        clients: 100,
        ..Recipe::default()
    };
    let mut rows = vec![
        Row {
            name: "100-keys".into(),
            what: "1e6 operations, 100 keys, unique values",
            recipe: Recipe { keys: 100, ..base },
            target: Some((0.25, Some(100.0))),
        },
        Row {
            name: "one-key".into(),
            what: "1e6 operations, one key, 100 clients, 5 % unknown",
            recipe: Recipe {
                unknown_per_mille: 50,
                ..base
            },
            target: Some((1.0, None)),
        },
        Row {
            name: "live-keys".into(),
            what: "1e6 operations, 10 live keys x 500 operations, 100 clients",
            recipe: Recipe {
                keys: 10,
                operations_per_key: 500,
                ..base
            },
            target: Some((0.25, None)),
        },
        Row {
            name: "one-key-stale".into(),
            what: "the same with one stale read, found and explained",
            recipe: Recipe {
                unknown_per_mille: 50,
                stale_reads: 1,
                ..base
            },
            target: Some((1.0, None)),
        },
        Row {
            name: "repeated".into(),
            what: "1e5 operations, 10 live keys x 500 operations, 10 clients, 5 values, 1 % unknown",
            recipe: Recipe {
                operations: 100_000,
                clients: 10,
                keys: 10,
                operations_per_key: 500,
                unknown_per_mille: 10,
                values: Values::Repeated(5),
                ..base
            },
            target: None,
        },
    ];
    for clients in [1, 10, 100] {
        for operations in [1_000, 10_000, 100_000, 1_000_000] {
            rows.push(Row {
                name: format!("curve-{clients}-{operations}"),
                what: "one key, unique values, 5 % unknown: time against size",
                recipe: Recipe {
                    operations,
                    clients,
                    unknown_per_mille: 50,
                    ..Recipe::default()
                },
                target: None,
            });
        }
    }
    rows
}

/// CPU seconds of this process so far.
fn cpu_seconds() -> f64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID);
    let time = time.expect("the clock of this process");
    time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9
}

/// The most memory that this process had in use, in MiB.
fn peak_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// The least CPU time of three rounds, and the verdict.
fn measure(history: &History, options: &Options) -> (f64, &'static str) {
    let mut best = f64::INFINITY;
    let mut verdict = "";
    for _ in 0..3 {
        let start = cpu_seconds();
        let report = check(history, options);
        best = best.min(cpu_seconds() - start);
        verdict = if report.is_valid() {
            "valid"
        } else if report.is_invalid() {
            "invalid"
        } else {
            "unknown"
        };
    }
    (best, verdict)
}

fn run_row(row: &Row) -> Value {
    let history = history(&row.recipe);
    let options = Options {
        threads: 1,
        ..Options::default()
    };
    let (seconds, verdict) = measure(&history, &options);
    json!({
        "name": row.name,
        "what": row.what,
        "operations": row.recipe.operations,
        "clients": row.recipe.clients,
        "verdict": verdict,
        "cpu_s": seconds,
        "peak_mib": peak_mib(),
        "target_cpu_s": row.target.map(|target| target.0),
        "target_mib": row.target.and_then(|target| target.1),
    })
}

/// All logs of a folder, read before the clock runs.
fn run_etcd(folder: &str) -> Value {
    let mut histories = Vec::new();
    for entry in std::fs::read_dir(folder)
        .expect("the folder of KENSHO_ETCD_LOGS")
        .flatten()
    {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "log")
        {
            let text = std::fs::read(entry.path()).expect("a log");
            histories.push(formats::read(&text, Format::detect(&text)).expect("a history"));
        }
    }
    let options = Options {
        failed_cas: FailedCas::Observation,
        threads: 1,
        explain: Explain::VerdictOnly,
        ..Options::default()
    };
    let mut best = f64::INFINITY;
    let mut invalid = 0;
    for _ in 0..20 {
        let start = cpu_seconds();
        invalid = histories
            .iter()
            .filter(|history| check(history, &options).is_invalid())
            .count();
        best = best.min(cpu_seconds() - start);
    }
    json!({
        "name": "etcd",
        "what": "etcd register histories of a folder, verdicts only",
        "histories": histories.len(),
        "invalid": invalid,
        "operations": histories.iter().map(|history| history.operations.len()).sum::<usize>(),
        "cpu_s": best,
        "peak_mib": peak_mib(),
        "target_cpu_s": 0.005,
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rows = rows();
    if let [flag, name] = &arguments[..]
        && flag == "--row"
    {
        let line = match (
            rows.iter().find(|row| row.name == *name),
            std::env::var("KENSHO_ETCD_LOGS"),
        ) {
            (Some(row), _) => run_row(row),
            (None, Ok(folder)) if name == "etcd" => run_etcd(&folder),
            _ => panic!("no row is called {name}"),
        };
        println!("{line}");
        return;
    }
    let program = std::env::current_exe().expect("the path of this program");
    let mut names: Vec<String> = rows.into_iter().map(|row| row.name).collect();
    if std::env::var("KENSHO_ETCD_LOGS").is_ok() {
        names.insert(0, "etcd".to_owned());
    }
    let mut results = Vec::new();
    println!(
        "{:<20} {:>9} {:>10} {:>10} {:>9} {:>8}",
        "row", "verdict", "CPU ms", "target ms", "peak MiB", ""
    );
    for name in names {
        let output = Command::new(&program)
            .args(["--row", &name])
            .output()
            .expect("to run a row");
        let line = String::from_utf8_lossy(&output.stdout);
        let row: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
        let target = row["target_cpu_s"].as_f64();
        let seconds = row["cpu_s"].as_f64().unwrap_or(f64::NAN);
        println!(
            "{name:<20} {:>9} {:>10.2} {:>10} {:>9.1} {:>8}",
            row["verdict"].as_str().unwrap_or(""),
            seconds * 1e3,
            target.map_or(String::new(), |target| format!("{:.0}", target * 1e3)),
            row["peak_mib"].as_f64().unwrap_or(f64::NAN),
            target.map_or("", |target| if seconds <= target {
                "reached"
            } else {
                "missed"
            }),
        );
        results.push(row);
    }
    let text = serde_json::to_string_pretty(&json!({ "rows": results })).expect("JSON");
    match arguments.first() {
        Some(path) => std::fs::write(path, text).expect("to write the results"),
        None => println!("{text}"),
    }
}
