//! What clients ask of a replica, and what they are told.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, Position, Sequence, Token};
use crate::time::Time;

/// Names a statement for all its retries (rule R11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// Who asks.
    pub client: ClientId,
    /// The client's number for the statement; a retry has the same one.
    pub sequence: Sequence,
}

/// Tells a statement from another one that comes under the same number: a client that numbers two of
/// its statements alike must not be told that the second one was executed when the first was.
///
/// It is made of what the client asked for, not of what the node made of it, so that a retry has the
/// same one wherever it arrives. Of two that differ and are equally long one in 2³² is not told from
/// the other; if they differ in no more than four bytes that follow each other, none.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Digest {
    checksum: u32,
    length: u32,
}

impl Digest {
    /// Of a statement that consists of `parts`.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut checksum = crc32fast::Hasher::new();
        let mut length = 0_u32;
        for part in parts {
            // Only the length's lower half counts, as in the sum: what is longer is no statement.
            let part_length = part.len() as u32;
            length = length.wrapping_add(part_length);
            checksum.update(&part_length.to_le_bytes());
            checksum.update(part);
        }
        Digest {
            checksum: checksum.finalize(),
            length,
        }
    }
}

/// A statement's number, and what tells the statement from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Numbered {
    /// The number.
    pub id: RequestId,
    /// Of the statement.
    pub digest: Digest,
}

/// An update that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Execute {
    /// Comes back with the reply.
    pub token: Token,
    /// Without a number, a retry may take effect again.
    pub request: Option<Numbered>,
    /// A position of this partition's log that the client had seen before it first sent this
    /// statement; the default if it had seen none. Only a statement that is younger than all
    /// forgotten outcomes can be known to be new.
    pub as_of: Position,
    /// What to execute.
    pub statement: Bytes,
    /// When the caller stops waiting, on this node's clock.
    pub deadline: Time,
}

/// Which replicas may answer a read.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum ReadFrom {
    /// The owner alone: the answer knows of all that was acknowledged before the read was asked.
    #[default]
    Owner,
    /// A backup as well (rule R16).
    Any {
        /// When the answer leaves, it knows of all that was acknowledged longer ago than this.
        max_age: Duration,
    },
}

/// A read that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Read {
    /// Comes back with the reply.
    pub token: Token,
    /// What to answer.
    pub query: Bytes,
    /// Who may answer.
    pub from: ReadFrom,
    /// The youngest position of this partition's log that the client's session has seen, which the answer
    /// must know of; the default if it has seen none, or does not mind.
    pub seen: Position,
    /// When the caller stops waiting, on this node's clock.
    pub deadline: Time,
}

/// What the caller is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Reply {
    /// The update took effect once, and this came of it.
    Done {
        /// Where it stands in the log.
        at: Position,
        /// What came of it.
        outcome: Bytes,
    },
    /// The answer to a read.
    Answer {
        /// The last entry that the answer knows of.
        at: Position,
        /// The answer.
        answer: Bytes,
        /// Who answers.
        source: Source,
    },
    /// Neither.
    Refused(Refusal),
}

/// Who answers a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Source {
    /// The owner.
    Owner,
    /// A backup (rule R16).
    Backup {
        /// The answer knows of all that was acknowledged before this time on the backup's clock.
        as_of: Time,
    },
}

/// Why there is no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Refusal {
    /// Another node owns the partition.
    NotOwner,
    /// The node is the owner, but cannot serve yet, or no more: it is being brought in sync, or has
    /// no quorum.
    NotServing,
    /// Fewer nodes are in sync than `min_in_sync` asks for.
    TooFewInSync,
    /// Too many updates wait to be committed; it is worth trying again a little later.
    Overloaded,
    /// The update is in the log, and whether it will take effect is open: its deadline passed, or
    /// the node lost its role.
    OutcomeUnknown,
    /// The outcome may have been forgotten (rule R11). A client that never sent this statement
    /// before may send it under a new sequence number with this position as `as_of`.
    OutcomeForgotten {
        /// The last entry that was applied.
        now: Position,
    },
    /// A read's deadline passed.
    TimedOut,
    /// The number was given to another statement before, which may have taken effect. This one has not.
    NumberUsed,
    /// The owner's disk is full. If another node that is in sync has room, the partition moves there;
    /// it is worth trying again a little later.
    NoRoom,
    /// A backup lacks what the session has seen, or its data are older than the read may be told, and
    /// the owner did not help in time (rule R16). The owner can answer.
    Behind,
    /// What the session has seen was lost by a failover in async, or is so old that nobody can tell
    /// (rule R16): the session cannot go on from there.
    SeenLost,
}

impl Refusal {
    /// Whether the request is certain to have no effect, ever.
    #[must_use]
    pub const fn definite(self) -> bool {
        match self {
            Refusal::NotOwner
            | Refusal::NotServing
            | Refusal::TooFewInSync
            | Refusal::Overloaded
            | Refusal::TimedOut
            | Refusal::NumberUsed
            | Refusal::NoRoom
            | Refusal::Behind
            | Refusal::SeenLost => true,
            Refusal::OutcomeUnknown | Refusal::OutcomeForgotten { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_statements_apart_by_their_bytes_and_by_their_parts() {
        let parts: [&[&[u8]]; 7] = [
            &[],
            &[b""],
            &[b"ab", b"c"],
            &[b"a", b"bc"],
            &[b"abc"],
            &[b"abd"],
            &[b"abc", b""],
        ];
        for (one, left) in parts.iter().enumerate() {
            for (other, right) in parts.iter().enumerate() {
                let same = Digest::of(left) == Digest::of(right);
                assert_eq!(same, one == other, "{left:?} {right:?}");
            }
        }
    }
}
