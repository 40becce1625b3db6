//! What clients saw, for judging it without any knowledge of the log: the history of the run in the
//! form of real histories.

use kensho_checker::history::{Event, History, Kind, Process};
use kensho_checker::register::{self, FailedCas, Options};
use kensho_protocol::ids::PartitionId;

use super::client::{End, Operation};
use crate::invariants::linearizable::Asked;
use crate::register::{Outcome, Statement, Value};

/// The operations of a run's clients, as they saw them.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    events: Vec<Event>,
    /// By client: its process, and what it has begun. After an unknown outcome the process retires.
    clients: Vec<(u64, Option<Event>)>,
}

impl Journal {
    /// An empty one, for so many clients.
    #[must_use]
    pub fn new(clients: usize) -> Self {
        Journal {
            events: Vec::new(),
            clients: (0..clients as u64).map(|client| (client, None)).collect(),
        }
    }

    /// A client begins an operation.
    pub fn begin(&mut self, client: usize, now_ns: u64, operation: &Operation) {
        let (process, open) = &mut self.clients[client];
        let (name, key) = match operation.asked {
            Asked::Read { key } => ("read", key),
            Asked::Update { statement, .. } => match statement {
                Statement::Write { key, .. } => ("write", key),
                Statement::Cas { key, .. } => ("cas", key),
            },
        };
        let index = self.events.len() as u64;
        let event = Event::invoke(index, now_ns, Process::Client(*process), name)
            .with_key(&key_name(operation.partition, key));
        let event = match operation.asked {
            Asked::Read { .. } => event,
            Asked::Update { statement, .. } => match statement {
                Statement::Write { value, .. } => event.with_value(value),
                Statement::Cas { from, to, .. } => event.with_value(vec![told(from), told(to)]),
            },
        };
        *open = Some(event.clone());
        self.events.push(event);
    }

    /// It ends.
    pub fn end(&mut self, client: usize, now_ns: u64, end: End) {
        let clients = self.clients.len() as u64;
        let (process, open) = &mut self.clients[client];
        let Some(invoked) = open.take() else {
            return;
        };
        let index = self.events.len() as u64;
        let complete = |kind| invoked.complete(index, now_ns, kind);
        self.events.push(match end {
            End::Read(value) => complete(Kind::Ok).with_value(told(value)),
            End::Done(Outcome::Changed) => complete(Kind::Ok),
            End::Done(Outcome::Differs(value)) => complete(Kind::Fail).with_observed(told(value)),
            End::Done(Outcome::Nonsense) | End::Failed => complete(Kind::Fail),
            End::Unknown => {
                *process += clients;
                complete(Kind::Info)
            }
        });
    }

    /// What a checker of real histories finds wrong with it, if anything.
    #[must_use]
    pub fn wrong(&self) -> Option<String> {
        let options = Options {
            failed_cas: FailedCas::NoEffect,
            threads: 1,
            ..Options::default()
        };
        let report = register::check(&History::from_events(&self.events), &options);
        let first = report.anomalies().first()?;
        Some(format!("{:?}: {}", first.name, first.text))
    }
}

/// A register that nobody has written holds nothing.
fn told(value: Value) -> Option<Value> {
    (value > 0).then_some(value)
}

fn key_name(partition: PartitionId, key: u8) -> String {
    format!("{partition:?}.{key}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_protocol::ids::Lsn;

    fn operation(asked: Asked) -> Operation {
        Operation::new(1, PartitionId(0), asked, Lsn(0))
    }

    fn write(value: Value) -> Operation {
        operation(Asked::Update {
            request: None,
            statement: Statement::Write { key: 1, value },
        })
    }

    #[test]
    fn a_stale_read_is_noticed() {
        for (value, valid) in [(5, true), (0, false)] {
            let mut journal = Journal::new(2);
            journal.begin(0, 10, &write(5));
            journal.end(0, 20, End::Done(Outcome::Changed));
            journal.begin(1, 30, &operation(Asked::Read { key: 1 }));
            journal.end(1, 40, End::Read(value));
            assert_eq!(journal.wrong().is_none(), valid);
        }
    }

    #[test]
    fn an_update_of_unknown_outcome_may_be_seen_at_any_later_time() {
        let mut journal = Journal::new(1);
        journal.begin(0, 10, &write(5));
        journal.end(0, 20, End::Unknown);
        for (begin_ns, value) in [(30, 0), (50, 5)] {
            journal.begin(0, begin_ns, &operation(Asked::Read { key: 1 }));
            journal.end(0, begin_ns + 5, End::Read(value));
        }
        assert_eq!(journal.wrong(), None);
    }
}
