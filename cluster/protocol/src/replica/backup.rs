//! R16: answering reads as a backup, and vouching for a backup's data as their owner.
//!
//! A backup shows what it knows to be committed, so what it shows is a beginning of the one history that
//! there is. Two things are asked of it besides: that it knows of what the session has seen, and that its
//! data are not older than the read may be told. For both it can ask its owner, who answers at once how
//! far the log has come. So that many reads cost one question, and none where a recent answer will do,
//! nothing is asked before a read needs it.
//!
//! The age counts from when the *question* was sent, on the backup's own clock: whatever the owner, which
//! held its lease when it answered, did not know of was acknowledged later than that.

use std::collections::VecDeque;

use super::lineage::Standing;
use super::{Message, Output, Replica, Role, Trust};
use crate::apply::Apply;
use crate::ids::{Epoch, Life, Lsn, NodeId, Position};
use crate::request::{Read, ReadFrom, Refusal, Reply, Source};
use crate::rule::Rule;
use crate::settings::Settings;
use crate::time::Time;

/// What a replica needs to answer reads while it is no owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Backup {
    /// All that was acknowledged before this is in the committed data.
    as_of: Option<Time>,
    /// The same will hold as soon as this entry is committed here.
    vouched: Option<(Time, Lsn)>,
    /// The question that has not been answered: in which epoch, and when.
    asked: Option<(Epoch, Time)>,
    /// A read came after the last question was sent.
    wants_to_ask: bool,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Waiting {
    read: Read,
    until: Time,
}

/// Why a backup does not answer yet.
enum Lack {
    /// It may be able to soon.
    Behind,
    /// It never will be.
    Refused(Refusal),
}

impl Backup {
    /// When a read that waits is given up, or the question is to be repeated.
    pub(super) fn deadline(&self, settings: &Settings) -> Option<Time> {
        let given_up = self.waiting.iter().map(|waiting| waiting.until).min()?;
        let again = self.asked.map(|(_, at)| ask_again_at(at, settings));
        Some(again.map_or(given_up, |again| again.min(given_up)))
    }

    /// Another owner's log may go on otherwise than the one that was vouched for.
    pub(super) fn of_another_epoch(&mut self) {
        (self.vouched, self.asked) = (None, None);
        self.wants_to_ask = !self.waiting.is_empty();
    }

    /// Nothing is known any more of how old the data are.
    pub(super) fn forget_age(&mut self) {
        (self.as_of, self.vouched, self.asked) = (None, None, None);
    }
}

/// The question may be lost: half of what a read waits.
fn ask_again_at(asked: Time, settings: &Settings) -> Time {
    asked + settings.backup_patience() / 2
}

impl<A: Apply> Replica<A> {
    /// Whether this is a backup that may answer: the last committed table names these data, and nothing
    /// speaks against the disk that they come from (rule R14).
    fn is_backup(&self) -> bool {
        matches!(self.role, Role::Follower(_))
            && self.assigned.owner != self.me
            && self.holds_recorded_data(&self.assigned)
            && self.doubt.trust() == Trust::Confirmed
    }

    /// A client wants to read, and this is not the owner.
    pub(super) fn read_as_backup(&mut self, now: Time, read: Read, out: &mut Vec<Output>) {
        let refusal = match (read.from, self.is_backup()) {
            (ReadFrom::Owner, _) | (_, false) => Some(Refusal::NotOwner),
            (ReadFrom::Any { .. }, true) if !self.service => Some(Refusal::NotServing),
            (ReadFrom::Any { .. }, true) => None,
        };
        if let Some(refusal) = refusal {
            return out.push(Output::refuse(read.token, refusal));
        }
        self.note_freshness();
        match self.try_as_backup(now, &read) {
            Ok(answer) => out.push(answer),
            Err(Lack::Refused(refusal)) => out.push(Output::refuse(read.token, refusal)),
            Err(Lack::Behind) => {
                let until = (now + self.settings.backup_patience()).min(read.deadline);
                self.backup.wants_to_ask = true;
                self.backup.waiting.push_back(Waiting { read, until });
            }
        }
    }

    /// The answer, if this backup can give it now.
    fn try_as_backup(&mut self, now: Time, read: &Read) -> Result<Output, Lack> {
        let rules = self.settings.rules;
        let ReadFrom::Any { max_age } = read.from else {
            return Err(Lack::Refused(Refusal::NotOwner));
        };
        match self.standing(read.seen) {
            Standing::Held => {}
            Standing::Ahead if rules.broken(Rule::SessionGoesBack) => {}
            Standing::Ahead => return Err(Lack::Behind),
            Standing::Lost => return Err(Lack::Refused(Refusal::SeenLost)),
        }
        let as_of = self.backup.as_of.ok_or(Lack::Behind)?;
        let not_after = as_of + max_age;
        if now >= not_after {
            return Err(Lack::Behind);
        }
        if rules.broken(Rule::BackupShowsUncommitted) {
            for entry in self.log.above(self.data.applied) {
                self.data.apply(entry);
            }
        } else {
            // In async it may have run ahead while it was owner.
            self.data.take_back(self.data.commit);
        }
        let at = self.log.position(self.data.applied).unwrap_or_default();
        let answer = self.data.state.read(&read.query);
        Ok(Output::Reply {
            token: read.token,
            reply: Reply::Answer {
                at,
                answer,
                source: Source::Backup { as_of },
            },
            not_after: Some(not_after),
        })
    }

    /// What the committed log says of a position that a client has seen.
    pub(super) fn standing(&self, seen: Position) -> Standing {
        match self.data.lineage.standing(seen) {
            Standing::Lost if self.settings.rules.broken(Rule::LostSeenCompared) => Standing::Held,
            standing => standing,
        }
    }

    /// What the owner vouched for holds as soon as it is committed here.
    fn note_freshness(&mut self) {
        if let Some((as_of, at)) = self.backup.vouched
            && at <= self.data.commit
        {
            self.backup.as_of = self.backup.as_of.max(Some(as_of));
            self.backup.vouched = None;
        }
    }

    /// Answers the reads that can be answered by now, gives up those that have waited long enough, and
    /// asks the owner for the sake of the others.
    pub(super) fn serve_as_backup(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.backup.waiting.is_empty() {
            return;
        }
        self.note_freshness();
        let hindrance = match (self.is_backup(), self.service) {
            (false, _) => Some(Refusal::NotOwner),
            (true, false) => Some(Refusal::NotServing),
            (true, true) => None,
        };
        for waiting in std::mem::take(&mut self.backup.waiting) {
            let token = waiting.read.token;
            if let Some(refusal) = hindrance {
                out.push(Output::refuse(token, refusal));
                continue;
            }
            match self.try_as_backup(now, &waiting.read) {
                Ok(answer) => out.push(answer),
                Err(Lack::Refused(refusal)) => out.push(Output::refuse(token, refusal)),
                Err(Lack::Behind) if waiting.until <= now => {
                    out.push(Output::refuse(token, Refusal::Behind));
                }
                Err(Lack::Behind) => self.backup.waiting.push_back(waiting),
            }
        }
        if !self.backup.waiting.is_empty() {
            self.inquire(now, out);
        }
    }

    /// Asks the owner how far it has come: one question at a time.
    fn inquire(&mut self, now: Time, out: &mut Vec<Output>) {
        let Role::Follower(follower) = &self.role else {
            return;
        };
        let Some(to) = follower.owner() else {
            // Nobody answers what was asked, and there is nobody to ask again before one is known.
            (self.backup.asked, self.backup.wants_to_ask) = (None, true);
            return;
        };
        let epoch = self.promised;
        match self.backup.asked {
            Some((of, at)) if of == epoch && now < ask_again_at(at, &self.settings) => return,
            None if !self.backup.wants_to_ask => return,
            Some(_) | None => {}
        }
        self.backup.asked = Some((epoch, now));
        self.backup.wants_to_ask = false;
        let message = Message::Inquiry {
            epoch,
            life: self.life,
            asked: now,
        };
        out.push(Output::Send { to, message });
    }

    /// A backup asks how far this owner has come. Without its lease it does not know: another one may
    /// have come further.
    pub(super) fn vouch(
        &self,
        now: Time,
        from: NodeId,
        (epoch, life, asked): (Epoch, Life, Time),
        out: &mut Vec<Output>,
    ) {
        let rules = self.settings.rules;
        let Role::Owner(owner) = &self.role else {
            return;
        };
        let leased = now < owner.lease_until(rules) || rules.broken(Rule::VouchedWithoutLease);
        if owner.epoch() != epoch || !owner.synced() || !leased {
            return;
        }
        let message = Message::Vouched {
            epoch,
            life,
            asked,
            at: self.data.applied,
            commit: self.data.commit,
        };
        out.push(Output::Send { to: from, message });
    }

    /// The owner vouches.
    pub(super) fn vouched_for(
        &mut self,
        now: Time,
        from: NodeId,
        (epoch, life, asked): (Epoch, Life, Time),
        (at, commit): (Lsn, Lsn),
    ) {
        let Role::Follower(follower) = &self.role else {
            return;
        };
        let is_answer = follower.owner() == Some(from) && self.promised == epoch;
        if !is_answer || life != self.life || asked > now {
            return;
        }
        let commit = commit.min(follower.known());
        self.advance(commit);
        if self.backup.asked.is_some_and(|(_, last)| last <= asked) {
            self.backup.asked = None;
        }
        let since = match self.settings.rules.broken(Rule::StaleBeyondBound) {
            true => now,
            false => asked,
        };
        // What an earlier answer says is kept until it holds, or a later one says more.
        if self.backup.vouched.is_none_or(|(before, _)| before < since) {
            self.note_freshness();
            self.backup.vouched = Some((since, at));
        }
        self.note_freshness();
    }
}
