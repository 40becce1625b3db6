//! Linearizability of registers: read, write and compare-and-set, on many independent keys.
//!
//! ```
//! use kensho_checker::history::{Event, History, Kind, Process};
//! use kensho_checker::register::{self, Options};
//!
//! let write = |index, kind| Event { kind, ..Event::invoke(index, index, Process::Client(0), "write") };
//! let read = |index, kind| Event { kind, ..Event::invoke(index, index, Process::Client(1), "read") };
//! let events = [
//!     write(0, Kind::Invoke).with_value(1),
//!     write(1, Kind::Ok).with_value(1),
//!     read(2, Kind::Invoke),
//!     read(3, Kind::Ok), // still sees nothing
//! ];
//! let report = register::check(&History::from_events(&events), &Options::default());
//! assert_eq!(report.anomalies()[0].name.as_str(), "stale read");
//! ```

pub(crate) mod access;
mod afterwards;
mod deletes;
mod explain;
mod key;
mod minimal;
pub mod models;
mod searched;
pub(crate) mod settling;
mod staleness;
mod values;
mod witness;
pub(crate) mod zones;

pub use access::{FailedCas, NilRead};

use crate::budget::{Budget, Deadline};
use crate::history::{Datum, History};
use crate::keys::{Groups, each_key};
use crate::report::{
    Anomaly, Engines, MustHaveHappened, OperationView, Report, Role, Unknown, Verdict, Violations,
    Witness,
};
use crate::value::Value;
use access::Names;
use key::{Engine, KeyFinding, KeyOutcome, unexplained};

/// How register histories are judged.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of the model in the report.
    pub model: String,
    /// The value of each key in the beginning.
    pub initial: Value,
    /// What a read of nothing means.
    pub nil_read: NilRead,
    /// What a cas that failed without saying what it saw means.
    pub failed_cas: FailedCas,
    /// Limits of time and memory.
    pub budget: Budget,
    /// How many threads work on different keys; zero means one for each processor.
    pub threads: usize,
    /// How much is told of a violation.
    pub explain: Explain,
}

/// How much is told of a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// Its name, its minimal sub-history, how stale reads are.
    Fully,
    /// Only that there is one, with its name: for measurements.
    VerdictOnly,
}

impl Default for Options {
    /// Keys begin as nothing, a read of nothing saw that, and a failed cas may have failed for any
    /// reason.
    fn default() -> Self {
        Options {
            model: "register".to_owned(),
            initial: Value::Nil,
            nil_read: NilRead::Value,
            failed_cas: FailedCas::NoEffect,
            budget: Budget::default(),
            threads: 0,
            explain: Explain::Fully,
        }
    }
}

pub(crate) const BAD_WITNESS: &str = "an order was found, but the independent validator refuses it: this is a defect of the checker, please report the history";

/// How many violated keys are explained.
const ANOMALIES_MAX: usize = 20;

/// What is judged, and how.
struct Task<'a> {
    history: &'a History,
    options: &'a Options,
    names: Names,
    initial: Datum,
    deadline: Deadline,
}

/// Judges each key's register.
pub fn check(history: &History, options: &Options) -> Report {
    let initial = match history.find(&options.initial) {
        Some(initial) => initial,
        None => Datum::UNUSED,
    };
    let task = Task {
        history,
        options,
        names: Names::of(history),
        initial,
        deadline: options.budget.deadline(),
    };
    let groups = Groups::of(history);
    let mut findings = each_key(
        &groups,
        options.threads,
        Engine::default,
        |engine, key, places| task.judge_key(engine, key, places),
    );
    task.tell_of_searched(&groups, &mut findings);
    collect(history, options, findings)
}

/// The keys that no anomaly tells of.
fn others(mut violated: Vec<String>, told: &[Anomaly]) -> Vec<String> {
    let told: std::collections::BTreeSet<&str> = told
        .iter()
        .filter_map(|anomaly| anomaly.key.as_deref())
        .collect();
    violated.retain(|key| !told.contains(key.as_str()));
    violated
}

/// Puts the findings of all keys together: invalid outweighs unknown outweighs valid.
fn collect(history: &History, options: &Options, findings: Vec<KeyFinding>) -> Report {
    let mut engines = Engines::default();
    let mut must = Vec::new();
    let mut orders = Vec::new();
    let mut anomalies = Vec::new();
    let mut unknown: Option<Unknown> = None;
    let mut violated: Vec<String> = Vec::new();
    let mut violations = Vec::new();
    let (mut all_counted, keys) = (true, findings.len());
    for finding in findings {
        engines.zones += finding.engines.zones;
        engines.search += finding.engines.search;
        must.extend(finding.must_have_happened);
        violations.extend(finding.violations);
        all_counted &= finding.all_counted;
        match finding.outcome {
            KeyOutcome::Valid(order) => orders.push(order),
            KeyOutcome::Invalid(found) => {
                violated.extend(found.key.clone());
                anomalies.push(*found);
            }
            KeyOutcome::Refuted(refuted) => {
                violated.extend(history.key_text(refuted.key));
                anomalies.push(unexplained(history, refuted.key));
            }
            KeyOutcome::Unknown(one) => {
                unknown.get_or_insert(one).keys_undecided += 1;
            }
        }
    }
    let invalid = anomalies.len();
    anomalies.sort_by_key(|anomaly: &Anomaly| {
        anomaly
            .operations
            .iter()
            .filter_map(|o| o.complete)
            .max()
            .unwrap_or(u64::MAX)
    });
    anomalies.truncate(ANOMALIES_MAX);
    let not_shown = others(violated, &anomalies);
    let verdict = match (invalid, unknown) {
        (0, None) => Verdict::Valid(Witness { orders, settled: 0 }),
        (0, Some(unknown)) => Verdict::Unknown(unknown),
        _ => Verdict::Invalid(anomalies),
    };
    let mut report = Report::new(&options.model, history, verdict);
    report.engines = engines;
    report.violations = Violations::of(history, &violations, all_counted, keys);
    report.name_violated_keys(not_shown);
    must.sort_unstable();
    report.must_have_happened = MustHaveHappened {
        count: must.len(),
        operations: must
            .iter()
            .take(MustHaveHappened::LISTED_MAX)
            .map(|place| OperationView::of(history, *place, Role::Source))
            .collect(),
    };
    report
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod oracle_tests;
