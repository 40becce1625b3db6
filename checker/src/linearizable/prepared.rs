//! The steps of one key, as the search and the deciders want them.

use super::{Object, Timed};
use crate::budget::Effort;
use crate::history::{History, NEVER, Outcome};
use crate::search::{Found, Interned, Machine, Model, Nature, Step, search};

/// The steps of one key, or of a part of it.
pub(super) struct Prepared<M: Model> {
    pub(super) machine: Interned<M>,
    /// In the order of their invocations.
    pub(super) steps: Vec<Step>,
    /// Per step the place of its operation in the history.
    pub(super) kept: Vec<u32>,
}

impl<M: Model> Prepared<M> {
    /// The steps of the operations at these places; an error if one is not the object's.
    pub(super) fn new<O: Object<Model = M>>(
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

    /// A part of these steps. The model may have looked ahead into the history: here it may only
    /// see this part.
    pub(super) fn part<O: Object<Model = M>>(
        &self,
        history: &History,
        object: &O,
        part: &[(Step, u32)],
    ) -> Self {
        let kept: Vec<u32> = part.iter().map(|(_, place)| *place).collect();
        let mut machine = Interned::new(object.model(history, &kept));
        let steps = part
            .iter()
            .map(|(step, _)| Step {
                class: machine.class(self.machine.step(step.class)),
                ..*step
            })
            .collect();
        Prepared {
            machine,
            steps,
            kept,
        }
    }

    pub(super) fn search(&mut self, effort: &mut Effort) -> Found {
        search(&mut self.machine, &self.steps, effort)
    }

    pub(super) fn timed(&self) -> Vec<Timed<'_, M::Step>> {
        self.steps.iter().map(|step| self.timed_one(step)).collect()
    }

    /// One of these steps, or the same with another outcome.
    pub(super) fn timed_one(&self, step: &Step) -> Timed<'_, M::Step> {
        Timed {
            step: self.machine.step(step.class),
            inv: step.inv,
            ret: step.ret,
        }
    }

    /// Checks a witness, independently of what found it.
    pub(super) fn is_linearization(&self, order: &[u32]) -> bool {
        let model = self.machine.model();
        let mut state = model.initial();
        let mut latest_inv = 0;
        let mut present = vec![false; self.steps.len()];
        for at in order {
            let step = &self.steps[*at as usize];
            if std::mem::replace(&mut present[*at as usize], true) || step.ret < latest_inv {
                return false;
            }
            latest_inv = latest_inv.max(step.inv);
            if !model.advance(&mut state, self.machine.step(step.class)) {
                return false;
            }
        }
        self.steps
            .iter()
            .zip(&present)
            .all(|(step, present)| *present || step.ret == NEVER)
    }
}
