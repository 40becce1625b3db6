//! The control plane of one node: election, the partition table, heartbeats (protocol rules M1-M5,
//! R13). It knows nothing of rows or logs; replicas follow the tables that it gives out.
//!
//! Where to look: [`state`](self) holds the machine itself, with terms and the dispatch of events;
//! `probe` asks whether others have missed the master too; `tournament` is the election; `register`
//! accepts, proposes and commits tables; `reign` is what a master does besides; `failover` decides
//! who becomes what, as a pure function; `change` judges what owners ask for; `birth` makes the
//! first table; `hearing` is what a node does before it votes again after a start; `members` changes who belongs to the cluster; `goodbye` is
//! what comes before a node stops; `plan` says which roles go to whom so that all nodes have a like share, as a pure function, and
//! `levelling` does that; `evidence` suspects nodes before they are silent for long; `service` says whether there is a quorum; `disk` holds back what is said until what
//! it relies on is on disk; `waiting` says what it waits for; `rebase` moves it in time, for worlds that explore all histories.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, NodeId, PartitionId, Term, Ticket};
use crate::replica::Held;
use crate::settings::Levelling;
use crate::table::{Change, Identity, Member, Stamp, Table};

mod birth;
mod change;
mod disk;
mod doubted;
mod draw;
mod evidence;
mod failover;
mod goodbye;
mod hearing;
mod levelling;
mod members;
mod message;
pub mod plan;
mod probe;
mod rebase;
mod register;
mod reign;
mod service;
mod state;
#[cfg(test)]
mod tests;
mod tournament;
mod waiting;

pub use change::apply_change;
pub use failover::{Load, Verdict, View};
pub use message::{Message, Probing, Strength};
pub use state::Coordinator;
pub use waiting::Waiting;

/// What a coordinator keeps on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Saved {
    /// The highest term that the node has entered. Its vote in that term is kept in memory only: a
    /// restarted node has no vote in, and is never master of, a term that it knew (rule M1).
    pub term: Term,
    /// The newest table that the node has accepted.
    pub accepted: Option<Arc<Table>>,
}

/// What a node is told about its cluster when it is first started (rule M5).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Birth {
    /// What must be the same on all nodes.
    pub identity: Identity,
    /// All initial members, this node included, once all of them are known; the driver finds out
    /// who answers at the configured addresses. Empty: not known yet.
    pub members: BTreeMap<NodeId, Member>,
}

/// What happens to a coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// What all of this node's replicas hold; handed in at the start and then about once a
    /// heartbeat. Until the first time the master takes no decision about this node's data.
    Holds(Vec<Held>),
    /// The time of [`Coordinator::deadline`] has come.
    Tick,
    /// This node is to become a member of the cluster that these nodes belong to. Handed in at the
    /// start of a node that has no table, and whenever people ask for it.
    Join {
        /// Members that it may ask.
        through: BTreeSet<NodeId>,
    },
    /// This node is to be a member no longer (any member may be handed this).
    Remove(NodeId),
    /// Whether this node has room for updates on its disk; at first it is taken to have some. Without,
    /// its roles go to others that have (rule M6).
    Room(bool),
    /// Partitions are to be served although nobody can tell whether something is lost (rule R14).
    Force,
    /// The node is about to stop (rule M7). It goes on until [`Output::MayStop`].
    Goodbye,
    /// This node was connected to another one; the connection broke, and nobody listens there any more (rule
    /// M8). It comes again as long as that is so.
    NobodyListens(NodeId),
    /// This is how roles are to be levelled from now on (rule M9); any member may be handed this.
    Level(Levelling),
    /// This node is to own this partition (rule M9); any member may be handed this.
    Move {
        /// Which partition.
        partition: PartitionId,
        /// Who is to own it.
        to: NodeId,
    },
}

/// What the master wishes of an owner (rule R15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wish {
    /// Which partition is to be handed over.
    pub partition: PartitionId,
    /// The epoch that is to end.
    pub epoch: Epoch,
    /// The next owner.
    pub to: NodeId,
}

/// What is to be done for a coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
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
    /// This node's replicas are to hand these partitions over (rule R15). It comes again as long as it is
    /// wished.
    HandOver(Vec<Wish>),
    /// Nothing is left to be done before the node stops (rule M7).
    MayStop,
    /// Something that a person who reads the node's log wants to know.
    Note(Note),
}

/// What is worth a line in the node's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
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
    /// This node was master, and lost contact with the majority for too long (rule R13).
    QuorumLost {
        /// The term.
        term: Term,
    },
    /// A node said that it is about to stop (rule M7).
    Parts {
        /// Who.
        node: NodeId,
    },
    /// This node was master, is about to stop, and lets others elect another one (rule M7).
    Abdicated {
        /// The term that has ended.
        term: Term,
    },
    /// This node refuses a table: it belongs to another cluster, or is to be the first one while
    /// this node belongs to a cluster already (rule M5). Somebody configured something wrong.
    TableRefused {
        /// The master that proposes it.
        by: NodeId,
        /// Why.
        why: Refusal,
    },
    /// A node is a member from now on.
    MemberJoined {
        /// Who.
        node: NodeId,
    },
    /// A node is a member no longer; possibly this one.
    MemberLeft {
        /// Who.
        node: NodeId,
    },
    /// The master does not take this node as a member.
    JoinRefused {
        /// Who asked.
        node: NodeId,
        /// Why.
        why: Refusal,
    },
    /// The master does not take this node, which asked to be a member.
    NotTaken {
        /// Why.
        why: Refusal,
    },
    /// The master does not remove this member.
    MemberKept {
        /// Who.
        node: NodeId,
        /// Why.
        why: Kept,
    },
    /// A table was committed.
    TableCommitted {
        /// Which.
        stamp: Stamp,
    },
    /// A partition cannot be served: no member of its in-sync set is reachable (rule M4).
    PartitionUnavailable {
        /// Which.
        partition: PartitionId,
    },
    /// A partition goes on with nodes that have all started anew, while others of its in-sync set are
    /// missing. If the disks of those that go on went back in time, acknowledged updates are lost (rule
    /// R14).
    UnconfirmedPromotion {
        /// Which.
        partition: PartitionId,
        /// Its owner.
        owner: NodeId,
    },
    /// Two nodes say that they are master in one term, so that a voter's disk must have gone back in time
    /// (rule R14). This node keeps to the first.
    TwoMasters {
        /// The term.
        term: Term,
        /// Who is refused.
        refused: NodeId,
    },
    /// Somebody wants partitions to go on without members of their in-sync sets that may have more (rule R14).
    /// For which of them that made a difference is noted with each.
    Forced,
    /// Another node had this table, and nobody has it any more. If it was committed, the disks of a majority
    /// went back in time (rule R14).
    TableLost {
        /// Which.
        stamp: Stamp,
    },
    /// The whole in-sync set of a partition restarted in a way that may have lost acknowledged
    /// updates; the one with the highest position goes on (rule R5).
    PossibleLoss {
        /// Which.
        partition: PartitionId,
        /// The new owner.
        owner: NodeId,
    },
    /// Roles are levelled in another way from now on, or not any more (rule M9).
    LevellingSet(Levelling),
    /// A partition gets a copy elsewhere, or gives one up, so that all nodes have a like share, or since a
    /// person wishes so (rule M9).
    Levels(plan::Step),
    /// A person wishes that a node owns a partition, and this master does not see to that.
    NotMoved {
        /// Which.
        partition: PartitionId,
        /// Who was to own it.
        to: NodeId,
    },
    /// A node has no room for updates on its disk (rule M6).
    RoomLost {
        /// Which.
        node: NodeId,
    },
    /// A node has room again.
    RoomFound {
        /// Which.
        node: NodeId,
    },
}

/// Why a node refuses a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The cluster's name, number of partitions or number of replicas differs.
    Identity {
        /// What the other has.
        theirs: Identity,
        /// What this node has.
        ours: Identity,
    },
    /// The table would be a cluster's first one, but its members are not those that this node knows
    /// from its own table or its initial list.
    Members,
    /// This node is not among the members.
    NotListed,
    /// A member has the name already. A name belongs to one node.
    NameTaken {
        /// Which member.
        holder: NodeId,
    },
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tell = |identity: &Identity| {
            format!(
                "cluster {} with {} partitions and {} replicas",
                identity.cluster, identity.partitions, identity.replicas
            )
        };
        match self {
            Refusal::Identity { theirs, ours } => write!(
                f,
                "one is of {}, the other of {}: give both the same settings",
                tell(theirs),
                tell(ours)
            ),
            Refusal::Members => f.write_str("its first members are others"),
            Refusal::NotListed => f.write_str("it is not among the members"),
            Refusal::NameTaken { holder } => write!(
                f,
                "its name belongs to the member with identity {holder}: if that one's data folder is lost, \
                 have it removed first (POST /node/leave at any member); else choose another name"
            ),
        }
    }
}

/// Why a member is not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Kept {
    /// It is no member.
    NoMember,
    /// Of those that would be left, too few are alive for a majority.
    NoQuorum,
    /// It has failed, and nobody else has all of this partition: it would be lost.
    LastCopy {
        /// Which.
        partition: PartitionId,
    },
}

impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kept::NoMember => f.write_str("it is no member of the cluster"),
            Kept::NoQuorum => {
                f.write_str("of the members that would be left, too few are alive for a majority")
            }
            Kept::LastCopy { partition } => write!(
                f,
                "it is down, and holds the only complete copy of partition {}",
                partition.0
            ),
        }
    }
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
