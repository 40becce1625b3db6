//! What must happen sometimes, over many runs of whole clusters.

use crate::sights::sights;

sights! {
    /// A master was elected before the cluster was born.
    FirstMaster = "a first master was elected",
    /// A master was elected in a cluster that was born.
    LaterMaster = "a later master was elected",
    /// A master lost contact with the majority, and resigned (rule R13).
    MasterResigned = "a master resigned",
    /// A follower that had been given up was heard again.
    FollowerReturned = "a follower returned",
    /// A node stopped serving since it had no quorum (rule R13).
    ServiceStopped = "a node stopped serving",
    /// No member of a partition's in-sync set was to be reached (rule M4).
    Unavailable = "a partition was unavailable",
    /// A new master committed the table that it had found (rule M2).
    TableRecommitted = "a table was committed again",
    /// A partition got another owner.
    OwnerReplaced = "an owner was replaced",
    /// A catch-up joined the in-sync set (rule R3).
    GrowthFinished = "a growth finished",
    /// Somebody left the in-sync set (rule R2).
    ShrinkFinished = "a shrink finished",
    /// An owner asked for a shrink, and a failover had come first (rule M3).
    ShrinkLostToFailover = "a shrink lost to a failover",
    /// An owner handed its partition over (rule R15).
    HandedOver = "a partition was handed over",
    /// A partition got a copy elsewhere so that roles are level (rule M9).
    CopyMoves = "a copy began to move",
    /// A copy that was one too many was given up (rule M9).
    CopyGivenUp = "a copy was given up",
    /// A node said goodbye, and nothing was left to be done when it stopped (rule M7).
    StoppedInOrder = "a node stopped in order",
    /// Somebody was found to listen no more, and that was wrong (rule M8).
    FalseEvidence = "evidence was false",
    /// A master let others elect another one (rule M7).
    Abdicated = "a master abdicated",
    /// An owner went on in a new epoch after a restart (rule R8).
    RenewFinished = "an epoch was renewed",
    /// A new owner on another node began to serve.
    FailoverServed = "a new owner served",
    /// A replica's divergent tail was cut (rule R7).
    TailCut = "a divergent tail was cut",
    /// A data image was installed (rule R12).
    ImageInstalled = "a data image was installed",
    /// A read was answered by an owner that was promoted during the run.
    ReadAfterFailover = "a read after a failover",
    /// An update was acknowledged in a later epoch than it was appended in.
    AcknowledgedAcrossEpochs = "an acknowledgement across epochs",
    /// A reply came too late for its lease (rule R10).
    LeaseRanOut = "a reply came too late for its lease",
    /// A retried update was acknowledged.
    RetryAcknowledged = "a retry was acknowledged",
    /// Acknowledged updates were lost; in async only.
    AcknowledgedLost = "acknowledged updates were lost (async)",
    /// A process was stopped between deciding and acting.
    StoppedBetween = "a process stopped between deciding and acting",
    /// A crash lost records that were not synced.
    RecordsLost = "a crash lost records",
    /// A crash lost what a coordinator had written.
    SavedLost = "a crash lost what a coordinator wrote",
    /// A node was made a member (rule M2).
    MemberAdded = "a node became a member",
    /// A node was a member no longer (rule M2).
    MemberRemoved = "a member left",
    /// A master was removed by itself (rule M2).
    MasterRemoved = "a master left",
    /// A member that is needed was not removed.
    MemberKept = "a member was kept",
    /// A disk was full (rule M6).
    RoomLost = "a disk was full",
    /// An update was refused since its owner's disk was full.
    RefusedForRoom = "an update was refused for want of room",
    /// A folder was put back from an older copy (rule R14).
    FolderPutBack = "a folder was put back from an older copy",
    /// A clone of a folder took its place for a while (rule R14).
    FolderCloned = "a clone of a folder was used",
    /// A replica found out that its disk went back in time (rule R14).
    RolledBack = "a disk that went back in time was found out",
    /// A restarted owner left its partition to whom has more (rule R14).
    Behind = "a restarted owner left its partition to one with more",
    /// All processes were down at once.
    Blackout = "all nodes were down",
    /// A node's logs took too much of its memory, and one was cut short.
    LogForgotten = "a log in memory was cut short",
    /// An update had to wait until it could be handed in.
    HeldBack = "an update was held back",
    /// Entries of another node had to wait until the log had room for them.
    PutOff = "entries were put off",
    /// A statement was refused since too much was under way.
    Overloaded = "a statement was refused by a busy node",
}
