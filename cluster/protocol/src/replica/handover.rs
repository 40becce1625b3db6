//! A planned change of the owner (rule R15): the one that leaves hands its partition over, and gives back
//! the promises that it relied on, so that nobody waits for them to run out.
//!
//! The owner takes no more updates, and waits until all of its log is committed; then it asks for the
//! change. Reads go on. When the table names the other one, it has ended its epoch: it promises the next
//! one, and as soon as that is on disk it says so to all that stand by it. What it still had to answer has
//! been given out by then, in an earlier batch.

use super::{Output, Replica, Role};
use crate::apply::Apply;
use crate::ids::{Epoch, NodeId};
use crate::replica::message::Message;
use crate::replica::note::Note;
use crate::request::{Execute, Refusal};
use crate::rule::Rule;
use crate::table::What;
use crate::time::Time;

/// An owner that is about to end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ending {
    /// Who is to follow it.
    to: NodeId,
    /// When it goes on itself, if nothing has come of it.
    until: Time,
    /// Updates that have come since: they wait for what comes of it.
    held: Vec<Execute>,
}

impl Ending {
    /// Who is to follow it, unless it has waited for too long.
    fn successor(&self, now: Time) -> Option<NodeId> {
        (now < self.until).then_some(self.to)
    }

    /// An update waits for what comes of it.
    pub(super) fn hold(&mut self, update: Execute) {
        self.held.push(update);
    }

    /// Tells those whose deadline has come that their updates had no effect.
    pub(super) fn expire(&mut self, now: Time, out: &mut Vec<Output>) {
        self.held.retain(|update| {
            let waits = now < update.deadline;
            if !waits {
                out.push(Output::refuse(update.token, Refusal::TimedOut));
            }
            waits
        });
    }

    /// The updates that wait will not be executed here.
    pub(super) fn abandon(&mut self, why: Refusal, out: &mut Vec<Output>) {
        let held = self.held.drain(..);
        out.extend(held.map(|update| Output::refuse(update.token, why)));
    }
}

/// What a former owner still has to say to those who stood by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct GivingBack {
    /// The epoch that it has ended.
    ended: Epoch,
    /// The one that it has promised since.
    next: Epoch,
    /// The owner of that one.
    owner: NodeId,
    to: Vec<NodeId>,
}

impl<A: Apply> Replica<A> {
    /// The master wishes that the owner of `epoch` hands the partition over to `to`.
    pub(super) fn begin_to_end(
        &mut self,
        now: Time,
        epoch: Epoch,
        to: NodeId,
        out: &mut Vec<Output>,
    ) {
        let (settings, service) = (self.settings, self.service);
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        let has_it = |node| {
            let peer = owner.peers().iter().find(|(other, _)| *other == node);
            peer.is_some_and(|(_, peer)| peer.in_sync() && !peer.silent(now, &settings))
        };
        let serves = service && owner.synced() && owner.epoch() == epoch;
        if !serves || owner.ending.is_some() || !has_it(to) {
            return;
        }
        owner.ending = Some(Ending {
            to,
            until: now + settings.hand_over_limit(),
            held: Vec::new(),
        });
        out.push(Output::Note(Note::HandsOver { to, epoch }));
    }

    /// What an owner that is about to end wants the master to change: that it ends, once all that it
    /// was told is committed; or, if that takes too long, that nothing of the kind happens.
    pub(super) fn wish_to_end(&self, now: Time) -> Option<What> {
        let Role::Owner(owner) = &self.role else {
            return None;
        };
        let ending = owner.ending.as_ref()?;
        match ending.successor(now) {
            Some(to) if self.data.commit == self.log.end() => Some(What::HandOver(to)),
            Some(_) => None,
            None => Some(What::Renew),
        }
    }

    /// The owner goes on in another epoch. Whoever was to follow it still is, or the updates that have
    /// come meanwhile are executed.
    pub(super) fn end_or_go_on(&mut self, now: Time, out: &mut Vec<Output>) {
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        let in_sync = &self.assigned.in_sync;
        let successor = owner.ending.as_ref().and_then(|e| e.successor(now));
        if successor.is_some_and(|to| in_sync.contains_key(&to)) {
            return;
        }
        for update in owner.ending.take().into_iter().flat_map(|e| e.held) {
            self.execute(update, out);
        }
    }

    /// What has to be given back when this owner learns that `owner` has been given `epoch`. `None` unless
    /// it asked for that: others find out by themselves, and wait.
    pub(super) fn gives_back(&self, owner: NodeId, epoch: Epoch) -> Option<GivingBack> {
        let Role::Owner(former) = &self.role else {
            return None;
        };
        let ends = former.ending.is_some() && former.epoch() < epoch && owner != self.me;
        ends.then(|| GivingBack {
            ended: former.epoch(),
            next: epoch,
            owner,
            to: former.peers().iter().map(|(node, _)| node).collect(),
        })
    }

    /// R15: the epoch has ended here, and is promised away.
    pub(super) fn begin_to_give_back(&mut self, giving_back: GivingBack) {
        self.promised = self.promised.max(giving_back.next);
        self.giving_back = Some(giving_back);
    }

    /// R15: once the promise is on disk, those that stood by this owner are told.
    pub(super) fn give_back(&mut self, out: &mut Vec<Output>) {
        let durable = self.written.durable().promised;
        if let Some(giving_back) = self.giving_back.take_if(|given| given.next <= durable) {
            out.extend(giving_back.messages());
        }
    }

    /// R15 broken: the lease is given back with the question to the master, and relied on all the same.
    pub(super) fn give_back_early(&self, what: &What, out: &mut Vec<Output>) {
        if let (What::HandOver(to), Role::Owner(owner)) = (what, &self.role)
            && self.settings.rules.broken(Rule::LeaseGivenBackEarly)
        {
            let (ended, next) = (owner.epoch(), owner.epoch().next());
            let giving_back = GivingBack {
                ended,
                next,
                owner: *to,
                to: owner.peers().iter().map(|(node, _)| node).collect(),
            };
            out.extend(giving_back.messages());
        }
    }

    /// R15: the former owner `from` relies no more on what this replica has promised it in the epoch
    /// `ended`. A promise of another epoch stands; so does one of which this replica does not know, after a
    /// start, to whom it was given.
    pub(super) fn released(
        &mut self,
        now: Time,
        from: NodeId,
        (ended, next, owner): (Epoch, Epoch, NodeId),
        out: &mut Vec<Output>,
    ) {
        if self.promised != ended || self.allegiance.to != Some(from) {
            return;
        }
        // What the former owner has sent before may come later, and is not listened to any more.
        self.learn_of(next, owner);
        self.allegiance.until = self.allegiance.until.min(now);
        if let Role::Entering(epoch) = self.role {
            self.try_to_enter(now, epoch, out);
        }
    }
}

impl GivingBack {
    fn messages(self) -> impl Iterator<Item = Output> {
        let GivingBack {
            ended,
            next,
            owner,
            to,
        } = self;
        let message = Message::Released { ended, next, owner };
        to.into_iter().map(move |to| Output::Send {
            to,
            message: message.clone(),
        })
    }
}
