//! R14 for voters: a disk that went back in time has forgotten votes and tables. So a node that started
//! anew first hears what others know, and neither votes nor accepts a table before that.
//!
//! It is enough to hear so many others that each majority which its forgotten vote may have completed has
//! one of them: n - majority + 1 of n members. It then enters the highest term that they know, without a
//! vote in it, elects nobody who lacks the newest table that they have, and takes no role from an older one.
//!
//! If too few others can be heard, it waits; without `distrust_disks` for the time after which a master is
//! missed, then it votes as if its disk were sound. What it may break then shows: tables and heartbeats
//! carry the life of their master, so that a second master of one term is told from the first, and refused.

use std::collections::BTreeSet;

use super::rebase::Shift;
use super::state::Role;
use super::{Coordinator, Message, Note};
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
    /// The newest table of which a master has said meanwhile that it is committed.
    committed: Stamp,
    /// When it has waited for long enough.
    until: Time,
    /// When others are to be asked, again or for the first time.
    ask_at: Time,
}

impl Hearing {
    fn from(ask_at: Time, until: Time) -> Self {
        Hearing {
            heard: BTreeSet::new(),
            highest: Term(0),
            newest: Stamp::default(),
            committed: Stamp::default(),
            until,
            ask_at,
        }
    }

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
        let until = match settings.distrust_disks {
            true => Time::MAX,
            false => now + settings.missed_after(),
        };
        self.hearing = Some(Hearing::from(now, until));
    }

    /// Asks the others, again and again.
    pub(super) fn hear_on(&mut self, now: Time) {
        let again_at = now + self.fixed.settings.election_pace() / 2;
        if self
            .hearing
            .as_ref()
            .is_some_and(|hearing| now >= hearing.until)
        {
            return self.end_hearing(now);
        }
        self.hear_anew(now);
        let Some(hearing) = self.hearing.as_mut().or(self.hearing_anew.as_mut()) else {
            return;
        };
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

    /// While nobody is elected, for want of a table that this node has heard of, it asks again: whoever had
    /// that table may have lost it, so that it was never committed, or is not to be had any more.
    fn hear_anew(&mut self, now: Time) {
        let lacks = self.lacking().is_some() && matches!(self.role, Role::Electing(_));
        if !lacks || self.hearing.is_some() {
            self.hearing_anew = None;
        } else if self.hearing_anew.is_none() {
            let ask_at = now + self.fixed.settings.heartbeat / 2;
            self.hearing_anew = Some(Hearing::from(ask_at, Time::MAX));
        }
    }

    /// Another node has started anew, and asks.
    pub(super) fn recall(&mut self, now: Time, from: NodeId, life: Life) {
        let message = Message::Recalled {
            life,
            term: self.term(),
            accepted: self.disk.stamp(),
        };
        self.send(from, message);
        self.tell_if_no_member(from);
        // Whoever has just started need not wait for the next heartbeat.
        self.beat_for(now, from);
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
        let Some(hearing) = self.hearing.as_mut().or(self.hearing_anew.as_mut()) else {
            return;
        };
        if life != self.fixed.life || !voters.contains(&from) {
            return;
        }
        hearing.heard.insert(from);
        hearing.highest = hearing.highest.max(term);
        hearing.newest = hearing.newest.max(accepted);
        let majority = voters.len() / 2 + 1;
        if hearing.heard.len() <= voters.len() - majority {
            return;
        }
        if self.hearing.is_some() {
            self.end_hearing(now);
        } else if let Some(anew) = self.hearing_anew.take() {
            let stamp = std::mem::replace(&mut self.floor, anew.newest);
            if anew.newest < stamp {
                self.note(Note::TableLost { stamp });
            }
        }
    }

    fn end_hearing(&mut self, now: Time) {
        let Some(hearing) = self.hearing.take() else {
            return;
        };
        self.floor = hearing.newest;
        self.learn_committed(hearing.committed);
        if hearing.highest > self.term() {
            self.enter(now, hearing.highest);
        }
        // It may have voted in the term that it is in.
        self.vote = super::tournament::Vote::Spent;
        if let Role::Electing(_) = &self.role {
            self.wait_before_probe(now, self.fixed.settings.heartbeat);
        }
    }

    /// A master says that the table of this stamp is committed. Roles are not taken from a table that is
    /// older than those that others had when this node started: it may have had a role in one of those, and
    /// have forgotten what it did then.
    pub(super) fn may_follow(&mut self, stamp: Stamp) -> bool {
        match &mut self.hearing {
            Some(hearing) => {
                hearing.committed = hearing.committed.max(stamp);
                false
            }
            None => stamp >= self.floor,
        }
    }

    /// The others that it has heard since it started, if it has to hear more.
    pub(super) fn heard_since_start(&self) -> Option<&BTreeSet<NodeId>> {
        self.hearing.as_ref().map(|hearing| &hearing.heard)
    }

    /// The newest table that others had when this node started, if it does not have it yet.
    pub(super) fn lacking(&self) -> Option<Stamp> {
        (self.disk.stamp() < self.floor).then_some(self.floor)
    }

    /// Whether it may lack a table that it had before it started (rule R14): it has not heard yet of all
    /// that others have, or has not got it yet.
    #[must_use]
    pub fn lacks_tables(&self) -> bool {
        self.hearing.is_some() || self.lacking().is_some()
    }

    /// Whether a candidate that has accepted `accepted` may be elected, as far as this node has heard.
    pub(super) fn may_be_elected(&self, accepted: Stamp) -> bool {
        accepted >= self.floor
    }
}
