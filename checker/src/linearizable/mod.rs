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

pub mod models;

use crate::anomaly::AnomalyName;
use crate::budget::{Budget, CUT_SHORT, Deadline, EXPLANATION_TIME};
use crate::history::{History, NEVER, Operation, Outcome};
use crate::keys::{Groups, each_key};
use crate::report::{
    Anomaly, Engines, KeyOrder, OperationView, Report, Role, Unknown, Verdict, Witness,
};
use crate::search::{Found, ILLEGAL, Interned, Machine, Model, Nature, Step, search};

/// How much a check may use, and on how many threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Limits of time and memory.
    pub budget: Budget,
    /// How many threads work on different keys; zero means one for each processor.
    pub threads: usize,
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

/// A key that the search refutes: explained only when each key has its verdict, since explaining
/// means to search again and again.
struct Refuted {
    key: u32,
    /// The step, by its place among the key's, whose return no order goes beyond; and that return.
    stuck: u32,
    ret: u32,
}

/// How many anomalies are reported, and how many violated keys are explained.
const ANOMALIES_MAX: usize = 20;

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
    let keys = findings.len();
    let mut orders = Vec::new();
    let mut refuted = Vec::new();
    let mut unknown: Option<Unknown> = None;
    for (finding, (_, places)) in findings.into_iter().zip(groups.iter()) {
        match finding {
            Finding::Valid(order) => orders.push(order),
            Finding::Invalid(one) => refuted.push((one, places)),
            Finding::Unknown(one) => unknown.get_or_insert(one).keys_undecided += 1,
        }
    }
    refuted.sort_by_key(|(one, _)| one.ret);
    let explanations = deadline.at_most(limits.budget.time_for_explanations());
    let mut anomalies = Vec::new();
    let mut only_named = Vec::new();
    for (one, places) in refuted {
        // One is told in any case, however little is found out about it.
        if anomalies.len() < ANOMALIES_MAX && (anomalies.is_empty() || !explanations.passed()) {
            match Prepared::new(history, object, places) {
                Ok(prepared) => {
                    anomalies.push(prepared.explain(history, object, limits, explanations, &one));
                }
                Err(_) => only_named.extend(history.key_text(one.key)),
            }
        } else {
            only_named.extend(history.key_text(one.key));
        }
    }
    let verdict = match (anomalies.is_empty(), unknown) {
        (false, _) => Verdict::Invalid(anomalies),
        (true, Some(unknown)) => Verdict::Unknown(unknown),
        (true, None) => Verdict::Valid(Witness { orders }),
    };
    let mut report = Report::new(object.name(), history, verdict);
    report.engines = Engines {
        zones: 0,
        search: keys,
    };
    report.name_violated_keys(only_named);
    report
}

fn judge_key<O: Object>(
    history: &History,
    object: &O,
    limits: &Limits,
    deadline: Deadline,
    key: u32,
    places: &[u32],
) -> Finding {
    let unknown = |reason: String| {
        Finding::Unknown(Unknown {
            reason,
            key: history.key_text(key),
            ..Unknown::default()
        })
    };
    let mut prepared = match Prepared::new(history, object, places) {
        Ok(prepared) => prepared,
        Err(problem) => return unknown(problem),
    };
    let Prepared {
        machine,
        steps,
        kept,
    } = &mut prepared;
    match search(machine, steps, deadline, limits.budget.bytes) {
        Found::Valid(order) => {
            if !is_linearization(machine, steps, &order) {
                return unknown(crate::register::BAD_WITNESS.to_owned());
            }
            let order = order.into_iter().map(|at| kept[at as usize]).collect();
            Finding::Valid(KeyOrder { key, order })
        }
        Found::Invalid { stuck } => Finding::Invalid(Refuted {
            key,
            stuck,
            ret: steps[stuck as usize].ret,
        }),
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
                kept[stuck as usize],
                Role::Proof,
            ))),
            keys_undecided: 0,
        }),
    }
}

/// The steps of one key, for the search.
struct Prepared<M: Model> {
    machine: Interned<M>,
    /// In the order of their invocations.
    steps: Vec<Step>,
    /// Per step the place of its operation in the history.
    kept: Vec<u32>,
}

impl<M: Model> Prepared<M> {
    fn new<O: Object<Model = M>>(
        history: &History,
        object: &O,
        places: &[u32],
    ) -> Result<Self, String> {
        let mut machine = Interned::new(object.model(history, places));
        let mut steps = Vec::with_capacity(places.len());
        let mut kept = Vec::with_capacity(places.len());
        for place in places {
            let operation = &history.operations[*place as usize];
            if operation.outcome == Outcome::Fail {
                continue;
            }
            let Some(step) = object.step(history, operation)? else {
                continue;
            };
            let class = machine.class(&step);
            let (inv, ret) = operation.span();
            if ret == NEVER && machine.nature(class) == Nature::Look {
                continue;
            }
            steps.push(Step { class, inv, ret });
            kept.push(*place);
        }
        // Only where a completion had no invocation are they not yet in the order of invocation.
        if !steps.is_sorted_by_key(|step| step.inv) {
            let mut both: Vec<(Step, u32)> = steps.into_iter().zip(kept).collect();
            both.sort_by_key(|(step, _)| step.inv);
            (steps, kept) = both.into_iter().unzip();
        }

        Ok(Prepared {
            machine,
            steps,
            kept,
        })
    }

    fn explain<O: Object<Model = M>>(
        &self,
        history: &History,
        object: &O,
        limits: &Limits,
        deadline: Deadline,
        refuted: &Refuted,
    ) -> Anomaly {
        let deadline = deadline.at_most(EXPLANATION_TIME);
        let (sub, stuck) = Explanation {
            history,
            object,
            machine: &self.machine,
            deadline,
            limits,
        }
        .minimal(&self.steps, &self.kept, refuted.stuck);
        let stuck = self.kept[stuck as usize];
        let mut anomaly = tell(history, object, refuted.key, stuck, &sub);
        if deadline.passed() {
            anomaly.text.push_str(CUT_SHORT);
        }
        anomaly
    }
}

/// Checks a witness, independently of the search that found it.
fn is_linearization<M: Machine>(machine: &mut M, steps: &[Step], order: &[u32]) -> bool {
    let mut state = machine.initial();
    let mut latest_inv = 0;
    let mut present = vec![false; steps.len()];
    for at in order {
        let step = &steps[*at as usize];
        if std::mem::replace(&mut present[*at as usize], true) || step.ret < latest_inv {
            return false;
        }
        latest_inv = latest_inv.max(step.inv);
        state = machine.apply(state, step.class);
        if state == ILLEGAL {
            return false;
        }
    }
    steps
        .iter()
        .zip(&present)
        .all(|(step, present)| *present || step.ret == NEVER)
}

struct Explanation<'a, O: Object> {
    history: &'a History,
    object: &'a O,
    machine: &'a Interned<O::Model>,
    deadline: Deadline,
    limits: &'a Limits,
}

impl<O: Object> Explanation<'_, O> {
    fn invalid(&mut self, part: &[(Step, u32)]) -> bool {
        if self.deadline.passed() {
            return false;
        }
        // The model may have looked ahead into the history: here it may only see this part.
        let places: Vec<u32> = part.iter().map(|(_, place)| *place).collect();
        let mut machine = Interned::new(self.object.model(self.history, &places));
        let steps: Vec<Step> = part
            .iter()
            .map(|(step, _)| Step {
                class: machine.class(self.machine.step(step.class)),
                ..*step
            })
            .collect();
        let bytes = self.limits.budget.bytes;
        let found = search(&mut machine, &steps, self.deadline, bytes);
        matches!(found, Found::Invalid { .. })
    }

    /// A small part of the steps that is invalid: up to the return that fits no order, without
    /// pairs that belong together, and with every other outcome forgotten that can be. Returns also
    /// which step it is whose return fits no order.
    fn minimal(&mut self, steps: &[Step], kept: &[u32], stuck: u32) -> (Vec<(Step, u32)>, u32) {
        let stuck = self.first_stuck(steps, kept, stuck);
        let mut part = self.prefix(steps, kept, stuck);
        self.drop_pairs(&mut part);
        self.forget(&mut part);
        self.drop_sources(&mut part);
        (part, stuck)
    }

    /// The step with the first return up to which no order explains the steps. It may be later
    /// than where the search stood, if the model looked ahead.
    fn first_stuck(&mut self, steps: &[Step], kept: &[u32], stuck: u32) -> u32 {
        let prefix = self.prefix(steps, kept, stuck);
        if self.invalid(&prefix) {
            return stuck;
        }
        let mut later: Vec<u32> = (0..steps.len() as u32)
            .filter(|at| {
                let ret = steps[*at as usize].ret;
                ret != NEVER && ret > steps[stuck as usize].ret
            })
            .collect();
        later.sort_by_key(|at| steps[*at as usize].ret);
        let first = later.partition_point(|at| {
            let prefix = self.prefix(steps, kept, *at);
            !self.invalid(&prefix)
        });
        later.get(first).or(later.last()).copied().unwrap_or(stuck)
    }

    /// What was invoked before the return of a step; what returned later may as well not have.
    fn prefix(&self, steps: &[Step], kept: &[u32], last: u32) -> Vec<(Step, u32)> {
        let end = steps[last as usize].ret;
        let known_until = |step: &Step| if step.ret > end { NEVER } else { step.ret };
        steps
            .iter()
            .zip(kept)
            .filter(|(step, _)| step.inv < end)
            .map(|(step, place)| {
                (
                    Step {
                        ret: known_until(step),
                        ..*step
                    },
                    *place,
                )
            })
            .filter(|(step, _)| {
                step.ret != NEVER || self.machine.nature(step.class) != Nature::Look
            })
            .collect()
    }

    fn drop_pairs(&mut self, part: &mut Vec<(Step, u32)>) {
        let mut at = 0;
        while at < part.len() {
            let first = self.history.operations[part[at].1 as usize];
            let second = (at + 1..part.len()).find(|other| {
                self.history.operations[part[*other].1 as usize].process == first.process
            });
            if let Some(second) = second
                && self.object.belong_together(
                    self.history,
                    &first,
                    &self.history.operations[part[second].1 as usize],
                )
            {
                let mut without = part.clone();
                without.remove(second);
                without.remove(at);
                if self.invalid(&without) {
                    *part = without;
                    continue;
                }
            }
            at += 1;
        }
    }

    /// Forgets outcomes: halves, quarters, …, single ones.
    fn forget(&mut self, part: &mut Vec<(Step, u32)>) {
        let mut width = part.len().next_power_of_two();
        while width > 0 {
            let mut end = part.len();
            while end > 0 {
                let start = end.saturating_sub(width);
                let mut forgotten = part.clone();
                let mut any = false;
                for at in (start..end).rev() {
                    if self.machine.nature(forgotten[at].0.class) == Nature::Look {
                        forgotten.remove(at);
                        any = true;
                    } else {
                        any |= std::mem::replace(&mut forgotten[at].0.ret, NEVER) != NEVER;
                    }
                }
                if any && self.invalid(&forgotten) {
                    *part = forgotten;
                }
                end = start;
            }
            width /= 2;
        }
    }

    /// Leaves out operations of forgotten outcome as long as each remaining one is needed.
    fn drop_sources(&mut self, part: &mut Vec<(Step, u32)>) {
        for at in (0..part.len()).rev() {
            if part[at].0.ret != NEVER {
                continue;
            }
            let mut without = part.clone();
            without.remove(at);
            if self.invalid(&without) && self.all_needed(&without) {
                *part = without;
            }
        }
    }

    fn all_needed(&mut self, part: &[(Step, u32)]) -> bool {
        (0..part.len())
            .filter(|at| part[*at].0.ret != NEVER)
            .all(|at| {
                let mut forgotten = part.to_vec();
                if self.machine.nature(forgotten[at].0.class) == Nature::Look {
                    forgotten.remove(at);
                } else {
                    forgotten[at].0.ret = NEVER;
                }
                !self.invalid(&forgotten)
            })
    }
}

fn tell<O: Object>(
    history: &History,
    object: &O,
    key: u32,
    stuck: u32,
    sub: &[(Step, u32)],
) -> Anomaly {
    let views: Vec<OperationView> = sub
        .iter()
        .map(|(step, place)| {
            let role = if step.ret == NEVER {
                Role::Source
            } else {
                Role::Proof
            };
            OperationView::of(history, *place, role)
        })
        .collect();
    let others: Vec<String> = views
        .iter()
        .filter(|view| view.role == Role::Proof && view.place != stuck)
        .map(ToString::to_string)
        .collect();
    let last = OperationView::of(history, stuck, Role::Proof);
    let more = match others.len().saturating_sub(6) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let text = if others.is_empty() {
        format!("{last} fits no order at all.")
    } else {
        format!(
            "{last} fits no order, given: {}{more}. Everything that completed before it fits one.",
            others[..others.len().min(6)].join("; ")
        )
    };
    let name = object.anomaly(history, &history.operations[stuck as usize]);
    let mut anomaly = Anomaly::new(name, text, views);
    anomaly.key = history.key_text(key);
    anomaly
}

#[cfg(test)]
mod tests;
