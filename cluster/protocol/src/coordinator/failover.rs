//! Who becomes what when nodes fail and return (requirement A10, rules M4, R5): a pure function from
//! the committed table and what the master sees to the next table. Artificial worlds that have a table, but
//! no coordinators, decide by it as well.

use std::collections::{BTreeMap, BTreeSet};

use super::doubted::told;
use crate::ids::{Epoch, Incarnation, NodeId, PartitionId};
use crate::replica::Held;
use crate::rule::{Rule, Rules};
use crate::settings::Mode;
use crate::table::Assignment;

/// What the master sees.
#[derive(Clone, Debug)]
pub struct View {
    /// The members that are not counted as failed.
    pub alive: BTreeSet<NodeId>,
    /// The members that are to leave the cluster.
    pub leaving: BTreeSet<NodeId>,
    /// The members that are about to stop, if most of the cluster stays (rule M7).
    pub parting: BTreeSet<NodeId>,
    /// The members that have said that they stop, and are expected back (rule M7).
    pub expected: BTreeSet<NodeId>,
    /// Partitions that their owners were to hand over, since they leave or have no room, and have not for
    /// long (rule R15).
    pub overdue_hand_overs: BTreeSet<PartitionId>,
    /// An owner refuses updates while fewer nodes than this are in sync.
    pub min_in_sync: usize,
    /// The members that have said that they have no room for updates on their disks.
    pub roomless: BTreeSet<NodeId>,
    /// The nodes that have said to this master what they hold. One that was never heard is given
    /// its time before it counts as failed, but is nothing to build on either.
    pub reported: BTreeSet<NodeId>,
    /// What each of them reported last.
    pub held: BTreeMap<(PartitionId, NodeId), Held>,
    /// By node: the number of the heartbeat that it reported this in answer to.
    pub answered: BTreeMap<NodeId, u64>,
    /// Partitions of which reports are being compared: the heartbeats after this one ask for those that
    /// count (see [`Verdict::Comparing`]).
    pub compare_after: BTreeMap<PartitionId, u64>,
    /// Partitions that have been short of nodes for long enough to be copied to one that has none of
    /// their data.
    pub replaceable: BTreeSet<PartitionId>,
    /// Partitions whose owner started anew, and for long could not find out whether its disk has gone back
    /// in time (rule R14).
    pub overdue: BTreeSet<PartitionId>,
    /// Whether nobody goes on unless it is known that somebody has everything (rule R14).
    pub distrust: bool,
    /// Somebody takes it upon himself that partitions go on although that is not known.
    pub forced: bool,
    /// How many nodes should hold each partition.
    pub replicas: usize,
    /// When updates are answered.
    pub mode: Mode,
    /// Which rules hold.
    pub rules: Rules,
}

/// What came of looking at one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can be served.
    Served,
    /// Somebody who matters has not been heard yet.
    Undecided,
    /// Nobody is certain to have everything, so that the furthest is to go on: what they have reported may be
    /// from before they had as much as they have. Reports count from the next heartbeat on. It begins anew
    /// when the epoch changes, or one of the nodes starts anew.
    Comparing,
    /// No member of its in-sync set is reachable and clean.
    Unavailable,
    /// Acknowledged updates may be lost.
    PossibleLoss,
    /// Those that go on have all started anew, and others of the in-sync set are missing: whether they
    /// have everything, nobody knows (rule R14).
    Unproven,
}

/// Counts what nodes have to do, so that new roles go to those who have least.
#[derive(Clone, Debug, Default)]
pub struct Load {
    owned: BTreeMap<NodeId, usize>,
    held: BTreeMap<NodeId, usize>,
}

impl Load {
    /// The load that `partitions` mean.
    #[must_use]
    pub fn of(partitions: &[Assignment]) -> Self {
        let mut load = Load::default();
        for assignment in partitions {
            *load.owned.entry(assignment.owner).or_default() += 1;
            let holders = assignment.in_sync.keys().chain(&assignment.catch_ups);
            for node in holders {
                *load.held.entry(*node).or_default() += 1;
            }
        }
        load
    }

    pub(super) fn owned(&self, node: NodeId) -> usize {
        self.owned.get(&node).copied().unwrap_or_default()
    }

    /// `from` hands a partition over to `to`.
    pub(super) fn gives(&mut self, from: NodeId, to: NodeId) {
        if let Some(owned) = self.owned.get_mut(&from) {
            *owned -= 1;
        }
        *self.owned.entry(to).or_default() += 1;
    }

    fn held(&self, node: NodeId) -> usize {
        self.held.get(&node).copied().unwrap_or_default()
    }
}

impl View {
    /// The node has restarted in a way that may have lost data of the partition since this life of them
    /// was recorded (rule R5), which it was in epoch `since` at the latest. A report of somebody who has not
    /// heard of that epoch may be older than the record.
    pub(super) fn is_unclean(
        &self,
        partition: PartitionId,
        node: NodeId,
        (recorded, since): (Incarnation, Epoch),
    ) -> bool {
        let held = self.held.get(&(partition, node));
        let differs = held.is_some_and(|held| held.incarnation != recorded && held.epoch >= since);
        differs && !self.rules.broken(Rule::RejoinWithoutCatchUp)
    }

    /// The one of `nodes` whose log reaches furthest, as far as they have reported; among equals one
    /// that has room, and of those the one that owns least.
    pub(super) fn furthest<'a>(
        &self,
        partition: PartitionId,
        nodes: impl Iterator<Item = &'a NodeId>,
        load: &Load,
    ) -> Option<NodeId> {
        nodes
            .filter_map(|node| Some((*node, self.held.get(&(partition, *node))?)))
            .max_by_key(|(node, held)| {
                let least = std::cmp::Reverse((load.owned(*node), *node));
                let room = !self.roomless.contains(node);
                (held.reach(self.mode), room, least)
            })
            .map(|(node, _)| node)
    }

    /// Sets `assignment`, that of the last committed table, to what it should be next.
    ///
    /// # Panics
    /// When an owner is not in sync.
    pub fn decide(
        &self,
        partition: PartitionId,
        assignment: &mut Assignment,
        load: &mut Load,
    ) -> Verdict {
        self.look_after_witnesses(partition, assignment);
        let before = assignment.epoch;
        let verdict = self.replace_failed(partition, assignment, load);
        let served = [Verdict::Served, Verdict::PossibleLoss, Verdict::Unproven];
        if served.contains(&verdict) {
            self.name_catch_ups(partition, assignment, load);
        }
        if verdict == Verdict::Served && assignment.epoch == before {
            self.detach_roomless(partition, assignment, load);
        }
        if verdict == Verdict::Served && assignment.epoch == before {
            self.detach_leaving(partition, assignment, load);
        }
        if verdict == Verdict::Served
            && assignment.epoch == before
            && self.part_in(partition, assignment, before)
        {
            assignment.epoch = assignment.epoch.next();
        }
        assert!(
            assignment.in_sync.contains_key(&assignment.owner),
            "an owner is in sync"
        );
        verdict
    }

    fn replace_failed(
        &self,
        partition: PartitionId,
        assignment: &mut Assignment,
        load: &mut Load,
    ) -> Verdict {
        let stays: BTreeSet<NodeId> = assignment
            .in_sync
            .iter()
            .filter(|(node, _)| self.alive.contains(node) || self.expects_back(assignment, **node))
            .filter(|(node, life)| !self.is_unclean(partition, **node, (**life, assignment.epoch)))
            .map(|(node, _)| *node)
            .collect();
        let owner_stays = stays.contains(&assignment.owner);
        // In async whoever has not reported yet may have most of what was acknowledged.
        let awaited = self.mode == Mode::Async && !stays.is_subset(&self.reported);
        if !owner_stays && awaited {
            return Verdict::Undecided;
        }
        if owner_stays && !self.reported.contains(&assignment.owner) {
            return Verdict::Undecided;
        }
        if owner_stays && stays.len() == assignment.in_sync.len() {
            return self.replace_doubted(partition, assignment, load);
        }
        if self.rules.broken(Rule::PromoteUnclean)
            && !owner_stays
            && let Some(node) = assignment.catch_ups.pop_first()
        {
            assignment.in_sync.insert(node, crate::ids::Incarnation(0));
            promote(assignment, node, load);
            return Verdict::Served;
        }
        let confirmed = |node: &&NodeId| self.is_confirmed(partition, assignment, **node);
        if let Some(owner) = self.furthest(partition, stays.iter().filter(confirmed), load) {
            self.go_on(partition, assignment, &stays, owner, load);
            return Verdict::Served;
        }
        let members: BTreeSet<NodeId> = assignment.in_sync.keys().copied().collect();
        let alive: BTreeSet<NodeId> = members.intersection(&self.alive).copied().collect();
        if !alive.is_subset(&self.reported) {
            return Verdict::Undecided;
        }
        // R5, R14: nobody is left who certainly has everything. If all have been heard, the furthest has
        // as much as there is, even if its data have begun another life. Otherwise somebody who is missing
        // may have more.
        let all = alive == members;
        let mixed = stays.len() < members.len();
        if all && mixed && !self.forced && !self.is_fresh(partition, &members) {
            return Verdict::Comparing;
        }
        if all
            || self.forced
            || stays.is_empty() && self.rules.broken(Rule::PromoteUnsyncedSurvivor)
        {
            let owner = self.furthest(partition, stays.iter(), load);
            if let Some(owner) = owner.filter(|owner| !self.is_beyond(partition, &alive, *owner)) {
                self.go_on(partition, assignment, &stays, owner, load);
                return match all {
                    true => Verdict::Served,
                    false => told(assignment),
                };
            }
            return self.begin_again(partition, assignment, &alive, load);
        }
        if self.waits() {
            return Verdict::Unavailable;
        }
        match self.furthest(partition, stays.iter(), load) {
            Some(owner) => {
                self.go_on(partition, assignment, &stays, owner, load);
                told(assignment)
            }
            None => Verdict::Unavailable,
        }
    }

    /// Whether all of these have reported since their reports are compared.
    pub(super) fn is_fresh(&self, partition: PartitionId, nodes: &BTreeSet<NodeId>) -> bool {
        let after = self.compare_after.get(&partition);
        after.is_some_and(|after| {
            let fresh = |node| self.answered.get(node).is_some_and(|said| said > after);
            nodes.iter().all(fresh)
        })
    }

    /// R14: whether the log of one of `nodes` reaches further than that of `node`. If that one's data have
    /// begun another life, they may still be those that have everything: since another partition of that node
    /// was found to have gone back, say.
    pub(super) fn is_beyond(
        &self,
        partition: PartitionId,
        nodes: &BTreeSet<NodeId>,
        node: NodeId,
    ) -> bool {
        let reach = |node: &NodeId| {
            let held = self.held.get(&(partition, *node));
            held.map(|held| held.reach(self.mode))
        };
        nodes.iter().any(|other| reach(other) > reach(&node))
    }

    /// M6: who has no room for updates would keep all others from committing any. It leaves the in-sync
    /// set, as one that has failed, unless nobody in it has room: then there is nothing to gain, and
    /// reads go on where they are.
    fn detach_roomless(
        &self,
        partition: PartitionId,
        assignment: &mut Assignment,
        load: &mut Load,
    ) {
        let kept = self.rules.broken(Rule::KeepRoomless);
        let lacks = |node: &NodeId| self.roomless.contains(node) && !kept;
        // One that has not reported yet is nothing to build on.
        let suits = |node: &&NodeId| !lacks(node) && self.reported.contains(node);
        let others: Vec<NodeId> = assignment.in_sync.keys().filter(suits).copied().collect();
        // R14: nor is a log of which nobody knows whether it has everything.
        let proven = |node: &&NodeId| self.is_confirmed(partition, assignment, **node);
        if !others.iter().any(|node| proven(&node)) || !assignment.in_sync.keys().any(lacks) {
            return;
        }
        if !lacks(&assignment.owner) {
            self.keep(partition, assignment, |node| !lacks(node));
            assignment.epoch = assignment.epoch.next();
        } else if !self.hands_over(partition, assignment, load)
            && let Some(owner) = self.furthest(partition, others.iter().filter(proven), load)
            && self.loses_nothing(partition, assignment.owner, owner)
        {
            self.keep(partition, assignment, |node| !lacks(node));
            promote(assignment, owner, load);
        }
    }

    /// Whether an owner that is alive may be replaced by another member of the in-sync set without a
    /// loss. In async it has acknowledged what its backups may lack; it takes no more updates, so that
    /// they soon lack nothing.
    fn loses_nothing(&self, partition: PartitionId, owner: NodeId, next: NodeId) -> bool {
        let reach = |node| {
            let held = self.held.get(&(partition, node));
            held.map(|held| held.reach(self.mode))
        };
        self.mode == Mode::SemiSync || reach(next) >= reach(owner)
    }

    /// Takes those that are to leave out of the in-sync set, as soon as there are enough others.
    fn detach_leaving(&self, partition: PartitionId, assignment: &mut Assignment, load: &mut Load) {
        let leaves = |node: &NodeId| self.leaving.contains(node);
        let stays = |node: &&NodeId| !leaves(node);
        let others = self.alive.iter().filter(stays).count();
        let staying: Vec<NodeId> = assignment.in_sync.keys().filter(stays).copied().collect();
        let proven = |node: &&NodeId| self.is_confirmed(partition, assignment, **node);
        let complete =
            staying.len() >= self.replicas.min(others) && staying.iter().any(|node| proven(&node));
        if !complete || staying.len() == assignment.in_sync.len() {
            return;
        }
        if !leaves(&assignment.owner) {
            self.keep(partition, assignment, |node| !leaves(node));
            assignment.epoch = assignment.epoch.next();
        } else if !self.hands_over(partition, assignment, load)
            && let Some(owner) = self.furthest(partition, staying.iter().filter(proven), load)
        {
            self.keep(partition, assignment, |node| !leaves(node));
            promote(assignment, owner, load);
        }
    }

    /// Names who is to be brought in sync: first those who still have data of the partition, such as
    /// a node that was killed and came back; others only when it was short for long, or when
    /// somebody leaves it.
    fn name_catch_ups(&self, partition: PartitionId, assignment: &mut Assignment, load: &mut Load) {
        assignment
            .catch_ups
            .retain(|node| self.alive.contains(node) && !self.leaving.contains(node));
        assignment
            .catch_ups
            .retain(|node| !self.roomless.contains(node) && !self.parting.contains(node));
        let in_sync = assignment.in_sync.keys();
        let staying = in_sync.filter(|node| !self.leaving.contains(node)).count();
        let loses = staying < assignment.in_sync.len();
        let mut free: BTreeSet<NodeId> = self
            .alive
            .iter()
            .filter(|node| !assignment.in_sync.contains_key(node))
            .filter(|node| !assignment.catch_ups.contains(node))
            .filter(|node| !self.leaving.contains(node))
            .filter(|node| !self.roomless.contains(node))
            .filter(|node| !self.parting.contains(node))
            .copied()
            .collect();
        while staying + assignment.catch_ups.len() < self.replicas {
            let has_data = |node: &&NodeId| {
                let held = self.held.get(&(partition, **node));
                held.is_some_and(|held| held.log_epoch > Epoch(0))
            };
            let returned = self.furthest(partition, free.iter().filter(has_data), load);
            let other = || {
                let least = |node: &&NodeId| (load.held(**node), **node);
                let allowed = loses || self.replaceable.contains(&partition);
                allowed.then(|| free.iter().min_by_key(least)).flatten()
            };
            let Some(node) = returned.or_else(|| other().copied()) else {
                break;
            };
            free.remove(&node);
            assignment.catch_ups.insert(node);
            *load.held.entry(node).or_default() += 1;
        }
    }
}

impl View {
    /// Only `stays` go on; with the present owner if it is one of them, else with `successor`.
    fn go_on(
        &self,
        partition: PartitionId,
        assignment: &mut Assignment,
        stays: &BTreeSet<NodeId>,
        successor: NodeId,
        load: &mut Load,
    ) {
        self.keep(partition, assignment, |node| stays.contains(node));
        if stays.contains(&assignment.owner) {
            assignment.epoch = assignment.epoch.next();
        } else {
            promote(assignment, successor, load);
        }
    }
}

/// Makes `owner`, a member of the in-sync set, the owner of a new epoch (rule M4).
pub(super) fn promote(assignment: &mut Assignment, owner: NodeId, load: &mut Load) {
    assert!(assignment.in_sync.contains_key(&owner), "rule M4");
    assert_ne!(assignment.epoch, Epoch(0), "epochs begin with 1");
    *load.owned.entry(owner).or_default() += 1;
    assignment.owner = owner;
    assignment.catch_ups.remove(&owner);
    assignment.epoch = assignment.epoch.next();
}
