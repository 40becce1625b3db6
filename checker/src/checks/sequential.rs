//! Sequential consistency, as one client's writes show it: who sees a later one sees the earlier
//! ones.
//!
//! Operations: `write` a key (the client writes its parts one after the other, each in a transaction
//! of its own), `read` a key: the result is `[key [last … first]]`, its parts in the *reverse* order
//! of writing, each nil if it was absent. Having seen a part, the reader must see all that follow in
//! its list. This is the `sequential` workload of Jepsen's tests of CockroachDB and others.

use super::{Findings, each_key, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::History;
use crate::judge::{Argument, Known, Model};
use crate::report::Report;
use crate::value::Value;

/// The model `sequential`.
pub static MODEL: Model = Model {
    name: "sequential",
    help: "Keys whose parts are written one after the other, and read in the reverse order: who sees a part sees those before it",
    operations: &[
        Known::change("write"),
        Known::read("read").with_argument(Argument::Free),
    ],
    settings: &[],
    guess: None,
    judge: |history, _| check(history),
};

/// Judges every read.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    let mut missing = None;
    let (mut reads, mut all, mut none, mut some) = (0, 0, 0, 0);
    for (place, read) in named_of(history, places, "read").filter(|(_, read)| succeeded(read)) {
        let result = history.value(read.result);
        // With the key split off, the parts are all that is left.
        let parts = match result.elements() {
            Some([_, parts @ (Value::List(_) | Value::Set(_))]) => parts.elements(),
            parts => parts.filter(|parts| parts.iter().all(|part| part.elements().is_none())),
        };
        let Some(parts) = parts else {
            missing.get_or_insert_with(|| {
                format!(
                    "event {}: a read returned {result}; [key [last … first]] was expected",
                    history.index(read.complete),
                )
            });
            continue;
        };
        reads += 1;
        let first_seen = parts.iter().position(|part| *part != Value::Nil);
        let absent = parts.iter().filter(|part| **part == Value::Nil).count();
        match (first_seen, absent) {
            (None, _) => none += 1,
            (Some(_), 0) => all += 1,
            (Some(_), _) => some += 1,
        }
        let Some(seen) = first_seen else { continue };
        if let Some(gap) = parts[seen..].iter().position(|part| *part == Value::Nil) {
            let text = format!(
                "{} saw {}, but not the part that had been written {} before it.",
                findings.operation(place),
                parts[seen + gap - 1],
                if gap == 1 { "just" } else { "some time" },
            );
            findings.add(AnomalyName::SequentialOrder, text, &[place]);
        }
    }
    findings.detail("reads", reads);
    findings.detail("reads_of_all", all);
    findings.detail("reads_of_none", none);
    findings.detail("reads_of_some", some);
    if reads == 0 {
        missing.get_or_insert_with(|| "no read succeeded, so nothing was checked".to_owned());
    }
    findings.report("sequential", missing)
}
