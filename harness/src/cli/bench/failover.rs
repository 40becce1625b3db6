//! `kensho bench failover`: how long kills interrupt service.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use kensho_nemesis::catalogue;
use kensho_nemesis::schedule::Planned;
use kensho_results::sample::Sample;
use kensho_results::verdict::{FaultOutcome, FaultRecord};
use serde::Serialize;
use serde_json::{Map, json};

use super::super::options::{ClusterOptions, LoadOptions, RunOptions, count};
use super::super::session::{self, Subject, Wanted, block_on};
use crate::identity;
use crate::runner::Play;

/// What is killed, by the names of faults and of figures.
const KILLS: [(&str, &str); 3] = [
    ("kill-owner-not-master", "owner"),
    ("kill-master", "master"),
    ("kill-owner-and-master", "owner and master"),
];
/// How long what was killed stays dead.
const HOLD: Duration = Duration::from_secs(3);
/// Quiet time before each kill.
const QUIET: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How often each kind of kill is measured
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = count(1, 1_000))]
    rounds: usize,
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    load: LoadOptions,
    #[command(flatten)]
    run: RunOptions,
}

/// Times without service after kills of one kind, milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Times {
    /// How many kills.
    kills: usize,
    /// The median.
    median_ms: f64,
    /// The longest.
    max_ms: f64,
    /// All of them, in order of the kills; of the slowest partition each.
    each_ms: Vec<f64>,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let seed = arguments.run.seed.get();
    let mut own = Map::new();
    own.insert("rounds".into(), json!(arguments.rounds));
    let wanted = Wanted {
        words: &["kensho", "bench", "failover"],
        workload: &kensho_workloads::register::Register,
        subject: Subject::Kensho {
            cluster: &arguments.cluster,
            // A proxy would only add to what is measured.
            proxies: false,
        },
        load: &arguments.load,
        run: &arguments.run,
        seed,
        own,
        faults: kills(arguments.rounds, seed)?,
        play: Play::Rounds {
            hold: HOLD,
            quiet: QUIET,
        },
        settle_limit: session::SETTLE_LIMIT,
    };
    let (outcome, folder) = block_on(session::make(wanted))?;
    let times = times(&outcome.verdict.faults, &outcome.samples);
    session::tell(&outcome.verdict, &folder);
    println!();
    for (what, times) in &times {
        let Times {
            kills,
            median_ms,
            max_ms,
            ..
        } = times;
        println!(
            "without service after a kill of {what}: median {median_ms:.0} ms, longest {max_ms:.0} ms ({kills} kills)"
        );
    }
    let path = folder.path().join("failover.json");
    folder.write_json(&path, &identity::stamped(&times, None)?)?;
    println!("figures: {}", path.display());
    Ok(outcome.verdict.valid.exit_code())
}

/// `rounds` kills of each kind, taking turns.
fn kills(rounds: usize, seed: u64) -> Result<Vec<Planned>> {
    let mut draw = fastrand::Rng::with_seed(seed);
    let mut planned = Vec::new();
    for _ in 0..rounds {
        for (name, _) in KILLS {
            let entry = catalogue::all().find(|entry| entry.name == name);
            let entry = entry.context("the catalogue has it")?;
            let fault = entry.draw(0, &mut draw);
            planned.push(Planned {
                start_ms: 0,
                end_ms: 0,
                fault,
                seed: draw.u64(..),
            });
        }
    }
    Ok(planned)
}

fn times(faults: &[FaultRecord], samples: &[Sample]) -> BTreeMap<&'static str, Times> {
    let mut answers: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.served) {
        answers
            .entry(sample.partition)
            .or_default()
            .push(sample.complete_ns);
    }
    for times in answers.values_mut() {
        times.sort_unstable();
    }
    let mut each: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for fault in faults
        .iter()
        .filter(|fault| fault.outcome == FaultOutcome::Applied)
    {
        let Some((_, what)) = KILLS.iter().find(|(name, _)| *name == fault.name) else {
            continue;
        };
        let gaps = fault
            .owned
            .iter()
            .filter_map(|id| longest_gap_ns(answers.get(id)?, fault));
        if let Some(longest) = gaps.max() {
            each.entry(what).or_default().push(longest as f64 / 1e6);
        }
    }
    each.into_iter()
        .map(|(what, each_ms)| (what, summary(each_ms)))
        .collect()
}

/// The longest time between two answers while the fault lasted.
fn longest_gap_ns(answers: &[u64], fault: &FaultRecord) -> Option<u64> {
    let start = fault.injections.first()?.at_ms * 1_000_000;
    let end = fault.end_ms * 1_000_000;
    let mut last = start;
    let mut longest = 0;
    for &answer in &answers[answers.partition_point(|&at| at < start)..] {
        longest = longest.max(answer - last);
        last = answer;
        if answer > end {
            break;
        }
    }
    // Without an answer after the end, it lasts at least until then.
    Some(longest.max(end.saturating_sub(last)))
}

fn summary(each_ms: Vec<f64>) -> Times {
    let mut sorted = each_ms.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let median_ms = if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    };
    Times {
        kills: sorted.len(),
        median_ms,
        max_ms: sorted[sorted.len() - 1],
        each_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_checker::history::Kind;
    use kensho_results::verdict::{InjectionKind, InjectionRecord};

    fn answer(partition: u32, at_ms: u64) -> Sample {
        let at_ns = at_ms * 1_000_000;
        Sample {
            f: "read",
            partition,
            intended_ns: at_ns,
            invoke_ns: at_ns,
            complete_ns: at_ns,
            kind: Kind::Ok,
            served: true,
        }
    }

    fn kill(name: &str, at_ms: u64, owned: &[u32]) -> FaultRecord {
        FaultRecord {
            name: name.to_string(),
            text: String::new(),
            targets: vec!["n1".to_string()],
            start_ms: at_ms,
            end_ms: at_ms + 3_000,
            outcome: FaultOutcome::Applied,
            injections: vec![InjectionRecord {
                kind: Some(InjectionKind::Kill),
                action: "kill".to_string(),
                targets: vec!["n1".to_string()],
                outcome: FaultOutcome::Applied,
                why: None,
                at_ms,
                owners: vec!["n1".to_string()],
                master: false,
            }],
            partition: None,
            owned: owned.to_vec(),
            health_before: BTreeMap::new(),
            health_during: BTreeMap::new(),
            health_after: BTreeMap::new(),
        }
    }

    #[test]
    fn the_slowest_partition_that_lost_its_owner_counts() {
        let samples = [
            answer(1, 900),
            // An answer that was under way when its node died.
            answer(1, 1_002),
            answer(1, 1_400),
            answer(1, 4_100),
            answer(2, 1_300),
            answer(2, 4_100),
            answer(3, 4_900),
        ];
        let faults = [kill("kill-master", 1_000, &[1, 2])];
        let times = times(&faults, &samples);
        assert_eq!(times["master"].each_ms, [2_800.0]);
        assert_eq!(times.len(), 1);
    }

    #[test]
    fn median_and_longest() {
        let times = summary(vec![300.0, 100.0, 200.0, 900.0]);
        assert_eq!(
            (times.kills, times.median_ms, times.max_ms),
            (4, 250.0, 900.0)
        );
        assert_eq!(summary(vec![5.0]).median_ms, 5.0);
    }

    #[test]
    fn kinds_of_kills_take_turns() {
        let planned = kills(2, 1).unwrap();
        let names: Vec<&str> = planned.iter().map(|planned| planned.fault.name).collect();
        assert_eq!(names.len(), 6);
        assert_eq!(names[..3], names[3..]);
    }
}
