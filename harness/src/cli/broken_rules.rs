//! `kensho broken-rules`: real nodes in which one safety rule is broken must be found out by what
//! clients see of them.
//!
//! For each rule there is a run of `kensho test` that leads to where the rule is needed. It is made
//! first with nodes in which every rule holds, which must be valid: what is found afterwards is then
//! the broken rule's doing, and not the fault's. Only wrong answers count, never a crash or a run
//! that shows too little.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser};
use kensho_results::text::counted;
use kensho_results::verdict::{Validity, Verdict};
use serde_json::{Value, json};

use super::options::count;
use super::refusal::Refusal;
use super::session::block_on;
use super::test;
use crate::runner::interrupt::Interrupt;

/// A rule, and the options of a run that shows that it is broken.
struct Exposure {
    rule: &'static str,
    /// What happens without the rule, for a reader.
    text: &'static str,
    options: &'static str,
}

/// Where which rule is needed. Rates are low: a few hundred operations a second show enough. What is
/// lost is seen only if nobody overwrites it before it is read, so runs that lose little have many
/// partitions, hence many registers, and even lower rates.
const EXPOSURES: &[Exposure] = &[
    Exposure {
        rule: "no-quorum",
        text: "each half of a split cluster has a master, and each partition an owner in both",
        options: "--nemesis partition-halves",
    },
    Exposure {
        rule: "promote-unclean",
        text: "a node that was detached, and has not caught up, becomes owner",
        options: "--nemesis detach-backup-kill-owner",
    },
    Exposure {
        rule: "majority-acks",
        text: "an update is answered without a backup that becomes owner",
        options: "--nemesis partition-halves",
    },
    Exposure {
        rule: "ack-before-backup",
        text: "an update is answered that no backup holds when its owner dies",
        options: "--nemesis crash-owner",
    },
    Exposure {
        rule: "shrink-alone",
        text: "an owner that nobody hears goes on alone, while another one takes its place",
        options: "--nemesis one-way-mute",
    },
    Exposure {
        rule: "cut-to-commit-mark",
        text: "a new owner drops what it does not know to be committed",
        options: "--nemesis kill-owner",
    },
    Exposure {
        rule: "keep-divergent-tail",
        text: "a former owner keeps what it alone had appended, and becomes owner again",
        options: "--nodes 3 --replicas 2 --partitions 128 --rate 150 --heartbeat 200ms --time-limit 40s --nemesis crash-owner",
    },
    Exposure {
        rule: "ack-before-fsync",
        text: "what was answered was on no disk yet when the nodes died",
        options: "--flush-delay 30ms --nemesis kill-all",
    },
    Exposure {
        rule: "rejoin-without-catch-up",
        text: "an owner that lost what was not on its disk goes on after its restart as if it had it",
        options: "--durability delayed --flush-delay 300ms --nodes 3 --heartbeat 300ms --time-limit 40s --nemesis restart-owner",
    },
    Exposure {
        rule: "resume-after-restart",
        text: "an owner goes on in its epoch after a restart, and writes other entries where backups hold what it lost",
        options: "--flush-delay 50ms --nodes 3 --heartbeat 200ms --partitions 48 --clients 60 --rate 300 --time-limit 40s --nemesis restart-and-kill-owner",
    },
    Exposure {
        rule: "rolled-back-disk",
        text: "an owner whose data folder was put back from an older copy goes on from that, and the others cut what they have in addition",
        options: "--nodes 3 --heartbeat 500ms --time-limit 40s --nemesis restore-older-folder",
    },
    Exposure {
        rule: "local-read",
        text: "an owner that was paused answers reads, though another one has taken its place",
        options: "--nemesis pause-owner",
    },
    Exposure {
        rule: "lease-from-receipt",
        text: "an owner that was paused reads old acknowledgements, and takes them for a lease",
        options: "--rate 1000 --nemesis pause-owner",
    },
    Exposure {
        rule: "dirty-read",
        text: "a read sees what is lost with its owner",
        options: "--nemesis crash-owner",
    },
    Exposure {
        rule: "retry-applied-twice",
        text: "a client that got no answer asks again, and its update happens again",
        options: "--nemesis one-way-deaf",
    },
];
/// What these runs have in common where they say nothing else.
const COMMON: [(&str, &str); 3] = [
    ("--rate", "500"),
    ("--time-limit", "22s"),
    ("--settle-limit", "20s"),
];

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which rules [default: all for which there is a run]
    #[arg(value_name = "RULE")]
    rules: Vec<String>,
    /// A node program built with the feature break-rules
    #[arg(long, value_name = "PATH")]
    node_binary: PathBuf,
    /// How many seeds are tried until a rule is found out
    #[arg(long, default_value_t = 5, value_name = "COUNT", value_parser = count(1, 1_000))]
    seeds: usize,
    /// Folder of runs
    #[arg(long, default_value = "results/runs/broken", value_name = "DIR")]
    out: PathBuf,
    /// Write figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// What happens without each of these rules.
pub(super) fn texts(rules: &[String]) -> BTreeMap<String, String> {
    let text = |rule: &String| {
        let exposure = EXPOSURES.iter().find(|exposure| exposure.rule == *rule);
        exposure.map_or(String::new(), |exposure| exposure.text.to_string())
    };
    rules
        .iter()
        .map(|rule| (rule.clone(), text(rule)))
        .collect()
}

/// The arguments of a run, parsed as if a person had typed them.
#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    test: test::Arguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let chosen = choose(&arguments.rules)?;
    block_on(async {
        let interrupt = Interrupt::on_signals()?;
        let mut rows = Vec::new();
        for exposure in chosen {
            let row = expose(exposure, arguments, &interrupt).await?;
            println!("{}", told(&row));
            rows.push(row);
            // After each rule, since all of them take their time.
            if let Some(path) = &arguments.save {
                let text = serde_json::to_string_pretty(&rows)? + "\n";
                std::fs::write(path, text)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        let caught = rows.iter().all(|row| row["caught"] == true);
        Ok(u8::from(!caught))
    })
}

fn choose(rules: &[String]) -> Result<Vec<&'static Exposure>> {
    let of = |rule: &String| {
        let found = EXPOSURES.iter().find(|exposure| exposure.rule == *rule);
        found.ok_or_else(|| {
            let names: Vec<&str> = EXPOSURES.iter().map(|exposure| exposure.rule).collect();
            Refusal(format!(
                "no run is known that shows the rule {rule:?} broken; there are runs for {}",
                names.join(", ")
            ))
        })
    };
    if rules.is_empty() {
        return Ok(EXPOSURES.iter().collect());
    }
    Ok(rules.iter().map(of).collect::<Result<_, _>>()?)
}

/// Makes the runs for one rule, and gives what they showed.
async fn expose(
    exposure: &Exposure,
    arguments: &Arguments,
    interrupt: &Interrupt,
) -> Result<Value> {
    let sound = hold(exposure, arguments, interrupt).await?;
    let begin = Instant::now();
    let mut seconds = 0.0;
    for seed in 1..=arguments.seeds {
        let verdict = play(exposure, Some(exposure.rule), seed, arguments, interrupt).await?;
        if verdict.valid == Validity::Invalid {
            seconds += caught_after(&verdict).unwrap_or(begin.elapsed().as_secs_f64());
            let mut row = row(exposure, seed, seconds, &sound);
            row["caught"] = true.into();
            row["by"] = names(&verdict.anomalies).join(", ").into();
            row["seed"] = seed.into();
            row["first"] = verdict.anomalies[0]["text"].clone();
            return Ok(row);
        }
        seconds = begin.elapsed().as_secs_f64();
    }
    Ok(row(exposure, arguments.seeds, seconds, &sound))
}

/// The same run with nodes in which every rule holds: it must be valid.
async fn hold(exposure: &Exposure, arguments: &Arguments, interrupt: &Interrupt) -> Result<Value> {
    for seed in 1..=arguments.seeds {
        let verdict = play(exposure, None, seed, arguments, interrupt).await?;
        match verdict.valid {
            Validity::Valid => {
                return Ok(json!({
                    "valid": true,
                    "seed": seed,
                    "operations": verdict.figures.operation_count(),
                    "faults": verdict.counts.faults_applied,
                }));
            }
            Validity::Invalid => bail!(
                "with all rules in force, `{}` is invalid: {}",
                options(exposure),
                verdict.summary
            ),
            // Something did not take place in this run, such as a fault that found no target.
            Validity::Unknown => {}
        }
    }
    bail!(
        "with all rules in force, {} runs of `{}` did not show enough: see {}",
        arguments.seeds,
        options(exposure),
        arguments.out.join(exposure.rule).display()
    )
}

/// Makes one run.
async fn play(
    exposure: &Exposure,
    broken: Option<&str>,
    seed: usize,
    arguments: &Arguments,
    interrupt: &Interrupt,
) -> Result<Verdict> {
    let folder = arguments.out.join(exposure.rule);
    let words = words(exposure, broken, seed, &arguments.node_binary, &folder);
    let typed = Typed::try_parse_from(words)?;
    let (outcome, _) = test::play(&typed.test).await?;
    if interrupt.is_set() {
        bail!("interrupted");
    }
    Ok(outcome.verdict)
}

/// What a person would type for a run.
fn words(
    exposure: &Exposure,
    broken: Option<&str>,
    seed: usize,
    program: &Path,
    folder: &Path,
) -> Vec<String> {
    let mut words: Vec<String> = ["test", "register"].map(String::from).to_vec();
    words.extend(options(exposure).split_whitespace().map(String::from));
    let program = program.display().to_string();
    words.extend(["--node-binary".to_string(), program]);
    if let Some(rule) = broken {
        words.extend(["--break-rules".to_string(), rule.to_string()]);
    }
    words.extend(["--seed".to_string(), seed.to_string()]);
    words.extend(["--out".to_string(), folder.display().to_string()]);
    words
}

/// The options of its runs, as they can be typed after `kensho test register`.
fn options(exposure: &Exposure) -> String {
    let own: Vec<&str> = exposure.options.split_whitespace().collect();
    let common = COMMON.iter().filter(|(name, _)| !own.contains(name));
    let common: String = common
        .map(|(name, value)| format!("{name} {value} "))
        .collect();
    common + exposure.options
}

fn row(exposure: &Exposure, runs: usize, seconds: f64, sound: &Value) -> Value {
    json!({
        "rule": exposure.rule,
        "world": "real processes",
        "configuration": exposure.options,
        "options": options(exposure),
        "text": exposure.text,
        "caught": false,
        "by": null,
        "after": { "runs": runs },
        "seconds": (seconds * 100.0).round() / 100.0,
        "sound": sound,
    })
}

fn told(row: &Value) -> String {
    let word = |name: &str| row[name].as_str().unwrap_or("-").to_string();
    format!(
        "{:<24} real processes: {:<30} after {:<6} {:>6.1} s",
        word("rule"),
        word("by"),
        counted(row["after"]["runs"].as_u64().unwrap_or(0), "run"),
        row["seconds"].as_f64().unwrap_or_default(),
    )
}

/// The seconds of load after which the first wrong answer was complete.
fn caught_after(verdict: &Verdict) -> Option<f64> {
    let last = |anomaly: &Value| {
        let operations = anomaly["operations"].as_array()?.iter();
        operations.filter_map(|o| o["complete_ns"].as_u64()).max()
    };
    let first = verdict.anomalies.iter().filter_map(last).min()?;
    Some(first as f64 / 1e9)
}

/// The names of anomalies, each once.
fn names(anomalies: &[Value]) -> Vec<&str> {
    let names = anomalies
        .iter()
        .filter_map(|anomaly| anomaly["name"].as_str());
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_protocol::rule::Rule;

    #[test]
    fn every_run_can_be_typed_and_is_for_a_rule() {
        for exposure in EXPOSURES {
            assert!(exposure.rule.parse::<Rule>().is_ok(), "{}", exposure.rule);
            let words = words(
                exposure,
                Some(exposure.rule),
                3,
                Path::new("node"),
                Path::new("runs"),
            );
            let typed = Typed::try_parse_from(&words);
            assert!(typed.is_ok(), "{words:?}: {:?}", typed.err());
        }
    }

    #[test]
    fn rules_are_chosen_by_name_and_unknown_ones_refused() {
        assert_eq!(choose(&[]).unwrap().len(), EXPOSURES.len());
        let chosen = choose(&["local-read".to_string()]).unwrap();
        assert_eq!(chosen[0].rule, "local-read");
        let error = choose(&["vote-thrice".to_string()]).err().unwrap();
        assert!(error.to_string().contains("majority-acks"), "{error}");
    }
}
