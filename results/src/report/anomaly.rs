//! A violation: what happened in words and in order, a picture of it, and how the checker knows.

use std::fmt::Write;

use kensho_checker::anomaly::AnomalyName;
use serde_json::Value;

use super::explanation;
use super::logs::{Lines, Moment};
use crate::html::escape;
use crate::verdict::{Failover, FaultOutcome, Verdict};

/// So many sentences are told for one violation.
const SENTENCES_MAX: usize = 24;
/// Log lines are shown from so long before the proof's last operation began, and after it ended,
/// milliseconds.
const LOG_AROUND_MS: f64 = 1_000.0;

/// A change of owner is seen at most so long after it was made, milliseconds.
const SEEN_LATE_MS: f64 = 1_000.0;

/// An operation of the checker's report.
pub(super) struct Operation {
    pub(super) process: u64,
    /// What it asked for and what came of it, in two or three words.
    pub(super) label: String,
    /// What happened, as a sentence.
    sentence: String,
    pub(super) begin_ns: f64,
    pub(super) end_ns: Option<f64>,
    /// Who answered.
    node: Option<String>,
    /// Whether how it ended matters; otherwise only what it asked for was seen.
    pub(super) proof: bool,
}

/// What the checker's report says about one violation.
pub(super) struct Anomaly<'a> {
    value: &'a Value,
    pub(super) operations: Vec<Operation>,
}

impl<'a> Anomaly<'a> {
    pub(super) fn of(value: &'a Value) -> Anomaly<'a> {
        let operations = value["operations"].as_array().into_iter().flatten();
        let mut operations: Vec<Operation> = operations.map(operation).collect();
        operations.sort_by(|one, other| one.begin_ns.total_cmp(&other.begin_ns));
        Anomaly { value, operations }
    }

    fn text(&self, name: &str) -> &str {
        self.value[name].as_str().unwrap_or_default()
    }

    fn partition(&self) -> Option<u64> {
        self.value["partition"].as_u64()
    }

    /// When the first and the last of its operations began and ended, nanoseconds.
    pub(super) fn span_ns(&self) -> Option<(f64, f64)> {
        let first = self.operations.first()?.begin_ns;
        let ends = self.operations.iter();
        let last = ends
            .map(|operation| operation.end_ns.unwrap_or(operation.begin_ns))
            .fold(first, f64::max);
        Some((first, last))
    }

    /// When its logs are interesting: around the operation that gave it away.
    pub(super) fn moment(&self) -> Option<Moment> {
        let culprit = self.culprit()?;
        let (begin, end) = (
            culprit.begin_ns / 1e6,
            culprit.end_ns.unwrap_or(culprit.begin_ns) / 1e6,
        );
        Some(Moment {
            from_ms: begin - LOG_AROUND_MS,
            at_ms: end,
            to_ms: end + LOG_AROUND_MS,
            partition: self.partition(),
        })
    }

    /// The operation that gave it away: of those whose end matters, the one that ended last.
    fn culprit(&self) -> Option<&Operation> {
        let proofs = self.operations.iter().filter(|operation| operation.proof);
        proofs.max_by(|one, other| {
            let end = |operation: &Operation| operation.end_ns.unwrap_or(0.0);
            end(one).total_cmp(&end(other))
        })
    }

    /// The whole of it.
    pub(super) fn draw(&self, verdict: &Verdict, logs: &Lines) -> String {
        let mut title = format!("<h3>{}", escape(&capitalized(self.text("name"))));
        for (word, value) in [
            (verdict.object.as_str(), self.text("key").to_string()),
            (
                "partition",
                self.partition()
                    .map(|id| id.to_string())
                    .unwrap_or_default(),
            ),
        ] {
            if !value.is_empty() {
                let _ = write!(
                    title,
                    " <span class=\"key\">{word} {}</span>",
                    escape(&value)
                );
            }
        }
        title.push_str("</h3>\n");
        let known = AnomalyName::ALL
            .iter()
            .find(|name| name.as_str() == self.text("name"));
        let meaning = known.map_or(String::new(), |name| {
            format!("<p class=\"meaning\">{}</p>\n", escape(name.meaning()))
        });
        let mut html = format!("<article class=\"anomaly\">\n{title}{meaning}");
        html.push_str(&self.story(verdict));
        if !self.operations.is_empty() {
            html.push_str(&explanation::draw(&self.operations, &verdict.faults));
        }
        if let Some(omitted) = self.value["operations_omitted"].as_u64() {
            let _ = writeln!(html, "<p class=\"note\">and {omitted} more operations</p>");
        }
        if let Some((first, last)) = self.span_ns() {
            let (from, to) = (first / 1e6 - 500.0, last / 1e6 + 500.0);
            let _ = writeln!(
                html,
                "<p><a class=\"look\" href=\"#time\" data-from=\"{from:.0}\" data-to=\"{to:.0}\">Show this time of the run</a></p>"
            );
        }
        if !self.text("text").is_empty() {
            let _ = write!(
                html,
                "<details><summary>How the checker knows</summary>\n<p>{}</p></details>\n",
                escape(self.text("text"))
            );
        }
        html.push_str(&log_table(logs));
        html.push_str("</article>\n");
        html
    }

    /// Operations, faults and changes of owners and masters in the order in which they happened.
    fn story(&self, verdict: &Verdict) -> String {
        let Some((first, last)) = self.span_ns() else {
            return String::new();
        };
        let (first_ms, last_ms) = (first / 1e6, last / 1e6);
        let culprit = self.culprit();
        let mut told: Vec<(f64, &str, String)> = Vec::new();
        for operation in &self.operations {
            let at = operation.end_ns.unwrap_or(operation.begin_ns) / 1e6;
            let is_culprit = culprit.is_some_and(|culprit| std::ptr::eq(culprit, operation));
            let class = if is_culprit { "culprit" } else { "" };
            let mut sentence = escape(&operation.sentence);
            if is_culprit {
                sentence.push_str(" <b>This cannot be right.</b>");
                if let Some(ns) = self.value["stale_ns"].as_f64() {
                    let _ = write!(
                        sentence,
                        " That value had been replaced {} before the read began.",
                        crate::text::duration_ms(ns / 1e6)
                    );
                }
            }
            told.push((at, class, sentence));
        }
        let within = |ms: f64| ms >= first_ms && ms <= last_ms;
        for (number, fault) in (1..).zip(&verdict.faults) {
            if fault.outcome != FaultOutcome::Applied {
                continue;
            }
            let (start, end) = (fault.start_ms as f64, fault.end_ms as f64);
            let nodes = escape(&fault.targets.join(", "));
            let text = escape(&fault.text);
            if start <= last_ms && end > first_ms {
                let words = format!("Fault {number} begins on {nodes}: {text}.");
                told.push((start, "fault", words));
            }
            if within(end) {
                told.push((end, "fault", format!("Fault {number} ends.")));
            }
        }
        let own = |change: &&Failover| {
            change.partition.is_some() && change.partition.map(u64::from) == self.partition()
        };
        // Who owned the partition when it began matters as much as what changed meanwhile.
        let mut earlier = verdict.failovers.iter().filter(own);
        let earlier = earlier.rfind(|change| (change.at_ms as f64) < first_ms);
        // Changes are seen a little after they were made.
        let seen_late = |change: &Failover| {
            let at = change.at_ms as f64;
            let by_new_owner = culprit.is_some_and(|culprit| change.to == culprit.node);
            !change.recorded && at > last_ms && at <= last_ms + SEEN_LATE_MS && by_new_owner
        };
        let changes = verdict.failovers.iter().filter(|change| {
            let now = within(change.at_ms as f64);
            now && change.partition.is_none() || own(change) && (now || seen_late(change))
        });
        for change in earlier.into_iter().chain(changes) {
            let name = |node: &Option<String>| node.as_deref().unwrap_or("nobody").to_string();
            let what = match (change.partition, change.recorded) {
                (Some(id), true) => {
                    format!("Partition {id}, which holds the register, gets another owner")
                }
                (Some(id), false) => {
                    format!(
                        "Partition {id}, which holds the {}, is seen to have another owner",
                        verdict.object
                    )
                }
                (None, true) => "The cluster gets another master".to_string(),
                (None, false) => "The cluster is seen to have another master".to_string(),
            };
            let when = match change.recorded {
                true => String::new(),
                false => format!(" (it happened {})", change.when()),
            };
            let words = format!(
                "{what}: {} instead of {}{when}.",
                name(&change.to),
                name(&change.from)
            );
            told.push((change.at_ms as f64, "change", escape(&words)));
        }
        told.sort_by(|one, other| one.0.total_cmp(&other.0));
        let omitted = told.len().saturating_sub(SENTENCES_MAX);
        // The end tells what went wrong.
        let rows: String = told
            .iter()
            .skip(omitted)
            .map(|(at, class, words)| {
                format!(
                    "<li class=\"{class}\"><span class=\"at\">{:.3} s</span> <span>{words}</span></li>\n",
                    at / 1e3
                )
            })
            .collect();
        let note = match omitted {
            0 => String::new(),
            many => format!("<p class=\"note\">{many} earlier events are left out.</p>\n"),
        };
        format!("{note}<ol class=\"story\">\n{rows}</ol>\n")
    }
}

/// The nodes' log lines around a moment, folded up.
pub(super) fn log_table(logs: &Lines) -> String {
    if logs.lines.is_empty() {
        return String::new();
    }
    let rows: String = logs
        .lines
        .iter()
        .map(|line| {
            let class = match line.level.as_str() {
                "WARN" | "ERROR" => "warn",
                _ => "",
            };
            format!(
                "<li class=\"{class}\"><span class=\"at\">{:.3} s</span> <b>{}</b> <span>{}</span></li>\n",
                line.at_ms / 1e3,
                escape(&line.node),
                escape(&line.text)
            )
        })
        .collect();
    let omitted = match logs.omitted {
        0 => String::new(),
        many => {
            format!("<p class=\"note\">{many} lines further away are in the nodes' logs.</p>\n")
        }
    };
    format!(
        "<details><summary>What the nodes logged around it</summary>\n<ol class=\"log\">\n{rows}</ol>\n{omitted}</details>\n"
    )
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.clone()).collect()
}

fn operation(value: &Value) -> Operation {
    let f = value["f"].as_str().unwrap_or_default();
    let outcome = value["type"].as_str().unwrap_or_default();
    let node = value["node"].as_str().unwrap_or_default();
    let process = value["process"].as_u64().unwrap_or(0);
    let shown = match &value["value"] {
        Value::Null => "nothing".to_string(),
        Value::Array(pair) if pair.len() == 2 => {
            format!("{} → {}", shown(&pair[0]), shown(&pair[1]))
        }
        value => shown(value),
    };
    let replaced = shown.replace(" → ", " by ");
    let mut label = format!("{f} {shown}");
    match outcome {
        "fail" => label.push_str(" failed"),
        "info" => label.push_str(" ?"),
        _ => {}
    }
    if !node.is_empty() {
        let _ = write!(label, " · {node}");
    }
    let by = if node.is_empty() {
        "the database"
    } else {
        node
    };
    let sentence = match (f, outcome) {
        (_, "info") => {
            format!("Process {process} asks for {f} {shown} and never learns what became of it.")
        }
        ("read", "ok") => format!("Process {process} reads {shown}: {by} answers so."),
        ("write", "ok") => format!("Process {process} writes {shown}: {by} confirms it."),
        ("cas", "ok") => {
            format!("Process {process} replaces {replaced} (compare-and-set): {by} confirms it.")
        }
        ("cas", _) => format!(
            "Process {process} wants to replace {replaced} (compare-and-set): {by} says that the value is another one."
        ),
        (_, "fail") => format!("Process {process} asks for {f} {shown}: {by} refuses."),
        _ => format!("Process {process} asks for {f} {shown}: {by} confirms it."),
    };
    Operation {
        process,
        label,
        sentence,
        node: value["node"].as_str().map(String::from),
        begin_ns: value["invoke_ns"].as_f64().unwrap_or(0.0),
        end_ns: value["complete_ns"].as_f64(),
        proof: value["role"].as_str() != Some("source"),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_string(),
        value => value.to_string(),
    }
}
