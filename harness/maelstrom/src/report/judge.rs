//! The verdict of a run.

use kensho_checker::history::History;
use kensho_checker::judge::{Settings, judge as check};
use kensho_checker::report::{Report, Verdict as Judgement};
use kensho_results::answers::Answers;
use kensho_results::figures::{FaultSpan, Figures, Input};
use kensho_results::text::{counted, thousands};
use kensho_results::verdict::{
    Counts, FaultOutcome, FaultRecord, Losses, UnexpectedExit, Validity, Verdict,
};
use serde_json::{Value, json};

use super::{Network, Question, Shown, Stability, evidence};
use crate::real::Outcome;
use crate::world::{Tally, Trace};

/// What came of judging.
pub(super) struct Judged {
    pub(super) shown: Shown,
    /// What the checker says, for each promise that was asked.
    pub(super) reports: Vec<Report>,
    pub(super) trace: Trace,
}

pub(super) fn judge(history: &History, question: &Question, outcome: Outcome) -> Judged {
    let reports = reports(history, question);
    let remains = outcome.remains;
    let mut missing = evidence::missing(history, question, &remains, outcome.length_ns);
    for report in &reports {
        if let Judgement::Unknown(unknown) = &report.verdict {
            missing.push(format!("the checker gave no verdict: {}", unknown.reason));
        }
    }
    let mut anomalies: Vec<Value> = reports.iter().flat_map(anomalies_of).collect();
    anomalies.extend(unavailable(question, &remains.tally));
    let valid = match (anomalies.is_empty(), missing.is_empty()) {
        (false, _) => Validity::Invalid,
        (true, true) => Validity::Valid,
        (true, false) => Validity::Unknown,
    };
    let figures = Figures::of(Input {
        samples: &remains.tally.samples,
        faults: &spans(&remains.faults),
        operations: question.operations,
        partitions: 1,
        length_ns: outcome.length_ns,
        rate: None,
    });
    let operations = figures.operation_count();
    let trouble = remains.trouble.as_ref();
    let trouble = trouble.map(|trouble| format!("{}: {}", trouble.node, trouble.text));
    let mut verdict = Verdict {
        valid,
        summary: String::new(),
        missing,
        anomalies,
        losses: Losses::default(),
        checker: checker(&reports),
        counts: counts(&remains.faults),
        failovers: Vec::new(),
        unexpected_exits: Vec::<UnexpectedExit>::new(),
        answers: Answers::default(),
        object: "register".to_string(),
        began_unix_ms: Some(outcome.began_unix_ms),
        figures,
        faults: remains.faults.clone(),
    };
    verdict.summary = summary(&verdict, question, trouble.is_some());
    let add = ["broadcast", "add"].into_iter().find(|add| {
        matches!(question.model.name, "broadcast" | "g-set") && history.symbol(add).is_some()
    });
    let shown = Shown {
        notes: evidence::notes(&remains),
        network: Network::of(&remains.counts, operations),
        stability: add.map(|add| Stability::of(history, add)),
        trouble,
        verdict,
    };
    Judged {
        shown,
        reports,
        trace: remains.trace,
    }
}

fn reports(history: &History, question: &Question) -> Vec<Report> {
    let settings = |consistency| Settings {
        format: Some(kensho_checker::formats::Format::Jsonl),
        consistency,
        ..Settings::default()
    };
    if question.consistency.is_empty() {
        return vec![check(history, question.model, &settings(None))];
    }
    let promises = question.consistency.iter().copied().map(Some);
    promises
        .map(|promise| check(history, question.model, &settings(promise)))
        .collect()
}

fn anomalies_of(report: &Report) -> Vec<Value> {
    let anomalies = report.anomalies().iter();
    anomalies
        .map(|anomaly| serde_json::to_value(anomaly).unwrap_or_default())
        .collect()
}

/// What the checker says beside anomalies; of several promises, all that it says.
fn checker(reports: &[Report]) -> Value {
    let mut all: Vec<Value> = reports
        .iter()
        .map(|report| {
            let mut value = serde_json::to_value(report).unwrap_or_default();
            if let Some(map) = value.as_object_mut() {
                map.remove("anomalies");
            }
            value
        })
        .collect();
    match all.len() {
        1 => all.remove(0),
        _ => Value::Array(all),
    }
}

/// An anomaly if fewer operations succeeded than were to.
fn unavailable(question: &Question, tally: &Tally) -> Option<Value> {
    let wanted = question.availability?;
    let all = tally.ok + tally.fail + tally.info;
    let share = tally.ok as f64 / all.max(1) as f64;
    (all > 0 && share < wanted).then(|| {
        json!({
            "name": "not available",
            "text": format!(
                "{} of {} succeeded, a share of {share:.4}; --availability asks for {wanted}.",
                thousands(tally.ok),
                counted(all, "operation"),
            ),
            "operations": [],
        })
    })
}

/// The times of faults; those that overlap are one.
fn spans(faults: &[FaultRecord]) -> Vec<FaultSpan> {
    let mut spans: Vec<FaultSpan> = Vec::new();
    let applied = faults
        .iter()
        .filter(|fault| fault.outcome == FaultOutcome::Applied);
    for fault in applied {
        let (start_ns, end_ns) = (fault.start_ms * 1_000_000, fault.end_ms * 1_000_000);
        match spans.last_mut() {
            Some(last) if start_ns <= last.end_ns => last.end_ns = last.end_ns.max(end_ns),
            _ => spans.push(FaultSpan { start_ns, end_ns }),
        }
    }
    spans
}

fn counts(faults: &[FaultRecord]) -> Counts {
    let applied = || {
        faults
            .iter()
            .filter(|fault| fault.outcome == FaultOutcome::Applied)
    };
    Counts {
        faults_applied: applied().count(),
        partitions: applied().filter(|fault| fault.name == "partition").count(),
        ..Counts::default()
    }
}

fn summary(verdict: &Verdict, question: &Question, trouble: bool) -> String {
    let operations = counted(verdict.figures.operation_count(), "operation");
    let nodes = counted(question.nodes.len() as u64, "node");
    let faults = counted(verdict.counts.faults_applied as u64, "fault");
    let on = format!("{operations} on {nodes}, through {faults}");
    let promise: Vec<&str> = question
        .consistency
        .iter()
        .map(|model| model.as_str())
        .collect();
    let promise = match promise.is_empty() {
        true => String::new(),
        false => format!(" ({})", promise.join(", ")),
    };
    let model = question.model.name;
    match verdict.valid {
        Validity::Valid => {
            format!("{on}: every answer is one that the model {model}{promise} allows.")
        }
        Validity::Invalid => {
            let mut names: Vec<&str> = verdict
                .anomalies
                .iter()
                .filter_map(|anomaly| anomaly["name"].as_str())
                .collect();
            names.sort_unstable();
            names.dedup();
            format!(
                "{on}: {}. The model {model}{promise} does not allow that.",
                names.join(", ")
            )
        }
        Validity::Unknown if trouble => {
            format!("{on}: a node broke the protocol, and the run ended early.")
        }
        Validity::Unknown => {
            format!("{on}: no violation was found, but the run does not show enough.")
        }
    }
}
