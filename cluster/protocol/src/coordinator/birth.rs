//! The birth of a cluster (rule M5): once, from an explicit list of nodes.
//!
//! The nodes of the list elect a master. Its first table is marked as unborn, and must be accepted
//! by *all* of them; each refuses if it holds a table with other members, or with another identity.
//! So a cluster can never be made a second time out of nodes some of which still hold the first.
//! Then the same table, marked as born, is committed like any other, by a majority.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Coordinator;
use crate::ids::{Epoch, Incarnation, Life, NodeId, Revision, Term};
use crate::settings::Levelling;
use crate::table::{Assignment, Identity, Member, Stamp, Table};
use crate::time::Time;

impl Coordinator {
    /// The nodes of the initial list are known.
    pub(super) fn know_roster(&mut self, now: Time, members: BTreeMap<NodeId, Member>) {
        if self.accepted().is_some() || self.birth.members == members {
            return;
        }
        Arc::make_mut(&mut self.birth).members = members;
        self.wait_before_probe(now, Duration::ZERO);
    }

    /// The cluster was born without this node, which has no vote until it is made a member.
    pub(super) fn become_joiner(&mut self) {
        assert!(self.accepted().is_none());
        self.joiner = true;
        self.ask_nobody();
    }
}

/// The first table: every partition on `replicas` of the members, owners and backups spread evenly.
/// All data are empty, hence in their incarnation 0.
pub(super) fn first_table(
    (term, life): (Term, Life),
    identity: &Identity,
    members: &BTreeMap<NodeId, Member>,
    levelling: Levelling,
) -> Table {
    let nodes: Vec<NodeId> = members.keys().copied().collect();
    assert!(!nodes.is_empty(), "somebody must be there to make a table");
    let partitions = (0..usize::from(identity.partitions))
        .map(|partition| first_assignment(partition, usize::from(identity.replicas), &nodes))
        .collect();
    Table {
        stamp: Stamp {
            term,
            revision: Revision(1),
            life,
        },
        born: false,
        identity: identity.clone(),
        members: members.clone(),
        partitions,
        levelling,
    }
}

/// Owners go round; with each round the backups of an owner move on, so that a failed owner's load
/// is spread over all others.
fn first_assignment(partition: usize, replicas: usize, nodes: &[NodeId]) -> Assignment {
    let (round, first) = (partition / nodes.len(), partition % nodes.len());
    let others = nodes.len() - 1;
    let backups = (0..others.min(replicas.saturating_sub(1)))
        .map(|backup| nodes[(first + 1 + (round + backup) % others) % nodes.len()]);
    let owner = nodes[first];
    Assignment {
        epoch: Epoch(1),
        owner,
        in_sync: std::iter::once(owner)
            .chain(backups)
            .map(|node| (node, Incarnation(0)))
            .collect(),
        catch_ups: BTreeSet::new(),
        witnesses: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcomes::OutcomeLimits;

    fn table(nodes: u32, partitions: u16, replicas: u8) -> Table {
        let members = (1..=nodes).map(|n| {
            let member = Member {
                id: NodeId(n),
                name: format!("n{n}"),
                client_address: String::new(),
                peer_address: String::new(),
            };
            (NodeId(n), member)
        });
        let identity = Identity {
            cluster: "test".to_owned(),
            partitions,
            replicas,
            outcomes: OutcomeLimits::default(),
        };
        let first = (Term(1), Life::default());
        first_table(first, &identity, &members.collect(), Levelling::default())
    }

    #[test]
    fn the_first_table_spreads_owners_and_backups_evenly() {
        for (nodes, replicas) in [(1, 1), (1, 3), (2, 2), (3, 2), (3, 3), (5, 3), (7, 2)] {
            let partitions = u16::try_from(nodes * (nodes - 1).max(1)).expect("few") * 2;
            let table = table(nodes, partitions, replicas);
            let copies = u32::from(replicas).min(nodes);
            for node in (1..=nodes).map(NodeId) {
                let owned = table.partitions.iter().filter(|a| a.owner == node);
                assert_eq!(owned.count(), usize::from(partitions) / nodes as usize);
                let held = table.partitions.iter();
                let held = held.filter(|a| a.in_sync.contains_key(&node)).count();
                let expected = u32::from(partitions) * copies / nodes;
                assert_eq!(
                    held, expected as usize,
                    "{nodes} nodes, {replicas} replicas"
                );
            }
            for assignment in &table.partitions {
                assert_eq!(assignment.in_sync.len(), copies as usize);
                assert!(assignment.in_sync.contains_key(&assignment.owner));
            }
        }
    }
}
