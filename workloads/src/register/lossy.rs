//! Registers of an asynchronous cluster, of which the order of updates is not known.
//!
//! At a failover of its partition a register may go back to anything that it was before; whatever was
//! newer is gone, and does not come back. Between failovers it is linearizable.

use std::collections::BTreeMap;

use kensho_checker::history::{Datum, Event, History, Kind, NEVER, Operation, Outcome, Process};
use kensho_checker::linearizable::{self, Limits, Object};
use kensho_checker::register::{self, Options};
use kensho_checker::report::{Report, Verdict};
use kensho_checker::search::Model;
use serde_json::Value;

use crate::workload::Failover;

/// What a failover is called in the history that is judged.
const FAILOVER: &str = "failover";
/// Processes of failovers: far beyond those of clients.
const PROCESSES: u64 = 1 << 40;

/// Judges a history, given the failovers of each register's partition.
pub(super) fn check(history: &History, failovers: &dyn Fn(&str) -> Vec<Failover>) -> Report {
    let options = Options::default();
    let plain = register::check(history, &options);
    if !matches!(plain.verdict, Verdict::Invalid(_)) {
        return plain;
    }
    let mut by_key: BTreeMap<u32, Vec<&Operation>> = BTreeMap::new();
    for operation in &history.operations {
        by_key.entry(operation.key).or_default().push(operation);
    }
    // Only what is wrong otherwise needs an excuse, and a search.
    let mut lines = Lines::default();
    for (number, operations) in by_key.values().enumerate() {
        let mut alone = Lines::default();
        alone.add(history, operations, &[]);
        if matches!(
            register::check(&alone.history(), &options).verdict,
            Verdict::Invalid(_)
        ) {
            let key = history.key_text(operations[0].key).unwrap_or_default();
            lines.process = PROCESSES + ((number as u64) << 20);
            lines.add(history, operations, &failovers(&key));
        }
    }
    let mut report = linearizable::check(&lines.history(), &Lossy, &Limits::default());
    report.keys = plain.keys;
    report.operations = plain.operations;
    report
}

/// Events, each at its place.
#[derive(Default)]
struct Lines {
    events: Vec<(Place, Event)>,
    /// The process of the last failover.
    process: u64,
}

/// The position of an event of the history; what stands before it, there, or behind it.
type Place = (u32, u8);

impl Lines {
    /// Adds the operations on a register, and the failovers of its partition.
    fn add(&mut self, history: &History, operations: &[&Operation], failovers: &[Failover]) {
        let mut times: Vec<(u32, u64)> = Vec::new();
        for operation in operations {
            times.push((operation.invoke, operation.invoke_time));
            if operation.complete != NEVER {
                times.push((operation.complete, operation.complete_time));
            }
            self.operation(history, operation);
        }
        times.sort_unstable();
        let key = history.key_text(operations[0].key).unwrap_or_default();
        for failover in failovers {
            let first = times.iter().find(|(_, time)| *time >= failover.after_ns);
            let last = times.iter().rfind(|(_, time)| *time <= failover.until_ns);
            let (Some((first, _)), Some((last, _))) = (first, last) else {
                continue;
            };
            // Between two events of the register there is no event to stand before.
            let begin = if first > last {
                (*last, 2)
            } else {
                (*first, 0)
            };
            self.process += 1;
            let invoke = Event::invoke(0, 0, Process::Client(self.process), FAILOVER);
            let invoke = invoke.with_key(&key);
            self.events
                .push(((*last, 3), invoke.complete(0, 0, Kind::Ok)));
            self.events.push((begin, invoke));
        }
    }

    fn operation(&mut self, history: &History, operation: &Operation) {
        // What failed and says what it saw is a read.
        let saw = operation.outcome == Outcome::Fail && operation.observed;
        if operation.outcome == Outcome::Fail && !saw {
            return;
        }
        let (f, argument) = match saw {
            true => ("read", Value::Null),
            false => (
                history.name(operation.f),
                history.value(operation.argument).to_json(),
            ),
        };
        let process = history.process_name(operation.process).parse();
        let process = Process::Client(process.unwrap_or_default());
        let mut invoke = Event::invoke(0, operation.invoke_time, process, f)
            .with_key(&history.key_text(operation.key).unwrap_or_default())
            .with_value(argument);
        invoke.node = Some(history.name(operation.node).to_owned()).filter(|node| !node.is_empty());
        if operation.complete != NEVER {
            let complete = invoke.complete(0, operation.complete_time, Kind::Ok);
            let complete = complete.with_value(history.value(operation.result).to_json());
            self.events.push(((operation.complete, 1), complete));
        }
        self.events.push(((operation.invoke, 1), invoke));
    }

    fn history(mut self) -> History {
        self.events.sort_by_key(|(place, _)| *place);
        let events = (0..).zip(self.events);
        let events = events.map(|(index, (_, event))| Event { index, ..event });
        History::from_events(&events.collect::<Vec<_>>())
    }
}

/// A register that may go back at failovers.
struct Lossy;

/// What was there, the newest last; and whether any of the newer ones may be gone.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    values: Vec<Datum>,
    went_back: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Step {
    Read(Datum),
    Write(Datum),
    Cas(Datum, Datum),
    Failover,
}

impl Model for Lossy {
    type State = State;
    type Step = Step;

    fn initial(&self) -> State {
        State {
            values: vec![Datum::NIL],
            went_back: false,
        }
    }

    fn apply(&self, state: &State, step: &Step) -> Option<State> {
        let mut next = state.clone();
        self.advance(&mut next, step).then_some(next)
    }

    fn advance(&self, state: &mut State, step: &Step) -> bool {
        match step {
            Step::Failover => state.went_back = true,
            Step::Read(seen) => return state.shows(*seen),
            Step::Write(value) => state.push(*value),
            Step::Cas(from, to) => {
                if !state.shows(*from) {
                    return false;
                }
                state.push(*to);
            }
        }
        true
    }

    fn heap_bytes(&self, state: &State) -> usize {
        state.values.capacity() * std::mem::size_of::<Datum>()
    }
}

impl State {
    /// Whether this is what stands there, now that somebody has seen it.
    fn shows(&mut self, value: Datum) -> bool {
        let there = match self.went_back {
            true => self.values.iter().rposition(|one| *one == value),
            false => (self.values.last() == Some(&value)).then(|| self.values.len() - 1),
        };
        let Some(there) = there else {
            return false;
        };
        self.values.truncate(there + 1);
        self.went_back = false;
        true
    }

    fn push(&mut self, value: Datum) {
        self.values.push(value);
        self.went_back = false;
    }
}

impl Object for Lossy {
    type Model = Lossy;

    fn name(&self) -> &'static str {
        "register with failovers"
    }

    fn model(&self, _: &History, _: &[u32]) -> Lossy {
        Lossy
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<Step>, String> {
        Ok(Some(match history.name(operation.f) {
            FAILOVER => Step::Failover,
            "read" => Step::Read(operation.result),
            "write" => Step::Write(operation.argument),
            "cas" => match history.pair(operation.argument) {
                Some((from, to)) => Step::Cas(from, to),
                None => return Err("a compare-and-set without [from to]".to_owned()),
            },
            other => return Err(format!("{other} is no operation on a register")),
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One operation after another, each ten nanoseconds long, by one client: a name and a value.
    fn judged(operations: &[(&str, Value)], failovers: &[(u64, u64)]) -> Report {
        let mut events = Vec::new();
        for (number, (f, value)) in (0_u64..).zip(operations) {
            let asked = if *f == "read" {
                Value::Null
            } else {
                value.clone()
            };
            let invoke = Event::invoke(2 * number, 20 * number, Process::Client(0), f)
                .with_key("r1")
                .with_value(asked);
            let complete = invoke.complete(2 * number + 1, 20 * number + 10, Kind::Ok);
            events.extend([invoke, complete.with_value(value.clone())]);
        }
        let failover = |(after_ns, until_ns): &(u64, u64)| Failover {
            after_ns: *after_ns,
            until_ns: *until_ns,
        };
        let failovers: Vec<Failover> = failovers.iter().map(failover).collect();
        check(&History::from_events(&events), &|_| failovers.clone())
    }

    #[test]
    fn a_register_goes_back_at_a_failover_and_at_no_other_time() {
        let run = [
            ("write", json!(1)),
            ("write", json!(2)),
            ("cas", json!([2, 3])),
            ("read", json!(1)),
            ("cas", json!([1, 4])),
            ("read", json!(4)),
        ];
        let report = judged(&run, &[(52, 58)]);
        assert!(report.is_valid() && report.operations == 6, "{report:?}");
        for wrong in [&[][..], &[(12, 18)], &[(72, 78)]] {
            assert!(judged(&run, wrong).is_invalid(), "{wrong:?}");
        }
        // It may also lose nothing.
        assert!(judged(&run[..2], &[(12, 18), (32, 38)]).is_valid());
    }

    #[test]
    fn what_went_does_not_come_back_and_what_never_was_is_not_there() {
        let back = [
            ("write", json!(1)),
            ("write", json!(2)),
            ("read", json!(1)),
            ("read", json!(2)),
        ];
        assert!(judged(&back, &[(32, 38)]).is_invalid());
        assert!(judged(&back, &[(32, 38), (52, 58)]).is_invalid());
        let phantom = [("write", json!(1)), ("read", json!(7))];
        assert!(judged(&phantom, &[(12, 18)]).is_invalid());
    }
}
