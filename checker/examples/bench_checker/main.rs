//! Measures the checker: CPU time of one thread, and the most memory in use, for each row of a
//! table, and for histories of growing size. Each row runs in a process of its own, so that its
//! memory is measured cleanly; histories are made before the clock runs.
//!
//! `make bench-checker` writes the figures and a chart to `results/published`.
//!
//! `cargo run --release -p kensho-checker --example bench_checker -- [OUTPUT.json CHART.svg]`
//! `… -- --row NAME` runs one row and prints its line of JSON.
//! `… -- --limited NAME` judges the history of a row with `--memory-limit 100`.
//! `… -- --write NAME FILE` writes the history of a row.
//! `… -- --measure PROGRAM ARGUMENT…` runs a program, and prints what it took.
//!
//! The row `etcd-logs` judges the `*.log` files of the folder in `KENSHO_ETCD_LOGS`, if it is set,
//! and so do rows of `kv-*.txt` files of the folder in `KENSHO_PORCUPINE_KV`. If `KENSHO_AWDIT` is
//! the program of AWDIT, it judges the same files in the same run; otherwise its published figures
//! are compared with, by the turns of one loop.

mod chart;
mod files;
mod limited;
mod measure;
mod object_rows;
mod objects;
mod rows;
mod streams;
mod transactions;

use serde_json::{Value, json};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--row", name] => match run_row(name) {
            Some(result) => println!("{result}"),
            None => {
                eprintln!("no row is called {name}");
                return ExitCode::from(254);
            }
        },
        ["--limited", name] => println!("{}", limited::run_row(name)),
        ["--measure", ref line @ ..] if !line.is_empty() => measure::only_child(line),
        ["--write", name, path] => {
            files::write(name, path.as_ref()).expect("to write the history");
        }
        [] | [_, _] => {
            let results = run_all();
            let text = serde_json::to_string_pretty(&results).expect("JSON") + "\n";
            if let [figures, picture] = arguments[..] {
                std::fs::write(figures, text).expect("to write the figures");
                chart::draw(&results["rows"], picture).expect("to draw the chart");
                println!("written: {figures}, {picture}");
            } else {
                println!("{text}");
            }
        }
        _ => {
            eprintln!("usage: bench_checker [OUTPUT.json CHART.svg] | --row NAME");
            return ExitCode::from(254);
        }
    }
    ExitCode::SUCCESS
}

/// Measures the row of this name.
fn run_row(name: &str) -> Option<Value> {
    let row = rows::all().into_iter().find(|row| row.name == name);
    let work = transactions::all()
        .into_iter()
        .find(|work| work.name == name);
    let stream = streams::all().into_iter().find(|work| work.name == name);
    let row = row.map(|row| row.run());
    let row = row.or_else(|| Some(work?.run()));
    row.or_else(|| Some(stream?.run()))
}

/// What this program prints when it runs with these arguments, in a process of its own.
fn in_own_process(arguments: &[&str]) -> Value {
    let program = std::env::current_exe().expect("the path of this program");
    let output = Command::new(&program).args(arguments).output();
    let output = output.expect("to run a row");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        let problem = String::from_utf8_lossy(&output.stderr);
        panic!("{arguments:?}: {problem}")
    })
}

/// Runs every row in a process of its own, and prints the table meanwhile.
fn run_all() -> Value {
    println!(
        "{:<20} {:>9} {:>10} {:>10} {:>9} {:>17}",
        "row", "verdict", "CPU ms", "target ms", "peak MiB", "limited to 100"
    );
    let mut results = Vec::new();
    let rows = rows::all().into_iter().map(|row| row.name);
    let works = transactions::all().into_iter();
    let works = works.map(|work| work.name.to_owned());
    let streams = streams::all().into_iter().map(|work| work.name.to_owned());
    for name in rows.chain(works).chain(streams) {
        let mut result = in_own_process(&["--row", &name]);
        let limited = in_own_process(&["--limited", &name]);
        print_row(&name, &result, &limited);
        result["limited"] = limited;
        results.push(result);
    }
    json!({
        "about": "Least CPU time of one thread for a verdict with its proof (witness validated, or violation explained), and the most memory of the process, the history included. Histories are generated before the clock runs. `limited`: the same history (the first, of many) from a file with --memory-limit 100, and the most memory then.",
        "command": "make bench-checker",
        "machine": measure::machine(),
        "calibration_s": measure::calibration_seconds(),
        "rows": results,
    })
}

fn print_row(name: &str, result: &Value, limited: &Value) {
    let number = |name: &str| result[name].as_f64();
    let misses = |found: Option<f64>, target: Option<f64>| found > target && target.is_some();
    let beyond = limited["peak_mib"].as_f64() > Some(limited::TARGET_MIB);
    let missed = [
        (misses(number("cpu_s"), number("target_cpu_s")), "time"),
        (misses(number("peak_mib"), number("target_mib")), "memory"),
        (beyond, "memory when limited"),
    ];
    let missed = missed
        .iter()
        .filter(|(missed, _)| *missed)
        .map(|(_, what)| *what);
    let missed: Vec<&str> = missed.collect();
    println!(
        "{:<20} {:>9} {:>10.2} {:>10} {:>9.1} {:>9} {:>7.1} {}",
        name,
        result["verdict"].as_str().unwrap_or(""),
        number("cpu_s").unwrap_or(f64::NAN) * 1e3,
        number("target_cpu_s").map_or(String::new(), |target| format!("{:.0}", target * 1e3)),
        number("peak_mib").unwrap_or(f64::NAN),
        limited["verdict"].as_str().unwrap_or(""),
        limited["peak_mib"].as_f64().unwrap_or(f64::NAN),
        match missed.is_empty() {
            true => String::new(),
            false => format!("missed: {}", missed.join(", ")),
        },
    );
    if let Some(ratio) = result["peer"]["we_take"].as_f64() {
        println!(
            "{:>20} {ratio:.3} of what {} takes",
            "", result["peer"]["name"]
        );
    }
}
