//! The replication world's master: the atomic table register, and somebody who looks after it.
//!
//! It stands at a place of its own in the network. What it decides when the rules leave a choice -
//! who takes over, who leaves, who is named catch-up - is drawn, so that the choice of any real
//! master is among what was tried.

use std::collections::BTreeSet;
use std::sync::Arc;

use kensho_protocol::ids::{Epoch, Incarnation, NodeId, PartitionId};
use kensho_protocol::replica::{Event, Held, Replica, Trust};
use kensho_protocol::rule::Rule;
use kensho_protocol::table::{Change, Table, What};

use super::sights::Sight;
use super::table_service::{NotMade, TableService, node_id, number_of, partition_id};
use super::{Happening, World};

/// The register, and what its keeper knows.
#[derive(Clone, Debug)]
pub struct Master {
    service: TableService,
    /// By node: when it was last heard.
    heard_ns: Vec<u64>,
    /// By node and partition: what it said of its replicas then.
    reports: Vec<Vec<Held>>,
}

impl Master {
    /// A master that hears all nodes.
    #[must_use]
    pub fn new(service: TableService, nodes: usize) -> Self {
        Master {
            service,
            heard_ns: vec![0; nodes],
            reports: vec![Vec::new(); nodes],
        }
    }

    /// The register.
    #[must_use]
    pub fn service(&self) -> &TableService {
        &self.service
    }
}

impl World {
    /// The master's place in the network.
    fn master_place(&self) -> usize {
        self.plan.nodes
    }

    /// A table was committed: the invariants are told.
    pub(super) fn table_committed(&mut self) {
        let nodes = &self.nodes;
        let disk = |node, partition| nodes[number_of(node)].hosted(partition).disk.safe();
        self.watch.committed(self.master.service.table(), disk);
    }

    /// A replica's wish is on its way to the master.
    pub(super) fn ask_master(&mut self, from: usize, change: Change) {
        let to = self.master_place();
        let random = &mut self.streams.network;
        let arrivals = self.network.send(from, to, self.now_ns, random);
        let from = node_id(from);
        if let Some(at_ns) = arrivals.second_ns {
            let change = change.clone();
            self.schedule.put(at_ns, Happening::Wish { from, change });
        }
        if let Some(at_ns) = arrivals.first_ns {
            self.schedule.put(at_ns, Happening::Wish { from, change });
        }
    }

    pub(super) fn master_hears(&mut self, from: NodeId, change: &Change) {
        self.figures.events += 1;
        let owner_before = self.master.service.assignment(change.partition).owner;
        let made = self.master.service.ask(from, change);
        if self.trace.is_kept() {
            self.say(format_args!("master <- {from:?} {change:?}: {made:?}"));
        }
        match (made, &change.what) {
            (Ok(()), What::Shrink(_)) => self.sometimes.saw(Sight::ShrinkFinished),
            (Ok(()), What::Grow(..)) => self.sometimes.saw(Sight::GrowthFinished),
            (Ok(()), What::Renew) => self.sometimes.saw(Sight::RenewFinished),
            (Ok(()), What::HandOver(_)) => {
                self.sometimes.saw(Sight::HandOverFinished);
                // M7: the data of one that is left may be gone, and nobody has noticed yet.
                let assignment = self.master.service.assignment(change.partition);
                let enough = assignment.in_sync.len() > 2;
                if enough && self.streams.master.chance(500_000) {
                    self.master.service.part(change.partition, from);
                }
            }
            (Err(NotMade::OtherBase), What::Shrink(_)) if owner_before != from => {
                self.sometimes.saw(Sight::ShrinkLostToFailover);
            }
            (Err(_), _) => {}
        }
        if made.is_ok() {
            self.table_committed();
            self.tell_all();
        }
    }

    fn tell_all(&mut self) {
        for node in 0..self.plan.nodes {
            self.tell(node);
        }
    }

    /// The committed table is on its way to a node.
    pub(super) fn tell(&mut self, to: usize) {
        let from = self.master_place();
        let random = &mut self.streams.network;
        let arrivals = self.network.send(from, to, self.now_ns, random);
        for at_ns in [arrivals.first_ns, arrivals.second_ns]
            .into_iter()
            .flatten()
        {
            let table = Arc::clone(self.master.service.table());
            let life = self.nodes[to].life;
            let comes = Happening::Table { to, life, table };
            self.schedule.put(at_ns, comes);
        }
    }

    /// A node sees a committed table. Who hears of the master is part of a quorum.
    pub(super) fn table_comes(&mut self, node: usize, table: &Arc<Table>) {
        self.figures.events += 1;
        let this = &mut self.nodes[node];
        let first = this.stamp == kensho_protocol::table::Stamp::default();
        let newer = table.stamp > this.stamp;
        this.stamp = table.stamp.max(this.stamp);
        for number in 0..self.plan.partitions {
            let partition = partition_id(number);
            if newer || self.plan.faults.stale_tables {
                let assignment = table.assignment(partition).clone();
                self.hand_in(node, partition, Event::Assign(assignment));
            }
            if first && !self.nodes[node].out_of_touch {
                self.hand_in(node, partition, Event::Service(true));
            }
        }
    }

    pub(super) fn service_changes(&mut self, node: usize, service: bool) {
        self.figures.events += 1;
        self.nodes[node].out_of_touch = !service;
        for number in 0..self.plan.partitions {
            self.hand_in(node, partition_id(number), Event::Service(service));
        }
    }

    /// The master looks at the state of things, twice a heartbeat.
    pub(super) fn master_looks(&mut self) {
        self.figures.events += 1;
        let heartbeat_ns = self.plan.heartbeat_ns();
        let place = self.master_place();
        for node in 0..self.plan.nodes {
            if self.nodes[node].runs() && !self.network.is_cut(node, place) {
                self.master.heard_ns[node] = self.now_ns;
                let said = self.nodes[node].replicas().map(Replica::held);
                self.master.reports[node] = said.collect();
            }
        }
        for number in 0..self.plan.partitions {
            self.look_after(partition_id(number));
        }
        self.tell_all();
        if !self.turbulent {
            self.look_for_recovery();
        }
        let next_ns = self.now_ns + heartbeat_ns / 2;
        self.schedule.put(next_ns, Happening::MasterLooks);
    }

    fn is_heard(&self, node: NodeId) -> bool {
        let silent_ns = self.now_ns - self.master.heard_ns[number_of(node)];
        silent_ns < 3 * self.plan.heartbeat_ns()
    }

    /// What the node said last of its replica; it may have crashed since, and its disk may have gone back.
    fn said(&self, partition: PartitionId, node: NodeId) -> Option<Held> {
        let said = self.master.reports[number_of(node)].get(usize::from(partition.0));
        said.copied()
    }

    /// Whether the node is heard, and said that it has another life of its data than this.
    fn is_unclean(&self, partition: PartitionId, node: NodeId, life: Incarnation) -> bool {
        let said = self.said(partition, node);
        self.is_heard(node) && said.is_some_and(|said| said.incarnation != life)
    }

    /// Whether the node is heard, and said that it has this life of its data.
    fn is_clean(&self, partition: PartitionId, node: NodeId, life: Incarnation) -> bool {
        let said = self.said(partition, node);
        self.is_heard(node) && said.is_some_and(|said| said.incarnation == life)
    }

    /// R14: whether the in-sync set may do without these nodes: one that is known to have everything is
    /// left, or all of them are heard, so that nobody who is away has more.
    fn may_go_on_without(&self, partition: PartitionId, without: &BTreeSet<NodeId>) -> bool {
        if self.plan.settings.rules.broken(Rule::RolledBackDisk) || without.is_empty() {
            return true;
        }
        let in_sync = &self.master.service.assignment(partition).in_sync;
        let confirmed = |(node, life): (&NodeId, &Incarnation)| {
            let said = self.said(partition, *node);
            !without.contains(node)
                && self.is_clean(partition, *node, *life)
                && said.is_some_and(|said| said.trust == Trust::Confirmed)
        };
        let gone = in_sync.iter().filter(|(node, _)| without.contains(*node));
        let mut gone = gone.map(|(node, life)| self.is_unclean(partition, *node, *life));
        let all_heard = in_sync.keys().all(|node| self.is_heard(*node));
        in_sync.iter().any(confirmed) || all_heard && gone.all(|unclean| unclean)
    }

    /// R14: the witnesses are needed no more when the owner is known to have entered its epoch; and those
    /// are none that have another life of their data.
    fn look_after_witnesses(&mut self, partition: PartitionId) {
        let assignment = self.master.service.assignment(partition);
        if assignment.witnesses.is_empty() {
            return;
        }
        let said = self.said(partition, assignment.owner);
        let left = assignment.witnesses_of(said.map_or(Epoch(0), |said| said.log_epoch));
        let left = left.filter(|(node, left)| !self.is_unclean(partition, **node, left.life));
        let left: BTreeSet<NodeId> = left.map(|(node, _)| *node).collect();
        let are = |node| left.contains(&node);
        self.master.service.keep_witnesses(partition, are);
    }

    fn look_after(&mut self, partition: PartitionId) {
        self.look_after_witnesses(partition);
        let assignment = self.master.service.assignment(partition);
        let (owner, in_sync) = (assignment.owner, assignment.in_sync.len());
        let catch_ups = assignment.catch_ups.clone();
        let unclean: BTreeSet<NodeId> = assignment
            .in_sync
            .iter()
            .filter(|(node, life)| self.is_unclean(partition, **node, **life))
            .map(|(node, _)| *node)
            .collect();
        let said = self.said(partition, owner);
        let behind = said.is_some_and(|said| matches!(said.trust, Trust::Behind(_)));
        if unclean.contains(&owner) || !self.is_heard(owner) || behind {
            self.fail_over(partition);
        } else if self.may_go_on_without(partition, &unclean) {
            self.master.service.remove(partition, &unclean);
        }
        for node in &catch_ups {
            if !self.is_heard(*node) {
                self.master.service.dismiss_catch_up(partition, *node);
            }
        }
        if in_sync + catch_ups.len() < self.plan.settings.replicas {
            self.name_catch_up(partition);
        }
        self.table_committed();
    }

    fn name_catch_up(&mut self, partition: PartitionId) {
        let assignment = self.master.service.assignment(partition);
        let free: Vec<NodeId> = (0..self.plan.nodes)
            .map(node_id)
            .filter(|node| {
                let has_role =
                    assignment.in_sync.contains_key(node) || assignment.catch_ups.contains(node);
                !has_role && self.is_heard(*node)
            })
            .collect();
        if !free.is_empty() {
            let node = self.streams.master.pick(&free);
            self.master.service.name_catch_up(partition, node);
        }
    }

    /// Some member of the in-sync set that is heard takes over: the one that holds most, as the
    /// rules say, or any other, since safety must not depend on it.
    pub(super) fn fail_over(&mut self, partition: PartitionId) {
        let assignment = self.master.service.assignment(partition);
        let owner = assignment.owner;
        let clean = |nodes: &mut dyn Iterator<Item = (NodeId, Incarnation)>| -> Vec<NodeId> {
            let others = nodes.filter(|(node, _)| *node != owner);
            let clean = others.filter(|(node, life)| self.is_clean(partition, *node, *life));
            clean.map(|(node, _)| node).collect()
        };
        let in_sync = || assignment.in_sync.iter().map(|(node, life)| (*node, *life));
        let mut candidates = clean(&mut in_sync());
        // R14: who left takes over from an owner that has less, or where nobody is in sync any more.
        let said = self.said(partition, owner).filter(|_| self.is_heard(owner));
        let said = said.filter(|said| said.epoch == assignment.epoch);
        if let Some(Trust::Behind(than)) = said.map(|said| said.trust) {
            let recorded = assignment.recorded(than);
            candidates = clean(&mut recorded.map(|life| (than, life)).into_iter());
        } else if in_sync().all(|(node, life)| self.is_unclean(partition, node, life)) {
            if said.is_some() {
                candidates = clean(&mut assignment.last_witnesses());
            }
            if assignment.witnesses.is_empty() {
                return self.begin_again(partition);
            }
        }
        let mode = self.plan.settings.mode;
        let holds = |node: &NodeId| self.said(partition, *node).map(|said| said.reach(mode));
        let Some(most) = candidates.iter().copied().max_by_key(holds) else {
            return;
        };
        let random = &mut self.streams.master;
        let to = match random.chance(300_000) {
            true => random.pick(&candidates),
            false => most,
        };
        let mut without = BTreeSet::new();
        if !random.chance(300_000) {
            without.insert(assignment.owner);
        }
        for node in assignment.in_sync.keys().filter(|node| **node != to) {
            let silent_ns = self.now_ns - self.master.heard_ns[number_of(*node)];
            if silent_ns > 3 * self.plan.heartbeat_ns() && random.chance(500_000) {
                without.insert(*node);
            }
        }
        if !self.may_go_on_without(partition, &without) {
            without.clear();
        }
        let service = &mut self.master.service;
        let made = match service.assignment(partition).in_sync.get(&to).copied() {
            Some(life) => service.fail_over(partition, (to, life), &without),
            None => service.take_over(partition, to),
        };
        if self.trace.is_kept() {
            let text = format!("master fails {partition:?} over to {to:?} without {without:?}");
            self.say(format_args!("{text}: {made:?}"));
        }
        if made.is_ok() {
            self.table_committed();
            self.tell_all();
        }
    }

    /// All that were in sync are heard, and none of them has the data that were recorded: the furthest goes
    /// on alone, and that something may be lost is told.
    fn begin_again(&mut self, partition: PartitionId) {
        let assignment = self.master.service.assignment(partition);
        let mode = self.plan.settings.mode;
        let members = assignment.in_sync.keys();
        let said = members.filter_map(|node| Some((*node, self.said(partition, *node)?)));
        let furthest = said.max_by_key(|(node, said)| (said.reach(mode), *node));
        let Some((owner, said)) = furthest else {
            return;
        };
        let mut next = assignment.clone();
        next.in_sync = [(owner, said.incarnation)].into();
        next.catch_ups.remove(&owner);
        next.owner = owner;
        next.epoch = next.epoch.next();
        self.say(format_args!(
            "master lets {partition:?} go on with {owner:?} alone"
        ));
        self.master.service.set(partition, next);
        self.table_committed();
        self.tell_all();
    }

    /// The master wishes that the owner hands over to somebody.
    pub(super) fn wish_hand_over(&mut self, partition: PartitionId) {
        let assignment = self.master.service.assignment(partition);
        let (owner, epoch) = (assignment.owner, assignment.epoch);
        let others = assignment.in_sync.keys().filter(|node| **node != owner);
        let others: Vec<NodeId> = others.copied().collect();
        if !others.is_empty() && self.nodes[number_of(owner)].runs() {
            let to = self.streams.nemesis.pick(&others);
            self.hand_in(number_of(owner), partition, Event::HandOver { epoch, to });
        }
    }

    /// A fault: a catch-up is dismissed for no reason.
    pub(super) fn dismiss_some_catch_up(&mut self, partition: PartitionId) {
        let assignment = self.master.service.assignment(partition);
        let catch_ups: Vec<NodeId> = assignment.catch_ups.iter().copied().collect();
        if !catch_ups.is_empty() {
            let node = self.streams.nemesis.pick(&catch_ups);
            self.master.service.dismiss_catch_up(partition, node);
            self.table_committed();
            self.tell_all();
        }
    }
}
