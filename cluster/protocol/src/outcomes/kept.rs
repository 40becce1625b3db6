//! The outcomes of one client.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::ids::{Position, Sequence};
use crate::small_bytes::SmallBytes;

/// What came of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Outcome {
    sequence: Sequence,
    /// Its entry.
    pub(super) at: Position,
    pub(super) bytes: SmallBytes,
}

/// Outcomes by the numbers of their statements. A client's numbers mostly come in order, and the
/// lowest are forgotten first: so they stand in a row, and each step touches one of its ends.
/// (A tree of 32 outcomes is several nodes, all of which were out of the cache whenever the client
/// came again.)
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Kept(VecDeque<Outcome>);

impl Kept {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where the outcome is, or would have to stand.
    #[inline]
    fn place(&self, sequence: Sequence) -> Result<usize, usize> {
        match self.0.back() {
            Some(last) if last.sequence == sequence => Ok(self.0.len() - 1),
            Some(last) if last.sequence > sequence => {
                self.0.binary_search_by_key(&sequence, |kept| kept.sequence)
            }
            Some(_) | None => Err(self.0.len()),
        }
    }

    #[inline]
    pub(super) fn get(&self, sequence: Sequence) -> Option<&Outcome> {
        self.place(sequence).ok().map(|place| &self.0[place])
    }

    /// Keeps an outcome, and gives back what stood there.
    pub(super) fn insert(
        &mut self,
        sequence: Sequence,
        at: Position,
        bytes: SmallBytes,
    ) -> Option<Outcome> {
        let new = Outcome {
            sequence,
            at,
            bytes,
        };
        match self.place(sequence) {
            Ok(place) => Some(std::mem::replace(&mut self.0[place], new)),
            Err(place) => {
                self.0.insert(place, new);
                None
            }
        }
    }

    pub(super) fn remove(&mut self, sequence: Sequence) -> Option<Outcome> {
        self.0.remove(self.place(sequence).ok()?)
    }

    /// Forgets the outcome of the lowest number whose entry is not above `mark`, and says which.
    pub(super) fn forget_lowest(&mut self, mark: Position) -> Option<Sequence> {
        let place = self.0.iter().position(|kept| kept.at <= mark)?;
        self.0.remove(place).map(|kept| kept.sequence)
    }

    /// Forgets all outcomes whose entries are not above `mark`.
    pub(super) fn forget_up_to(&mut self, mark: Position) {
        self.0.retain(|kept| kept.at > mark);
    }
}
