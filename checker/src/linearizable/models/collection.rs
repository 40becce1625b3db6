//! What operations on queues and stacks have in common: something is put in, something is taken
//! out.

use super::unknown_operation;
use crate::anomaly::AnomalyName;
use crate::history::{Datum, History, Operation, Outcome};
use crate::linearizable::{Decision, Object, Timed};
use crate::search::{Model, Nature};
use crate::unique::{self, Elements, Part};
use crate::value::Value;
use std::fmt::Debug;
use std::hash::Hash;

/// What an operation on a collection does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CollectionStep {
    /// Puts an element in.
    Put(Value),
    /// Takes this element out, which must be the next.
    Take(Value),
    /// Takes out whatever is next: the result is not known.
    TakeAny,
    /// Takes out whatever is next, if there is anything: it succeeded without a result.
    TakeIfAny,
    /// Finds that there is nothing.
    Empty,
}

/// The names of the two operations.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Those by which elements are put in.
    pub put: &'static [&'static str],
    /// Those by which elements are taken out.
    pub take: &'static [&'static str],
}

/// Something into which elements are put and out of which they are taken: as such it is a model and
/// an object.
pub trait Collection: Copy + Debug + Sync {
    /// What is in it.
    type State: Clone + Debug + Default + Eq + Hash;

    /// The name of the model.
    const NAME: &'static str;
    /// The names of its operations.
    const NAMES: Names;
    /// What it is called if an element came out that was put in, but could not come.
    const WRONG: AnomalyName;

    /// Puts an element in.
    fn put(state: &mut Self::State, element: &Value);
    /// Takes this element, if it is one that can come next.
    fn take(state: &mut Self::State, element: &Value) -> bool;
    /// Takes whatever comes next, if there is anything.
    fn take_any(state: &mut Self::State) -> bool;
    /// Whether there is nothing in it.
    fn is_empty(state: &Self::State) -> bool;
    /// How much memory it takes beyond itself.
    fn bytes(state: &Self::State) -> usize;
    /// Decides without search, where each element is put in only once.
    fn decide_unique(steps: &[Timed<'_, CollectionStep>]) -> Decision;

    /// Why an element has no place in it, if it has not.
    fn refuses(element: &Value) -> Option<String> {
        let _ = element;
        None
    }
}

impl<C: Collection> Model for C {
    type State = C::State;
    type Step = CollectionStep;

    fn initial(&self) -> C::State {
        C::State::default()
    }

    fn apply(&self, state: &C::State, step: &CollectionStep) -> Option<C::State> {
        let mut next = state.clone();
        self.advance(&mut next, step).then_some(next)
    }

    fn advance(&self, state: &mut C::State, step: &CollectionStep) -> bool {
        match step {
            CollectionStep::Put(element) => {
                C::put(state, element);
                true
            }
            CollectionStep::Take(element) => C::take(state, element),
            CollectionStep::TakeAny => C::take_any(state),
            CollectionStep::TakeIfAny => C::is_empty(state) || C::take_any(state),
            CollectionStep::Empty => C::is_empty(state),
        }
    }

    fn heap_bytes(&self, state: &C::State) -> usize {
        C::bytes(state)
    }

    fn nature(&self, step: &CollectionStep) -> Nature {
        match step {
            CollectionStep::Empty => Nature::Look,
            _ => Nature::Change,
        }
    }
}

impl<C: Collection> Object for C {
    type Model = C;

    fn name(&self) -> &'static str {
        C::NAME
    }

    fn model(&self, _: &History, _: &[u32]) -> C {
        *self
    }

    fn step(
        &self,
        history: &History,
        operation: &Operation,
    ) -> Result<Option<CollectionStep>, String> {
        let step = step(&C::NAMES, history, operation)?;
        match &step {
            CollectionStep::Put(element) | CollectionStep::Take(element) => {
                match C::refuses(element) {
                    None => Ok(Some(step)),
                    Some(why) => Err(format!("event {}: {why}", history.index(operation.invoke))),
                }
            }
            CollectionStep::TakeAny | CollectionStep::TakeIfAny | CollectionStep::Empty => {
                Ok(Some(step))
            }
        }
    }

    fn anomaly(&self, history: &History, operation: &Operation) -> AnomalyName {
        anomaly(&C::NAMES, history, operation, C::WRONG)
    }

    fn decide(&self, steps: &[Timed<'_, CollectionStep>]) -> Decision {
        C::decide_unique(steps)
    }
}

/// The step of an operation. One that succeeded and returned nothing found nothing.
fn step(names: &Names, history: &History, operation: &Operation) -> Result<CollectionStep, String> {
    let name = history.name(operation.f);
    let takes = names.take.contains(&name);
    if !takes && !names.put.contains(&name) {
        let known = format!("{} and {}", names.put[0], names.take[0]);
        return Err(unknown_operation(history, operation, &known));
    }
    Ok(match (takes, operation.outcome) {
        (false, _) => CollectionStep::Put(history.value(operation.argument)),
        (true, Outcome::Ok) if operation.result == Datum::NIL => CollectionStep::Empty,
        (true, Outcome::Ok) => CollectionStep::Take(history.value(operation.result)),
        (true, _) => CollectionStep::TakeAny,
    })
}

/// The name of the violation when this operation fits no order; `wrong` if it took an element that
/// had been put in.
fn anomaly(
    names: &Names,
    history: &History,
    operation: &Operation,
    wrong: AnomalyName,
) -> AnomalyName {
    if !names.take.contains(&history.name(operation.f)) {
        return AnomalyName::NotLinearizable;
    }
    if operation.result == Datum::NIL {
        return AnomalyName::EmptyThoughFull;
    }
    let put_in = history.operations.iter().any(|put| {
        put.key == operation.key
            && put.outcome != Outcome::Fail
            && put.invoke < operation.complete
            && put.argument == operation.result
            && names.put.contains(&history.name(put.f))
    });
    match put_in {
        true => wrong,
        false => AnomalyName::PhantomElement,
    }
}

/// Decides by what becomes of each element, if all are different.
pub(super) fn decide_by_elements(
    steps: &[Timed<'_, CollectionStep>],
    decide: impl FnOnce(&Elements) -> Decision,
) -> Decision {
    unique::decide(steps, part, decide)
}

/// What a step does to any container.
fn part(step: &CollectionStep) -> Part<'_> {
    match step {
        CollectionStep::Put(element) => Part::Insert(element),
        CollectionStep::Take(element) => Part::Remove(element),
        CollectionStep::TakeAny | CollectionStep::TakeIfAny => Part::RemoveAny,
        CollectionStep::Empty => Part::Empty,
    }
}
