//! The partition table as one atomic compare-and-set register: what election and table together
//! must amount to (rules M1-M3). The replication worlds use it as their master, so that replicas
//! can be looked at without the election of a master; that the real coordinators amount to the
//! same is shown elsewhere.
//!
//! Here is what a change does, and to whom it is allowed. When one is made is up to the world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kensho_protocol::coordinator::apply_change;
use kensho_protocol::ids::{Epoch, Incarnation, Life, NodeId, PartitionId, Revision, Term};
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::rule::{Rule, Rules};
use kensho_protocol::settings::Levelling;
use kensho_protocol::table::{Assignment, Change, Identity, Member, Stamp, Table};

/// The life of its data with which every node begins (rule R5).
pub const FIRST_LIFE: Incarnation = Incarnation(1);

/// The register. Every table it ever held was committed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableService {
    table: Arc<Table>,
    rules: Rules,
}

/// Why a change was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade {
    /// Another change came first (rule M3).
    OtherBase,
    /// The node may not ask for it (rule M3).
    NotEntitled,
    /// It would promote a node that is not in sync (rule M4).
    Unclean,
    /// It makes no sense any more.
    Pointless,
}

impl TableService {
    /// A register that holds these assignments, in epoch 1.
    #[must_use]
    pub fn new(nodes: usize, replicas: usize, partitions: Vec<Assignment>, rules: Rules) -> Self {
        let members = (0..nodes).map(|node| {
            let member = member(node);
            (member.id, member)
        });
        let identity = Identity {
            cluster: "world".to_owned(),
            partitions: u16::try_from(partitions.len()).expect("few partitions"),
            replicas: u8::try_from(replicas).expect("few replicas"),
            outcomes: OutcomeLimits::default(),
        };
        let table = Table {
            stamp: Stamp {
                term: Term(1),
                revision: Revision(1),
                life: Life::default(),
            },
            born: true,
            identity,
            members: members.collect(),
            partitions,
            levelling: Levelling::paused(),
        };
        TableService {
            table: Arc::new(table),
            rules,
        }
    }

    /// The committed table.
    #[must_use]
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The committed table's word on `partition`.
    #[must_use]
    pub fn assignment(&self, partition: PartitionId) -> &Assignment {
        self.table.assignment(partition)
    }

    /// An owner asks for a change (rule M3).
    ///
    /// # Errors
    /// Why the change was not made; the table is as it was.
    pub fn ask(&mut self, from: NodeId, change: &Change) -> Result<(), NotMade> {
        let now = self.assignment(change.partition);
        if change.base != now.epoch && !self.rules.broken(Rule::NoCas) {
            return Err(NotMade::OtherBase);
        }
        if from != now.owner && !self.rules.broken(Rule::NoCasOwner) {
            return Err(NotMade::NotEntitled);
        }
        let mut next = now.clone();
        if !apply_change(&mut next, from, change, self.rules) {
            return Err(NotMade::Pointless);
        }
        self.set(change.partition, next);
        Ok(())
    }

    /// The owner of `partition` failed; `to` takes over, and the nodes `without` leave the in-sync
    /// set (rule M4). `holds` says which life of its data the new owner has now.
    ///
    /// # Errors
    /// Why the change was not made; the table is as it was.
    pub fn fail_over(
        &mut self,
        partition: PartitionId,
        to: (NodeId, Incarnation),
        without: &BTreeSet<NodeId>,
    ) -> Result<(), NotMade> {
        let now = self.assignment(partition);
        let (node, incarnation) = to;
        let recorded = now.in_sync.get(&node).copied();
        let clean = recorded == Some(incarnation)
            || recorded.is_some() && self.rules.broken(Rule::RejoinWithoutCatchUp);
        if !clean && !self.rules.broken(Rule::PromoteUnclean) {
            return Err(NotMade::Unclean);
        }
        if now.owner == node {
            return Err(NotMade::Pointless);
        }
        let mut next = now.clone();
        next.keep_in_sync(|other| !without.contains(other));
        next.in_sync.insert(node, incarnation);
        next.catch_ups.remove(&node);
        next.owner = node;
        next.epoch = now.epoch.next();
        self.set(partition, next);
        Ok(())
    }

    /// `node`, which has just handed the partition over, leaves the in-sync set with the same change (rule
    /// M7).
    pub fn part(&mut self, partition: PartitionId, node: NodeId) {
        let mut next = self.assignment(partition).clone();
        // R14: it was in sync before the change, and may lack what comes after.
        let before = Epoch(next.epoch.0 - 1);
        next.keep_in_sync_after(before, |other| *other != node);
        self.set(partition, next);
    }

    /// Names `node` as a catch-up (requirement A11). The epoch stays as it is.
    pub fn name_catch_up(&mut self, partition: PartitionId, node: NodeId) {
        let now = self.assignment(partition);
        if now.in_sync.contains_key(&node) || now.catch_ups.contains(&node) {
            return;
        }
        let mut next = now.clone();
        next.catch_ups.insert(node);
        self.set(partition, next);
    }

    /// `node` is no longer a catch-up. The epoch stays as it is.
    pub fn dismiss_catch_up(&mut self, partition: PartitionId, node: NodeId) {
        let mut next = self.assignment(partition).clone();
        if next.catch_ups.remove(&node) {
            self.set(partition, next);
        }
    }

    /// The register has this assignment next, whoever decided so.
    pub fn set(&mut self, partition: PartitionId, assignment: Assignment) {
        let table = Arc::make_mut(&mut self.table);
        table.partitions[usize::from(partition.0)] = assignment;
        table.stamp.revision = table.stamp.revision.next();
    }
}

/// The node number `node` as a member.
#[must_use]
pub fn member(node: usize) -> Member {
    let id = node_id(node);
    Member {
        id,
        name: format!("{id:?}"),
        client_address: format!("{id:?}:client"),
        peer_address: format!("{id:?}:peer"),
    }
}

/// The node number `node`.
///
/// # Panics
/// When there are more than 2^32 nodes.
#[must_use]
pub fn node_id(node: usize) -> NodeId {
    NodeId(u32::try_from(node).expect("few nodes"))
}

/// The number of a node.
///
/// # Panics
/// When it does not fit in memory.
#[must_use]
pub fn number_of(node: NodeId) -> usize {
    usize::try_from(node.0).expect("few nodes")
}

/// The partition number `number`.
///
/// # Panics
/// When there are more than 2^16 partitions.
#[must_use]
pub fn partition_id(number: usize) -> PartitionId {
    PartitionId(u16::try_from(number).expect("few partitions"))
}

/// An assignment in epoch 1: the first of `in_sync` owns the partition, all with the first life of
/// their data.
#[must_use]
pub fn first_assignment(in_sync: &[usize]) -> Assignment {
    let members = in_sync.iter().map(|node| (node_id(*node), FIRST_LIFE));
    Assignment {
        epoch: Epoch(1),
        owner: node_id(in_sync[0]),
        in_sync: members.collect::<BTreeMap<_, _>>(),
        catch_ups: BTreeSet::new(),
        witnesses: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use kensho_protocol::table::What;

    use super::*;

    const P: PartitionId = PartitionId(0);

    fn service() -> TableService {
        TableService::new(4, 3, vec![first_assignment(&[0, 1, 2])], Rules::sound())
    }

    fn change(base: u64, what: What) -> Change {
        Change {
            partition: P,
            base: Epoch(base),
            what,
        }
    }

    #[test]
    fn shrink_and_failover_race_and_exactly_one_wins() {
        let shrink = change(1, What::Shrink([NodeId(1)].into()));
        let mut shrink_first = service();
        assert_eq!(shrink_first.ask(NodeId(0), &shrink), Ok(()));
        let failover = shrink_first.fail_over(P, (NodeId(1), FIRST_LIFE), &BTreeSet::new());
        assert_eq!(failover, Err(NotMade::Unclean));

        let mut failover_first = service();
        let failed = [NodeId(0)].into();
        let failover = failover_first.fail_over(P, (NodeId(1), FIRST_LIFE), &failed);
        assert_eq!(failover, Ok(()));
        assert_eq!(
            failover_first.ask(NodeId(0), &shrink),
            Err(NotMade::OtherBase)
        );
    }

    #[test]
    fn only_the_owner_changes_its_in_sync_set() {
        let mut service = service();
        let renew = change(1, What::Renew);
        assert_eq!(service.ask(NodeId(1), &renew), Err(NotMade::NotEntitled));
        assert_eq!(service.ask(NodeId(0), &renew), Ok(()));
        assert_eq!(service.assignment(P).epoch, Epoch(2));
    }

    #[test]
    fn a_catch_up_is_named_without_a_new_epoch_and_grows_into_the_in_sync_set() {
        let mut service = service();
        let grow = change(1, What::Grow(NodeId(3), FIRST_LIFE));
        assert_eq!(service.ask(NodeId(0), &grow), Err(NotMade::Pointless));
        service.name_catch_up(P, NodeId(3));
        assert_eq!(service.assignment(P).epoch, Epoch(1));
        assert_eq!(service.ask(NodeId(0), &grow), Ok(()));
        assert!(service.assignment(P).in_sync.contains_key(&NodeId(3)));
        assert!(service.assignment(P).catch_ups.is_empty());
    }

    #[test]
    fn data_of_another_life_are_not_promoted() {
        let mut service = service();
        let other_life = (NodeId(1), Incarnation(2));
        let failover = service.fail_over(P, other_life, &BTreeSet::new());
        assert_eq!(failover, Err(NotMade::Unclean));
    }
}
