//! The operations' steps.

use crate::history::{History, Operation, Outcome};
use crate::value::Value;

/// A message as a poll returned it.
#[derive(Clone, Debug)]
pub(super) struct Polled {
    pub(super) key: String,
    pub(super) offset: Option<i64>,
    pub(super) value: Value,
}

/// One step of an operation.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Send {
        key: String,
        value: Value,
        offset: Option<i64>,
    },
    /// Messages in the order in which they came.
    Poll(Vec<Polled>),
}

/// What kind of operation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// It sends and polls.
    Steps,
    Assign,
    Subscribe,
    Nothing,
}

/// An operation's steps, or the keys that it is about.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    pub(super) place: u32,
    pub(super) process: u32,
    pub(super) outcome: Outcome,
    pub(super) doing: Doing,
    pub(super) steps: Vec<Step>,
    pub(super) keys: Vec<String>,
}

/// The operations at these places, in the order of their invocations; an error says which is not
/// understood.
pub(super) fn read(history: &History, places: &[u32]) -> Result<Vec<Steps>, String> {
    let mut all = Vec::with_capacity(places.len());
    for place in places {
        let operation = &history.operations[*place as usize];
        let doing = match history.name(operation.f) {
            "send" | "poll" | "txn" => Doing::Steps,
            "assign" => Doing::Assign,
            "subscribe" => Doing::Subscribe,
            _ => Doing::Nothing,
        };
        let mut read = Steps {
            place: *place,
            process: operation.process,
            outcome: operation.outcome,
            doing,
            steps: Vec::new(),
            keys: Vec::new(),
        };
        let event = || history.index(operation.invoke);
        match doing {
            Doing::Steps => {
                read.steps = steps(history, operation)
                    .map_err(|problem| format!("event {}: {problem}", event()))?;
            }
            Doing::Assign | Doing::Subscribe => {
                let keys = history.value(operation.argument);
                let Some(keys) = keys.elements() else {
                    return Err(format!(
                        "event {}: keys must be a list, not {keys}",
                        event()
                    ));
                };
                read.keys = keys.iter().map(key).collect();
            }
            Doing::Nothing => {}
        }
        all.push(read);
    }
    Ok(all)
}

/// A key is the same whether it is a number or, as in JSON maps, its digits.
fn key(value: &Value) -> String {
    value
        .as_text()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn steps(history: &History, operation: &Operation) -> Result<Vec<Step>, String> {
    let argument = history.value(operation.argument);
    let result = match operation.outcome {
        Outcome::Fail => Value::Nil,
        Outcome::Ok | Outcome::Unknown => history.value(operation.result),
    };
    let asked = list_of_steps(&argument)
        .ok_or_else(|| format!("{argument} is not a list of [:send key value] and [:poll]"))?;
    let told = match &result {
        Value::Nil => asked,
        result => list_of_steps(result)
            .filter(|told| told.len() == asked.len())
            .ok_or_else(|| format!("the result {result} does not fit the steps {argument}"))?,
    };
    asked
        .iter()
        .zip(told)
        .map(|(asked, told)| step(asked, told, operation.outcome))
        .collect()
}

/// The steps; one step alone counts as a list of one.
fn list_of_steps(value: &Value) -> Option<&[Value]> {
    let elements = value.elements()?;
    match elements.first() {
        Some(Value::Text(_) | Value::Name(_)) => Some(std::slice::from_ref(value)),
        _ => Some(elements),
    }
}

fn step(asked: &Value, told: &Value, outcome: Outcome) -> Result<Step, String> {
    let bad = || format!("the step {told} was not expected for {asked}");
    let asked = asked.elements().unwrap_or_default();
    let told_parts = told.elements().unwrap_or_default();
    match (asked.first().and_then(Value::as_text), asked, told_parts) {
        (Some("send"), [_, to, value], [_, same, sent]) if to == same => {
            let offset = match sent.elements() {
                _ if sent == value => None,
                Some([Value::Int(offset), same]) if same == value => Some(*offset),
                Some([Value::Nil, same]) if same == value => None,
                _ => return Err(bad()),
            };
            Ok(Step::Send {
                key: key(to),
                value: value.clone(),
                offset,
            })
        }
        (Some("poll"), _, [_]) if outcome != Outcome::Ok => Ok(Step::Poll(Vec::new())),
        (Some("poll"), _, [_, Value::Map(logs)]) => {
            let mut messages = Vec::new();
            for (from, log) in logs {
                for message in log.elements().ok_or_else(bad)? {
                    let (offset, value) = match message.elements() {
                        Some([Value::Int(offset), value]) => (Some(*offset), value),
                        Some([Value::Nil, value]) => (None, value),
                        _ => return Err(bad()),
                    };
                    messages.push(Polled {
                        key: key(from),
                        offset,
                        value: value.clone(),
                    });
                }
            }
            Ok(Step::Poll(messages))
        }
        _ => Err(bad()),
    }
}
