//! Long fork: two reads that saw two writes in opposite orders, as parallel snapshot isolation
//! allows and stronger models do not.
//!
//! Each object is written at most once. Transactions are lists of `[:r object value]` or
//! `[:w object value]`; of two reads of the same objects, one must have seen all that the other saw.

use super::{Findings, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::{History, Outcome};
use crate::judge::{Known, Model};
use crate::report::Report;
use crate::value::Value;
use std::collections::BTreeMap;

/// The model `long-fork`.
pub static MODEL: Model = Model {
    name: "long-fork",
    help: "Reads of objects that are written once: no two see two writes in opposite orders",
    operations: &[Known::transactions()],
    settings: &[],
    guess: None,
    judge: |history, _| check(history),
};

/// Judges every pair of reads of the same objects.
pub fn check(history: &History) -> Report {
    let mut findings = Findings::new(history);
    let mut written: BTreeMap<Value, Value> = BTreeMap::new();
    let mut groups: BTreeMap<Vec<Value>, Vec<(u32, Vec<Value>)>> = BTreeMap::new();
    let mut missing = None;
    for (place, operation) in history.operations.iter().enumerate() {
        let shown = if succeeded(operation) {
            operation.result
        } else {
            operation.argument
        };
        let value = history.value(shown);
        let mut reads: BTreeMap<Value, Value> = BTreeMap::new();
        for part in value.elements().unwrap_or_default() {
            let Some([f, name, value]) = part.elements() else {
                continue;
            };
            match f.as_text() {
                Some("w" | "write") if operation.outcome != Outcome::Fail => {
                    let before = written.insert(name.clone(), value.clone());
                    if before.is_some() {
                        missing = Some(format!(
                            "{name} was written more than once; this check needs objects that are written once"
                        ));
                    }
                }
                Some("r" | "read") => {
                    reads.insert(name.clone(), value.clone());
                }
                _ => {}
            }
        }
        if succeeded(operation) && !reads.is_empty() {
            let (names, values) = reads.into_iter().unzip();
            groups
                .entry(names)
                .or_default()
                .push((place as u32, values));
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
    if reads == 0 {
        missing = Some("no read succeeded, so nothing was checked".to_owned());
    }
    findings.report("long-fork", missing)
}
