//! Listening to an owner: as backup or as catch-up, which makes no difference here.

use bytes::Bytes;

use super::message::{Message, Round};
use super::note::Note;
use super::{Allegiance, Data, Output, Replica, Role};
use crate::apply::Apply;
use crate::ids::{Epoch, Lsn, NodeId, Position};
use crate::log::{Entry, Log};
use crate::record::Record;
use crate::rule::Rule;
use crate::time::Time;

/// Who is followed in the promised epoch, and how far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Follower {
    /// The owner, once it was heard.
    owner: Option<NodeId>,
    /// The prefix of the log known to equal the owner's.
    known: Lsn,
    /// Of the youngest message that was taken over; `None` before the first.
    round: Option<Round>,
    /// The prefix that was last acknowledged.
    acknowledged: Option<Lsn>,
    /// An answer is due even if no further entry is on disk.
    answer_due: bool,
    /// The data image that is coming in.
    incoming: Option<Incoming>,
}

/// A data image of which parts have arrived.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Incoming {
    from: NodeId,
    at: Position,
    total: u64,
    received: Vec<u8>,
}

impl Follower {
    pub(super) fn known(&self) -> Lsn {
        self.known
    }

    pub(super) fn owner(&self) -> Option<NodeId> {
        self.owner
    }
}

impl<A: Apply> Replica<A> {
    /// Whether the owner `from` of `epoch` is to be listened to. Joins its epoch first, if that is
    /// higher than the promised one and no promise to another owner stands against it.
    pub(super) fn listen(
        &mut self,
        now: Time,
        from: NodeId,
        epoch: Epoch,
        out: &mut Vec<Output>,
    ) -> bool {
        if let Some(promised) = self.fence(from, epoch) {
            out.push(Output::Send {
                to: from,
                message: Message::Fenced { promised },
            });
            return false;
        }
        self.learn_of(epoch, from);
        if epoch > self.promised {
            if !self.free_for(now, from) {
                return false;
            }
            self.join(from, epoch, out);
        }
        let Role::Follower(follower) = &mut self.role else {
            return false;
        };
        if follower.owner.is_none() {
            // After a restart, or after stepping down: the epoch was promised before.
            follower.owner = Some(from);
            follower.known = known_at_first(&self.log, self.log_epoch == epoch);
        }
        // R14: it acknowledges nothing, and stands by nobody, before somebody has looked at its log.
        if !self.doubt.may_follow() {
            self.ask_owner(now, from, epoch, out);
            return false;
        }
        // R10: from here on this replica stands by the owner.
        self.allegiance = Allegiance {
            to: Some(from),
            until: now + self.settings.lease(),
        };
        true
    }

    /// R4: the higher epoch for which the owner `from` of `epoch` is refused, if it is. Besides the
    /// promise, that is one of another owner which is known to exist: support for the old owner would
    /// renew its lease for ever, and the new one could never be promised (liveness, not safety).
    pub(super) fn fence(&self, from: NodeId, epoch: Epoch) -> Option<Epoch> {
        if self.settings.rules.broken(Rule::AcceptOldEpoch) {
            return None;
        }
        let (known, owner) = self.known;
        let superseded = if owner == from { Epoch(0) } else { known };
        let fence = self.promised.max(superseded);
        (epoch < fence).then_some(fence)
    }

    /// Notes that `owner` was given `epoch`.
    pub(super) fn learn_of(&mut self, epoch: Epoch, owner: NodeId) {
        if epoch > self.known.0 {
            self.known = (epoch, owner);
        }
    }

    /// R10: whether no promise to another owner is in force.
    pub(super) fn free_for(&self, now: Time, owner: NodeId) -> bool {
        self.allegiance.to == Some(owner) || self.allegiance.until <= now
    }

    fn join(&mut self, owner: NodeId, epoch: Epoch, out: &mut Vec<Output>) {
        // Parts of a data image stay good: it holds committed entries only.
        let incoming = match &mut self.role {
            Role::Follower(follower) => follower.incoming.take(),
            _ => None,
        };
        self.step_down(out);
        self.doubt.of_another_epoch();
        self.backup.of_another_epoch();
        self.promised = epoch;
        if self.settings.rules.broken(Rule::OneEpochNumber) {
            self.log_epoch = epoch;
        }
        self.role = Role::Follower(Follower {
            owner: Some(owner),
            known: known_at_first(&self.log, self.log_epoch == epoch),
            incoming: incoming.filter(|incoming| incoming.from == owner),
            ..Follower::default()
        });
        out.push(Output::Note(Note::Followed { owner, epoch }));
    }

    /// Takes over what the owner's log has after `previous`, if this log holds `previous`.
    pub(super) fn append(
        &mut self,
        round: Round,
        previous: Position,
        entries: Vec<Entry>,
        end: Lsn,
        commit: Lsn,
        out: &mut Vec<Output>,
    ) {
        let consecutive = entries
            .iter()
            .zip(previous.lsn.0 + 1..)
            .all(|(entry, lsn)| entry.at.lsn == Lsn(lsn));
        if !consecutive {
            return;
        }
        // R6: whoever enters an epoch holds all that was committed before. After a loss that was told (R5,
        // R14) an owner may lack some of it, and must not be told that its log is this one.
        if self.log_epoch < self.promised && end < self.data.commit {
            out.push(Output::Note(Note::CommittedEntryContradicted {
                lsn: end.next(),
            }));
            return;
        }
        // What is at or below the base was committed, so every owner's log has it.
        let held = previous.lsn < self.log.base().lsn || self.log.holds(previous);
        if !held {
            self.answer_mismatch(round, previous, out);
            return;
        }
        let reach = Lsn(previous.lsn.0 + entries.len() as u64);
        let had = self.log.end();
        for entry in entries {
            if !self.take_over(entry, out) {
                return;
            }
        }
        self.recognize(reach, end, out);
        let Role::Follower(follower) = &mut self.role else {
            return;
        };
        let grown = self.log.end() > had;
        // An answer to entries waits for the disk; a barrier or a sign of life does not.
        follower.answer_due |= !grown
            || follower
                .round
                .is_none_or(|last| last.barrier < round.barrier);
        follower.round = follower.round.max(Some(round));
        let commit = commit.min(follower.known);
        self.advance(commit);
    }

    /// Puts one entry of the owner's into the log; `false` if that cannot be.
    fn take_over(&mut self, entry: Entry, out: &mut Vec<Output>) -> bool {
        let lsn = entry.at.lsn;
        if lsn <= self.log.base().lsn {
            return true;
        }
        match self.log.position(lsn) {
            Some(at) if at == entry.at => return true,
            // R7: a tail that differs from the owner's log gives way to it.
            Some(_) if self.settings.rules.broken(Rule::KeepDivergentTail) => return true,
            Some(_) if !self.cut(Lsn(lsn.0 - 1), out) => return false,
            Some(_) | None => {}
        }
        self.log.push(entry);
        true
    }

    /// R7: how much of the log is now known to equal the owner's. `reach` is the end of what was
    /// just compared, `end` that of the owner's log when it was sent.
    fn recognize(&mut self, reach: Lsn, end: Lsn, out: &mut Vec<Output>) {
        let reach = reach.max(self.log.base().lsn);
        if self.log_epoch < self.promised {
            // The owner had nothing beyond `end`, and what it appends later has its own epoch: what
            // this log has beyond is no part of the owner's.
            let divergent = reach >= end && self.log.end() > reach;
            if divergent && !self.settings.rules.broken(Rule::KeepDivergentTail) {
                self.cut(reach, out);
            }
            if self.log.end() <= reach {
                self.log_epoch = self.promised;
            }
        }
        let whole = self.log_epoch == self.promised;
        let Role::Follower(follower) = &mut self.role else {
            return;
        };
        follower.known = follower
            .known
            .max(if whole { self.log.end() } else { reach });
    }

    /// Drops the log above `keep`; `false` if that would drop what was committed, which no owner
    /// may ask for.
    fn cut(&mut self, keep: Lsn, out: &mut Vec<Output>) -> bool {
        if keep < self.data.commit {
            out.push(Output::Note(Note::CommittedEntryContradicted {
                lsn: keep.next(),
            }));
            return false;
        }
        self.data
            .take_back(keep.max(self.data.commit).min(self.data.applied));
        let entries = self.log.cut(keep);
        self.written.cut(keep);
        out.push(Output::Note(Note::TailCut {
            keep,
            entries: entries.len() as u64,
        }));
        out.push(Output::CutOff { entries });
        true
    }

    fn answer_mismatch(&mut self, round: Round, previous: Position, out: &mut Vec<Output>) {
        let Role::Follower(follower) = &self.role else {
            return;
        };
        let Some(owner) = follower.owner else { return };
        let hint = self.log.agreement(previous).unwrap_or(self.log.base());
        let message = Message::Mismatch {
            epoch: self.promised,
            round,
            hint,
        };
        out.push(Output::Send { to: owner, message });
    }

    /// One part of a data image.
    #[expect(clippy::too_many_arguments, reason = "they are the message's fields")]
    pub(super) fn image_part(
        &mut self,
        from: NodeId,
        round: Round,
        at: Position,
        offset: u64,
        total: u64,
        bytes: &Bytes,
        out: &mut Vec<Output>,
    ) {
        let Role::Follower(follower) = &mut self.role else {
            return;
        };
        // R12: the log may have come as far by itself meanwhile, and hold more than the image that the owner
        // counts on already.
        let is_here = at.lsn <= self.data.commit || self.log.holds(at);
        let received = if is_here {
            total
        } else {
            let same = |incoming: &&mut Incoming| incoming.at == at && incoming.total == total;
            let incoming = match follower.incoming.as_mut().filter(same) {
                Some(incoming) => incoming,
                None => follower.incoming.insert(Incoming {
                    from,
                    at,
                    total,
                    received: Vec::new(),
                }),
            };
            let here = incoming.received.len() as u64;
            if offset == here && here + bytes.len() as u64 <= total {
                incoming.received.extend_from_slice(bytes);
            }
            incoming.received.len() as u64
        };
        let whole = received == total && !is_here;
        let image = whole.then(|| follower.incoming.take()).flatten();
        if let Some(incoming) = image {
            self.install(at, incoming.received.into(), out);
        }
        let message = Message::ImageAck {
            epoch: self.promised,
            round,
            at,
            received,
        };
        out.push(Output::Send { to: from, message });
    }

    /// R12: a data image replaces what was there, at once and as a whole.
    fn install(&mut self, at: Position, image: Bytes, out: &mut Vec<Output>) {
        let Ok((place, data)) = Data::restore(&image) else {
            out.push(Output::Note(Note::ImageRefused { at }));
            return;
        };
        if place != at {
            out.push(Output::Note(Note::ImageRefused { at }));
            return;
        }
        let entries: Vec<Entry> = self.log.above(self.data.commit).cloned().collect();
        if !entries.is_empty() {
            out.push(Output::CutOff { entries });
        }
        self.data = data;
        self.log = Log::after(at);
        self.log_epoch = self.promised;
        self.written.cut(Lsn(0));
        let record = Record::Image {
            promised: self.promised,
            log_epoch: self.log_epoch,
            at,
            image,
        };
        let mark = self.mark();
        out.push(Output::Persist {
            ticket: self.hand_over(mark),
            record,
        });
        out.push(Output::Note(Note::ImageInstalled { at }));
        let Role::Follower(follower) = &mut self.role else {
            return;
        };
        follower.known = at.lsn;
    }

    /// R5: acknowledges what is on disk.
    pub(super) fn flush_follower(&mut self, out: &mut Vec<Output>) {
        let promise_is_durable =
            self.epoch_is_durable() || self.settings.rules.broken(Rule::AckBeforeFsync);
        let durable_end = self.durable_end();
        let Role::Follower(follower) = &mut self.role else {
            return;
        };
        let (Some(owner), true) = (follower.owner, promise_is_durable) else {
            return;
        };
        let matched = follower.known.min(durable_end);
        if !follower.answer_due && follower.acknowledged.is_some_and(|last| last >= matched) {
            return;
        }
        let Some(round) = follower.round else { return };
        follower.answer_due = false;
        follower.acknowledged = Some(matched);
        self.doubt.acknowledged(matched);
        let message = Message::Ack {
            epoch: self.promised,
            round,
            matched,
            incarnation: self.incarnation,
            whole: self.log_epoch == self.promised,
        };
        out.push(Output::Send { to: owner, message });
    }

    /// Executes and commits what the owner says is committed.
    pub(super) fn advance(&mut self, commit: Lsn) {
        if commit > self.data.commit {
            self.data
                .execute_and_commit(&self.log, commit, &self.settings, |_, _, _| {});
        }
    }
}

/// What is known to equal a new owner's log before anything was compared: everything, if the log was
/// that owner's already (before a restart); else what was committed.
fn known_at_first(log: &Log, is_the_owners: bool) -> Lsn {
    if is_the_owners {
        log.end()
    } else {
        log.base().lsn
    }
}
