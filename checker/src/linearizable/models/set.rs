//! A set.

use super::unknown_operation;
use crate::history::{Datum, History, Operation, Outcome};
use crate::judge::{Known, Model as Description, Shape};
use crate::linearizable;
use crate::linearizable::Object;
use crate::search::{Model, Nature};
use crate::value::Value;

/// The model `linearizable-set`.
pub static LINEARIZABLE_SET: Description = Description {
    name: "linearizable-set",
    help: "A linearizable set: add, remove, read",
    operations: &[
        Known::read("read"),
        Known::change("add"),
        Known::change("remove"),
    ],
    settings: &[],
    guess: Some(|evidence| {
        let lists = evidence.returns("read", &[Shape::List, Shape::Pair, Shape::Set]);
        (evidence.has("remove") && lists)
            .then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| linearizable::check(history, &SetObject, &settings.limits()),
};

/// A set: `add` an element, `read` all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetObject;

/// What an operation on a set does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetStep {
    /// Adds an element.
    Add(Value),
    /// Removes an element.
    Remove(Value),
    /// Sees exactly these, sorted.
    Read(Vec<Value>),
}

impl Model for SetObject {
    type State = std::collections::BTreeSet<Value>;
    type Step = SetStep;

    fn initial(&self) -> Self::State {
        Self::State::default()
    }

    fn apply(&self, state: &Self::State, step: &SetStep) -> Option<Self::State> {
        let mut next = state.clone();
        match step {
            SetStep::Add(element) => {
                next.insert(element.clone());
            }
            SetStep::Remove(element) => {
                next.remove(element);
            }
            SetStep::Read(seen) => return state.iter().eq(seen).then_some(next),
        }
        Some(next)
    }

    fn nature(&self, step: &SetStep) -> Nature {
        if matches!(step, SetStep::Read(_)) {
            Nature::Look
        } else {
            Nature::Change
        }
    }
}

impl Object for SetObject {
    type Model = SetObject;

    fn name(&self) -> &'static str {
        "linearizable-set"
    }

    fn model(&self, _: &History, _: &[u32]) -> SetObject {
        *self
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<SetStep>, String> {
        match history.name(operation.f) {
            "add" => Ok(Some(SetStep::Add(history.value(operation.argument)))),
            "remove" => Ok(Some(SetStep::Remove(history.value(operation.argument)))),
            "read" if operation.outcome != Outcome::Ok || operation.result == Datum::NIL => {
                Ok(None)
            }
            "read" => {
                let value = history.value(operation.result);
                let mut seen = value
                    .elements()
                    .ok_or_else(|| {
                        format!(
                            "event {} read {value}, not a list",
                            history.index(operation.complete)
                        )
                    })?
                    .to_vec();
                seen.sort();
                seen.dedup();
                Ok(Some(SetStep::Read(seen)))
            }
            _ => Err(unknown_operation(
                history,
                operation,
                "add, remove and read",
            )),
        }
    }
}
