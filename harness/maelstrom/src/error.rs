//! Errors that nodes answer with, by their codes.
//!
//! A *definite* error says that the operation had no effect and never will; after any other one it
//! may have had one, or may still. Codes that are not listed, those of a node's own among them, are
//! indefinite.

use std::fmt;

use serde_json::{Value, json};

/// A code that the protocol defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// The number in the field `code`.
    pub code: i64,
    /// Its name.
    pub name: &'static str,
    /// Whether the operation certainly had no effect.
    pub definite: bool,
}

impl ErrorCode {
    /// No answer came in time.
    pub const TIMEOUT: ErrorCode = ErrorCode::indefinite(0, "timeout");
    /// There is no such node.
    pub const NODE_NOT_FOUND: ErrorCode = ErrorCode::definite(1, "node-not-found");
    /// The node does not do such things.
    pub const NOT_SUPPORTED: ErrorCode = ErrorCode::definite(10, "not-supported");
    /// Not at this time, and certainly not done.
    pub const TEMPORARILY_UNAVAILABLE: ErrorCode =
        ErrorCode::definite(11, "temporarily-unavailable");
    /// The request makes no sense.
    pub const MALFORMED_REQUEST: ErrorCode = ErrorCode::definite(12, "malformed-request");
    /// Something went wrong, and nobody knows what was done.
    pub const CRASH: ErrorCode = ErrorCode::indefinite(13, "crash");
    /// Something went wrong, and nothing was done.
    pub const ABORT: ErrorCode = ErrorCode::definite(14, "abort");
    /// The key is not there.
    pub const KEY_DOES_NOT_EXIST: ErrorCode = ErrorCode::definite(20, "key-does-not-exist");
    /// The key is there already.
    pub const KEY_ALREADY_EXISTS: ErrorCode = ErrorCode::definite(21, "key-already-exists");
    /// A condition of the request does not hold, such as the `from` of a cas.
    pub const PRECONDITION_FAILED: ErrorCode = ErrorCode::definite(22, "precondition-failed");
    /// Another transaction was in the way.
    pub const TXN_CONFLICT: ErrorCode = ErrorCode::definite(30, "txn-conflict");

    /// All of them.
    pub const ALL: [ErrorCode; 11] = [
        Self::TIMEOUT,
        Self::NODE_NOT_FOUND,
        Self::NOT_SUPPORTED,
        Self::TEMPORARILY_UNAVAILABLE,
        Self::MALFORMED_REQUEST,
        Self::CRASH,
        Self::ABORT,
        Self::KEY_DOES_NOT_EXIST,
        Self::KEY_ALREADY_EXISTS,
        Self::PRECONDITION_FAILED,
        Self::TXN_CONFLICT,
    ];

    const fn definite(code: i64, name: &'static str) -> ErrorCode {
        ErrorCode {
            code,
            name,
            definite: true,
        }
    }

    const fn indefinite(code: i64, name: &'static str) -> ErrorCode {
        ErrorCode {
            code,
            name,
            definite: false,
        }
    }

    /// The defined code of this number, if there is one.
    pub fn of(code: i64) -> Option<ErrorCode> {
        Self::ALL.into_iter().find(|known| known.code == code)
    }

    /// The body of an answer with this error.
    pub fn body(self, text: impl Into<String>) -> Value {
        json!({"type": "error", "code": self.code, "text": text.into()})
    }
}

/// An error as a node answered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcError {
    /// Its code, defined or not.
    pub code: i64,
    /// What the node says of it.
    pub text: Option<String>,
}

impl RpcError {
    /// Whether the operation certainly had no effect.
    pub fn is_definite(&self) -> bool {
        ErrorCode::of(self.code).is_some_and(|known| known.definite)
    }

    /// Whether it is this one.
    pub fn is(&self, code: ErrorCode) -> bool {
        self.code == code.code
    }
}

/// Name or number, and the text: `precondition-failed: expected 3, had 4`.
impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ErrorCode::of(self.code) {
            Some(known) => f.write_str(known.name)?,
            None => write!(f, "error {}", self.code)?,
        }
        match &self.text {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_codes_are_definite() {
        let definite = |code| RpcError { code, text: None }.is_definite();
        let all: Vec<i64> = (-1..2_000).filter(|code| definite(*code)).collect();
        assert_eq!(all, [1, 10, 11, 12, 14, 20, 21, 22, 30]);
    }

    #[test]
    fn an_error_is_told_by_its_name() {
        let error = RpcError {
            code: 22,
            text: Some("it is 4".into()),
        };
        assert_eq!(error.to_string(), "precondition-failed: it is 4");
        let own = RpcError {
            code: 1001,
            text: None,
        };
        assert_eq!(own.to_string(), "error 1001");
    }
}
