//! **one-value-per-lsn**: what was committed or observed at an lsn never changes.
//!
//! Source: rules R1, R6 and R12; "state machine safety" in Raft (2014, figure 3).
//!
//! As soon as a client is told of a position - an update's place, or the state that a read was
//! answered from - the log up to there is settled: all entries down to the first are known (they
//! hang together, see [log-match](super::log_match)), and whatever is told later must agree.

use kensho_protocol::apply::Apply;
use kensho_protocol::ids::{Lsn, PartitionId, Position};
use kensho_protocol::request::RequestId;

use super::Violation;
use super::log_match::EveryEntry;
use crate::register::{KEYS, Outcome, Registers, Statement, Value};

/// One settled entry.
#[derive(Clone, Debug)]
pub struct SettledEntry {
    /// Where it stands.
    pub at: Position,
    /// Who asked for it.
    pub request: Option<RequestId>,
    /// What it says; `None` for nonsense.
    pub statement: Option<Statement>,
    /// What came of it.
    pub outcome: Outcome,
}

/// The part of a partition's log that clients have been told of.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    entries: Vec<SettledEntry>,
    state: Registers,
    /// For each register the values it had, and from where on.
    versions: [Vec<(Lsn, Value)>; KEYS],
}

impl Settled {
    /// Where it ends.
    #[must_use]
    pub fn end(&self) -> Lsn {
        Lsn(self.entries.len() as u64)
    }

    /// Its last position.
    #[must_use]
    pub fn last(&self) -> Position {
        self.entries.last().map_or(Position::default(), |e| e.at)
    }

    /// The position of `lsn`, if that is settled.
    #[must_use]
    pub fn position(&self, lsn: Lsn) -> Option<Position> {
        match lsn.0.checked_sub(1) {
            None => Some(Position::default()),
            Some(_) => self.get(lsn).map(|entry| entry.at),
        }
    }

    /// The entry at `lsn`, if that is settled.
    #[must_use]
    pub fn get(&self, lsn: Lsn) -> Option<&SettledEntry> {
        let index = usize::try_from(lsn.0.checked_sub(1)?).ok()?;
        self.entries.get(index)
    }

    /// What the register `key` held after the settled entry `lsn`.
    #[must_use]
    pub fn value(&self, key: u8, lsn: Lsn) -> Value {
        let versions = self.versions.get(usize::from(key));
        let versions = versions.map_or(&[][..], Vec::as_slice);
        let current = versions.iter().rev().find(|(since, _)| *since <= lsn);
        current.map_or(0, |(_, value)| *value)
    }

    /// A client is told of `at`. Returns the entries that are settled only now.
    ///
    /// # Errors
    /// When that contradicts what clients were told before.
    pub fn settle(
        &mut self,
        at: Position,
        partition: PartitionId,
        every: &EveryEntry,
    ) -> Result<&[SettledEntry], Violation> {
        let end = self.end();
        if at.lsn <= end {
            let first = self.position(at.lsn).expect("it is settled");
            if first == at {
                return Ok(&[]);
            }
            return Err(Violation::EntryReplaced {
                partition,
                first,
                now: at,
            });
        }
        let mut chain = Vec::new();
        let mut below = at;
        while below.lsn > end {
            let known = every.get(below);
            let known = known.ok_or(Violation::EntryFromNowhere {
                partition,
                at: below,
            })?;
            chain.push(&known.entry);
            below = known.previous;
        }
        if below != self.last() {
            return Err(Violation::EntryReplaced {
                partition,
                first: self.last(),
                now: below,
            });
        }
        for entry in chain.into_iter().rev() {
            let statement = Statement::decode(&entry.statement);
            let (outcome, _) = self.state.apply(entry.at, &entry.statement);
            let outcome = Outcome::decode(&outcome).unwrap_or(Outcome::Nonsense);
            if let (Some(statement), Outcome::Changed) = (statement, outcome) {
                let versions = &mut self.versions[usize::from(statement.key())];
                versions.push((entry.at.lsn, statement.value()));
            }
            self.entries.push(SettledEntry {
                at: entry.at,
                request: entry.request.map(|request| request.id),
                statement,
                outcome,
            });
        }
        let settled_before = usize::try_from(end.0).expect("it fits in memory");
        Ok(&self.entries[settled_before..])
    }

    /// Async only: everything above `keep` is lost (see [async-suffix](super::async_suffix)).
    pub fn lose_above(&mut self, keep: Lsn) {
        self.entries
            .truncate(usize::try_from(keep.0).expect("it fits in memory"));
        self.state = Registers::default();
        for versions in &mut self.versions {
            versions.retain(|(since, _)| *since <= keep);
        }
        for entry in &self.entries {
            if let Some(statement) = entry.statement {
                self.state.execute(statement);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::log_match::{self, Seen};
    use super::*;
    use kensho_protocol::ids::{Epoch, NodeId};
    use kensho_protocol::log::{Entry, Log};

    const P: PartitionId = PartitionId(0);

    fn at(epoch: u64, lsn: u64) -> Position {
        Position {
            epoch: Epoch(epoch),
            lsn: Lsn(lsn),
        }
    }

    /// A log at each of whose places stands a write of its lsn times ten plus its epoch.
    fn remember(every: &mut EveryEntry, positions: &[Position]) {
        let mut log = Log::default();
        for at in positions {
            let value = Value::try_from(at.lsn.0 * 10 + at.epoch.0).expect("small");
            log.push(Entry {
                at: *at,
                request: None,
                statement: Statement::Write { key: 0, value }.encode(),
            });
        }
        let mut violations = Vec::new();
        let whose = (P, NodeId(1));
        log_match::check(every, &mut Seen::default(), &log, whose, &mut violations);
        assert_eq!(violations, []);
    }

    #[test]
    fn what_was_told_must_stay() {
        let mut every = EveryEntry::default();
        remember(&mut every, &[at(1, 1), at(1, 2), at(1, 3)]);
        remember(&mut every, &[at(1, 1), at(2, 2), at(2, 3)]);
        let mut settled = Settled::default();
        assert_eq!(settled.settle(at(1, 1), P, &every).map(<[_]>::len), Ok(1));
        assert_eq!(settled.settle(at(2, 3), P, &every).map(<[_]>::len), Ok(2));
        assert_eq!(settled.value(0, Lsn(1)), 11);
        assert_eq!(settled.value(0, Lsn(3)), 32);
        let replaced = Violation::EntryReplaced {
            partition: P,
            first: at(2, 2),
            now: at(1, 2),
        };
        assert_eq!(settled.settle(at(1, 2), P, &every).err(), Some(replaced));
        let nowhere = settled.settle(at(3, 9), P, &every).err();
        assert!(matches!(nowhere, Some(Violation::EntryFromNowhere { .. })));
    }

    #[test]
    fn what_is_lost_leaves_no_trace() {
        let mut every = EveryEntry::default();
        remember(&mut every, &[at(1, 1), at(1, 2), at(1, 3)]);
        remember(&mut every, &[at(1, 1), at(2, 2)]);
        let mut settled = Settled::default();
        settled.settle(at(1, 3), P, &every).expect("it is new");
        settled.lose_above(Lsn(1));
        assert_eq!((settled.last(), settled.value(0, Lsn(3))), (at(1, 1), 11));
        assert_eq!(settled.settle(at(2, 2), P, &every).map(<[_]>::len), Ok(1));
    }
}
