//! Which acknowledged writes are gone.
//!
//! The checker says that a history is impossible; for a person who lost data the question is which
//! data. A write is *lost* here when it was acknowledged, later an operation that began after the
//! acknowledgement saw a value that was certainly older, and neither the write's own value nor one
//! that had taken its place before that operation began was ever seen again: a register that goes
//! on from the newer value was read by somebody who was behind, and has lost nothing. An
//! asynchronous cluster loses such a suffix of writes at a failover.

use std::collections::HashMap;

use kensho_checker::history::{Datum, History, NEVER, Operation, Outcome};

use crate::workload::LostWrite;

/// What an operation saw in the register, and what it left there.
struct Step {
    saw: Option<Datum>,
    wrote: Option<Datum>,
}

fn step(history: &History, operation: &Operation) -> Step {
    let pair = history.pair(operation.argument);
    match (history.name(operation.f), operation.outcome) {
        ("read", Outcome::Ok) => Step {
            saw: Some(operation.result),
            wrote: None,
        },
        ("write", Outcome::Ok | Outcome::Unknown) => Step {
            saw: None,
            wrote: Some(operation.argument),
        },
        ("cas", Outcome::Ok) => Step {
            saw: pair.map(|(from, _)| from),
            wrote: pair.map(|(_, to)| to),
        },
        ("cas", Outcome::Unknown) => Step {
            saw: None,
            wrote: pair.map(|(_, to)| to),
        },
        ("cas", Outcome::Fail) if operation.observed => Step {
            saw: Some(operation.result),
            wrote: None,
        },
        _ => Step {
            saw: None,
            wrote: None,
        },
    }
}

/// The lost writes of a register history, in order of their acknowledgement.
pub(super) fn lost_writes(history: &History) -> Vec<LostWrite> {
    let mut per_key: HashMap<u32, Vec<(&Operation, Step)>> = HashMap::new();
    for operation in &history.operations {
        let step = step(history, operation);
        per_key
            .entry(operation.key)
            .or_default()
            .push((operation, step));
    }
    let mut lost: Vec<LostWrite> = per_key
        .into_iter()
        .flat_map(|(key, steps)| lost_of_key(history, key, &steps))
        .collect();
    lost.sort_by(|one, other| {
        (one.acknowledged_ns, &one.key).cmp(&(other.acknowledged_ns, &other.key))
    });
    lost
}

fn lost_of_key(history: &History, key: u32, steps: &[(&Operation, Step)]) -> Vec<LostWrite> {
    let writers: HashMap<Datum, &Operation> = steps
        .iter()
        .filter_map(|(operation, step)| Some((step.wrote?, *operation)))
        .collect();
    let mut seen_last: HashMap<Datum, u32> = HashMap::new();
    for (operation, step) in steps {
        if let Some(value) = step.saw {
            let last = seen_last.entry(value).or_default();
            *last = (*last).max(operation.complete);
        }
    }
    let mut lost = Vec::new();
    for (write, step) in steps {
        let Some(value) = step.wrote.filter(|_| write.outcome == Outcome::Ok) else {
            continue;
        };
        let older = |seen: Datum| {
            seen == Datum::NIL
                || writers.get(&seen).is_some_and(|writer| {
                    writer.complete != NEVER && writer.complete < write.invoke
                })
        };
        // Values at or after the write, and whether one of them was seen once `at` had passed.
        let goes_on = |at: u32| {
            seen_last.iter().any(|(seen, &last)| {
                let since =
                    |writer: &Operation| writer.invoke > write.complete && writer.complete < at;
                last > at && (*seen == value || writers.get(seen).is_some_and(|w| since(w)))
            })
        };
        let missed = steps.iter().find(|(other, step)| {
            other.invoke > write.complete && step.saw.is_some_and(older) && !goes_on(other.invoke)
        });
        if let Some((
            other,
            Step {
                saw: Some(seen), ..
            },
        )) = missed
        {
            lost.push(LostWrite {
                key: history.key_text(key).unwrap_or_default(),
                value: history.value(value).to_json(),
                acknowledged_ns: write.complete_time,
                node: node(history, write),
                missed_ns: other.complete_time,
                seen: history.value(*seen).to_json(),
                seen_at: node(history, other),
            });
        }
    }
    lost
}

/// See [`Workload::kept_beyond`](crate::Workload::kept_beyond).
pub(super) fn kept_beyond(
    history: &History,
    lost: &[LostWrite],
    (owner, until_ns): (&str, u64),
    in_partition: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let first = lost.iter().min_by_key(|write| write.acknowledged_ns)?;
    let operations = || {
        history
            .operations
            .iter()
            .filter(|operation| operation.outcome != Outcome::Unknown)
    };
    // Who saw a value, elsewhere and later.
    let mut seen: HashMap<(u32, Datum), &Operation> = HashMap::new();
    for operation in operations().filter(|operation| history.name(operation.node) != owner) {
        if let Some(value) = step(history, operation).saw {
            seen.insert((operation.key, value), operation);
        }
    }
    operations().find_map(|kept| {
        let wrote = step(history, kept).wrote.filter(|_| kept.outcome == Outcome::Ok)?;
        let later = kept.invoke_time > first.acknowledged_ns && kept.complete_time < until_ns;
        let key = history.key_text(kept.key)?;
        if !later || history.name(kept.node) != owner || !in_partition(&key) {
            return None;
        }
        let value = history.value(wrote).to_json();
        if lost.iter().any(|write| write.key == key && write.value == value) {
            return None;
        }
        let witness = seen.get(&(kept.key, wrote)).filter(|saw| saw.invoke > kept.complete)?;
        Some(format!(
            "{owner}'s write of {value} to {key} began after the lost write of {} to {} was acknowledged, and {} still showed it at {:.3} s: more was lost than the end of the log",
            first.value,
            first.key,
            node(history, witness).unwrap_or_else(|| "another node".to_owned()),
            witness.complete_time as f64 / 1e9,
        ))
    })
}

fn node(history: &History, operation: &Operation) -> Option<String> {
    let name = history.name(operation.node);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_checker::history::{Event, Kind, Process};
    use serde_json::{Value, json};

    /// One operation after another, by one client; a name, a value, and how it ended.
    fn history(operations: &[(&str, Value, Kind)]) -> History {
        let mut events = Vec::new();
        for (number, (f, value, kind)) in (0_u64..).zip(operations) {
            let argument = if *f == "read" {
                Value::Null
            } else {
                value.clone()
            };
            let process = Process::Client(number);
            let invoke = Event::invoke(2 * number, 20 * number, process, f)
                .with_key("r1")
                .with_value(argument);
            let complete = invoke.complete(2 * number + 1, 20 * number + 10, *kind);
            events.push(invoke);
            events.push(complete.with_value(value.clone()));
        }
        History::from_events(&events)
    }

    fn lost_values(operations: &[(&str, Value, Kind)]) -> Vec<Value> {
        lost_writes(&history(operations))
            .into_iter()
            .map(|lost| lost.value)
            .collect()
    }

    #[test]
    fn a_suffix_that_was_acknowledged_and_is_gone_is_lost() {
        let operations = [
            ("write", json!(1), Kind::Ok),
            ("write", json!(2), Kind::Ok),
            ("cas", json!([2, 3]), Kind::Ok),
            ("read", json!(1), Kind::Ok),
        ];
        assert_eq!(lost_values(&operations), [json!(2), json!(3)]);
        let lost = &lost_writes(&history(&operations))[0];
        assert_eq!((lost.key.as_str(), lost.acknowledged_ns), ("r1", 30));
        assert_eq!((lost.missed_ns, &lost.seen), (70, &json!(1)));
    }

    #[test]
    fn a_write_seen_again_later_is_not_lost() {
        let operations = [
            ("write", json!(1), Kind::Ok),
            ("write", json!(2), Kind::Ok),
            ("read", json!(1), Kind::Ok),
            ("read", json!(2), Kind::Ok),
        ];
        assert!(lost_values(&operations).is_empty());
    }

    #[test]
    fn a_write_that_is_only_missed_by_somebody_who_is_behind_is_not_lost() {
        let operations = [
            ("write", json!(1), Kind::Ok),
            ("write", json!(2), Kind::Ok),
            ("cas", json!([2, 3]), Kind::Ok),
            ("read", json!(1), Kind::Ok),
            ("cas", json!([3, 4]), Kind::Ok),
        ];
        assert!(lost_values(&operations).is_empty());
    }

    #[test]
    fn an_empty_register_has_lost_its_writes_and_unacknowledged_ones_are_nobodys_loss() {
        let operations = [
            ("write", json!(1), Kind::Ok),
            ("write", json!(2), Kind::Info),
            ("read", Value::Null, Kind::Ok),
        ];
        assert_eq!(lost_values(&operations), [json!(1)]);
    }

    #[test]
    fn an_overwritten_value_is_not_lost() {
        let operations = [
            ("write", json!(1), Kind::Ok),
            ("write", json!(2), Kind::Ok),
            ("read", json!(2), Kind::Ok),
        ];
        assert!(lost_values(&operations).is_empty());
    }
}
