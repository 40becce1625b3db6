//! What clients saw, for judging it without any knowledge of the log: the history of the run in the
//! form of real histories.

use kensho_checker::history::{Builder, Datum, Kind, NEVER, RawEvent, Symbol};
use kensho_checker::register::{self, FailedCas, Options};
use kensho_protocol::ids::PartitionId;
use kensho_protocol::request::ReadFrom;

use super::client::{End, Operation};
use crate::invariants::linearizable::Asked;
use crate::register::{KEYS, Outcome, Statement, Value};

/// The operations of a run's clients, as they saw them.
///
/// They go straight into the compact form that the checker reads: a run has many operations and few
/// different names, so each name is made once.
#[derive(Debug)]
pub struct Journal {
    builder: Builder,
    reads: Symbol,
    writes: Symbol,
    compares: Symbol,
    /// By partition and register: the place of its name, or [`NEVER`] before its first operation.
    keys: Vec<u32>,
    /// By client: its process, and what it has begun. After an unknown outcome the process retires.
    clients: Vec<(u64, Option<RawEvent>)>,
}

impl Journal {
    /// An empty one, for so many clients.
    #[must_use]
    pub fn new(clients: usize) -> Self {
        let mut builder = Builder::default();
        let mut name = |name| builder.history.intern_name(name);
        let (reads, writes, compares) = (name("read"), name("write"), name("cas"));
        Journal {
            builder,
            reads,
            writes,
            compares,
            keys: Vec::new(),
            clients: (0..clients as u64).map(|client| (client, None)).collect(),
        }
    }

    /// A client begins an operation. What a backup may answer is not written down: it need not be the
    /// newest.
    pub fn begin(&mut self, client: usize, now_ns: u64, operation: &Operation) {
        let (f, key, value) = match operation.asked {
            Asked::Read {
                from: ReadFrom::Any { .. },
                ..
            } => return,
            Asked::Read { key, .. } => (self.reads, key, Datum::NIL),
            Asked::Update { statement, .. } => match statement {
                Statement::Write { key, value } => (self.writes, key, number(value)),
                Statement::Cas { key, from, to } => {
                    let (from, to) = (told(from), told(to));
                    let pair = self.builder.history.intern_pair(from, to);
                    (self.compares, key, pair)
                }
            },
        };
        let key = self.key(operation.partition, key);
        let (process, open) = &mut self.clients[client];
        let event = RawEvent {
            index: None,
            time: now_ns,
            process: Some(self.builder.history.intern_process(*process)),
            kind: Kind::Invoke,
            f,
            key,
            value,
            answered: true,
            observed: None,
            node: Symbol::NONE,
        };
        *open = Some(event);
        self.builder.push_raw(&event);
    }

    /// It ends.
    pub fn end(&mut self, client: usize, now_ns: u64, end: End) {
        let clients = self.clients.len() as u64;
        let (process, open) = &mut self.clients[client];
        let Some(invoked) = open.take() else {
            return;
        };
        let complete = |kind| RawEvent {
            time: now_ns,
            kind,
            ..invoked
        };
        let completed = match end {
            End::Read(value) => RawEvent {
                value: told(value),
                ..complete(Kind::Ok)
            },
            End::Done(Outcome::Changed) => complete(Kind::Ok),
            End::Done(Outcome::Differs(value)) => RawEvent {
                observed: Some(told(value)),
                ..complete(Kind::Fail)
            },
            End::Done(Outcome::Nonsense) | End::Failed => complete(Kind::Fail),
            End::Unknown => {
                *process += clients;
                complete(Kind::Info)
            }
        };
        self.builder.push_raw(&completed);
    }

    fn key(&mut self, partition: PartitionId, key: u8) -> u32 {
        let place = usize::from(partition.0) * KEYS + usize::from(key);
        if place >= self.keys.len() {
            self.keys.resize(place + 1, NEVER);
        }
        let known = &mut self.keys[place];
        if *known == NEVER {
            let name = format!("{partition:?}.{key}");
            *known = self.builder.history.intern_text_key(&name);
        }
        *known
    }

    /// What a checker of real histories finds wrong with it, if anything. To be asked once, at the
    /// end: afterwards it is empty.
    #[must_use]
    pub fn wrong(&mut self) -> Option<String> {
        let options = Options {
            failed_cas: FailedCas::NoEffect,
            threads: 1,
            ..Options::default()
        };
        let history = std::mem::take(&mut self.builder).finish();
        let report = register::check(&history, &options);
        let first = report.anomalies().first()?;
        Some(format!("{:?}: {}", first.name, first.text))
    }
}

/// A register that nobody has written holds nothing.
fn told(value: Value) -> Datum {
    if value > 0 { number(value) } else { Datum::NIL }
}

fn number(value: Value) -> Datum {
    Datum::small(i64::from(value)).expect("32 bits are a small number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_protocol::ids::Lsn;

    fn operation(asked: Asked) -> Operation {
        Operation::new(1, PartitionId(0), asked, Lsn(0))
    }

    fn read(key: u8) -> Asked {
        Asked::Read {
            key,
            from: ReadFrom::Owner,
        }
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
            journal.begin(1, 30, &operation(read(1)));
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
            journal.begin(0, begin_ns, &operation(read(1)));
            journal.end(0, begin_ns + 5, End::Read(value));
        }
        assert_eq!(journal.wrong(), None);
    }
}
