//! Measures the checker: CPU time of one thread, and the most memory in use, for each row of a
//! table, and for histories of growing size. Each row runs in a process of its own, so that its
//! memory is measured cleanly; histories are made before the clock runs.
//!
//! `make bench-checker` writes the figures and a chart to `results/published`.
//!
//! `cargo run --release -p kensho-checker --example bench_checker -- [OUTPUT.json CHART.svg]`
//! `… -- --row NAME` runs one row and prints its line of JSON.
//! `… -- --write NAME FILE` writes the history of a row of transactions as EDN, or that of a row of
//! streams as JSON lines.
//!
//! The row `etcd-logs` judges the `*.log` files of the folder in `KENSHO_ETCD_LOGS`, if it is set,
//! and so do rows of `kv-*.txt` files of the folder in `KENSHO_PORCUPINE_KV`.

mod chart;
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
        ["--row", name] => {
            let row = rows::all().into_iter().find(|row| row.name == name);
            let work = transactions::all()
                .into_iter()
                .find(|work| work.name == name);
            let stream = streams::all().into_iter().find(|work| work.name == name);
            match (row, work, stream) {
                (Some(row), ..) => println!("{}", row.run()),
                (_, Some(work), _) => println!("{}", work.run()),
                (.., Some(stream)) => println!("{}", stream.run()),
                _ => {
                    eprintln!("no row is called {name}");
                    return ExitCode::from(254);
                }
            }
        }
        ["--write", name, path] => {
            match streams::all().into_iter().find(|work| work.name == name) {
                Some(work) => work.write(path.as_ref()).expect("to write the history"),
                None => transactions::write(name, path),
            }
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

/// Runs every row in a process of its own, and prints the table meanwhile.
fn run_all() -> Value {
    let program = std::env::current_exe().expect("the path of this program");
    println!(
        "{:<20} {:>9} {:>10} {:>10} {:>9}",
        "row", "verdict", "CPU ms", "target ms", "peak MiB"
    );
    let mut results = Vec::new();
    let rows = rows::all().into_iter().map(|row| row.name);
    let works = transactions::all()
        .into_iter()
        .map(|work| work.name.to_owned());
    let streams = streams::all().into_iter().map(|work| work.name.to_owned());
    for name in rows.chain(works).chain(streams) {
        let output = Command::new(&program)
            .args(["--row", &name])
            .output()
            .expect("to run a row");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            let problem = String::from_utf8_lossy(&output.stderr);
            panic!("{name}: {problem}")
        });
        let number = |name: &str| result[name].as_f64();
        let reached = match (number("cpu_s"), number("target_cpu_s")) {
            (Some(seconds), Some(target)) if seconds <= target => "reached",
            (Some(_), Some(_)) => "missed",
            _ => "",
        };
        println!(
            "{:<20} {:>9} {:>10.2} {:>10} {:>9.1} {reached}",
            name,
            result["verdict"].as_str().unwrap_or(""),
            number("cpu_s").unwrap_or(f64::NAN) * 1e3,
            number("target_cpu_s").map_or(String::new(), |target| format!("{:.0}", target * 1e3)),
            number("peak_mib").unwrap_or(f64::NAN),
        );
        if let Some(ratio) = result["peer"]["we_take"].as_f64() {
            println!(
                "{:>20} {ratio:.3} of what {} takes",
                "", result["peer"]["name"]
            );
        }
        results.push(result);
    }
    json!({
        "about": "Least CPU time of one thread for a verdict with its proof (witness validated, or violation explained), and the most memory of the process, the history included. Histories are generated before the clock runs.",
        "command": "make bench-checker",
        "machine": measure::machine(),
        "calibration_s": measure::calibration_seconds(),
        "rows": results,
    })
}
