//! A node that is about to stop says goodbye first (rule M7): nobody has to find out that it is gone.
//!
//! It tells the master, again and again. The master wishes that it hands its partitions over (rule R15),
//! and takes it out of in-sync sets that keep two copies without it; where fewer would be left, it is
//! expected back for a while, and updates wait for it. A master that stops does the same for itself, and
//! then opens the next term: it elects another one, and tells that one goodbye. When nothing is left to be
//! done, it may stop. So it may when most of the cluster stops: then there is nobody to hand anything over
//! to, and nobody is taken out.
//!
//! That a node has said goodbye is kept in the master's memory only; a new master is told again by those
//! that are still there.

use std::collections::{BTreeMap, BTreeSet};

use super::failover::{Load, View};
use super::rebase::Shift;
use super::reign::Reign;
use super::state::Role;
use super::{Coordinator, Message, Note, Output, Wish};
use crate::ids::{Epoch, Life, NodeId, PartitionId, Term};
use crate::rule::Rule;
use crate::settings::Settings;
use crate::table::{Assignment, Change, What};
use crate::time::Time;

/// Where a node is taken out of an in-sync set, so many copies are left.
const COPIES_LEFT: usize = 2;

/// This node is about to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Goodbye {
    /// When it was first said.
    began: Time,
    /// When it is said again.
    say_at: Time,
    /// When the master was heard last about it.
    answered: Time,
    /// Nothing is left to be done.
    done: bool,
}

impl Goodbye {
    pub(super) fn deadline(&self) -> Time {
        if self.done { Time::MAX } else { self.say_at }
    }

    pub(super) fn rebase(&mut self, shift: Shift, settings: &Settings) {
        shift.past(&mut self.began, settings.goodbye_limit());
        shift.ahead(&mut self.say_at);
        shift.past(&mut self.answered, settings.goodbye_patience());
    }
}

/// Those that have said goodbye to this master, until they return, or are not expected back any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Parting(BTreeMap<NodeId, Expected>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Expected {
    /// The start that ends: after the next one it is back.
    life: Life,
    /// From when on something is done about it. Others may be about to stop as well: when most of the
    /// cluster stops, nothing is.
    from: Time,
    /// Until when it is expected back.
    until: Time,
}

impl Parting {
    /// `node` says goodbye in this life; whether that is news.
    fn says(&mut self, now: Time, node: NodeId, life: Life, settings: &Settings) -> bool {
        let known = self.0.get(&node).filter(|said| said.life == life);
        let from = known.map(|said| said.from);
        let expected = Expected {
            life,
            from: from.unwrap_or(now + settings.goodbye_interval()),
            until: now + settings.return_limit(),
        };
        self.0.insert(node, expected);
        from.is_none()
    }

    /// `node` is heard, in this life.
    pub(super) fn heard(&mut self, node: NodeId, life: Life) {
        if self.0.get(&node).is_some_and(|said| said.life != life) {
            self.0.remove(&node);
        }
    }

    /// Those that are expected back are all that are left.
    pub(super) fn expire(&mut self, now: Time) {
        self.0.retain(|_, expected| now < expected.until);
    }

    /// All of them.
    pub(super) fn nodes(&self) -> BTreeSet<NodeId> {
        self.0.keys().copied().collect()
    }

    /// Those about whom something is done by now.
    pub(super) fn since_a_while(&self, now: Time) -> BTreeSet<NodeId> {
        let known = self.0.iter().filter(|(_, said)| said.from <= now);
        known.map(|(node, _)| *node).collect()
    }

    pub(super) fn rebase(&mut self, shift: Shift) {
        for expected in self.0.values_mut() {
            shift.ahead(&mut expected.from);
            shift.ahead(&mut expected.until);
        }
    }
}

/// As one that is about to stop.
impl Coordinator {
    /// The node is to stop.
    pub(super) fn say_goodbye(&mut self, now: Time) {
        if self.goodbye.is_none() {
            self.goodbye = Some(Goodbye {
                began: now,
                say_at: now,
                answered: now,
                done: false,
            });
            self.go_on_with_goodbye(now);
        }
    }

    /// Says it again, if it is time for that.
    pub(super) fn go_on_with_goodbye(&mut self, now: Time) {
        let Some(goodbye) = self.goodbye.as_mut().filter(|g| g.deadline() <= now) else {
            return;
        };
        let settings = &self.fixed.settings;
        goodbye.say_at = now + settings.goodbye_interval();
        let patient = now < goodbye.answered + settings.goodbye_patience()
            && now < goodbye.began + settings.goodbye_limit();
        let me = self.fixed.me.id;
        let alone = self.voters().iter().all(|voter| *voter == me);
        let at_once = self.fixed.settings.rules.broken(Rule::StopAtOnce);
        if !patient || alone || at_once || self.committed.is_none() || !self.takes_part() {
            return self.may_stop();
        }
        let term = self.term();
        let life = self.fixed.life;
        match &self.role {
            // Somebody is elected soon, or it gives up.
            Role::Electing(_) => {}
            Role::Following(following) => {
                let master = following.master;
                self.send(master, Message::Goodbye { term, life });
            }
            Role::Reigning(_) => self.part_with(now, me, life),
        }
    }

    /// The master answers.
    pub(super) fn goodbye_answered(
        &mut self,
        now: Time,
        (term, life): (Term, Life),
        wishes: Vec<Wish>,
        done: bool,
    ) {
        let Some(goodbye) = &mut self.goodbye else {
            return;
        };
        if term != self.disk.term() || life != self.fixed.life {
            return;
        }
        goodbye.answered = now;
        if done {
            return self.may_stop();
        }
        if !wishes.is_empty() {
            self.disk.say(Output::HandOver(wishes));
        }
    }

    fn may_stop(&mut self) {
        if let Some(goodbye) = &mut self.goodbye
            && !std::mem::replace(&mut goodbye.done, true)
        {
            self.disk.say(Output::MayStop);
        }
    }

    /// Whether it takes part in elections as one that may win: not if it is about to stop.
    pub(super) fn stays(&self) -> bool {
        self.goodbye.is_none()
    }
}

/// What is left to be done for a node before it stops.
struct Left {
    /// What it is to hand over.
    wishes: Vec<Wish>,
    /// Others are to take over as well, as soon as they say that they have everything.
    waits: bool,
    /// Nothing is.
    done: bool,
}

/// As master.
impl Coordinator {
    /// A node says goodbye.
    pub(super) fn hear_goodbye(&mut self, now: Time, from: NodeId, term: Term, life: Life) {
        if term == self.term() && matches!(self.role, Role::Reigning(_)) {
            self.part_with(now, from, life);
        }
    }

    /// Does what is left to be done for a node that is about to stop, and tells it.
    fn part_with(&mut self, now: Time, node: NodeId, life: Life) {
        let Role::Reigning(reign) = &mut self.role else {
            return;
        };
        if reign.parting.says(now, node, life, &self.fixed.settings) {
            self.note(Note::Parts { node });
        }
        self.propose_next(now);
        let Some(Left {
            wishes,
            waits,
            done,
        }) = self.left_to_do(now, node)
        else {
            return;
        };
        if waits {
            // The next heartbeat may be far.
            self.beat_all(now);
        }
        let term = self.term();
        if node != self.fixed.me.id {
            let message = Message::Parting {
                term,
                life,
                wishes,
                done,
            };
            return self.send(node, message);
        }
        let answer = (term, life);
        match self.has_successor() {
            true if done => self.abdicate(now),
            has_any => self.goodbye_answered(now, answer, wishes, done && !has_any),
        }
    }

    /// What is left to be done before `node` stops.
    fn left_to_do(&mut self, now: Time, node: NodeId) -> Option<Left> {
        let committed = self.committed.clone()?;
        let settled = committed.stamp == self.disk.stamp();
        let view = self.view(now, &committed)?;
        let mut load = Load::of(&committed.partitions);
        let numbered = (0..).map(PartitionId).zip(&committed.partitions);
        let wishes = view.wishes_of(node, numbered.clone(), &mut load);
        let to_hand_over = |(_, assignment): &(PartitionId, &Assignment)| {
            assignment.owner == node && view.stay_with_copy(node, assignment).next().is_some()
        };
        let to_hand_over = numbered.clone().filter(to_hand_over).count();
        let stays = |(_, assignment): (PartitionId, &Assignment)| {
            !view.parts_from(assignment).contains(&node)
        };
        let looked = view.parting.contains(&node) || !self.has_successor();
        let idle = to_hand_over == 0 && numbered.clone().all(stays);
        Some(Left {
            waits: looked && wishes.len() < to_hand_over,
            wishes,
            done: looked && settled && idle,
        })
    }

    /// Whether a majority stays, so that another one can be elected.
    fn has_successor(&self) -> bool {
        let (Role::Reigning(reign), Some(table)) = (&self.role, self.accepted()) else {
            return false;
        };
        reign.is_enough_without_parting(self.fixed.me.id, table)
    }

    /// This master opens the next term, in which it elects another one. No majority has missed it: nobody
    /// else may do so (rule M1, "no disturbance").
    fn abdicate(&mut self, now: Time) {
        let term = self.term();
        self.note(Note::Abdicated { term });
        if let Some(goodbye) = &mut self.goodbye {
            goodbye.answered = now;
        }
        self.raise_term(now, term, &BTreeSet::new());
    }
}

impl Reign {
    /// Whether a majority is alive and stays. If not, the cluster stops.
    pub(super) fn is_enough_without_parting(
        &self,
        me: NodeId,
        table: &crate::table::Table,
    ) -> bool {
        let parting = self.parting.nodes();
        let alive = self.alive(me, table);
        alive.difference(&parting).count() >= table.quorum()
    }
}

impl View {
    /// What `node`, which is about to stop, is to hand over: each of its partitions to the member of the
    /// in-sync set that owns least, if there is one that stays.
    pub(super) fn wishes_of<'a>(
        &self,
        node: NodeId,
        partitions: impl Iterator<Item = (PartitionId, &'a Assignment)>,
        load: &mut Load,
    ) -> Vec<Wish> {
        let mut wishes = Vec::new();
        if !self.parting.contains(&node) {
            return wishes;
        }
        for (partition, assignment) in partitions.filter(|(_, a)| a.owner == node) {
            let is_ready = |other: &NodeId| {
                self.reported.contains(other) && self.is_confirmed(partition, assignment, *other)
            };
            let others = self.stay_with_copy(node, assignment);
            let to = others
                .filter(is_ready)
                .min_by_key(|other| (load.owned(*other), *other));
            if let Some(to) = to {
                load.gives(node, to);
                wishes.push(Wish {
                    partition,
                    epoch: assignment.epoch,
                    to,
                });
            }
        }
        wishes
    }

    /// Who may own this partition when `node` has stopped, perhaps only after it has told more of itself.
    fn stay_with_copy<'a>(
        &'a self,
        node: NodeId,
        assignment: &'a Assignment,
    ) -> impl Iterator<Item = NodeId> + 'a {
        let others = assignment.in_sync.keys().copied();
        others.filter(move |other| {
            let goes = self.parting.contains(other) || self.leaving.contains(other);
            let room = !self.roomless.contains(other);
            *other != node && self.alive.contains(other) && room && !goes
        })
    }

    /// The backups that are about to stop, and are taken out of the in-sync set: as long as two copies
    /// that are alive are left without them.
    pub(super) fn parts_from(&self, assignment: &Assignment) -> BTreeSet<NodeId> {
        let members = assignment.in_sync.keys();
        let (parting, staying): (Vec<NodeId>, Vec<NodeId>) = members
            .copied()
            .partition(|node| self.parting.contains(node));
        let left = staying.iter().filter(|node| self.alive.contains(node));
        let enough = left.count() >= COPIES_LEFT.max(self.min_in_sync);
        let owner = |node: &NodeId| *node == assignment.owner;
        parting
            .into_iter()
            .filter(|node| enough && !owner(node))
            .collect()
    }

    /// Takes those that are about to stop out of the in-sync set, where it can do without them. `until` is the
    /// last epoch in which they are in sync.
    pub(super) fn part_in(
        &self,
        partition: PartitionId,
        assignment: &mut Assignment,
        until: Epoch,
    ) -> bool {
        let parting = self.parts_from(assignment);
        if !parting.is_empty() {
            self.forget_needless_witnesses(partition, assignment);
            assignment.keep_in_sync_after(until, |node| !parting.contains(node));
        }
        !parting.is_empty()
    }

    /// Whether `node`, a backup that is gone, is expected back: updates wait for it, since too few copies
    /// would be left without it.
    pub(super) fn expects_back(&self, assignment: &Assignment, node: NodeId) -> bool {
        if !self.expected.contains(&node) || assignment.owner == node {
            return false;
        }
        let others = assignment.in_sync.keys().filter(|other| **other != node);
        let left = others.filter(|other| self.alive.contains(other));
        left.count() < COPIES_LEFT.max(self.min_in_sync)
    }

    /// What of `change` is to be done: one that is expected back does not leave the in-sync set.
    pub(super) fn as_far_as_expected(
        &self,
        assignment: &Assignment,
        mut change: Change,
    ) -> Option<Change> {
        match &mut change.what {
            What::Shrink(silent) => {
                silent.retain(|node| !self.expects_back(assignment, *node));
                (!silent.is_empty()).then_some(change)
            }
            // It may have failed since.
            What::HandOver(to) if !self.alive.contains(to) => None,
            What::HandOver(_) | What::Grow(..) | What::Renew => Some(change),
        }
    }
}
