//! Changes of the members of a cluster that is born (rule M2): one node at a time, each only after
//! the table before is committed in the master's own term. (Two memberships that differ by one node
//! have no majorities without a common node; two that differ by two nodes may. Ongaro: "Consensus:
//! bridging theory and practice", 4.1, and his correction of 2015, which adds the master's term.)
//!
//! A node joins at its own request only, so that a member that was just added is there to vote. It
//! repeats the request until it sees itself in a committed table. It has a vote for those who list
//! it, and counts none itself: a master whose newest table lists a node that has not received it
//! yet may need that vote to be elected again.
//!
//! A member that is to leave first loses its roles, as far as others can take them; then the table
//! without it is committed, and it is told. It gets that table only then: one that is never
//! committed would keep it from voting. A master that leaves serves until that commit, and its
//! followers miss it at once. If it fails before, it takes part in the next election, though its
//! newest table does not list it (Ongaro, 4.2.2).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::probe::Electing;
use super::state::Role;
use super::tournament::Vote;
use super::{Coordinator, Kept, Message, Note, Refusal};
use crate::ids::{NodeId, PartitionId};
use crate::rule::Rule;
use crate::table::{Assignment, Identity, Member, Stamp, Table};
use crate::time::Time;

/// As one that is no member.
impl Coordinator {
    /// This node is to become a member of the cluster that `through` belong to.
    pub(super) fn join(&mut self, now: Time, through: BTreeSet<NodeId>) {
        let me = self.fixed.me.id;
        let lists_me = |table: &Arc<Table>| table.members.contains_key(&me);
        // A master that was to leave may have a newer table than the last one that it knows to be
        // committed.
        if self.committed().is_some_and(lists_me) && self.accepted().is_some_and(lists_me) {
            return;
        }
        self.asks = through.into_iter().filter(|node| *node != me).collect();
        if self.accepted().is_none() && !self.joiner {
            self.become_joiner();
        }
        // One that takes part finds out first that it is no member.
        if !self.takes_part() {
            self.wait_before_probe(now, Duration::ZERO);
        }
    }

    /// Asks to be made a member. Whoever is asked passes it on to the master.
    pub(super) fn ask_to_join(&mut self) {
        let request = Message::Join {
            member: self.fixed.me.clone(),
            identity: self.birth.identity.clone(),
        };
        for node in self.asks.clone() {
            self.send(node, request.clone());
        }
    }

    /// A committed table does not list this node (any more).
    pub(super) fn dismissed(&mut self, now: Time, table: Arc<Table>) {
        let stamp = table.stamp;
        let newer = self.accepted().is_some_and(|mine| {
            mine.stamp <= stamp && mine.identity == table.identity && table.born
        });
        let known = stamp <= self.committed_stamp();
        let lists_me = table.members.contains_key(&self.fixed.me.id);
        if !newer || known || lists_me {
            return;
        }
        // Of a lower term it is no less committed; to hold it makes no difference to anybody else, since
        // this node is not counted for it.
        if stamp.term > self.term() {
            self.enter(now, stamp.term);
        }
        // It may have it from before a restart.
        if stamp > self.disk.stamp() {
            self.disk.accept(table.clone());
        }
        self.announce(table);
        self.retire(now);
    }

    /// Has no vote any more.
    fn retire(&mut self, now: Time) {
        self.hearing = None;
        self.vote = Vote::Spent;
        self.role = Role::Electing(Electing::after(now, Duration::ZERO));
        self.wait_before_probe(now, Duration::ZERO);
    }
}

/// As member and as master.
impl Coordinator {
    /// A node asks to be made a member: a follower passes it on, the master does it.
    pub(super) fn asked_to_join(
        &mut self,
        now: Time,
        from: NodeId,
        member: Member,
        identity: Identity,
    ) {
        let node = member.id;
        match &self.role {
            Role::Electing(_) => {}
            Role::Following(following) => {
                let master = following.master;
                if from == node && master != node {
                    self.send(master, Message::Join { member, identity });
                }
            }
            Role::Reigning(_) => self.add(now, member, identity),
        }
    }

    fn add(&mut self, now: Time, member: Member, theirs: Identity) {
        let node = member.id;
        let Some(newest) = self.accepted().filter(|_| node != self.fixed.me.id) else {
            return;
        };
        let mut members = newest.members.values();
        let holder = members.find(|other| other.name == member.name && other.id != node);
        if newest.members.contains_key(&node) {
            self.beat_for(now, node);
        } else if newest.identity != theirs {
            let ours = newest.identity.clone();
            self.take_not(node, Refusal::Identity { theirs, ours });
        } else if let Some(holder) = holder {
            let holder = holder.id;
            self.take_not(node, Refusal::NameTaken { holder });
        } else {
            self.change_members(now, |table| {
                table.members.insert(node, member);
            });
        }
    }

    fn take_not(&mut self, node: NodeId, why: Refusal) {
        let refusal = why.clone();
        self.note(Note::JoinRefused { node, why });
        self.send(node, Message::NotTaken(refusal));
    }

    /// Somebody wants `node` to be a member no longer: a follower passes it on, the master does it.
    pub(super) fn asked_to_remove(&mut self, now: Time, node: NodeId) {
        match &self.role {
            Role::Electing(_) => {}
            Role::Following(following) => {
                let master = following.master;
                self.send(master, Message::Remove(node));
            }
            Role::Reigning(_) => self.remove(now, node),
        }
    }

    fn remove(&mut self, now: Time, node: NodeId) {
        if let Some(why) = self.why_kept(node) {
            self.note(Note::MemberKept { node, why });
            return;
        }
        if let Role::Reigning(reign) = &mut self.role {
            reign.leaving.insert(node);
        }
        if !self.propose_next(now) {
            self.remove_next(now);
        }
    }

    /// Why this master cannot remove `node`; `None` if it can, or if this node is no master.
    #[must_use]
    pub fn why_kept(&self, node: NodeId) -> Option<Kept> {
        let (Role::Reigning(reign), Some(table)) = (&self.role, self.accepted()) else {
            return None;
        };
        if !table.members.contains_key(&node) {
            return Some(Kept::NoMember);
        }
        let alive = reign.alive(self.fixed.me.id, table);
        let stays = |other: &&NodeId| **other != node && !reign.leaving.contains(other);
        let quorum = table.members.keys().filter(stays).count() / 2 + 1;
        if alive.iter().filter(stays).count() < quorum {
            return Some(Kept::NoQuorum);
        }
        let only_copy = |assignment: &Assignment| {
            assignment.in_sync.len() == 1 && assignment.in_sync.contains_key(&node)
        };
        let numbered = (0..).map(PartitionId).zip(&table.partitions);
        let mut lost = numbered.filter(|(_, assignment)| only_copy(assignment));
        let (partition, _) = lost.next().filter(|_| !alive.contains(&node))?;
        Some(Kept::LastCopy { partition })
    }

    /// Proposes the table without the next member that is to leave and has no role any more, if
    /// there is one.
    pub(super) fn remove_next(&mut self, now: Time) -> bool {
        let (Role::Reigning(reign), Some(newest)) = (&self.role, self.accepted()) else {
            return false;
        };
        let free = |node: &&NodeId| {
            let needed = |a: &Assignment| a.names(**node) || a.witnesses.contains_key(node);
            newest.members.contains_key(node) && !newest.partitions.iter().any(needed)
        };
        let Some(node) = reign.leaving.iter().find(free).copied() else {
            return false;
        };
        // Others may have failed since it was asked for.
        if let Some(why) = self.why_kept(node) {
            self.note(Note::MemberKept { node, why });
            if let Role::Reigning(reign) = &mut self.role {
                reign.leaving.remove(&node);
            }
            return false;
        }
        self.change_members(now, |table| {
            table.members.remove(&node);
        })
    }

    /// Proposes the newest table with one member more or less (rule M2).
    fn change_members(&mut self, now: Time, change: impl FnOnce(&mut Table)) -> bool {
        let newest = self.disk.stamp();
        let settled = newest == self.committed_stamp() && newest.term == self.term();
        if !settled && !self.fixed.settings.rules.broken(Rule::TwoMembersAtOnce) {
            return false;
        }
        let Some(mut table) = self.accepted().map(|table| Table::clone(table)) else {
            return false;
        };
        if !table.born {
            return false;
        }
        change(&mut table);
        table.stamp = Stamp {
            term: self.term(),
            revision: table.stamp.revision.next(),
            life: self.fixed.life,
        };
        if let Role::Reigning(reign) = &mut self.role {
            reign.expect(now, table.members.keys().copied(), self.fixed.me.id);
        }
        self.propose(now, table);
        true
    }

    /// `table` is committed: those that are no members any more are told so, and looked after no
    /// longer. True if this master is one of them, and is master no longer.
    pub(super) fn dismiss(&mut self, now: Time, table: &Arc<Table>) -> bool {
        let Role::Reigning(reign) = &mut self.role else {
            return false;
        };
        for node in reign.dismiss(table) {
            self.send(node, Message::Dismissed(table.clone()));
        }
        let leaves = !table.members.contains_key(&self.fixed.me.id);
        if leaves {
            self.tell_commit(now);
            self.retire(now);
        }
        leaves
    }

    /// Whether this node takes part in elections: as a member, or as a master that was to leave, whose
    /// newest table nobody else may have. Without it the others could be too few to elect anybody.
    pub(super) fn takes_part(&self) -> bool {
        let me = self.fixed.me.id;
        let undecided = |table: &Arc<Table>| table.stamp > self.committed_stamp();
        self.voters().contains(&me) || self.accepted().is_some_and(undecided)
    }

    /// Whether this node hands over its vote when it is asked for it: as one that takes part, or as one
    /// that asks to be a member, which may be listed by a table that it has not received.
    pub(super) fn may_vote(&self) -> bool {
        self.hearing.is_none() && (!self.asks.is_empty() || self.takes_part())
    }
}
