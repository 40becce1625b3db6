//! **log-match**: the same (epoch, lsn) means the same prefix.
//!
//! Source: rules R4, R7 and R8; Raft calls it the Log Matching Property (Ongaro and Ousterhout, "In
//! search of an understandable consensus algorithm", 2014, figure 3).
//!
//! Every entry that any replica ever held is remembered with the position before it. An entry seen
//! later under the same position must be the same one, after the same one.

use std::collections::{BTreeMap, VecDeque};

use kensho_protocol::ids::{Epoch, Lsn, NodeId, PartitionId, Position};
use kensho_protocol::log::{Entry, Log};

use super::Violation;

/// An entry and what came before it.
#[derive(Clone, Debug)]
pub struct Known {
    /// The entry.
    pub entry: Entry,
    /// The position before it, in every log that holds it.
    pub previous: Position,
}

/// The entries of one epoch, without a gap.
#[derive(Clone, Debug)]
struct Made {
    first: Lsn,
    entries: Vec<Known>,
}

/// Every entry that any replica of a partition ever held.
#[derive(Clone, Debug, Default)]
pub struct EveryEntry {
    epochs: BTreeMap<Epoch, Made>,
}

impl EveryEntry {
    /// The entry at `at`, if any replica ever held it.
    #[must_use]
    pub fn get(&self, at: Position) -> Option<&Known> {
        let made = self.epochs.get(&at.epoch)?;
        let index = usize::try_from(at.lsn.0.checked_sub(made.first.0)?).ok()?;
        made.entries.get(index)
    }

    /// Takes note of an entry; false if it contradicts what is known.
    fn meet(&mut self, entry: &Entry, previous: Position) -> bool {
        let made = self.epochs.entry(entry.at.epoch).or_insert_with(|| Made {
            first: entry.at.lsn,
            entries: Vec::new(),
        });
        let Some(index) = entry.at.lsn.0.checked_sub(made.first.0) else {
            return false;
        };
        match made
            .entries
            .get(usize::try_from(index).unwrap_or(usize::MAX))
        {
            Some(known) => known.entry == *entry && known.previous == previous,
            None if index == made.entries.len() as u64 => {
                made.entries.push(Known {
                    entry: entry.clone(),
                    previous,
                });
                true
            }
            None => false,
        }
    }
}

/// What was seen of one replica's log the last time.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    base: Position,
    above: VecDeque<Position>,
}

impl Seen {
    fn last(&self) -> Position {
        self.above.back().copied().unwrap_or(self.base)
    }

    fn position(&self, lsn: Lsn) -> Option<Position> {
        match lsn.0.checked_sub(self.base.lsn.0)? {
            0 => Some(self.base),
            above => self.above.get(usize::try_from(above - 1).ok()?).copied(),
        }
    }

    /// The replica is gone, or begins anew.
    pub fn forget(&mut self) {
        *self = Seen::default();
    }

    /// Makes this what `log` is now, and returns above which lsn it has changed.
    fn follow(&mut self, log: &Log) -> Lsn {
        let base = log.base();
        if base.lsn > self.last().lsn || base.lsn < self.base.lsn {
            self.base = base;
            self.above.clear();
            return base.lsn;
        }
        while self.base.lsn < base.lsn {
            self.base = self
                .above
                .pop_front()
                .expect("the base is not above the end");
        }
        self.base = base;
        let mut same = self.last().lsn.min(log.end());
        while same > base.lsn && self.position(same) != log.position(same) {
            same = Lsn(same.0 - 1);
        }
        let keep = usize::try_from(same.0 - base.lsn.0).expect("a log fits in memory");
        self.above.truncate(keep);
        self.above.extend(log.above(same).map(|entry| entry.at));
        same
    }
}

/// The log of `node` may have changed.
pub fn check(
    every: &mut EveryEntry,
    seen: &mut Seen,
    log: &Log,
    (partition, node): (PartitionId, NodeId),
    violations: &mut Vec<Violation>,
) {
    if seen.last() == log.last() && seen.base == log.base() {
        return;
    }
    let same = seen.follow(log);
    let mut previous = log.position(same).expect("at or above the base");
    let mut differs = (previous.lsn > Lsn(0) && every.get(previous).is_none()).then_some(previous);
    for entry in log.above(same) {
        if !every.meet(entry, previous) {
            differs = differs.or(Some(entry.at));
        }
        previous = entry.at;
    }
    if let Some(at) = differs {
        violations.push(Violation::LogsDiffer {
            partition,
            node,
            at,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn log(positions: &[(u64, u64)]) -> Log {
        let mut log = Log::default();
        for (epoch, lsn) in positions {
            log.push(Entry {
                at: Position {
                    epoch: Epoch(*epoch),
                    lsn: Lsn(*lsn),
                },
                request: None,
                statement: Bytes::new(),
            });
        }
        log
    }

    fn violations(logs: &[Log]) -> usize {
        let mut every = EveryEntry::default();
        let mut violations = Vec::new();
        for log in logs {
            let whose = (PartitionId(0), NodeId(1));
            check(
                &mut every,
                &mut Seen::default(),
                log,
                whose,
                &mut violations,
            );
        }
        violations.len()
    }

    #[test]
    fn logs_may_differ_above_their_common_prefix() {
        let same_until_2 = [
            log(&[(1, 1), (1, 2), (1, 3)]),
            log(&[(1, 1), (1, 2), (2, 3), (2, 4)]),
        ];
        assert_eq!(violations(&same_until_2), 0);
    }

    #[test]
    fn the_same_position_after_another_one_is_noticed() {
        let one = log(&[(1, 1), (1, 2), (3, 3)]);
        let other = log(&[(1, 1), (2, 2), (3, 3)]);
        assert_eq!(violations(&[one, other]), 1);
    }

    #[test]
    fn a_log_is_followed_through_appends_cuts_and_trims() {
        let mut every = EveryEntry::default();
        let mut seen = Seen::default();
        let mut violations = Vec::new();
        let mut trimmed = log(&[(1, 1), (1, 2), (2, 3)]);
        trimmed.committed(Lsn(2));
        trimmed.trim(0, Lsn(2));
        let steps = [
            log(&[(1, 1)]),
            log(&[(1, 1), (1, 2), (1, 3)]),
            log(&[(1, 1), (1, 2)]),
            log(&[(1, 1), (1, 2), (2, 3)]),
            trimmed,
        ];
        for step in &steps {
            let whose = (PartitionId(0), NodeId(1));
            check(&mut every, &mut seen, step, whose, &mut violations);
            assert_eq!(seen.last(), step.last());
        }
        assert_eq!(violations, []);
        assert_eq!(seen.position(Lsn(2)).map(|at| at.epoch), Some(Epoch(1)));
        assert_eq!(seen.position(Lsn(1)), None);
    }
}
