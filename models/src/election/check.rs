//! The model under stateright.

use stateright::{Model, Path, Property};

use super::action::Action;
use super::invariants::{Invariant, Violation};
use super::scenario::Election;
use super::state::State;
use super::step;
use crate::exploration::Explorable;

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
        vec![Property::always(
            "all invariants hold",
            |_, state: &State| state.witness.violation().is_none(),
        )]
    }
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

impl Explorable for Election {
    type Counterexample = Counterexample;

    fn counterexample(path: Path<State, Action>) -> Counterexample {
        let violation = path.last_state().witness.violation().cloned();
        Counterexample {
            violation: violation.expect("a state that breaks an invariant says which"),
            actions: path.into_actions(),
        }
    }
}
