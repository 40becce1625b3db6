//! A value that may only grow, for everybody: a read that begins after another one ended must not
//! see less.

use super::{Findings, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::History;
use crate::judge::{Argument, Known, Model};
use crate::keys::Groups;
use crate::report::Report;

/// The model `monotonic`.
pub static MODEL: Model = Model {
    name: "monotonic",
    help: "A number that never becomes smaller, for anybody: read, write, increment, add",
    operations: &[
        Known::read("read"),
        Known::change("write"),
        Known::read("increment").with_argument(Argument::Free),
        Known::read("add").with_argument(Argument::Free),
    ],
    settings: &[],
    guess: None,
    judge: |history, _| check(history),
};

/// Judges the numbers that reads (and increments that return the new value) saw, per key.
pub fn check(history: &History) -> Report {
    let mut findings = Findings::new(history);
    let groups = Groups::of(history);
    let mut reads = 0;
    for (_, places) in groups.iter() {
        // Events in order: a completion raises what later invocations must at least see.
        let mut seen: Vec<(u32, bool, u32, i64)> = Vec::new();
        for place in places {
            let operation = &history.operations[*place as usize];
            let Some(value) = history.value(operation.result).as_int() else {
                continue;
            };
            if succeeded(operation) {
                seen.push((operation.invoke, false, *place, value));
                seen.push((operation.complete, true, *place, value));
                reads += 1;
            }
        }
        seen.sort_unstable();
        let mut highest: Option<(i64, u32)> = None;
        for (_, completed, place, value) in seen {
            match highest {
                Some((most, earlier)) if !completed && value < most => {
                    let text = format!(
                        "{} began after {} had ended, but saw less.",
                        findings.operation(place),
                        findings.operation(earlier)
                    );
                    findings.add(AnomalyName::NotMonotonic, text, &[earlier, place]);
                }
                _ if completed && highest.is_none_or(|(most, _)| value > most) => {
                    highest = Some((value, place));
                }
                _ => {}
            }
        }
    }
    findings.detail("reads", reads);
    let missing = (reads == 0).then(|| "no number was read, so nothing was checked".to_owned());
    findings.report("monotonic", missing)
}
