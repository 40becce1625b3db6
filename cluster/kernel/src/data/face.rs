//! What goes into a data plane, and what comes out.

use std::time::Duration;

use bytes::Bytes;
use kensho_protocol::ids::{Epoch, Incarnation, Lsn, NodeId, PartitionId, Position};
use kensho_protocol::log::Entry;
use kensho_protocol::record::Record;
use kensho_protocol::replica::{Message, Note};
use kensho_protocol::request::{Numbered, ReadFrom, Reply};
use kensho_protocol::settings::Settings as ProtocolSettings;

use super::Answer;
use crate::{Report, View};

/// What a data plane is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The settings of the protocol.
    pub protocol: ProtocolSettings,
    /// When to stop waiting for a statement.
    pub statement_deadline: Duration,
    /// How many statements may wait at the same time.
    pub statements: usize,
    /// What the logs of all partitions may take of the node's memory, in bytes.
    pub log_memory_bytes: u64,
    /// The log on disk is to be shortened when it is longer than this, in bytes.
    pub checkpoint_after_bytes: u64,
    /// The rest, which nobody sets but for tests and simulated worlds.
    pub limits: Limits,
}

/// How much a data plane takes on, and how often it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Updates are held back while this much waits for the disk, in bytes.
    pub backlog_bytes: usize,
    /// At most so many bytes of updates are held back; what is more is refused.
    pub held_back_bytes: usize,
    /// Updates are held back while the logs of all partitions hold this much that is not committed, in
    /// bytes.
    pub uncommitted_bytes: u64,
    /// No more statements are taken in one batch than this, in bytes, but for a single one: a record of
    /// the log holds all of a partition.
    pub fresh_bytes: usize,
    /// No more entries of other nodes are put off than this, in bytes; their owners send the rest again.
    pub put_off_bytes: usize,
    /// How often it is looked whether a checkpoint is due, if none has just taken effect.
    pub checkpoint_interval: Duration,
    /// A checkpoint for which there was no room is tried again after this long: its image takes time to
    /// make.
    pub checkpoint_retry: Duration,
    /// No more images are made at once than this, in bytes, but for a single one: they take the time of
    /// the data plane's thread.
    pub images_bytes: usize,
    /// While the log is far too long, no more images wait for the disk than this, in bytes: more of them
    /// share what it costs to make them count.
    pub waiting_images_bytes: usize,
    /// How often it is looked whether there is room again for what waits for it.
    pub look_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            backlog_bytes: 64 << 20,
            held_back_bytes: 64 << 20,
            uncommitted_bytes: 256 << 20,
            fresh_bytes: 64 << 20,
            put_off_bytes: 64 << 20,
            checkpoint_interval: Duration::from_millis(500),
            checkpoint_retry: Duration::from_secs(10),
            images_bytes: 4 << 20,
            waiting_images_bytes: 32 << 20,
            look_interval: Duration::from_millis(2),
        }
    }
}

/// What a client wants to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What to answer.
    pub bytes: Bytes,
    /// Who may answer.
    pub from: ReadFrom,
    /// A position of the partition's log that the answer must know of.
    pub seen: Position,
}

impl From<Bytes> for Query {
    /// To be answered by the owner.
    fn from(bytes: Bytes) -> Self {
        Query {
            bytes,
            from: ReadFrom::Owner,
            seen: Position::default(),
        }
    }
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An answer to a query.
    Read(Query),
    /// A change.
    Update {
        /// Its number, if it has one (rule R11).
        request: Option<Numbered>,
        /// A position of the partition's log that the client had seen before it first sent this.
        as_of: Position,
        /// What to execute.
        statement: Bytes,
    },
}

/// How the log on disk is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogState {
    /// Bytes that were handed to it and are not safe yet.
    pub backlog_bytes: usize,
    /// How much may be appended before the log has to be cut.
    pub room_bytes: u64,
}

/// What happens to a data plane. `C` is how a client is reached.
#[derive(Debug)]
pub enum Input<C> {
    /// A client wants something of a partition.
    Ask {
        /// Who.
        client: C,
        /// Of which partition.
        partition: PartitionId,
        /// What.
        ask: Ask,
    },
    /// A message came from a partition's replica on another node.
    Message {
        /// The other node.
        from: NodeId,
        /// Which partition.
        partition: PartitionId,
        /// What it says.
        message: Message,
    },
    /// The coordinator shows this.
    View(View),
    /// So many of all records that were given out ([`Output::Record`]) are safe.
    Durable(u64),
    /// The checkpoint of this partition took effect; this is the last entry that it knows.
    Checkpointed(PartitionId, Lsn),
    /// There was no room on the disk for the checkpoint of this partition.
    CheckpointRefused(PartitionId),
    /// Whether there is room for updates on the disk (rule M6); at first it is taken to have some.
    Room(bool),
    /// The log is like this. To be said after each batch, and before a tick if
    /// [`DataPlane::waits_for_log`](super::DataPlane::waits_for_log).
    Log(LogState),
    /// These partitions keep the log on disk too long, those first that hold its oldest part. To be said
    /// before a flush if [`DataPlane::looks_for_checkpoints`](super::DataPlane::looks_for_checkpoints).
    DueCheckpoints(Vec<PartitionId>),
    /// The batch is about to end, or the [deadline](super::DataPlane::deadline) has come.
    Tick,
}

/// What is to be done for a data plane.
#[derive(Debug)]
pub enum Output {
    /// The data folder went back in time: from now on its data are of this life (rule R14). To be on the
    /// disk before anything else is done.
    BeginAnotherLife(Incarnation),
    /// Append this to the log. Records count from 1 in the order in which they are given out.
    Record {
        /// Whose.
        partition: PartitionId,
        /// What.
        record: Record,
    },
    /// Replace the beginning of a partition's log by this, once all records that were given out before are
    /// safe.
    Checkpoint {
        /// Whose.
        partition: PartitionId,
        /// What the replica promises.
        promised: Epoch,
        /// Whose owner's log it is.
        log_epoch: Epoch,
        /// The last entry that the image knows of.
        at: Position,
        /// The data.
        image: Bytes,
    },
    /// Hand to the disk what was appended since the last time.
    WriteLog {
        /// Somebody waits for it, so that it is to be safe soon, even if durability is delayed.
        awaited: bool,
    },
    /// Send this to a partition's replica on another node, together with what comes before the next
    /// [`Output::SendAll`]. It may get lost.
    Send {
        /// The other node.
        to: NodeId,
        /// Which partition.
        partition: PartitionId,
        /// What to say.
        message: Message,
    },
    /// Let messages leave.
    SendAll,
    /// Let [`DataPlane::release`](super::DataPlane::release) decide whether this may leave, just before it
    /// does.
    Answer(Answer),
    /// Tell the coordinator.
    Report(Report),
    /// In async mode, acknowledged entries may be among these that were cut off: keep them where a person
    /// can find them.
    Lost {
        /// Of which partition.
        partition: PartitionId,
        /// What was cut off.
        entries: Vec<Entry>,
    },
    /// Something of a partition that a person who reads the node's log wants to know.
    Note(PartitionId, Note),
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// What the replica says.
    Reply(Reply),
    /// The node takes no more statements at the moment, for this reason. It is certain to have no effect.
    Overloaded(&'static str),
}

/// What a data plane did, counted from the node's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Reads that were handed in.
    pub reads: u64,
    /// Updates that were handed in.
    pub updates: u64,
    /// Statements that were refused since too much was under way.
    pub refused_busy: u64,
    /// Updates that were held back.
    pub held_back: u64,
    /// Messages with entries that were put off.
    pub put_off: u64,
    /// Entries that were cut off a log and given out as [`Output::Lost`].
    pub lost_entries: u64,
    /// Checkpoints that took effect.
    pub checkpoints: u64,
    /// How often a log in memory was cut short.
    pub forgotten: u64,
    /// How often there was no room any more on the disk.
    pub full_disk: u64,
    /// How often it was found out that the data folder had gone back in time (rule R14).
    pub rolled_back: u64,
    /// Partitions that this node owns since its start although nobody could tell whether its data folder
    /// had gone back in time (rule R14).
    pub unwitnessed: u64,
    /// Answers that came too late for their lease (rule R10).
    pub late_answers: u64,
}
