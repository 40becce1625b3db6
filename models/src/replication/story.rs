//! A counterexample of a replication model as people read it.

use kensho_protocol::ids::NodeId;
use stateright::Model;

use super::state::State;
use super::step::Action;
use super::{Counterexample, Replication};
use crate::story::{Step, Story};
use crate::world::table_service::node_id;

const MASTER: &str = "master";
const CLIENTS: &str = "clients";

impl Counterexample {
    /// The story of the counterexample, which was found in `model`.
    #[must_use]
    pub fn story(&self, model: &Replication) -> Story {
        let nodes = (0..model.bounds.nodes).map(|number| name(node_id(number)));
        let mut state = model.first_state();
        let mut steps = Vec::new();
        for action in &self.actions {
            steps.push(tell(&state, *action));
            if let Some(next) = model.next_state(&state, *action) {
                state = next;
            }
        }
        let others = [MASTER, CLIENTS].map(str::to_owned);
        Story {
            lanes: nodes.chain(others).collect(),
            steps,
            ending: format!("{} is violated", self.invariant),
        }
    }
}

fn name(node: NodeId) -> String {
    format!("{node:?}")
}

/// What happens in `before`.
pub(crate) fn tell(before: &State, action: Action) -> Step {
    let step = |from: Option<String>, at: String, text: String| Step { from, at, text };
    let here = |node: NodeId, text: &str| step(None, name(node), text.to_owned());
    match action {
        Action::Deliver { message, copy } => {
            let envelope = &before.network[message];
            let again = if copy { " (and will arrive again)" } else { "" };
            let text = format!("{:?}{again}", envelope.message);
            step(Some(name(envelope.from)), name(envelope.to), text)
        }
        Action::Sync(node) => here(node, "its disk has synced all that was written"),
        Action::Restart { node, kept } => {
            let written = before.node(node).written.len();
            here(
                node,
                &format!(
                    "crashes and starts again; {kept} of {written} unsynced records are there"
                ),
            )
        }
        Action::Wipe(node) => here(node, "loses its disk and starts again with nothing"),
        Action::Learn { node, table } => {
            let text = format!("{:?}", *before.tables[table]);
            step(Some(MASTER.to_owned()), name(node), text)
        }
        Action::Grant(wish) => {
            let wish = &before.wishes[wish];
            let text = format!("asks: {:?}", wish.change);
            step(Some(name(wish.from)), MASTER.to_owned(), text)
        }
        Action::FailOver { to, keep } => {
            let old = if keep { "stays in sync" } else { "leaves" };
            let text = format!("fails over to {to:?}; the old owner {old}");
            step(None, MASTER.to_owned(), text)
        }
        Action::GrantAndPart(wish) => {
            let wish = &before.wishes[wish];
            let text = format!("asks: {:?}, and leaves the in-sync set", wish.change);
            step(Some(name(wish.from)), MASTER.to_owned(), text)
        }
        Action::HandOver { node, to } => {
            let text = format!("is to hand over to {to:?}");
            step(Some(MASTER.to_owned()), name(node), text)
        }
        Action::Name(node) => step(None, MASTER.to_owned(), format!("names {node:?} catch-up")),
        Action::Write { write, node } => {
            let text = format!("update {write}");
            step(Some(CLIENTS.to_owned()), name(node), text)
        }
        Action::Read { read, node } => {
            let text = format!("read {read}");
            step(Some(CLIENTS.to_owned()), name(node), text)
        }
        Action::Pass => step(None, MASTER.to_owned(), "time passes for all".to_owned()),
        Action::Tick(node) => here(node, "its timer fires"),
    }
}
