//! The update log of a node: everything that its replicas ask to be kept, in one sequence for all
//! partitions, so that one flush serves all of them.
//!
//! # On disk
//! The log is a sequence of *records*, numbered from 1 over the life of the data folder. What is
//! appended between two flushes is one *batch*: one write, with one checksum. Batches fill
//! preallocated *segments* (files `log-<number>`), which begin as zeros, so that a flush changes
//! nothing but the bytes of the file.
//!
//! A batch is written only after the one before it was flushed. That makes recovery certain of what it
//! sees: bytes that are no valid batch, with no valid batch after them, are the last write, torn by a
//! crash before anybody was told that it is safe: it is cut off. If a later batch is valid, then the
//! bad one was once safe, and the disk has damaged it. Batches say of their partitions which records of
//! theirs came before (`batch::Links`), so that it is known who has lost some: these begin
//! another life of their data with nothing ([`Recovery::taken_out`]), and are fetched from others; then
//! the log is written anew without them.
//! The one thing that this cannot tell from a torn write is damage to the very last batch. So an empty
//! batch follows when the log is closed, and when it was opened: what stood before that is safe.
//!
//! With [`Durability::Delayed`] many batches are written between two flushes, and a power failure may
//! take any of them. Each batch says whether everything before it was flushed when it was written.
//! One that does not say so proves nothing: if only such ones are valid after a bad batch, the bad one
//! was never flushed either, and all of them are cut off.
//!
//! A checksum covers the node, the segment and the place as well as the bytes, so that a batch that
//! was copied to another place, or a row that looks like a batch, is none.
//!
//! # Forgetting
//! [`Checkpoint`]s take the place of the log's beginning. The file `manifest` names the first segment
//! and the checkpoints that count, so that a missing file is noticed; replacing it is the moment at
//! which a checkpoint takes effect. Which segments are still needed is worked out in `trail.rs`.
//!
//! # Parts
//! [`Store`] does all this step by step, without threads. [`start`] puts it on threads.

mod batch;
mod checkpoint;
mod durability;
mod group_commit;
mod lives;
mod manifest;
mod recovery;
mod segment;
mod store;
mod trail;
mod writer;

use serde::{Deserialize, Serialize};

pub use checkpoint::Checkpoint;
pub use durability::Durability;
pub use group_commit::{LogAppender, LogEnding, LogProgress, LogStopped, Progress, start};
pub use recovery::{Cut, Damage, Recovery, RecoveryReport};
pub use store::Store;

/// Counts the records of a node's log, from 1. 0: before the first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct RecordNumber(pub u64);

impl std::fmt::Display for RecordNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Settings of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogSettings {
    /// Size of a segment in bytes, 4352 at least; a batch that is larger gets a segment of its own.
    /// Default 16 MiB.
    pub segment_bytes: u64,
    /// Checkpoints are asked for when the log is longer than this, in bytes; a few segments at least.
    /// What [`LogAppender::room_bytes`] says keeps it within twice as much.
    /// Default 256 MiB.
    pub checkpoint_after_bytes: u64,
    /// When what was written is flushed. Default: at once.
    pub durability: Durability,
}

impl Default for LogSettings {
    fn default() -> Self {
        LogSettings {
            segment_bytes: 16 << 20,
            checkpoint_after_bytes: 256 << 20,
            durability: Durability::Sync,
        }
    }
}

impl LogSettings {
    /// The shortest segment that is chosen by itself.
    const SEGMENT_MIN_BYTES: u64 = 64 << 10;

    /// The log is not to be longer than this while it is cut: what is under way, and the ends of
    /// segments that are not used, may take as much again before it is twice as long as it should be.
    pub(crate) fn longest_bytes(&self) -> u64 {
        self.checkpoint_after_bytes + self.checkpoint_after_bytes / 2
    }

    /// What the segments with records may take before checkpoints are due: another one is made ahead
    /// of time.
    pub(crate) fn kept_bytes(&self) -> u64 {
        self.checkpoint_after_bytes
            .saturating_sub(self.segment_bytes)
    }

    /// These settings with checkpoints when the log is longer than `bytes`, and with segments that are
    /// short enough for it to be shortened to that.
    #[must_use]
    pub fn with_checkpoints_after(self, bytes: u64) -> Self {
        let segment = (bytes / 16).max(Self::SEGMENT_MIN_BYTES);
        LogSettings {
            segment_bytes: segment.min(LogSettings::default().segment_bytes),
            checkpoint_after_bytes: bytes,
            ..self
        }
    }
}

/// Whether a file of this name belongs to a log.
pub(crate) fn is_file_of_log(name: &str) -> bool {
    segment::number(name).is_some()
        || checkpoint::number(name).is_some()
        || checkpoint::image_number(name).is_some()
        || name == manifest::NAME
}
