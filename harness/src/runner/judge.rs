//! From what a run left behind to its verdict.
//!
//! A run without violations is *valid* only if it shows something: operations of each kind
//! succeeded before, during and after faults, every planned fault was applied, every key was read
//! at the end. Otherwise it is *unknown*, and says what is missing.

use std::collections::BTreeMap;

use super::lossy::{Lossy, failover_of};
use kensho_checker::history::History;
use kensho_checker::report::{Report, Verdict as Judgement};
use kensho_results::answers::Answers;
use kensho_results::figures::{FaultSpan, Figures, Input, Phase};
use kensho_results::sample::Sample;
use kensho_results::text::{counted, thousands};
use kensho_results::verdict::{
    Counts, Failover, FaultOutcome, FaultRecord, InjectionKind, Loss, Losses, LostWriteRecord,
    UnexpectedExit, Validity, Verdict,
};
use kensho_workloads::Workload;
use kensho_workloads::workload::{LostWrite, Words};
use serde_json::{Value, json};

/// All that a run left behind.
pub struct Evidence<'a> {
    /// What clients did.
    pub workload: &'static dyn Workload,
    /// The history, as it was read back from disk.
    pub history: &'a History,
    /// What clients were told in it instead of success.
    pub answers: Answers,
    /// What the checker says of it.
    pub report: &'a Report,
    /// Whether the cluster promises no more than asynchronous replication can.
    pub may_lose: bool,
    /// Operations per second that were wanted.
    pub rate: Option<f64>,
    /// The time of day at which the run's clock began, milliseconds since 1970.
    pub began_unix_ms: Option<u64>,
    /// Operations of the main phase.
    pub samples: &'a [Sample],
    /// How long the main phase lasted, nanoseconds.
    pub length_ns: u64,
    /// Faults that were begun.
    pub faults: Vec<FaultRecord>,
    /// How many were planned.
    pub faults_planned: usize,
    /// Changes of owners and masters.
    pub failovers: Vec<Failover>,
    /// Nodes that ended by themselves.
    pub exits: Vec<UnexpectedExit>,
    /// Objects that were not read at the end.
    pub unread: Vec<String>,
    /// What else went wrong, in words.
    pub troubles: Vec<String>,
    /// How long an owner's lease lasts, milliseconds.
    pub lease_ms: u64,
    /// How many partitions there are.
    pub partitions: u32,
    /// The partition of an object.
    pub partition_of_key: &'a dyn Fn(&str) -> u32,
}

/// How many lost writes are listed for each failover.
const WRITES_LISTED_MAX: usize = 20;

/// Judges a run.
pub fn judge(mut evidence: Evidence<'_>) -> Verdict {
    let spans: Vec<FaultSpan> = applied(&evidence.faults)
        .map(|fault| FaultSpan {
            start_ns: fault.start_ms * 1_000_000,
            end_ns: fault.end_ms.max(fault.start_ms) * 1_000_000,
        })
        .collect();
    for failover in &mut evidence.failovers {
        let begun = evidence
            .faults
            .iter()
            .rposition(|fault| fault.start_ms <= failover.at_ms);
        failover.fault = begun;
    }
    let figures = Figures::of(Input {
        samples: evidence.samples,
        faults: &spans,
        operations: evidence.workload.operations(),
        partitions: evidence.partitions,
        length_ns: evidence.length_ns,
        rate: evidence.rate,
    });
    let counts = counts(&evidence);
    let wrong = matches!(evidence.report.verdict, Judgement::Invalid(_));
    let lossy = (evidence.may_lose && wrong)
        .then(|| {
            let Evidence {
                workload, history, ..
            } = evidence;
            Lossy::of(
                workload,
                history,
                &evidence.failovers,
                evidence.partition_of_key,
            )
        })
        .flatten();
    let report = lossy
        .as_ref()
        .map_or(evidence.report, |lossy| &lossy.report);
    let missing = missing(&evidence, report, &figures);
    let holes = lossy.iter().flat_map(|lossy| &lossy.holes);
    let holes: Vec<Value> = holes
        .map(|text| json!({"name": "hole in what was lost", "text": text, "operations": []}))
        .collect();
    let valid = match &report.verdict {
        _ if !holes.is_empty() => Validity::Invalid,
        Judgement::Invalid(_) => Validity::Invalid,
        Judgement::Valid(_) if missing.is_empty() => Validity::Valid,
        Judgement::Valid(_) | Judgement::Unknown(_) => Validity::Unknown,
    };
    let losses = match (&lossy, wrong) {
        (Some(lossy), _) => losses(&evidence, &lossy.lost),
        (None, true) => losses(&evidence, &evidence.workload.losses(evidence.history)),
        (None, false) => Losses::default(),
    };
    let mut checker = serde_json::to_value(report).unwrap_or_default();
    let mut anomalies = match checker
        .as_object_mut()
        .and_then(|map| map.remove("anomalies"))
    {
        Some(Value::Array(anomalies)) => anomalies,
        _ => Vec::new(),
    };
    anomalies.extend(holes);
    for anomaly in &mut anomalies {
        if let Some(key) = anomaly["key"].as_str() {
            anomaly["partition"] = (evidence.partition_of_key)(key).into();
        }
    }
    let mut verdict = Verdict {
        valid,
        summary: String::new(),
        missing,
        anomalies,
        losses,
        checker,
        faults: evidence.faults,
        counts,
        failovers: evidence.failovers,
        unexpected_exits: evidence.exits,
        answers: evidence.answers,
        object: evidence.workload.words().object.to_string(),
        began_unix_ms: evidence.began_unix_ms,
        figures,
    };
    let keys = evidence.report.keys;
    verdict.summary = summary(&verdict, evidence.workload.words(), keys);
    verdict
}

fn applied(faults: &[FaultRecord]) -> impl Iterator<Item = &FaultRecord> {
    faults
        .iter()
        .filter(|fault| fault.outcome == FaultOutcome::Applied)
}

fn counts(evidence: &Evidence<'_>) -> Counts {
    let mut counts = Counts::default();
    for fault in applied(&evidence.faults) {
        counts.faults_applied += 1;
        for injection in &fault.injections {
            let lasted_ms = fault.end_ms.saturating_sub(injection.at_ms);
            match injection.kind {
                Some(InjectionKind::Kill | InjectionKind::Restart) => {
                    counts.owner_kills += injection.owners.len();
                    counts.master_kills += usize::from(injection.master);
                }
                Some(InjectionKind::Pause) if lasted_ms > evidence.lease_ms => {
                    counts.owner_pauses_beyond_lease += injection.owners.len();
                }
                Some(InjectionKind::Partition) => counts.partitions += 1,
                Some(InjectionKind::Delay) => counts.delays += 1,
                Some(InjectionKind::Disk) => counts.full_disks += injection.targets.len(),
                Some(InjectionKind::Folder) => counts.folders += injection.targets.len(),
                Some(InjectionKind::Pause | InjectionKind::Copy) | None => {}
            }
        }
    }
    counts
}

fn missing(evidence: &Evidence<'_>, report: &Report, figures: &Figures) -> Vec<String> {
    let mut missing = evidence.troubles.clone();
    if let Judgement::Unknown(unknown) = &report.verdict {
        missing.push(format!("the checker gave no verdict: {}", unknown.reason));
    }
    let phases: &[Phase] = if evidence.faults_planned > 0 {
        &[Phase::Before, Phase::During, Phase::After]
    } else {
        &[Phase::Before]
    };
    for phase in phases {
        for &f in evidence.workload.operations() {
            let succeeded = figures
                .succeeded
                .get(phase)
                .and_then(|by_name| by_name.get(f));
            if succeeded.copied().unwrap_or(0) == 0 {
                let when = if evidence.faults_planned > 0 {
                    format!("{} the faults", phase.name())
                } else {
                    "in the run".to_string()
                };
                missing.push(format!("no {f} succeeded {when}"));
            }
        }
    }
    let begun = evidence.faults.len();
    if begun < evidence.faults_planned {
        missing.push(format!(
            "{begun} of {} planned faults were begun",
            evidence.faults_planned
        ));
    }
    for (number, fault) in (1..).zip(&evidence.faults) {
        if fault.outcome != FaultOutcome::Applied {
            let why = fault
                .injections
                .iter()
                .find_map(|injection| injection.why.clone());
            let how = match fault.outcome {
                FaultOutcome::Skipped => "skipped",
                _ => "tried in vain",
            };
            let why = why.unwrap_or_default();
            missing.push(format!("fault {number} ({}) was {how}: {why}", fault.name));
        }
    }
    if let Some(first) = evidence.unread.first() {
        let count = evidence.unread.len() as u64;
        let objects = counted(count, evidence.workload.words().object);
        missing.push(format!(
            "{objects} could not be read at the end, {first} first"
        ));
    }
    for exit in &evidence.exits {
        let UnexpectedExit {
            node,
            at_ms,
            status,
        } = exit;
        missing.push(format!(
            "{node} ended by itself after {:.1} s ({status}): see its log",
            *at_ms as f64 / 1e3
        ));
    }
    missing
}

/// Lost writes by the failovers of their partitions that lost them. What no failover explains is not
/// among them.
fn losses(evidence: &Evidence<'_>, lost: &[LostWrite]) -> Losses {
    let mut losses = Losses::default();
    let mut by_failover: BTreeMap<(u64, String), Loss> = BTreeMap::new();
    for write in lost {
        let partition = (evidence.partition_of_key)(&write.key);
        let Some(failover) = failover_of(&evidence.failovers, write, partition) else {
            continue;
        };
        losses.count += 1;
        let text = failover_text(evidence, failover, partition);
        let loss = by_failover
            .entry((failover.at_ms, text.clone()))
            .or_insert_with(|| Loss {
                failover: text,
                at_ms: Some(failover.at_ms),
                count: 0,
                writes: Vec::new(),
            });
        loss.count += 1;
        if loss.writes.len() < WRITES_LISTED_MAX {
            loss.writes.push(LostWriteRecord {
                key: write.key.clone(),
                partition,
                value: write.value.clone(),
                acknowledged_ms: write.acknowledged_ns / 1_000_000,
                missed_ms: write.missed_ns / 1_000_000,
                seen: write.seen.clone(),
            });
        }
    }
    losses.by_failover = by_failover.into_values().collect();
    losses
}

fn failover_text(evidence: &Evidence<'_>, failover: &Failover, partition: u32) -> String {
    let name = |node: &Option<String>| node.clone().unwrap_or_else(|| "nobody".to_string());
    let fault = failover
        .fault
        .and_then(|number| Some((number + 1, evidence.faults.get(number)?)));
    let during = fault
        .map(|(number, fault)| format!(", at fault {number} ({})", fault.name))
        .unwrap_or_default();
    format!(
        "partition {partition}: owner {} -> {} {}, epoch {}{during}",
        name(&failover.from),
        name(&failover.to),
        failover.when(),
        failover.number,
    )
}

/// So many anomalies of a kind. Some names are no things that one can count.
fn found(name: &str, object: &str, count: u64) -> String {
    match name {
        "not linearizable" => counted(count, object) + " not linearizable",
        "counter out of bounds" => counted(count, "counter") + " out of bounds",
        "lock held twice" => counted(count, "lock") + " held twice",
        "fencing token does not rise" => {
            let tokens = counted(count, "fencing token");
            let does = if count == 1 { "does" } else { "do" };
            format!("{tokens} {does} not rise")
        }
        "read from the future" if count != 1 => {
            format!("{} reads from the future", thousands(count))
        }
        name => counted(count, name),
    }
}

fn summary(verdict: &Verdict, words: Words, keys: usize) -> String {
    let Words {
        object,
        valid,
        invalid,
    } = words;
    let operations = counted(verdict.figures.operation_count(), "operation");
    let objects = counted(keys as u64, object);
    let faults = counted(verdict.counts.faults_applied as u64, "fault");
    let on = format!("{operations} on {objects}, through {faults}");
    match verdict.valid {
        Validity::Valid if verdict.losses.count > 0 => {
            let writes = match verdict.losses.count {
                1 => "1 acknowledged write was".to_string(),
                count => format!("{} acknowledged writes were", thousands(count as u64)),
            };
            let failovers = counted(verdict.losses.by_failover.len() as u64, "failover");
            format!(
                "{on}: {writes} lost by {failovers}, at the end of what an owner had confirmed, as asynchronous \
                 replication may lose them. Without these, every answer is one that a single copy of \
                 the data could have given."
            )
        }
        Validity::Valid => format!("{on}: {valid}"),
        Validity::Invalid => {
            let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
            for anomaly in &verdict.anomalies {
                *by_name
                    .entry(anomaly["name"].as_str().unwrap_or("anomaly"))
                    .or_default() += 1;
            }
            let found: Vec<String> = by_name
                .iter()
                .map(|(name, count)| found(name, object, *count as u64))
                .collect();
            let lost = match verdict.losses.count {
                0 => String::new(),
                1 => " 1 acknowledged write is gone.".to_string(),
                count => format!(" {} acknowledged writes are gone.", thousands(count as u64)),
            };
            let found = found.join(", ");
            format!("{on}: {invalid} ({found}).{lost}")
        }
        Validity::Unknown => {
            format!("{on}: no violation was found, but the run does not show enough.")
        }
    }
}
