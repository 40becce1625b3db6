//! Levelling (requirements A11 and A12, rule M9): who gives which role to whom, so that all nodes have a like
//! share. A pure function from the committed table and what the master sees to the steps that come next.
//!
//! Nothing is remembered between two looks: what is under way stands in the table. A partition with a catch-up
//! beyond the wanted number of copies is being moved, one with a member too many in its in-sync set gives a
//! copy up. So a new master goes on where the former one was.
//!
//! It ends: each step makes the counts more alike, and nodes whose counts differ by one are level.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, PartitionId};
use crate::settings::Levelling;
use crate::table::Assignment;

#[cfg(test)]
mod tests;

/// Nodes whose counts differ by no more than this are level.
const LEVEL: usize = 1;

/// What levelling looks at besides the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// Who has a share in the roles: the nodes that are alive, have room, and stay.
    pub nodes: BTreeSet<NodeId>,
    /// Partitions that are left alone: something else is going on with them.
    pub unsteady: BTreeSet<PartitionId>,
    /// How many bytes partitions hold, as far as that is known.
    pub sizes: BTreeMap<PartitionId, u64>,
    /// Who is to own a partition because a person wishes so.
    pub moves: BTreeMap<PartitionId, NodeId>,
    /// How many nodes should hold each partition.
    pub replicas: usize,
    /// Whether roles are levelled, and how much at a time.
    pub levelling: Levelling,
}

impl Scene {
    /// How many copies of each partition there are to be.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.replicas.min(self.nodes.len())
    }
}

/// One step of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Step {
    /// The owner hands the partition over (rule R15).
    HandOver {
        /// Which partition.
        partition: PartitionId,
        /// Its owner.
        from: NodeId,
        /// A member of its in-sync set.
        to: NodeId,
    },
    /// Another node gets a copy, and becomes a catch-up for that.
    Copy {
        /// Which partition.
        partition: PartitionId,
        /// Whose copy is one too many then, as it looks now.
        from: NodeId,
        /// Who gets one.
        to: NodeId,
    },
    /// More nodes than wanted are in sync: a backup leaves the in-sync set.
    Drop {
        /// Which partition.
        partition: PartitionId,
        /// Who leaves.
        from: NodeId,
    },
}

impl Step {
    /// Which partition it is about.
    #[must_use]
    pub fn partition(self) -> PartitionId {
        match self {
            Step::HandOver { partition, .. }
            | Step::Copy { partition, .. }
            | Step::Drop { partition, .. } => partition,
        }
    }
}

/// The steps that come next; none if all is level, or the steps before are still under way. There is at
/// most one for each partition.
#[must_use]
pub fn plan(partitions: &[Assignment], scene: &Scene) -> Vec<Step> {
    let mut planner = Planner::new(partitions, scene);
    planner.finish_what_was_begun();
    planner.move_as_wished();
    if scene.levelling.on {
        planner.level_owners();
        planner.level_copies();
    }
    planner.steps
}

/// All steps until the roles are level, each as if those before it were done.
#[must_use]
pub fn outlook(partitions: &[Assignment], scene: &Scene) -> Vec<Step> {
    let mut partitions = partitions.to_vec();
    let mut scene = scene.clone();
    let mut steps = Vec::new();
    loop {
        for assignment in &mut partitions {
            for node in std::mem::take(&mut assignment.catch_ups) {
                assignment.in_sync.insert(node, crate::ids::Incarnation(0));
            }
        }
        let next = plan(&partitions, &scene);
        if next.is_empty() {
            return steps;
        }
        for step in &next {
            take(&mut partitions, *step);
        }
        let wanted = scene.wanted();
        scene.moves.retain(|partition, to| {
            let assignment = partitions.get(usize::from(partition.0));
            assignment.is_some_and(|a| a.owner != *to || a.in_sync.len() > wanted)
        });
        steps.extend(next);
    }
}

/// The table after a step.
fn take(partitions: &mut [Assignment], step: Step) {
    let assignment = &mut partitions[usize::from(step.partition().0)];
    match step {
        Step::HandOver { to, .. } => assignment.owner = to,
        Step::Copy { to, .. } => {
            assignment.catch_ups.insert(to);
        }
        Step::Drop { from, .. } => {
            assignment.in_sync.remove(&from);
        }
    }
}

struct Planner<'a> {
    partitions: &'a [Assignment],
    scene: &'a Scene,
    /// Counts and bytes by node, as they will be when all steps are done.
    owned: BTreeMap<NodeId, usize>,
    held: BTreeMap<NodeId, usize>,
    bytes: BTreeMap<NodeId, u64>,
    /// Partitions with a step, or whose step is under way.
    busy: BTreeSet<PartitionId>,
    /// How many are being copied, and handed over.
    copies: usize,
    hand_overs: usize,
    /// Some partition has fewer copies than wanted, and gets another one first.
    short: bool,
    steps: Vec<Step>,
}

impl<'a> Planner<'a> {
    fn new(partitions: &'a [Assignment], scene: &'a Scene) -> Self {
        let none = |node: &NodeId| (*node, 0);
        let mut planner = Planner {
            partitions,
            scene,
            owned: scene.nodes.iter().map(none).collect(),
            held: scene.nodes.iter().map(none).collect(),
            bytes: scene.nodes.iter().map(|node| (*node, 0)).collect(),
            busy: BTreeSet::new(),
            copies: 0,
            hand_overs: 0,
            short: false,
            steps: Vec::new(),
        };
        for (partition, assignment) in planner.numbered() {
            *planner.owned.entry(assignment.owner).or_default() += 1;
            for node in assignment.in_sync.keys().chain(&assignment.catch_ups) {
                *planner.held.entry(*node).or_default() += 1;
                *planner.bytes.entry(*node).or_default() += planner.size(partition);
            }
        }
        planner
    }

    fn numbered(&self) -> impl Iterator<Item = (PartitionId, &'a Assignment)> + use<'a> {
        (0..).map(PartitionId).zip(self.partitions)
    }

    fn assignment(&self, partition: PartitionId) -> Option<&'a Assignment> {
        self.partitions.get(usize::from(partition.0))
    }

    fn size(&self, partition: PartitionId) -> u64 {
        self.scene.sizes.get(&partition).copied().unwrap_or(0)
    }

    fn owned(&self, node: NodeId) -> usize {
        self.owned.get(&node).copied().unwrap_or(0)
    }

    fn held(&self, node: NodeId) -> usize {
        self.held.get(&node).copied().unwrap_or(0)
    }

    /// Whether all that have it are there, and nothing else is going on.
    fn steady(&self, partition: PartitionId, assignment: &Assignment) -> bool {
        let mut nodes = assignment.in_sync.keys().chain(&assignment.catch_ups);
        let here = nodes.all(|node| self.scene.nodes.contains(node));
        here && !self.scene.unsteady.contains(&partition)
    }

    /// Whether a step may begin there.
    fn idle(&self, partition: PartitionId, assignment: &Assignment) -> bool {
        !self.busy.contains(&partition)
            && !self.scene.moves.contains_key(&partition)
            && assignment.catch_ups.is_empty()
            && assignment.in_sync.len() == self.scene.wanted()
            && self.steady(partition, assignment)
    }

    /// Of those that are in sync, the one that holds most gives its copy up; of equals none that owns it.
    fn surplus(&self, assignment: &Assignment, gone: &BTreeSet<NodeId>) -> Option<NodeId> {
        let here = assignment
            .in_sync
            .keys()
            .filter(|node| !gone.contains(node));
        here.copied()
            .max_by_key(|node| (self.held(*node), *node != assignment.owner, *node))
    }

    /// Copies beyond the wanted number, which are there because somebody else was to have one.
    fn finish_what_was_begun(&mut self) {
        for (partition, assignment) in self.numbered() {
            let wanted = self.scene.wanted();
            let nodes = assignment.in_sync.len() + assignment.catch_ups.len();
            self.short |= nodes < wanted;
            if !assignment.catch_ups.is_empty() {
                self.copies += 1;
                self.busy.insert(partition);
            }
            let mut gone = BTreeSet::new();
            for _ in wanted..nodes {
                let wish = self.scene.moves.get(&partition);
                // Who is to own it because a person wishes so keeps its copy.
                gone.extend(wish);
                let Some(from) = self.surplus(assignment, &gone) else {
                    break;
                };
                let first = gone.iter().all(|node| Some(node) == wish);
                gone.insert(from);
                if first && assignment.in_sync.len() > wanted {
                    self.give_copy_up(partition, assignment, from);
                }
                self.count_copy(partition, from, None);
            }
        }
    }

    /// A copy is one too many. An owner hands over first.
    fn give_copy_up(&mut self, partition: PartitionId, assignment: &Assignment, from: NodeId) {
        self.busy.insert(partition);
        if !self.steady(partition, assignment) {
            return;
        }
        if from != assignment.owner {
            return self.steps.push(Step::Drop { partition, from });
        }
        let others = assignment.in_sync.keys().filter(|node| **node != from);
        let wish = self.scene.moves.get(&partition);
        let to = others.min_by_key(|node| (Some(*node) != wish, self.owned(**node), **node));
        if let Some(to) = to.copied() {
            self.hand_over(partition, from, to);
        }
    }

    fn hand_over(&mut self, partition: PartitionId, from: NodeId, to: NodeId) {
        self.busy.insert(partition);
        if self.hand_overs >= self.scene.levelling.hand_overs_at_once {
            return;
        }
        self.hand_overs += 1;
        *self.owned.entry(from).or_default() -= 1;
        *self.owned.entry(to).or_default() += 1;
        let step = Step::HandOver {
            partition,
            from,
            to,
        };
        self.steps.push(step);
    }

    fn count_copy(&mut self, partition: PartitionId, from: NodeId, to: Option<NodeId>) {
        let bytes = self.size(partition);
        *self.held.entry(from).or_default() -= 1;
        *self.bytes.entry(from).or_default() -= bytes;
        if let Some(to) = to {
            *self.held.entry(to).or_default() += 1;
            *self.bytes.entry(to).or_default() += bytes;
        }
    }

    fn copy(&mut self, partition: PartitionId, from: NodeId, to: NodeId) {
        self.busy.insert(partition);
        self.copies += 1;
        self.count_copy(partition, from, Some(to));
        self.steps.push(Step::Copy {
            partition,
            from,
            to,
        });
    }

    /// What people wish comes before what is level, and whether roles are levelled or not.
    fn move_as_wished(&mut self) {
        for (partition, to) in &self.scene.moves {
            let Some(assignment) = self.assignment(*partition) else {
                continue;
            };
            let begun = self.busy.contains(partition) || assignment.owner == *to;
            if begun || !self.steady(*partition, assignment) || !self.scene.nodes.contains(to) {
                continue;
            }
            if assignment.in_sync.contains_key(to) {
                self.hand_over(*partition, assignment.owner, *to);
            } else if self.copies < self.scene.levelling.copies_at_once
                && let Some(from) = self.surplus(assignment, &BTreeSet::new())
            {
                self.copy(*partition, from, *to);
            }
        }
    }

    fn level_owners(&mut self) {
        while self.hand_overs < self.scene.levelling.hand_overs_at_once {
            let Some((partition, from, to)) = self.next_hand_over() else {
                return;
            };
            self.hand_over(partition, from, to);
        }
    }

    /// A way from a node that owns much to one that owns little, along which each hands one partition to the
    /// next: most often it is one step. The last step comes first. (All on a shortest way but its end own almost
    /// as much as its beginning, so that no step makes the shares less alike.)
    fn next_hand_over(&self) -> Option<(PartitionId, NodeId, NodeId)> {
        let mut nodes: Vec<NodeId> = self.scene.nodes.iter().copied().collect();
        nodes.sort_by_key(|node| (Reverse(self.owned(*node)), *node));
        let mut steps: BTreeMap<NodeId, Vec<(PartitionId, NodeId)>> = BTreeMap::new();
        for (partition, assignment) in self.numbered() {
            if self.idle(partition, assignment) {
                let backups = assignment.in_sync.keys();
                let backups = backups.filter(|node| **node != assignment.owner);
                let from = steps.entry(assignment.owner).or_default();
                from.extend(backups.map(|to| (partition, *to)));
            }
        }
        let least = nodes.last().map(|node| self.owned(*node))?;
        let much = |node: &&NodeId| self.owned(**node) > least + LEVEL;
        for most in nodes.iter().filter(much) {
            let mut reached = BTreeSet::from([*most]);
            let mut queue = VecDeque::from([*most]);
            while let Some(from) = queue.pop_front() {
                let ways = steps.get(&from).into_iter().flatten();
                let mut ways: Vec<_> = ways.filter(|(_, to)| !reached.contains(to)).collect();
                ways.sort_by_key(|(partition, to)| (self.owned(*to), *to, *partition));
                for (partition, to) in ways {
                    if self.owned(*to) + LEVEL < self.owned(*most) {
                        return Some((*partition, from, *to));
                    }
                    if reached.insert(*to) {
                        queue.push_back(*to);
                    }
                }
            }
        }
        None
    }

    fn level_copies(&mut self) {
        while !self.short && self.copies < self.scene.levelling.copies_at_once {
            let Some((partition, from, to)) = self.next_copy() else {
                return;
            };
            self.copy(partition, from, to);
        }
    }

    /// From a node that holds much to one that holds little: rather no partition that it owns, rather one of an
    /// owner with many, which can be handed over then, and the one that makes the bytes of both most alike.
    fn next_copy(&self) -> Option<(PartitionId, NodeId, NodeId)> {
        let mut nodes: Vec<NodeId> = self.scene.nodes.iter().copied().collect();
        nodes.sort_by_key(|node| (self.held(*node), *node));
        for from in nodes.iter().rev() {
            let little = nodes
                .iter()
                .take_while(|to| self.held(**to) + LEVEL < self.held(*from));
            for to in little {
                let moves = |(partition, assignment): &(PartitionId, &Assignment)| {
                    assignment.in_sync.contains_key(from)
                        && !assignment.in_sync.contains_key(to)
                        && self.idle(*partition, assignment)
                };
                let gap = self.bytes[from].abs_diff(self.bytes[to]);
                let best = self.numbered().filter(moves).min_by_key(|(partition, a)| {
                    let uneven = (self.size(*partition) * 2).abs_diff(gap);
                    let many = Reverse(self.owned(a.owner));
                    (a.owner == *from, many, uneven, *partition)
                });
                if let Some((partition, _)) = best {
                    return Some((partition, *from, *to));
                }
            }
        }
        None
    }
}
