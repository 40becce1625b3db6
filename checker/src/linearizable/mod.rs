//! Linearizability by any sequential model, judged by search.
//!
//! For registers use [`crate::register`], which needs no search where values are unique.
//!
//! ```
//! use kensho_checker::history::{Event, History, Kind, Process};
//! use kensho_checker::linearizable::{Limits, check, models::Mutex};
//!
//! let acquire = |process, index| Event::invoke(index, index, Process::Client(process), "acquire");
//! let (one, two) = (acquire(1, 0), acquire(2, 2));
//! let events = [one.clone(), one.complete(1, 1, Kind::Ok), two.clone(), two.complete(3, 3, Kind::Ok)];
//! let report = check(&History::from_events(&events), &Mutex::default(), &Limits::default());
//! assert_eq!(report.anomalies()[0].name.as_str(), "lock held twice");
//! ```

mod explain;
pub mod models;
mod prepared;
pub mod table;

pub use crate::unique::{Decision, Refusal};

use crate::anomaly::AnomalyName;
use crate::budget::{Budget, Deadline, Effort};
use crate::history::{History, Operation};
use crate::keys::{Groups, each_key};
use crate::report::{
    Engines, KeyOrder, OperationView, Report, Role, Unknown, Verdict, Violation, Violations,
    Witness,
};
use crate::search::{Found, Model};
use explain::{Explanation, last_of};
use prepared::Prepared;

/// How much a check may use, and on how many threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Limits of time and memory.
    pub budget: Budget,
    /// How many threads work on different keys; zero means one for each processor.
    pub threads: usize,
}

/// A step, and when it was: positions in the order of all events, of which each is later than
/// zero.
#[derive(Clone, Copy, Debug)]
pub struct Timed<'a, S> {
    /// What it did.
    pub step: &'a S,
    /// When it began.
    pub inv: u32,
    /// When it ended, or [`crate::history::NEVER`] if its outcome is unknown: then it happened at any time after it
    /// began, or not at all.
    pub ret: u32,
}

/// A step that is a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Its place among the steps.
    pub at: u32,
    /// The name of the violation.
    pub name: AnomalyName,
}

/// A sequential model together with the meaning of a history's operations.
pub trait Object: Sync {
    /// The sequential model.
    type Model: Model;

    /// The name of the model in reports.
    fn name(&self) -> &'static str;

    /// The model of one key, given its operations, or a part of them: what it knows beyond the
    /// object itself may only come from these.
    fn model(&self, history: &History, places: &[u32]) -> Self::Model;

    /// The step of an operation: its effect and, if it completed, its result. None if it says
    /// nothing; an error if it is not one of this object's operations. Operations that failed are
    /// not asked about.
    fn step(
        &self,
        history: &History,
        operation: &Operation,
    ) -> Result<Option<<Self::Model as Model>::Step>, String>;

    /// Decides without search where that can be done; the steps are those of one key, or of a part
    /// of it, in the order of their invocations. An order that it gives is validated by the
    /// model; that no order exists, it must know for sure.
    fn decide(&self, steps: &[Timed<'_, <Self::Model as Model>::Step>]) -> Decision {
        let _ = steps;
        Decision::Open
    }

    /// All violations of these steps, those that returned first first, where they can be found
    /// without search: each step whose result fits no order, given all that returned before it but
    /// earlier violations, which are forgotten.
    fn misfits(&self, steps: &[Timed<'_, <Self::Model as Model>::Step>]) -> Option<Vec<Misfit>> {
        let _ = steps;
        None
    }

    /// The name of the anomaly when this operation, the last one needed, fits no order.
    fn anomaly(&self, history: &History, operation: &Operation) -> AnomalyName {
        let _ = (history, operation);
        AnomalyName::NotLinearizable
    }

    /// Operations that belong together, for which a smaller sub-history is better without both:
    /// given two of one process that follow each other.
    fn belong_together(&self, history: &History, first: &Operation, second: &Operation) -> bool {
        let _ = (history, first, second);
        false
    }
}

enum Finding {
    Valid(KeyOrder),
    Invalid(Refuted),
    Unknown(Unknown),
}

/// A key that is not linearizable; it is explained only when each key has its verdict.
struct Refuted {
    key: u32,
    /// The step, by its place among the key's, whose return no order goes beyond; and that return.
    stuck: u32,
    ret: u32,
}

struct Judged {
    finding: Finding,
    searched: bool,
}

/// How many violated keys are explained.
const ANOMALIES_MAX: usize = 20;

/// How many steps explanations may take: of all keys, and of one; and how many more it may take to
/// count the violations.
const EXPLANATION_STEPS: u64 = 1 << 21;
const KEY_STEPS: u64 = 1 << 19;
const COUNT_STEPS: u64 = 1 << 20;

/// Judges each key's object.
pub fn check<O: Object>(history: &History, object: &O, limits: &Limits) -> Report {
    let deadline = limits.budget.deadline();
    let groups = Groups::of(history);
    let findings = each_key(
        &groups,
        limits.threads,
        || (),
        |(), key, places| judge_key(history, object, limits, deadline, key, places),
    );
    let mut engines = Engines::default();
    let mut orders = Vec::new();
    let mut refuted = Vec::new();
    let mut unknown: Option<Unknown> = None;
    for (judged, (_, places)) in findings.into_iter().zip(groups.iter()) {
        if judged.searched {
            engines.search += 1;
        } else {
            engines.zones += 1;
        }
        match judged.finding {
            Finding::Valid(order) => orders.push(order),
            Finding::Invalid(one) => refuted.push((one, places)),
            Finding::Unknown(one) => unknown.get_or_insert(one).keys_undecided += 1,
        }
    }
    let keys = engines.zones + engines.search;
    let told = Told::of(history, object, limits, refuted);
    let verdict = match (told.anomalies.is_empty(), unknown) {
        (false, _) => Verdict::Invalid(told.anomalies),
        (true, Some(unknown)) => Verdict::Unknown(unknown),
        (true, None) => Verdict::Valid(Witness { orders, settled: 0 }),
    };
    let mut report = Report::new(object.name(), history, verdict);
    report.engines = engines;
    report.violations = Violations::of(history, &told.violations, told.all_counted, keys);
    report.name_violated_keys(told.only_named);
    report
}

/// What is told of the keys that are not linearizable.
#[derive(Default)]
struct Told {
    anomalies: Vec<crate::report::Anomaly>,
    only_named: Vec<String>,
    violations: Vec<Violation>,
    all_counted: bool,
}

impl Told {
    /// The first violation of each key in words, those that ended first, and all of them counted.
    fn of<O: Object>(
        history: &History,
        object: &O,
        limits: &Limits,
        mut refuted: Vec<(Refuted, &[u32])>,
    ) -> Told {
        refuted.sort_by_key(|(one, _)| one.ret);
        let mut told = Told {
            all_counted: true,
            ..Told::default()
        };
        let mut explained = Vec::new();
        let mut all = limits.budget.for_explanation(EXPLANATION_STEPS);
        let mut counting = limits.budget.for_explanation(COUNT_STEPS);
        for (one, places) in refuted {
            let Ok(prepared) = Prepared::new(history, object, places) else {
                told.only_named.extend(history.key_text(one.key));
                continue;
            };
            let mut explanation = Explanation {
                history,
                object,
                prepared: &prepared,
                effort: &mut counting,
                name: None,
            };
            let (stuck, counted) = explanation.all_stuck(one.stuck);
            told.all_counted &= counted;
            told.violations.extend(stuck.iter().map(|stuck| Violation {
                name: stuck.name,
                place: prepared.kept[stuck.at as usize],
            }));
            let first = stuck.first().map_or(one.stuck, |stuck| stuck.at);
            explained.push((prepared.steps[first as usize].ret, first, one.key, places));
        }
        explained.sort_unstable_by_key(|(ret, ..)| *ret);
        for (_, first, key, places) in explained {
            // One is told in any case, however little is found out about it.
            let more = told.anomalies.len() < ANOMALIES_MAX
                && (told.anomalies.is_empty() || !all.is_spent());
            match Prepared::new(history, object, places) {
                Ok(prepared) if more => {
                    let mut effort = limits.budget.for_explanation(KEY_STEPS);
                    let mut explanation = Explanation {
                        history,
                        object,
                        prepared: &prepared,
                        effort: &mut effort,
                        name: None,
                    };
                    told.anomalies.push(explanation.tell(key, first));
                    all.spend(KEY_STEPS - effort.steps_left());
                }
                _ => told.only_named.extend(history.key_text(key)),
            }
        }
        told
    }
}

fn judge_key<O: Object>(
    history: &History,
    object: &O,
    limits: &Limits,
    deadline: Deadline,
    key: u32,
    places: &[u32],
) -> Judged {
    let mut searched = false;
    let mut judge = || {
        let mut prepared = Prepared::new(history, object, places)?;
        let valid = |order: &[u32], kept: &[u32]| {
            let order = order.iter().map(|at| kept[*at as usize]).collect();
            Finding::Valid(KeyOrder { key, order })
        };
        let invalid = |stuck: u32, prepared: &Prepared<O::Model>| {
            Finding::Invalid(Refuted {
                key,
                stuck,
                ret: prepared.steps[stuck as usize].ret,
            })
        };
        match object.decide(&prepared.timed()) {
            Decision::Valid(order) if prepared.is_linearization(&order) => {
                return Ok(valid(&order, &prepared.kept));
            }
            Decision::Valid(_) => return Err(crate::register::BAD_WITNESS.to_owned()),
            Decision::Invalid(refusal) => {
                return Ok(invalid(last_of(&prepared.steps, &refusal.core), &prepared));
            }
            Decision::Open => searched = true,
        }
        let mut effort: Effort = limits.budget.for_verdict(deadline);
        Ok(match prepared.search(&mut effort) {
            Found::Valid(order) if prepared.is_linearization(&order) => {
                valid(&order, &prepared.kept)
            }
            Found::Valid(_) => return Err(crate::register::BAD_WITNESS.to_owned()),
            Found::Invalid { stuck } => invalid(stuck, &prepared),
            Found::OutOfBudget {
                why,
                explained,
                stuck,
            } => Finding::Unknown(Unknown {
                reason: format!("the budget of {why} ran out; give more of it"),
                key: history.key_text(key),
                explained: Some(explained),
                stopped_at: Some(Box::new(OperationView::of(
                    history,
                    prepared.kept[stuck as usize],
                    Role::Proof,
                ))),
                keys_undecided: 0,
            }),
        })
    };
    let finding = judge().unwrap_or_else(|reason: String| {
        Finding::Unknown(Unknown {
            reason,
            key: history.key_text(key),
            ..Unknown::default()
        })
    });
    Judged { finding, searched }
}

#[cfg(test)]
mod tests;
