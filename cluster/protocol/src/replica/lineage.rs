//! Whose entries stand where in the committed log, long after the entries themselves are forgotten.

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, Lsn, Position};

/// Remembers where each owner's part of the committed log begins, so that a position that a client has
/// seen can be told from another one under the same number (rule R16): after a failover in async, numbers
/// are given a second time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Lineage {
    /// Of entries below this one nothing is known, but that their epochs are not above its own.
    floor: Position,
    /// The first entry of each epoch that has any above the floor, in order.
    starts: Vec<Position>,
    /// The last committed entry.
    end: Lsn,
}

/// What is known of a position that a client has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is in the log.
    Held,
    /// It may come.
    Ahead,
    /// Another entry stands in its place; or it is so old that nobody can tell.
    Lost,
}

/// No more owners than these are remembered.
const STARTS_MAX: usize = 512;

impl Lineage {
    /// Nothing is known of what is below `floor`.
    pub(super) fn after(floor: Position) -> Self {
        Lineage {
            floor,
            starts: Vec::new(),
            end: floor.lsn,
        }
    }

    /// An entry was committed: the one after the last.
    #[inline]
    pub(super) fn committed(&mut self, at: Position) {
        self.end = at.lsn;
        let last = self.starts.last().map_or(self.floor.epoch, |at| at.epoch);
        if at.epoch > last {
            self.starts.push(at);
            if self.starts.len() > STARTS_MAX {
                let gone = self.starts.remove(0);
                self.floor = Position {
                    epoch: gone.epoch,
                    lsn: Lsn(self.starts[0].lsn.0 - 1),
                };
            }
        }
    }

    /// What is known of `seen`.
    pub(super) fn standing(&self, seen: Position) -> Standing {
        if seen == Position::default() {
            return Standing::Held;
        }
        if seen.lsn > self.end {
            return Standing::Ahead;
        }
        if seen.lsn < self.floor.lsn {
            // Entries of one epoch are of one log (log-match).
            return match seen.epoch == self.floor.epoch {
                true => Standing::Held,
                false => Standing::Lost,
            };
        }
        let epoch = self.epoch_at(seen.lsn);
        match seen.epoch.cmp(&epoch) {
            std::cmp::Ordering::Equal => Standing::Held,
            std::cmp::Ordering::Less => Standing::Lost,
            // This log is the one that is outdated: what it had was lost, and that was told (R5, R14).
            std::cmp::Ordering::Greater => Standing::Ahead,
        }
    }

    fn epoch_at(&self, lsn: Lsn) -> Epoch {
        let before = self.starts.partition_point(|start| start.lsn <= lsn);
        match before.checked_sub(1) {
            Some(place) => self.starts[place].epoch,
            None => self.floor.epoch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch: u64, lsn: u64) -> Position {
        Position {
            epoch: Epoch(epoch),
            lsn: Lsn(lsn),
        }
    }

    fn lineage(entries: &[Position]) -> Lineage {
        let mut lineage = Lineage::default();
        for at in entries {
            lineage.committed(*at);
        }
        lineage
    }

    #[test]
    fn a_position_is_known_by_its_epoch_not_by_its_number() {
        let lineage = lineage(&[at(1, 1), at(1, 2), at(4, 3), at(4, 4)]);
        assert_eq!(lineage.standing(at(0, 0)), Standing::Held);
        assert_eq!(lineage.standing(at(1, 2)), Standing::Held);
        assert_eq!(lineage.standing(at(4, 3)), Standing::Held);
        assert_eq!(lineage.standing(at(1, 3)), Standing::Lost, "4 cut it off");
        assert_eq!(lineage.standing(at(4, 5)), Standing::Ahead);
        assert_eq!(lineage.standing(at(5, 2)), Standing::Ahead);
    }

    #[test]
    fn below_the_floor_only_its_own_epoch_is_known() {
        let mut lineage = Lineage::after(at(3, 7));
        lineage.committed(at(3, 8));
        lineage.committed(at(5, 9));
        assert_eq!(lineage.standing(at(3, 4)), Standing::Held);
        assert_eq!(lineage.standing(at(3, 8)), Standing::Held);
        assert_eq!(lineage.standing(at(2, 4)), Standing::Lost);
        assert_eq!(lineage.standing(at(2, 8)), Standing::Lost);
        assert_eq!(lineage.standing(at(5, 9)), Standing::Held);
    }

    #[test]
    fn it_stays_short() {
        let epochs = 3 * STARTS_MAX as u64;
        let entries: Vec<Position> = (1..=epochs).map(|n| at(n, n)).collect();
        let lineage = lineage(&entries);
        assert_eq!(lineage.starts.len(), STARTS_MAX);
        assert_eq!(lineage.standing(at(epochs, epochs)), Standing::Held);
        let oldest = epochs - STARTS_MAX as u64 + 1;
        assert_eq!(lineage.standing(at(oldest, oldest)), Standing::Held);
        assert_eq!(lineage.standing(at(oldest - 1, oldest - 1)), Standing::Held);
        assert_eq!(lineage.standing(at(1, 1)), Standing::Lost);
    }
}
