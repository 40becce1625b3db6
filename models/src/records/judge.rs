//! Holds the invariants against what recorded nodes did, in one order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kensho_protocol::coordinator::{self, Saved};
use kensho_protocol::ids::{Epoch, Lsn, NodeId, PartitionId, Ticket, Token};
use kensho_protocol::inputs::{Head, Item};
use kensho_protocol::record::Recovered;
use kensho_protocol::replica::{self, Replica};
use kensho_protocol::request::{Reply, Source};
use kensho_protocol::settings::{Durability, Mode};
use kensho_protocol::table::{Member, Table};
use kensho_storage::tables::Tables as Rows;

use super::disk::{CoordinatorDisk, ReplicaDisk};
use super::machine::{Machines, Outputs};
use crate::cluster::tables::Tables;
use crate::invariants::backup_prefix::Owed;
use crate::invariants::linearizable::Origin;
use crate::invariants::watch::{Leaving, Watch};
use crate::invariants::{Invariant, TableWrong, Violation};

/// A node's disk does not hold what its record says it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskDiffers {
    /// Which node.
    pub node: NodeId,
    /// Which of its lives began so.
    pub life: u32,
    /// Which partition; none for what the coordinator keeps.
    pub partition: Option<PartitionId>,
}

/// Remembers what must, and is told of each input.
#[derive(Debug)]
pub(super) struct Judge {
    mode: Mode,
    durability: Durability,
    recorded: BTreeSet<NodeId>,
    tables: Tables,
    watch: Watch,
    /// Found beside the watch.
    violations: Vec<Violation>,
    pub(super) disks_differ: Vec<DiskDiffers>,
    coordinators: BTreeMap<NodeId, CoordinatorDisk>,
    disks: BTreeMap<(NodeId, PartitionId), ReplicaDisk>,
    unknown: ReplicaDisk,
    /// Reads that wait for an answer: what clients had been told when they came.
    reads: BTreeMap<(NodeId, PartitionId, Token), Lsn>,
    /// Replies that rely on a lease, and the epoch in which they were decided.
    leased: BTreeMap<(NodeId, PartitionId, Token), (Reply, Option<Epoch>)>,
    /// Something happened before the records begin.
    pub(super) begins_late: bool,
    /// Members of the cluster of which there is no record.
    pub(super) missing: BTreeSet<String>,
    /// Nodes whose records are damaged.
    lost_sight_of: BTreeSet<NodeId>,
    possible_losses: BTreeSet<PartitionId>,
    pub(super) replies: u64,
    pub(super) tables_committed: u64,
    pub(super) masters: u64,
    pub(super) served: u64,
}

impl Judge {
    pub(super) fn new(head: &Head, recorded: BTreeSet<NodeId>) -> Self {
        let settings = head.settings;
        let partitions = usize::from(head.identity.partitions);
        Judge {
            mode: settings.mode,
            durability: settings.durability,
            tables: Tables::default(),
            watch: Watch::over(settings.mode, recorded.iter().copied(), partitions),
            recorded,
            violations: Vec::new(),
            disks_differ: Vec::new(),
            coordinators: BTreeMap::new(),
            disks: BTreeMap::new(),
            unknown: ReplicaDisk::unknown(),
            reads: BTreeMap::new(),
            leased: BTreeMap::new(),
            begins_late: false,
            missing: BTreeSet::new(),
            lost_sight_of: BTreeSet::new(),
            possible_losses: BTreeSet::new(),
            replies: 0,
            tables_committed: 0,
            masters: 0,
            served: 0,
        }
    }

    /// Everything that is violated.
    pub(super) fn violations(&self) -> impl Iterator<Item = &Violation> {
        let all = self.violations.iter().chain(self.watch.violations());
        all.filter(|violation| !self.is_owned_up_to(violation))
    }

    /// Rule R5: a loss that the cluster itself reported as possible, with another life of the data.
    fn is_owned_up_to(&self, violation: &Violation) -> bool {
        match violation {
            Violation::AcknowledgedEntryMissing { partition, .. }
            | Violation::TableOutOfLine {
                wrong: TableWrong::FailoverAdded(partition),
                ..
            } => self.possible_losses.contains(partition),
            _ => false,
        }
    }

    /// There is a record of this node's coordinator only, or of its replicas only.
    pub(super) fn lacks_half_of(&mut self, node: &Member) {
        self.missing
            .insert(format!("one of the planes of {}", node.name));
    }

    /// What more this node did is not known.
    pub(super) fn lose_sight_of(&mut self, node: &Member) {
        self.missing.insert(format!("all that {} did", node.name));
        self.lost_sight_of.insert(node.id);
    }

    /// A node did something, and this came of it.
    pub(super) fn look(&mut self, head: &Head, item: &Item, machines: &Machines) {
        let (node, life) = (head.node.id, head.life);
        match item {
            Item::Coordinator { saved, .. } => self.coordinator_began(node, life, saved),
            Item::CoordinatorEvent { event, .. } => {
                if let coordinator::Event::Saved(ticket) = event {
                    if let Some(disk) = self.coordinators.get_mut(&node) {
                        disk.saved(*ticket);
                    }
                    self.table_on_disk(node);
                }
                self.coordinator_gave(node, &machines.outputs);
            }
            Item::Replica {
                partition,
                recovered,
                ..
            } => {
                self.replica_began((node, life), *partition, recovered);
                self.step((node, life), *partition, machines);
            }
            Item::ReplicaEvent {
                partition, event, ..
            } => {
                self.before(node, *partition, event);
                self.step((node, life), *partition, machines);
            }
            Item::Flush { partition, .. } => self.step((node, life), *partition, machines),
            // What is in an image is committed: nothing more is to be learned of those entries.
            Item::Image { partition, .. } => {
                let commit = machines.replicas.get(partition).map(Replica::commit);
                let disk = self.disks.get_mut(&(node, *partition));
                if let (Some(disk), Some(commit)) = (disk, commit) {
                    disk.forget_up_to(commit);
                }
            }
            Item::Leaves {
                partition,
                token,
                left,
                ..
            } => {
                let whose = (node, *partition, *token);
                if let (Some((reply, epoch)), true) = (self.leased.remove(&whose), *left) {
                    self.replied(whose, &reply, epoch, true);
                }
            }
        }
    }

    fn coordinator_began(&mut self, node: NodeId, life: u32, saved: &Saved) {
        let disk = CoordinatorDisk::new(saved.clone());
        match self.coordinators.insert(node, disk) {
            None => self.begins_late |= *saved != Saved::default(),
            Some(before) => self.compare(before.may_become(saved), node, life, None),
        }
        self.table_on_disk(node);
    }

    fn compare(&mut self, may_be: bool, node: NodeId, life: u32, partition: Option<PartitionId>) {
        if !may_be && !self.lost_sight_of.contains(&node) {
            self.disks_differ.push(DiskDiffers {
                node,
                life,
                partition,
            });
        }
    }

    fn table_on_disk(&mut self, node: NodeId) {
        let disk = self.coordinators.get(&node);
        let Some(table) = disk.and_then(|disk| disk.safe().accepted.clone()) else {
            return;
        };
        self.note_members(&table);
        if self.tables.on_disk(node, &table, &mut self.violations) {
            self.tables_committed += 1;
            let (disks, unknown) = (&self.disks, &self.unknown);
            let disk = |node, partition| safe(disks, unknown, node, partition);
            self.watch.committed(&table, disk);
        }
    }

    fn note_members(&mut self, table: &Arc<Table>) {
        for (node, member) in &table.members {
            if !self.recorded.contains(node) {
                self.missing.insert(member.name.clone());
            }
        }
    }

    fn coordinator_gave(&mut self, node: NodeId, outputs: &Outputs) {
        for output in &outputs.control {
            match output {
                coordinator::Output::Save { ticket, saved } => {
                    if let Some(disk) = self.coordinators.get_mut(&node) {
                        disk.write(*ticket, saved);
                    }
                }
                coordinator::Output::Committed(table) => {
                    self.note_members(table);
                    self.tables.given_out(node, table, &mut self.violations);
                }
                coordinator::Output::Note(coordinator::Note::BecameMaster { term, .. }) => {
                    self.masters += 1;
                    self.tables.won(node, *term, &mut self.violations);
                }
                coordinator::Output::Note(coordinator::Note::PossibleLoss {
                    partition, ..
                }) => {
                    self.possible_losses.insert(*partition);
                }
                coordinator::Output::Send { .. }
                | coordinator::Output::Service(_)
                | coordinator::Output::HandOver(_)
                | coordinator::Output::MayStop
                | coordinator::Output::Note(_) => {}
            }
        }
    }

    fn replica_began(
        &mut self,
        (node, life): (NodeId, u32),
        partition: PartitionId,
        recovered: &Recovered,
    ) {
        let disk = ReplicaDisk::new(recovered.clone(), self.durability);
        match self.disks.insert((node, partition), disk) {
            None => {
                let empty = Recovered {
                    life: recovered.life,
                    ..Recovered::empty(recovered.incarnation)
                };
                self.begins_late |= *recovered != empty;
            }
            Some(before) => {
                let may_be = before.may_become(recovered);
                self.compare(may_be, node, life, Some(partition));
                if !may_be {
                    self.watch.put_back(partition, node);
                }
            }
        }
        let of_partition = |(n, p, _): &(NodeId, PartitionId, Token)| (*n, *p) == (node, partition);
        self.reads.retain(|whose, _| !of_partition(whose));
        self.leased.retain(|whose, _| !of_partition(whose));
        self.watch.disk_changed(partition, node, recovered);
        self.watch.stopped(partition, node);
    }

    /// What is known before the event is handed in.
    fn before(&mut self, node: NodeId, partition: PartitionId, event: &replica::Event) {
        match event {
            replica::Event::Durable(ticket) => self.durable(node, partition, *ticket),
            replica::Event::Read(read) => {
                let known = self.watch.known(partition);
                let whose = (node, partition, read.token);
                self.reads.entry(whose).or_insert(known);
            }
            _ => {}
        }
    }

    fn durable(&mut self, node: NodeId, partition: PartitionId, ticket: Ticket) {
        let Some(disk) = self.disks.get_mut(&(node, partition)) else {
            return;
        };
        if disk.durable(ticket).is_err() {
            self.watch
                .report(Violation::RecordsOutOfOrder { partition, node });
        }
        let safe = self.disks[&(node, partition)].safe();
        self.watch.disk_changed(partition, node, safe);
    }

    /// A replica took a step.
    fn step(&mut self, whose: (NodeId, u32), partition: PartitionId, machines: &Machines) {
        let Some(replica) = machines.replicas.get(&partition) else {
            return;
        };
        let (node, life) = whose;
        self.watch.stepped(node, life, replica);
        for output in &machines.outputs.data {
            self.replica_gave(node, replica, output);
        }
    }

    fn replica_gave(&mut self, node: NodeId, replica: &Replica<Rows>, output: &replica::Output) {
        let partition = replica.partition();
        match output {
            replica::Output::Persist { ticket, record } => {
                let Some(disk) = self.disks.get_mut(&(node, partition)) else {
                    return;
                };
                match disk.write(*ticket, record) {
                    Ok(false) => {}
                    Ok(true) => {
                        let safe = self.disks[&(node, partition)].safe();
                        self.watch.disk_changed(partition, node, safe);
                    }
                    Err(_) => self
                        .watch
                        .report(Violation::RecordsOutOfOrder { partition, node }),
                }
            }
            replica::Output::Reply {
                token,
                reply,
                not_after,
            } => {
                let (whose, epoch) = ((node, partition, *token), replica.owned_epoch());
                match not_after {
                    // Whether it leaves is told when the clock was looked at.
                    Some(_) => {
                        self.leased.insert(whose, (reply.clone(), epoch));
                    }
                    None => self.replied(whose, reply, epoch, false),
                }
            }
            replica::Output::RolledBack(incarnation) => {
                let disks = self.disks.iter_mut();
                for (_, disk) in disks.filter(|((owner, _), _)| *owner == node) {
                    disk.begin_another_life(*incarnation);
                }
            }
            replica::Output::Note(replica::Note::Serving { .. }) => self.served += 1,
            replica::Output::Send { .. }
            | replica::Output::Ask(_)
            | replica::Output::CutOff { .. }
            | replica::Output::Note(_) => {}
        }
    }

    /// A reply leaves.
    fn replied(
        &mut self,
        whose: (NodeId, PartitionId, Token),
        reply: &Reply,
        epoch: Option<Epoch>,
        on_lease: bool,
    ) {
        let (node, partition, _) = whose;
        self.replies += 1;
        let known = self.reads.remove(&whose);
        let leaving = Leaving {
            origin: Origin { partition, node },
            epoch,
            on_lease,
            asked: None,
            owed: Owed::default(),
        };
        let (disks, unknown) = (&self.disks, &self.unknown);
        let disk = |node| safe(disks, unknown, node, partition);
        self.watch.replied(leaving, reply, disk);
        // In async, and with delayed durability, what was told may be lost.
        let kept = self.mode == Mode::SemiSync && self.durability == Durability::Sync;
        if let (Reply::Answer { at, source, .. }, Some(known), true) = (reply, known, kept)
            && *source == Source::Owner
            && at.lsn < known
        {
            self.watch.report(Violation::StaleRead {
                partition,
                node,
                known,
                at: *at,
            });
        }
    }

    /// The invariants that were looked at.
    pub(super) fn checked(&self, one_clock: bool) -> Vec<Invariant> {
        let mut checked = vec![
            Invariant::OneMaster,
            Invariant::OneServer,
            Invariant::PromiseOrder,
        ];
        if !self.is_whole() {
            return checked;
        }
        checked.extend([
            Invariant::TableChain,
            Invariant::CommittedTableOnly,
            Invariant::CatchUpPowerless,
            Invariant::LogMatch,
            Invariant::OneValuePerLsn,
            Invariant::Once,
        ]);
        checked.push(match self.mode {
            Mode::SemiSync => Invariant::DurableAck,
            Mode::Async => Invariant::AsyncSuffix,
        });
        if one_clock && self.mode == Mode::SemiSync && self.durability == Durability::Sync {
            checked.push(Invariant::Linearizable);
        }
        checked
    }

    /// Whether there are records of all nodes, from the beginning.
    pub(super) fn is_whole(&self) -> bool {
        !self.begins_late && self.missing.is_empty()
    }
}

fn safe<'a>(
    disks: &'a BTreeMap<(NodeId, PartitionId), ReplicaDisk>,
    unknown: &'a ReplicaDisk,
    node: NodeId,
    partition: PartitionId,
) -> &'a Recovered {
    disks.get(&(node, partition)).unwrap_or(unknown).safe()
}
