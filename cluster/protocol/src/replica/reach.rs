//! Which of two logs reaches further (rules M4, R14).

use crate::ids::{Epoch, Position};
use crate::settings::Mode;

/// How far a log reaches: of the members of an in-sync set, the one with the highest is to go on.
///
/// In semi-sync it is the log whose last entry is the youngest. An owner appends entries of its epoch only
/// after all in sync held what was acknowledged before (R6), and entries of one epoch are of one log. So who
/// has the youngest last entry has everything that was acknowledged, whatever disk went back in time. Whose
/// log it is (`log_epoch`) says less then: a replica that follows an owner from the beginning again is soon
/// of the owner's epoch, and has little of its log.
///
/// In async what was acknowledged may be in no other log. There, the log of the later owner goes first, as
/// far as it has come: the entries that a disk put back in time has in addition may be a tail that this
/// owner has cut off, and that clients have seen replaced (R3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reach {
    owners: Epoch,
    last: Position,
}

impl Reach {
    /// Of a log that is a prefix of that of the owner of `log_epoch`, and ends with `last`.
    #[must_use]
    pub fn of(mode: Mode, log_epoch: Epoch, last: Position) -> Self {
        let owners = match mode {
            Mode::SemiSync => Epoch(0),
            Mode::Async => log_epoch,
        };
        Reach { owners, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Lsn;

    fn reach(mode: Mode, log_epoch: u64, (epoch, lsn): (u64, u64)) -> Reach {
        let last = Position {
            epoch: Epoch(epoch),
            lsn: Lsn(lsn),
        };
        Reach::of(mode, Epoch(log_epoch), last)
    }

    #[test]
    fn in_semi_sync_the_youngest_last_entry_counts() {
        let stale = reach(Mode::SemiSync, 7, (2, 9));
        assert!(reach(Mode::SemiSync, 3, (2, 10)) > stale);
        assert!(reach(Mode::SemiSync, 3, (3, 4)) > stale);
        assert!(reach(Mode::SemiSync, 3, (2, 8)) < stale);
    }

    #[test]
    fn in_async_the_later_owners_log_counts_first() {
        let cut = reach(Mode::Async, 7, (2, 9));
        assert!(reach(Mode::Async, 3, (2, 10)) < cut);
        assert!(reach(Mode::Async, 7, (2, 10)) > cut);
    }
}
