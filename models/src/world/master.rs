//! The replication world's master: the atomic table register, and somebody who looks after it.
//!
//! It stands at a place of its own in the network. Who becomes what is decided by the function by which a
//! real master decides; this one sees less well, and takes nodes for failed that are not.

use std::collections::BTreeSet;
use std::sync::Arc;

use kensho_protocol::coordinator::{Load, Verdict, View};
use kensho_protocol::ids::{Epoch, Incarnation, NodeId, PartitionId};
use kensho_protocol::replica::{Event, Held, Replica, Trust};
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
    /// By node and partition: what it said of its replicas, as far as that has arrived.
    reports: Vec<Vec<Held>>,
    /// The same, as it was said at the last look.
    on_the_way: Vec<Vec<Held>>,
    /// By node: its life when it said that, and at which look it was asked.
    answered: Vec<(u32, u64)>,
    /// How often the master has looked.
    looks: u64,
    /// By partition: in which epoch, and since which look, reports are compared.
    comparing: Vec<Option<(Epoch, u64)>>,
    /// By partition: since when its owner has been in doubt of its disk (rule R14).
    doubted_since: Vec<Option<(NodeId, u64)>>,
}

impl Master {
    /// A master that hears all nodes.
    #[must_use]
    pub fn new(service: TableService, nodes: usize) -> Self {
        Master {
            heard_ns: vec![0; nodes],
            reports: vec![Vec::new(); nodes],
            on_the_way: vec![Vec::new(); nodes],
            answered: vec![(0, 0); nodes],
            looks: 0,
            comparing: vec![None; service.table().partitions.len()],
            doubted_since: vec![None; service.table().partitions.len()],
            service,
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
        self.hear_reports();
        let view = self.view();
        for number in 0..self.plan.partitions {
            let partition = partition_id(number);
            self.name_somebody(partition);
            self.decide(partition, &view);
        }
        self.tell_all();
        if !self.turbulent {
            self.look_for_recovery();
        }
        let next_ns = self.now_ns + heartbeat_ns / 2;
        self.schedule.put(next_ns, Happening::MasterLooks);
    }

    /// What nodes say of their replicas arrives, now and then late: what was said before the last look.
    fn hear_reports(&mut self) {
        let place = self.master_place();
        self.master.looks += 1;
        for node in 0..self.plan.nodes {
            if !self.nodes[node].runs() || self.network.is_cut(node, place) {
                continue;
            }
            let said: Vec<Held> = self.nodes[node].replicas().map(Replica::held).collect();
            let before = std::mem::replace(&mut self.master.on_the_way[node], said.clone());
            let late = self.turbulent && self.streams.master.chance(200_000) && !before.is_empty();
            self.master.reports[node] = if late { before } else { said };
            let life = self.nodes[node].life;
            let asked = self.master.looks - u64::from(late);
            let (before, _) = std::mem::replace(&mut self.master.answered[node], (life, asked));
            if before != life {
                self.master.comparing.fill(None);
            }
            self.master.heard_ns[node] = self.now_ns;
        }
        for number in 0..self.plan.partitions {
            let partition = partition_id(number);
            let owner = self.master.service.assignment(partition).owner;
            let trust = self.said(partition, owner).map(|said| said.trust);
            let doubted = trust.is_some_and(|trust| trust != Trust::Confirmed);
            let since = &mut self.master.doubted_since[number];
            *since = match *since {
                _ if !doubted => None,
                Some((before, since_ns)) if before == owner => Some((before, since_ns)),
                _ => Some((owner, self.now_ns)),
            };
        }
    }

    /// What the node said last of its replica; it may have crashed since, and its disk may have gone back.
    fn said(&self, partition: PartitionId, node: NodeId) -> Option<Held> {
        let said = self.master.reports[number_of(node)].get(usize::from(partition.0));
        said.copied()
    }

    fn is_heard(&self, node: NodeId) -> bool {
        let silent_ns = self.now_ns - self.master.heard_ns[number_of(node)];
        silent_ns < 3 * self.plan.heartbeat_ns()
    }

    /// What the master sees, as the function that decides wants it.
    fn view(&self) -> View {
        let nodes = || (0..self.plan.nodes).map(node_id);
        let partitions = || (0..self.plan.partitions).map(partition_id);
        let held = nodes().flat_map(|node| {
            let said = move |partition| Some(((partition, node), self.said(partition, node)?));
            partitions().filter_map(said)
        });
        let patience_ns = 3 * self.plan.heartbeat_ns();
        let long = |(_, since_ns)| self.now_ns - since_ns >= patience_ns;
        let doubted = partitions().zip(&self.master.doubted_since);
        let overdue = doubted.filter(|(_, since)| since.is_some_and(long));
        let answered = nodes().zip(&self.master.answered);
        let comparing = partitions().zip(&self.master.comparing);
        let comparing = comparing.filter_map(|(partition, since)| Some((partition, (*since)?.1)));
        let settings = &self.plan.settings;
        View {
            alive: nodes().filter(|node| self.is_heard(*node)).collect(),
            leaving: BTreeSet::new(),
            parting: BTreeSet::new(),
            expected: BTreeSet::new(),
            min_in_sync: settings.min_in_sync,
            roomless: BTreeSet::new(),
            reported: nodes()
                .filter(|node| !self.master.reports[number_of(*node)].is_empty())
                .collect(),
            held: held.collect(),
            answered: answered.map(|(node, (_, look))| (node, *look)).collect(),
            compare_after: comparing.collect(),
            replaceable: partitions().collect(),
            overdue: overdue.map(|(partition, _)| partition).collect(),
            distrust: settings.distrust_disks,
            forced: false,
            replicas: settings.replicas,
            mode: settings.mode,
            rules: settings.rules,
            // There is no coordinator to tell owners that they are to hand over.
            overdue_hand_overs: partitions().collect(),
        }
    }

    /// The partition gets what the rules say next, if that is something else.
    fn decide(&mut self, partition: PartitionId, view: &View) -> bool {
        let service = &mut self.master.service;
        let mut load = Load::of(&service.table().partitions);
        let mut next = service.assignment(partition).clone();
        let verdict = view.decide(partition, &mut next, &mut load);
        let (epoch, now) = (service.assignment(partition).epoch, self.master.looks);
        let comparing = &mut self.master.comparing[usize::from(partition.0)];
        *comparing = match (verdict, *comparing) {
            (Verdict::Comparing, Some((since, look))) if since == epoch => Some((since, look)),
            (Verdict::Comparing, _) => Some((epoch, now)),
            _ => None,
        };
        if next == *service.assignment(partition) {
            return false;
        }
        if self.trace.is_kept() {
            self.say(format_args!("master {partition:?}: {verdict:?}, {next:?}"));
        }
        self.master.service.set(partition, next);
        self.table_committed();
        true
    }

    /// Where copies are missing, the master names whom it likes.
    fn name_somebody(&mut self, partition: PartitionId) {
        let assignment = self.master.service.assignment(partition);
        let copies = assignment.in_sync.len() + assignment.catch_ups.len();
        if copies >= self.plan.settings.replicas || !self.streams.master.chance(500_000) {
            return;
        }
        let free: Vec<NodeId> = (0..self.plan.nodes)
            .map(node_id)
            .filter(|node| !assignment.names(*node) && self.is_heard(*node))
            .collect();
        if !free.is_empty() {
            let node = self.streams.master.pick(&free);
            self.master.service.name_catch_up(partition, node);
            self.table_committed();
        }
    }

    /// A fault: the owner is replaced for no reason. Either it is taken to have failed, and perhaps others
    /// with it; or it hands over to some other member of the in-sync set that has everything.
    pub(super) fn fail_over(&mut self, partition: PartitionId) {
        let mut view = self.view();
        let assignment = self.master.service.assignment(partition);
        let owner = assignment.owner;
        let random = &mut self.streams.master;
        let changed = if random.chance(500_000) {
            view.alive.remove(&owner);
            view.alive.retain(|_| !random.chance(200_000));
            self.decide(partition, &view)
        } else {
            let suits = |(node, life): (&NodeId, &Incarnation)| {
                let held = view.held.get(&(partition, *node));
                let whole = held.is_some_and(|held| {
                    held.incarnation == *life && held.trust == Trust::Confirmed
                });
                (whole && *node != owner).then_some(*node)
            };
            let others: Vec<NodeId> = assignment.in_sync.iter().filter_map(suits).collect();
            if others.is_empty() {
                return;
            }
            let to = random.pick(&others);
            let life = assignment.in_sync[&to];
            let all_stay = BTreeSet::new();
            let service = &mut self.master.service;
            let made = service.fail_over(partition, (to, life), &all_stay);
            if self.trace.is_kept() {
                self.say(format_args!(
                    "master hands {partition:?} over to {to:?}: {made:?}"
                ));
            }
            self.table_committed();
            made.is_ok()
        };
        if changed {
            self.tell_all();
        }
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
