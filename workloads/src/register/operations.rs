//! What a register operation means: the request it makes of a store, and what the answer says of it.
//!
//! Pure: who performs the request, over sockets or in a simulated world, hands the answer back.

use std::collections::HashMap;

use kensho_checker::history::Kind;
use serde_json::{Value, json};

use super::container;
use crate::operation::Operation;

/// A request of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Read a row.
    Get {
        /// The container it is in.
        container: String,
        /// Its row key.
        key: String,
    },
    /// Write a row.
    Put {
        /// The container it is in.
        container: String,
        /// Its row key.
        key: String,
        /// The new value.
        value: u64,
        /// When to do so.
        condition: Condition,
    },
}

impl Call {
    /// The container it is for.
    pub fn container(&self) -> &str {
        match self {
            Call::Get { container, .. } | Call::Put { container, .. } => container,
        }
    }
}

/// When a write takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// In any case.
    Always,
    /// If the row does not exist.
    Absent,
    /// If the row's version is this `ETag`.
    Version(String),
}

/// The answer of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The row that was asked for: its value and its version; `None` where there is none.
    Row(Option<(u64, String)>),
    /// Written; the row's new version if the store tells it.
    Written(Option<String>),
    /// The condition did not hold, because of what stood there.
    Mismatch(Found),
    /// Not done, or nobody knows.
    Error {
        /// Whether it had no effect and never will.
        definite: bool,
        /// What happened.
        text: String,
    },
}

/// What stood against a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There was no such row.
    Nothing,
    /// The row's value and its version.
    Row(u64, String),
    /// A row of which the store does not know the value any more.
    Unknown,
}

impl From<Option<(u64, String)>> for Found {
    fn from(row: Option<(u64, String)>) -> Self {
        row.map_or(Found::Nothing, |(value, version)| {
            Found::Row(value, version)
        })
    }
}

/// What was last seen of each register: its value and the version that came with it.
#[derive(Clone, Debug, Default)]
pub struct Seen(HashMap<String, (u64, String)>);

/// How an operation ended, in the words of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Ok, fail or info.
    pub kind: Kind,
    /// Argument or result.
    pub value: Value,
    /// What a failed compare-and-set saw.
    pub observed: Option<Value>,
    /// Why it did not succeed.
    pub error: Option<String>,
}

/// The operation as it enters the history (a compare-and-set gets the value that it expects), and
/// the request that it makes. `containers` is how many containers hold the registers.
///
/// # Errors
/// An operation that is none of this workload's.
pub fn call(
    operation: Operation,
    containers: u64,
    seen: &Seen,
) -> Result<(Operation, Call), String> {
    let unknown = |operation: &Operation| format!("not a register operation: {operation:?}");
    let Some((key, container)) = operation
        .key
        .clone()
        .and_then(|key| Some((key.clone(), container(&key, containers)?)))
    else {
        return Err(unknown(&operation));
    };
    if operation.f == "read" {
        return Ok((operation, Call::Get { container, key }));
    }
    let Some(value) = operation.value.as_u64() else {
        return Err(unknown(&operation));
    };
    match operation.f {
        "write" => {
            let condition = Condition::Always;
            Ok((
                operation,
                Call::Put {
                    container,
                    key,
                    value,
                    condition,
                },
            ))
        }
        "cas" => {
            let (from, condition) = match seen.0.get(&key) {
                Some((from, version)) => (json!(from), Condition::Version(version.clone())),
                None => (Value::Null, Condition::Absent),
            };
            let operation = operation.with(json!([from, value]));
            Ok((
                operation,
                Call::Put {
                    container,
                    key,
                    value,
                    condition,
                },
            ))
        }
        _ => Err(unknown(&operation)),
    }
}

/// What `answer` says of `operation` (as [`call`] gave it), and of the register: `seen` learns it.
pub fn outcome(operation: &Operation, answer: Answer, seen: &mut Seen) -> Outcome {
    let key = operation.key.clone().unwrap_or_default();
    let asked = operation.value.clone();
    let mut learn = |row: &Option<(u64, String)>| match row {
        Some(row) => drop(seen.0.insert(key.clone(), row.clone())),
        None => drop(seen.0.remove(&key)),
    };
    let value_of =
        |row: Option<(u64, String)>| row.map_or(Value::Null, |(value, _)| Value::from(value));
    match answer {
        Answer::Row(row) => {
            learn(&row);
            Outcome {
                kind: Kind::Ok,
                value: value_of(row),
                observed: None,
                error: None,
            }
        }
        Answer::Written(version) => {
            let written = if operation.f == "cas" {
                asked[1].as_u64()
            } else {
                asked.as_u64()
            };
            if let Some(row) = written.zip(version) {
                learn(&Some(row));
            }
            Outcome {
                kind: Kind::Ok,
                value: asked,
                observed: None,
                error: None,
            }
        }
        Answer::Mismatch(found) => {
            let row = match found {
                Found::Nothing => Some(None),
                Found::Row(value, version) => Some(Some((value, version))),
                Found::Unknown => None,
            };
            if let Some(row) = &row {
                learn(row);
            }
            Outcome {
                kind: Kind::Fail,
                value: asked,
                observed: row.map(value_of),
                error: None,
            }
        }
        Answer::Error { definite, text } => {
            // A read has no effect, so that one which failed is over in any case.
            let fail = definite || operation.f == "read";
            let kind = if fail { Kind::Fail } else { Kind::Info };
            Outcome {
                kind,
                value: asked,
                observed: None,
                error: Some(text),
            }
        }
    }
}

impl Seen {
    /// Forgets registers when there are more than `rows_max`: those of the past are never asked
    /// for again, and one forgotten too early only costs a failed compare-and-set.
    pub fn bound(&mut self, rows_max: usize) {
        if self.0.len() > rows_max {
            self.0.clear();
        }
    }
}
