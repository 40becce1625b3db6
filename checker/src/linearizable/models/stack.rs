//! A stack.

use super::collection::{Collection, CollectionStep, Names, decide_by_elements};
use super::stocked;
use crate::anomaly::AnomalyName;
use crate::judge::{Known, Model as Description, NilAnswer};
use crate::linearizable::{Decision, Timed};
use crate::unique::{self, stays};
use crate::value::Value;

/// The model `stack`.
pub static STACK: Description = Description {
    name: "stack",
    help: "A linearizable last-in-first-out stack: push, pop",
    operations: &[
        Known::change("push"),
        Known::asks("pop", NilAnswer::UnlessSet),
    ],
    settings: stocked::SETTINGS,
    guess: Some(|evidence| {
        evidence
            .has_any(&["push", "pop"])
            .then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| stocked::judge(Stack, history, settings),
};

/// A last-in-first-out stack: `push` an element, `pop` one (nothing if it is empty).
#[derive(Clone, Copy, Debug, Default)]
pub struct Stack;

impl Collection for Stack {
    type State = Vec<Value>;

    const NAME: &'static str = "stack";
    const NAMES: Names = Names {
        put: &["push"],
        take: &["pop"],
    };
    const WRONG: AnomalyName = AnomalyName::OutOfOrder;

    fn put(state: &mut Vec<Value>, element: &Value) {
        state.push(element.clone());
    }

    fn take(state: &mut Vec<Value>, element: &Value) -> bool {
        state.pop().as_ref() == Some(element)
    }

    fn take_any(state: &mut Vec<Value>) -> bool {
        state.pop().is_some()
    }

    fn is_empty(state: &Vec<Value>) -> bool {
        state.is_empty()
    }

    fn bytes(state: &Vec<Value>) -> usize {
        state.capacity() * size_of::<Value>()
    }

    fn decide_unique(steps: &[Timed<'_, CollectionStep>]) -> Decision {
        decide_by_elements(steps, |elements| {
            stays::decide(elements, |_| 0, unique::stack::judge)
        })
    }
}
