//! What is found when an invariant does not hold.

use stateright::Path;

use super::Replication;
use super::state::State;
use super::step::Action;
use crate::exploration::Explorable;
use crate::invariants::Invariant;

/// A history that violates an invariant.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// Which.
    pub invariant: Invariant,
    /// What happened, in order.
    pub actions: Vec<Action>,
}

impl Explorable for Replication {
    type Counterexample = Counterexample;

    fn counterexample(path: Path<State, Action>) -> Counterexample {
        let invariant = path.last_state().violation;
        Counterexample {
            invariant: invariant.expect("a state that violates an invariant says which"),
            actions: path.into_actions(),
        }
    }
}
