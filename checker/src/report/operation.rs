//! An operation as a report shows it.

use super::{Anomaly, seconds};
use crate::history::{History, NEVER, Operation, Outcome};
use crate::value::Value;
use serde::{Serialize, Serializer};
use std::fmt;

/// The part that an operation plays in an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Without its outcome there would be no violation.
    Proof,
    /// It wrote a value that another saw; how and when it ended does not matter.
    Source,
}

/// An operation as a report shows it.
#[derive(Clone, Debug, Serialize)]
pub struct OperationView {
    /// Index of its invocation's event.
    pub invoke: u64,
    /// Index of its completion's event, if it completed with a known outcome.
    pub complete: Option<u64>,
    /// The process: its number, or its name.
    #[serde(serialize_with = "as_process")]
    pub process: String,
    /// The operation's name.
    pub f: String,
    /// Result of a read, argument of anything else.
    #[serde(serialize_with = "as_json")]
    pub value: Value,
    /// What a failed operation saw, if it said so.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_json_if_any"
    )]
    pub observed: Option<Value>,
    /// `ok`, `fail` or `info`.
    #[serde(rename = "type")]
    pub outcome: &'static str,
    /// When it was invoked, in nanoseconds since the run began.
    pub invoke_ns: u64,
    /// When it completed, in nanoseconds; absent if its outcome is unknown.
    pub complete_ns: Option<u64>,
    /// The node, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Whether the times mean anything: they do not if there are none, or if they go back.
    #[serde(skip)]
    pub timed: bool,
    /// Its part in the anomaly.
    pub role: Role,
    /// Its place in [`History::operations`].
    #[serde(skip)]
    pub place: u32,
}

fn as_json<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    // What is longer than any explanation needs is cut, as text.
    let text = value.to_string();
    match text.char_indices().nth(Anomaly::LETTERS_MAX) {
        None => value.to_json().serialize(serializer),
        Some((end, _)) => format!("{}…", &text[..end]).serialize(serializer),
    }
}

#[allow(clippy::ref_option)] // the signature that serde asks for
fn as_json_if_any<S: Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => as_json(value, serializer),
        None => serializer.serialize_none(),
    }
}

#[allow(clippy::ptr_arg)] // the signature that serde asks for
fn as_process<S: Serializer>(process: &String, serializer: S) -> Result<S::Ok, S::Error> {
    match process.parse::<u64>() {
        Ok(number) => number.serialize(serializer),
        Err(_) => process.serialize(serializer),
    }
}

impl OperationView {
    /// The operation at this place of the history.
    pub fn of(history: &History, place: u32, role: Role) -> OperationView {
        let operation: &Operation = &history.operations[place as usize];
        let known = operation.complete != NEVER;
        let name = history.name(operation.f);
        let shows_result = operation.outcome == Outcome::Ok
            && (operation.result != crate::history::Datum::NIL || reads(name));
        let shown = if shows_result {
            operation.result
        } else {
            operation.argument
        };
        OperationView {
            invoke: history.index(operation.invoke),
            complete: known.then(|| history.index(operation.complete)),
            process: history.process_name(operation.process),
            f: name.to_owned(),
            value: history.value(shown),
            observed: (operation.outcome == Outcome::Fail && operation.observed)
                .then(|| history.value(operation.result)),
            outcome: match operation.outcome {
                Outcome::Ok => "ok",
                Outcome::Fail => "fail",
                Outcome::Unknown => "info",
            },
            invoke_ns: operation.invoke_time,
            complete_ns: known.then_some(operation.complete_time),
            timed: !history.times_go_back
                && (operation.invoke_time > 0 || operation.complete_time > 0),
            node: match history.name(operation.node) {
                "" => None,
                node => Some(node.to_owned()),
            },
            role,
            place,
        }
    }
}

fn reads(name: &str) -> bool {
    matches!(name, "read" | "r" | "get")
}

/// One operation in words: who did what, when, where.
impl fmt::Display for OperationView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "process {}'s {}",
            self.process,
            Phrase(&self.f, &self.value)
        )?;
        match &self.observed {
            Some(observed) => write!(f, ", which failed since it saw {}", Short(observed))?,
            None if self.outcome == "fail" => f.write_str(", which failed")?,
            None => {}
        }
        f.write_str(" (")?;
        match self.complete {
            Some(complete) => write!(f, "events {}-{complete}", self.invoke)?,
            None => write!(f, "event {}, outcome unknown", self.invoke)?,
        }
        match self.complete_ns {
            _ if !self.timed => {}
            Some(end) => write!(f, ", {}-{} s", seconds(self.invoke_ns), seconds(end))?,
            None => write!(f, ", from {} s", seconds(self.invoke_ns))?,
        }
        if let Some(node) = &self.node {
            write!(f, ", node {node}")?;
        }
        f.write_str(")")
    }
}

/// A name and a value as a phrase: `read of 3`, `cas from 3 to 4`.
struct Phrase<'a>(&'a str, &'a Value);

impl fmt::Display for Phrase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            ("cas", Value::List(pair)) if pair.len() == 2 => {
                write!(f, "cas from {} to {}", pair[0], pair[1])
            }
            ("", value) => write!(f, "transaction {}", Short(value)),
            (name, Value::Nil) if !reads(name) => f.write_str(name),
            (name, value) => write!(f, "{name} of {}", Short(value)),
        }
    }
}

/// A value in at most some sixty letters.
pub(crate) struct Short<'a>(pub(crate) &'a Value);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS_MAX: usize = 120;
        let text = self.0.to_string();
        match text.char_indices().nth(LETTERS_MAX) {
            None => f.write_str(&text),
            Some((end, _)) => write!(f, "{}…", &text[..end]),
        }
    }
}
