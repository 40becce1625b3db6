//! What must happen sometimes, over many runs of the replication world and in its models.

use crate::sights::sights;

sights! {
    /// A new owner on another node began to serve.
    FailoverServed = "a new owner served",
    /// A replica's divergent tail was cut (rule R7).
    TailCut = "a divergent tail was cut",
    /// A data image was installed (rule R12).
    ImageInstalled = "a data image was installed",
    /// A catch-up joined the in-sync set (rule R3).
    GrowthFinished = "a growth finished",
    /// A silent backup left the in-sync set (rule R2).
    ShrinkFinished = "a shrink finished",
    /// An owner asked for a shrink, and a failover had come first (rule M3).
    ShrinkLostToFailover = "a shrink lost to a failover",
    /// An owner renewed its epoch after a restart (rule R8).
    RenewFinished = "an epoch was renewed",
    /// An owner handed its partition over (rule R15).
    HandOverFinished = "a partition was handed over",
    /// An owner and a backup of one partition were down at the same time.
    OwnerAndBackupDown = "owner and backup were down together",
    /// A read was answered by an owner that was promoted during the run.
    ReadAfterFailover = "a read after a failover",
    /// An update was acknowledged by another owner than the one that appended it.
    AcknowledgedAcrossFailover = "an acknowledgement across a failover",
    /// A reply came too late for its lease (rule R10).
    LeaseRanOut = "a reply came too late for its lease",
    /// An answer left without a lease (rule R9).
    ReadByBarrier = "a read by barrier",
    /// An answer left under a lease (rule R10).
    ReadByLease = "a read by lease",
    /// A backup answered (rule R16).
    ReadFromBackup = "a read from a backup",
    /// A backup refused what it could not know (rule R16).
    BackupBehind = "a backup refused a read",
    /// A session was told that what it had seen is lost; in async only (rule R16).
    SeenLost = "what a session had seen was lost (async)",
    /// A retried update was acknowledged.
    RetryAcknowledged = "a retry was acknowledged",
    /// An outcome was forgotten before it was asked for again (rule R11).
    OutcomeForgotten = "an outcome was forgotten",
    /// Acknowledged updates were lost; in async only.
    AcknowledgedLost = "acknowledged updates were lost (async)",
    /// A process was stopped between deciding and acting.
    StoppedBetween = "a process stopped between deciding and acting",
    /// A disk lost everything, and its node began anew (rule R5).
    DataLost = "a disk lost everything",
    /// The owner of a partition was one of those.
    OwnerDataLost = "an owner's disk lost everything",
    /// A folder was put back from an older copy (rule R14).
    FolderPutBack = "a folder was put back from an older copy",
    /// A clone of a folder took its place for a while (rule R14).
    FolderCloned = "a clone of a folder was used",
    /// A replica found out that its disk went back in time (rule R14).
    RolledBack = "a disk that went back in time was found out",
    /// A restarted owner left its partition to whom has more (rule R14).
    Behind = "a restarted owner left its partition to one with more",
    /// A crash lost records that were not synced.
    RecordsLost = "a crash lost records",
    /// A node's logs took too much of its memory, and one was cut short.
    LogForgotten = "a log in memory was cut short",
}
