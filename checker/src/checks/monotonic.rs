//! A value that may only grow, for everybody: a read that begins after another one ended must not
//! see less.

use super::{Findings, each_key, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::{Datum, History, Operation};
use crate::judge::{Argument, Known, Model, NilAnswer, Observation, unexpected};
use crate::number::Number;
use crate::report::Report;

/// The model `monotonic`.
pub static MODEL: Model = Model {
    name: "monotonic",
    help: "A number that never becomes smaller, for anybody: read, increment, write",
    operations: &[
        Known::asks("read", NilAnswer::Never),
        Known::change("increment")
            .with_argument(Argument::Free)
            .with_observes(returns_the_new_value),
        Known::change("inc")
            .with_argument(Argument::Free)
            .with_observes(returns_the_new_value),
        Known::change("add")
            .with_argument(Argument::Free)
            .with_observes(returns_the_new_value),
        Known::change("write"),
    ],
    settings: &[],
    guess: None,
    judge: |history, _| check(history),
};

fn returns_the_new_value(seen: &Observation<'_>) -> bool {
    is_reading(seen.history, seen.operation)
}

/// Whether an operation saw a value: a read, or a change that returned something else than it had
/// been asked to add.
fn is_reading(history: &History, operation: &Operation) -> bool {
    let answered = succeeded(operation) && operation.result != Datum::NIL;
    match history.name(operation.f) {
        "read" => answered,
        "write" => false,
        _ => answered && operation.argument == Datum::NIL,
    }
}

/// Judges the numbers that reads (and increments that return the new value) saw, per key.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    let mut reads = 0;
    // Events in order: a completion raises what later invocations must at least see.
    let mut seen: Vec<(u32, bool, u32, Number)> = Vec::new();
    for place in places {
        let operation = &history.operations[*place as usize];
        if !is_reading(history, operation) {
            continue;
        }
        let Some(value) = Number::of(&history.value(operation.result)) else {
            findings.not_read(unexpected(history, operation, operation.result, "a number"));
            continue;
        };
        seen.push((operation.invoke, false, *place, value));
        seen.push((operation.complete, true, *place, value));
        reads += 1;
    }
    seen.sort_unstable_by_key(|(at, completed, place, _)| (*at, *completed, *place));
    let mut highest: Option<(Number, u32)> = None;
    for (_, completed, place, value) in seen {
        match highest {
            Some((most, earlier)) if !completed && value.is_less(most) => {
                let text = format!(
                    "{} began after {} had ended, but saw less.",
                    findings.operation(place),
                    findings.operation(earlier)
                );
                findings.add(AnomalyName::NotMonotonic, text, &[earlier, place]);
            }
            _ if completed && highest.is_none_or(|(most, _)| most.is_less(value)) => {
                highest = Some((value, place));
            }
            _ => {}
        }
    }
    findings.detail("reads", reads);
    let missing = (reads == 0).then(|| "no number was read, so nothing was checked".to_owned());
    findings.report("monotonic", missing)
}
