//! A counterexample of a combined model as people read it.

use super::{Action, Combined, Counterexample, State};
use crate::story::{Step, Story};
use crate::{election, replication};

const CLIENTS: &str = "clients";

impl Counterexample {
    /// The story of the counterexample, which was found in `model`.
    #[must_use]
    pub fn story(&self, model: &Combined) -> Story {
        let firsts = model.first_states();
        let told = firsts.iter().find_map(|first| self.told(model, first));
        let nodes = election::scenario::all(model.election.nodes);
        let nodes = nodes.iter().map(|node| format!("{node:?}"));
        Story {
            lanes: nodes.chain([CLIENTS.to_owned()]).collect(),
            steps: told.unwrap_or_default(),
            ending: format!("{} is violated", self.invariant),
        }
    }

    fn told(&self, model: &Combined, first: &State) -> Option<Vec<Step>> {
        let mut state = first.clone();
        let mut steps = Vec::new();
        for action in &self.actions {
            steps.push(tell(&state, action));
            state = model.step(&state, action)?;
        }
        Some(steps)
    }
}

/// What happens in `before`.
fn tell(before: &State, action: &Action) -> Step {
    let here = |at: String, text: String| Step {
        from: None,
        at,
        text,
    };
    match action {
        Action::Coordinator(action) => election::story::tell(action),
        Action::Replica(action) => {
            let step = replication::story::tell(&before.replicas, *action);
            // There is no master beside the nodes.
            match action {
                replication::Action::Pass => here(CLIENTS.to_owned(), step.text),
                _ => step,
            }
        }
        Action::Learn(node) => {
            let text = format!("its replica learns of {:?}", before.told(*node));
            here(format!("{node:?}"), text)
        }
        Action::Ask(wish) => {
            let wish = &before.replicas.wishes[*wish];
            let text = format!("its replica asks: {:?}", wish.change);
            here(format!("{:?}", wish.from), text)
        }
        Action::Wipe(node) => {
            let text = "loses its replica's data and starts again".to_owned();
            here(format!("{node:?}"), text)
        }
        Action::Restart { node, kept } => {
            let written = before.replicas.node(*node).written.len();
            let text =
                format!("crashes and starts again; {kept} of {written} unsynced records are there");
            here(format!("{node:?}"), text)
        }
    }
}
