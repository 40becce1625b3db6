//! A set.

use super::unknown_operation;
use crate::checks::initial_elements;
use crate::history::{Datum, History, Operation, Outcome};
use crate::judge::{Known, Model as Description, NilAnswer, Setting, Shape, unexpected};
use crate::linearizable;
use crate::linearizable::Object;
use crate::register::NilRead;
use crate::report::Report;
use crate::search::{Model, Nature};
use crate::value::Value;
use std::collections::BTreeSet;

/// The model `linearizable-set`.
pub static LINEARIZABLE_SET: Description = Description {
    name: "linearizable-set",
    help: "A linearizable set: add, remove, read",
    operations: &[
        Known::asks("read", NilAnswer::IfSet),
        Known::change("add"),
        Known::change("remove"),
    ],
    settings: &[Setting::Init, Setting::NilReads],
    guess: Some(|evidence| {
        let lists = evidence.returns("read", &[Shape::List, Shape::Pair, Shape::Set]);
        (evidence.has("remove") && lists)
            .then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| {
        let initial = match initial_elements(settings.initial.as_ref()) {
            Ok(initial) => initial,
            Err(reason) => return Report::unknown("linearizable-set", history, reason),
        };
        let object = SetObject {
            initial: initial.into_iter().collect(),
            nil_is_empty: settings.nil_read == Some(NilRead::Value),
        };
        linearizable::check(history, &object, &settings.limits())
    },
};

/// A set: `add` an element, `remove` one, `read` all of them.
#[derive(Clone, Debug, Default)]
pub struct SetObject {
    /// The elements that it holds in the beginning.
    pub initial: BTreeSet<Value>,
    /// Whether a read of nothing saw an empty set; otherwise its result is not known.
    pub nil_is_empty: bool,
}

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
    type State = BTreeSet<Value>;
    type Step = SetStep;

    fn initial(&self) -> Self::State {
        self.initial.clone()
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
        self.clone()
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<SetStep>, String> {
        match history.name(operation.f) {
            "add" => Ok(Some(SetStep::Add(history.value(operation.argument)))),
            "remove" => Ok(Some(SetStep::Remove(history.value(operation.argument)))),
            "read" if operation.outcome != Outcome::Ok => Ok(None),
            "read" if operation.result == Datum::NIL => {
                Ok(self.nil_is_empty.then(|| SetStep::Read(Vec::new())))
            }
            "read" => {
                let value = history.value(operation.result);
                let elements = value.elements().ok_or_else(|| {
                    unexpected(history, operation, operation.result, "a list of elements")
                })?;
                let mut seen = elements.to_vec();
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
