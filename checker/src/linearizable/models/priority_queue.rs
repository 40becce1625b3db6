//! A priority queue.

use super::collection::{Collection, CollectionStep, Names, decide_by_elements};
use super::stocked;
use crate::anomaly::AnomalyName;
use crate::judge::{Known, Model as Description, NilAnswer};
use crate::linearizable::{Decision, Timed};
use crate::unique::{self, stays};
use crate::value::Value;
use std::collections::BTreeMap;

/// The model `priority-queue`.
pub static PRIORITY_QUEUE: Description = Description {
    name: "priority-queue",
    help: "A linearizable priority queue of whole numbers, the smallest first: enqueue or insert, dequeue or delete-min",
    operations: &[
        Known::change("enqueue"),
        Known::change("insert"),
        Known::asks("dequeue", NilAnswer::UnlessSet),
        Known::asks("delete-min", NilAnswer::UnlessSet),
    ],
    settings: stocked::SETTINGS,
    guess: Some(|evidence| {
        evidence
            .has("delete-min")
            .then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| stocked::judge(PriorityQueue, history, settings),
};

/// A priority queue of whole numbers: `enqueue` (or `insert`) a number, `dequeue` (or `delete-min`)
/// the smallest (nothing if there is none).
#[derive(Clone, Copy, Debug, Default)]
pub struct PriorityQueue;

impl Collection for PriorityQueue {
    /// How many there are of each.
    type State = BTreeMap<Value, u32>;

    const NAME: &'static str = "priority-queue";
    const NAMES: Names = Names {
        put: &["enqueue", "insert"],
        take: &["dequeue", "delete-min"],
    };
    const WRONG: AnomalyName = AnomalyName::OutOfOrder;

    fn put(state: &mut Self::State, element: &Value) {
        *state.entry(element.clone()).or_default() += 1;
    }

    fn take(state: &mut Self::State, element: &Value) -> bool {
        let is_first = state
            .first_key_value()
            .is_some_and(|(first, _)| first == element);
        is_first && Self::take_any(state)
    }

    fn take_any(state: &mut Self::State) -> bool {
        let Some(mut smallest) = state.first_entry() else {
            return false;
        };
        *smallest.get_mut() -= 1;
        if *smallest.get() == 0 {
            smallest.remove();
        }
        true
    }

    fn is_empty(state: &Self::State) -> bool {
        state.is_empty()
    }

    fn bytes(state: &Self::State) -> usize {
        state.len() * size_of::<(Value, u32)>() * 2
    }

    fn decide_unique(steps: &[Timed<'_, CollectionStep>]) -> Decision {
        let rank = |at: u32| match steps[at as usize].step {
            CollectionStep::Put(element) => element.as_int().unwrap_or(0),
            _ => 0,
        };
        decide_by_elements(steps, |elements| {
            stays::decide(elements, rank, unique::ranked::judge)
        })
    }

    fn refuses(element: &Value) -> Option<String> {
        element
            .as_int()
            .is_none()
            .then(|| format!("{element} is not a whole number, and only those have an order here"))
    }
}
