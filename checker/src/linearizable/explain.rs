//! What is told of a key that is not linearizable: its first violation, in words and as a small
//! sub-history that is itself invalid, and which other operations are violations.

use super::prepared::Prepared;
use super::{Decision, Misfit, Object, Refusal};
use crate::anomaly::AnomalyName;
use crate::budget::{CUT_SHORT, Effort};
use crate::history::{History, NEVER};
use crate::report::{Anomaly, OperationView, Role};
use crate::search::{Found, Machine, Nature, Step};

/// Explains one key, with counted effort.
pub(super) struct Explanation<'a, O: Object> {
    pub(super) history: &'a History,
    pub(super) object: &'a O,
    pub(super) prepared: &'a Prepared<O::Model>,
    pub(super) effort: &'a mut Effort,
    /// The name of what was found wrong last, if that is known without search.
    pub(super) name: Option<AnomalyName>,
}

/// Steps with the places of their operations.
type Part = Vec<(Step, u32)>;

/// What is known of a part that is not linearizable.
struct Refutation {
    /// The place of the step, in the part, beyond whose return no order goes, as far as is known.
    stuck: u32,
    /// Why, if that is known without search.
    refusal: Option<Refusal>,
}

impl<O: Object> Explanation<'_, O> {
    /// The first violation, and each further one: an operation whose result fits no order, given
    /// everything that returned before it but earlier violations. Says also whether these are all.
    ///
    /// `stuck` is a step up to whose return there is a violation.
    pub(super) fn all_stuck(&mut self, stuck: u32) -> (Vec<Misfit>, bool) {
        if let Some(found) = self.object.misfits(&self.prepared.timed()) {
            return (found, true);
        }
        let mut steps: Vec<(Step, u32)> = self.whole();
        let mut found = Vec::new();
        let mut next = Some(stuck);
        let mut after = 0;
        while let Some(hint) = next {
            let first = self.first_stuck(&steps, hint, after);
            let place = self.prepared.kept[first as usize] as usize;
            let operation = &self.history.operations[place];
            let unnamed = || self.object.anomaly(self.history, operation);
            found.push(Misfit {
                at: first,
                name: self.name.unwrap_or_else(unnamed),
            });
            after = steps[first as usize].0.ret;
            // Its result is forgotten: it happened later, or never.
            steps[first as usize].0.ret = NEVER;
            if self.effort.is_spent() {
                return (found, false);
            }
            let (part, places) = self.without_unknown_looks(&steps);
            next = match self.refutation(&part) {
                Ok(refutation) => refutation.map(|one| places[one.stuck as usize]),
                Err(OutOfWork) => return (found, false),
            };
        }
        (found, true)
    }

    /// The anomaly of the violation of this step: the first one.
    pub(super) fn tell(&mut self, key: u32, stuck: u32) -> Anomaly {
        let steps = self.whole();
        let mut part = self.prefix(&steps, stuck);
        let mut name = None;
        if let Ok(Some(refutation)) = self.refutation(&part)
            && let Some(refusal) = refutation.refusal
        {
            name = Some(refusal.name);
            let mut core = refusal.core;
            core.sort_unstable();
            let core: Part = core.iter().map(|at| part[*at as usize]).collect();
            let place = self.prepared.kept[stuck as usize];
            if self.is_violation(&core, place) {
                part = core;
            }
        }
        let stuck = self.prepared.kept[stuck as usize];
        self.drop_pairs(&mut part, stuck);
        self.forget(&mut part);
        self.drop_sources(&mut part);
        let mut anomaly = self.words(key, stuck, name, &part);
        if self.effort.is_spent() {
            anomaly.text.push_str(CUT_SHORT);
        }
        anomaly
    }

    fn whole(&self) -> Part {
        let steps = self.prepared.steps.iter().copied();
        steps.zip(self.prepared.kept.iter().copied()).collect()
    }

    /// Whether a part is not linearizable, if the effort suffices to tell.
    fn refutation(&mut self, part: &[(Step, u32)]) -> Result<Option<Refutation>, OutOfWork> {
        if self.effort.is_spent() {
            return Err(OutOfWork);
        }
        self.effort.spend(part.len() as u64);
        let steps: Vec<Step> = part.iter().map(|(step, _)| *step).collect();
        let timed: Vec<_> = steps
            .iter()
            .map(|step| self.prepared.timed_one(step))
            .collect();
        match self.object.decide(&timed) {
            Decision::Valid(_) => return Ok(None),
            Decision::Invalid(refusal) => {
                self.name = Some(refusal.name);
                return Ok(Some(Refutation {
                    stuck: last_of(&steps, &refusal.core),
                    refusal: Some(refusal),
                }));
            }
            Decision::Open => {}
        }
        let mut prepared = self.prepared.part(self.history, self.object, part);
        match prepared.search(self.effort) {
            Found::Valid(_) => Ok(None),
            Found::Invalid { stuck } => {
                self.name = None;
                Ok(Some(Refutation {
                    stuck,
                    refusal: None,
                }))
            }
            Found::OutOfBudget { .. } => Err(OutOfWork),
        }
    }

    fn invalid(&mut self, part: &[(Step, u32)]) -> bool {
        matches!(self.refutation(part), Ok(Some(_)))
    }

    fn nature(&self, class: u32) -> Nature {
        self.prepared.machine.nature(class)
    }

    /// The step with the first return, after a position, up to which no order explains the steps,
    /// given one that is no earlier unless it was found by a search: that stands where it stands,
    /// which may be too early if the model looked ahead.
    fn first_stuck(&mut self, steps: &[(Step, u32)], hint: u32, after: u32) -> u32 {
        let ret = |at: u32| steps[at as usize].0.ret;
        let mut returns: Vec<u32> = (0..steps.len() as u32)
            .filter(|at| ret(*at) != NEVER && ret(*at) > after)
            .collect();
        returns.sort_unstable_by_key(|at| ret(*at));
        let hint_at = returns.partition_point(|at| ret(*at) < ret(hint));
        let mut refuted = |at: u32| {
            let prefix = self.prefix(steps, at);
            self.invalid(&prefix)
        };
        // Most often it is the hint itself.
        let before = hint_at.checked_sub(1).map(|before| returns[before]);
        let range = match (refuted(hint), before) {
            (false, _) => {
                let later = returns.partition_point(|at| ret(*at) <= ret(hint));
                later..returns.len()
            }
            (true, None) => return hint,
            (true, Some(before)) if !refuted(before) => return hint,
            (true, Some(_)) => 0..hint_at - 1,
        };
        let place = range.start + returns[range].partition_point(|at| !refuted(*at));
        returns.get(place).copied().unwrap_or(hint)
    }

    /// What was invoked before the return of a step; what returned later may as well not have.
    fn prefix(&self, steps: &[(Step, u32)], last: u32) -> Part {
        let end = steps[last as usize].0.ret;
        let known_until = |step: &Step| if step.ret > end { NEVER } else { step.ret };
        steps
            .iter()
            .filter(|(step, _)| step.inv < end)
            .map(|(step, place)| {
                let ret = known_until(step);
                (Step { ret, ..*step }, *place)
            })
            .filter(|(step, _)| step.ret != NEVER || self.nature(step.class) != Nature::Look)
            .collect()
    }

    /// All but what only looked and has an unknown outcome, with the places of the others.
    fn without_unknown_looks(&self, steps: &[(Step, u32)]) -> (Part, Vec<u32>) {
        let says = |(_, (step, _)): &(usize, &(Step, u32))| {
            step.ret != NEVER || self.nature(step.class) != Nature::Look
        };
        let kept = steps.iter().enumerate().filter(says);
        kept.map(|(at, step)| (*step, at as u32)).unzip()
    }

    /// Leaves out pairs that belong together, if it is still the operation at `stuck` that fits no
    /// order.
    fn drop_pairs(&mut self, part: &mut Vec<(Step, u32)>, stuck: u32) {
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
                if self.is_violation(&without, stuck) {
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
                    if self.nature(forgotten[at].0.class) == Nature::Look {
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

    /// Whether a part is invalid, and would not be without the outcome of this operation.
    fn is_violation(&mut self, part: &[(Step, u32)], stuck: u32) -> bool {
        let mut forgotten = part.to_vec();
        match part.iter().position(|(_, place)| *place == stuck) {
            None => return false,
            Some(at) if self.nature(part[at].0.class) == Nature::Look => {
                forgotten.remove(at);
            }
            Some(at) => forgotten[at].0.ret = NEVER,
        }
        self.invalid(part) && matches!(self.refutation(&forgotten), Ok(None))
    }

    fn all_needed(&mut self, part: &[(Step, u32)]) -> bool {
        (0..part.len())
            .filter(|at| part[*at].0.ret != NEVER)
            .all(|at| {
                let mut forgotten = part.to_vec();
                if self.nature(forgotten[at].0.class) == Nature::Look {
                    forgotten.remove(at);
                } else {
                    forgotten[at].0.ret = NEVER;
                }
                !self.invalid(&forgotten)
            })
    }

    fn words(
        &self,
        key: u32,
        stuck: u32,
        name: Option<AnomalyName>,
        sub: &[(Step, u32)],
    ) -> Anomaly {
        let history = self.history;
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
        let operation = &history.operations[stuck as usize];
        let name = name.unwrap_or_else(|| self.object.anomaly(history, operation));
        let mut anomaly = Anomaly::new(name, text, views);
        anomaly.key = history.key_text(key);
        anomaly
    }
}

/// There is not enough left of the effort to tell.
struct OutOfWork;

/// Of some steps, the one that returned last.
pub(super) fn last_of(steps: &[Step], places: &[u32]) -> u32 {
    let ret = |at: &u32| steps[*at as usize].ret;
    let known = places.iter().copied().filter(|at| ret(at) != NEVER);
    known.max_by_key(ret).unwrap_or_default()
}
