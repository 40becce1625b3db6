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
mod minimal;
pub mod models;
mod searched;
pub(crate) mod settling;
mod staleness;
mod values;
mod witness;
pub(crate) mod zones;

pub use access::{FailedCas, NilRead};

use crate::anomaly::AnomalyName;
use crate::budget::{Budget, Deadline};
use crate::history::{Datum, History, NEVER, Operation};
use crate::keys::{Groups, each_key};
use crate::report::{
    Anomaly, Engines, KeyOrder, MustHaveHappened, OperationView, Report, Role, Unknown, Verdict,
    Violation, Violations, Witness,
};
use crate::search::Found;
use crate::value::Value;
use access::{Access, Names, access};
use deletes::Deleted;
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

/// How many operations are copied at a time.
const GATHERED: usize = 64;

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

/// What was found of one key.
struct KeyFinding {
    outcome: KeyOutcome,
    engines: Engines,
    must_have_happened: Vec<u32>,
    violations: Vec<Violation>,
    /// Whether these are all.
    all_counted: bool,
}

impl KeyFinding {
    fn new(outcome: KeyOutcome, engines: Engines) -> KeyFinding {
        KeyFinding {
            outcome,
            engines,
            must_have_happened: Vec::new(),
            violations: Vec::new(),
            all_counted: true,
        }
    }
}

enum KeyOutcome {
    Valid(KeyOrder),
    Invalid(Box<Anomaly>),
    /// Refuted by search, and not explained yet.
    Refuted(Refuted),
    Unknown(Unknown),
}

/// A key that the search refutes.
#[derive(Clone, Copy)]
struct Refuted {
    key: u32,
    /// The access, by its place in the slice, whose return no order goes beyond; and that return.
    stuck: u32,
    ret: u32,
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

#[derive(Default)]
struct Engine {
    zones: Zones,
    gathered: Vec<Operation>,
    accesses: Vec<Access>,
}

impl Engine {
    /// Turns the operations at these places into accesses, in the order of their invocations.
    #[inline]
    fn gather(&mut self, task: &Task<'_>, places: &[u32]) -> Result<(), String> {
        let Task {
            history,
            options,
            names,
            ..
        } = task;
        let (nil_read, failed_cas) = (options.nil_read, options.failed_cas);
        self.accesses.clear();
        self.accesses.reserve(places.len());
        for places in places.chunks(GATHERED) {
            // A key's operations lie far apart. To copy some of them first, without looking at
            // them, lets the processor fetch them all at once.
            let operations = places
                .iter()
                .map(|place| history.operations[*place as usize]);
            self.gathered.clear();
            self.gathered.extend(operations);
            for (operation, place) in self.gathered.iter().zip(places) {
                match access(history, names, nil_read, failed_cas, operation, *place) {
                    Ok(access) => self.accesses.extend(access),
                    Err(problem) => return Err(problem),
                }
            }
        }
        // Only where a completion had no invocation are they not yet in the order of invocation.
        if !self.accesses.is_sorted_by_key(|access| access.inv) {
            self.accesses.sort_by_key(|access| access.inv);
        }
        Ok(())
    }
}

impl Task<'_> {
    fn judge_key(&self, engine: &mut Engine, key: u32, places: &[u32]) -> KeyFinding {
        let Task {
            history, initial, ..
        } = *self;
        let unknown = |reason: String| {
            let unknown = Unknown {
                reason,
                key: history.key_text(key),
                ..Unknown::default()
            };
            KeyFinding::new(KeyOutcome::Unknown(unknown), Engines::default())
        };
        if self.deadline.passed() {
            return unknown("the budget of time ran out before this key's turn".to_owned());
        }
        if let Err(problem) = engine.gather(self, places) {
            return unknown(problem);
        }
        let accesses = &engine.accesses;
        let zones = &mut engine.zones;
        let (order, must_have_happened) = match zones.judge(accesses, initial) {
            Judgement::NotExact => match deletes::judge(zones, accesses, initial) {
                Deleted::Open => return self.judge_by_search(accesses, key),
                Deleted::Invalid { weaker, conflict } => {
                    return KeyFinding {
                        all_counted: false,
                        ..self.refuted_by_zones(zones, &weaker, key, &conflict, |_| {})
                    };
                }
                Deleted::Valid {
                    order,
                    must_have_happened,
                } => (order, must_have_happened),
            },
            Judgement::Invalid(conflict) => {
                return self.refuted_by_zones(zones, accesses, key, &conflict, |anomaly| {
                    tell_staleness(history, zones, accesses, &conflict, anomaly);
                });
            }
            Judgement::Valid => {
                let must_have_happened = (0..accesses.len())
                    .filter(|at| accesses[*at].ret == NEVER && zones.happened(*at))
                    .map(|at| accesses[at].place)
                    .collect();
                (zones.witness(accesses), must_have_happened)
            }
        };
        if !witness::is_linearization(accesses, &order, initial) {
            return unknown(BAD_WITNESS.to_owned());
        }
        let order = (order.iter())
            .map(|at| accesses[*at as usize].place)
            .collect();
        KeyFinding {
            must_have_happened,
            ..KeyFinding::new(KeyOutcome::Valid(KeyOrder { key, order }), BY_ZONES)
        }
    }

    /// What is told of a key that zones have just refuted.
    fn refuted_by_zones(
        &self,
        zones: &Zones,
        accesses: &[Access],
        key: u32,
        conflict: &Conflict,
        add: impl FnOnce(&mut Anomaly),
    ) -> KeyFinding {
        let history = self.history;
        let must_have_happened = (0..accesses.len())
            .filter(|at| accesses[*at].ret == NEVER && zones.happened(*at))
            .map(|at| accesses[at].place)
            .collect();
        let found = |anomaly: Anomaly| KeyFinding {
            must_have_happened,
            ..KeyFinding::new(KeyOutcome::Invalid(Box::new(anomaly)), BY_ZONES)
        };
        if self.options.explain == Explain::VerdictOnly {
            return found(unexplained(history, key));
        }
        let (misfits, all_counted) = zones.violations(accesses);
        let violations = (misfits.iter())
            .map(|misfit| Violation {
                name: explain::name_of_conflict(accesses, zones, &misfit.conflict),
                place: accesses[misfit.access as usize].place,
            })
            .collect();
        let first = misfits.first();
        let told = first.map_or(conflict, |first| &first.conflict);
        let came_to_it = first.map(|first| first.access);
        let mut anomaly =
            explain::explain(history, accesses, self.initial, zones, told, came_to_it);
        add(&mut anomaly);
        KeyFinding {
            violations,
            all_counted,
            ..found(anomaly)
        }
    }

    /// Judges a key on which zones are not exact.
    fn judge_by_search(&self, accesses: &[Access], key: u32) -> KeyFinding {
        let Task {
            history,
            initial,
            deadline,
            ..
        } = *self;
        let mut effort = self.options.budget.for_verdict(deadline);
        let outcome = match searched::find(accesses, initial, &mut effort) {
            Found::Valid(mut order) => {
                if witness::is_linearization(accesses, &order, initial) {
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
            Found::Invalid { stuck } => KeyOutcome::Refuted(Refuted {
                key,
                stuck,
                ret: accesses[stuck as usize].ret,
            }),
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
        let engines = Engines {
            zones: 0,
            search: 1,
        };
        KeyFinding::new(outcome, engines)
    }
}

fn unexplained(history: &History, key: u32) -> Anomaly {
    let text =
        "No order explains the results; it was not asked, or there was no time, to find out why."
            .to_owned();
    let mut anomaly = Anomaly::new(AnomalyName::NotLinearizable, text, Vec::new());
    anomaly.key = history.key_text(key);
    anomaly
}

const BY_ZONES: Engines = Engines {
    zones: 1,
    search: 0,
};

/// Adds how stale the reads of a key are that zones have just refuted, if that explains it.
fn tell_staleness(
    history: &History,
    zones: &Zones,
    accesses: &[Access],
    conflict: &Conflict,
    anomaly: &mut Anomaly,
) {
    let between_blocks = matches!(conflict, Conflict::Blocks { .. } | Conflict::Order { .. });
    if !between_blocks || history.times_go_back {
        return;
    }
    let operation = |access: &Access| &history.operations[access.place as usize];
    let stale = zones.stale_by(
        accesses,
        |access| operation(access).invoke_time,
        |access| operation(access).complete_time,
    );
    if let Some(ns) = stale.filter(|ns| *ns > 0) {
        anomaly.set_stale(ns);
    }
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
