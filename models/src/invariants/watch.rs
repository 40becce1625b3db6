//! All invariants of a simulated run together: told of each step, they look at what it touched.

use std::sync::Arc;

use kensho_protocol::apply::Apply;
use kensho_protocol::ids::{Epoch, Incarnation, Lsn, NodeId, PartitionId, Position};
use kensho_protocol::record::Recovered;
use kensho_protocol::replica::{Replica, RoleKind, Trust};
use kensho_protocol::request::Reply;
use kensho_protocol::settings::Mode;
use kensho_protocol::table::Table;

use super::async_suffix::{self, Successor};
use super::backup_prefix::{self, Acknowledged, Owed};
use super::linearizable::{self, Asked, Origin, RefusedValues};
use super::log_match::{self, EveryEntry, Seen};
use super::once::Places;
use super::one_server::Servers;
use super::one_value_per_lsn::Settled;
use super::promise_order::Numbers;
use super::table_chain::Chain;
use super::{Violation, catch_up_powerless, committed_table_only, durable_ack};
use crate::register::Value;

/// The invariants of one run, and what they remember.
#[derive(Clone, Debug)]
pub struct Watch {
    mode: Mode,
    /// In order.
    nodes: Vec<NodeId>,
    chain: Chain,
    partitions: Vec<Partition>,
    violations: Vec<Violation>,
}

#[derive(Clone, Debug, Default)]
struct Partition {
    every: EveryEntry,
    settled: Settled,
    places: Places,
    refused: RefusedValues,
    servers: Servers,
    /// What clients were told of, and when.
    acknowledged: Acknowledged,
    /// The last entry that any replica has known to be committed.
    committed: Lsn,
    replicas: Vec<Remembered>,
    /// The last epoch that an owner has entered.
    entered: Epoch,
    /// Acknowledged and lost; async only.
    lost: u64,
    /// A disk went back in time since an owner last began to serve.
    went_back: bool,
}

impl Partition {
    /// Async only: an answer by barrier (rule R9) was fixed before a failover, and leaves after it.
    /// It may tell of what is lost by now.
    fn is_late_answer(&self, leaving: Leaving, reply: &Reply) -> bool {
        let latest = self.servers.latest();
        let superseded = latest
            .zip(leaving.epoch)
            .is_some_and(|((latest, owner), epoch)| epoch < latest && owner != leaving.origin.node);
        superseded && !leaving.on_lease && matches!(reply, Reply::Answer { .. })
    }
}

/// What is remembered of one replica.
#[derive(Clone, Debug, Default)]
struct Remembered {
    seen: Seen,
    memory: Numbers,
    disk: Numbers,
    /// As owner: its epoch, its life, and whether it has told nobody yet, as they were last checked.
    verified: (Epoch, u32, bool),
    /// As owner: on whom it counts, itself first.
    required: Vec<NodeId>,
    /// The life of the data on its disk.
    incarnation: Incarnation,
    /// Its disk was put back in time, and it has not found out yet (rule R14).
    put_back: bool,
}

/// What a reply is, besides what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// Who answers.
    pub origin: Origin,
    /// The epoch that the node owned when it decided to answer so.
    pub epoch: Option<Epoch>,
    /// Whether the answer relies on a lease.
    pub on_lease: bool,
    /// What was asked and what was known then, if the client is still there.
    pub asked: Option<(Asked, Lsn)>,
    /// What the answer must know of, if it is a backup's.
    pub owed: Owed,
}

impl Watch {
    /// Nothing has happened yet, to nodes whose identities count from 0.
    #[must_use]
    pub fn new(mode: Mode, nodes: usize, partitions: usize) -> Self {
        let numbers = 0..u32::try_from(nodes).expect("few nodes");
        Watch::over(mode, numbers.map(NodeId), partitions)
    }

    /// Nothing has happened yet, to these nodes.
    #[must_use]
    pub fn over(mode: Mode, nodes: impl IntoIterator<Item = NodeId>, partitions: usize) -> Self {
        let mut nodes: Vec<NodeId> = nodes.into_iter().collect();
        nodes.sort_unstable();
        let partition = Partition {
            replicas: vec![Remembered::default(); nodes.len()],
            ..Partition::default()
        };
        Watch {
            mode,
            nodes,
            chain: Chain::default(),
            partitions: vec![partition; partitions],
            violations: Vec::new(),
        }
    }

    /// What went wrong so far.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Notes something that went wrong.
    pub fn report(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// The last entry of `partition` that any client has been told of.
    #[must_use]
    pub fn known(&self, partition: PartitionId) -> Lsn {
        self.partitions[usize::from(partition.0)].settled.end()
    }

    /// The highest epoch of `partition` in which an owner has begun to serve, and that owner.
    #[must_use]
    pub fn server(&self, partition: PartitionId) -> Option<(Epoch, NodeId)> {
        self.partitions[usize::from(partition.0)].servers.latest()
    }

    /// The last epoch of `partition` that an owner has entered.
    #[must_use]
    pub fn entered(&self, partition: PartitionId) -> Epoch {
        self.partitions[usize::from(partition.0)].entered
    }

    /// Whether `partition` has been served by more than one node.
    #[must_use]
    pub fn has_failed_over(&self, partition: PartitionId) -> bool {
        self.partitions[usize::from(partition.0)]
            .servers
            .failed_over()
    }

    /// How many acknowledged entries were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.lost).sum()
    }

    /// A table was committed. `disk` gives what is safe on the disk of a node for a partition.
    pub fn committed<'a>(
        &mut self,
        table: &Arc<Table>,
        disk: impl Fn(NodeId, PartitionId) -> &'a Recovered,
    ) {
        if !self.chain.committed(table, &mut self.violations) {
            return;
        }
        for (number, assignment) in table.partitions.iter().enumerate() {
            let partition = PartitionId(u16::try_from(number).expect("few partitions"));
            for node in assignment.in_sync.keys() {
                self.check_disk(partition, *node, disk(*node, partition));
            }
        }
    }

    /// durable-ack, for one disk.
    fn check_disk(&mut self, partition: PartitionId, node: NodeId, safe: &Recovered) {
        let (Mode::SemiSync, Some(assignment)) = (self.mode, self.chain.current(partition)) else {
            return;
        };
        let ghost = &self.partitions[usize::from(partition.0)];
        // R14: it may lack anything, as long as nobody relies on it.
        if ghost.replicas[self.place(node)].put_back {
            return;
        }
        durable_ack::check_member(
            (&ghost.settled, &ghost.every),
            safe,
            assignment,
            (partition, node),
            &mut self.violations,
        );
    }

    /// The disk of `node` holds something new for `partition`.
    pub fn disk_changed(&mut self, partition: PartitionId, node: NodeId, safe: &Recovered) {
        let now = Numbers {
            promised: safe.promised,
            log_epoch: safe.log_epoch,
        };
        let whose = (partition, node);
        self.remembered(partition, node).incarnation = safe.incarnation;
        let disk = &mut self.remembered(partition, node).disk;
        let mut numbers = *disk;
        let before = std::mem::replace(disk, now);
        if before != now {
            numbers.follow(now, whose, &mut self.violations);
        }
        self.check_disk(partition, node, safe);
    }

    /// A replica stopped; it begins again from what is on its disk.
    pub fn stopped(&mut self, partition: PartitionId, node: NodeId) {
        let remembered = self.remembered(partition, node);
        remembered.seen.forget();
        remembered.memory = remembered.disk;
    }

    /// A replica lost its data, and begins a new life.
    pub fn wiped(&mut self, partition: PartitionId, node: NodeId) {
        *self.remembered(partition, node) = Remembered::default();
    }

    /// Somebody puts an older copy in the place of a disk (rule R14).
    pub fn put_back(&mut self, partition: PartitionId, node: NodeId) {
        self.partitions[usize::from(partition.0)].went_back = true;
        *self.remembered(partition, node) = Remembered {
            put_back: true,
            ..Remembered::default()
        };
    }

    /// Whether a disk was put back in time, and one of its replicas has not found out yet. (When one
    /// does, all of them begin another life.)
    #[must_use]
    pub fn is_put_back(&self, node: NodeId) -> bool {
        let place = self.place(node);
        let mut partitions = self.partitions.iter();
        partitions.any(|partition| partition.replicas[place].put_back)
    }

    fn remembered(&mut self, partition: PartitionId, node: NodeId) -> &mut Remembered {
        let place = self.place(node);
        &mut self.partitions[usize::from(partition.0)].replicas[place]
    }

    /// Where a node stands among all of them.
    fn place(&self, node: NodeId) -> usize {
        let counted = usize::try_from(node.0).expect("a number fits");
        if self.nodes.get(counted) == Some(&node) {
            return counted;
        }
        let place = self.nodes.binary_search(&node);
        place.expect("the node is one of those that are watched")
    }

    /// A replica was handed something, and is about to be flushed: it may forget a part of its log then
    /// that it has just come to.
    pub fn handed<A: Apply>(&mut self, node: NodeId, replica: &Replica<A>) {
        let whose = (replica.partition(), node);
        let place = self.place(node);
        let ghost = &mut self.partitions[usize::from(whose.0.0)];
        let remembered = &mut ghost.replicas[place];
        let epoch = replica.owned_epoch();
        let alone = epoch.is_some_and(|epoch| remembered.disk.promised < epoch);
        if !alone {
            let (every, seen) = (&mut ghost.every, &mut remembered.seen);
            log_match::check(every, seen, replica.log(), whose, &mut self.violations);
        }
    }

    /// A replica took a step; `life` counts its node's restarts. Returns the last entry that is
    /// kept, if acknowledged ones were lost (async only).
    pub fn stepped<A: Apply>(
        &mut self,
        node: NodeId,
        life: u32,
        replica: &Replica<A>,
    ) -> Option<Lsn> {
        let partition = replica.partition();
        let whose = (partition, node);
        let place = self.place(node);
        let ghost = &mut self.partitions[usize::from(partition.0)];
        ghost.committed = ghost.committed.max(replica.commit());
        let remembered = &mut ghost.replicas[place];
        let violations = &mut self.violations;
        let numbers = Numbers {
            promised: replica.promised(),
            log_epoch: replica.log_epoch(),
        };
        remembered.memory.follow(numbers, whose, violations);
        // One that has found out says so to its disk a little later.
        if replica.trust() == Trust::Confirmed && replica.incarnation() == remembered.incarnation {
            remembered.put_back = false;
        }
        let epoch = replica.owned_epoch();
        // Before its epoch is on disk, an owner says nothing to anybody, and a crash undoes it all.
        let alone = epoch.is_some_and(|epoch| remembered.disk.promised < epoch);
        if !alone {
            let seen = &mut remembered.seen;
            log_match::check(&mut ghost.every, seen, replica.log(), whose, violations);
        }
        let epoch = epoch?;
        let same = remembered.verified == (epoch, life, alone)
            && (remembered.required.split_first())
                .is_some_and(|(_, others)| others.iter().copied().eq(replica.required()));
        if !same {
            remembered.verified = (epoch, life, alone);
            remembered.required.clear();
            remembered.required.push(node);
            remembered.required.extend(replica.required());
            if !alone {
                ghost.entered = ghost.entered.max(epoch);
                ghost
                    .servers
                    .owns(partition, (node, life), epoch, violations);
            }
            committed_table_only::check_owner(&self.chain, whose, epoch, violations);
            let required = &remembered.required;
            catch_up_powerless::check(&self.chain, required, whose, epoch, violations);
        }
        if replica.role() != RoleKind::Serving {
            return None;
        }
        let before = ghost.servers.latest();
        if !ghost.servers.serves(node, epoch) {
            return None;
        }
        self.begins_to_serve(node, epoch, before, replica)
    }

    fn begins_to_serve<A: Apply>(
        &mut self,
        node: NodeId,
        epoch: Epoch,
        before: Option<(Epoch, NodeId)>,
        replica: &Replica<A>,
    ) -> Option<Lsn> {
        let partition = replica.partition();
        let failed_over = before.is_some_and(|(since, owner)| {
            let epochs = since.0 + 1..=epoch.0;
            let mut tables = epochs.filter_map(|e| self.chain.configuration(partition, Epoch(e)));
            tables.any(|configuration| configuration.owner != owner)
        });
        // In async an owner whose disk went back is like another one: what it alone had is lost.
        let ghost = &mut self.partitions[usize::from(partition.0)];
        let failed_over = std::mem::take(&mut ghost.went_back) || failed_over;
        let successor = Successor {
            partition,
            node,
            epoch,
            failed_over,
            may_lose: self.mode == Mode::Async,
        };
        let (settled, log) = (&ghost.settled, replica.log());
        let kept = async_suffix::check(settled, log, successor, &mut self.violations)?;
        ghost.lost += ghost.settled.end().0 - kept.0;
        ghost.settled.lose_above(kept);
        ghost.acknowledged.lose_above(kept);
        ghost.committed = kept.max(replica.commit()).min(ghost.committed);
        ghost.places.lose_above(kept);
        Some(kept)
    }

    /// A client was told for good that its update of `value` had no effect.
    pub fn refused(&mut self, partition: PartitionId, value: Value) {
        let ghost = &mut self.partitions[usize::from(partition.0)];
        ghost
            .refused
            .refused(partition, value, &ghost.settled, &mut self.violations);
    }

    /// A reply leaves its node. `disk` gives what is safe on the disk of a node.
    pub fn replied<'a>(
        &mut self,
        leaving: Leaving,
        reply: &Reply,
        disk: impl Fn(NodeId) -> &'a Recovered,
    ) {
        let Origin { partition, node } = leaving.origin;
        let ghost = &mut self.partitions[usize::from(partition.0)];
        let at = match reply {
            Reply::Done { at, .. } | Reply::Answer { at, .. } => *at,
            Reply::Refused(_) => return self.check_backup(leaving, reply),
        };
        if let (true, Some(epoch)) = (leaving.on_lease, leaving.epoch) {
            ghost
                .servers
                .relied(partition, node, epoch, &mut self.violations);
        }
        if self.mode == Mode::Async && ghost.is_late_answer(leaving, reply) {
            return;
        }
        if self.settle(partition, at)
            && let Some(assignment) = self.chain.current(partition)
        {
            let members: Vec<NodeId> = assignment.in_sync.keys().copied().collect();
            for member in members {
                self.check_disk(partition, member, disk(member));
            }
        }
        self.check_backup(leaving, reply);
        if let Some(asked) = leaving.asked {
            let settled = &self.partitions[usize::from(partition.0)].settled;
            linearizable::check(settled, leaving.origin, asked, reply, &mut self.violations);
        }
    }

    fn check_backup(&mut self, leaving: Leaving, reply: &Reply) {
        let Some((asked, _)) = leaving.asked else {
            return;
        };
        let ghost = &self.partitions[usize::from(leaving.origin.partition.0)];
        let (settled, committed) = (&ghost.settled, ghost.committed);
        let asked = (asked, leaving.owed);
        let violations = &mut self.violations;
        backup_prefix::check(settled, committed, leaving.origin, asked, reply, violations);
    }

    /// It is `now_ns`, and all that was settled so far clients have been told of.
    pub fn note_time(&mut self, partition: PartitionId, now_ns: u64) {
        let ghost = &mut self.partitions[usize::from(partition.0)];
        ghost.acknowledged.note(now_ns, ghost.settled.end());
    }

    /// The last entry of which clients had been told at `then_ns`.
    #[must_use]
    pub fn acknowledged_at(&self, partition: PartitionId, then_ns: u64) -> Lsn {
        let ghost = &self.partitions[usize::from(partition.0)];
        ghost.acknowledged.at(then_ns)
    }

    /// A client is told of `at`; true if that is new.
    fn settle(&mut self, partition: PartitionId, at: Position) -> bool {
        let ghost = &mut self.partitions[usize::from(partition.0)];
        match ghost.settled.settle(at, partition, &ghost.every) {
            Ok(entries) => {
                ghost
                    .places
                    .settled(partition, entries, &mut self.violations);
                ghost
                    .refused
                    .settled(partition, entries, &mut self.violations);
                !entries.is_empty()
            }
            Err(violation) => {
                self.violations.push(violation);
                false
            }
        }
    }
}
