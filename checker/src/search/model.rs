//! Sequential models, and their interning: states and classes of steps become small numbers.

use super::ILLEGAL;
use crate::hash::FastMap;
use crate::history::NEVER;
use std::hash::Hash;

/// What a step can do to the state, whatever the state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// It never changes the state.
    Look,
    /// It fits every state, and the state after it is always the same.
    Blind,
    /// Anything else.
    Change,
}

/// A sequential model: what an object would do if its operations came one at a time.
///
/// ```
/// use kensho_checker::search::{Model, Nature};
///
/// /// A counter that can be incremented and read.
/// struct Counter;
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// enum Step { Increment, Read(u64) }
///
/// impl Model for Counter {
///     type State = u64;
///     type Step = Step;
///     fn initial(&self) -> u64 { 0 }
///     fn apply(&self, state: &u64, step: &Step) -> Option<u64> {
///         match step {
///             Step::Increment => Some(state + 1),
///             Step::Read(seen) => (seen == state).then_some(*state),
///         }
///     }
///     fn nature(&self, step: &Step) -> Nature {
///         if matches!(step, Step::Read(_)) { Nature::Look } else { Nature::Change }
///     }
/// }
/// ```
pub trait Model {
    /// The state of the object.
    type State: Clone + Eq + Hash;
    /// An operation with its result.
    type Step: Clone + Eq + Hash;

    /// The state in the beginning.
    fn initial(&self) -> Self::State;

    /// The state after the step, or none if the step cannot happen, with its result, in this state.
    fn apply(&self, state: &Self::State, step: &Self::Step) -> Option<Self::State>;

    /// Does the step to the state; says whether it can happen (if not, the state may become
    /// anything). To do it in place is faster where states are large.
    fn advance(&self, state: &mut Self::State, step: &Self::Step) -> bool {
        match self.apply(state, step) {
            Some(next) => {
                *state = next;
                true
            }
            None => false,
        }
    }

    /// About how many bytes a state takes beyond its own size, so that limits of memory are seen in
    /// time.
    fn heap_bytes(&self, state: &Self::State) -> usize {
        let _ = state;
        0
    }

    /// What the step can do. A wrong answer makes verdicts wrong; [`Nature::Change`] is always right.
    fn nature(&self, step: &Self::Step) -> Nature {
        let _ = step;
        Nature::Change
    }
}

/// A model whose states and classes of steps are numbers.
pub(crate) trait Machine {
    fn initial(&self) -> u32;
    /// The state after a step of this class, or [`ILLEGAL`].
    fn apply(&mut self, state: u32, class: u32) -> u32;
    fn nature(&self, class: u32) -> Nature;
    /// A position after which no step is invoked that is not a blind write and fits this state.
    fn seen_until(&self, state: u32) -> u32 {
        let _ = state;
        NEVER
    }
    /// Bytes in use.
    fn bytes(&self) -> usize {
        0
    }
    /// Bytes that tables take more while they grow, if they soon do.
    fn growth(&self) -> usize {
        0
    }
}

/// Any model as a machine: states, steps and transitions are interned.
pub(crate) struct Interned<M: Model> {
    model: M,
    states: Vec<M::State>,
    state_numbers: FastMap<M::State, u32>,
    steps: Vec<(M::Step, Nature)>,
    step_numbers: FastMap<M::Step, u32>,
    transitions: FastMap<u64, u32>,
    /// Bytes of the states beyond their own size.
    heap_bytes: usize,
}

impl<M: Model> Interned<M> {
    pub(crate) fn new(model: M) -> Self {
        let initial = model.initial();
        let mut state_numbers = FastMap::default();
        state_numbers.insert(initial.clone(), 0);
        Interned {
            model,
            states: vec![initial],
            state_numbers,
            steps: Vec::new(),
            step_numbers: FastMap::default(),
            transitions: FastMap::default(),
            heap_bytes: 0,
        }
    }

    pub(crate) fn model(&self) -> &M {
        &self.model
    }

    /// The step of a class.
    pub(crate) fn step(&self, class: u32) -> &M::Step {
        &self.steps[class as usize].0
    }

    /// The class of a step.
    pub(crate) fn class(&mut self, step: &M::Step) -> u32 {
        if let Some(class) = self.step_numbers.get(step) {
            return *class;
        }
        let class = self.steps.len() as u32;
        self.steps.push((step.clone(), self.model.nature(step)));
        self.step_numbers.insert(step.clone(), class);
        class
    }
}

impl<M: Model> Machine for Interned<M> {
    fn initial(&self) -> u32 {
        0
    }

    fn apply(&mut self, state: u32, class: u32) -> u32 {
        let transition = u64::from(state) << 32 | u64::from(class);
        if let Some(next) = self.transitions.get(&transition) {
            return *next;
        }
        let next = self
            .model
            .apply(&self.states[state as usize], &self.steps[class as usize].0);
        let next = match next {
            None => ILLEGAL,
            Some(state) => match self.state_numbers.get(&state) {
                Some(number) => *number,
                None => {
                    let number = self.states.len() as u32;
                    // It is kept twice: as a state, and as a key.
                    self.heap_bytes += 2 * self.model.heap_bytes(&state);
                    self.states.push(state.clone());
                    self.state_numbers.insert(state, number);
                    number
                }
            },
        };
        self.transitions.insert(transition, next);
        next
    }

    fn nature(&self, class: u32) -> Nature {
        self.steps[class as usize].1
    }

    fn bytes(&self) -> usize {
        self.transitions.capacity() * TRANSITION
            + self.state_numbers.capacity() * (size_of::<M::State>() + 8)
            + self.states.capacity() * size_of::<M::State>()
            + self.heap_bytes
    }

    fn growth(&self) -> usize {
        const SOON: usize = 2 * super::pace::ROUNDS_MAX as usize;
        let map = |capacity: usize, length: usize, entry: usize| {
            if capacity - length < SOON {
                2 * capacity * entry
            } else {
                0
            }
        };
        let (all, some) = (self.transitions.capacity(), self.transitions.len());
        map(all, some, TRANSITION)
            + map(
                self.state_numbers.capacity(),
                self.states.len(),
                size_of::<M::State>() + 8,
            )
    }
}

/// Bytes of an entry of the table of transitions, with its share of what the table keeps empty.
const TRANSITION: usize = 20;
