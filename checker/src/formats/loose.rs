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
    let mut value = Value::Nil;
    let mut observed = None;
    let mut error = Value::Nil;
    let mut node = Value::Nil;
    for (name, entry) in entries {
        match name.as_text().unwrap_or_default() {
            "index" => index = entry.as_int().and_then(|index| u64::try_from(index).ok()),
            "time" => time = nanoseconds(&entry)?,
            "process" => process = Some(entry),
            "type" => kind = Some(kind_named(&entry)?),
            "f" => f = entry,
            "key" => key = entry,
            "value" => value = entry,
            "observed" => observed = Some(entry),
            "error" => error = entry,
            "node" => node = entry,
            _ => {}
        }
    }
    let Some(kind) = kind else {
        return Err("the event has no :type".to_owned());
    };
    let f = f.as_text().unwrap_or_default().to_owned();
    let process = match process {
        None => Some(0),
        Some(process) => client(&process)?,
    };
    let Some(process) = process else {
        builder.push_fault(index, time, kind, &f, value);
        return Ok(());
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
        value: history.intern(&value),
        observed: observed.map(|observed| history.intern(&observed)),
        node: node
            .as_text()
            .map_or(Symbol::NONE, |node| history.intern_name(node)),
    };
    let operation = builder.push_raw(&raw);
    if let (Some(operation), false) = (operation, error == Value::Nil) {
        let error = error
            .as_text()
            .map_or_else(|| error.to_string(), str::to_owned);
        builder.set_error(operation, error);
    }
    Ok(())
}

/// The number of a process; none if it is no client, but the nemesis or the like.
fn client(process: &Value) -> Result<Option<u64>, String> {
    let number = match process {
        Value::Nil => Some(0),
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Text(name) | Value::Name(name)
            if !name.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            return Ok(None);
        }
        Value::Text(digits) => digits.parse().ok(),
        _ => None,
    };
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(format!(
            ":process must be a whole number from 0 on, or a name like :nemesis, not {}",
            Short(process)
        )),
    }
}

/// A key is the same whether it is written as a name or as text.
fn as_key(key: Value) -> Value {
    match key {
        Value::Name(name) => Value::Text(name),
        other => other,
    }
}

pub(super) fn kind_named(kind: &Value) -> Result<Kind, String> {
    match kind.as_text().map(|text| text.trim_start_matches(':')) {
        Some("invoke") => Ok(Kind::Invoke),
        Some("ok") => Ok(Kind::Ok),
        Some("fail") => Ok(Kind::Fail),
        Some("info") => Ok(Kind::Info),
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
