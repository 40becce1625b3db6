//! A partition's log, as far as it is in memory.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

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
        cut
    }

    /// Forgets the entries at and below `lsn`; the base never goes back.
    pub fn trim(&mut self, lsn: Lsn) {
        while let Some(first) = self.chunks.front_mut() {
            while let Some(entry) = first.pop_front_if(|entry| entry.at.lsn <= lsn) {
                self.base = entry.at;
            }
            if !first.is_empty() {
                break;
            }
            self.chunks.pop_front();
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
                        log.trim(Lsn(base.lsn.0 + count));
                        let gone = list.len().min(count as usize);
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
                let mut anew = Log::after(base);
                list.iter().cloned().for_each(|entry| anew.push(entry));
                prop_assert_eq!(&log, &anew);
            }
        }
    }
}
