//! Looking at a replica: for tables of figures, and for the invariants that are checked in the
//! artificial worlds. Nothing here changes anything.

use bytes::Bytes;

use super::peer::Peer;
use super::peers::Peers;
use super::{Held, Replica, Role, Trust};
use crate::apply::Apply;
use crate::ids::{Epoch, Incarnation, Lsn, NodeId, PartitionId, Position};
use crate::log::Log;
use crate::table::Assignment;
use crate::time::Time;

/// What a replica is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleKind {
    /// It listens to an owner.
    Follower,
    /// It is named owner after a start, and compares its log with others (rule R14).
    Comparing,
    /// It is named owner, and waits until it is free of its promise to another.
    Entering,
    /// It is named owner of an epoch that it must not enter, and asks for the next one.
    Renewing,
    /// It is owner, and brings the in-sync set to its log.
    Syncing,
    /// It is owner, and serves.
    Serving,
}

impl<A: Apply> Replica<A> {
    /// Which partition this is.
    #[must_use]
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// What it is at the moment.
    #[must_use]
    pub fn role(&self) -> RoleKind {
        match &self.role {
            Role::Follower(_) => RoleKind::Follower,
            Role::Comparing(_) => RoleKind::Comparing,
            Role::Entering(_) => RoleKind::Entering,
            Role::Renewing(_) => RoleKind::Renewing,
            Role::Owner(owner) if owner.synced() => RoleKind::Serving,
            Role::Owner(_) => RoleKind::Syncing,
        }
    }

    /// Whether it answers clients.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.service && self.role() == RoleKind::Serving
    }

    /// The epoch that it owns, if it is owner.
    #[must_use]
    pub fn owned_epoch(&self) -> Option<Epoch> {
        match &self.role {
            Role::Owner(owner) => Some(owner.epoch()),
            _ => None,
        }
    }

    /// Who it listens to, if it is no owner and has heard one.
    #[must_use]
    pub fn followed(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower(follower) => follower.owner(),
            _ => None,
        }
    }

    /// The prefix of a follower's log that is known to equal its owner's.
    #[must_use]
    pub fn known_prefix(&self) -> Option<Lsn> {
        match &self.role {
            Role::Follower(follower) => Some(follower.known()),
            _ => None,
        }
    }

    /// The lowest epoch that it still listens to.
    #[must_use]
    pub fn promised(&self) -> Epoch {
        self.promised
    }

    /// Whose owner's log this is.
    #[must_use]
    pub fn log_epoch(&self) -> Epoch {
        self.log_epoch
    }

    /// The log, as far as it is in memory.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The last entry known to be committed.
    #[must_use]
    pub fn commit(&self) -> Lsn {
        self.data.commit
    }

    /// The last entry that was executed.
    #[must_use]
    pub fn applied(&self) -> Lsn {
        self.data.applied
    }

    /// Whether it waits for [`Event::Durable`](super::Event::Durable) of something that was handed to
    /// the disk. Where durability is delayed it does so only for what must not be delayed.
    #[must_use]
    pub fn waits_for_disk(&self) -> bool {
        self.written.waits()
    }

    /// The last entry that counts as being on disk.
    #[must_use]
    pub fn durable(&self) -> Lsn {
        self.written.durable().end
    }

    /// The data.
    #[must_use]
    pub fn state(&self) -> &A {
        &self.data.state
    }

    /// How many outcomes are kept for retries.
    #[must_use]
    pub fn outcomes(&self) -> usize {
        self.data.outcomes.len()
    }

    /// Whether its disk may have gone back in time since it was last compared with another (rule R14).
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.doubt.trust()
    }

    /// Which life of its data this is.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// What the last committed table that it saw says.
    #[must_use]
    pub fn assigned(&self) -> &Assignment {
        &self.assigned
    }

    /// Whom its commits wait for, besides itself: `I ∪ pending` (rule R1). Nobody if it is no owner.
    pub fn required(&self) -> impl Iterator<Item = NodeId> + Clone {
        let peers = match &self.role {
            Role::Owner(owner) => Some(owner.peers()),
            _ => None,
        };
        let counts =
            |(node, peer): (NodeId, &Peer)| (peer.in_sync() || peer.pending()).then_some(node);
        peers.into_iter().flat_map(Peers::iter).filter_map(counts)
    }

    /// How much of the log each other replica has acknowledged in this epoch, if this is the owner.
    #[must_use]
    pub fn matched(&self) -> Vec<(NodeId, Option<Lsn>)> {
        let Role::Owner(owner) = &self.role else {
            return Vec::new();
        };
        owner
            .peers()
            .iter()
            .map(|(node, peer)| (node, peer.matched))
            .collect()
    }

    /// Until when it may answer reads without asking, if it is owner (rule R10).
    #[must_use]
    pub fn lease_until(&self) -> Option<Time> {
        match &self.role {
            Role::Owner(owner) => Some(owner.lease_until(self.settings.rules)),
            _ => None,
        }
    }

    /// What the master should know of it.
    #[must_use]
    pub fn held(&self) -> Held {
        let durable = self.written.durable();
        Held {
            partition: self.partition,
            incarnation: self.incarnation,
            log_epoch: durable.log_epoch,
            end: self.log.position(durable.end).unwrap_or(self.log.base()),
            trust: self.doubt.trust(),
            epoch: self.assigned.epoch,
        }
    }

    /// The committed data as an image, and their place in the log: for a checkpoint, or for a replica
    /// that lacks too much.
    pub fn image(&mut self) -> (Position, Bytes) {
        self.data.image(&self.log, &self.settings)
    }
}
