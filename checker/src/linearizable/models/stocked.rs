//! A collection that holds something in the beginning, or of which it is not known what a removal
//! without a result found.

use super::collection::{Collection, CollectionStep};
use crate::anomaly::AnomalyName;
use crate::checks::initial_elements;
use crate::history::{Datum, History, Operation};
use crate::judge::{Setting, Settings};
use crate::linearizable::{self, Decision, Object, Timed};
use crate::register::NilRead;
use crate::report::Report;
use crate::search::{Model, Nature};
use crate::value::Value;

/// What [`judge`] has a use for.
pub(super) const SETTINGS: &[Setting] = &[Setting::Init, Setting::NilReads];

/// Judges a collection as the settings say.
pub(super) fn judge<C: Collection>(
    collection: C,
    history: &History,
    settings: &Settings,
) -> Report {
    let refused = |elements: &Vec<Value>| elements.iter().find_map(C::refuses);
    let initial = match initial_elements(settings.initial.as_ref()) {
        Err(reason) => return Report::unknown(C::NAME, history, reason),
        Ok(initial) => match refused(&initial) {
            Some(why) => return Report::unknown(C::NAME, history, format!("--init: {why}")),
            None => initial,
        },
    };
    let nil_is_unknown = settings.nil_read == Some(NilRead::Unknown);
    if initial.is_empty() && !nil_is_unknown {
        return linearizable::check(history, &collection, &settings.limits());
    }
    let stocked = Stocked {
        collection,
        initial,
        nil_is_unknown,
    };
    linearizable::check(history, &stocked, &settings.limits())
}

#[derive(Clone, Debug)]
struct Stocked<C> {
    collection: C,
    /// What was put in before the beginning, in that order.
    initial: Vec<Value>,
    /// Whether a removal that returned nothing is one whose result is not known.
    nil_is_unknown: bool,
}

impl<C: Collection> Model for Stocked<C> {
    type State = C::State;
    type Step = CollectionStep;

    fn initial(&self) -> C::State {
        let mut state = C::State::default();
        for element in &self.initial {
            C::put(&mut state, element);
        }
        state
    }

    fn apply(&self, state: &C::State, step: &CollectionStep) -> Option<C::State> {
        self.collection.apply(state, step)
    }

    fn advance(&self, state: &mut C::State, step: &CollectionStep) -> bool {
        self.collection.advance(state, step)
    }

    fn heap_bytes(&self, state: &C::State) -> usize {
        self.collection.heap_bytes(state)
    }

    fn nature(&self, step: &CollectionStep) -> Nature {
        self.collection.nature(step)
    }
}

impl<C: Collection> Object for Stocked<C> {
    type Model = Stocked<C>;

    fn name(&self) -> &'static str {
        C::NAME
    }

    fn model(&self, _: &History, _: &[u32]) -> Stocked<C> {
        self.clone()
    }

    fn step(
        &self,
        history: &History,
        operation: &Operation,
    ) -> Result<Option<CollectionStep>, String> {
        let step = self.collection.step(history, operation)?;
        Ok(match step {
            Some(CollectionStep::Empty) if self.nil_is_unknown => Some(CollectionStep::TakeIfAny),
            step => step,
        })
    }

    fn anomaly(&self, history: &History, operation: &Operation) -> AnomalyName {
        let named = self.collection.anomaly(history, operation);
        let was_there = operation.result != Datum::NIL
            && self.initial.contains(&history.value(operation.result));
        match named {
            AnomalyName::PhantomElement if was_there => C::WRONG,
            named => named,
        }
    }

    fn decide(&self, steps: &[Timed<'_, CollectionStep>]) -> Decision {
        let told = |timed: &Timed<'_, _>| *timed.step != CollectionStep::TakeIfAny;
        match self.initial.is_empty() && steps.iter().all(told) {
            true => self.collection.decide(steps),
            false => Decision::Open,
        }
    }
}
