//! Exploring a replication model with stateright.

use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use super::step::Action;
use super::{INVARIANTS, Replication};
use crate::cpu;
use crate::invariants::Invariant;
use crate::world::sights::Sometimes;

/// In which order states are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Depth first: needs least memory; a counterexample is not the shortest.
    DepthFirst,
    /// Breadth first: a counterexample is the shortest one.
    BreadthFirst,
}

/// What came of exploring a model.
#[derive(Clone, Debug)]
pub struct Exploration {
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
    /// Processor time, where the system tells it.
    pub cpu_seconds: f64,
    /// What happened sometimes.
    pub sometimes: Sometimes,
    /// The history that violates an invariant, if one was found.
    pub counterexample: Option<Counterexample>,
}

/// A history that violates an invariant.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// Which.
    pub invariant: Invariant,
    /// What happened, in order.
    pub actions: Vec<Action>,
}

/// Explores `model` until nothing is left, or about `states_max` states were generated, or an
/// invariant is violated.
#[must_use]
pub fn explore(model: &Replication, order: Order, states_max: usize) -> Exploration {
    let (began, cpu_before) = (Instant::now(), cpu::seconds());
    let checker = model
        .clone()
        .checker()
        .target_state_count(states_max)
        .finish_when(HasDiscoveries::AnyFailures);
    let mut exploration = match order {
        Order::DepthFirst => result(&checker.spawn_dfs().join(), states_max),
        Order::BreadthFirst => result(&checker.spawn_bfs().join(), states_max),
    };
    exploration.seconds = began.elapsed().as_secs_f64();
    let used = cpu_before.zip(cpu::seconds());
    exploration.cpu_seconds = used.map_or(exploration.seconds, |(before, after)| after - before);
    exploration.sometimes = model.sometimes();
    exploration
}

fn result(checker: &impl Checker<Replication>, states_max: usize) -> Exploration {
    let violated = INVARIANTS.into_iter().find_map(|invariant| {
        let path = checker.discovery(invariant.name())?;
        Some(Counterexample {
            invariant,
            actions: path.into_actions(),
        })
    });
    Exploration {
        unique_states: checker.unique_state_count(),
        generated_states: checker.state_count(),
        depth: checker.max_depth(),
        finished: violated.is_none() && checker.state_count() < states_max,
        seconds: 0.0,
        cpu_seconds: 0.0,
        sometimes: Sometimes::default(),
        counterexample: violated,
    }
}
