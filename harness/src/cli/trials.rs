//! `kensho trials`: real systems are put to the tests for which something is known to be expected.
//!
//! Those that are not installed are skipped, and it is said so.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser};
use kensho_results::run::Host;
use kensho_results::text::thousands;
use kensho_results::verdict::{Validity, Verdict};
use serde::{Deserialize, Serialize};

use super::options::count;
use super::refusal::Refusal;
use super::session::block_on;
use super::test;
use crate::runner::interrupt::Interrupt;
use crate::system::program::built_in::{self, BuiltIn};
use crate::system::program::file::Trial;

/// What these runs have in common where they say nothing else.
const COMMON: [(&str, &str); 4] = [
    ("--clients", "10"),
    ("--rate", "300"),
    ("--time-limit", "20s"),
    ("--client-timeout", "3s"),
];

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which systems [default: all]
    #[arg(value_name = "SYSTEM")]
    systems: Vec<String>,
    /// How often each run is made; its verdict must be the same each time
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = count(1, 100))]
    times: usize,
    /// Only so many runs of each system
    #[arg(long, value_name = "COUNT", value_parser = count(1, 100))]
    first: Option<usize>,
    /// Folder of runs
    #[arg(long, default_value = "results/runs/trials", value_name = "DIR")]
    out: PathBuf,
    /// Write the table to this file, as Markdown, and beside it as JSON; what is there of other systems stays
    #[arg(long, value_name = "FILE.md")]
    save: Option<PathBuf>,
}

/// What came of the runs of one trial.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    system: String,
    version: String,
    /// What can be typed to see it again.
    command: String,
    /// What is expected.
    expected: String,
    /// What was found, each time.
    verdicts: Vec<Found>,
    /// Whether all are as expected.
    as_expected: bool,
    /// What it means.
    shows: String,
}

/// What one run found.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    verdict: String,
    anomalies: String,
    lost_writes: usize,
    operations: u64,
    faults: usize,
    /// From the first node's start to the verdict.
    seconds: f64,
    summary: String,
}

/// The arguments of a run, parsed as if a person had typed them.
#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    test: test::Arguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let chosen = choose(&arguments.systems)?;
    block_on(async {
        let interrupt = Interrupt::on_signals()?;
        let names: Vec<&str> = chosen.iter().map(|system| system.name).collect();
        let kept = arguments
            .save
            .as_ref()
            .map(|path| rows_of_others(path, &names));
        let (mut rows, mut skipped) = (kept.transpose()?.unwrap_or_default(), Vec::new());
        for system in chosen {
            let described = system.described()?;
            if let Some(missing) = described.needs.missing() {
                println!("{:<16} skipped: {missing}", system.name);
                skipped.push((system.name, missing));
                continue;
            }
            let trials = described.trials.iter();
            for trial in trials.take(arguments.first.unwrap_or(usize::MAX)) {
                let row = try_out(system, trial, arguments, &interrupt).await?;
                println!("{}", told(&row));
                rows.push(row);
                // After each of them, since all of them take their time.
                if let Some(path) = &arguments.save {
                    rows.sort_by_key(place);
                    save(path, &rows, &skipped)?;
                }
            }
        }
        let mut made = rows
            .iter()
            .filter(|row| names.contains(&row.system.as_str()));
        let right = made.all(|row| row.as_expected);
        Ok(u8::from(!right))
    })
}

fn choose(names: &[String]) -> Result<Vec<&'static BuiltIn>> {
    if names.is_empty() {
        return Ok(built_in::ALL.iter().collect());
    }
    let found = names.iter().map(|name| {
        built_in::find(name).ok_or_else(|| {
            let known: Vec<&str> = built_in::ALL.iter().map(|system| system.name).collect();
            let known = known.join(", ");
            Refusal(format!(
                "there are no trials of {name:?}; there are of {known}"
            ))
        })
    });
    Ok(found.collect::<Result<_, _>>()?)
}

/// What is typed after `kensho`.
fn words(system: &str, trial: &Trial) -> Vec<String> {
    let own: Vec<&str> = trial.options.split_whitespace().collect();
    let mut words = vec!["test"];
    words.extend(own.first());
    words.extend(["--system", system]);
    words.extend(own.iter().skip(1));
    for (name, value) in COMMON {
        if !own.contains(&name) {
            words.extend([name, value]);
        }
    }
    words.into_iter().map(String::from).collect()
}

async fn try_out(
    system: &BuiltIn,
    trial: &Trial,
    arguments: &Arguments,
    interrupt: &Interrupt,
) -> Result<Row> {
    let words = words(system.name, trial);
    let mut verdicts = Vec::new();
    let mut version = String::new();
    for _ in 0..arguments.times {
        let out = arguments.out.join(system.name).display().to_string();
        let typed = words.iter().cloned().chain(["--out".to_string(), out]);
        let typed = Typed::try_parse_from(typed)?;
        let begin = Instant::now();
        let played = test::play(&typed.test).await;
        if interrupt.is_set() {
            bail!("interrupted");
        }
        let seconds = begin.elapsed().as_secs_f64();
        verdicts.push(match played {
            Ok((outcome, folder)) => {
                version = version_of(&folder.run(), system.name);
                found(&outcome.verdict, seconds)
            }
            // Such as a node that did not start in time: the other runs are none the worse.
            Err(error) => not_run(&error, seconds),
        });
    }
    let expected = trial.expect.validity().word();
    Ok(Row {
        system: system.name.to_string(),
        version,
        command: format!("kensho {}", words.join(" ")),
        expected: expected.to_string(),
        as_expected: verdicts.iter().all(|found| found.verdict == expected),
        verdicts,
        shows: trial.shows.clone(),
    })
}

fn version_of(record: &Path, system: &str) -> String {
    let text = std::fs::read_to_string(record).unwrap_or_default();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    record["versions"][system]
        .as_str()
        .unwrap_or("-")
        .to_string()
}

fn not_run(error: &anyhow::Error, seconds: f64) -> Found {
    Found {
        verdict: "not run".to_string(),
        anomalies: format!("{error:#}"),
        lost_writes: 0,
        operations: 0,
        faults: 0,
        seconds: (seconds * 10.0).round() / 10.0,
        summary: String::new(),
    }
}

fn found(verdict: &Verdict, seconds: f64) -> Found {
    let names = verdict.anomalies.iter();
    let mut names: Vec<&str> = names
        .filter_map(|anomaly| anomaly["name"].as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    let missing = match verdict.valid {
        Validity::Unknown => verdict.missing.join("; "),
        Validity::Valid | Validity::Invalid => names.join(", "),
    };
    Found {
        verdict: verdict.valid.word().to_string(),
        anomalies: missing,
        lost_writes: verdict.losses.count,
        operations: verdict.figures.operation_count(),
        faults: verdict.counts.faults_applied,
        seconds: (seconds * 10.0).round() / 10.0,
        summary: verdict.summary.clone(),
    }
}

fn told(row: &Row) -> String {
    let each = row.verdicts.iter().map(|found| {
        let Found {
            verdict,
            anomalies,
            seconds,
            ..
        } = found;
        format!("{verdict} in {seconds} s ({anomalies})")
    });
    let right = if row.as_expected {
        "as expected"
    } else {
        "NOT as expected"
    };
    let each = each.collect::<Vec<_>>().join("; ");
    format!("{:<16} {each}: {right}\n  {}", row.system, row.command)
}

/// The rows of systems that are not put to the test now, as they lie beside the table.
fn rows_of_others(path: &Path, names: &[&str]) -> Result<Vec<Row>> {
    let json = path.with_extension("json");
    let Ok(text) = std::fs::read_to_string(&json) else {
        return Ok(Vec::new());
    };
    let rows: Vec<Row> = serde_json::from_str(&text)
        .with_context(|| format!("{} is no table of trials", json.display()))?;
    let others = rows.into_iter();
    Ok(others
        .filter(|row| !names.contains(&row.system.as_str()))
        .collect())
}

/// Where a row stands: systems in the order in which they are listed.
fn place(row: &Row) -> Option<usize> {
    built_in::ALL
        .iter()
        .position(|system| system.name == row.system)
}

fn save(path: &Path, rows: &[Row], skipped: &[(&str, String)]) -> Result<()> {
    let cannot = |path: &Path| format!("cannot write {}", path.display());
    let json = path.with_extension("json");
    let text = serde_json::to_string_pretty(rows)? + "\n";
    std::fs::write(&json, text).with_context(|| cannot(&json))?;
    std::fs::write(path, page(rows, skipped)).with_context(|| cannot(path))
}

/// The table, for a reader.
fn page(rows: &[Row], skipped: &[(&str, String)]) -> String {
    let mut page = String::from(
        "# What real systems do under faults\n\n\
         Written by `make systems`. Each row is a run that can be typed again (each system's answers, settings\n\
         and promises: `kensho systems NAME`); twins differ by one setting. *Lost* counts acknowledged writes\n\
         that were gone after a failover, where somebody tells of failovers.\n\n\
         | system | what was run | verdict | found | lost | operations, faults | seconds | what it means |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let each = |of: &dyn Fn(&Found) -> String| {
            let mut texts: Vec<String> = row.verdicts.iter().map(of).collect();
            texts.dedup();
            texts.join("; ")
        };
        let verdict = each(&|found| found.verdict.to_string());
        let unlike = if row.as_expected {
            String::new()
        } else {
            format!(" (expected: {})", row.expected)
        };
        let _ = writeln!(
            page,
            "| {} ({}) | `{}` | **{verdict}**{unlike} | {} | {} | {} | {} | {} |",
            row.system,
            row.version,
            row.command,
            each(&|found| found.anomalies.clone()),
            each(&|found| thousands(found.lost_writes as u64)),
            each(&|found| format!("{}, {}", thousands(found.operations), found.faults)),
            each(&|found| found.seconds.to_string()),
            row.shows,
        );
    }
    for (system, missing) in skipped {
        let _ = writeln!(page, "\n{system} was skipped: {missing}.");
    }
    let host = Host::this();
    let _ = writeln!(
        page,
        "\nMachine: {}.",
        serde_json::to_string(&host).unwrap_or_default()
    );
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trial_can_be_typed() {
        for system in built_in::ALL {
            let described = system.described().unwrap();
            assert!(!described.trials.is_empty(), "{}", system.name);
            for trial in &described.trials {
                let words = words(system.name, trial);
                let typed = Typed::try_parse_from(&words);
                assert!(typed.is_ok(), "{words:?}: {:?}", typed.err());
                assert!(trial.options.contains("--seed"), "{words:?}");
            }
        }
    }

    #[test]
    fn a_run_that_is_not_as_expected_is_seen_in_the_table() {
        let found = |verdict: &str| Found {
            verdict: verdict.into(),
            anomalies: "stale read".into(),
            lost_writes: 1_000,
            operations: 5,
            faults: 1,
            seconds: 2.5,
            summary: String::new(),
        };
        let row = Row {
            system: "etcd".into(),
            version: "3.4".into(),
            command: "kensho test".into(),
            expected: "valid".into(),
            as_expected: false,
            verdicts: vec![found("valid"), found("invalid")],
            shows: "it reads".into(),
        };
        let page = page(&[row], &[("nats", "it is not installed".into())]);
        assert!(
            page.contains("**valid; invalid** (expected: valid)"),
            "{page}"
        );
        assert!(page.contains("| stale read | 1,000 |"), "{page}");
        assert!(
            page.contains("nats was skipped: it is not installed."),
            "{page}"
        );
    }
}
