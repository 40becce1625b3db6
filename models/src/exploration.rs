//! Exploring a model with stateright: every state, in one order or the other.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model, Path};

use crate::{cpu, memory};

/// In which order states are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Depth first: needs least memory; a counterexample is not the shortest.
    DepthFirst,
    /// Breadth first: a counterexample is the shortest one.
    BreadthFirst,
}

/// A model whose violations can be told.
pub trait Explorable:
    Model<
        State: Clone + Debug + Hash + PartialEq + Send + Sync,
        Action: Clone + Debug + PartialEq + Send + Sync,
    > + Clone
    + Send
    + Sync
    + 'static
{
    /// A history that violates an invariant.
    type Counterexample;

    /// What `path` violates where it ends, and how it came to that.
    fn counterexample(path: Path<Self::State, Self::Action>) -> Self::Counterexample;
}

/// What came of exploring a model.
#[derive(Clone, Debug)]
pub struct Exploration<C> {
    /// Different states.
    pub unique_states: usize,
    /// States that were generated, the same one again included.
    pub generated_states: usize,
    /// The longest history without a detour; with [`Order::BreadthFirst`] the longest of the shortest.
    pub depth: usize,
    /// Whether nothing was left to visit.
    pub finished: bool,
    /// How long it took.
    pub seconds: f64,
    /// Processor time; where the system does not tell it, the same as `seconds`.
    pub cpu_seconds: f64,
    /// The most memory that the program had meanwhile, where the system tells it.
    pub peak_bytes: Option<u64>,
    /// The history that violates an invariant, if one was found.
    pub counterexample: Option<C>,
}

impl<C> Exploration<C> {
    /// Bytes of memory for each different state, if there are so many states that hardly anything
    /// else takes memory.
    #[must_use]
    pub fn bytes_per_state(&self) -> Option<f64> {
        let peak = self
            .peak_bytes
            .filter(|_| self.unique_states >= 1_000_000)?;
        Some(peak as f64 / self.unique_states as f64)
    }

    /// The same with its counterexample told in another way.
    #[must_use]
    pub fn map<D>(self, tell: impl FnOnce(C) -> D) -> Exploration<D> {
        Exploration {
            unique_states: self.unique_states,
            generated_states: self.generated_states,
            depth: self.depth,
            finished: self.finished,
            seconds: self.seconds,
            cpu_seconds: self.cpu_seconds,
            peak_bytes: self.peak_bytes,
            counterexample: self.counterexample.map(tell),
        }
    }
}

/// Explores `model` until nothing is left, or about `states_max` states were generated, or an
/// invariant is violated.
#[must_use]
pub fn explore<M: Explorable>(
    model: &M,
    order: Order,
    states_max: usize,
) -> Exploration<M::Counterexample> {
    let (began, cpu_before) = (Instant::now(), cpu::seconds());
    memory::reset_peak();
    let checker = model
        .clone()
        .checker()
        .target_state_count(states_max)
        .finish_when(HasDiscoveries::AnyFailures);
    let found = match order {
        Order::DepthFirst => result(model, &checker.spawn_dfs().join(), states_max),
        Order::BreadthFirst => result(model, &checker.spawn_bfs().join(), states_max),
    };
    let seconds = began.elapsed().as_secs_f64();
    let used = cpu_before.zip(cpu::seconds());
    Exploration {
        seconds,
        cpu_seconds: used.map_or(seconds, |(before, after)| after - before),
        peak_bytes: memory::peak_bytes(),
        ..found
    }
}

fn result<M: Explorable>(
    model: &M,
    checker: &impl Checker<M>,
    states_max: usize,
) -> Exploration<M::Counterexample> {
    let properties = model.properties().into_iter();
    let violated = properties.filter_map(|property| checker.discovery(property.name));
    let counterexample = violated.map(M::counterexample).next();
    Exploration {
        unique_states: checker.unique_state_count(),
        generated_states: checker.state_count(),
        depth: checker.max_depth(),
        finished: counterexample.is_none() && checker.state_count() < states_max,
        seconds: 0.0,
        cpu_seconds: 0.0,
        peak_bytes: None,
        counterexample,
    }
}
