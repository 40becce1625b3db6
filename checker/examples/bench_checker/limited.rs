//! Every history of the table again, judged by the command with a limit of memory: the process must
//! stay below what the limit promises, whatever the model, and say *unknown* if that is too little.

use crate::files::HistoryFile;
use crate::{measure, rows, streams, transactions};
use clap::Parser;
use kensho_checker::command::{CheckArguments, run};
use serde_json::{Value, json};

/// `--memory-limit`, in MiB.
const LIMIT_MIB: &str = "100";

/// What the process may have in all.
pub(crate) const TARGET_MIB: f64 = 130.0;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArguments,
}

/// Judges the history of a row with little memory. What has to be given up does not count as wrong;
/// to have more memory does.
pub(crate) fn run_row(name: &str) -> Value {
    let row = rows::all().into_iter().find(|row| row.name == name);
    let row = row.map(|row| row.options());
    let work = transactions::all()
        .into_iter()
        .find(|work| work.name == name);
    let work = work.map(|work| work.options());
    // Streams are registers, as the command finds out by itself.
    let stream = streams::all().iter().any(|work| work.name == name);
    let options = row.or(work).or(stream.then(Vec::new));
    let options = options.unwrap_or_else(|| panic!("no row is called {name}"));
    let file = HistoryFile::of(name);
    let options = options.iter().map(String::as_str);
    let words = [
        "check",
        "--json",
        "--time-limit",
        "600",
        "--memory-limit",
        LIMIT_MIB,
    ];
    let words = words.into_iter().chain(options);
    let line = Line::parse_from(words.chain([file.path()]));
    let mut output = Vec::new();
    run(&line.check, &mut output).expect("to write to memory");
    let report: Value = serde_json::from_slice(&output).expect("a report");
    json!({
        "verdict": match &report["valid"] {
            Value::Bool(true) => "valid",
            Value::Bool(false) => "invalid",
            _ => "unknown",
        },
        "peak_mib": measure::peak_mib(),
    })
}
