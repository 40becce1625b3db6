//! Who becomes what when nodes fail and return (requirement A10, rules M4, R5): a pure function from
//! the committed table and what the master sees to the next table.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{Epoch, NodeId, PartitionId};
use crate::replica::Held;
use crate::rule::{Rule, Rules};
use crate::settings::Mode;
use crate::table::Assignment;

/// What the master sees.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// The members that are not counted as failed.
    pub(super) alive: BTreeSet<NodeId>,
    /// The members that are to leave the cluster.
    pub(super) leaving: BTreeSet<NodeId>,
    /// The members that have said that they have no room for updates on their disks.
    pub(super) roomless: BTreeSet<NodeId>,
    /// The nodes that have said to this master what they hold. One that was never heard is given
    /// its time before it counts as failed, but is nothing to build on either.
    pub(super) reported: BTreeSet<NodeId>,
    /// What each of them reported last.
    pub(super) held: BTreeMap<(PartitionId, NodeId), Held>,
    /// Partitions that have been short of nodes for long enough to be copied to one that has none of
    /// their data.
    pub(super) replaceable: BTreeSet<PartitionId>,
    /// How many nodes should hold each partition.
    pub(super) replicas: usize,
    /// When updates are answered.
    pub(super) mode: Mode,
    /// Which rules hold.
    pub(super) rules: Rules,
}

/// What came of looking at one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It can be served.
    Served,
    /// Somebody who matters has not been heard yet.
    Undecided,
    /// No member of its in-sync set is reachable and clean.
    Unavailable,
    /// Acknowledged updates may be lost.
    PossibleLoss,
}

/// Counts what nodes have to do, so that new roles go to those who have least.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    owned: BTreeMap<NodeId, usize>,
    held: BTreeMap<NodeId, usize>,
}

impl Load {
    /// The load that `partitions` mean.
    pub(super) fn of(partitions: &[Assignment]) -> Self {
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

    fn owned(&self, node: NodeId) -> usize {
        self.owned.get(&node).copied().unwrap_or_default()
    }

    fn held(&self, node: NodeId) -> usize {
        self.held.get(&node).copied().unwrap_or_default()
    }
}

impl View {
    /// The node has restarted in a way that may have lost data of the partition since it was made a
    /// member of the in-sync set (rule R5).
    fn is_unclean(&self, assignment: &Assignment, partition: PartitionId, node: NodeId) -> bool {
        let recorded = assignment.in_sync.get(&node);
        let reported = self.held.get(&(partition, node));
        let differs = match (recorded, reported) {
            (Some(recorded), Some(held)) => held.incarnation != *recorded,
            _ => false,
        };
        differs && !self.rules.broken(Rule::RejoinWithoutCatchUp)
    }

    /// The one of `nodes` whose log reaches furthest, as far as they have reported; among equals one
    /// that has room, and of those the one that owns least.
    fn furthest<'a>(
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
                (held.log_epoch, held.end, room, least)
            })
            .map(|(node, _)| node)
    }

    /// Sets `assignment` to what it should be next.
    pub(super) fn decide(
        &self,
        partition: PartitionId,
        assignment: &mut Assignment,
        load: &mut Load,
    ) -> Verdict {
        let before = assignment.epoch;
        let verdict = self.replace_failed(partition, assignment, load);
        if matches!(verdict, Verdict::Served | Verdict::PossibleLoss) {
            self.name_catch_ups(partition, assignment, load);
        }
        if verdict == Verdict::Served && assignment.epoch == before {
            self.detach_roomless(partition, assignment, load);
        }
        if verdict == Verdict::Served && assignment.epoch == before {
            self.detach_leaving(partition, assignment, load);
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
            .keys()
            .filter(|node| self.alive.contains(node))
            .filter(|node| !self.is_unclean(assignment, partition, **node))
            .copied()
            .collect();
        if stays.contains(&assignment.owner) {
            if !self.reported.contains(&assignment.owner) {
                return Verdict::Undecided;
            }
            if stays.len() < assignment.in_sync.len() {
                assignment.in_sync.retain(|node, _| stays.contains(node));
                assignment.epoch = assignment.epoch.next();
            }
            return Verdict::Served;
        }
        if self.rules.broken(Rule::PromoteUnclean)
            && let Some(node) = assignment.catch_ups.pop_first()
        {
            assignment.in_sync.insert(node, crate::ids::Incarnation(0));
            promote(assignment, node, load);
            return Verdict::Served;
        }
        if let Some(owner) = self.furthest(partition, stays.iter(), load) {
            assignment.in_sync.retain(|node, _| stays.contains(node));
            promote(assignment, owner, load);
            return Verdict::Served;
        }
        if !stays.is_empty() {
            return Verdict::Undecided;
        }
        // All of them restarted so: there is nobody left who certainly has everything. The furthest
        // goes on alone; the others get what it has (rule R5).
        let unclean: BTreeSet<NodeId> = assignment
            .in_sync
            .keys()
            .filter(|node| self.alive.contains(node))
            .filter(|node| self.is_unclean(assignment, partition, **node))
            .copied()
            .collect();
        let all = unclean.len() == assignment.in_sync.len();
        if all || self.rules.broken(Rule::PromoteUnsyncedSurvivor) {
            let Some(owner) = self.furthest(partition, unclean.iter(), load) else {
                return Verdict::Unavailable;
            };
            let incarnation = self.held[&(partition, owner)].incarnation;
            assignment.in_sync = BTreeMap::from([(owner, incarnation)]);
            promote(assignment, owner, load);
            return Verdict::PossibleLoss;
        }
        Verdict::Unavailable
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
        let lacks = |node: &NodeId| self.roomless.contains(node);
        // One that has not reported yet is nothing to build on.
        let suits = |node: &&NodeId| !lacks(node) && self.reported.contains(node);
        let others: Vec<NodeId> = assignment.in_sync.keys().filter(suits).copied().collect();
        if others.is_empty() || !assignment.in_sync.keys().any(lacks) {
            return;
        }
        if !lacks(&assignment.owner) {
            assignment.in_sync.retain(|node, _| !lacks(node));
            assignment.epoch = assignment.epoch.next();
        } else if let Some(owner) = self.furthest(partition, others.iter(), load)
            && self.loses_nothing(partition, assignment.owner, owner)
        {
            assignment.in_sync.retain(|node, _| !lacks(node));
            promote(assignment, owner, load);
        }
    }

    /// Whether an owner that is alive may be replaced by another member of the in-sync set without a
    /// loss. In async it has acknowledged what its backups may lack; it takes no more updates, so that
    /// they soon lack nothing.
    fn loses_nothing(&self, partition: PartitionId, owner: NodeId, next: NodeId) -> bool {
        let reach = |node| {
            let held = self.held.get(&(partition, node));
            held.map(|held| (held.log_epoch, held.end))
        };
        self.mode == Mode::SemiSync || reach(next) >= reach(owner)
    }

    /// Takes those that are to leave out of the in-sync set, as soon as there are enough others.
    fn detach_leaving(&self, partition: PartitionId, assignment: &mut Assignment, load: &mut Load) {
        let leaves = |node: &NodeId| self.leaving.contains(node);
        let stays = |node: &&NodeId| !leaves(node);
        let others = self.alive.iter().filter(stays).count();
        let staying: Vec<NodeId> = assignment.in_sync.keys().filter(stays).copied().collect();
        let complete = staying.len() >= self.replicas.min(others);
        if !complete || staying.len() == assignment.in_sync.len() {
            return;
        }
        if !leaves(&assignment.owner) {
            assignment.in_sync.retain(|node, _| !leaves(node));
            assignment.epoch = assignment.epoch.next();
        } else if let Some(owner) = self.furthest(partition, staying.iter(), load) {
            assignment.in_sync.retain(|node, _| !leaves(node));
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
            .retain(|node| !self.roomless.contains(node));
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

/// Makes `owner`, a member of the in-sync set, the owner of a new epoch (rule M4).
fn promote(assignment: &mut Assignment, owner: NodeId, load: &mut Load) {
    assert!(assignment.in_sync.contains_key(&owner), "rule M4");
    assert_ne!(assignment.epoch, Epoch(0), "epochs begin with 1");
    *load.owned.entry(owner).or_default() += 1;
    assignment.owner = owner;
    assignment.catch_ups.remove(&owner);
    assignment.epoch = assignment.epoch.next();
}
