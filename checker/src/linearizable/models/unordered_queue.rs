//! A queue that promises no order: a bag.

use super::collection::{Collection, CollectionStep, Names, decide_by_elements};
use super::stocked;
use crate::anomaly::AnomalyName;
use crate::judge::{Known, Model as Description, NilAnswer};
use crate::linearizable::{Decision, Timed};
use crate::unique::{self, stays};
use crate::value::Value;
use std::collections::BTreeMap;

/// The model `unordered-queue`.
pub static UNORDERED_QUEUE: Description = Description {
    name: "unordered-queue",
    help: "A linearizable queue without order (a bag): enqueue, dequeue",
    operations: &[
        Known::change("enqueue"),
        Known::asks("dequeue", NilAnswer::UnlessSet),
    ],
    settings: stocked::SETTINGS,
    guess: None,
    judge: |history, settings| stocked::judge(UnorderedQueue, history, settings),
};

/// A queue without order: `enqueue` an element, `dequeue` any one that is there (nothing if there
/// is none).
#[derive(Clone, Copy, Debug, Default)]
pub struct UnorderedQueue;

/// What may be in the queue.
///
/// A dequeue whose result is not known takes *some* element that is there. Which one is left open:
/// elements are kept in layers, and after each layer it is counted how many were taken of that
/// layer or of those before it. So equal possibilities are one state, and none is guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bag {
    layers: Vec<Layer>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Layer {
    /// How many there are of each, and of all.
    elements: BTreeMap<Value, u32>,
    count: u32,
    /// How many were taken, of this layer or those before it, after it was there and before the
    /// next one was.
    taken: u32,
}

impl Bag {
    fn put(&mut self, element: Value) {
        if self.layers.last().is_none_or(|last| last.taken > 0) {
            self.layers.push(Layer::default());
        }
        if let Some(last) = self.layers.last_mut() {
            *last.elements.entry(element).or_default() += 1;
            last.count += 1;
        }
    }

    /// Takes this element: of equal ones the one of the last layer, which can be missed most
    /// easily, since those before it can stand for more of the unknown ones.
    fn take(&mut self, element: &Value) -> Option<()> {
        let layer = self
            .layers
            .iter_mut()
            .rev()
            .find(|layer| layer.elements.contains_key(element))?;
        layer.count -= 1;
        let count = layer.elements.get_mut(element)?;
        *count -= 1;
        if *count == 0 {
            layer.elements.remove(element);
        }
        self.settle()
    }

    fn take_any(&mut self) -> Option<()> {
        self.layers.last_mut()?.taken += 1;
        self.settle()
    }

    /// None if more were taken than there were; forgets the layers of which surely nothing is left.
    fn settle(&mut self) -> Option<()> {
        let (mut there, mut taken, mut gone) = (0, 0, 0);
        for (at, layer) in self.layers.iter().enumerate() {
            there += layer.count;
            taken += layer.taken;
            if taken > there {
                return None;
            }
            if taken == there {
                gone = at + 1;
            }
        }
        self.layers.drain(..gone);
        Some(())
    }
}

impl Collection for UnorderedQueue {
    type State = Bag;

    const NAME: &'static str = "unordered-queue";
    const NAMES: Names = Names {
        put: &["enqueue"],
        take: &["dequeue"],
    };
    const WRONG: AnomalyName = AnomalyName::DuplicateElement;

    fn put(state: &mut Bag, element: &Value) {
        state.put(element.clone());
    }

    fn take(state: &mut Bag, element: &Value) -> bool {
        state.take(element).is_some()
    }

    fn take_any(state: &mut Bag) -> bool {
        state.take_any().is_some()
    }

    fn is_empty(state: &Bag) -> bool {
        state.layers.is_empty()
    }

    fn bytes(state: &Bag) -> usize {
        let elements: usize = state.layers.iter().map(|layer| layer.elements.len()).sum();
        state.layers.capacity() * size_of::<Layer>() + elements * size_of::<(Value, u32)>() * 2
    }

    fn decide_unique(steps: &[Timed<'_, CollectionStep>]) -> Decision {
        decide_by_elements(steps, |elements| {
            stays::decide(elements, |_| 0, unique::ranked::judge)
        })
    }
}
