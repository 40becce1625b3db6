//! What a caller is told when a statement has no result.

use kensho_protocol::session::Failure;

/// A statement has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// It could not be settled within the failover timeout.
    #[error("{statement}: {failure}")]
    GaveUp {
        /// What was to be done, in words.
        statement: String,
        /// How it went.
        failure: Failure,
    },
    /// A node refused it, and a retry would not change that: correct the statement.
    #[error("{statement}: node {node} refuses (status {status}, error {code}): {message}")]
    Refused {
        /// What was to be done, in words.
        statement: String,
        /// Who refused.
        node: String,
        /// The status of the answer.
        status: u16,
        /// The error code of the answer; 0 if it had none.
        code: u32,
        /// The node's words.
        message: String,
        /// Whether the statement is certain to have had no effect.
        definite: bool,
    },
    /// The statement cannot be sent.
    #[error("{statement}: {reason}")]
    Impossible {
        /// What was to be done, in words.
        statement: String,
        /// Why it cannot.
        reason: String,
    },
}

impl Error {
    /// Whether the statement is certain to have had no effect, and never to have one. If not, it
    /// may have taken effect, or may still do so at any later time.
    #[must_use]
    pub fn definite(&self) -> bool {
        match self {
            Error::GaveUp { failure, .. } => failure.definite,
            Error::Refused { definite, .. } => *definite,
            Error::Impossible { .. } => true,
        }
    }

    /// The node that was asked last: its name if it answered, otherwise its address.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match self {
            Error::GaveUp { failure, .. } => failure.node.as_deref(),
            Error::Refused { node, .. } => Some(node),
            Error::Impossible { .. } => None,
        }
    }
}
