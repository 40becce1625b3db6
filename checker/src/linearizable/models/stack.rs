//! A stack.

use super::collection::{self, CollectionStep, Names};
use crate::anomaly::AnomalyName;
use crate::history::{History, Operation};
use crate::judge::{Known, Model as Description};
use crate::linearizable::{self, Decision, Object, Timed};
use crate::search::{Model, Nature};
use crate::unique;
use crate::value::Value;

/// The model `stack`.
pub static STACK: Description = Description {
    name: "stack",
    help: "A linearizable last-in-first-out stack: push, pop",
    operations: &[Known::change("push"), Known::question("pop")],
    settings: &[],
    guess: Some(|evidence| {
        evidence
            .has_any(&["push", "pop"])
            .then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| linearizable::check(history, &Stack, &settings.limits()),
};

/// A last-in-first-out stack: `push` an element, `pop` one (nothing if it is empty).
#[derive(Clone, Copy, Debug, Default)]
pub struct Stack;

const NAMES: Names = Names {
    put: &["push"],
    take: &["pop"],
};

impl Model for Stack {
    type State = Vec<Value>;
    type Step = CollectionStep;

    fn initial(&self) -> Self::State {
        Vec::new()
    }

    fn apply(&self, state: &Self::State, step: &CollectionStep) -> Option<Self::State> {
        let mut next = state.clone();
        self.advance(&mut next, step).then_some(next)
    }

    fn advance(&self, state: &mut Self::State, step: &CollectionStep) -> bool {
        match step {
            CollectionStep::Put(element) => {
                state.push(element.clone());
                true
            }
            CollectionStep::Take(element) => state.pop().as_ref() == Some(element),
            CollectionStep::TakeAny => state.pop().is_some(),
            CollectionStep::Empty => state.is_empty(),
        }
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.capacity() * size_of::<Value>()
    }

    fn nature(&self, step: &CollectionStep) -> Nature {
        collection::nature(step)
    }
}

impl Object for Stack {
    type Model = Stack;

    fn name(&self) -> &'static str {
        "stack"
    }

    fn model(&self, _: &History, _: &[u32]) -> Stack {
        *self
    }

    fn step(
        &self,
        history: &History,
        operation: &Operation,
    ) -> Result<Option<CollectionStep>, String> {
        collection::step(&NAMES, history, operation)
    }

    fn anomaly(&self, history: &History, operation: &Operation) -> AnomalyName {
        collection::anomaly(&NAMES, history, operation, AnomalyName::OutOfOrder)
    }

    fn decide(&self, steps: &[Timed<'_, CollectionStep>]) -> Decision {
        unique::decide(steps, collection::part, |elements| {
            unique::stays::decide(elements, |_| 0, unique::stack::judge)
        })
    }
}
