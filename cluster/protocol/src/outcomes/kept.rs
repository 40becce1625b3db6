//! The outcomes of one client.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize, Serializer};

use crate::ids::{Position, Sequence};
use crate::request::Digest;
use crate::small_bytes::SmallBytes;

/// What came of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Outcome {
    sequence: Sequence,
    /// Its entry.
    pub(super) at: Position,
    /// Of the statement.
    pub(super) digest: Digest,
    pub(super) bytes: SmallBytes,
}

impl Outcome {
    /// How many bytes of memory it counts for. Replicas must count alike (rule R11), so this is a part
    /// of the protocol, and not what a program happens to need.
    pub(super) fn counts_bytes(&self) -> u64 {
        const EACH_BYTES: u64 = 64;
        EACH_BYTES + self.bytes.len() as u64
    }
}

/// Outcomes by the numbers of their statements. A client's numbers mostly come in order, and the
/// lowest are forgotten first: so they stand in a row, and each step touches one of its ends.
/// (A tree of 32 outcomes is several nodes, all of which were out of the cache whenever the client
/// came again.)
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "VecDeque<Outcome>")]
pub(super) struct Kept {
    row: VecDeque<Outcome>,
    /// The last number in the row. Most numbers that are asked for are above it, which so is seen
    /// without a look at the row.
    highest: Option<Sequence>,
}

impl From<VecDeque<Outcome>> for Kept {
    fn from(row: VecDeque<Outcome>) -> Self {
        let highest = row.back().map(|kept| kept.sequence);
        Kept { row, highest }
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.row.serialize(serializer)
    }
}

impl Kept {
    pub(super) fn len(&self) -> usize {
        self.row.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    /// Where the outcome is, or would have to stand.
    #[inline]
    fn place(&self, sequence: Sequence) -> Result<usize, usize> {
        if self.highest < Some(sequence) {
            Err(self.row.len())
        } else if self.highest == Some(sequence) {
            Ok(self.row.len() - 1)
        } else {
            self.row
                .binary_search_by_key(&sequence, |kept| kept.sequence)
        }
    }

    #[inline]
    pub(super) fn get(&self, sequence: Sequence) -> Option<&Outcome> {
        self.place(sequence).ok().map(|place| &self.row[place])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Outcome> {
        self.row.iter()
    }

    /// Keeps an outcome, and gives back what stood there.
    pub(super) fn insert(
        &mut self,
        sequence: Sequence,
        at: Position,
        digest: Digest,
        bytes: SmallBytes,
    ) -> Option<Outcome> {
        let new = Outcome {
            sequence,
            at,
            digest,
            bytes,
        };
        match self.place(sequence) {
            Ok(place) => Some(std::mem::replace(&mut self.row[place], new)),
            Err(place) => {
                self.highest = self.highest.max(Some(sequence));
                self.row.insert(place, new);
                None
            }
        }
    }

    pub(super) fn remove(&mut self, sequence: Sequence) -> Option<Outcome> {
        self.take(self.place(sequence).ok()?)
    }

    fn take(&mut self, place: usize) -> Option<Outcome> {
        let taken = self.row.remove(place);
        self.highest = self.row.back().map(|kept| kept.sequence);
        taken
    }

    /// Forgets the outcome of the lowest number whose entry is not above `mark`, and says which.
    pub(super) fn forget_lowest(&mut self, mark: Position) -> Option<(Sequence, u64)> {
        let place = self.row.iter().position(|kept| kept.at <= mark)?;
        let taken = self.take(place)?;
        Some((taken.sequence, taken.counts_bytes()))
    }

    /// Forgets all outcomes whose entries are not above `mark`.
    pub(super) fn forget_up_to(&mut self, mark: Position) {
        self.row.retain(|kept| kept.at > mark);
        self.highest = self.row.back().map(|kept| kept.sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Epoch, Lsn};

    fn at(lsn: u64) -> Position {
        Position {
            epoch: Epoch(1),
            lsn: Lsn(lsn),
        }
    }

    /// A client that has many statements under way: they enter the log in any order.
    fn kept(sequences: &[u64]) -> Kept {
        let mut kept = Kept::default();
        for (lsn, sequence) in (1..).zip(sequences) {
            let bytes = SmallBytes::from(&sequence.to_le_bytes()[..]);
            let (sequence, digest) = (Sequence(*sequence), Digest::default());
            assert_eq!(kept.insert(sequence, at(lsn), digest, bytes), None);
        }
        kept
    }

    fn sequences(kept: &Kept) -> Vec<u64> {
        kept.row.iter().map(|kept| kept.sequence.0).collect()
    }

    #[test]
    fn each_is_found_by_its_number_in_whatever_order_they_come() {
        for order in [[1, 2, 3, 5], [5, 3, 2, 1], [3, 5, 1, 2], [2, 1, 5, 3]] {
            let mut kept = kept(&order);
            assert_eq!(sequences(&kept), [1, 2, 3, 5], "{order:?}");
            for (lsn, sequence) in (1..).zip(order) {
                let found = kept.get(Sequence(sequence)).expect("it is kept");
                assert_eq!(
                    (found.at, &found.bytes[..1]),
                    (at(lsn), &[sequence as u8][..])
                );
            }
            for missing in [0, 4, 6] {
                assert_eq!(kept.get(Sequence(missing)), None);
                assert_eq!(kept.remove(Sequence(missing)), None);
            }
            assert!(kept.remove(Sequence(5)).is_some());
            assert_eq!(kept.get(Sequence(5)), None);
            assert!(kept.get(Sequence(3)).is_some());
        }
    }

    #[test]
    fn what_is_not_committed_is_not_forgotten() {
        let mut kept = kept(&[4, 2, 3, 1]);
        let forgotten = |kept: &mut Kept, mark| kept.forget_lowest(mark).map(|(lowest, _)| lowest);
        assert_eq!(forgotten(&mut kept, at(3)), Some(Sequence(2)));
        assert_eq!(sequences(&kept), [1, 3, 4]);
        kept.forget_up_to(at(3));
        assert_eq!(sequences(&kept), [1]);
        assert_eq!(kept.forget_lowest(at(3)), None);
        assert_eq!(forgotten(&mut kept, at(4)), Some(Sequence(1)));
        assert!(kept.is_empty() && kept == Kept::default());
    }

    #[test]
    fn it_comes_back_from_its_bytes() {
        let kept = kept(&[4, 2, 3, 1]);
        let bytes = postcard::to_stdvec(&kept).expect("it can be encoded");
        assert_eq!(postcard::from_bytes(&bytes), Ok(kept));
    }
}
