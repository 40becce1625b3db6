//! What a replica tells the people who read its node's log.

use serde::Serialize;

use crate::ids::{Epoch, Lsn, NodeId, Position};

/// What is worth a line in the node's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Note {
    /// The replica became owner, and is bringing the in-sync set to its log (rule R6).
    SyncBegan {
        /// The new epoch.
        epoch: Epoch,
        /// Where the log ends.
        end: Lsn,
    },
    /// The owner serves.
    Serving {
        /// Its epoch.
        epoch: Epoch,
    },
    /// The owner takes no more updates, and is about to hand the partition over (rule R15).
    HandsOver {
        /// To whom.
        to: NodeId,
        /// The epoch that it owns.
        epoch: Epoch,
    },
    /// The replica is no longer owner.
    SteppedDown {
        /// The epoch that it owned.
        epoch: Epoch,
    },
    /// The replica accepted an owner.
    Followed {
        /// The owner.
        owner: NodeId,
        /// Its epoch.
        epoch: Epoch,
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
    /// An owner's log contradicts what this replica knows to be committed, which cannot be while the
    /// rules hold. The replica does not follow.
    CommittedEntryContradicted {
        /// Where.
        lsn: Lsn,
    },
    /// The disk has gone back in time: an entry is missing that this replica had acknowledged (rule
    /// R14). Its data begin another life.
    RolledBack {
        /// Who knows of the entry.
        witness: NodeId,
        /// The entry.
        missing: Position,
        /// Where the log ends.
        end: Position,
    },
    /// After a start this replica is alone in sync, and nobody can tell whether its disk has gone back in
    /// time (rule R14).
    Unwitnessed {
        /// The epoch that it owns.
        epoch: Epoch,
    },
    /// After a start, another member of the in-sync set has more of the log: this replica leaves the
    /// partition to it (rule R14).
    Behind {
        /// Who has more.
        node: NodeId,
        /// Where the log of the other one ends.
        theirs: Position,
    },
    /// What came as a data image is none.
    ImageRefused {
        /// Its place in the log.
        at: Position,
    },
}
