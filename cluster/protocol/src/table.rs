//! The partition table: who is what for each partition (requirement A8).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, Incarnation, Life, NodeId, PartitionId, Revision, Term};
use crate::outcomes::OutcomeLimits;
use crate::settings::Levelling;

/// Orders tables: by the master's term, then by the number of changes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Stamp {
    /// The term of the master that proposed the table.
    pub term: Term,
    /// How many changes led to it.
    pub revision: Revision,
    /// The life in which its master proposed it (rule R14): two masters of one term are told apart.
    pub life: Life,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member {
    /// Its identity.
    pub id: NodeId,
    /// What people call it.
    pub name: String,
    /// Where clients reach it (`host:port`).
    pub client_address: String,
    /// Where nodes reach it (`host:port`).
    pub peer_address: String,
}

/// What must be the same on all nodes of a cluster (requirement A6, rule M5).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The cluster's name.
    pub cluster: String,
    /// How many partitions containers are hashed into.
    pub partitions: u16,
    /// How many nodes should hold each partition.
    pub replicas: u8,
    /// How many outcomes are kept for retries: replicas have to forget alike (rule R11).
    pub outcomes: OutcomeLimits,
}

/// Who is what for one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Assignment {
    /// Changes with the owner and the in-sync set.
    pub epoch: Epoch,
    /// Reads and updates go here. It is a member of the in-sync set.
    pub owner: NodeId,
    /// Owner and backups: those that hold every committed entry, with the life of the data that
    /// does (rule R5).
    pub in_sync: BTreeMap<NodeId, Incarnation>,
    /// Those that are being brought in sync; they never count (invariant catch-up-powerless).
    pub catch_ups: BTreeSet<NodeId>,
    /// Those that have left the in-sync set, as long as it is not known that the owner has entered a later
    /// epoch. They may hold what was acknowledged and is nowhere else, if the owner's disk went back in time
    /// before it did (rule R14).
    pub witnesses: BTreeMap<NodeId, Witness>,
}

/// One that has left an in-sync set (rule R14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Witness {
    /// The life of its data that was recorded.
    pub life: Incarnation,
    /// The last epoch in which it was in sync.
    pub until: Epoch,
}

impl Assignment {
    /// Whether `node` has a role in it.
    #[must_use]
    pub fn names(&self, node: NodeId) -> bool {
        self.in_sync.contains_key(&node) || self.catch_ups.contains(&node)
    }

    /// Only those of the in-sync set stay in it that `stays` says; the others are witnesses from now on.
    pub fn keep_in_sync(&mut self, stays: impl FnMut(&NodeId) -> bool) {
        self.keep_in_sync_after(self.epoch, stays);
    }

    /// The same, where `until` was the last epoch with all of them in sync.
    pub fn keep_in_sync_after(&mut self, until: Epoch, mut stays: impl FnMut(&NodeId) -> bool) {
        let gone = self.in_sync.extract_if(.., |node, _| !stays(node));
        let gone = gone.map(|(node, life)| (node, Witness { life, until }));
        self.witnesses.extend(gone);
    }

    /// The witnesses that count for an owner whose log is that of `log_epoch`. Whoever left before was not
    /// in sync any more when somebody entered that epoch, who then had everything.
    pub fn witnesses_of(&self, log_epoch: Epoch) -> impl Iterator<Item = (&NodeId, &Witness)> {
        let witnesses = self.witnesses.iter();
        witnesses.filter(move |(_, witness)| witness.until >= log_epoch)
    }

    /// The witnesses that have left last. They were in every in-sync set that the owner may have left
    /// without having entered its next epoch, and so have everything that was acknowledged, unless their
    /// disks went back as well.
    pub fn last_witnesses(&self) -> impl Iterator<Item = (NodeId, Incarnation)> {
        let last = self.witnesses.values().map(|witness| witness.until).max();
        let witnesses = self.witnesses.iter();
        let witnesses = witnesses.filter(move |(_, witness)| Some(witness.until) == last);
        witnesses.map(|(node, witness)| (*node, witness.life))
    }

    /// The life of its data with which `node` is recorded, in sync or as a witness.
    #[must_use]
    pub fn recorded(&self, node: NodeId) -> Option<Incarnation> {
        let witness = self.witnesses.get(&node).map(|witness| witness.life);
        self.in_sync.get(&node).copied().or(witness)
    }
}

/// The partition table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Table {
    /// Which table this is.
    pub stamp: Stamp,
    /// Whether all initial members are known to have accepted the cluster's first table (rule M5).
    /// No role is taken before that.
    pub born: bool,
    /// What must be the same everywhere.
    pub identity: Identity,
    /// The nodes with a vote.
    pub members: BTreeMap<NodeId, Member>,
    /// Indexed by partition.
    pub partitions: Vec<Assignment>,
    /// Whether roles are levelled (rule M9).
    pub levelling: Levelling,
}

impl Table {
    /// Who is what for `partition`.
    ///
    /// # Panics
    /// When there is no such partition.
    #[must_use]
    pub fn assignment(&self, partition: PartitionId) -> &Assignment {
        &self.partitions[usize::from(partition.0)]
    }

    /// How many members are more than half of them (requirement A5).
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.members.len() / 2 + 1
    }
}

/// A change of one partition that its owner asks the master for (rule M3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// Which partition.
    pub partition: PartitionId,
    /// The epoch that it starts from; at any other it does not apply.
    pub base: Epoch,
    /// What should change.
    pub what: What,
}

/// What an owner may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum What {
    /// These backups are silent: go on without them (rule R2).
    Shrink(BTreeSet<NodeId>),
    /// This catch-up has caught up: count on it (rule R3).
    Grow(NodeId, Incarnation),
    /// The same in-sync set in a new epoch: an owner restarted (rule R8), or withdraws a growth that
    /// it asked for (rule R3).
    Renew,
    /// This member of the in-sync set is to be the owner (rule R15).
    HandOver(NodeId),
}
