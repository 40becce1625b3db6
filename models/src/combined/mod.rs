//! The two kinds of models in one: coordinators that elect a master and agree on tables, as in
//! [`election`](crate::election), and replicas that follow just these tables, as in [`replication`].
//! Each kind is proved by itself, with the other one abstracted; here is shown that they fit together,
//! in clusters that are smaller still.
//!
//! A table is committed when a majority of the coordinators has it on disk. A node's replica learns
//! of it from its own coordinator, at any time after that does, and asks its own coordinator for
//! changes. A crash strikes both.
//!
//! What is abstracted, besides what is in either: clocks of coordinators and of replicas have nothing
//! to do with each other, and replicas do not notice that their coordinator is out of the quorum
//! (rule R13). Both only let more happen.

pub mod models;
mod state;
mod step;
mod story;
#[cfg(test)]
mod tests;

use stateright::{Model, Path, Property};

use crate::election::Election;
use crate::exploration::Explorable;
use crate::invariants::Invariant;
use crate::replication::{self, Replication};
pub use state::State;
pub use step::Action;

/// A model of coordinators and replicas.
#[derive(Clone, Debug)]
pub struct Combined {
    /// The coordinators, numbered from 1.
    pub election: Election,
    /// The replicas. Number 0 belongs to nobody.
    pub replication: Replication,
}

/// A history that violates an invariant.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// Its name.
    pub invariant: &'static str,
    /// What happened, in order.
    pub actions: Vec<Action>,
}

impl Model for Combined {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.first_states()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.violation().is_none() {
            self.enabled(state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        // A failed assertion is a counterexample, too, and not the end of the exploration.
        let step = std::panic::AssertUnwindSafe(|| self.step(state, &action));
        std::panic::catch_unwind(step).unwrap_or_else(|_| {
            let mut replicas = replication::State::clone(&state.replicas);
            replicas.violation = Some(Invariant::Assertion);
            Some(state.with_replicas(replicas))
        })
    }

    /// Which invariant is violated is in the state; the checker needs to know only whether one is.
    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(
            "all invariants hold",
            |_, state: &State| state.violation().is_none(),
        )]
    }
}

impl Explorable for Combined {
    type Counterexample = Counterexample;

    fn counterexample(path: Path<State, Action>) -> Counterexample {
        let invariant = path.last_state().violation();
        Counterexample {
            invariant: invariant.expect("a state that violates an invariant says which"),
            actions: path.into_actions(),
        }
    }
}
