//! Causal reverse: a read saw a write, but not one that had completed before that began.
//!
//! Operations: `write` a value (each value once), `read` a list of all values that are there. This
//! is Jepsen's `causal-reverse`, and what its `comments` workload asks, too. Strict serializability
//! forbids it; serializability alone does not. A write of unknown outcome is never missed.

use super::{Findings, each_key, listed, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{History, Outcome};
use crate::judge::{Known, Model};
use crate::report::Report;
use crate::value::Value;

/// The model `causal-reverse`.
pub static MODEL: Model = Model {
    name: "causal-reverse",
    help: "Writes of unique values, and reads of all of them: who sees one sees all that were acknowledged before it began",
    operations: &[Known::change("write"), Known::read("read")],
    settings: &[],
    guess: None,
    judge: |history, _| check(history),
};

/// Judges every read, each key on its own.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

struct Write {
    value: Value,
    place: u32,
    invoke: u32,
    complete: u32,
    acknowledged: bool,
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    let mut missing = None;
    let mut writes: Vec<Write> = Vec::new();
    let mut number_of: FastMap<Value, usize> = FastMap::default();
    for (place, write) in named_of(history, places, "write") {
        if write.outcome == Outcome::Fail {
            continue;
        }
        let value = history.value(write.argument);
        if number_of.insert(value.clone(), writes.len()).is_some() {
            missing = Some(format!(
                "event {}: {value} is written for the second time; this check needs values that are written once",
                history.index(write.invoke),
            ));
        }
        writes.push(Write {
            value,
            place,
            invoke: write.invoke,
            complete: write.complete,
            acknowledged: succeeded(write),
        });
    }
    if missing.is_some() {
        return findings.report("causal-reverse", missing);
    }
    // Acknowledged writes in the order of their completions.
    let mut acknowledged: Vec<usize> = (0..writes.len())
        .filter(|at| writes[*at].acknowledged)
        .collect();
    acknowledged.sort_by_key(|at| writes[*at].complete);
    let mut reads = 0;
    for (place, read) in named_of(history, places, "read").filter(|(_, read)| succeeded(read)) {
        let result = history.value(read.result);
        let Some(elements) = result.elements() else {
            missing.get_or_insert_with(|| {
                format!(
                    "event {}: a read returned {result}; a list of values was expected",
                    history.index(read.complete),
                )
            });
            continue;
        };
        reads += 1;
        let mut seen = vec![false; writes.len()];
        let mut unwritten = Vec::new();
        for element in elements {
            match number_of.get(element) {
                Some(number) => seen[*number] = true,
                None => unwritten.push(element.clone()),
            }
        }
        if !unwritten.is_empty() {
            let text = format!(
                "{} saw what nobody wrote: {}.",
                findings.operation(place),
                listed(&unwritten),
            );
            findings.add(AnomalyName::PhantomElement, text, &[place]);
        }
        // Whatever completed before the last write that was seen began must be seen as well.
        let last = (0..writes.len())
            .filter(|at| seen[*at])
            .max_by_key(|at| writes[*at].invoke);
        let Some(last) = last else { continue };
        if writes[last].invoke > read.complete {
            let text = format!(
                "{} saw {}, whose write began only later.",
                findings.operation(place),
                writes[last].value,
            );
            findings.add(
                AnomalyName::ReadFromTheFuture,
                text,
                &[place, writes[last].place],
            );
        }
        let before = acknowledged.partition_point(|at| writes[*at].complete < writes[last].invoke);
        let missed: Vec<usize> = acknowledged[..before]
            .iter()
            .copied()
            .filter(|at| !seen[*at])
            .collect();
        if let Some(first) = missed.first() {
            let values: Vec<Value> = missed.iter().map(|at| writes[*at].value.clone()).collect();
            let text = format!(
                "{} saw {}, but not what had been acknowledged before the write of that began: {}.",
                findings.operation(place),
                writes[last].value,
                listed(&values),
            );
            let proof = [writes[*first].place, writes[last].place, place];
            findings.add(AnomalyName::CausalReverse, text, &proof);
        }
    }
    findings.detail("reads", reads);
    if reads == 0 {
        missing.get_or_insert_with(|| "no read succeeded, so nothing was checked".to_owned());
    }
    findings.report("causal-reverse", missing)
}
