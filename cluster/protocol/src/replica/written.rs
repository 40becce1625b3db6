//! What of a replica is on disk, and what is on its way there.

use std::collections::VecDeque;

use crate::ids::{Epoch, Lsn, Ticket};

/// What a record makes durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub(super) promised: Epoch,
    pub(super) log_epoch: Epoch,
    pub(super) end: Lsn,
}

/// Follows the replica's writes from memory to disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Written {
    last: Ticket,
    /// Handed to the disk, and not known to be there.
    pending: VecDeque<(Ticket, Mark)>,
    durable: Mark,
    /// What the disk will hold when all of `pending` is there.
    handed_over: Mark,
    /// The log was cut below what was handed over.
    cut: bool,
}

impl Written {
    /// All of `mark` is on disk, as after a restart.
    pub(super) fn all(mark: Mark) -> Self {
        Written {
            durable: mark,
            handed_over: mark,
            ..Written::default()
        }
    }

    #[inline]
    pub(super) fn durable(&self) -> Mark {
        self.durable
    }

    /// The last entry that was handed to the disk.
    #[inline]
    pub(super) fn handed_over_end(&self) -> Lsn {
        self.handed_over.end
    }

    /// Whether memory is ahead of what was handed to the disk.
    #[inline]
    pub(super) fn behind(&self, memory: Mark) -> bool {
        self.cut || self.handed_over != memory
    }

    /// Everything in memory is being handed to the disk now.
    #[inline]
    pub(super) fn hand_over(&mut self, memory: Mark) -> Ticket {
        self.last = self.last.next();
        self.pending.push_back((self.last, memory));
        self.handed_over = memory;
        self.cut = false;
        self.last
    }

    /// As [`Written::hand_over`], where durability is delayed: what only adds entries counts as being
    /// on disk already. What raises the promise or the log's epoch does not, nor what follows it.
    pub(super) fn hand_over_delayed(&mut self, memory: Mark) -> Ticket {
        let epochs = |mark: Mark| (mark.promised, mark.log_epoch);
        let ticket = self.hand_over(memory);
        if self.pending.len() == 1 && epochs(self.durable) == epochs(memory) {
            self.reached(ticket);
        }
        ticket
    }

    /// Whether something that was handed over does not count as being on disk.
    pub(super) fn waits(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The log in memory was cut after `keep`. Entries above it will be other ones, so nothing that
    /// is on disk or on its way there counts for them.
    pub(super) fn cut(&mut self, keep: Lsn) {
        let marks = self.pending.iter_mut().map(|(_, mark)| mark);
        for mark in marks.chain([&mut self.durable, &mut self.handed_over]) {
            mark.end = mark.end.min(keep);
        }
        self.cut = true;
    }

    /// Everything up to `ticket` is on disk.
    #[inline]
    pub(super) fn reached(&mut self, ticket: Ticket) {
        while self
            .pending
            .front()
            .is_some_and(|(first, _)| *first <= ticket)
        {
            (_, self.durable) = self.pending.pop_front().expect("there is a front");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(promised: u64, log_epoch: u64, end: u64) -> Mark {
        Mark {
            promised: Epoch(promised),
            log_epoch: Epoch(log_epoch),
            end: Lsn(end),
        }
    }

    #[test]
    fn a_cut_takes_back_what_is_on_its_way() {
        let mut written = Written::all(mark(1, 1, 4));
        let first = written.hand_over(mark(1, 1, 9));
        written.cut(Lsn(6));
        assert!(
            written.behind(mark(1, 1, 6)),
            "the cut itself must be written"
        );
        let second = written.hand_over(mark(2, 2, 8));
        written.reached(first);
        assert_eq!(written.durable(), mark(1, 1, 6));
        written.reached(second);
        assert_eq!(written.durable(), mark(2, 2, 8));
        assert!(!written.behind(mark(2, 2, 8)));
    }

    #[test]
    fn where_durability_is_delayed_only_promises_wait() {
        let mut written = Written::all(mark(1, 1, 4));
        written.hand_over_delayed(mark(1, 1, 9));
        assert!(!written.waits() && written.durable() == mark(1, 1, 9));
        let promise = written.hand_over_delayed(mark(2, 1, 9));
        let after = written.hand_over_delayed(mark(2, 1, 12));
        assert!(written.waits());
        assert_eq!(written.durable(), mark(1, 1, 9));
        written.reached(promise);
        assert_eq!(written.durable(), mark(2, 1, 9));
        written.reached(after);
        assert!(!written.waits() && written.durable() == mark(2, 1, 12));
        written.hand_over_delayed(mark(2, 1, 13));
        assert_eq!(written.durable(), mark(2, 1, 13));
    }

    #[test]
    fn a_cut_lowers_what_is_on_disk() {
        let mut written = Written::all(mark(1, 1, 4));
        written.cut(Lsn(2));
        assert_eq!(written.durable(), mark(1, 1, 2));
    }
}
