//! A priority queue.

use super::collection::{self, CollectionStep, Names};
use crate::anomaly::AnomalyName;
use crate::history::{History, Operation};
use crate::judge::{Known, Model as Description};
use crate::linearizable::{self, Decision, Object, Timed};
use crate::search::{Model, Nature};
use crate::unique;
use crate::value::Value;
use std::collections::BTreeMap;

/// The model `priority-queue`.
pub static PRIORITY_QUEUE: Description = Description {
    name: "priority-queue",
    help: "A linearizable priority queue of whole numbers, the smallest first: enqueue or insert, dequeue or delete-min",
    operations: &[
        Known::change("enqueue"),
        Known::change("insert"),
        Known::question("dequeue"),
        Known::question("delete-min"),
    ],
    settings: &[],
    guess: Some(|evidence| {
        evidence
            .has("delete-min")
            .then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| linearizable::check(history, &PriorityQueue, &settings.limits()),
};

/// A priority queue of whole numbers: `enqueue` (or `insert`) a number, `dequeue` (or `delete-min`)
/// the smallest (nothing if there is none).
#[derive(Clone, Copy, Debug, Default)]
pub struct PriorityQueue;

const NAMES: Names = Names {
    put: &["enqueue", "insert"],
    take: &["dequeue", "delete-min"],
};

impl Model for PriorityQueue {
    /// How many there are of each.
    type State = BTreeMap<Value, u32>;
    type Step = CollectionStep;

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn apply(&self, state: &Self::State, step: &CollectionStep) -> Option<Self::State> {
        let mut next = state.clone();
        self.advance(&mut next, step).then_some(next)
    }

    fn advance(&self, state: &mut Self::State, step: &CollectionStep) -> bool {
        match step {
            CollectionStep::Put(element) => {
                *state.entry(element.clone()).or_default() += 1;
                return true;
            }
            CollectionStep::Empty => return state.is_empty(),
            CollectionStep::Take(_) | CollectionStep::TakeAny => {}
        }
        let Some(mut smallest) = state.first_entry() else {
            return false;
        };
        if let CollectionStep::Take(element) = step
            && smallest.key() != element
        {
            return false;
        }
        *smallest.get_mut() -= 1;
        if *smallest.get() == 0 {
            smallest.remove();
        }
        true
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.len() * size_of::<(Value, u32)>() * 2
    }

    fn nature(&self, step: &CollectionStep) -> Nature {
        collection::nature(step)
    }
}

impl Object for PriorityQueue {
    type Model = PriorityQueue;

    fn name(&self) -> &'static str {
        "priority-queue"
    }

    fn model(&self, _: &History, _: &[u32]) -> PriorityQueue {
        *self
    }

    fn step(
        &self,
        history: &History,
        operation: &Operation,
    ) -> Result<Option<CollectionStep>, String> {
        let step = collection::step(&NAMES, history, operation)?;
        match &step {
            Some(CollectionStep::Put(element) | CollectionStep::Take(element))
                if element.as_int().is_none() =>
            {
                Err(format!(
                    "event {}: {element} is not a whole number, and only those have an order here",
                    history.index(operation.invoke),
                ))
            }
            _ => Ok(step),
        }
    }

    fn anomaly(&self, history: &History, operation: &Operation) -> AnomalyName {
        collection::anomaly(&NAMES, history, operation, AnomalyName::OutOfOrder)
    }

    fn decide(&self, steps: &[Timed<'_, CollectionStep>]) -> Decision {
        unique::decide(steps, collection::part, |elements| {
            let rank = |at: u32| match steps[at as usize].step {
                CollectionStep::Put(element) => element.as_int().unwrap_or(0),
                _ => 0,
            };
            unique::stays::decide(elements, rank, unique::ranked::judge)
        })
    }
}
