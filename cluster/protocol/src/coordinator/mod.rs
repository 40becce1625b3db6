//! The control plane of one node: election, the partition table, heartbeats (protocol rules M1-M5,
//! R13).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, Term, Ticket};
use crate::replica::Held;
use crate::table::{Change, Identity, Member, Stamp, Table};

mod message;

pub use message::Message;

/// What a coordinator keeps on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Saved {
    /// The highest term that the node has entered.
    pub term: Term,
    /// Whether the node's vote in that term is no longer its own to give (rule M1).
    pub token_spent: bool,
    /// The newest table that the node has accepted.
    pub accepted: Option<Arc<Table>>,
}

/// What a node is told about its cluster when it is first started (rule M5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Birth {
    /// What must be the same on all nodes.
    pub identity: Identity,
    /// All initial members, this node included, once all of them are known; the driver finds out
    /// who answers at the configured addresses. Empty: not known yet.
    pub members: BTreeMap<NodeId, Member>,
}

/// What happens to a coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// All nodes of the initial list are known by now.
    Roster(BTreeMap<NodeId, Member>),
    /// A message came from another node.
    Message {
        /// The other node.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// Everything up to this ticket is on disk.
    Saved(Ticket),
    /// A replica of this node asks for a change.
    Ask(Change),
    /// What this node's replicas hold; handed in about once a heartbeat.
    Holds(Vec<Held>),
    /// The time of [`Coordinator::deadline`](crate::coordinator) has come.
    Tick,
}

/// What is to be done for a coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Write this to disk, replacing what was there, and say so with [`Event::Saved`].
    Save {
        /// Names the write.
        ticket: Ticket,
        /// What to write.
        saved: Saved,
    },
    /// Send this to another node. It may get lost.
    Send {
        /// The other node.
        to: NodeId,
        /// What to say.
        message: Message,
    },
    /// This table is committed: roles follow it (rule M2).
    Committed(Arc<Table>),
    /// Whether the node is part of a quorum, so that its replicas may serve (rule R13).
    Service(bool),
    /// Something that a person who reads the node's log wants to know.
    Note(Note),
}

/// What is worth a line in the node's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Note {
    /// The master was not heard for too long.
    MasterMissed {
        /// Who was master.
        master: Option<NodeId>,
    },
    /// An election began.
    ElectionBegan {
        /// Its term.
        term: Term,
    },
    /// This node yielded to a stronger candidate.
    Yielded {
        /// The term.
        term: Term,
        /// The stronger one.
        to: NodeId,
    },
    /// This node won.
    BecameMaster {
        /// The term.
        term: Term,
        /// Rounds of the tournament that this node took part in.
        rounds: u32,
    },
    /// Another node is master.
    Follows {
        /// The term.
        term: Term,
        /// The master.
        master: NodeId,
    },
    /// A follower was silent for too long.
    FollowerMissed {
        /// Who.
        node: NodeId,
    },
    /// A follower was heard again.
    FollowerReturned {
        /// Who.
        node: NodeId,
    },
    /// A table was committed.
    TableCommitted {
        /// Which.
        stamp: Stamp,
    },
    /// A partition cannot be served: no member of its in-sync set is reachable (rule M4).
    PartitionUnavailable {
        /// Which.
        partition: crate::ids::PartitionId,
    },
}

/// Where a node stands, for tables of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// No master is known.
    Electing,
    /// Another node is master.
    Follower(NodeId),
    /// This node is master.
    Master,
}
