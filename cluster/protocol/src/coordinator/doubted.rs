//! R14, as far as the master has to do with it: who goes on where disks may have gone back in time. A part of
//! the pure function of `failover`.
//!
//! Who leaves an in-sync set is recorded as a witness. Whatever is decided here relies on reports that may be
//! old: a node may have started anew since, from an older folder. If it is made owner, it finds out, and asks
//! the witnesses before it enters its epoch. So a witness may take over only from an owner that has said of
//! its present epoch that it will not enter it.

use std::collections::{BTreeMap, BTreeSet};

use super::failover::{Load, Verdict, View, promote};
use crate::ids::{NodeId, PartitionId};
use crate::replica::Trust;
use crate::rule::Rule;
use crate::table::Assignment;

impl View {
    /// R14: of the witnesses only those are left that still hold what they held; and that are needed, if
    /// one of them is to leave the cluster.
    pub(super) fn look_after_witnesses(&self, partition: PartitionId, assignment: &mut Assignment) {
        self.forget_unclean_witnesses(partition, assignment);
        let mut witnesses = assignment.witnesses.keys();
        if witnesses.any(|node| self.leaving.contains(node)) {
            self.forget_needless_witnesses(partition, assignment);
        }
    }

    pub(super) fn forget_needless_witnesses(
        &self,
        partition: PartitionId,
        assignment: &mut Assignment,
    ) {
        if let Some(held) = self.held.get(&(partition, assignment.owner)) {
            let needed = assignment.witnesses_of(held.log_epoch);
            assignment.witnesses = needed.map(|(node, witness)| (*node, *witness)).collect();
        }
    }

    fn forget_unclean_witnesses(&self, partition: PartitionId, assignment: &mut Assignment) {
        let witnesses = &mut assignment.witnesses;
        witnesses.retain(|node, witness| {
            !self.is_unclean(partition, *node, (witness.life, witness.until))
        });
    }

    /// Only those stay in sync that `stays` says.
    pub(super) fn keep(
        &self,
        partition: PartitionId,
        assignment: &mut Assignment,
        stays: impl Fn(&NodeId) -> bool,
    ) {
        self.forget_needless_witnesses(partition, assignment);
        assignment.keep_in_sync(stays);
        self.forget_unclean_witnesses(partition, assignment);
    }

    /// R14: whether nobody goes on as long as one is missing who may have more.
    pub(super) fn waits(&self) -> bool {
        self.distrust && !self.forced
    }

    /// R14: whether the node is in no doubt of the data that the table counts on.
    pub(super) fn is_confirmed(
        &self,
        partition: PartitionId,
        assignment: &Assignment,
        node: NodeId,
    ) -> bool {
        let Some(held) = self.held.get(&(partition, node)) else {
            return false;
        };
        let counted_on = assignment.recorded(node) == Some(held.incarnation)
            || self.rules.broken(Rule::RejoinWithoutCatchUp);
        counted_on && held.trust == Trust::Confirmed
    }

    /// Nobody who is left in sync with the data that were recorded has as much as another one. The witnesses
    /// were in sync before the epoch that the owner perhaps did not enter, so the furthest of all has everything.
    /// One of the last witnesses that is certain of its disk has, too. If that is no witness, it goes on
    /// alone, in another life of its data, and the others get what it has.
    pub(super) fn begin_again(
        &self,
        partition: PartitionId,
        assignment: &mut Assignment,
        alive: &BTreeSet<NodeId>,
        load: &mut Load,
    ) -> Verdict {
        self.forget_needless_witnesses(partition, assignment);
        let here = |node: &NodeId| self.alive.contains(node) && self.reported.contains(node);
        let witnesses: BTreeSet<NodeId> = assignment.witnesses.keys().copied().collect();
        let present: BTreeSet<NodeId> = witnesses.iter().copied().filter(here).collect();
        let all: BTreeSet<NodeId> = alive.union(&present).copied().collect();
        // As long as it has other data, the owner enters no epoch of which it was told.
        let owner = self.held.get(&(partition, assignment.owner));
        let knows = owner.is_some_and(|held| held.epoch == assignment.epoch);
        if !self.forced && knows && !self.is_fresh(partition, &all) {
            return Verdict::Comparing;
        }
        let suits = |(node, _)| here(&node) && self.is_confirmed(partition, assignment, node);
        let certain = assignment.last_witnesses().any(suits);
        // R5: that something is lost is known of the data that are here. Whoever had everything may be on its
        // way back, so it is waited for, unless somebody takes it upon himself.
        let compared = knows && (present == witnesses || certain);
        if !compared && !witnesses.is_empty() && !self.forced {
            return Verdict::Unavailable;
        }
        let witness = self.furthest(partition, present.iter(), load);
        let witness = witness.filter(|witness| !self.is_beyond(partition, alive, *witness));
        if knows && let Some(owner) = witness {
            let verdict = succeed(assignment, owner, load);
            assignment.in_sync.retain(|node, _| *node == owner);
            return verdict;
        }
        let Some(owner) = self.furthest(partition, alive.iter(), load) else {
            return Verdict::Unavailable;
        };
        let incarnation = self.held[&(partition, owner)].incarnation;
        assignment.in_sync = BTreeMap::from([(owner, incarnation)]);
        assignment.witnesses.clear();
        promote(assignment, owner, load);
        Verdict::PossibleLoss
    }

    /// R14: an owner that started anew leaves the partition to another member of the in-sync set, or to a
    /// witness, if that one has more, or if it cannot find out for long.
    pub(super) fn replace_doubted(
        &self,
        partition: PartitionId,
        assignment: &mut Assignment,
        load: &mut Load,
    ) -> Verdict {
        let held = self.held.get(&(partition, assignment.owner));
        let Some(held) = held.filter(|held| held.trust != Trust::Confirmed) else {
            return Verdict::Served;
        };
        let members: BTreeSet<NodeId> = assignment.in_sync.keys().copied().collect();
        let witnesses = assignment.witnesses_of(held.log_epoch).next().is_some();
        let behind = match held.trust {
            // It never enters an epoch of which it has said that.
            Trust::Behind(than) if held.epoch == assignment.epoch => Some(than),
            _ => None,
        };
        let overdue = self.overdue.contains(&partition) || self.forced;
        if behind.is_none() && !overdue || members.len() == 1 && !witnesses {
            return Verdict::Served;
        }
        let others = members.iter().filter(|node| **node != assignment.owner);
        let confirmed = others.filter(|node| self.is_confirmed(partition, assignment, **node));
        if let Some(owner) = self.furthest(partition, confirmed, load) {
            promote(assignment, owner, load);
            return Verdict::Served;
        }
        let here = |node: &NodeId| self.alive.contains(node) && self.reported.contains(node);
        if let Some(owner) = behind.filter(here)
            && assignment.recorded(owner).is_some()
        {
            return succeed(assignment, owner, load);
        }
        if !overdue || !members.is_subset(&self.reported) {
            // Whoever has not reported may have most.
            return Verdict::Served;
        }
        if witnesses && self.waits() {
            return Verdict::Unavailable;
        }
        if members.len() == 1 {
            assignment.epoch = assignment.epoch.next();
            return told(assignment);
        }
        // All of them started anew, and some do not reach each other. The furthest has everything.
        let Some(owner) = self.furthest(partition, members.iter(), load) else {
            return Verdict::Unavailable;
        };
        // Its disk may go back before the table is committed.
        self.keep(partition, assignment, |node| *node == owner);
        promote(assignment, owner, load);
        match witnesses {
            true => told(assignment),
            false if self.waits() => Verdict::Served,
            false => {
                assignment.witnesses.clear();
                Verdict::Served
            }
        }
    }
}

/// R14: it goes on although nobody knows what the witnesses had, and that is told: they are needed no more.
pub(super) fn told(assignment: &mut Assignment) -> Verdict {
    assignment.witnesses.clear();
    Verdict::Unproven
}

/// R14: `owner`, a member of the in-sync set or a witness, has more than the present owner.
fn succeed(assignment: &mut Assignment, owner: NodeId, load: &mut Load) -> Verdict {
    let was_witness = admit(assignment, owner);
    promote(assignment, owner, load);
    // Whether the present owner had entered its epoch, and had more then, is forgotten with its disk.
    match was_witness {
        true => Verdict::Unproven,
        false => Verdict::Served,
    }
}

/// Takes `node` back into the in-sync set, if it is a witness.
fn admit(assignment: &mut Assignment, node: NodeId) -> bool {
    let witness = assignment.witnesses.remove(&node);
    if let Some(witness) = witness {
        assignment.in_sync.insert(node, witness.life);
    }
    witness.is_some()
}
