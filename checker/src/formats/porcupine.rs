//! Porcupine's operations and events as Go's encoding/json writes them.
//!
//! An operation is `{"ClientId", "Input", "Call", "Output", "Return"}`; its interval is closed, and
//! a return at the greatest 64-bit number never came. An event is `{"ClientId", "Kind", "Value",
//! "Id"}`: Kind false is a call, true a return, and their order counts. What Input and Output are
//! everybody decides for himself; the usual shapes are understood: an object with the operation
//! (`Op`), a `Key`, a `Value`; or `From` and `To`. Numbers and truth values as `Op` mean what they
//! mean in Porcupine's own tests, and that is told.

use super::beginning::Beginning;
use super::input::Input;
use super::json_values::{self, Values};
use super::{Definition, ReadError, loose};
use crate::hash::FastMap;
use crate::history::{Builder, Clock, NEVER, Outcome, Problem, Whole, Wholes};
use crate::value::Value;
use serde_json::Value as Json;

pub(super) const FORMAT: Definition = Definition {
    name: "porcupine",
    what: "Porcupine's operations or events as JSON (ClientId, Input, Call, Output, Return)",
    recognise,
    read,
    folder: None,
};

fn recognise(beginning: &Beginning<'_>) -> bool {
    let has = |name| beginning.has_key(name);
    matches!(beginning.text.first(), Some(b'{' | b'['))
        && has("ClientId")
        && (has("Call") || has("Kind") || has("Input"))
}

/// What Porcupine writes as the return of an operation that never returned.
pub(super) const NEVER_RETURNED: i64 = i64::MAX;

#[derive(Default)]
struct Reading {
    wholes: Wholes,
    /// Calls of events that have not returned, by their Id: position, process, input.
    open: FastMap<i64, (i64, i64, Json)>,
    events: i64,
    /// Whether a code of a number or a truth value was read, and how many writes answered something.
    codes: bool,
    answered_writes: usize,
    clock: Option<Clock>,
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    let mut reading = Reading::default();
    let mut values = Values::default();
    let result = loop {
        let length = match values.next(input) {
            Ok(Some(length)) => length,
            Ok(None) => break Ok(()),
            Err(problem) => break Err(problem),
        };
        let text = &input.bytes()[..length];
        let json: Json = match serde_json::from_slice(text) {
            Ok(json) => json,
            Err(problem) => break Err(json_values::malformed(input, &problem)),
        };
        if let Err(what) = reading.push(builder, &json) {
            break Err(input.malformed(0, what));
        }
        input.consume(length);
    };
    reading.finish(builder).map_err(|what| input.malformed(0, what))?;
    result
}

fn number(json: &Json, name: &str) -> Result<i64, String> {
    json[name]
        .as_i64()
        .ok_or_else(|| format!("expected a whole number as {name}, not {}", json[name]))
}

impl Reading {
    fn push(&mut self, builder: &mut Builder, json: &Json) -> Result<(), String> {
        if json.get("ClientId").is_none() {
            return Err("expected an operation with a ClientId".to_owned());
        }
        let client = number(json, "ClientId")?;
        let clock = if json.get("Kind").is_some() { Clock::Places } else { Clock::Nanoseconds };
        if *self.clock.get_or_insert(clock) != clock {
            return Err("operations and events stand in one file".to_owned());
        }
        if clock == Clock::Nanoseconds {
            let (call, end) = (number(json, "Call")?, number(json, "Return")?);
            return self.operation(builder, client, &json["Input"], &json["Output"], call, end);
        }
        let id = number(json, "Id")?;
        let at = self.events;
        self.events += 1;
        match json["Kind"].as_bool() {
            Some(false) => match self.open.insert(id, (at, client, json["Value"].clone())) {
                None => Ok(()),
                Some(_) => Err(format!("operation {id} is called twice")),
            },
            Some(true) => {
                let call = self.open.remove(&id);
                let (call, client, input) =
                    call.ok_or_else(|| format!("operation {id} returns, but was not called"))?;
                self.operation(builder, client, &input, &json["Value"], call, at)
            }
            None => Err("expected false (a call) or true (a return) as Kind".to_owned()),
        }
    }

    fn operation(
        &mut self,
        builder: &mut Builder,
        client: i64,
        input: &Json,
        output: &Json,
        call: i64,
        end: i64,
    ) -> Result<(), String> {
        if end < call {
            return Err("the operation returns before it is called".to_owned());
        }
        let meaning = Meaning::of(input, output, Codes::Porcupine)?;
        self.codes |= meaning.coded;
        if end != NEVER_RETURNED && meaning.coded && !meaning.is_read && !is_empty(&meaning.output) {
            self.answered_writes += 1;
        }
        let outcome = match (end, meaning.outcome) {
            (NEVER_RETURNED, _) => Outcome::Unknown,
            (_, outcome) => outcome,
        };
        self.wholes.push(meaning.whole(builder, &client.to_string(), outcome, call, end), None);
        Ok(())
    }

    fn finish(mut self, builder: &mut Builder) -> Result<(), String> {
        let mut open: Vec<_> = std::mem::take(&mut self.open).into_iter().collect();
        open.sort_by_key(|(_, (at, ..))| *at);
        for (_, (at, client, input)) in open {
            self.operation(builder, client, &input, &Json::Null, at, NEVER_RETURNED)?;
        }
        if self.codes {
            builder.history.problems.push(Problem {
                event: 0,
                text: "Op is a number or a truth value; it is read as in Porcupine's tests: 0 or true is get, 1 or false is put, 2 is append (with Arg1: 0 read, 1 write, 2 cas)".to_owned(),
                grave: false,
                doubt: false,
            });
        }
        if self.answered_writes > 0 {
            builder.history.problems.push(Problem {
                event: 0,
                text: format!(
                    "{} operation(s) that would be writes by their Op returned a value, so Op means something else; write it as text: get, put, append, read, write, cas",
                    self.answered_writes
                ),
                grave: true,
                doubt: true,
            });
        }
        self.wholes.finish(builder, self.clock.unwrap_or(Clock::Nanoseconds));
        Ok(())
    }
}

/// What numbers and truth values mean as the name of an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Codes {
    /// True is a read.
    Porcupine,
    /// True is a write.
    Chaos,
}

/// What an operation is, as far as its input and output say.
pub(super) struct Meaning {
    pub(super) f: String,
    pub(super) key: Option<Value>,
    pub(super) argument: Value,
    pub(super) output: Value,
    pub(super) outcome: Outcome,
    /// Whether its name was a number or a truth value.
    coded: bool,
    is_read: bool,
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Nil | Value::Int(0) | Value::Bool(_) => true,
        Value::Text(text) => text.is_empty(),
        other => other.elements().is_some_and(<[Value]>::is_empty),
    }
}

/// The entry of an object under one of these names, whatever the case of its letters.
fn entry<'a>(json: &'a Json, names: &[&str]) -> Option<&'a Json> {
    let object = json.as_object()?;
    names.iter().find_map(|name| {
        let found = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    })
}

impl Meaning {
    pub(super) fn of(input: &Json, output: &Json, codes: Codes) -> Result<Meaning, String> {
        const OP: &[&str] = &["op", "f", "type", "operation", "method", "name"];
        let shape = "expected an Input with Op (or Type, F) and Key, Value";
        let op = entry(input, OP).ok_or_else(|| format!("{shape}, not {input}"))?;
        let key = entry(input, &["key", "k"]);
        let arguments = (entry(input, &["arg1", "from", "old"]), entry(input, &["arg2", "to", "new"]));
        let (get, put) = if key.is_some() { ("get", "put") } else { ("read", "write") };
        let name = match op {
            Json::String(name) => loose::operation_name(name).to_ascii_lowercase(),
            Json::Bool(truth) if *truth == (codes == Codes::Porcupine) => get.to_owned(),
            Json::Bool(_) => put.to_owned(),
            Json::Number(code) => match (code.as_i64(), arguments.0.is_some()) {
                (Some(0), true) => "read",
                (Some(1), true) => "write",
                (Some(2), true) => "cas",
                (Some(0), false) => get,
                (Some(1), false) => put,
                (Some(2), false) => "append",
                _ => return Err(format!("nobody knows what Op {code} means; write it as text")),
            }
            .to_owned(),
            other => return Err(format!("{shape}, not Op {other}")),
        };
        let is_read = matches!(name.as_str(), "get" | "read");
        let value = |json: Option<&Json>| json.map_or(Value::Nil, Value::from);
        let argument = match (name.as_str(), arguments) {
            (_, _) if is_read => Value::Nil,
            ("cas", (Some(from), Some(to))) => Value::List(vec![Value::from(from), Value::from(to)]),
            ("write" | "put", (Some(first), _)) if entry(input, &["value"]).is_none() => Value::from(first),
            _ => value(entry(input, &["value", "val", "v", "arg"])),
        };
        let flag = |names: &[&str]| entry(output, names).and_then(Json::as_bool);
        let told = match output {
            Json::Object(_) => value(entry(output, &["value", "val", "v", "result"])),
            other => Value::from(other),
        };
        let absent = flag(&["exists", "found"]) == Some(false);
        let refused = name == "cas" && (flag(&["ok", "success", "swapped"]) == Some(false) || *output == Json::Bool(false));
        let outcome = match flag(&["unknown"]) {
            Some(true) => Outcome::Unknown,
            _ if refused => Outcome::Fail,
            _ => Outcome::Ok,
        };
        Ok(Meaning {
            coded: !op.is_string(),
            f: name,
            key: key.map(|key| loose::as_key(Value::from(key))),
            argument,
            output: if absent { Value::Nil } else { told },
            outcome,
            is_read,
        })
    }

    /// What the operation is said to have returned: of a read what it saw, of others what they were
    /// called with, as events say it.
    pub(super) fn result(&self) -> &Value {
        if self.is_read || is_empty(&self.argument) {
            &self.output
        } else {
            &self.argument
        }
    }

    pub(super) fn whole(&self, builder: &mut Builder, process: &str, outcome: Outcome, call: i64, end: i64) -> Whole {
        let history = &mut builder.history;
        Whole {
            process: history.intern_process_name(process),
            f: history.intern_name(&self.f),
            key: self.key.as_ref().map_or(NEVER, |key| history.intern_key(key)),
            argument: history.intern(&self.argument),
            result: if outcome == Outcome::Ok {
                history.intern(self.result())
            } else {
                crate::history::Datum::NIL
            },
            observed: false,
            outcome,
            call,
            end,
        }
    }
}
