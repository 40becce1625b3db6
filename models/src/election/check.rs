//! The model under stateright.

use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model, Property};

use super::action::Action;
use super::invariants::{Invariant, Violation};
use super::scenario::Election;
use super::sight::Sight;
use super::state::State;
use super::step;

impl Model for Election {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.first_states()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        step::actions(self, state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        step::next(self, state, &action)
    }

    /// Which invariant is broken is in the state; the checker needs to know only whether one is.
    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(HOLDS, |_, state: &State| {
            state.witness.violation().is_none()
        })]
    }
}

const HOLDS: &str = "all invariants hold";

/// What came of exploring a model.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// Different states.
    pub unique_states: usize,
    /// States that were generated, the same one again included.
    pub generated_states: usize,
    /// The longest history without a detour.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// What was seen.
    pub seen: Vec<Sight>,
    /// What was found, if anything.
    pub counterexample: Option<Counterexample>,
}

/// A history that breaks an invariant.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// What it breaks.
    pub violation: Violation,
    /// What happened, in order.
    pub actions: Vec<Action>,
}

impl Counterexample {
    /// Which invariant it breaks.
    #[must_use]
    pub fn invariant(&self) -> Invariant {
        self.violation.invariant
    }
}

/// Explores `model` to its end, or until `states_max` states were generated, or until an invariant
/// is broken. Depth first, which needs least memory; a counterexample is not the shortest.
#[must_use]
pub fn explore(model: &Election, states_max: usize) -> Exploration {
    let began = Instant::now();
    let checker = model
        .clone()
        .checker()
        .target_state_count(states_max)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_dfs()
        .join();
    result(model, &checker, began)
}

/// The same breadth first: a counterexample is the shortest one.
#[must_use]
pub fn find_violation(model: &Election, states_max: usize) -> Exploration {
    let began = Instant::now();
    let checker = model
        .clone()
        .checker()
        .target_state_count(states_max)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    result(model, &checker, began)
}

fn result(model: &Election, checker: &impl Checker<Election>, began: Instant) -> Exploration {
    let took = began.elapsed();
    let seen = model.sights.seen();
    let counterexample = checker.discovery(HOLDS).map(|path| {
        let violation = path.last_state().witness.violation().cloned();
        Counterexample {
            violation: violation.expect("a state that breaks an invariant says which"),
            actions: path.into_actions(),
        }
    });
    Exploration {
        unique_states: checker.unique_state_count(),
        generated_states: checker.state_count(),
        depth: checker.max_depth(),
        took,
        seen,
        counterexample,
    }
}
