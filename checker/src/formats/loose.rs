//! An event given as a map, in any notation: what each entry means.

use crate::history::{Builder, Kind, NEVER, RawEvent, Symbol};
use crate::report::Short;
use crate::value::Value;

/// Adds the event that a map describes; an error says which entry is wrong.
pub(super) fn push(builder: &mut Builder, event: Value) -> Result<(), String> {
    let Value::Map(entries) = event else {
        return Err(format!("an event must be a map, not {}", kind_of(&event)));
    };
    let mut index = None;
    let mut time = 0;
    let mut process = None;
    let mut kind = None;
    let mut f = Value::Nil;
    let mut key = Value::Nil;
    let mut value = None;
    let mut observed = None;
    let mut error = Value::Nil;
    let mut node = Value::Nil;
    let mut is_final = false;
    for (name, entry) in entries {
        match name.as_text().unwrap_or_default() {
            "index" => index = entry.as_int().and_then(|index| u64::try_from(index).ok()),
            "time" => time = nanoseconds(&entry)?,
            "process" => process = Some(entry),
            "type" => kind = Some(kind_named(&entry)?),
            "f" => f = entry,
            "key" => key = entry,
            "value" => value = Some(entry),
            "observed" => observed = Some(entry),
            "error" => error = entry,
            "node" => node = entry,
            "final?" | "final" => is_final = entry == Value::Bool(true),
            _ => {}
        }
    }
    let Some(kind) = kind else {
        return Err("the event has no :type".to_owned());
    };
    let f = operation_name(f.as_text().unwrap_or_default());
    let process = match process.map(|process| process_name(&process)).transpose()? {
        Some(Some(name)) if name.eq_ignore_ascii_case("nemesis") => {
            let value = value.unwrap_or(Value::Nil);
            builder.push_fault(index, time, kind, &f, value);
            return Ok(());
        }
        Some(Some(name)) => Some(builder.history.intern_process_name(&name)),
        Some(None) | None => None,
    };
    let history = &mut builder.history;
    let raw = RawEvent {
        index,
        time,
        process,
        kind,
        f: if f.is_empty() {
            Symbol::NONE
        } else {
            history.intern_name(&f)
        },
        key: if key == Value::Nil {
            NEVER
        } else {
            history.intern_key(&as_key(key))
        },
        answered: value.is_some(),
        value: history.intern(&value.unwrap_or(Value::Nil)),
        observed: observed.map(|observed| history.intern(&observed)),
        node: node
            .as_text()
            .map_or(Symbol::NONE, |node| history.intern_name(node)),
    };
    let operation = builder.push_raw(&raw);
    if let (Some(operation), true) = (operation, is_final) {
        builder.set_final(operation);
    }
    if let (Some(operation), false) = (operation, error == Value::Nil) {
        let error = error
            .as_text()
            .map_or_else(|| error.to_string(), str::to_owned);
        builder.set_error(operation, error);
    }
    Ok(())
}

/// The name of an operation: whoever shouts it means the same.
pub(super) fn operation_name(name: &str) -> String {
    if name.bytes().any(|letter| letter.is_ascii_lowercase()) {
        name.to_owned()
    } else {
        name.to_ascii_lowercase()
    }
}

/// The name of a process: numbers of any size, text and names are as good as each other. None if
/// there is none.
fn process_name(process: &Value) -> Result<Option<String>, String> {
    match process {
        Value::Nil => Ok(None),
        Value::Int(number) => Ok(Some(number.to_string())),
        Value::Float(bits) => Ok(Some(f64::from_bits(*bits).to_string())),
        Value::Text(name) | Value::Name(name) => Ok(Some(name.clone())),
        _ => Err(format!(
            ":process must be a number or a name, not {}",
            Short(process)
        )),
    }
}

/// A key is the same whether it is written as a name or as text.
pub(super) fn as_key(key: Value) -> Value {
    match key {
        Value::Name(name) => Value::Text(name),
        other => other,
    }
}

fn kind_named(kind: &Value) -> Result<Kind, String> {
    let name = kind.as_text().unwrap_or_default();
    match name.trim_start_matches(':').to_ascii_lowercase().as_str() {
        "invoke" => Ok(Kind::Invoke),
        "ok" => Ok(Kind::Ok),
        "fail" => Ok(Kind::Fail),
        "info" => Ok(Kind::Info),
        _ => Err(format!(
            ":type must be :invoke, :ok, :fail or :info, not {}",
            Short(kind)
        )),
    }
}

fn nanoseconds(time: &Value) -> Result<u64, String> {
    match time {
        Value::Nil => Ok(0),
        Value::Int(ns) => Ok(u64::try_from(*ns).unwrap_or(0)),
        Value::Float(bits) if f64::from_bits(*bits) >= 0.0 => Ok(f64::from_bits(*bits) as u64),
        Value::Float(_) => Ok(0),
        other => Err(format!(
            ":time must be a number of nanoseconds, not {}",
            Short(other)
        )),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Bool(_) => "a truth value",
        Value::Int(_) | Value::Float(_) => "a number",
        Value::Text(_) => "text",
        Value::Name(_) => "a name",
        Value::List(_) => "a list",
        Value::Set(_) => "a set",
        Value::Map(_) => "a map",
    }
}
