//! One partition on one node: owner, backup or catch-up.
//!
//! The caller hands in events, calls [`Replica::flush`] when it has no more of them for the moment
//! (so that many statements share one write and one message), and carries out the outputs in order.

mod message;

use crate::ids::{Lsn, PartitionId, Position, Ticket, Token};
use crate::record::Record;
use crate::request::{Execute, Read, Reply};
use crate::table::{Assignment, Change};
use crate::time::Time;
use crate::{ids::NodeId, log::Entry};

pub use message::{Message, Round};

/// What happens to a replica.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A committed table says this of the partition (rule M2: never one that is merely accepted).
    Assign(Assignment),
    /// Whether the node is part of a quorum, so that it may serve (rule R13). At first it is not.
    Service(bool),
    /// A message came from the partition's replica on another node.
    Message {
        /// The other node.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// Everything up to this ticket is on disk.
    Durable(Ticket),
    /// A client wants an update.
    Execute(Execute),
    /// A client wants to read.
    Read(Read),
    /// An image made by [`Replica::image`] at this place is on disk; what is below may be forgotten.
    Checkpointed(Lsn),
    /// The time of [`Replica::deadline`] has come.
    Tick,
}

/// What is to be done for a replica.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Write this to disk, after all that came before, and say so with [`Event::Durable`].
    Persist {
        /// Names the write.
        ticket: Ticket,
        /// What to write.
        record: Record,
    },
    /// Send this to the partition's replica on another node. It may get lost.
    Send {
        /// The other node.
        to: NodeId,
        /// What to say.
        message: Message,
    },
    /// Answer a client.
    Reply {
        /// Which one.
        token: Token,
        /// With what.
        reply: Reply,
        /// The answer relies on a lease (rule R10): it may leave only while the clock, looked at
        /// after the value was read, shows less than this. Later, a read must be handed in again,
        /// and an update be answered [`OutcomeUnknown`](crate::request::Refusal::OutcomeUnknown).
        not_after: Option<Time>,
    },
    /// Ask the master for a change of the table. It may get lost; the replica asks again.
    Ask(Change),
    /// These entries were cut off since the owner of this log does not have them. In async mode some
    /// may have been acknowledged: keep them where a person can find them.
    CutOff {
        /// What was cut.
        entries: Vec<Entry>,
    },
    /// Something that a person who reads the node's log wants to know.
    Note(Note),
}

/// What is worth a line in the node's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Note {
    /// The replica became owner, and is bringing the in-sync set to its log (rule R6).
    SyncBegan {
        /// The new epoch.
        epoch: crate::ids::Epoch,
        /// Where the log ends.
        end: Lsn,
    },
    /// The owner serves.
    Serving {
        /// Its epoch.
        epoch: crate::ids::Epoch,
    },
    /// The replica is no longer owner.
    SteppedDown {
        /// The epoch that it owned.
        epoch: crate::ids::Epoch,
    },
    /// The replica accepted an owner.
    Followed {
        /// The owner.
        owner: NodeId,
        /// Its epoch.
        epoch: crate::ids::Epoch,
    },
    /// A backup is silent; the owner asks to go on without it (rule R2).
    BackupSilent {
        /// The backup.
        node: NodeId,
    },
    /// A catch-up is near enough to count (rule R3).
    CaughtUp {
        /// The catch-up.
        node: NodeId,
    },
    /// A data image is being sent, since the log does not reach back far enough.
    ImageBegan {
        /// To whom.
        node: NodeId,
        /// Its place in the log.
        at: Position,
        /// Its size.
        bytes: u64,
    },
    /// A data image replaced the replica's data.
    ImageInstalled {
        /// Its place in the log.
        at: Position,
    },
    /// A tail that differs from the owner's log was cut off.
    TailCut {
        /// The last entry that stayed.
        keep: Lsn,
        /// How many were cut.
        entries: u64,
    },
}

/// A replica as the rest of the node sees it, for tables of figures and for the choice of a new
/// owner (rule M4).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Held {
    /// Which partition.
    pub partition: PartitionId,
    /// Which life of its data.
    pub incarnation: crate::ids::Incarnation,
    /// Whose owner's log it is.
    pub log_epoch: crate::ids::Epoch,
    /// Where the log on disk ends.
    pub end: Lsn,
}
