//! `history.log` of TiPocket and of its predecessor chaos: a JSON object a line, with an `action`.
//!
//! `call` and `return` belong to an operation of the process `proc`; `dump` is the state before the
//! clients began; `inject` and `recover` are faults. A return that says `Unknown`, or a result of
//! type `unknown`, is no answer: the operation stays open.

use super::beginning::Beginning;
use super::input::Input;
use super::porcupine::{Codes, Meaning};
use super::{Definition, ReadError, json_values};
use crate::hash::FastMap;
use crate::history::{Builder, Kind, NEVER, Outcome, Problem, RawEvent, Symbol};
use crate::value::Value;
use serde_json::Value as Json;

pub(super) const FORMAT: Definition = Definition {
    name: "tipocket",
    what: "history.log of TiPocket and chaos: lines with action, proc and data",
    recognise,
    read,
    folder: None,
};

fn recognise(beginning: &Beginning<'_>) -> bool {
    beginning.has_key("action") && (beginning.has_key("proc") || beginning.has_key("data"))
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    // What each process has called.
    let mut calls: FastMap<i64, Json> = FastMap::default();
    while let Some((length, consumed)) = input.line()? {
        let line = &input.bytes()[..length];
        if !line.trim_ascii().is_empty() {
            let json: Json = serde_json::from_slice(line)
                .map_err(|problem| json_values::malformed(input, &problem))?;
            push(builder, &mut calls, &json).map_err(|what| input.malformed(0, what))?;
        }
        input.consume(consumed);
    }
    Ok(())
}

fn push(builder: &mut Builder, calls: &mut FastMap<i64, Json>, json: &Json) -> Result<(), String> {
    let process = json["proc"].as_i64().unwrap_or(-1);
    let data = &json["data"];
    match json["action"].as_str() {
        Some("call") => {
            let event = Parts::of_call(data)?;
            calls.insert(process, data.clone());
            event.push(builder, process, Kind::Invoke);
        }
        Some("return") => {
            let call = calls
                .remove(&process)
                .ok_or_else(|| format!("process {process} returns, but has called nothing"))?;
            let (event, kind) = Parts::of_return(&call, data)?;
            event.push(builder, process, kind);
        }
        Some("dump") => dump(builder, data),
        Some(fault @ ("inject" | "recover")) => {
            builder.push_fault(None, 0, Kind::Info, fault, Value::from(data));
        }
        _ => {
            return Err(format!(
                "expected call, return, dump, inject or recover as action, not {}",
                json["action"]
            ));
        }
    }
    Ok(())
}

/// The state before the run: of a register, as if somebody had written it before.
fn dump(builder: &mut Builder, data: &Json) {
    let value = match data {
        Json::Object(_) => &data["Value"],
        other => other,
    };
    if value.is_number() && builder.history.events == 0 {
        let write = Parts {
            f: "write".to_owned(),
            key: None,
            value: Value::from(value),
        };
        write.push(builder, i64::MAX, Kind::Invoke);
        write.push(builder, i64::MAX, Kind::Ok);
    } else if !data.is_null() {
        builder.history.problems.push(Problem {
            event: u64::from(builder.history.events),
            text: format!(
                "the file tells the state before the run, {}; if the model begins with another one, say --init",
                crate::report::Short(&Value::from(data))
            ),
            grave: false,
            doubt: false,
        });
    }
}

/// The parts of an event.
struct Parts {
    f: String,
    key: Option<Value>,
    value: Value,
}

impl Parts {
    fn of_call(data: &Json) -> Result<Parts, String> {
        if data["value"].is_array() {
            return Ok(Parts {
                f: "txn".to_owned(),
                key: None,
                value: steps(&data["value"])?,
            });
        }
        let meaning = Meaning::of(data, &Json::Null, Codes::Chaos)?;
        Ok(Parts {
            f: meaning.f,
            key: meaning.key,
            value: meaning.argument,
        })
    }

    fn of_return(call: &Json, data: &Json) -> Result<(Parts, Kind), String> {
        let result = if data["Result"].is_object() { &data["Result"] } else { data };
        if call["value"].is_array() {
            let kind = match result["type"].as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("ok") => Kind::Ok,
                Some("fail") => Kind::Fail,
                Some("unknown" | "info") => Kind::Info,
                _ => return Err(format!("expected ok, fail or unknown as type, not {}", result["type"])),
            };
            let shown = if result["value"].is_array() { &result["value"] } else { &call["value"] };
            let value = steps(shown)?;
            let f = "txn".to_owned();
            return Ok((Parts { f, key: None, value }, kind));
        }
        let meaning = Meaning::of(call, result, Codes::Chaos)?;
        let kind = match meaning.outcome {
            Outcome::Ok => Kind::Ok,
            Outcome::Fail => Kind::Fail,
            Outcome::Unknown => Kind::Info,
        };
        let value = match kind {
            Kind::Ok => meaning.result().clone(),
            _ => meaning.argument,
        };
        Ok((
            Parts {
                f: meaning.f,
                key: meaning.key,
                value,
            },
            kind,
        ))
    }

    fn push(&self, builder: &mut Builder, process: i64, kind: Kind) {
        let history = &mut builder.history;
        let event = RawEvent {
            index: None,
            time: 0,
            process: Some(history.intern_process_name(&process.to_string())),
            kind,
            f: match self.f.as_str() {
                "" => Symbol::NONE,
                f => history.intern_name(f),
            },
            key: self.key.as_ref().map_or(NEVER, |key| history.intern_key(key)),
            value: history.intern(&self.value),
            answered: kind != Kind::Invoke,
            observed: None,
            node: Symbol::NONE,
        };
        builder.push_raw(&event);
    }
}

/// `{"type":"append","m":{"key":"3","value":1}}` and the like as `[:append "3" 1]`.
fn steps(list: &Json) -> Result<Value, String> {
    let steps = list.as_array().map_or(&[][..], Vec::as_slice);
    let step = |step: &Json| {
        let inner = if step["m"].is_object() { &step["m"] } else { step };
        let name = match step["type"].as_str() {
            Some("append") => "append",
            Some("read" | "r") => "r",
            Some("write" | "w") => "w",
            _ => return Err(format!("expected append, read or write as a step, not {step}")),
        };
        Ok(Value::List(vec![
            Value::Name(name.to_owned()),
            Value::from(&inner["key"]),
            Value::from(&inner["value"]),
        ]))
    };
    steps.iter().map(step).collect::<Result<_, _>>().map(Value::List)
}
