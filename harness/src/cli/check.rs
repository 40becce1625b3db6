//! `kensho check`: judges a history again.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use kensho_checker::report::Verdict;
use kensho_results::store::RunFolder;
use kensho_workloads::register;

use crate::runner::run::read_history;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folders of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Print the whole report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let mut worst = 0;
    for path in &arguments.runs {
        let code = judge(path, arguments.json)?;
        // Invalid outweighs unknown outweighs valid.
        worst = match (worst, code) {
            (1, _) | (_, 1) => 1,
            (one, other) => one.max(other),
        };
    }
    Ok(worst)
}

fn judge(path: &Path, json: bool) -> Result<u8> {
    let report = register::check(&read_history(&RunFolder::open(path))?);
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        let (operations, keys) = (report.operations, report.keys);
        let verdict = &report.verdict;
        println!(
            "{}: {verdict} ({operations} operations on {keys} registers)",
            path.display()
        );
        for anomaly in report.anomalies() {
            println!("  {}: {}", anomaly.name, anomaly.text);
        }
    }
    Ok(match report.verdict {
        Verdict::Valid(_) => 0,
        Verdict::Invalid(_) => 1,
        Verdict::Unknown(_) => 2,
    })
}
