//! The owner's side of replication: who counts, what is committed, who is asked to leave or join.

use std::collections::BTreeSet;

use super::handover::Ending;
use super::message::{Message, Round};
use super::note::Note;
use super::peer::{Peer, Sending, Standing};
use super::peers::Peers;
use super::service::Waiting;
use super::{Output, Replica, Role};
use crate::apply::Apply;
use crate::ids::{Epoch, Incarnation, Lsn, NodeId, Position};
use crate::log::{Entry, Log};
use crate::rule::{Rule, Rules};
use crate::settings::Settings;
use crate::table::{Assignment, Change, What};
use crate::time::Time;

/// What only an owner has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    epoch: Epoch,
    /// The other replicas.
    peers: Peers,
    /// The end of the log that the owner came with. It serves when all of the in-sync set hold that
    /// much (rule R6).
    sync_target: Lsn,
    /// Whether the sync target was ever reached; kept when the owner goes on into another epoch.
    synced: bool,
    /// The last barrier that was begun (rule R9).
    barrier: u64,
    /// Who waits for an answer.
    pub(super) waiting: Waiting,
    /// It is about to hand the partition over (rule R15).
    pub(super) ending: Option<Ending>,
    asked: Option<Asked>,
    next_tick: Time,
}

/// A question to the master that is open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    what: What,
    again_at: Time,
}

/// What a replica acknowledges to hold; see [`Message::Ack`].
#[derive(Clone, Copy)]
pub(super) struct Acknowledged {
    pub(super) matched: Lsn,
    pub(super) incarnation: Incarnation,
    pub(super) whole: bool,
}

impl Owner {
    pub(super) fn new(
        me: NodeId,
        assignment: &Assignment,
        last: Position,
        sync_target: Lsn,
        now: Time,
    ) -> Self {
        Owner {
            epoch: assignment.epoch,
            peers: peers(me, assignment, last, now),
            sync_target,
            synced: false,
            barrier: 0,
            waiting: Waiting::default(),
            ending: None,
            asked: None,
            next_tick: now,
        }
    }

    /// Remembers which requests stand in the log without having been executed.
    pub(super) fn with_open_requests(mut self, log: &Log, applied: Lsn) -> Self {
        for entry in log.above(applied) {
            self.waiting.note_request(entry);
        }
        self
    }

    /// R4: in the new epoch nothing is acknowledged yet.
    pub(super) fn continue_into(
        &mut self,
        me: NodeId,
        assignment: &Assignment,
        last: Position,
        now: Time,
    ) {
        let before = std::mem::replace(&mut self.peers, peers(me, assignment, last, now));
        for (node, old) in before.iter() {
            let Some(new) = self.peers.get_mut(node) else {
                continue;
            };
            new.heard = old.heard;
            // A data image stays good in any epoch.
            if matches!(old.sending, Sending::Image { .. }) {
                new.sending = old.sending.clone();
            }
        }
        self.epoch = assignment.epoch;
        self.asked = None;
        self.next_tick = now;
    }

    /// The table names catch-ups anew, without a new epoch.
    pub(super) fn set_catch_ups(&mut self, nodes: &BTreeSet<NodeId>, last: Position, now: Time) {
        // One whose addition was asked for counts until a higher epoch: nobody knows here whether the
        // master named others before or after it made the change.
        self.peers.retain(|node, peer| match peer.standing {
            Standing::InSync(_) | Standing::Pending { asked: true } => true,
            Standing::Pending { asked: false } | Standing::CatchUp => nodes.contains(&node),
        });
        for node in nodes {
            let peer = || Peer::new(Standing::CatchUp, last, now);
            self.peers.or_insert(*node, peer);
        }
    }

    #[inline]
    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    #[inline]
    pub(super) fn synced(&self) -> bool {
        self.synced
    }

    /// Up to where something may have been acknowledged that this owner does not know to be committed.
    pub(super) fn unsynced_end(&self) -> Lsn {
        if self.synced {
            Lsn(0)
        } else {
            self.sync_target
        }
    }

    pub(super) fn peer_mut(&mut self, node: NodeId) -> Option<&mut Peer> {
        self.peers.get_mut(node)
    }

    #[inline]
    pub(super) fn peers(&self) -> &Peers {
        &self.peers
    }

    #[inline]
    pub(super) fn deadline(&self) -> Time {
        self.next_tick.min(self.waiting.deadline())
    }

    /// R1: those, besides the owner, whose acknowledgement a commit needs: `I ∪ pending`.
    #[inline]
    fn required(&self, now: Time, settings: &Settings) -> impl Iterator<Item = &Peer> {
        let rules = settings.rules;
        self.peers.values().filter(move |peer| {
            // R2: a silent one counts until the table without it is committed.
            peer.in_sync() && !(rules.broken(Rule::ShrinkAlone) && peer.silent(now, settings))
                || peer.pending() && !rules.broken(Rule::GrowUncounted)
        })
    }

    /// R3: those, besides the owner, whom a read needs: `I ∪ pending` as well.
    #[inline]
    fn required_for_reads(&self, rules: Rules) -> impl Iterator<Item = &Peer> {
        self.peers.values().filter(move |peer| {
            peer.in_sync() || peer.pending() && !rules.broken(Rule::ReadWithoutPending)
        })
    }

    /// R1: the end of what every required replica holds in this epoch, the owner's own disk
    /// included; `None` while one of them has acknowledged nothing in it.
    #[inline]
    fn held_by_all(&self, own: Lsn, now: Time, settings: &Settings) -> Option<Lsn> {
        let rules = settings.rules;
        if rules.broken(Rule::AckBeforeBackup) {
            return Some(own);
        }
        let required = self.required(now, settings);
        if rules.broken(Rule::MajorityAcks) {
            let mut held: Vec<Option<Lsn>> = required.map(|peer| peer.matched).collect();
            held.push(Some(own));
            held.sort_unstable();
            return held[(held.len() - 1) / 2];
        }
        required
            .map(|peer| peer.matched)
            .try_fold(own, |least, matched| Some(least.min(matched?)))
    }

    /// R10: until when the owner may answer without asking anybody.
    #[inline]
    pub(super) fn lease_until(&self, rules: Rules) -> Time {
        if rules.broken(Rule::LocalRead) {
            return Time::MAX;
        }
        let leases = self.required_for_reads(rules).map(|peer| peer.lease_until);
        leases.min().unwrap_or(Time::MAX)
    }

    /// R9: the last barrier that all have answered.
    #[inline]
    pub(super) fn barrier_passed(&self, rules: Rules) -> u64 {
        let barriers = self.required_for_reads(rules).map(|peer| peer.barrier);
        barriers.min().unwrap_or(self.barrier)
    }

    /// R9: the barrier that a read which arrives now must wait for. One that was not sent to anybody
    /// yet serves all reads up to then.
    pub(super) fn barrier_for_read(&mut self) -> u64 {
        if self.barrier == 0
            || self
                .peers
                .values()
                .any(|peer| peer.barrier_sent == self.barrier)
        {
            self.barrier += 1;
        }
        self.barrier
    }

    /// The end of what was sent to all who are required; an async update is done there.
    #[inline]
    pub(super) fn sent_to_all(&self, now: Time, settings: &Settings) -> Lsn {
        let sent = self.required(now, settings).map(|peer| match peer.sending {
            Sending::Stream { next } => Lsn(next.0 - 1),
            Sending::Probe(_) | Sending::Image { .. } => Lsn(0),
        });
        sent.min().unwrap_or(Lsn(u64::MAX))
    }
}

impl Owner {
    /// The entry after which those who are being caught up need all of the log; `None` if there are
    /// none. A silent one may be away for long.
    pub(super) fn needed_after(&self, now: Time, settings: &Settings) -> Option<Lsn> {
        let catch_ups = self.peers.values();
        let catch_ups = catch_ups.filter(|peer| !peer.in_sync() && !peer.silent(now, settings));
        catch_ups.map(Peer::needs_after).min()
    }
}

/// All other replicas at the beginning of an epoch. Each is asked whether it holds all of the log.
fn peers(me: NodeId, assignment: &Assignment, last: Position, now: Time) -> Peers {
    let in_sync = assignment
        .in_sync
        .iter()
        .map(|(node, life)| (*node, Standing::InSync(*life)));
    let catch_ups = assignment
        .catch_ups
        .iter()
        .map(|node| (*node, Standing::CatchUp));
    let others = in_sync.chain(catch_ups).filter(|(node, _)| *node != me);
    Peers::new(others.map(|(node, standing)| (node, Peer::new(standing, last, now))))
}

impl<A: Apply> Replica<A> {
    /// The owner's view of the peer that an answer comes from, if the answer counts.
    fn answering(
        &mut self,
        now: Time,
        from: NodeId,
        epoch: Epoch,
        round: Round,
    ) -> Option<&mut Peer> {
        let any_epoch = self.settings.rules.broken(Rule::AckAnyEpoch);
        let Role::Owner(owner) = &mut self.role else {
            return None;
        };
        // R4: acknowledgements count for their epoch only.
        if epoch != owner.epoch && !any_epoch || round.sent > now {
            return None;
        }
        let peer = owner.peers.get_mut(from)?;
        peer.heard = now;
        Some(peer)
    }

    pub(super) fn acknowledged(
        &mut self,
        now: Time,
        from: NodeId,
        epoch: Epoch,
        round: Round,
        held: Acknowledged,
        out: &mut Vec<Output>,
    ) {
        let settings = self.settings;
        let matched = held.matched.min(self.log.end());
        let commit = self.data.commit;
        let end = self.log.end();
        // A new owner does not know how far its predecessor had committed before it has synced.
        let synced = matches!(&self.role, Role::Owner(owner) if owner.synced);
        let Some(peer) = self.answering(now, from, epoch, round) else {
            return;
        };
        // R5: what another life of the data acknowledged is no longer there.
        if !settings.rules.broken(Rule::RejoinWithoutCatchUp)
            && !peer.counts_in_life(held.incarnation)
        {
            return;
        }
        peer.incarnation = Some(held.incarnation);
        peer.acknowledged(matched);
        peer.barrier = peer.barrier.max(round.barrier);
        // R10: the lease counts from when the question was sent.
        let from_when = if settings.rules.broken(Rule::LeaseFromReceipt) {
            now
        } else {
            round.sent
        };
        peer.lease_until = peer.lease_until.max(settings.lease_until(from_when));
        match peer.sending {
            // It holds what was asked for, be it on disk or not.
            Sending::Probe(asked) if round.sent >= peer.since => {
                peer.stream_after(matched.max(asked.lsn), now);
            }
            Sending::Stream { next } if next <= matched => peer.stream_after(matched, now),
            // It has the log behind the image already: commits must not wait for that.
            Sending::Image { at, .. } if at.lsn <= matched => peer.stream_after(matched, now),
            Sending::Probe(_) | Sending::Stream { .. } | Sending::Image { .. } => {}
        }
        let near = end.0 - matched.0 <= settings.grow_gap_entries
            && matches!(peer.sending, Sending::Stream { .. });
        if peer.standing == Standing::CatchUp && near {
            // R3: from now on commits and reads wait for it; its addition is asked for once it holds
            // all that is committed.
            peer.standing = Standing::Pending { asked: false };
            out.push(Output::Note(Note::CaughtUp { node: from }));
        }
        // In async more than that may be acknowledged, which a member may lack; but not have otherwise:
        // a tail of an earlier owner's, which nobody has cut yet, would come back with its failover.
        let holds = synced && held.whole && matched >= commit;
        let complete = holds || settings.rules.broken(Rule::GrowBehind);
        if peer.standing == (Standing::Pending { asked: false }) && complete {
            peer.standing = Standing::Pending { asked: true };
            self.ask(now, out);
        }
    }

    pub(super) fn mismatched(
        &mut self,
        now: Time,
        from: NodeId,
        epoch: Epoch,
        round: Round,
        hint: Position,
        out: &mut Vec<Output>,
    ) {
        let agreement = self.log.agreement(hint);
        let Some(peer) = self.answering(now, from, epoch, round) else {
            return;
        };
        if round.sent < peer.since {
            return;
        }
        match (&peer.sending, agreement) {
            // An old answer says nothing of what was asked since.
            (Sending::Probe(asked), Some(at)) if at >= *asked => {}
            (Sending::Image { .. }, _) => {}
            // Down to where the logs may agree; or, in the stream, something was lost on its way.
            (Sending::Probe(_) | Sending::Stream { .. }, Some(at)) => {
                peer.probe(at, now);
                self.send_to(from, now, out);
            }
            // A member of the in-sync set holds all that was committed, so the log reaches it.
            (_, None) if peer.in_sync() => {}
            (_, None) => {
                // Commits must not wait for an image.
                if peer.standing == (Standing::Pending { asked: false }) {
                    peer.standing = Standing::CatchUp;
                }
                self.begin_image(from, now, out);
            }
        }
    }

    /// Long-term sync: the log does not reach back far enough, so the data go as a whole.
    fn begin_image(&mut self, to: NodeId, now: Time, out: &mut Vec<Output>) {
        let (at, image) = self.data.image(&self.log, &self.settings);
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        let Some(peer) = owner.peers.get_mut(to) else {
            return;
        };
        let bytes = image.len() as u64;
        peer.sending = Sending::Image {
            at,
            image,
            received: 0,
        };
        out.push(Output::Note(Note::ImageBegan {
            node: to,
            at,
            bytes,
        }));
        self.send_to(to, now, out);
    }

    #[expect(clippy::too_many_arguments, reason = "they are the message's fields")]
    pub(super) fn image_acknowledged(
        &mut self,
        now: Time,
        from: NodeId,
        epoch: Epoch,
        round: Round,
        at: Position,
        received: u64,
        out: &mut Vec<Output>,
    ) {
        let Some(peer) = self.answering(now, from, epoch, round) else {
            return;
        };
        let Sending::Image {
            at: sending,
            image,
            received: before,
        } = &mut peer.sending
        else {
            return;
        };
        let total = image.len() as u64;
        if *sending != at || received > total || received == *before && received != total {
            return;
        }
        peer.got_on = true;
        if received == total {
            peer.probe(at, now);
        } else {
            *before = received;
        }
        self.send_to(from, now, out);
    }

    /// Sends what is next to one replica even if it is only a sign of life.
    pub(super) fn send_to(&mut self, to: NodeId, now: Time, out: &mut Vec<Output>) {
        if !self.epoch_is_durable() {
            return;
        }
        let (log, settings, commit) = (&self.log, &self.settings, self.data.commit);
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        let Some(peer) = owner.peers.get_mut(to) else {
            return;
        };
        let round = Round {
            barrier: owner.barrier,
            sent: now,
        };
        peer.sent = true;
        peer.barrier_sent = owner.barrier;
        let (previous, entries) = match &mut peer.sending {
            Sending::Image {
                at,
                image,
                received,
            } => {
                let from = usize::try_from(*received).expect("an image fits in memory");
                let to_byte = (from + settings.image_chunk_bytes).min(image.len());
                let message = Message::Image {
                    epoch: owner.epoch,
                    round,
                    at: *at,
                    offset: *received,
                    total: image.len() as u64,
                    bytes: image.slice(from..to_byte),
                };
                out.push(Output::Send { to, message });
                return;
            }
            Sending::Probe(at) => (*at, Vec::new()),
            Sending::Stream { next } => {
                let previous = Lsn(next.0 - 1);
                let Some(previous) = log.position(previous) else {
                    // It was trimmed away meanwhile: find out anew what the other one needs.
                    peer.probe(log.last(), now);
                    return;
                };
                let room = peer.has_room(settings);
                (
                    previous,
                    if room {
                        batch(log, previous.lsn, settings)
                    } else {
                        Vec::new()
                    },
                )
            }
        };
        if let Some(last) = entries.last() {
            let bytes = entries.iter().map(|entry| entry.statement.len()).sum();
            peer.sending = Sending::Stream {
                next: last.at.lsn.next(),
            };
            peer.batch_sent(last.at.lsn, bytes);
        }
        let end = log.end();
        let message = Message::Append {
            epoch: owner.epoch,
            round,
            previous,
            entries,
            end,
            commit,
        };
        out.push(Output::Send { to, message });
    }

    /// What follows from all events since the last flush.
    pub(super) fn flush_owner(&mut self, now: Time, out: &mut Vec<Output>) {
        // An owner says nothing in an epoch before it is on disk that it entered it.
        if !self.epoch_is_durable() {
            return;
        }
        self.advance_commit(now, out);
        self.send_news(now, out);
        self.answer(now, out);
        if self.wish_to_end(now).is_some() {
            self.ask(now, out);
        }
    }

    /// R1, R6: moves the commit mark, and begins to serve when the in-sync set holds the log that
    /// the owner came with.
    fn advance_commit(&mut self, now: Time, out: &mut Vec<Output>) {
        let durable_end = self.durable_end();
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        let held = owner.held_by_all(durable_end, now, &self.settings);
        let synced = held.is_some_and(|held| held >= owner.sync_target)
            || self.settings.rules.broken(Rule::ServeBeforeSync);
        if synced && !owner.synced {
            owner.synced = true;
            out.push(Output::Note(Note::Serving { epoch: owner.epoch }));
        }
        let Some(held) = held else { return };
        if owner.synced && held > self.data.commit {
            let executed = |state: &A, entry: &Entry, outcome| {
                owner.waiting.executed(state, entry, outcome);
            };
            self.data
                .execute_and_commit(&self.log, held, &self.settings, executed);
        }
    }

    /// Sends entries, and barriers, that were not sent yet.
    fn send_news(&mut self, now: Time, out: &mut Vec<Output>) {
        let end = self.log.end();
        let Role::Owner(owner) = &self.role else {
            return;
        };
        for place in 0..owner.peers.len() {
            loop {
                let Role::Owner(owner) = &self.role else {
                    return;
                };
                let Some((node, peer)) = owner.peers.at(place) else {
                    return;
                };
                let entries = matches!(peer.sending, Sending::Stream { next } if next <= end)
                    && peer.has_room(&self.settings);
                let barrier =
                    peer.standing != Standing::CatchUp && peer.barrier_sent < owner.barrier;
                let first = matches!(peer.sending, Sending::Probe(_)) && !peer.sent;
                if !entries && !barrier && !first {
                    break;
                }
                self.send_to(node, now, out);
            }
        }
    }

    pub(super) fn tick_owner(&mut self, now: Time, out: &mut Vec<Output>) {
        let settings = self.settings;
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        owner.waiting.expire(now, out);
        if let Some(ending) = &mut owner.ending {
            ending.expire(now, out);
        }
        if now < owner.next_tick {
            return;
        }
        owner.next_tick = now.next_multiple(settings.replication_interval());
        let last = self.log.last();
        let mut due = Vec::new();
        for (node, peer) in owner.peers.iter_mut() {
            let unheard = match &peer.sending {
                Sending::Probe(_) => true,
                Sending::Image { .. } => !peer.got_on,
                Sending::Stream { next } => {
                    let open = peer.matched.is_none_or(|matched| matched.next() < *next);
                    let stuck = open && peer.sent && !peer.got_on;
                    if stuck {
                        // What was sent may be lost, or its disk is slow: ask first.
                        let sent = self.log.position(Lsn(next.0 - 1));
                        peer.probe(sent.unwrap_or(last), now);
                    }
                    stuck || !peer.sent
                }
            };
            if unheard {
                due.push(node);
            }
            (peer.sent, peer.got_on) = (false, false);
        }
        for node in due {
            self.send_to(node, now, out);
        }
        self.ask(now, out);
    }

    /// R2, R3: what the owner wants the master to change. A silent backup is to leave; a catch-up
    /// whose addition was asked for is to join, or its addition is to be withdrawn if it is silent, or
    /// is a catch-up no more, so that the master will never add it.
    fn wish(&mut self, now: Time) -> Option<What> {
        let settings = self.settings;
        let Role::Owner(owner) = &mut self.role else {
            return None;
        };
        let mut silent = BTreeSet::new();
        let mut growth = None;
        for (node, peer) in owner.peers.iter_mut() {
            let is_silent = peer.silent(now, &settings);
            match peer.standing {
                Standing::InSync(_) if is_silent => {
                    silent.insert(node);
                }
                // Nobody else knows that it counted.
                Standing::Pending { asked: false } if is_silent => {
                    peer.standing = Standing::CatchUp;
                }
                Standing::Pending { asked: true }
                    if is_silent || !self.assigned.catch_ups.contains(&node) =>
                {
                    growth = Some(What::Renew);
                }
                Standing::Pending { asked: true } if growth.is_none() => {
                    growth = peer.incarnation.map(|life| What::Grow(node, life));
                }
                Standing::InSync(_) | Standing::Pending { .. } | Standing::CatchUp => {}
            }
        }
        match silent.is_empty() {
            true => self.wish_to_end(now).or(growth),
            false => Some(What::Shrink(silent)),
        }
    }

    /// Asks the master for what is wished, again every heartbeat until the table shows an answer.
    fn ask(&mut self, now: Time, out: &mut Vec<Output>) {
        let wish = self.wish(now);
        let (partition, again_at) = (self.partition, now + self.settings.heartbeat);
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        let asked_before = owner.asked.take();
        let Some(what) = wish else { return };
        owner.asked = match asked_before {
            Some(asked) if asked.what == what && now < asked.again_at => Some(asked),
            before => {
                if let (What::Shrink(silent), None) = (&what, before) {
                    let notes = silent.iter().map(|node| Note::BackupSilent { node: *node });
                    out.extend(notes.map(Output::Note));
                }
                let change = Change {
                    partition,
                    base: owner.epoch,
                    what: what.clone(),
                };
                out.push(Output::Ask(change));
                Some(Asked {
                    what: what.clone(),
                    again_at,
                })
            }
        };
        self.give_back_early(&what, out);
    }
}

/// The entries after `previous` that fit in one message.
fn batch(log: &Log, previous: Lsn, settings: &Settings) -> Vec<Entry> {
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        let first = bytes == 0;
        bytes += entry.statement.len() + 1;
        first || bytes <= settings.append_limit_bytes
    };
    log.above(previous).take_while(fits).cloned().collect()
}
