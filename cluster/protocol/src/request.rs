//! What clients ask of a replica, and what they are told.

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

/// An update that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Execute {
    /// Comes back with the reply.
    pub token: Token,
    /// Without one, a retry may take effect again.
    pub id: Option<RequestId>,
    /// A position of this partition's log that the client had seen before it first sent this
    /// statement; the default if it had seen none. Only a statement that is younger than all
    /// forgotten outcomes can be known to be new.
    pub as_of: Position,
    /// What to execute.
    pub statement: Bytes,
    /// When the caller stops waiting, on this node's clock.
    pub deadline: Time,
}

/// A read that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Read {
    /// Comes back with the reply.
    pub token: Token,
    /// What to answer.
    pub query: Bytes,
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
    },
    /// Neither.
    Refused(Refusal),
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
            | Refusal::TimedOut => true,
            Refusal::OutcomeUnknown | Refusal::OutcomeForgotten { .. } => false,
        }
    }
}
