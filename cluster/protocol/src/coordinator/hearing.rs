//! R14 for voters: a disk that went back in time has forgotten votes and tables. So a node that started
//! anew first hears what others know, and neither votes nor accepts a table before that.
//!
//! It is enough to hear so many others that each majority which its forgotten vote may have completed has
//! one of them: n - majority + 1 of n members. It then enters the highest term that they know, without a
//! vote in it, and elects nobody who lacks the newest table that they have.
//!
//! If too few others can be heard, it waits; without `distrust_disks` for the time after which a master is
//! missed, then it votes as if its disk were sound. What it may break then shows: tables and heartbeats
//! carry the life of their master, so that a second master of one term is told from the first, and refused.

use std::collections::BTreeSet;

use super::rebase::Shift;
use super::state::Role;
use super::{Coordinator, Message};
use crate::ids::{Life, NodeId, Term};
use crate::rule::Rule;
use crate::table::Stamp;
use crate::time::Time;

/// What a node has heard since it started.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Hearing {
    heard: BTreeSet<NodeId>,
    highest: Term,
    newest: Stamp,
    /// When it has waited for long enough.
    until: Time,
    /// When others are to be asked, again or for the first time.
    ask_at: Time,
}

impl Hearing {
    pub(super) fn deadline(&self) -> Time {
        self.until.min(self.ask_at)
    }

    pub(super) fn rebase(&mut self, shift: Shift) {
        shift.ahead(&mut self.until);
        shift.ahead(&mut self.ask_at);
    }
}

impl Coordinator {
    /// Begins to listen, if this is not the first start from its folder and there are others.
    pub(super) fn begin_hearing(&mut self, now: Time) {
        let settings = &self.fixed.settings;
        let voters = self.voters();
        let others = voters.len() > 1 && voters.contains(&self.fixed.me.id);
        let was_there = !self.fixed.life.is_first() && self.accepted().is_some();
        if !was_there || !others || settings.rules.broken(Rule::RolledBackDisk) {
            return;
        }
        self.hearing = Some(Hearing {
            heard: BTreeSet::new(),
            highest: Term(0),
            newest: Stamp::default(),
            until: match settings.distrust_disks {
                true => Time::MAX,
                false => now + settings.missed_after(),
            },
            ask_at: now,
        });
    }

    /// Asks the others, again and again.
    pub(super) fn hear_on(&mut self, now: Time) {
        let again_at = now + self.fixed.settings.heartbeat / 2;
        let Some(hearing) = &mut self.hearing else {
            return;
        };
        if now >= hearing.until {
            return self.end_hearing(now);
        }
        if now < hearing.ask_at {
            return;
        }
        hearing.ask_at = again_at;
        let life = self.fixed.life;
        for node in self.voters() {
            if node != self.fixed.me.id {
                self.send(node, Message::Recall { life });
            }
        }
    }

    /// Another node has started anew, and asks.
    pub(super) fn recall(&mut self, from: NodeId, life: Life) {
        let message = Message::Recalled {
            life,
            term: self.term(),
            accepted: self.disk.stamp(),
        };
        self.send(from, message);
        self.tell_if_no_member(from);
    }

    /// Another node answers.
    pub(super) fn recalled(
        &mut self,
        now: Time,
        from: NodeId,
        life: Life,
        term: Term,
        accepted: Stamp,
    ) {
        let voters = self.voters();
        let Some(hearing) = &mut self.hearing else {
            return;
        };
        if life != self.fixed.life || !voters.contains(&from) {
            return;
        }
        hearing.heard.insert(from);
        hearing.highest = hearing.highest.max(term);
        hearing.newest = hearing.newest.max(accepted);
        let majority = voters.len() / 2 + 1;
        if hearing.heard.len() > voters.len() - majority {
            self.end_hearing(now);
        }
    }

    fn end_hearing(&mut self, now: Time) {
        let Some(hearing) = self.hearing.take() else {
            return;
        };
        self.floor = hearing.newest;
        if hearing.highest > self.term() {
            self.enter(now, hearing.highest);
        }
        // It may have voted in the term that it is in.
        self.vote = super::tournament::Vote::Spent;
        if let Role::Electing(_) = &self.role {
            self.wait_before_probe(now, self.fixed.settings.heartbeat);
        }
    }

    /// Whether it has not heard enough yet to vote after its start (rule R14).
    #[must_use]
    pub fn is_hearing(&self) -> bool {
        self.hearing.is_some()
    }

    /// Whether a candidate that has accepted `accepted` may be elected, as far as this node has heard.
    pub(super) fn may_be_elected(&self, accepted: Stamp) -> bool {
        accepted >= self.floor
    }
}
