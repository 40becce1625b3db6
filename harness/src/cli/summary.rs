//! `kensho summary`: the figures of many runs beside each other, and added up.

use std::path::{Path, PathBuf};

use crate::identity;
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folders of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is worth comparing of one run.
#[derive(Debug, Serialize)]
struct Run {
    began: String,
    seed: u64,
    options: Value,
    valid: Value,
    anomalies: Vec<String>,
    operations: u64,
    faults_applied: u64,
    owner_kills: u64,
    master_kills: u64,
    owner_pauses_beyond_lease: u64,
    partitions: u64,
    unavailable_ms_max: f64,
    recovery_ms_max: f64,
    answers_per_second: Value,
}

#[derive(Debug, Serialize)]
struct Summary {
    runs: Vec<Run>,
    valid: usize,
    invalid: usize,
    unknown: usize,
    operations: u64,
    faults_applied: u64,
    owner_kills: u64,
    master_kills: u64,
    owner_pauses_beyond_lease: u64,
    partitions: u64,
    recovery_ms_max: f64,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let runs: Vec<Run> = arguments
        .runs
        .iter()
        .map(|path| read(path))
        .collect::<Result<_>>()?;
    let total = |figure: fn(&Run) -> u64| runs.iter().map(figure).sum();
    let judged = |verdict: Value| runs.iter().filter(|run| run.valid == verdict).count();
    let recoveries = runs.iter().map(|run| run.recovery_ms_max);
    let summary = Summary {
        valid: judged(true.into()),
        invalid: judged(false.into()),
        unknown: judged("unknown".into()),
        operations: total(|run| run.operations),
        faults_applied: total(|run| run.faults_applied),
        owner_kills: total(|run| run.owner_kills),
        master_kills: total(|run| run.master_kills),
        owner_pauses_beyond_lease: total(|run| run.owner_pauses_beyond_lease),
        partitions: total(|run| run.partitions),
        recovery_ms_max: recoveries.fold(0.0, f64::max),
        runs,
    };
    for run in &summary.runs {
        let broken = run.options["break-rules"].as_str();
        println!(
            "seed {:>4}  valid: {:<7}  {:>7} operations  {:>2} faults  slowest recovery {:>7.1} ms  {}{}",
            run.seed,
            run.valid.to_string().trim_matches('"'),
            run.operations,
            run.faults_applied,
            run.recovery_ms_max,
            broken
                .map(|rules| format!("without {rules}: "))
                .unwrap_or_default(),
            run.anomalies.join(", "),
        );
    }
    println!(
        "{} runs: {} valid, {} invalid, {} unknown; {} operations, {} faults: {} kills of an owner, \
         {} of the master, {} pauses of an owner beyond its lease, {} partitions",
        summary.runs.len(),
        summary.valid,
        summary.invalid,
        summary.unknown,
        summary.operations,
        summary.faults_applied,
        summary.owner_kills,
        summary.master_kills,
        summary.owner_pauses_beyond_lease,
        summary.partitions,
    );
    if let Some(path) = &arguments.out {
        let text = serde_json::to_string_pretty(&identity::stamped(&summary, None)?)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(match (summary.invalid, summary.unknown) {
        (0, 0) => 0,
        (0, _) => 2,
        _ => 1,
    })
}

fn read(folder: &Path) -> Result<Run> {
    let verdict = json(&folder.join("verdict.json"))?;
    let run = json(&folder.join("run.json"))?;
    let count = |name: &str| verdict["counts"][name].as_u64().unwrap_or_default();
    let outcomes = verdict["operations"].as_object().into_iter().flatten();
    let operations = outcomes.flat_map(|(_, outcomes)| outcomes.as_object().into_iter().flatten());
    let anomalies = verdict["anomalies"].as_array().into_iter().flatten();
    let mut anomalies: Vec<String> = anomalies
        .filter_map(|anomaly| Some(anomaly["name"].as_str()?.to_owned()))
        .collect();
    anomalies.sort_unstable();
    anomalies.dedup();
    Ok(Run {
        began: run["began"].as_str().unwrap_or_default().to_owned(),
        seed: run["seed"].as_u64().unwrap_or_default(),
        options: run["options"].clone(),
        valid: verdict["valid"].clone(),
        anomalies,
        operations: operations.filter_map(|(_, number)| number.as_u64()).sum(),
        faults_applied: count("faults_applied"),
        owner_kills: count("owner_kills"),
        master_kills: count("master_kills"),
        owner_pauses_beyond_lease: count("owner_pauses_beyond_lease"),
        partitions: count("partitions"),
        unavailable_ms_max: verdict["unavailable_ms_max"].as_f64().unwrap_or_default(),
        recovery_ms_max: verdict["availability"]["recovery_ms_max"]
            .as_f64()
            .unwrap_or_default(),
        answers_per_second: verdict["throughput"].clone(),
    })
}

fn json(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read {}: is its folder that of a finished run?",
            path.display()
        )
    })?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}
