//! The partition table as a client needs it: who owns what, and where that is.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::PartitionId;
use crate::table::{Stamp, Table};

/// Where clients reach a node (`host:port`).
pub type Address = Arc<str>;

/// Who owns which partition, and has copies of it, by the addresses for clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Directory {
    stamp: Stamp,
    nodes: Vec<Address>,
    /// Indices into `nodes`.
    owners: Vec<Option<u16>>,
    /// By partition, as far as they are known.
    backups: Vec<Vec<u16>>,
}

impl Directory {
    /// From the addresses of all nodes and each partition's owner as an index into them. An owner
    /// that is not among the nodes counts as unknown.
    #[must_use]
    pub fn new(stamp: Stamp, nodes: Vec<Address>, owners: Vec<Option<u16>>) -> Self {
        let known = |owner: &u16| usize::from(*owner) < nodes.len();
        let owners = owners
            .into_iter()
            .map(|owner| owner.filter(known))
            .collect();
        Directory {
            stamp,
            nodes,
            owners,
            backups: Vec::new(),
        }
    }

    /// The same, with each partition's backups as indices into the nodes.
    #[must_use]
    pub fn with_backups(mut self, backups: Vec<Vec<u16>>) -> Self {
        self.backups = backups;
        self
    }

    /// Which table this was made from.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Where all nodes are.
    #[must_use]
    pub fn nodes(&self) -> &[Address] {
        &self.nodes
    }

    /// Which partition a container with this hash belongs to; `None` if there are no partitions.
    #[must_use]
    pub fn partition(&self, hash: u32) -> Option<PartitionId> {
        let count = u32::try_from(self.owners.len()).ok()?;
        let number = hash.checked_rem(count)?;
        Some(PartitionId(u16::try_from(number).ok()?))
    }

    /// Where the owner of `partition` is, if it has one.
    #[must_use]
    pub fn owner(&self, partition: PartitionId) -> Option<&Address> {
        let owner = (*self.owners.get(usize::from(partition.0))?)?;
        self.nodes.get(usize::from(owner))
    }

    /// Where the replicas of `partition` are that may answer reads: its owner, and its backups.
    pub fn replicas(&self, partition: PartitionId) -> impl Iterator<Item = &Address> {
        let backups = self.backups.get(usize::from(partition.0));
        let backups = backups.into_iter().flatten();
        let backups = backups.filter_map(|number| self.nodes.get(usize::from(*number)));
        self.owner(partition).into_iter().chain(backups)
    }
}

impl From<&Table> for Directory {
    fn from(table: &Table) -> Self {
        let mut numbers = BTreeMap::new();
        let mut nodes = Vec::with_capacity(table.members.len());
        for (number, (id, member)) in (0_u16..).zip(&table.members) {
            numbers.insert(*id, number);
            nodes.push(Address::from(member.client_address.as_str()));
        }
        let owner = |assignment: &crate::table::Assignment| {
            table
                .born
                .then(|| numbers.get(&assignment.owner).copied())
                .flatten()
        };
        let owners = table.partitions.iter().map(owner).collect();
        let backups = |assignment: &crate::table::Assignment| {
            let others = assignment.in_sync.keys();
            let others = others.filter(|id| **id != assignment.owner);
            others.filter_map(|id| numbers.get(id).copied()).collect()
        };
        let backups = table.partitions.iter().map(backups).collect();
        Directory::new(table.stamp, nodes, owners).with_backups(backups)
    }
}
