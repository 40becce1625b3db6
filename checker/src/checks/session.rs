//! Session guarantees (Terry et al., 1994) for values that grow with every write, per process and
//! key: a process never reads less than it read before (*monotonic reads*) or than it wrote
//! itself (*read your writes*).

use super::{Findings, each_key, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{Datum, History};
use crate::judge::{Known, Model, Setting, unexpected};
use crate::number::Number;
use crate::register::NilRead;
use crate::report::Report;

/// The model `session`.
pub static MODEL: Model = Model {
    name: "session",
    help: "Numbers that never become smaller for one process: read, write",
    operations: &[Known::read("read"), Known::change("write")],
    settings: &[Setting::NilReads],
    guess: None,
    judge: |history, settings| check(history, settings.nil_read()),
};

/// Judges each process's reads, each key on its own.
pub fn check(history: &History, nil_read: NilRead) -> Report {
    if history.nameless {
        let reason = "no event has a process, so it is not known what is of one session";
        return Report::unknown("session", history, reason);
    }
    each_key(history, |places| check_key(history, places, nil_read))
}

fn check_key(history: &History, places: &[u32], nil_read: NilRead) -> Report {
    let mut findings = Findings::new(history);
    // Per process: the highest number read, and written.
    let mut read: FastMap<u32, (Number, u32)> = FastMap::default();
    let mut written: FastMap<u32, (Number, u32)> = FastMap::default();
    let writes = history.symbol("write");
    let mut count = 0;
    for place in places.iter().copied() {
        let operation = &history.operations[place as usize];
        if !succeeded(operation) {
            continue;
        }
        let session = operation.process;
        let write = Some(operation.f) == writes;
        let shown = if write {
            operation.argument
        } else {
            operation.result
        };
        let value = match shown {
            Datum::NIL if !write && nil_read == NilRead::Unknown => continue,
            // Nothing is less than any number.
            Datum::NIL if !write => Some(Number::Decimal(f64::NEG_INFINITY)),
            shown => Number::of(&history.value(shown)),
        };
        let Some(value) = value else {
            findings.not_read(unexpected(history, operation, shown, "a number"));
            continue;
        };
        if write {
            let highest = written.entry(session).or_insert((value, place));
            if highest.0.is_less(value) {
                *highest = (value, place);
            }
            continue;
        }
        count += 1;
        let before = *read.entry(session).or_insert((value, place));
        if value.is_less(before.0) {
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
            && value.is_less(own)
        {
            let text = format!(
                "{} did not see {} of the same process, which it had been told was done.",
                findings.operation(place),
                findings.operation(write)
            );
            findings.add(AnomalyName::ReadYourWrites, text, &[write, place]);
        }
    }
    findings.detail("reads", count);
    let missing = (count == 0).then(|| "no read succeeded, so nothing was checked".to_owned());
    findings.report("session", missing)
}
