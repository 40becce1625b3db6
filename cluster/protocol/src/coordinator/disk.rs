//! What the node keeps on disk, and what waits for it.
//!
//! One rule covers all of rule M1's and M2's "persisted first": **nothing that a node says is ahead
//! of its disk.** The state in memory goes ahead; every output waits until all that the state held
//! when the output was made is on disk. Since outputs keep their order, a crash is as if the node
//! had stopped before the events whose writes were lost.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Output, Saved};
use crate::ids::{Term, Ticket};
use crate::table::{Stamp, Table};

/// The node's lasting state, and the outputs that wait for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Disk {
    saved: Saved,
    /// Whether `saved` changed since it was last written.
    changed: bool,
    /// The last write that was asked for.
    asked: Ticket,
    /// The last write that is known to be done.
    done: Ticket,
    /// Made since the last [`flush`](Disk::flush).
    fresh: Vec<Output>,
    /// Outputs and the writes that they wait for, in order.
    waiting: VecDeque<(Ticket, Output)>,
}

impl Disk {
    /// What was found on disk at the start.
    pub(super) fn new(saved: Saved) -> Self {
        Disk {
            saved,
            changed: false,
            asked: Ticket(0),
            done: Ticket(0),
            fresh: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The state as it is in memory.
    pub(super) fn saved(&self) -> &Saved {
        &self.saved
    }

    /// The term that the node is in.
    pub(super) fn term(&self) -> Term {
        self.saved.term
    }

    /// The newest table that the node has accepted.
    pub(super) fn accepted(&self) -> Option<&Arc<Table>> {
        self.saved.accepted.as_ref()
    }

    /// The stamp of the newest table that the node has accepted; the default if there is none.
    pub(super) fn stamp(&self) -> Stamp {
        self.accepted()
            .map_or_else(Stamp::default, |table| table.stamp)
    }

    /// Enters a higher term.
    pub(super) fn enter(&mut self, term: Term) {
        assert!(term > self.saved.term, "terms never go back");
        self.saved.term = term;
        self.changed = true;
    }

    /// Accepts a newer table.
    pub(super) fn accept(&mut self, table: Arc<Table>) {
        assert!(table.stamp > self.stamp(), "tables never go back");
        self.saved.accepted = Some(table);
        self.changed = true;
    }

    /// Gives `output` out as soon as everything up to now is on disk.
    pub(super) fn say(&mut self, output: Output) {
        self.fresh.push(output);
    }

    /// Everything up to `ticket` is on disk.
    pub(super) fn written(&mut self, ticket: Ticket) {
        assert!(
            ticket <= self.asked,
            "a write is done after it was asked for"
        );
        self.done = self.done.max(ticket);
    }

    /// Asks for the write that is due, and gives out what need not wait any more. `unsafely`: gives
    /// out everything (rule vote-not-persisted is broken).
    pub(super) fn flush(&mut self, unsafely: bool, out: &mut Vec<Output>) {
        if self.changed {
            self.changed = false;
            self.asked = self.asked.next();
            out.push(Output::Save {
                ticket: self.asked,
                saved: self.saved.clone(),
            });
        }
        let ticket = self.asked;
        let fresh = self.fresh.drain(..).map(|output| (ticket, output));
        self.waiting.extend(fresh);
        while let Some((ticket, _)) = self.waiting.front() {
            if *ticket > self.done && !unsafely {
                break;
            }
            out.extend(self.waiting.pop_front().map(|(_, output)| output));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::Note;

    fn note(term: u64) -> Output {
        Output::Note(Note::ElectionBegan { term: Term(term) })
    }

    #[test]
    fn what_is_said_waits_for_the_disk_in_order() {
        let mut disk = Disk::new(Saved::default());
        let mut out = Vec::new();
        disk.say(note(0));
        disk.flush(false, &mut out);
        assert_eq!(out, [note(0)], "nothing to wait for");

        out.clear();
        disk.enter(Term(1));
        disk.say(note(1));
        disk.flush(false, &mut out);
        disk.enter(Term(2));
        disk.say(note(2));
        disk.flush(false, &mut out);
        disk.say(note(3));
        disk.flush(false, &mut out);
        let tickets: Vec<_> = out
            .drain(..)
            .map(|output| match output {
                Output::Save { ticket, saved } => (ticket, saved.term),
                other => panic!("{other:?} is ahead of the disk"),
            })
            .collect();
        assert_eq!(tickets, [(Ticket(1), Term(1)), (Ticket(2), Term(2))]);

        disk.written(Ticket(1));
        disk.flush(false, &mut out);
        assert_eq!(out, [note(1)]);
        disk.written(Ticket(2));
        disk.flush(false, &mut out);
        assert_eq!(out, [note(1), note(2), note(3)]);
    }
}
