//! A queue.

use super::unknown_operation;
use crate::checks::initial_elements;
use crate::history::{Datum, History, Operation, Outcome};
use crate::judge::{Known, Model as Description, NilAnswer, Setting};
use crate::linearizable;
use crate::linearizable::{Decision, Object, Timed};
use crate::register::NilRead;
use crate::report::Report;
use crate::search::{Model, Nature};
use crate::unique::{self, Part};
use crate::value::Value;
use std::collections::VecDeque;

/// The model `fifo-queue`.
pub static FIFO_QUEUE: Description = Description {
    name: "fifo-queue",
    help: "A linearizable first-in-first-out queue: enqueue, dequeue",
    operations: &[
        Known::change("enqueue"),
        Known::asks("dequeue", NilAnswer::UnlessSet),
    ],
    settings: &[Setting::Init, Setting::NilReads],
    guess: None,
    judge: |history, settings| {
        let initial = match initial_elements(settings.initial.as_ref()) {
            Ok(initial) => initial,
            Err(reason) => return Report::unknown("fifo-queue", history, reason),
        };
        let object = FifoQueue {
            initial,
            nil_is_unknown: settings.nil_read == Some(NilRead::Unknown),
        };
        linearizable::check(history, &object, &settings.limits())
    },
};

/// A first-in-first-out queue: `enqueue` and `dequeue`.
#[derive(Clone, Debug, Default)]
pub struct FifoQueue {
    /// The elements that it holds in the beginning, the first one first.
    pub initial: Vec<Value>,
    /// Whether a dequeue of nothing is one whose result is not known; otherwise it found the queue
    /// empty.
    pub nil_is_unknown: bool,
}

/// What an operation on a queue does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueStep {
    /// Puts an element at the end.
    Enqueue(Value),
    /// Takes this element, which must be the first.
    Dequeue(Value),
    /// Finds the queue empty.
    FindEmpty,
    /// Takes whatever is the first: a dequeue whose outcome is not known.
    DequeueAny,
    /// Takes whatever is the first, if there is any: a dequeue that succeeded without a result.
    DequeueIfAny,
}

impl Model for FifoQueue {
    type State = VecDeque<Value>;
    type Step = QueueStep;

    fn initial(&self) -> Self::State {
        self.initial.iter().cloned().collect()
    }

    fn apply(&self, state: &Self::State, step: &QueueStep) -> Option<Self::State> {
        let mut next = state.clone();
        self.advance(&mut next, step).then_some(next)
    }

    fn advance(&self, state: &mut Self::State, step: &QueueStep) -> bool {
        match step {
            QueueStep::Enqueue(element) => {
                state.push_back(element.clone());
                true
            }
            QueueStep::Dequeue(element) => state.pop_front().as_ref() == Some(element),
            QueueStep::DequeueAny => state.pop_front().is_some(),
            QueueStep::DequeueIfAny => {
                state.pop_front();
                true
            }
            QueueStep::FindEmpty => state.is_empty(),
        }
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.capacity() * size_of::<Value>()
    }

    fn nature(&self, step: &QueueStep) -> Nature {
        match step {
            QueueStep::FindEmpty => Nature::Look,
            _ => Nature::Change,
        }
    }
}

impl Object for FifoQueue {
    type Model = FifoQueue;

    fn name(&self) -> &'static str {
        "fifo-queue"
    }

    fn model(&self, _: &History, _: &[u32]) -> FifoQueue {
        self.clone()
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<QueueStep>, String> {
        Ok(Some(match (history.name(operation.f), operation.outcome) {
            ("enqueue", _) => QueueStep::Enqueue(history.value(operation.argument)),
            ("dequeue", Outcome::Ok) => match operation.result {
                Datum::NIL if self.nil_is_unknown => QueueStep::DequeueIfAny,
                Datum::NIL => QueueStep::FindEmpty,
                result => QueueStep::Dequeue(history.value(result)),
            },
            ("dequeue", _) => QueueStep::DequeueAny,
            _ => return Err(unknown_operation(history, operation, "enqueue and dequeue")),
        }))
    }

    fn decide(&self, steps: &[Timed<'_, QueueStep>]) -> Decision {
        let decidable = |timed: &Timed<'_, QueueStep>| part(timed.step).is_some();
        if !self.initial.is_empty() || !steps.iter().all(decidable) {
            return Decision::Open;
        }
        let part = |step| part(step).unwrap_or(Part::RemoveAny);
        unique::decide(steps, part, unique::fifo::decide)
    }
}

/// What a step does to the elements, if that is known.
fn part(step: &QueueStep) -> Option<Part<'_>> {
    Some(match step {
        QueueStep::Enqueue(element) => Part::Insert(element),
        QueueStep::Dequeue(element) => Part::Remove(element),
        QueueStep::DequeueAny => Part::RemoveAny,
        QueueStep::FindEmpty => Part::Empty,
        QueueStep::DequeueIfAny => return None,
    })
}
