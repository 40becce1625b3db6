//! Long fork: two reads that saw two writes in opposite orders, as parallel snapshot isolation
//! allows and stronger models do not.
//!
//! Each object is written at most once. Transactions are lists of `[:r object value]` or
//! `[:w object value]`; of two reads of the same objects, one must have seen all that the other saw.

use super::{Findings, each_key, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::{Datum, History, Operation, Outcome};
use crate::judge::{Known, Model, unexpected};
use crate::report::Report;
use crate::value::Value;
use std::collections::BTreeMap;

/// The model `long-fork`.
pub static MODEL: Model = Model {
    name: "long-fork",
    help: "Objects that are written once: no two reads see two writes in opposite orders",
    operations: &[Known::transactions()],
    settings: &[],
    guess: None,
    judge: |history, _| check(history),
};

/// Judges every pair of reads of the same objects, each key on its own.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

/// What a transaction read, and what it wrote.
#[derive(Default)]
struct Transaction {
    reads: BTreeMap<Value, Value>,
    writes: Vec<Value>,
}

fn parse(history: &History, operation: &Operation) -> Result<Transaction, String> {
    let shown = match operation.result {
        result if succeeded(operation) && result != Datum::NIL => result,
        _ => operation.argument,
    };
    let odd = || {
        let expected = "a list of [:r object value] and [:w object value]";
        unexpected(history, operation, shown, expected)
    };
    let value = history.value(shown);
    let mut transaction = Transaction::default();
    for part in value.elements().ok_or_else(odd)? {
        let (f, name, value) = match part.elements() {
            Some([f, name, value]) => (f, name, value),
            // Some invoke a read without a place for its value.
            Some([f, name]) if !succeeded(operation) => (f, name, &Value::Nil),
            _ => return Err(odd()),
        };
        match f.as_text() {
            Some("w" | "write") => transaction.writes.push(name.clone()),
            Some("r" | "read") => {
                transaction.reads.insert(name.clone(), value.clone());
            }
            _ => return Err(odd()),
        }
    }
    Ok(transaction)
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    let mut writers: BTreeMap<Value, u32> = BTreeMap::new();
    let mut groups: BTreeMap<Vec<Value>, Vec<(u32, Vec<Value>)>> = BTreeMap::new();
    for place in places {
        let operation = &history.operations[*place as usize];
        if operation.outcome == Outcome::Fail {
            continue;
        }
        let transaction = match parse(history, operation) {
            Ok(transaction) => transaction,
            Err(odd) => return Report::unknown("long-fork", history, odd),
        };
        for name in transaction.writes {
            if let Some(before) = writers.insert(name.clone(), *place) {
                let reason = format!(
                    "{name} was written more than once, by {} and {}; this check needs objects that are written once",
                    findings.operation(before),
                    findings.operation(*place)
                );
                return Report::unknown("long-fork", history, reason);
            }
        }
        if succeeded(operation) && !transaction.reads.is_empty() {
            let (names, values) = transaction.reads.into_iter().unzip();
            groups.entry(names).or_default().push((*place, values));
        }
    }
    let mut reads = 0;
    for (names, group) in &mut groups {
        reads += group.len();
        // If all are comparable, they are comparable in the order of how much they saw.
        group.sort_by_key(|(_, values)| values.iter().filter(|v| **v != Value::Nil).count());
        for pair in group.windows(2) {
            let ((first, less), (second, more)) = (&pair[0], &pair[1]);
            let only_first =
                (0..names.len()).find(|at| less[*at] != Value::Nil && more[*at] == Value::Nil);
            let only_second =
                (0..names.len()).find(|at| less[*at] == Value::Nil && more[*at] != Value::Nil);
            if let (Some(a), Some(b)) = (only_first, only_second) {
                let text = format!(
                    "{} saw the write of {} but not that of {}; {} saw that of {} but not that of {}: they saw two writes in opposite orders.",
                    findings.operation(*first),
                    names[a],
                    names[b],
                    findings.operation(*second),
                    names[b],
                    names[a],
                );
                findings.add(AnomalyName::LongFork, text, &[*first, *second]);
            }
        }
    }
    findings.detail("reads", reads);
    let missing = (reads == 0).then(|| "no read succeeded, so nothing was checked".to_owned());
    findings.report("long-fork", missing)
}
