//! The table as a quorum register (rule M2). A follower accepts what the master of its term
//! proposes; a table is committed when a majority has it on disk; roles follow committed tables
//! only. A new master first commits the newest table that it knows again, under its own term.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::birth::first_table;
use super::failover::{Load, Verdict, View};
use super::reign::Reign;
use super::state::Role;
use super::{Coordinator, Message, Note, Output, Refusal, change};
use crate::ids::{Life, NodeId, PartitionId, Term};
use crate::rule::Rule;
use crate::table::{Stamp, Table, What};
use crate::time::Time;

/// What comes with every heartbeat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beat {
    pub(super) term: Term,
    pub(super) life: Life,
    pub(super) sequence: u64,
    pub(super) contact_age: Duration,
    pub(super) committed: Stamp,
}

/// As a follower.
impl Coordinator {
    /// A master is heard, and perhaps proposes a table.
    pub(super) fn heartbeat(
        &mut self,
        now: Time,
        from: NodeId,
        beat: Beat,
        proposal: Option<Arc<Table>>,
    ) {
        let old = beat.term < self.term();
        if old && !self.fixed.settings.rules.broken(Rule::OldTermTable) {
            let term = self.term();
            self.send(from, Message::HigherTerm { term });
            return;
        }
        // A master that has lost its majority is none (rule R13).
        if beat.contact_age >= self.fixed.settings.service_limit() {
            return;
        }
        if !old {
            if beat.term > self.term() {
                self.enter(now, beat.term);
            }
            if self.is_second_master(from, beat) {
                return;
            }
            self.follow(now, from, beat.life);
            let good_for = self.fixed.settings.service_limit() - beat.contact_age;
            self.service.extend(now + good_for);
        }
        self.learn_committed(beat.committed);
        if let Some(table) = proposal {
            self.consider(from, beat, table);
            self.learn_committed(beat.committed);
        }
        let left = |table: &Arc<Table>| {
            table.stamp == beat.committed && !table.members.contains_key(&from)
        };
        if let Role::Following(following) = self.role
            && self.committed().is_some_and(left)
        {
            self.miss_master(now, following);
        }
        self.send(
            from,
            Message::HeartbeatAck {
                term: beat.term,
                sequence: beat.sequence,
                life: self.fixed.life,
                accepted: self.disk.stamp(),
                held: self.held.clone(),
                room: self.room,
            },
        );
    }

    /// R14: in one term there is one master, unless a voter forgot that it had voted. Then what each of them
    /// was elected by proves nothing; each node keeps to the one that it has known first.
    fn is_second_master(&mut self, from: NodeId, beat: Beat) -> bool {
        let accepted = self.disk.stamp();
        let known = match &self.role {
            Role::Reigning(_) => true,
            Role::Following(following) => (following.master, following.life) != (from, beat.life),
            Role::Electing(_) => accepted.term == beat.term && accepted.life != beat.life,
        };
        let term = beat.term;
        if known && self.told_of_two != Some((term, from)) {
            self.told_of_two = Some((term, from));
            let refused = from;
            self.note(Note::TwoMasters { term, refused });
        }
        known
    }

    fn consider(&mut self, from: NodeId, beat: Beat, table: Arc<Table>) {
        let mine = self.disk.stamp();
        let of_another_master = table.stamp.term == mine.term && table.stamp.life != mine.life;
        // R14: it may have voted in a higher term, and forgotten.
        let deaf = self.hearing.is_some();
        if table.stamp.term != beat.term || table.stamp <= mine || of_another_master || deaf {
            return;
        }
        match self.refusal(&table) {
            Some(why) => self.note(Note::TableRefused { by: from, why }),
            None => self.accept(table),
        }
    }

    /// Why this node will not accept `table` (rule M5).
    fn refusal(&self, table: &Table) -> Option<Refusal> {
        if table.identity != self.birth.identity {
            return Some(Refusal::Identity {
                theirs: table.identity.clone(),
                ours: self.birth.identity.clone(),
            });
        }
        if !table.members.contains_key(&self.fixed.me.id) {
            return Some(Refusal::NotListed);
        }
        let known = match self.accepted() {
            Some(accepted) => &accepted.members,
            None => &self.birth.members,
        };
        // An unborn table of the same members that is newer than a born one is no second birth: its
        // master was elected by a majority, so the born one was never committed.
        let same = known.keys().eq(table.members.keys());
        (!table.born && !same).then_some(Refusal::Members)
    }

    fn accept(&mut self, table: Arc<Table>) {
        self.disk.accept(table.clone());
        if self.fixed.settings.rules.broken(Rule::ActOnAccepted) && table.born {
            self.announce(table);
        }
    }

    /// The master says that the table of this stamp is committed.
    pub(super) fn learn_committed(&mut self, stamp: Stamp) {
        if self.may_follow(stamp)
            && let Some(table) = self.accepted()
            && table.stamp == stamp
            && self.committed_stamp() < stamp
        {
            self.announce(table.clone());
        }
    }

    /// Roles follow `table` from now on.
    pub(super) fn announce(&mut self, table: Arc<Table>) {
        assert!(table.born, "no role before all know of the cluster");
        assert!(table.stamp > self.committed_stamp(), "tables never go back");
        let stamp = table.stamp;
        if table.members.contains_key(&self.fixed.me.id) {
            self.asks.clear();
        }
        let before = self.committed.replace(table.clone());
        if let Some(before) = before {
            self.note_members(&before, &table);
        }
        self.note(Note::TableCommitted { stamp });
        self.disk.say(Output::Committed(table));
    }
}

impl Coordinator {
    fn note_members(&mut self, before: &Table, after: &Table) {
        let only_in = |a: &Table, b: &Table| -> Vec<NodeId> {
            let nodes = a.members.keys();
            nodes
                .filter(|n| !b.members.contains_key(n))
                .copied()
                .collect()
        };
        for node in only_in(after, before) {
            self.note(Note::MemberJoined { node });
        }
        for node in only_in(before, after) {
            self.note(Note::MemberLeft { node });
        }
    }
}

/// As master.
impl Coordinator {
    /// This node holds the votes of a majority.
    pub(super) fn win(&mut self, now: Time, votes: BTreeSet<NodeId>, rounds: u32) {
        let term = self.term();
        let me = self.fixed.me.id;
        self.note(Note::BecameMaster { term, rounds });
        self.vote = super::tournament::Vote::Spent;
        let others = self.voters().into_iter().filter(|node| *node != me);
        let reign = Reign::begin(now, &self.fixed.settings, votes, others, self.suspect);
        self.role = Role::Reigning(Box::new(reign));
        self.fail_former_master();
        let Some(newest) = self.accepted() else {
            let table = first_table(
                (term, self.fixed.life),
                &self.birth.identity,
                &self.birth.members,
                self.fixed.settings.levelling,
            );
            self.propose(now, table);
            return;
        };
        if newest.stamp.term == term {
            let kept = self.fixed.settings.rules.broken(Rule::TokenAfterRestart);
            assert!(kept, "a master is elected once in a term");
            return;
        }
        if self.fixed.settings.rules.broken(Rule::SkipRecommit) && newest.born {
            let newest = newest.clone();
            if newest.stamp > self.committed_stamp() {
                self.announce(newest);
            }
            self.beat_all(now);
            self.propose_next(now);
            return;
        }
        let mut table = Table::clone(newest);
        table.stamp.term = term;
        table.stamp.life = self.fixed.life;
        self.propose(now, table);
    }

    pub(super) fn propose(&mut self, now: Time, table: Table) {
        assert_eq!(
            table.stamp.term,
            self.term(),
            "a master proposes in its term"
        );
        assert_sane(&table);
        self.accept(Arc::new(table));
        self.beat_all(now);
        self.commit_if_majority(now);
    }

    /// The newest table takes effect when a majority has it on disk; a first table, when all have
    /// (rule M5).
    pub(super) fn commit_if_majority(&mut self, now: Time) {
        let Role::Reigning(reign) = &self.role else {
            return;
        };
        let Some(table) = self.accepted().cloned() else {
            return;
        };
        if table.stamp.term != self.term() || table.stamp <= self.committed_stamp() {
            return;
        }
        let mut holders = reign.holders(table.stamp);
        holders.insert(self.fixed.me.id);
        if !table.born {
            let all = table.members.keys().all(|node| holders.contains(node));
            let broken = self.fixed.settings.rules.broken(Rule::BirthByMajority);
            if all || broken && self.is_majority(&holders) {
                let mut table = Table::clone(&table);
                table.born = true;
                table.stamp.revision = table.stamp.revision.next();
                self.propose(now, table);
            }
            return;
        }
        if self.is_majority(&holders) {
            self.announce(table.clone());
            if !self.dismiss(now, &table) && !self.propose_next(now) {
                self.tell_commit(now);
            }
        }
    }

    /// What the assignment of roles depends on, if this node is master.
    pub(super) fn view(&mut self, now: Time, table: &Table) -> Option<View> {
        let Role::Reigning(reign) = &mut self.role else {
            return None;
        };
        let own = (self.held.as_deref(), self.room);
        let (me, settings) = (self.fixed.me.id, &self.fixed.settings);
        Some(reign.view(now, me, own, table, settings))
    }

    /// Proposes what owners asked for and what failures demand, if there is anything and no other
    /// proposal is under way.
    pub(super) fn propose_next(&mut self, now: Time) -> bool {
        let Some(committed) = &self.committed else {
            return false;
        };
        if committed.stamp != self.disk.stamp() {
            return false;
        }
        let Role::Reigning(reign) = &mut self.role else {
            return false;
        };
        let rules = self.fixed.settings.rules;
        let view = reign.view(
            now,
            self.fixed.me.id,
            (self.held.as_deref(), self.room),
            committed,
            &self.fixed.settings,
        );
        let mut table = Table::clone(committed);
        let levelling = reign.levelling.take().unwrap_or(table.levelling);
        let set = std::mem::replace(&mut table.levelling, levelling) != levelling;
        let mut asked = BTreeSet::new();
        for (from, change) in std::mem::take(&mut reign.changes) {
            let (partition, index) = (change.partition, usize::from(change.partition.0));
            if let Some(assignment) = table.partitions.get_mut(index)
                && let Some(change) = view.as_far_as_expected(assignment, change)
                && change::apply_change(assignment, from, &change, rules)
            {
                // M7: who has handed over need not stay in sync.
                if matches!(change.what, What::HandOver(_)) {
                    view.part_in(partition, assignment, change.base);
                }
                asked.insert(partition);
            }
        }
        let mut load = Load::of(&table.partitions);
        let mut notes = Vec::new();
        for (partition, assignment) in (0..).map(PartitionId).zip(&mut table.partitions) {
            // One step at a time: the next table follows as soon as this one is committed.
            if asked.contains(&partition) {
                continue;
            }
            let epoch = assignment.epoch;
            let verdict = view.decide(partition, assignment, &mut load);
            let heartbeat = self.fixed.settings.heartbeat;
            let compares = verdict == Verdict::Comparing;
            reign.compare(now, heartbeat, (partition, epoch), compares);
            let unavailable = verdict == Verdict::Unavailable;
            if reign.is_news(partition, unavailable) {
                notes.push(Note::PartitionUnavailable { partition });
            }
            if verdict == Verdict::PossibleLoss {
                let owner = assignment.owner;
                notes.push(Note::PossibleLoss { partition, owner });
            }
            if verdict == Verdict::Unproven {
                let owner = assignment.owner;
                notes.push(Note::UnconfirmedPromotion { partition, owner });
            }
        }
        for note in notes {
            self.note(note);
        }
        let same = |committed: &Arc<Table>| committed.partitions == table.partitions;
        if !set && self.committed.as_ref().is_some_and(same) {
            return self.remove_next(now) || self.level(now, &view, table);
        }
        self.propose_after(now, table);
        true
    }

    /// Proposes what was made of the newest table.
    pub(super) fn propose_after(&mut self, now: Time, mut table: Table) {
        table.stamp = Stamp {
            term: self.term(),
            revision: table.stamp.revision.next(),
            life: self.fixed.life,
        };
        self.propose(now, table);
    }
}

/// What every table that is proposed must be like.
fn assert_sane(table: &Table) {
    for assignment in &table.partitions {
        let Some(_) = assignment.in_sync.get(&assignment.owner) else {
            panic!("an owner is in sync: {assignment:?}");
        };
        for node in &assignment.catch_ups {
            assert!(
                !assignment.in_sync.contains_key(node),
                "a catch-up is not in sync: {assignment:?}"
            );
        }
        let in_sync = assignment.in_sync.keys().chain(assignment.witnesses.keys());
        let mut nodes = in_sync.chain(&assignment.catch_ups);
        assert!(
            nodes.all(|node| table.members.contains_key(node)),
            "roles are for members: {assignment:?}"
        );
    }
}
