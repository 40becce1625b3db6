//! A partition's log, as far as it is in memory.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, Lsn, Position};
use crate::request::Numbered;

/// One statement of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Where it stands.
    pub at: Position,
    /// Who asked for it.
    pub request: Option<Numbered>,
    /// What to execute.
    pub statement: Bytes,
}

impl Entry {
    /// How much memory it takes, about: itself, its statement, and what allocating that costs.
    #[inline]
    fn bytes(&self) -> u64 {
        const EACH_BYTES: u64 = 128;
        EACH_BYTES + self.statement.len() as u64
    }
}

/// How many entries stand together. A log that grows takes new memory for so many at a time, and
/// never moves those that it has: with one piece for all of them, each doubling would copy the log
/// into memory that was never touched before.
const CHUNK_ENTRIES: usize = 256;

/// The entries after `base`, without a gap. What is at or below `base` was committed, and is
/// represented by the state.
#[derive(Clone, Debug, Default)]
pub struct Log {
    base: Position,
    /// The last entry's, or the base.
    last: Position,
    /// None is empty, and all but the first and the last have [`CHUNK_ENTRIES`].
    chunks: VecDeque<VecDeque<Entry>>,
    /// How much memory all of it takes.
    bytes: u64,
    /// How much of that the entries above `committed` take.
    uncommitted_bytes: u64,
    /// See [`Log::committed`].
    committed: Lsn,
}

impl PartialEq for Log {
    fn eq(&self, other: &Self) -> bool {
        self.base == other.base && self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Log {}

impl Hash for Log {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.base.hash(state);
        state.write_usize(self.len());
        for entry in self.iter() {
            entry.hash(state);
        }
    }
}

impl Log {
    /// A log that begins after `base`.
    #[must_use]
    pub fn after(base: Position) -> Self {
        Log {
            base,
            last: base,
            chunks: VecDeque::new(),
            bytes: 0,
            uncommitted_bytes: 0,
            committed: base.lsn,
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
        self.last
    }

    /// The last log sequence number.
    #[must_use]
    #[inline]
    pub fn end(&self) -> Lsn {
        self.last().lsn
    }

    /// How many entries are in memory.
    fn len(&self) -> usize {
        usize::try_from(self.end().0 - self.base.lsn.0).expect("a log fits in memory")
    }

    /// How much memory it takes, about, in bytes.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How much of that is not [committed](Log::committed).
    #[must_use]
    #[inline]
    pub fn uncommitted_bytes(&self) -> u64 {
        self.uncommitted_bytes
    }

    /// The entries up to `lsn`, which are there, are committed.
    #[inline]
    pub fn committed(&mut self, lsn: Lsn) {
        for lsn in self.committed.0 + 1..lsn.0 + 1 {
            let entry = self.get(Lsn(lsn)).expect("what is committed is there");
            self.uncommitted_bytes -= entry.bytes();
        }
        self.committed = self.committed.max(lsn);
    }

    fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.chunks.iter().flatten()
    }

    /// Where the entry at `lsn` stands, or would stand: its chunk, and its place there.
    #[inline]
    fn place(&self, lsn: Lsn) -> Option<(usize, usize)> {
        let index = usize::try_from(lsn.0.checked_sub(self.base.lsn.0 + 1)?).ok()?;
        let first = self.chunks.front().map_or(0, VecDeque::len);
        Some(match index.checked_sub(first) {
            None => (0, index),
            Some(after) => (1 + after / CHUNK_ENTRIES, after % CHUNK_ENTRIES),
        })
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
        let (chunk, place) = self.place(lsn)?;
        self.chunks.get(chunk)?.get(place)
    }

    /// The entries above `lsn`, which must not be below the base.
    #[inline]
    pub fn above(&self, lsn: Lsn) -> impl Iterator<Item = &Entry> {
        assert!(
            lsn >= self.base.lsn,
            "entries at {lsn:?} are no longer in memory"
        );
        let above = lsn.0 + 1..self.end().0 + 1;
        above.map(|lsn| self.get(Lsn(lsn)).expect("a log has no gap"))
    }

    /// Appends an entry, which must follow the last one.
    #[inline]
    pub fn push(&mut self, entry: Entry) {
        assert_eq!(entry.at.lsn, self.last.lsn.next(), "a log has no gap");
        assert!(
            entry.at.epoch >= self.last.epoch,
            "epochs never go back within a log"
        );
        self.last = entry.at;
        self.bytes += entry.bytes();
        self.uncommitted_bytes += entry.bytes();
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK_ENTRIES => chunk.push_back(entry),
            full => {
                // A short log takes as little memory as it needs.
                let room = if full.is_some() { CHUNK_ENTRIES } else { 0 };
                let mut chunk = VecDeque::with_capacity(room);
                chunk.push_back(entry);
                self.chunks.push_back(chunk);
            }
        }
    }

    /// Drops all entries above `lsn` and gives them back, in order.
    pub fn cut(&mut self, lsn: Lsn) -> Vec<Entry> {
        assert!(
            lsn >= self.base.lsn,
            "what is at or below the base was committed"
        );
        let (chunk, place) = self.place(lsn.next()).expect("it is above the base");
        let Some(first) = self.chunks.get_mut(chunk) else {
            return Vec::new();
        };
        let mut cut = Vec::from(first.split_off(place.min(first.len())));
        let keep = if first.is_empty() { chunk } else { chunk + 1 };
        cut.extend(self.chunks.drain(chunk + 1..).flatten());
        self.chunks.truncate(keep);
        let last = self.chunks.back().and_then(VecDeque::back);
        self.last = last.map_or(self.base, |entry| entry.at);
        for entry in &cut {
            self.bytes -= entry.bytes();
            if entry.at.lsn > self.committed {
                self.uncommitted_bytes -= entry.bytes();
            }
        }
        // Only a broken rule cuts what is committed.
        self.committed = self.committed.min(self.last.lsn);
        cut
    }

    /// Forgets so many of the oldest entries that the log takes no more than `keep_bytes`, but none
    /// above `lsn`, and none that is not [committed](Log::committed); the base never goes back.
    pub fn trim(&mut self, keep_bytes: u64, lsn: Lsn) {
        let lsn = lsn.min(self.committed);
        while self.bytes > keep_bytes
            && let Some(first) = self.chunks.front_mut()
        {
            let Some(entry) = first.pop_front_if(|entry| entry.at.lsn <= lsn) else {
                return;
            };
            if first.is_empty() {
                self.chunks.pop_front();
            }
            self.bytes -= entry.bytes();
            self.base = entry.at;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(lsn: u64) -> Entry {
        Entry {
            at: Position {
                epoch: Epoch(1),
                lsn: Lsn(lsn),
            },
            request: None,
            statement: Bytes::copy_from_slice(&lsn.to_le_bytes()),
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Push(u64),
        Cut(u64),
        Trim(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        // About the length of a chunk, so that its ends are met.
        let count = prop_oneof![0..4_u64, 250..260_u64, 0..600_u64];
        (0..4, count).prop_map(|(what, count)| match what {
            0 => Step::Cut(count),
            1 => Step::Trim(count),
            _ => Step::Push(count),
        })
    }

    proptest! {
        #[test]
        fn it_is_as_a_plain_list(steps in prop::collection::vec(step(), 0..24)) {
            let mut log = Log::default();
            let mut list: Vec<Entry> = Vec::new();
            let mut base = Position::default();
            let mut committed = 0;
            for step in steps {
                let end = base.lsn.0 + list.len() as u64;
                match step {
                    Step::Push(count) => {
                        for lsn in end + 1..=end + count {
                            log.push(entry(lsn));
                            list.push(entry(lsn));
                        }
                    }
                    Step::Cut(count) => {
                        let keep = list.len().saturating_sub(count as usize);
                        let cut = log.cut(Lsn(base.lsn.0 + keep as u64));
                        prop_assert_eq!(cut, list.split_off(keep));
                    }
                    Step::Trim(count) => {
                        let gone = list.len().min(count as usize);
                        log.committed(Lsn(base.lsn.0 + gone as u64));
                        committed = committed.max(base.lsn.0 + gone as u64);
                        log.trim(0, Lsn(base.lsn.0 + count));
                        base = list.drain(..gone).next_back().map_or(base, |last| last.at);
                    }
                }
                prop_assert_eq!(log.base(), base);
                prop_assert_eq!(log.last(), list.last().map_or(base, |last| last.at));
                for skip in [0, 1, 255, 256, 257, list.len(), list.len() + 1] {
                    let lsn = Lsn(base.lsn.0 + skip as u64);
                    let rest = list.iter().skip(skip);
                    prop_assert!(log.above(lsn).eq(rest));
                    prop_assert_eq!(log.get(lsn.next()), list.get(skip));
                }
                let bytes = |list: &[Entry]| list.iter().map(Entry::bytes).sum::<u64>();
                prop_assert_eq!(log.bytes(), bytes(&list));
                committed = committed.min(log.end().0);
                let above = usize::try_from(committed.saturating_sub(base.lsn.0)).expect("few");
                prop_assert_eq!(log.uncommitted_bytes(), bytes(&list[above..]));
                let mut anew = Log::after(base);
                list.iter().cloned().for_each(|entry| anew.push(entry));
                prop_assert_eq!(&log, &anew);
            }
        }
    }

    #[test]
    fn it_takes_no_more_memory_than_it_may_but_keeps_what_is_not_committed() {
        let mut log = Log::default();
        let large = |lsn| Entry {
            statement: Bytes::from(vec![7; 1_000]),
            ..entry(lsn)
        };
        for lsn in 1..=10 {
            log.push(large(lsn));
        }
        log.trim(0, Lsn(10));
        assert_eq!(log.base().lsn, Lsn(0), "nothing is committed");
        log.committed(Lsn(8));
        assert_eq!(log.uncommitted_bytes(), 2 * large(1).bytes());
        log.trim(4 * large(1).bytes(), Lsn(7));
        assert_eq!(log.base().lsn, Lsn(6));
        log.trim(0, Lsn(7));
        assert_eq!(log.base().lsn, Lsn(7));
        log.trim(0, Lsn(10));
        assert_eq!(
            (log.base().lsn, log.bytes()),
            (Lsn(8), 2 * large(1).bytes())
        );
        assert_eq!(log.chunks.len(), 1);
    }
}
