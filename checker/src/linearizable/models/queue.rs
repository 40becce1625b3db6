//! A queue.

use super::unknown_operation;
use crate::history::{Datum, History, Operation, Outcome};
use crate::judge::{Known, Model as Description};
use crate::linearizable;
use crate::linearizable::{Decision, Object, Timed};
use crate::search::{Model, Nature};
use crate::unique::{self, Part};
use crate::value::Value;
use std::collections::VecDeque;

/// The model `fifo-queue`.
pub static FIFO_QUEUE: Description = Description {
    name: "fifo-queue",
    help: "A linearizable first-in-first-out queue: enqueue, dequeue",
    operations: &[Known::change("enqueue"), Known::question("dequeue")],
    settings: &[],
    guess: None,
    judge: |history, settings| linearizable::check(history, &FifoQueue, &settings.limits()),
};

/// A first-in-first-out queue: `enqueue` and `dequeue`.
#[derive(Clone, Copy, Debug, Default)]
pub struct FifoQueue;

/// What an operation on a queue does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueStep {
    /// Puts an element at the end.
    Enqueue(Value),
    /// Takes this element, which must be the first.
    Dequeue(Value),
    /// Takes whatever is the first: a dequeue whose result is not known.
    DequeueAny,
    /// Sees that there is nothing.
    SeeEmpty,
}

impl Model for FifoQueue {
    type State = VecDeque<Value>;
    type Step = QueueStep;

    fn initial(&self) -> Self::State {
        VecDeque::new()
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
            QueueStep::SeeEmpty => state.is_empty(),
        }
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.capacity() * size_of::<Value>()
    }

    fn nature(&self, step: &QueueStep) -> Nature {
        match step {
            QueueStep::SeeEmpty => Nature::Look,
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
        *self
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<QueueStep>, String> {
        match (history.name(operation.f), operation.outcome) {
            ("enqueue", _) => Ok(Some(QueueStep::Enqueue(history.value(operation.argument)))),
            ("dequeue", Outcome::Ok) if operation.result != Datum::NIL => {
                Ok(Some(QueueStep::Dequeue(history.value(operation.result))))
            }
            ("dequeue", Outcome::Ok) => Ok(Some(QueueStep::SeeEmpty)),
            ("dequeue", _) => Ok(Some(QueueStep::DequeueAny)),
            _ => Err(unknown_operation(history, operation, "enqueue and dequeue")),
        }
    }

    fn decide(&self, steps: &[Timed<'_, QueueStep>]) -> Decision {
        unique::decide(steps, part, unique::fifo::decide)
    }
}

fn part(step: &QueueStep) -> Part<'_> {
    match step {
        QueueStep::Enqueue(element) => Part::Insert(element),
        QueueStep::Dequeue(element) => Part::Remove(element),
        QueueStep::DequeueAny => Part::RemoveAny,
        QueueStep::SeeEmpty => Part::Empty,
    }
}
