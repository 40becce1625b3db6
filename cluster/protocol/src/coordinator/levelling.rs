//! A master levels roles (rule M9): it does what the [plan](super::plan) says, while no proposal is under way.
//! What it does to the table is a step like others: it names catch-ups, and takes out of in-sync sets whose copy
//! is one too many by then. An owner is replaced at its own wish only (rules M3, R15): the master says that it
//! wishes so, again and again.

use std::collections::{BTreeMap, BTreeSet};

use super::failover::{Load, View};
use super::plan::{self, Scene, Step};
use super::reign::Reign;
use super::state::Role;
use super::{Coordinator, Message, Note, Output, Wish};
use crate::ids::{NodeId, PartitionId, Term};
use crate::replica::Trust;
use crate::rule::Rule;
use crate::settings::{Levelling, Settings};
use crate::table::{Assignment, Table};
use crate::time::Time;

impl Reign {
    fn scene(&mut self, now: Time, view: &View, table: &Table, settings: &Settings) -> Scene {
        let nodes = view.takers();
        // A node has failed, returned or come: what is moved now might have to be moved back.
        if table.levelling.on && self.sharing != nodes {
            self.sharing.clone_from(&nodes);
            self.level_from = now + settings.level_after();
        }
        let wanted = view.replicas.min(nodes.len());
        self.moves.retain(|partition, to| {
            let assignment = table.partitions.get(usize::from(partition.0));
            assignment.is_some_and(|a| a.owner != *to || a.in_sync.len() > wanted)
        });
        let numbered = (0..).map(PartitionId).zip(&table.partitions);
        let unsteady = numbered.filter(|(partition, a)| !view.is_steady(*partition, a));
        Scene {
            unsteady: unsteady.map(|(partition, _)| partition).collect(),
            nodes,
            sizes: BTreeMap::new(),
            moves: self.moves.clone(),
            replicas: view.replicas,
            levelling: Levelling {
                on: table.levelling.on && now >= self.level_from,
                ..table.levelling
            },
        }
    }

    /// Notes which owners are to hand partitions over since they leave or have no room, and which have not for
    /// so long that others take over.
    pub(super) fn note_owed(
        &mut self,
        now: Time,
        view: &mut View,
        table: &Table,
        settings: &Settings,
    ) {
        let goes = |node: &NodeId| view.leaving.contains(node) || view.roomless.contains(node);
        if !table.partitions.iter().any(|a| goes(&a.owner)) {
            return self.owed_since.clear();
        }
        let load = Load::of(&table.partitions);
        for (partition, assignment) in (0..).map(PartitionId).zip(&table.partitions) {
            let owner = assignment.owner;
            let successor = view.successor_of_one_that_goes(partition, assignment, &load);
            if successor.is_none() {
                self.owed_since.remove(&partition);
                continue;
            }
            let owed = self.owed_since.entry(partition).or_insert((owner, now));
            if owed.0 != owner {
                *owed = (owner, now);
            }
            if now.since(owed.1) >= settings.hand_over_limit() {
                view.overdue_hand_overs.insert(partition);
            }
        }
    }
}

impl View {
    /// Who may be given roles.
    fn takers(&self) -> BTreeSet<NodeId> {
        let takes = |node: &&NodeId| {
            let goes = [&self.leaving, &self.parting, &self.expected];
            let goes = goes.into_iter().any(|nodes| nodes.contains(node));
            self.reported.contains(node) && !self.roomless.contains(node) && !goes
        };
        self.alive.iter().filter(takes).copied().collect()
    }

    /// R14: nobody who has it is in doubt of its disk.
    fn is_steady(&self, partition: PartitionId, assignment: &Assignment) -> bool {
        let certain = |(node, life): (&NodeId, &crate::ids::Incarnation)| {
            let held = self.held.get(&(partition, *node));
            // One that is in sync since its last report has not said so yet.
            held.is_none_or(|held| held.incarnation == *life && held.trust == Trust::Confirmed)
        };
        assignment.in_sync.iter().all(certain)
    }

    /// Whether the owner of a partition is to hand it over since it leaves the cluster or has no room, and to
    /// whom.
    pub(super) fn successor_of_one_that_goes(
        &self,
        partition: PartitionId,
        assignment: &Assignment,
        load: &Load,
    ) -> Option<NodeId> {
        let owner = assignment.owner;
        let there = self.alive.contains(&owner) && self.reported.contains(&owner);
        let leaves = self.leaving.contains(&owner) && self.can_do_without(assignment);
        let lacks_room = self.roomless.contains(&owner) && !self.rules.broken(Rule::KeepRoomless);
        if !there || !(leaves || lacks_room) {
            return None;
        }
        let takers = self.takers();
        let others = assignment
            .in_sync
            .keys()
            .filter(|node| takers.contains(node));
        let proven = others.filter(|node| self.is_confirmed(partition, assignment, **node));
        let least = proven.min_by_key(|node| (load.owned(**node), **node));
        least.copied()
    }

    /// Whether the owner, which goes, hands the partition over itself.
    pub(super) fn hands_over(
        &self,
        partition: PartitionId,
        assignment: &Assignment,
        load: &Load,
    ) -> bool {
        let successor = self.successor_of_one_that_goes(partition, assignment, load);
        successor.is_some() && !self.overdue_hand_overs.contains(&partition)
    }

    /// Whether there are enough copies without those of nodes that are to leave.
    pub(super) fn can_do_without(&self, assignment: &Assignment) -> bool {
        let stays = |node: &&NodeId| !self.leaving.contains(node);
        let others = self.alive.iter().filter(stays).count();
        let staying = assignment.in_sync.keys().filter(stays).count();
        staying >= self.replicas.min(others)
    }
}

/// As an owner.
impl Coordinator {
    /// The master wishes that this node's replicas hand these over.
    pub(super) fn wished(&mut self, from: NodeId, term: Term, wishes: Vec<Wish>) {
        let follows = matches!(&self.role, Role::Following(f) if f.master == from);
        if term == self.term() && follows {
            self.disk.say(Output::HandOver(wishes));
        }
    }
}

/// As a member, and as master.
impl Coordinator {
    /// Somebody sets how roles are levelled: a follower passes it on, the master does it.
    pub(super) fn asked_to_level(&mut self, now: Time, levelling: Levelling) {
        match &mut self.role {
            Role::Electing(_) => {}
            Role::Following(following) => {
                let master = following.master;
                self.send(master, Message::Level(levelling));
            }
            Role::Reigning(reign) => {
                reign.levelling = Some(levelling);
                self.note(Note::LevellingSet(levelling));
                self.propose_next(now);
            }
        }
    }

    /// Somebody wishes that `to` owns `partition`: a follower passes it on, the master does it.
    pub(super) fn asked_to_move(&mut self, now: Time, partition: PartitionId, to: NodeId) {
        match &mut self.role {
            Role::Electing(_) => {}
            Role::Following(following) => {
                let master = following.master;
                self.send(master, Message::Move { partition, to });
            }
            Role::Reigning(_) => self.begin_to_move(now, partition, to),
        }
    }

    fn begin_to_move(&mut self, now: Time, partition: PartitionId, to: NodeId) {
        let Some(committed) = self.committed.clone() else {
            return;
        };
        let exists = usize::from(partition.0) < committed.partitions.len();
        let takes = self.view(now, &committed);
        let takes = takes.is_some_and(|view| view.takers().contains(&to));
        let Role::Reigning(reign) = &mut self.role else {
            return;
        };
        if !exists || !takes {
            return self.note(Note::NotMoved { partition, to });
        }
        reign.moves.insert(partition, to);
        self.propose_next(now);
    }

    /// Does what the plan says comes next; nothing else is to be done. `table` is the committed one. Whether it
    /// proposes another.
    pub(super) fn level(&mut self, now: Time, view: &View, mut table: Table) -> bool {
        let Role::Reigning(reign) = &mut self.role else {
            return false;
        };
        let scene = reign.scene(now, view, &table, &self.fixed.settings);
        let steps = plan::plan(&table.partitions, &scene);
        let mut wishes: BTreeMap<NodeId, Vec<Wish>> = BTreeMap::new();
        let mut load = Load::of(&table.partitions);
        for (partition, assignment) in (0..).map(PartitionId).zip(&table.partitions) {
            if let Some(to) = view.successor_of_one_that_goes(partition, assignment, &load) {
                load.gives(assignment.owner, to);
                let epoch = assignment.epoch;
                wishes.entry(assignment.owner).or_default().push(Wish {
                    partition,
                    epoch,
                    to,
                });
            }
        }
        let mut changed = false;
        for step in steps {
            let partition = step.partition();
            let assignment = &mut table.partitions[usize::from(partition.0)];
            match step {
                Step::HandOver { from, to, .. } => {
                    let epoch = assignment.epoch;
                    wishes.entry(from).or_default().push(Wish {
                        partition,
                        epoch,
                        to,
                    });
                    continue;
                }
                Step::Copy { from, to, .. } => {
                    assignment.catch_ups.insert(to);
                    // M9 broken: its copy is given up before there is another one.
                    if from != assignment.owner && view.rules.broken(Rule::DropBeforeCopy) {
                        give_copy_up(view, partition, assignment, from);
                    }
                }
                Step::Drop { from, .. } => give_copy_up(view, partition, assignment, from),
            }
            changed = true;
            self.note(Note::Levels(step));
        }
        for (owner, wishes) in wishes {
            self.wish(owner, wishes);
        }
        if changed {
            self.propose_after(now, table);
        }
        changed
    }

    fn wish(&mut self, owner: NodeId, wishes: Vec<Wish>) {
        if owner == self.fixed.me.id {
            return self.disk.say(Output::HandOver(wishes));
        }
        let term = self.term();
        self.send(owner, Message::Wishes { term, wishes });
    }

    /// All steps that lead to like shares, as it looks now, if this node is master.
    #[must_use]
    pub fn outlook(&self, now: Time) -> Vec<Step> {
        let mut copy = self.clone();
        let Some(committed) = copy.committed.clone() else {
            return Vec::new();
        };
        let Some(view) = copy.view(now, &committed) else {
            return Vec::new();
        };
        let Role::Reigning(reign) = &mut copy.role else {
            return Vec::new();
        };
        let mut scene = reign.scene(now, &view, &committed, &copy.fixed.settings);
        scene.levelling.on = committed.levelling.on;
        plan::outlook(&committed.partitions, &scene)
    }
}

fn give_copy_up(view: &View, partition: PartitionId, assignment: &mut Assignment, from: NodeId) {
    view.keep(partition, assignment, |node| *node != from);
    assignment.epoch = assignment.epoch.next();
}
