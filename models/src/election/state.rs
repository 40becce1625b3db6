//! The state of a model: nodes, messages in flight, what is left of the budget, and what the
//! invariants remember.

use kensho_protocol::coordinator::{Coordinator, Message, Saved};
use kensho_protocol::ids::{Incarnation, NodeId, Ticket};

use super::invariants::Witness;
use super::scenario::Budget;
use crate::shared::Shared;

/// A message in flight.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Envelope {
    /// Who sent it.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// What it says.
    pub message: Message,
}

/// A node and its disk.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Node {
    /// What runs.
    pub running: Coordinator,
    /// What is on its disk, as long as that is not what it has in memory.
    pub written: Option<Saved>,
    /// Writes that are not done, oldest first.
    pub writing: Vec<(Ticket, Saved)>,
    /// Which life of its data the node has.
    pub incarnation: Incarnation,
}

impl Node {
    /// What is on its disk.
    #[must_use]
    pub fn saved(&self) -> &Saved {
        self.written
            .as_ref()
            .unwrap_or_else(|| self.running.saved())
    }
}

/// The state of the model.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct State {
    /// The nodes, in the order of their identities, which are 1, 2, ….
    pub nodes: Vec<Shared<Node>>,
    /// The messages in flight, each once, in a fixed order.
    pub flying: Vec<Shared<Envelope>>,
    /// What may still happen.
    pub left: Budget,
    /// What the invariants remember, and what they found.
    pub witness: Shared<Witness>,
}

impl State {
    /// The node `id`.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[index(id)]
    }

    /// Puts a message in flight. True if no such message was in flight.
    pub(super) fn launch(&mut self, envelope: Envelope) -> bool {
        let envelope = Shared::new(envelope);
        let place = self
            .flying
            .binary_search_by_key(&envelope.order(), Shared::order);
        match place {
            Ok(there) => {
                assert!(self.flying[there] == envelope, "two messages share a hash");
                false
            }
            Err(place) => {
                self.flying.insert(place, envelope);
                true
            }
        }
    }

    /// Takes a message out of flight.
    pub(super) fn land(&mut self, envelope: &Shared<Envelope>) {
        self.flying.retain(|other| other != envelope);
    }
}

/// Where the node `id` stands in [`State::nodes`].
pub(super) fn index(id: NodeId) -> usize {
    usize::try_from(id.0).expect("few nodes") - 1
}
