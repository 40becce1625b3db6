//! What must hold whatever happens (`cluster/PROTOCOL.md`, "Invariants"). One invariant, one file, each with
//! its source; each is told what happened and remembers what it must, so that a step costs no more
//! than what it touched. A violation is a value: what was broken, where, and the facts.

use std::fmt;

use kensho_protocol::ids::{Epoch, Lsn, NodeId, PartitionId, Position, Term};
use kensho_protocol::request::RequestId;
use kensho_protocol::table::Stamp;

use crate::register::Value;

pub mod async_suffix;
pub mod backup_prefix;
pub mod catch_up_powerless;
pub mod committed_table_only;
pub mod durable_ack;
pub mod linearizable;
pub mod log_match;
pub mod once;
pub mod one_master;
pub mod one_server;
pub mod one_value_per_lsn;
pub mod promise_order;
pub mod recovers;
pub mod table_chain;
pub mod watch;

/// The names of the invariants, as in the protocol's description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// At most one master per term.
    OneMaster,
    /// Committed tables form one sequence.
    TableChain,
    /// At most one owner serves a partition per epoch, and serving epochs do not overlap.
    OneServer,
    /// What was acknowledged is on the disk of all that may become owner.
    DurableAck,
    /// What was committed or observed never changes.
    OneValuePerLsn,
    /// Logs that agree at one place agree below it.
    LogMatch,
    /// A replica's promise is never below its log's epoch, and neither goes back.
    PromiseOrder,
    /// Nobody acts on a table that is not committed.
    CommittedTableOnly,
    /// Catch-ups are neither counted nor promoted.
    CatchUpPowerless,
    /// Clients see one register.
    Linearizable,
    /// No statement takes effect twice.
    Once,
    /// Backups show a prefix of committed history.
    BackupPrefix,
    /// Async loses nothing but a suffix, and only at a failover.
    AsyncSuffix,
    /// The cluster recovers some time after faults stop.
    Recovers,
    /// The protocol's own assertions hold.
    Assertion,
}

impl Invariant {
    /// Its name, as in the protocol's description.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Invariant::OneMaster => "one-master",
            Invariant::TableChain => "table-chain",
            Invariant::OneServer => "one-server",
            Invariant::DurableAck => "durable-ack",
            Invariant::OneValuePerLsn => "one-value-per-lsn",
            Invariant::LogMatch => "log-match",
            Invariant::PromiseOrder => "promise-order",
            Invariant::CommittedTableOnly => "committed-table-only",
            Invariant::CatchUpPowerless => "catch-up-powerless",
            Invariant::Linearizable => "linearizable",
            Invariant::Once => "once",
            Invariant::BackupPrefix => "backup-prefix",
            Invariant::AsyncSuffix => "async-suffix",
            Invariant::Recovers => "recovers",
            Invariant::Assertion => "assertion",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that must never happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// Two nodes won one term.
    TwoMasters {
        /// The term.
        term: Term,
        /// Who won.
        masters: [NodeId; 2],
    },
    /// A committed table does not follow from those before it.
    TableOutOfLine {
        /// The table.
        stamp: Stamp,
        /// What is wrong with it.
        wrong: TableWrong,
    },
    /// An epoch was entered a second time.
    EpochEnteredTwice {
        /// Of which partition.
        partition: PartitionId,
        /// The epoch.
        epoch: Epoch,
        /// Who entered it; the same node twice if it restarted between.
        owners: [NodeId; 2],
    },
    /// An owner relied on a lease, or an async acknowledgement left, after a later owner had begun
    /// to serve.
    ServedAfterSuccessor {
        /// Of which partition.
        partition: PartitionId,
        /// The old owner.
        node: NodeId,
        /// Its epoch.
        epoch: Epoch,
        /// The epoch that already served.
        successor: Epoch,
    },
    /// An acknowledged entry is missing where it must be.
    AcknowledgedEntryMissing {
        /// Of which partition.
        partition: PartitionId,
        /// The entry.
        acknowledged: Position,
        /// Who lacks it.
        node: NodeId,
        /// What it has in its place on disk.
        instead: Option<Position>,
    },
    /// Another entry took the place of one that had been committed or observed.
    EntryReplaced {
        /// Of which partition.
        partition: PartitionId,
        /// What was seen first.
        first: Position,
        /// What is told now.
        now: Position,
    },
    /// An answer names a place in the log that no replica ever had.
    EntryFromNowhere {
        /// Of which partition.
        partition: PartitionId,
        /// The place.
        at: Position,
    },
    /// Two logs hold different entries under one position, or different ones before it.
    LogsDiffer {
        /// Of which partition.
        partition: PartitionId,
        /// The node with the younger log.
        node: NodeId,
        /// The position.
        at: Position,
    },
    /// A promise is below the log's epoch.
    PromiseBelowLog {
        /// Of which partition.
        partition: PartitionId,
        /// Which node.
        node: NodeId,
        /// The promise.
        promised: Epoch,
        /// The log's epoch.
        log_epoch: Epoch,
    },
    /// A promise or a log's epoch went back.
    PromiseWentBack {
        /// Of which partition.
        partition: PartitionId,
        /// Which node.
        node: NodeId,
        /// Promise and log's epoch before.
        before: (Epoch, Epoch),
        /// And after.
        after: (Epoch, Epoch),
    },
    /// A node acts as owner without a committed table that says so.
    ActsUncommitted {
        /// Of which partition.
        partition: PartitionId,
        /// Which node.
        node: NodeId,
        /// In which epoch.
        epoch: Epoch,
    },
    /// A coordinator gave a table out as committed that no majority has on disk.
    NotCommitted {
        /// Which node.
        node: NodeId,
        /// The table.
        stamp: Stamp,
    },
    /// An owner counts on a node that is neither in sync nor a catch-up that it asked for, or does
    /// not count on one that is in sync.
    WrongOnesRequired {
        /// Of which partition.
        partition: PartitionId,
        /// The owner.
        node: NodeId,
        /// Its epoch.
        epoch: Epoch,
        /// Who is wrongly counted or left out.
        about: NodeId,
    },
    /// A read was answered from a state older than what was known when it was asked.
    StaleRead {
        /// Of which partition.
        partition: PartitionId,
        /// Who answered.
        node: NodeId,
        /// What was known when the read was asked.
        known: Lsn,
        /// What the answer knows of.
        at: Position,
    },
    /// An update stands in the log before what was known when it was asked.
    UpdateBeforeItsTime {
        /// Of which partition.
        partition: PartitionId,
        /// Who answered.
        node: NodeId,
        /// What was known when it was asked.
        known: Lsn,
        /// Where the update stands.
        at: Position,
    },
    /// A client was told another value than the log gives.
    WrongValue {
        /// Of which partition.
        partition: PartitionId,
        /// Who answered.
        node: NodeId,
        /// Where the answer is from.
        at: Position,
        /// What the log gives.
        expected: String,
        /// What the client was told.
        told: String,
    },
    /// A client was told that its update is at a place where another one stands.
    WrongEntry {
        /// Of which partition.
        partition: PartitionId,
        /// Who answered.
        node: NodeId,
        /// The place.
        at: Position,
        /// Whose update was answered.
        asked: Option<RequestId>,
        /// Whose update stands there.
        found: Option<RequestId>,
    },
    /// The history that clients saw is not that of one copy of the data (black box).
    HistoryNotLinearizable {
        /// What the checker says.
        verdict: String,
    },
    /// Nobody can say whether the history that clients saw is as it should be.
    HistoryNotJudged {
        /// Why not.
        reason: String,
    },
    /// A statement stands in the log twice.
    ExecutedTwice {
        /// Of which partition.
        partition: PartitionId,
        /// Which statement.
        request: RequestId,
        /// Where it stands.
        places: [Lsn; 2],
    },
    /// A client was told that an update had no effect, and it had.
    RefusedAndExecuted {
        /// Of which partition.
        partition: PartitionId,
        /// The value that was written all the same.
        value: Value,
        /// Where.
        at: Position,
    },
    /// A backup showed what no replica knew to be committed.
    BackupShowsUncommitted {
        /// Of which partition.
        partition: PartitionId,
        /// The backup.
        node: NodeId,
        /// The last entry that any replica knew to be committed.
        committed: Lsn,
        /// What the backup showed.
        at: Position,
    },
    /// A backup showed another value than the log gives.
    BackupShowsOther {
        /// Of which partition.
        partition: PartitionId,
        /// The backup.
        node: NodeId,
        /// Where the answer is from.
        at: Position,
        /// What the log gives.
        expected: Value,
        /// What the client was told.
        told: Option<Value>,
    },
    /// A backup showed a session less than it had seen, or compared what was lost.
    SessionWentBack {
        /// Of which partition.
        partition: PartitionId,
        /// The backup.
        node: NodeId,
        /// What the session had seen.
        seen: Position,
        /// What the backup showed.
        at: Position,
    },
    /// A backup's answer was older than the read may be told.
    BackupTooOld {
        /// Of which partition.
        partition: PartitionId,
        /// The backup.
        node: NodeId,
        /// What it had to know of.
        acknowledged: Lsn,
        /// What it showed.
        at: Position,
    },
    /// A session was told that what it had seen is lost, and it is there.
    SeenNotLost {
        /// Of which partition.
        partition: PartitionId,
        /// Who said so.
        node: NodeId,
        /// What the session had seen.
        seen: Position,
    },
    /// Acknowledged entries were lost otherwise than as a suffix at a failover.
    LostOtherwise {
        /// Of which partition.
        partition: PartitionId,
        /// The new owner.
        node: NodeId,
        /// What was acknowledged.
        acknowledged: Position,
        /// The last of it that the new owner holds.
        kept: Lsn,
        /// What is wrong with that.
        wrong: LossWrong,
    },
    /// The cluster did not recover in time.
    NotRecovered {
        /// What is still missing.
        missing: String,
    },
    /// After a crash the storage does not hold what was safe and a beginning of what followed it.
    StorageForgot {
        /// Which node's.
        node: NodeId,
        /// Of which partition; `None`: of its coordinator.
        partition: Option<PartitionId>,
    },
    /// The storage does not work, or finds that its files are damaged.
    StorageFailed {
        /// Which node's.
        node: NodeId,
        /// What it says.
        error: String,
    },
    /// A disk was given records that do not follow each other.
    RecordsOutOfOrder {
        /// Of which partition.
        partition: PartitionId,
        /// Which node.
        node: NodeId,
    },
}

/// What is wrong with a committed table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableWrong {
    /// Its stamp is not above the last one's.
    StampWentBack,
    /// Another table has the same stamp.
    StampTwice,
    /// Its revision is below the last one's: it was not built upon that.
    RevisionWentBack,
    /// Another table has the same revision.
    RevisionTwice,
    /// A partition's epoch went back.
    EpochWentBack(PartitionId),
    /// An owner or in-sync set changed without a new epoch.
    SameEpochOtherConfiguration(PartitionId),
    /// The owner is not in sync.
    OwnerNotInSync(PartitionId),
    /// The new owner was not in the last in-sync set (rule M4).
    Unclean(PartitionId),
    /// A failover added a member (rule M4).
    FailoverAdded(PartitionId),
}

/// What is wrong with a loss in async mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossWrong {
    /// There was no failover.
    NoFailover,
    /// The new owner's log went on differently below the end: a hole, not a suffix.
    Hole,
}

impl Violation {
    /// Which invariant is violated.
    #[must_use]
    pub const fn invariant(&self) -> Invariant {
        match self {
            Violation::TwoMasters { .. } => Invariant::OneMaster,
            Violation::TableOutOfLine { .. } => Invariant::TableChain,
            Violation::EpochEnteredTwice { .. } | Violation::ServedAfterSuccessor { .. } => {
                Invariant::OneServer
            }
            Violation::AcknowledgedEntryMissing { .. }
            | Violation::StorageForgot { .. }
            | Violation::StorageFailed { .. } => Invariant::DurableAck,
            Violation::EntryReplaced { .. } | Violation::EntryFromNowhere { .. } => {
                Invariant::OneValuePerLsn
            }
            Violation::LogsDiffer { .. } => Invariant::LogMatch,
            Violation::PromiseBelowLog { .. }
            | Violation::PromiseWentBack { .. }
            | Violation::RecordsOutOfOrder { .. } => Invariant::PromiseOrder,
            Violation::ActsUncommitted { .. } | Violation::NotCommitted { .. } => {
                Invariant::CommittedTableOnly
            }
            Violation::WrongOnesRequired { .. } => Invariant::CatchUpPowerless,
            Violation::StaleRead { .. }
            | Violation::UpdateBeforeItsTime { .. }
            | Violation::WrongValue { .. }
            | Violation::WrongEntry { .. }
            | Violation::RefusedAndExecuted { .. }
            | Violation::HistoryNotLinearizable { .. }
            | Violation::HistoryNotJudged { .. } => Invariant::Linearizable,
            Violation::BackupShowsUncommitted { .. }
            | Violation::BackupShowsOther { .. }
            | Violation::SessionWentBack { .. }
            | Violation::BackupTooOld { .. }
            | Violation::SeenNotLost { .. } => Invariant::BackupPrefix,
            Violation::ExecutedTwice { .. } => Invariant::Once,
            Violation::LostOtherwise { .. } => Invariant::AsyncSuffix,
            Violation::NotRecovered { .. } => Invariant::Recovers,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self:?}", self.invariant())
    }
}
