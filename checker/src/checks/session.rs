//! Session guarantees (Terry et al., 1994) for values that grow with every write, per process and
//! key: a process never reads less than it read before (*monotonic reads*) or than it wrote
//! itself (*read your writes*).

use super::{Findings, named, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::History;
use crate::judge::{Known, Model};
use crate::report::Report;

/// The model `session`.
pub static MODEL: Model = Model {
    name: "session",
    help: "Numbers that never become smaller for one process: read, write",
    operations: &[Known::question("read"), Known::change("write")],
    settings: &[],
    guess: None,
    judge: |history, _| check(history),
};

/// Judges each process's reads.
pub fn check(history: &History) -> Report {
    let mut findings = Findings::new(history);
    // Per process and key: the highest number read, and written.
    let mut read: FastMap<(u32, u32), (i64, u32)> = FastMap::default();
    let mut written: FastMap<(u32, u32), (i64, u32)> = FastMap::default();
    let (reads, writes) = (history.symbol("read"), history.symbol("write"));
    let mut count = 0;
    for (place, operation) in history.operations.iter().enumerate() {
        if !succeeded(operation) {
            continue;
        }
        let place = place as u32;
        let session = (operation.process, operation.key);
        if Some(operation.f) == writes {
            let Some(value) = history.value(operation.argument).as_int() else {
                continue;
            };
            let highest = written.entry(session).or_insert((value, place));
            if value > highest.0 {
                *highest = (value, place);
            }
        } else if Some(operation.f) == reads {
            // Nothing is less than any number.
            let value = history.value(operation.result).as_int().unwrap_or(i64::MIN);
            count += 1;
            let before = *read.entry(session).or_insert((value, place));
            if value < before.0 {
                let text = format!(
                    "{} came after {} of the same process, but saw an older value.",
                    findings.operation(place),
                    findings.operation(before.1)
                );
                findings.add(AnomalyName::MonotonicReads, text, &[before.1, place]);
            } else {
                read.insert(session, (value, place));
            }
            if let Some((own, write)) = written.get(&session).copied()
                && value < own
            {
                let text = format!(
                    "{} did not see {} of the same process, which it had been told was done.",
                    findings.operation(place),
                    findings.operation(write)
                );
                findings.add(AnomalyName::ReadYourWrites, text, &[write, place]);
            }
        }
    }
    findings.detail("reads", count);
    let missing = (count == 0 || named(history, "read").next().is_none())
        .then(|| "no read succeeded, so nothing was checked".to_owned());
    findings.report("session", missing)
}
