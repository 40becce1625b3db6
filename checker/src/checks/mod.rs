//! Checks that need no search: each looks for what can only be wrong.
//!
//! They accept more than linearizability does, and name exactly what they found.

pub mod adya_g2;
pub mod backup_reads;
pub mod bank;
pub mod causal_reverse;
pub mod converge;
pub mod counter;
pub mod dirty_reads;
pub mod echo;
mod finals;
pub mod kafka;
pub mod long_fork;
pub mod monotonic;
pub mod pn_counter;
pub mod queue;
pub mod sequential;
pub mod session;
pub mod set;
pub mod set_full;
pub mod unique_ids;
pub mod watch;

use crate::anomaly::AnomalyName;
use crate::history::{History, Operation, Outcome};
use crate::keys::Groups;
use crate::report::{Anomaly, OperationView, Report, Role, Unknown, Verdict, Witness};
use crate::value::Value;

/// How many anomalies a report lists; all are counted.
const ANOMALIES_MAX: usize = 20;
/// How many elements a sentence lists.
const LISTED_MAX: usize = 10;

/// Collects what a check finds.
struct Findings<'a> {
    history: &'a History,
    anomalies: Vec<Anomaly>,
    total: usize,
    /// What could not be understood, the first of it: without it nothing can be said to be right.
    not_read: Option<String>,
    details: serde_json::Map<String, serde_json::Value>,
}

impl<'a> Findings<'a> {
    fn new(history: &'a History) -> Self {
        Findings {
            history,
            anomalies: Vec::new(),
            total: 0,
            not_read: None,
            details: serde_json::Map::new(),
        }
    }

    /// Adds an anomaly that these operations prove.
    fn add(&mut self, name: AnomalyName, text: String, places: &[u32]) {
        self.total += 1;
        if self.anomalies.len() >= ANOMALIES_MAX {
            return;
        }
        let views = places
            .iter()
            .map(|place| OperationView::of(self.history, *place, Role::Proof))
            .collect();
        let mut anomaly = Anomaly::new(name, text, views);
        let key = places
            .first()
            .map(|place| self.history.operations[*place as usize].key);
        anomaly.key = key.and_then(|key| self.history.key_text(key));
        self.anomalies.push(anomaly);
    }

    /// Something that could not be understood, and that other findings do not depend on.
    fn not_read(&mut self, what: String) {
        self.not_read.get_or_insert(what);
    }

    fn detail(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        self.details.insert(name.to_owned(), value.into());
    }

    /// The operation in words.
    fn operation(&self, place: u32) -> OperationView {
        OperationView::of(self.history, place, Role::Proof)
    }

    /// Invalid if anything was found; else unknown if something is missing; else valid.
    fn report(mut self, model: &str, missing: Option<String>) -> Report {
        if self.total > self.anomalies.len() {
            self.detail("anomalies_in_all", self.total);
        }
        let verdict = match (self.anomalies.is_empty(), self.not_read.or(missing)) {
            (false, _) => Verdict::Invalid(self.anomalies),
            (true, Some(reason)) => Verdict::Unknown(Unknown {
                reason,
                ..Unknown::default()
            }),
            (true, None) => Verdict::Valid(Witness::default()),
        };
        let mut report = Report::new(model, self.history, verdict);
        report.details = self.details;
        report
    }
}

/// Judges each key's operations, given by their places, and puts the reports together: the anomalies
/// of all, counts added up, and the worst verdict.
fn each_key(history: &History, check: impl Fn(&[u32]) -> Report) -> Report {
    let groups = Groups::of(history);
    let mut reports = groups.iter().map(|(key, places)| (key, check(places)));
    let Some((first_key, mut merged)) = reports.next() else {
        return check(&[]);
    };
    let mut many = false;
    let mut anomalies = Vec::new();
    let mut unknown: Option<Unknown> = None;
    let mut add = |key, verdict: Verdict| match verdict {
        Verdict::Valid(_) => {}
        Verdict::Invalid(found) => anomalies.extend(found),
        Verdict::Unknown(one) => {
            let one = Unknown {
                key: history.key_text(key),
                ..one
            };
            unknown.get_or_insert(one).keys_undecided += 1;
        }
    };
    let nothing = Verdict::Valid(Witness::default());
    let first = std::mem::replace(&mut merged.verdict, nothing);
    add(first_key, first);
    for (key, report) in reports {
        many = true;
        add(key, report.verdict);
        for (name, value) in report.details {
            let Some(before) = merged.details.remove(&name) else {
                merged.details.insert(name, value);
                continue;
            };
            merged
                .details
                .insert(name.clone(), both(&name, &before, &value));
        }
    }
    if !many {
        unknown = unknown.map(|one| Unknown {
            keys_undecided: 0,
            ..one
        });
    }
    anomalies.truncate(ANOMALIES_MAX);
    merged.verdict = match (anomalies.is_empty(), unknown) {
        (false, _) => Verdict::Invalid(anomalies),
        (true, Some(unknown)) => Verdict::Unknown(unknown),
        (true, None) => Verdict::Valid(Witness::default()),
    };
    merged.doubting(history)
}

/// What two keys' details of one name make together.
fn both(name: &str, one: &serde_json::Value, other: &serde_json::Value) -> serde_json::Value {
    if let (Some(one), None, Some(other)) = (one.as_f64(), one.as_i64(), other.as_f64()) {
        return (one + other).into();
    }
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) if name.ends_with("_max") => one.max(other).into(),
        (Some(one), Some(other)) => one.saturating_add(other).into(),
        _ if one.is_string() => one.clone(),
        // What is said of the whole holds for each key.
        _ => (one.as_bool() != Some(false) && other.as_bool() != Some(false)).into(),
    }
}

/// Those of one name among the operations at some places.
fn named_of<'a>(
    history: &'a History,
    places: &'a [u32],
    name: &str,
) -> impl Iterator<Item = (u32, &'a Operation)> + use<'a> {
    let symbol = history.symbol(name);
    places
        .iter()
        .map(|place| (*place, &history.operations[*place as usize]))
        .filter(move |(_, operation)| Some(operation.f) == symbol)
}

/// The elements that a set or queue holds in the beginning, as they were set.
pub(crate) fn initial_elements(initial: Option<&Value>) -> Result<Vec<Value>, String> {
    let Some(initial) = initial else {
        return Ok(Vec::new());
    };
    match initial.elements() {
        Some(elements) => Ok(elements.to_vec()),
        None => Err(format!(
            "--init {initial}: expected a list of the elements in the beginning"
        )),
    }
}

fn succeeded(operation: &Operation) -> bool {
    operation.outcome == Outcome::Ok
}

/// The first few of many values, in words.
fn listed(values: &[Value]) -> String {
    let mut text = values
        .iter()
        .take(LISTED_MAX)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if values.len() > LISTED_MAX {
        text.push_str(&format!(" and {} more", values.len() - LISTED_MAX));
    }
    text
}

#[cfg(test)]
mod tests;
