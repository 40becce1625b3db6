//! Builds a history event by event, and says where it breaks the rules of histories.

use super::compact::{Fault, History, NEVER, Operation, Outcome, Problem, Symbol};
use super::order::Order;
use super::values::Datum;
use super::windows::Watched;
use super::{Event, Kind, Process};
use crate::hash::FastMap;
use crate::value::Value;

/// One event as a reader of some notation sees it, before names and values are interned.
#[derive(Clone, Copy, Debug)]
pub struct RawEvent {
    /// The index that the event carries, if any.
    pub index: Option<u64>,
    /// Nanoseconds since the run began.
    pub time: u64,
    /// The process, as [`History::intern_process`] has it; none if the event does not say.
    pub process: Option<u32>,
    /// Beginning or completion.
    pub kind: Kind,
    /// The operation's name.
    pub f: Symbol,
    /// The key's place, or [`NEVER`].
    pub key: u32,
    /// Argument or result.
    pub value: Datum,
    /// Whether the event has a value at all, be it nothing.
    pub answered: bool,
    /// What a failed operation saw.
    pub observed: Option<Datum>,
    /// The node.
    pub node: Symbol,
}

/// Builds a [`History`] event by event, pairing invocations with completions.
#[derive(Debug, Default)]
pub struct Builder {
    /// The history so far; its tables are used to intern names and values.
    pub history: History,
    /// The open operation of each small process number, [`NEVER`] if none.
    pub(super) open: Vec<u32>,
    pub(super) open_large: FastMap<u32, u32>,
    /// Processes whose last outcome is unknown.
    retired: FastMap<u32, ()>,
    problem_count: usize,
    /// Whether some event of a client had a process.
    named: bool,
    next_index: u64,
    pub(super) indices: Order,
    pub(super) times: Order,
    pub(super) watched: Watched,
}

impl Builder {
    /// How many problems are kept.
    pub const PROBLEMS_MAX: usize = 100;
    const SMALL_PROCESSES: u32 = 4096;

    /// Adds an event of a client or of the nemesis.
    pub fn push(&mut self, event: &Event) {
        let number = match event.process {
            Process::Nemesis => {
                let value = Value::from(&event.value);
                self.push_fault(Some(event.index), event.time, event.kind, &event.f, value);
                return;
            }
            Process::Client(number) => number,
        };
        let history = &mut self.history;
        let process = Some(history.intern_process(number));
        let key = match &event.key {
            Some(key) => history.intern_key(&Value::Text(key.clone())),
            None => NEVER,
        };
        let value = history.intern(&Value::from(&event.value));
        let observed = event
            .observed
            .as_ref()
            .map(|observed| history.intern(&Value::from(observed)));
        let f = history.intern_name(&event.f);
        let node = event
            .node
            .as_ref()
            .map_or(Symbol::NONE, |node| history.intern_name(node));
        let raw = RawEvent {
            index: Some(event.index),
            time: event.time,
            process,
            kind: event.kind,
            f,
            key,
            value,
            answered: true,
            observed,
            node,
        };
        let operation = self.push_raw(&raw);
        if let (Some(error), Some(operation)) = (&event.error, operation) {
            self.history.errors.insert(operation, error.clone());
        }
    }

    /// Adds something that the nemesis did.
    pub fn push_fault(
        &mut self,
        index: Option<u64>,
        time: u64,
        kind: Kind,
        name: &str,
        value: Value,
    ) {
        let position = self.next_position(index, time);
        self.history.faults.push(Fault {
            position,
            time,
            kind,
            f: name.to_owned(),
            value,
        });
    }

    /// Keeps what an operation said of its failure.
    pub fn set_error(&mut self, operation: u32, error: String) {
        self.history.errors.insert(operation, error);
    }

    /// Marks an operation as final (`:final? true`).
    pub fn set_final(&mut self, operation: u32) {
        self.history.finals.insert(operation, ());
    }

    /// Adds an event of a client, and returns the place of the operation that it belongs to
    /// (none if the event had to be left out).
    pub fn push_raw(&mut self, event: &RawEvent) -> Option<u32> {
        if self.history.operations.len() < self.watched.full_at {
            return self.pair(event);
        }
        let event = self.look_at_window(*event);
        self.pair(&event)
    }

    /// Adds an event to the operation that it begins or completes.
    fn pair(&mut self, event: &RawEvent) -> Option<u32> {
        let position = self.next_position(event.index, event.time);
        let index = self.history.index(position);
        let Some(process) = self.process_of(event) else {
            let text = "the event has no process, so it is not known which operation it belongs to";
            self.problem(index, true, text.to_owned());
            return None;
        };
        let place = self.open_place(process);
        match event.kind {
            Kind::Invoke => {
                if place != NEVER {
                    let process = self.history.process_name(process);
                    let first = self
                        .history
                        .index(self.history.operations[place as usize].invoke);
                    self.problem(index, true, format!(
                        "process {process} invokes while its operation of event {first} is still open; that one is taken as of unknown outcome"
                    ));
                } else if !self.retired.is_empty() && self.retired.remove(&process).is_some() {
                    let process = self.history.process_name(process);
                    self.problem(index, false, format!(
                        "process {process} goes on after an unknown outcome; a new process number should take its place"
                    ));
                }
                let place = self.history.operations.len() as u32;
                self.history.operations.push(Operation {
                    invoke_time: event.time,
                    complete_time: event.time,
                    argument: event.value,
                    result: Datum::NIL,
                    invoke: position,
                    complete: NEVER,
                    process,
                    key: event.key,
                    f: event.f,
                    node: event.node,
                    outcome: Outcome::Unknown,
                    observed: false,
                    asked: event.answered,
                    answered: false,
                });
                self.set_open(process, place);
                Some(place)
            }
            kind => {
                let place = if place == NEVER {
                    let name = self.history.process_name(process);
                    self.problem(
                        index,
                        true,
                        format!("process {name} completes without an invocation"),
                    );
                    let place = self.history.operations.len() as u32;
                    self.history.operations.push(Operation {
                        invoke_time: 0,
                        complete_time: event.time,
                        argument: event.value,
                        result: event.value,
                        invoke: 0,
                        complete: NEVER,
                        process,
                        key: event.key,
                        f: event.f,
                        node: event.node,
                        outcome: Outcome::Unknown,
                        observed: false,
                        asked: event.answered,
                        answered: false,
                    });
                    place
                } else {
                    place
                };
                let operation = &mut self.history.operations[place as usize];
                operation.complete_time = event.time;
                if event.node != Symbol::NONE {
                    operation.node = event.node;
                }
                if operation.key == NEVER {
                    operation.key = event.key;
                }
                let other_key = event.key != NEVER && operation.key != event.key;
                let other_name = operation.f != event.f && event.f != Symbol::NONE;
                match kind {
                    Kind::Ok => {
                        operation.outcome = Outcome::Ok;
                        operation.complete = position;
                        operation.result = event.value;
                        operation.answered = event.answered;
                    }
                    Kind::Fail => {
                        operation.outcome = Outcome::Fail;
                        operation.complete = position;
                        operation.observed = event.observed.is_some();
                        // What it was about may be told only now.
                        let told_late = operation.argument == Datum::NIL;
                        let value = if told_late { event.value } else { Datum::NIL };
                        operation.result = event.observed.unwrap_or(value);
                    }
                    Kind::Info | Kind::Invoke => {
                        operation.result = event.value;
                        self.retired.insert(process, ());
                    }
                }
                if other_name {
                    let invoked = self.history.name(self.history.operations[place as usize].f);
                    let process = self.history.process_name(process);
                    let text = format!(
                        "process {process} completes {:?}, but its open operation is {invoked:?}",
                        self.history.name(event.f),
                    );
                    self.problem(index, true, text);
                }
                if other_key {
                    let process = self.history.process_name(process);
                    let text = format!(
                        "process {process} completes an operation on another key than that of its open operation"
                    );
                    self.problem(index, true, text);
                }
                self.set_open(process, NEVER);
                Some(place)
            }
        }
    }

    /// The process of an event; none if it does not say, and cannot be known otherwise.
    ///
    /// Where no event says it, operations that follow each other one by one can still be paired;
    /// each is then taken as one of a process of its own.
    fn process_of(&mut self, event: &RawEvent) -> Option<u32> {
        let nameless = self.history.nameless;
        if event.process.is_some() {
            self.named = true;
            return event.process.filter(|_| !nameless);
        }
        if self.named {
            return None;
        }
        self.history.nameless = true;
        let open = self.history.operations.len() as u32;
        let last = open.checked_sub(1).map(History::nameless_process);
        let last = last.filter(|process| self.open_place(*process) != NEVER);
        match event.kind {
            Kind::Invoke if last.is_none() => Some(History::nameless_process(open)),
            Kind::Invoke => None,
            _ => last,
        }
    }

    /// The finished history.
    pub fn finish(mut self) -> History {
        self.tell_order();
        if self.problem_count > self.history.problems.len() {
            let text = format!("{} problems in all", self.problem_count);
            let grave = false;
            self.history.problems.push(Problem {
                event: 0,
                text,
                grave,
                doubt: false,
            });
        }
        self.history.operations.shrink_to_fit();
        self.history
    }

    fn next_position(&mut self, index: Option<u64>, time: u64) -> u32 {
        let position = self.history.events;
        self.history.events += 1;
        if let Some(index) = index {
            if index > self.next_index {
                self.history.gap.get_or_insert(index);
            }
            self.next_index = index.saturating_add(1).max(self.next_index);
            self.indices.follow(position, index.saturating_add(1));
        }
        self.times.follow(position, time);
        let index = index.unwrap_or(u64::from(position));
        self.history.indices.push(position, index);
        position
    }

    fn open_place(&self, process: u32) -> u32 {
        if process < Self::SMALL_PROCESSES {
            self.open.get(process as usize).copied().unwrap_or(NEVER)
        } else {
            self.open_large.get(&process).copied().unwrap_or(NEVER)
        }
    }

    fn set_open(&mut self, process: u32, place: u32) {
        if process < Self::SMALL_PROCESSES {
            let process = process as usize;
            if self.open.len() <= process {
                self.open.resize(process + 1, NEVER);
            }
            self.open[process] = place;
        } else if place == NEVER {
            self.open_large.remove(&process);
        } else {
            self.open_large.insert(process, place);
        }
    }

    fn problem(&mut self, event: u64, grave: bool, text: String) {
        self.problem_count += 1;
        // The first grave one is kept in any case.
        let first_grave = grave && !self.history.problems.iter().any(|problem| problem.grave);
        if self.history.problems.len() < Self::PROBLEMS_MAX || first_grave {
            self.history.problems.push(Problem {
                event,
                text,
                grave,
                doubt: grave,
            });
        }
    }
}

#[cfg(test)]
mod tests;
