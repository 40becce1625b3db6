//! What a reader of a violation should know of the history: values that look alike and are not, and
//! events that are missing.

use super::event_of;
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{Datum, History, Outcome};
use crate::report::{Report, Role};
use crate::value::Value;

/// How many such mistakes are told.
const TOLD_MAX: usize = 5;

/// What was read, in the proof of a violation, in another kind of value than it was written in: one
/// sentence for each.
pub(super) fn mixed_up(history: &History, report: &Report) -> Vec<String> {
    let mut read: FastMap<Value, u64> = FastMap::default();
    for anomaly in report.anomalies() {
        for view in anomaly
            .operations
            .iter()
            .filter(|view| view.role == Role::Proof)
        {
            let event = view.complete.unwrap_or(view.invoke);
            each_part(&view.value, &mut |part| {
                read.entry(part.clone()).or_insert(event);
            });
        }
    }
    let mut like: FastMap<Value, Value> = FastMap::default();
    for part in read.keys() {
        for other in look_alikes(part) {
            like.insert(other, part.clone());
        }
    }
    if like.is_empty() {
        return Vec::new();
    }
    let mut written: FastMap<Value, (Value, u64)> = FastMap::default();
    for (place, operation) in history.operations.iter().enumerate() {
        if operation.outcome == Outcome::Fail || operation.argument == Datum::NIL {
            continue;
        }
        let event = event_of(history, place as u32);
        each_part(&history.value(operation.argument), &mut |part| {
            // Written as it was read: no mistake.
            read.remove(part);
            if let Some(was_read) = like.get(part) {
                let told = (part.clone(), event);
                written.entry(was_read.clone()).or_insert(told);
            }
        });
    }
    let mut told: Vec<(u64, String)> = written
        .into_iter()
        .filter_map(|(was_read, (part, event))| {
            let read_at = *read.get(&was_read)?;
            let text = format!(
                "{part} was written as {} (event {event}), but {was_read} was read, which is {} (event {read_at}): they are different values; if that is not meant, the client has to read what it writes",
                kind(&part),
                kind(&was_read)
            );
            Some((read_at, text))
        })
        .collect();
    told.sort();
    told.truncate(TOLD_MAX);
    told.into_iter().map(|(_, text)| text).collect()
}

/// That what was read, though nobody wrote it, may have been written in events that are missing.
pub(super) fn maybe_missing(history: &History, report: &Report) -> Option<String> {
    use AnomalyName::{GarbageRead, PhantomElement, PhantomRead};
    let gap = history.gap?;
    let from_nowhere = [PhantomRead, PhantomElement, GarbageRead];
    let mut names = report.anomalies().iter().map(|anomaly| anomaly.name);
    names.any(|name| from_nowhere.contains(&name)).then(|| {
        format!(
            "events are missing before event {gap}, by their indices: what nobody seems to have written may have been written there"
        )
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Float(_) => "a decimal number",
        value if value.is_number() => "a number",
        Value::Text(_) => "text",
        _ => "a name",
    }
}

/// The values of other kinds that look like this one.
fn look_alikes(value: &Value) -> Vec<Value> {
    let mut alike = match value {
        Value::Text(text) | Value::Name(text) => {
            let mut alike = vec![Value::Text(text.clone()), Value::Name(text.clone())];
            alike.extend(text.parse().map(Value::Int));
            alike
        }
        Value::Int(number) => vec![
            Value::Text(number.to_string()),
            Value::Float((*number as f64).to_bits()),
        ],
        Value::Float(bits) => {
            let number = f64::from_bits(*bits);
            let mut alike = vec![Value::Text(number.to_string())];
            if number.fract() == 0.0 && number.abs() < 1e15 {
                alike.push(Value::Int(number as i64));
            }
            alike
        }
        _ => Vec::new(),
    };
    alike.retain(|other| other != value);
    alike
}

/// Everything in a value that is not made of other values.
fn each_part(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::List(parts) | Value::Set(parts) => {
            for part in parts {
                each_part(part, visit);
            }
        }
        Value::Map(entries) => {
            for (key, part) in entries {
                each_part(key, visit);
                each_part(part, visit);
            }
        }
        Value::Nil | Value::Bool(_) => {}
        part => visit(part),
    }
}
