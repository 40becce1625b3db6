//! A queue.

use super::unknown_operation;
use crate::history::{Datum, History, Operation, Outcome};
use crate::judge::{Known, Model as Description};
use crate::linearizable;
use crate::linearizable::Object;
use crate::search::Model;
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
}

impl Model for FifoQueue {
    type State = VecDeque<Value>;
    type Step = QueueStep;

    fn initial(&self) -> Self::State {
        VecDeque::new()
    }

    fn apply(&self, state: &Self::State, step: &QueueStep) -> Option<Self::State> {
        let mut next = state.clone();
        match step {
            QueueStep::Enqueue(element) => next.push_back(element.clone()),
            QueueStep::Dequeue(element) => {
                if next.pop_front().as_ref() != Some(element) {
                    return None;
                }
            }
            QueueStep::DequeueAny => {
                next.pop_front()?;
            }
        }
        Some(next)
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
            ("dequeue", Outcome::Ok) => Ok(None),
            ("dequeue", _) => Ok(Some(QueueStep::DequeueAny)),
            _ => Err(unknown_operation(history, operation, "enqueue and dequeue")),
        }
    }
}
