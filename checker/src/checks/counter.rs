//! A counter: each read must lie between what surely was and what may have been added.
//!
//! Operations: `add` an amount (also a negative one), `read` the sum. Additions that completed
//! before the read began must count; those that began before it ended may. A history without reads
//! is valid, as Jepsen has it; the details say how many there were.

use super::{Findings, each_key, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::{History, NEVER, Outcome};
use crate::judge::{Known, Model, Shape};
use crate::report::Report;

/// The model `counter`.
pub static MODEL: Model = Model {
    name: "counter",
    help: "A counter: add, increment, read; each read within its bounds",
    operations: &[
        Known::read("read"),
        Known::change("add"),
        Known::change("increment"),
    ],
    settings: &[],
    guess: Some(|evidence| {
        let adds = evidence.has_any(&["add", "increment"]);
        let lists = evidence.returns("read", &[Shape::List, Shape::Pair, Shape::Set]);
        (adds && !lists).then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, _| check(history),
};

/// Judges every read, each key on its own.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    // What changes the bounds, by position: the lower one, and the upper one.
    let mut changes: Vec<(u32, i64, i64)> = Vec::new();
    for (_, add) in named_of(history, places, "add").chain(named_of(history, places, "increment")) {
        if add.outcome == Outcome::Fail {
            continue;
        }
        let amount = history.value(add.argument).as_int().unwrap_or(1);
        changes.push((add.invoke, amount.min(0), amount.max(0)));
        if add.complete != NEVER {
            changes.push((add.complete, amount.max(0), amount.min(0)));
        }
    }
    changes.sort_unstable();
    let mut bounds = Vec::with_capacity(changes.len() + 1);
    let (mut lower, mut upper) = (0_i64, 0_i64);
    bounds.push((0, 0));
    for (_, low, high) in &changes {
        lower = lower.saturating_add(*low);
        upper = upper.saturating_add(*high);
        bounds.push((lower, upper));
    }
    let at = |position: u32| bounds[changes.partition_point(|change| change.0 < position)];
    let mut reads = 0;
    for (place, read) in named_of(history, places, "read") {
        let Some(value) = history.value(read.result).as_int() else {
            continue;
        };
        if !succeeded(read) {
            continue;
        }
        reads += 1;
        // The bounds may widen while the read is open: with negative amounts, on both sides.
        let (begin, end) = (at(read.invoke), at(read.complete));
        let first = changes.partition_point(|change| change.0 < read.invoke);
        let last = changes.partition_point(|change| change.0 < read.complete);
        let negative = changes[first..last]
            .iter()
            .any(|change| change.1 < 0 || change.2 < 0);
        let (lower, upper) = if negative {
            let within = &bounds[first..=last];
            (
                within.iter().map(|bound| bound.0).min().unwrap_or(begin.0),
                within.iter().map(|bound| bound.1).max().unwrap_or(end.1),
            )
        } else {
            (begin.0, end.1)
        };
        if value < lower || value > upper {
            let text = format!(
                "{} is outside of {lower} to {upper}: additions that completed before it began make {lower}, and all that began before it ended make {upper}.",
                findings.operation(place)
            );
            findings.add(AnomalyName::CounterOutOfBounds, text, &[place]);
        }
    }
    findings.detail("reads", reads);
    findings.detail("lower", lower);
    findings.detail("upper", upper);
    findings.report("counter", None)
}
