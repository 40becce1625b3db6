//! Reads that a copy may answer, of numbers that each update raises: a copy shows a beginning of what
//! happened, never goes back for one process, and is not older than was asked for.
//!
//! Operations: `add` raises the number, and tells what it is then; `latest` reads the newest one there is,
//! `read` one that may be old. Since each number is reached once, a number that was read says which updates
//! were seen: that many, and no others. Session guarantees as in Terry et al. (1994), bounded staleness as
//! in Bailis et al., "Probabilistically bounded staleness" (2012), but for certain.

use super::{Findings, each_key, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{Datum, History, Operation, Outcome};
use crate::judge::{Known, Model, Setting, unexpected};
use crate::register::NilRead;
use crate::report::Report;

/// The model `backup-reads`.
pub static MODEL: Model = Model {
    name: "backup-reads",
    help: "Numbers that each update raises by one: add, latest, and read, which may be old but never goes back",
    operations: &[
        Known::change("add"),
        Known::read("latest"),
        Known::read("read"),
    ],
    settings: &[Setting::NilReads],
    guess: None,
    judge: |history, settings| check(history, settings.nil_read(), None),
};

/// What is known of a number by the time an operation ends.
#[derive(Clone, Copy)]
struct Shown {
    complete: u32,
    time: u64,
    /// The highest number that anybody had been told by then, and by which operation.
    highest: (u64, u32),
}

/// Judges each number on its own. A `read` must know of what had been told to anybody `max_age` (in
/// nanoseconds) before it began; without one it may be of any age.
pub fn check(history: &History, nil_read: NilRead, max_age: Option<u64>) -> Report {
    if history.nameless {
        let reason = "no event has a process, so it is not known what is of one session";
        return Report::unknown("backup-reads", history, reason);
    }
    each_key(history, |places| {
        check_key(history, places, nil_read, max_age)
    })
}

fn check_key(history: &History, places: &[u32], nil_read: NilRead, max_age: Option<u64>) -> Report {
    let mut findings = Findings::new(history);
    let mut told: Vec<(u32, u64)> = Vec::new();
    let is = |operation: &Operation, name| Some(operation.f) == history.symbol(name);
    for place in places.iter().copied() {
        let operation = &history.operations[place as usize];
        if !succeeded(operation) {
            continue;
        }
        let adds = is(operation, "add");
        match number(history, operation.result) {
            Some(0) if !adds && operation.result == Datum::NIL && nil_read == NilRead::Unknown => {}
            Some(number) if number > 0 || !adds => told.push((place, number)),
            Some(_) | None => findings.not_read(unexpected(
                history,
                operation,
                operation.result,
                "a whole number",
            )),
        }
    }
    let shown = in_order(history, &told);
    let mut begun: Vec<u32> = named_of(history, places, "add")
        .filter(|(_, add)| add.outcome != Outcome::Fail)
        .map(|(_, add)| add.invoke)
        .collect();
    begun.sort_unstable();
    let mut reached: FastMap<u64, u32> = FastMap::default();
    let mut sessions: FastMap<u32, (u64, u32)> = FastMap::default();
    let mut reads = 0;
    for (place, number) in told {
        let operation = &history.operations[place as usize];
        let may_be = begun.partition_point(|invoke| *invoke < operation.complete) as u64;
        if number > may_be {
            let text = format!(
                "{} cannot be: only {may_be} additions had begun.",
                findings.operation(place)
            );
            findings.add(AnomalyName::PhantomRead, text, &[place]);
        }
        let (adds, latest) = (is(operation, "add"), is(operation, "latest"));
        if adds && let Some(other) = reached.insert(number, place) {
            let text = format!(
                "{} and {} made the same of it: one of them is lost.",
                findings.operation(other),
                findings.operation(place)
            );
            findings.add(AnomalyName::LostUpdate, text, &[other, place]);
        }
        let before = sessions.entry(operation.process).or_insert((number, place));
        if number < before.0 {
            let own = is(&history.operations[before.1 as usize], "add");
            let (name, what) = match own {
                true => (AnomalyName::ReadYourWrites, "did not see"),
                false => (AnomalyName::MonotonicReads, "saw less than"),
            };
            let text = format!(
                "{} {what} {} of the same process.",
                findings.operation(place),
                findings.operation(before.1)
            );
            findings.add(name, text, &[before.1, place]);
        } else {
            *before = (number, place);
        }
        let due = match (adds || latest, max_age) {
            (true, _) => last(&shown, |shown| shown.complete < operation.invoke),
            (false, Some(max_age)) => {
                last(&shown, |shown| shown.time + max_age < operation.invoke_time)
            }
            (false, None) => None,
        };
        if let Some((least, by)) = due
            && number < least
        {
            let text = match (adds || latest, max_age) {
                (false, Some(max_age)) => format!(
                    "{} does not know of {}, which had ended {} ms before it began.",
                    findings.operation(place),
                    findings.operation(by),
                    (operation.invoke_time - history.operations[by as usize].complete_time)
                        .min(u64::MAX - max_age)
                        / 1_000_000
                ),
                _ => format!(
                    "{} does not know of {}, which had ended before it began.",
                    findings.operation(place),
                    findings.operation(by)
                ),
            };
            findings.add(AnomalyName::StaleRead, text, &[by, place]);
        }
        reads += u64::from(!adds);
    }
    findings.detail("reads", reads);
    let missing = (reads == 0).then(|| "no read succeeded, so nothing was checked".to_owned());
    findings.report("backup-reads", missing)
}

/// What anybody had been told, operation by operation as they ended.
fn in_order(history: &History, told: &[(u32, u64)]) -> Vec<Shown> {
    let mut shown: Vec<Shown> = told
        .iter()
        .map(|(place, number)| {
            let operation = &history.operations[*place as usize];
            Shown {
                complete: operation.complete,
                time: operation.complete_time,
                highest: (*number, *place),
            }
        })
        .collect();
    shown.sort_by_key(|shown| shown.complete);
    let mut highest = (0, 0);
    for one in &mut shown {
        highest = std::cmp::max_by_key(highest, one.highest, |(number, _)| *number);
        one.highest = highest;
    }
    shown
}

/// The highest number that had been told by the last of those that are early enough.
fn last(shown: &[Shown], early: impl Fn(&Shown) -> bool) -> Option<(u64, u32)> {
    let count = shown.partition_point(early);
    Some(shown.get(count.checked_sub(1)?)?.highest)
}

/// Nothing has been added where there is nothing.
fn number(history: &History, datum: Datum) -> Option<u64> {
    match datum {
        Datum::NIL => Some(0),
        datum => {
            let value = history.value(datum);
            value.to_string().parse().ok()
        }
    }
}
