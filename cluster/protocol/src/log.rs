//! A partition's log, as far as it is in memory.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, Lsn, Position};
use crate::request::RequestId;

/// One statement of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Where it stands.
    pub at: Position,
    /// Who asked for it.
    pub request: Option<RequestId>,
    /// What to execute.
    pub statement: Bytes,
}

/// The entries after `base`, without a gap. What is at or below `base` was committed, and is
/// represented by the state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Log {
    base: Position,
    entries: VecDeque<Entry>,
}

impl Log {
    /// A log that begins after `base`.
    #[must_use]
    pub fn after(base: Position) -> Self {
        Log {
            base,
            entries: VecDeque::new(),
        }
    }

    /// The position just below the first entry in memory.
    #[must_use]
    #[inline]
    pub fn base(&self) -> Position {
        self.base
    }

    /// The last position.
    #[must_use]
    #[inline]
    pub fn last(&self) -> Position {
        self.entries.back().map_or(self.base, |entry| entry.at)
    }

    /// The last log sequence number.
    #[must_use]
    #[inline]
    pub fn end(&self) -> Lsn {
        self.last().lsn
    }

    /// The position of `lsn`, if the log still knows it.
    #[must_use]
    #[inline]
    pub fn position(&self, lsn: Lsn) -> Option<Position> {
        if lsn == self.base.lsn {
            return Some(self.base);
        }
        self.get(lsn).map(|entry| entry.at)
    }

    /// The entry at `lsn`, if it is in memory.
    #[must_use]
    #[inline]
    pub fn get(&self, lsn: Lsn) -> Option<&Entry> {
        let index = lsn.0.checked_sub(self.base.lsn.0 + 1)?;
        self.entries.get(usize::try_from(index).ok()?)
    }

    /// The entries above `lsn`, which must not be below the base.
    #[inline]
    pub fn above(&self, lsn: Lsn) -> impl Iterator<Item = &Entry> {
        assert!(
            lsn >= self.base.lsn,
            "entries at {lsn:?} are no longer in memory"
        );
        let from = usize::try_from(lsn.0 - self.base.lsn.0).expect("a log fits in memory");
        self.entries.range(from.min(self.entries.len())..)
    }

    /// Appends an entry, which must follow the last one.
    #[inline]
    pub fn push(&mut self, entry: Entry) {
        assert_eq!(entry.at.lsn, self.end().next(), "a log has no gap");
        assert!(
            entry.at.epoch >= self.last().epoch,
            "epochs never go back within a log"
        );
        self.entries.push_back(entry);
    }

    /// Drops all entries above `lsn` and gives them back, in order.
    pub fn cut(&mut self, lsn: Lsn) -> Vec<Entry> {
        assert!(
            lsn >= self.base.lsn,
            "what is at or below the base was committed"
        );
        let keep = usize::try_from(lsn.0 - self.base.lsn.0).expect("a log fits in memory");
        self.entries.split_off(keep.min(self.entries.len())).into()
    }

    /// Forgets the entries at and below `lsn`; the base never goes back.
    pub fn trim(&mut self, lsn: Lsn) {
        while self
            .entries
            .front()
            .is_some_and(|entry| entry.at.lsn <= lsn)
        {
            self.base = self.entries.pop_front().expect("there is a front").at;
        }
    }

    /// The highest position at or below `lsn` whose epoch is at most `epoch`: where two logs that
    /// differ may agree at the latest. `None` if that lies below what is in memory.
    #[must_use]
    pub fn agreement(&self, hint: Position) -> Option<Position> {
        let top = hint.lsn.min(self.end());
        if top < self.base.lsn {
            return None;
        }
        let mut lsn = top;
        while lsn > self.base.lsn {
            let at = self.position(lsn).expect("between base and end");
            if at.epoch <= hint.epoch {
                return Some(at);
            }
            lsn = Lsn(lsn.0 - 1);
        }
        (self.base.epoch <= hint.epoch).then_some(self.base)
    }

    /// Whether this log holds exactly `at`.
    #[must_use]
    #[inline]
    pub fn holds(&self, at: Position) -> bool {
        self.position(at.lsn) == Some(at)
    }

    /// The epoch of the last entry.
    #[must_use]
    pub fn last_epoch(&self) -> Epoch {
        self.last().epoch
    }
}
