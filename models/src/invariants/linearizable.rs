//! **linearizable**: each client sees one register that changes at one moment between its asking and
//! its being told; reads return at least what was known when they were asked.
//!
//! Source: rules R9-R12; Herlihy and Wing, "Linearizability: a correctness condition for concurrent
//! objects" (1990).
//!
//! Here the order is known - it is the log's - so the check is exact and needs no search. What an
//! answer tells belongs to a place in the settled log: an update to its entry, a read to the state
//! after an entry. That place must not be before anything that a client had been told when the
//! operation was asked, and the answer must be what the log gives there. (At the end of a run the
//! same history is judged without any knowledge of the log, by the checker of real histories.)

use std::collections::BTreeSet;

use bytes::Bytes;
use kensho_protocol::ids::{Lsn, NodeId, PartitionId, Position, Token};
use kensho_protocol::replica::Event;
use kensho_protocol::request::{
    Digest, Execute, Numbered, Read, ReadFrom, Reply, RequestId, Source,
};
use kensho_protocol::time::Time;

use super::Violation;
use super::one_value_per_lsn::{Settled, SettledEntry};
use crate::register::{Outcome, Statement, Value, decode_value, query};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// What a register holds.
    Read {
        /// Which.
        key: u8,
        /// Who may answer.
        from: ReadFrom,
    },
    /// A change.
    Update {
        /// Its number, if it has one.
        request: Option<RequestId>,
        /// What to change.
        statement: Statement,
    },
}

impl Asked {
    /// The request that a node hands to its replica. `as_of` is what the client has seen: a read that a
    /// backup may answer must know of it.
    #[must_use]
    pub fn event(self, token: Token, as_of: Position, deadline: Time) -> Event {
        match self {
            Asked::Read { key, from } => Event::Read(Read {
                token,
                query: query(key),
                from,
                seen: match from {
                    ReadFrom::Owner => Position::default(),
                    ReadFrom::Any { .. } => as_of,
                },
                deadline,
            }),
            Asked::Update { request, statement } => {
                let statement = statement.encode();
                Event::Execute(Execute {
                    token,
                    request: request.map(|id| Numbered {
                        id,
                        digest: Digest::of(&[&statement]),
                    }),
                    as_of,
                    statement,
                    deadline,
                })
            }
        }
    }
}

/// Where a reply comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The partition.
    pub partition: PartitionId,
    /// The node that answers.
    pub node: NodeId,
}

/// The values of updates that were refused for good: they must never be seen.
#[derive(Clone, Debug, Default)]
pub struct RefusedValues {
    values: BTreeSet<Value>,
}

impl RefusedValues {
    /// A client was told that the update of `value` had no effect, and never will.
    pub fn refused(
        &mut self,
        partition: PartitionId,
        value: Value,
        settled: &Settled,
        violations: &mut Vec<Violation>,
    ) {
        let writes = |entry: &&SettledEntry| changes_to(entry) == Some(value);
        let ends = 1..=settled.end().0;
        let entry = ends.filter_map(|lsn| settled.get(Lsn(lsn))).find(writes);
        if let Some(entry) = entry {
            violations.push(Violation::RefusedAndExecuted {
                partition,
                value,
                at: entry.at,
            });
        }
        self.values.insert(value);
    }

    /// These entries are settled now.
    pub fn settled(
        &self,
        partition: PartitionId,
        entries: &[SettledEntry],
        violations: &mut Vec<Violation>,
    ) {
        if self.values.is_empty() {
            return;
        }
        for entry in entries {
            if let Some(value) = changes_to(entry).filter(|value| self.values.contains(value)) {
                violations.push(Violation::RefusedAndExecuted {
                    partition,
                    value,
                    at: entry.at,
                });
            }
        }
    }
}

fn changes_to(entry: &SettledEntry) -> Option<Value> {
    let changed = entry.outcome == Outcome::Changed;
    entry.statement.filter(|_| changed).map(Statement::value)
}

/// A client that asked for `asked` when `known` was the last entry that any client had been told of
/// gets `reply`. All that the reply names must be settled.
pub fn check(
    settled: &Settled,
    origin: Origin,
    (asked, known): (Asked, Lsn),
    reply: &Reply,
    violations: &mut Vec<Violation>,
) {
    match (asked, reply) {
        // What a backup answers is judged by backup-prefix.
        (
            Asked::Read { key, .. },
            Reply::Answer {
                at,
                answer,
                source: Source::Owner,
            },
        ) => {
            let told = decode_value(answer);
            check_read(settled, origin, known, (key, *at, told), violations);
        }
        (Asked::Update { request, statement }, Reply::Done { at, outcome }) => {
            let update = (request, statement);
            check_update(settled, origin, known, update, (*at, outcome), violations);
        }
        _ => {}
    }
}

fn check_read(
    settled: &Settled,
    Origin { partition, node }: Origin,
    known: Lsn,
    (key, at, told): (u8, Position, Option<Value>),
    violations: &mut Vec<Violation>,
) {
    if at.lsn < known {
        violations.push(Violation::StaleRead {
            partition,
            node,
            known,
            at,
        });
    }
    let expected = Some(settled.value(key, at.lsn));
    if told != expected {
        violations.push(Violation::WrongValue {
            partition,
            node,
            at,
            expected: format!("{expected:?}"),
            told: format!("{told:?}"),
        });
    }
}

fn check_update(
    settled: &Settled,
    Origin { partition, node }: Origin,
    known: Lsn,
    (request, statement): (Option<RequestId>, Statement),
    (at, outcome): (Position, &Bytes),
    violations: &mut Vec<Violation>,
) {
    let told = Outcome::decode(outcome);
    let Some(entry) = settled.get(at.lsn) else {
        return;
    };
    if entry.statement != Some(statement) || entry.request != request {
        violations.push(Violation::WrongEntry {
            partition,
            node,
            at,
            asked: request,
            found: entry.request,
        });
        return;
    }
    if at.lsn <= known {
        violations.push(Violation::UpdateBeforeItsTime {
            partition,
            node,
            known,
            at,
        });
    }
    if told != Some(entry.outcome) {
        violations.push(Violation::WrongValue {
            partition,
            node,
            at,
            expected: format!("{:?}", entry.outcome),
            told: format!("{told:?}"),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::log_match::{self, EveryEntry, Seen};
    use super::*;
    use crate::register::Registers;
    use kensho_protocol::apply::Apply;
    use kensho_protocol::ids::Epoch;
    use kensho_protocol::log::{Entry, Log};

    const ORIGIN: Origin = Origin {
        partition: PartitionId(0),
        node: NodeId(1),
    };

    fn write(value: Value) -> Statement {
        Statement::Write { key: 0, value }
    }

    fn at(lsn: u64) -> Position {
        Position {
            epoch: Epoch(1),
            lsn: Lsn(lsn),
        }
    }

    /// A settled log that writes 10 and then 20.
    fn settled() -> Settled {
        let mut log = Log::default();
        for (lsn, value) in [(1, 10), (2, 20)] {
            log.push(Entry {
                at: at(lsn),
                request: None,
                statement: write(value).encode(),
            });
        }
        let mut every = EveryEntry::default();
        let whose = (ORIGIN.partition, ORIGIN.node);
        log_match::check(
            &mut every,
            &mut Seen::default(),
            &log,
            whose,
            &mut Vec::new(),
        );
        let mut settled = Settled::default();
        settled
            .settle(at(2), ORIGIN.partition, &every)
            .expect("it is new");
        settled
    }

    fn read(known: u64, answered_at: u64, value: Value) -> Vec<Violation> {
        let mut registers = Registers::default();
        registers.execute(write(value));
        let reply = Reply::Answer {
            at: at(answered_at),
            answer: registers.read(&query(0)),
            source: Source::Owner,
        };
        let mut violations = Vec::new();
        let asked = Asked::Read {
            key: 0,
            from: ReadFrom::Owner,
        };
        let asked = (asked, Lsn(known));
        check(&settled(), ORIGIN, asked, &reply, &mut violations);
        violations
    }

    #[test]
    fn a_read_may_be_newer_than_what_was_known_and_not_older() {
        assert_eq!(read(1, 1, 10), []);
        assert_eq!(read(1, 2, 20), []);
        let stale = read(2, 1, 10);
        assert!(matches!(stale[..], [Violation::StaleRead { .. }]));
        let wrong = read(1, 2, 10);
        assert!(matches!(wrong[..], [Violation::WrongValue { .. }]));
    }

    #[test]
    fn an_update_stands_above_what_was_known() {
        let done = |known: u64, statement| {
            let reply = Reply::Done {
                at: at(2),
                outcome: Outcome::Changed.encode(),
            };
            let asked = Asked::Update {
                request: None,
                statement,
            };
            let mut violations = Vec::new();
            let asked = (asked, Lsn(known));
            check(&settled(), ORIGIN, asked, &reply, &mut violations);
            violations
        };
        assert_eq!(done(1, write(20)), []);
        let early = done(2, write(20));
        assert!(matches!(early[..], [Violation::UpdateBeforeItsTime { .. }]));
        let other = done(1, write(30));
        assert!(matches!(other[..], [Violation::WrongEntry { .. }]));
    }

    #[test]
    fn a_refused_update_must_not_be_seen() {
        let mut refused = RefusedValues::default();
        let mut violations = Vec::new();
        refused.refused(ORIGIN.partition, 30, &settled(), &mut violations);
        assert_eq!(violations, []);
        refused.refused(ORIGIN.partition, 20, &settled(), &mut violations);
        assert_eq!(violations.len(), 1);
    }
}
