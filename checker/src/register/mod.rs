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

mod access;
mod explain;
mod minimal;
mod searched;
mod staleness;
mod values;
mod witness;
mod zones;

pub use access::{FailedCas, NilRead};

use crate::anomaly::AnomalyName;
use crate::budget::{Budget, Deadline};
use crate::history::{Datum, History, NEVER, Operation};
use crate::keys::{Groups, each_key};
use crate::report::{
    Anomaly, Engines, KeyOrder, MustHaveHappened, OperationView, Report, Role, Unknown, Verdict,
    Witness,
};
use crate::search::Found;
use crate::value::Value;
use access::{Access, Names, access};
use zones::{Conflict, Judgement, Zones};

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

/// How long a key that was searched is asked which of its unknown operations must have happened.
const MUST_HAVE_HAPPENED_TIME: std::time::Duration = std::time::Duration::from_millis(200);

/// How many operations are copied at a time.
const GATHERED: usize = 64;

/// How many anomalies are reported of one key, and in all.
const ANOMALIES_PER_KEY_MAX: usize = 4;
const ANOMALIES_MAX: usize = 20;

/// What was found of one key.
struct KeyFinding {
    outcome: KeyOutcome,
    engines: Engines,
    must_have_happened: Vec<u32>,
}

enum KeyOutcome {
    Valid(KeyOrder),
    Invalid(Vec<Anomaly>),
    Unknown(Unknown),
}

/// Judges each key's register.
pub fn check(history: &History, options: &Options) -> Report {
    let initial = match history.find(&options.initial) {
        Some(initial) => initial,
        None => Datum::UNUSED,
    };
    let names = Names::of(history);
    let deadline = options.budget.deadline();
    let groups = Groups::of(history);
    let findings = each_key(
        &groups,
        options.threads,
        Engine::default,
        |engine, key, places| {
            judge_key(
                engine, history, options, &names, initial, deadline, key, places,
            )
        },
    );
    collect(history, options, findings)
}

#[derive(Default)]
struct Engine {
    zones: Zones,
    gathered: Vec<Operation>,
    accesses: Vec<Access>,
}

#[allow(clippy::too_many_arguments)] // one call, and each is a different thing
fn judge_key(
    engine: &mut Engine,
    history: &History,
    options: &Options,
    names: &Names,
    initial: Datum,
    deadline: Deadline,
    key: u32,
    places: &[u32],
) -> KeyFinding {
    let unknown = |reason: String| KeyFinding {
        outcome: KeyOutcome::Unknown(Unknown {
            reason,
            key: history.key_text(key),
            ..Unknown::default()
        }),
        engines: Engines::default(),
        must_have_happened: Vec::new(),
    };
    if deadline.passed() {
        return unknown("the budget of time ran out before this key's turn".to_owned());
    }
    engine.accesses.clear();
    engine.accesses.reserve(places.len());
    for places in places.chunks(GATHERED) {
        // A key's operations lie far apart. To copy some of them first, without looking at them,
        // lets the processor fetch them all at once.
        let operations = places
            .iter()
            .map(|place| history.operations[*place as usize]);
        engine.gathered.clear();
        engine.gathered.extend(operations);
        for (operation, place) in engine.gathered.iter().zip(places) {
            match access(
                history,
                names,
                options.nil_read,
                options.failed_cas,
                operation,
                *place,
            ) {
                Ok(access) => engine.accesses.extend(access),
                Err(problem) => return unknown(problem),
            }
        }
    }
    // Only where a completion had no invocation are they not yet in the order of invocation.
    if !engine.accesses.is_sorted_by_key(|access| access.inv) {
        engine.accesses.sort_by_key(|access| access.inv);
    }
    let accesses = &engine.accesses;
    let zones = &mut engine.zones;
    let outcome = match zones.judge(accesses, initial) {
        Judgement::NotExact => {
            return judge_by_search(history, options, accesses, initial, deadline, key);
        }
        Judgement::Invalid(_) if options.explain == Explain::VerdictOnly => {
            KeyOutcome::Invalid(vec![unexplained(history, key)])
        }
        Judgement::Invalid(conflict) => {
            KeyOutcome::Invalid(explain_zones(history, zones, accesses, initial, &conflict))
        }
        Judgement::Valid => {
            let mut order = zones.witness(accesses);
            if !witness::is_linearization(accesses, &order, initial) {
                return unknown(BAD_WITNESS.to_owned());
            }
            for at in &mut order {
                *at = accesses[*at as usize].place;
            }
            KeyOutcome::Valid(KeyOrder { key, order })
        }
    };
    let must_have_happened = (0..accesses.len())
        .filter(|at| accesses[*at].ret == NEVER && zones.happened(*at))
        .map(|at| accesses[at].place)
        .collect();
    KeyFinding {
        outcome,
        engines: Engines {
            zones: 1,
            search: 0,
        },
        must_have_happened,
    }
}

/// Judges a key on which zones are not exact.
fn judge_by_search(
    history: &History,
    options: &Options,
    accesses: &[Access],
    initial: Datum,
    deadline: Deadline,
    key: u32,
) -> KeyFinding {
    let mut must_have_happened = Vec::new();
    let outcome = match searched::find(accesses, initial, deadline, options.budget.bytes) {
        Found::Valid(mut order) => {
            if witness::is_linearization(accesses, &order, initial) {
                must_have_happened = needed(accesses, &order, initial, options, deadline);
                for at in &mut order {
                    *at = accesses[*at as usize].place;
                }
                KeyOutcome::Valid(KeyOrder { key, order })
            } else {
                KeyOutcome::Unknown(Unknown {
                    reason: BAD_WITNESS.to_owned(),
                    key: history.key_text(key),
                    ..Unknown::default()
                })
            }
        }
        Found::Invalid { .. } if options.explain == Explain::VerdictOnly => {
            KeyOutcome::Invalid(vec![unexplained(history, key)])
        }
        Found::Invalid { stuck } => KeyOutcome::Invalid(vec![explain::explain_search(
            history, options, accesses, initial, deadline, stuck,
        )]),
        Found::OutOfBudget {
            why,
            explained,
            stuck,
        } => {
            let stuck = accesses[stuck as usize].place;
            KeyOutcome::Unknown(Unknown {
                reason: format!(
                    "the budget of {why} ran out; give more of it, or write unique values, which need no search"
                ),
                key: history.key_text(key),
                explained: Some(explained),
                stopped_at: Some(Box::new(OperationView::of(history, stuck, Role::Proof))),
                keys_undecided: 0,
            })
        }
    };
    KeyFinding {
        outcome,
        engines: Engines {
            zones: 0,
            search: 1,
        },
        must_have_happened,
    }
}

/// The places of those unknown accesses of a witness without which no order explains the rest.
fn needed(
    accesses: &[Access],
    order: &[u32],
    initial: Datum,
    options: &Options,
    deadline: Deadline,
) -> Vec<u32> {
    if options.explain == Explain::VerdictOnly {
        return Vec::new();
    }
    let deadline = deadline.at_most(MUST_HAVE_HAPPENED_TIME);
    let mut needed: Vec<u32> = order
        .iter()
        .filter(|at| accesses[**at as usize].ret == NEVER)
        .take_while(|_| !deadline.passed())
        .filter(|at| {
            let mut without = accesses.to_vec();
            without.remove(**at as usize);
            let found = searched::find(&without, initial, deadline, options.budget.bytes);
            matches!(found, Found::Invalid { .. })
        })
        .map(|at| accesses[*at as usize].place)
        .collect();
    needed.sort_unstable();
    needed
}

fn unexplained(history: &History, key: u32) -> Anomaly {
    let text = "No order explains the results; the explanation was not asked for.".to_owned();
    let mut anomaly = Anomaly::new(AnomalyName::NotLinearizable, text, Vec::new());
    anomaly.key = history.key_text(key);
    anomaly
}

/// The anomalies of a key that zones refute.
fn explain_zones(
    history: &History,
    zones: &Zones,
    accesses: &[Access],
    initial: Datum,
    conflict: &Conflict,
) -> Vec<Anomaly> {
    let mut conflicts = vec![conflict.clone()];
    let mut stale = None;
    if matches!(conflict, Conflict::Blocks { .. } | Conflict::Order { .. }) {
        let (pairs, _) = zones.overlaps(ANOMALIES_PER_KEY_MAX, 100_000);
        for pair in pairs {
            let other = zones.conflict_of(pair);
            if conflicts.len() < ANOMALIES_PER_KEY_MAX && !conflicts.contains(&other) {
                conflicts.push(other);
            }
        }
        let operation = |access: &Access| &history.operations[access.place as usize];
        stale = zones.stale_by(
            accesses,
            |access| operation(access).invoke_time,
            |access| operation(access).complete_time,
        );
    }
    conflicts
        .iter()
        .map(|conflict| {
            let mut anomaly = explain::explain(history, accesses, initial, zones, conflict);
            if let Some(ns) = stale.filter(|ns| *ns > 0) {
                anomaly.set_stale(ns);
            }
            anomaly
        })
        .collect()
}

/// Puts the findings of all keys together: invalid outweighs unknown outweighs valid.
fn collect(history: &History, options: &Options, findings: Vec<KeyFinding>) -> Report {
    let mut engines = Engines::default();
    let mut must = Vec::new();
    let mut orders = Vec::new();
    let mut anomalies = Vec::new();
    let mut unknown: Option<Unknown> = None;
    for finding in findings {
        engines.zones += finding.engines.zones;
        engines.search += finding.engines.search;
        must.extend(finding.must_have_happened);
        match finding.outcome {
            KeyOutcome::Valid(order) => orders.push(order),
            KeyOutcome::Invalid(found) => anomalies.extend(found),
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
    let verdict = match (invalid, unknown) {
        (0, None) => Verdict::Valid(Witness { orders }),
        (0, Some(unknown)) => Verdict::Unknown(unknown),
        _ => Verdict::Invalid(anomalies),
    };
    let mut report = Report::new(&options.model, history, verdict);
    report.engines = engines;
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
