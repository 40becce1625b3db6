//! What may happen next.

use kensho_protocol::ids::NodeId;
use kensho_protocol::table::Change;

use super::state::Envelope;
use crate::shared::Shared;

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A message arrives.
    Deliver(Shared<Envelope>),
    /// A message arrives, and will arrive again.
    DeliverTwice(Shared<Envelope>),
    /// The oldest write of a node reaches its disk.
    Written(NodeId),
    /// A node learns that a majority has missed the master: it begins the next term.
    Raise(NodeId),
    /// A node notices that its deadline has come.
    Tick(NodeId),
    /// A node stands still for more than two heartbeats, and then notices that its deadline has
    /// come.
    Pause(NodeId),
    /// A node crashes and starts again with what is on its disk.
    Restart(NodeId),
    /// The same, and its replicas may have lost something (rule R5).
    RestartUncleanly(NodeId),
    /// A replica of the node asks for a change of the table.
    Ask(NodeId, Change),
    /// A node's request to be made a member comes to a master.
    AskToJoin {
        /// The master.
        master: NodeId,
        /// The node.
        node: NodeId,
    },
    /// Somebody asks a master that a node be a member no longer.
    AskToRemove {
        /// The master.
        master: NodeId,
        /// The node.
        node: NodeId,
    },
    /// A person wishes that a node owns the partition.
    Move {
        /// The master that learns of it.
        master: NodeId,
        /// The node.
        to: NodeId,
    },
}

impl Action {
    /// The node that it happens to.
    #[must_use]
    pub fn node(&self) -> NodeId {
        match self {
            Action::Deliver(envelope) | Action::DeliverTwice(envelope) => envelope.to,
            Action::AskToJoin { master, .. }
            | Action::AskToRemove { master, .. }
            | Action::Move { master, .. } => *master,
            Action::Written(id)
            | Action::Raise(id)
            | Action::Tick(id)
            | Action::Pause(id)
            | Action::Restart(id)
            | Action::RestartUncleanly(id)
            | Action::Ask(id, _) => *id,
        }
    }
}
