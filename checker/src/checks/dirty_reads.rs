//! Dirty reads: what a transaction wrote that failed must never be seen.
//!
//! Operations: `write` a value (a transaction that sets every row to it), `read` the rows (one value
//! or a list of them). A read of a value that only failed writes wrote is an aborted read. Reads
//! that saw rows of different transactions are counted, not judged. This is the `dirty-reads`
//! workload of Jepsen's tests of Galera and others.

use super::{Findings, each_key, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{Datum, History, Outcome};
use crate::judge::{Known, Model};
use crate::report::Report;
use crate::value::Value;

/// The model `dirty-reads`.
pub static MODEL: Model = Model {
    name: "dirty-reads",
    help: "Writes, of which some fail, and reads: what failed is never seen",
    operations: &[Known::change("write"), Known::read("read")],
    settings: &[],
    guess: None,
    judge: |history, _| check(history),
};

/// Judges every read, each key on its own.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    // The failed write of a value that no other write can have written.
    let mut failed: FastMap<Value, Option<u32>> = FastMap::default();
    // A failed write that does not say of what: its value may have been seen, and nobody can tell.
    let mut untold = None;
    for (place, write) in named_of(history, places, "write") {
        if write.outcome == Outcome::Fail && write.argument == Datum::NIL {
            untold.get_or_insert(write.invoke);
            continue;
        }
        let entry = failed.entry(history.value(write.argument));
        match write.outcome {
            Outcome::Fail => entry.or_insert(Some(place)),
            Outcome::Ok | Outcome::Unknown => entry.insert_entry(None).into_mut(),
        };
    }
    let (mut reads, mut mixed) = (0, 0);
    for (place, read) in named_of(history, places, "read").filter(|(_, read)| succeeded(read)) {
        let result = history.value(read.result);
        let rows = match result.elements() {
            Some(rows) => rows,
            None if result == Value::Nil => continue,
            None => std::slice::from_ref(&result),
        };
        reads += 1;
        mixed += usize::from(rows.windows(2).any(|pair| pair[0] != pair[1]));
        let mut told = Vec::new();
        for row in rows {
            if let Some(Some(write)) = failed.get(row)
                && !told.contains(&row)
            {
                told.push(row);
                let text = format!(
                    "{} saw {row}, which was written by a transaction that failed: {}.",
                    findings.operation(place),
                    findings.operation(*write),
                );
                findings.add(AnomalyName::G1a, text, &[*write, place]);
            }
        }
    }
    findings.detail("reads", reads);
    findings.detail("reads_of_several_writes", mixed);
    let failed_values = failed.values().flatten().count();
    findings.detail("failed_values", failed_values);
    let missing = match (reads, failed_values) {
        (0, _) => Some("no read succeeded, so nothing was checked"),
        (_, 0) => Some("no write failed, so no read could be dirty: nothing was checked"),
        _ => None,
    }
    .map(str::to_owned);
    let untold = untold.map(|event| {
        format!(
            "event {}: it is not known what this write is about, and it failed: its invocation has no value",
            history.index(event)
        )
    });
    let missing = untold.or(missing);
    findings.report("dirty-reads", missing)
}
