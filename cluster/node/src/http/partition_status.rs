//! How all partitions of the cluster are, in GridDB's words (`partitionStatus` of `gs_stat`).

use std::collections::{BTreeMap, BTreeSet};

use kensho_protocol::ids::NodeId;
use kensho_protocol::table::Table;

/// From the worst to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartitionStatus {
    /// Nobody here can tell: the node is not master, or there is no cluster yet.
    Initial,
    /// Some partition has no owner that serves it.
    OwnerLoss,
    /// Some partition is on fewer nodes than it should be.
    ReplicaLoss,
    /// Some node has more to do than another one.
    NotBalance,
    /// None of that.
    Normal,
}

/// Owners are uneven if some node has so many more than another one.
const OWNERS_APART: usize = 2;
/// The same of replicas, the owners among them.
const REPLICAS_APART: usize = 3;

impl PartitionStatus {
    /// GridDB's name for it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            PartitionStatus::Initial => "INITIAL",
            PartitionStatus::OwnerLoss => "OWNER_LOSS",
            PartitionStatus::ReplicaLoss => "REPLICA_LOSS",
            PartitionStatus::NotBalance => "NOT_BALANCE",
            PartitionStatus::Normal => "NORMAL",
        }
    }

    /// As the master sees it, to whom the nodes `alive` do not count as failed.
    pub(super) fn of(table: &Table, alive: &BTreeSet<NodeId>) -> Self {
        let replicas = usize::from(table.identity.replicas).min(table.members.len());
        let none = alive.iter().map(|node| (*node, 0));
        let mut owners: BTreeMap<NodeId, usize> = none.collect();
        let mut holders = owners.clone();
        let mut replica_lost = false;
        for assignment in &table.partitions {
            let Some(owned) = owners.get_mut(&assignment.owner) else {
                return PartitionStatus::OwnerLoss;
            };
            *owned += 1;
            let in_sync = assignment.in_sync.keys();
            let present: Vec<&NodeId> = in_sync.filter(|node| alive.contains(node)).collect();
            replica_lost |= present.len() < replicas;
            for node in present {
                *holders.entry(*node).or_default() += 1;
            }
        }
        if replica_lost {
            PartitionStatus::ReplicaLoss
        } else if apart(&owners) >= OWNERS_APART || apart(&holders) >= REPLICAS_APART {
            PartitionStatus::NotBalance
        } else {
            PartitionStatus::Normal
        }
    }
}

/// How many more the one with most has than the one with least.
fn apart(counts: &BTreeMap<NodeId, usize>) -> usize {
    let (most, least) = (counts.values().max(), counts.values().min());
    most.zip(least).map_or(0, |(most, least)| most - least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_protocol::ids::{Epoch, Incarnation};
    use kensho_protocol::outcomes::OutcomeLimits;
    use kensho_protocol::settings::Levelling;
    use kensho_protocol::table::{Assignment, Identity, Member, Stamp};

    /// Four partitions on three nodes, each on two of them; the owner is the first.
    fn table(partitions: [&[u32]; 4]) -> Table {
        let members = (1..=3).map(|id| {
            let member = Member {
                id: NodeId(id),
                name: format!("n{id}"),
                client_address: String::new(),
                peer_address: String::new(),
            };
            (NodeId(id), member)
        });
        let assignment = |nodes: &[u32]| Assignment {
            epoch: Epoch(1),
            owner: NodeId(nodes[0]),
            in_sync: nodes
                .iter()
                .map(|id| (NodeId(*id), Incarnation(0)))
                .collect(),
            catch_ups: BTreeSet::new(),
            witnesses: BTreeMap::new(),
        };
        Table {
            stamp: Stamp::default(),
            born: true,
            identity: Identity {
                cluster: "test".to_owned(),
                partitions: 4,
                replicas: 2,
                outcomes: OutcomeLimits::default(),
            },
            members: members.collect(),
            partitions: partitions.into_iter().map(assignment).collect(),
            levelling: Levelling::default(),
        }
    }

    #[track_caller]
    fn assert_status(partitions: [&[u32]; 4], alive: &[u32], expected: PartitionStatus) {
        let alive = alive.iter().map(|id| NodeId(*id)).collect();
        let status = PartitionStatus::of(&table(partitions), &alive);
        assert_eq!(status, expected, "{}", status.name());
    }

    #[test]
    fn the_worst_of_all_partitions_counts() {
        let spread: [&[u32]; 4] = [&[1, 2], &[2, 3], &[3, 1], &[1, 2]];
        assert_status(spread, &[1, 2, 3], PartitionStatus::Normal);
        assert_status(spread, &[1, 2], PartitionStatus::OwnerLoss);
        let without_three: [&[u32]; 4] = [&[1, 2], &[2], &[1], &[1, 2]];
        assert_status(without_three, &[1, 2], PartitionStatus::ReplicaLoss);
        assert_status(without_three, &[1, 2, 3], PartitionStatus::ReplicaLoss);
        let moved_on: [&[u32]; 4] = [&[1, 2], &[2, 1], &[1, 2], &[2, 1]];
        assert_status(moved_on, &[1, 2], PartitionStatus::Normal);
        assert_status(moved_on, &[1, 2, 3], PartitionStatus::NotBalance);
        let few_owners: [&[u32]; 4] = [&[1, 2], &[1, 3], &[2, 3], &[1, 2]];
        assert_status(few_owners, &[1, 2, 3], PartitionStatus::NotBalance);
    }
}
