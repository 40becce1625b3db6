//! Checks that need no search: each looks for what can only be wrong.
//!
//! They accept more than linearizability does, and name exactly what they found.

pub mod bank;
pub mod counter;
pub mod long_fork;
pub mod monotonic;
pub mod queue;
pub mod session;
pub mod set;
pub mod set_full;
pub mod unique_ids;

use crate::anomaly::AnomalyName;
use crate::history::{History, Operation, Outcome};
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
    details: serde_json::Map<String, serde_json::Value>,
}

impl<'a> Findings<'a> {
    fn new(history: &'a History) -> Self {
        Findings {
            history,
            anomalies: Vec::new(),
            total: 0,
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
        let verdict = match (self.anomalies.is_empty(), missing) {
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

/// The operations of one name, with their places.
fn named<'a>(
    history: &'a History,
    name: &str,
) -> impl Iterator<Item = (u32, &'a Operation)> + use<'a> {
    let symbol = history.symbol(name);
    history
        .operations
        .iter()
        .enumerate()
        .filter(move |(_, operation)| Some(operation.f) == symbol)
        .map(|(place, operation)| (place as u32, operation))
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
