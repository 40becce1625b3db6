//! The history of a run: one [`Event`] a line (JSONL), in the order in which they happened.
//!
//! ```json
//! {"index":0,"time":123,"process":3,"type":"invoke","f":"write","key":"r7","value":4}
//! {"index":1,"time":456,"process":3,"type":"ok","f":"write","key":"r7","value":4}
//! {"index":2,"time":789,"process":"nemesis","type":"info","f":"kill","value":{"targets":["n2"]}}
//! ```

mod builder;
mod compact;
mod indices;
pub(crate) mod interner;
mod order;
mod reader;
mod recent_lists;
mod values;
mod whole;
pub(crate) mod windows;

pub use builder::{Builder, RawEvent};
pub use compact::{Fault, History, NEVER, Operation, Outcome, Problem, Symbol};
pub use reader::{ReadError, Reader, Writer};
pub use values::Datum;
pub(crate) use whole::{Clock, Whole, Wholes};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Process {
    /// A logical client; it has at most one operation open, and retires after an unknown outcome.
    Client(u64),
    /// The nemesis, which injects faults.
    Nemesis,
}

/// What an event says of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The operation begins.
    Invoke,
    /// It happened.
    Ok,
    /// It had no effect, and never will.
    Fail,
    /// It may have happened, or happen at any later time.
    Info,
}

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the history, counted from 0.
    pub index: u64,
    /// Nanoseconds since the run began.
    pub time: u64,
    /// Who did it.
    pub process: Process,
    /// Beginning or completion.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The operation's name: `read`, `write`, `cas`, …; for the nemesis the fault's.
    pub f: String,
    /// The object operated on, where a workload has many independent ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Argument or result; a cas has `[from, to]`.
    #[serde(default)]
    pub value: Value,
    /// A failed cas: the value that it saw instead of the expected one. Such a cas is a read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Value>,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The node that answered, or that was asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

impl Event {
    /// The invocation of an operation that has no argument yet.
    pub fn invoke(index: u64, time: u64, process: Process, f: &str) -> Event {
        Event {
            index,
            time,
            process,
            kind: Kind::Invoke,
            f: f.to_owned(),
            key: None,
            value: Value::Null,
            observed: None,
            error: None,
            node: None,
        }
    }

    /// The completion of this invocation, with the same process, operation, key and argument.
    pub fn complete(&self, index: u64, time: u64, kind: Kind) -> Event {
        Event {
            index,
            time,
            kind,
            ..self.clone()
        }
    }

    /// The same event with this argument or result.
    pub fn with_value(self, value: impl Into<Value>) -> Event {
        Event {
            value: value.into(),
            ..self
        }
    }

    /// The same event on this object.
    pub fn with_key(self, key: &str) -> Event {
        Event {
            key: Some(key.to_owned()),
            ..self
        }
    }

    /// The same event, answered by this node.
    pub fn with_node(self, node: &str) -> Event {
        Event {
            node: Some(node.to_owned()),
            ..self
        }
    }

    /// The same event (a failed cas), with the value that was there instead of the expected one.
    pub fn with_observed(self, observed: impl Into<Value>) -> Event {
        Event {
            observed: Some(observed.into()),
            ..self
        }
    }
}

impl Serialize for Process {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Process::Client(number) => serializer.serialize_u64(*number),
            Process::Nemesis => serializer.serialize_str("nemesis"),
        }
    }
}

impl<'de> Deserialize<'de> for Process {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Process;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a process number or \"nemesis\"")
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Process, E> {
                Ok(Process::Client(number))
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Process, E> {
                match name {
                    "nemesis" => Ok(Process::Nemesis),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(name), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
