//! What the replicas of one partition say to each other.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, Incarnation, Life, Lsn, NodeId, Position};
use crate::log::Entry;
use crate::time::Time;

/// Comes with everything an owner sends and goes back with the answer, so that the owner knows how
/// old an acknowledgement is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Round {
    /// The last barrier that the owner had begun when it sent this (rule R9).
    pub barrier: u64,
    /// When the owner sent it, on the owner's clock (rule R10).
    pub sent: Time,
}

/// A message between two replicas of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Owner to backup or catch-up: the log goes on like this. Without entries: a sign of life, a
    /// barrier, or the question whether the logs agree up to `previous`.
    Append {
        /// The owner's epoch.
        epoch: Epoch,
        /// Ties the answer to the question.
        round: Round,
        /// The entry before the first of `entries`.
        previous: Position,
        /// Entries in order.
        entries: Vec<Entry>,
        /// Where the owner's log ends at the time of sending.
        end: Lsn,
        /// All entries up to here are committed.
        commit: Lsn,
    },
    /// Owner to catch-up: a part of a data image (long-term sync).
    Image {
        /// The owner's epoch.
        epoch: Epoch,
        /// Ties the answer to the question.
        round: Round,
        /// The last entry that the image knows of.
        at: Position,
        /// Where `bytes` belong.
        offset: u64,
        /// The size of the whole image in bytes.
        total: u64,
        /// The part.
        bytes: Bytes,
    },
    /// To the owner: my log is yours up to `matched`, on disk.
    Ack {
        /// The epoch that this counts for (rule R4).
        epoch: Epoch,
        /// Of the youngest message that this answers.
        round: Round,
        /// The prefix known to equal the owner's log, never the length of this one (rule R7).
        matched: Lsn,
        /// Which life of the data this is (rule R5).
        incarnation: Incarnation,
        /// Nothing of another owner's stands in my log behind `matched` (rule R3).
        whole: bool,
    },
    /// To the owner: my log does not hold `previous`.
    Mismatch {
        /// The epoch that this counts for.
        epoch: Epoch,
        /// Of the message that this answers.
        round: Round,
        /// The last position in my log that is not above the one asked for.
        hint: Position,
    },
    /// To the owner: I have this much of the image.
    ImageAck {
        /// The epoch that this counts for.
        epoch: Epoch,
        /// Of the message that this answers.
        round: Round,
        /// Which image.
        at: Position,
        /// How many bytes of it, without a gap.
        received: u64,
    },
    /// To a former owner: I have promised a higher epoch (rule R4).
    Fenced {
        /// The promise.
        promised: Epoch,
    },
    /// From a former owner: I have ended this epoch, on disk, and rely no more on what you promised me in it
    /// (rule R15).
    Released {
        /// The epoch that has ended.
        ended: Epoch,
        /// The next one that the sender knows of.
        next: Epoch,
        /// The owner of that one.
        owner: NodeId,
    },
    /// I started anew, and my disk may have gone back in time (rule R14): what do you know that I must
    /// hold? To the owner; or, from the one that the table names owner, to the other members of the
    /// in-sync set.
    Returned {
        /// The epoch that the sender knows.
        epoch: Epoch,
        /// Which start.
        life: Life,
        /// Which life of the data.
        incarnation: Incarnation,
    },
    /// The answer (rule R14).
    Witness {
        /// The epoch of the question.
        epoch: Epoch,
        /// The start that it is for; it says nothing of another one.
        life: Life,
        /// Which life of its data the witness has.
        incarnation: Incarnation,
        /// Whose owner's log the witness has on disk.
        log_epoch: Epoch,
        /// An entry that the other one must hold, unless its disk went back in time.
        floor: Position,
        /// The last entry of the witness's log that may have been acknowledged.
        reach: Position,
        /// Whether the witness knows of itself that its disk has not gone back.
        confirmed: bool,
    },
    /// A backup or catch-up to its owner: how far have you come (rule R16)?
    Inquiry {
        /// The owner's epoch.
        epoch: Epoch,
        /// Which start of the sender: its clock may be another one after the next.
        life: Life,
        /// When this was sent, on the sender's clock.
        asked: Time,
    },
    /// The owner's answer, while it holds its lease: all that was acknowledged before you asked is at or
    /// below `at`.
    Vouched {
        /// The owner's epoch.
        epoch: Epoch,
        /// Of the question.
        life: Life,
        /// Of the question.
        asked: Time,
        /// The last entry that a client may have been told of.
        at: Lsn,
        /// All entries up to here are committed.
        commit: Lsn,
    },
}
