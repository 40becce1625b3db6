//! **one-server**: at most one owner serves a partition per epoch, serving epochs do not overlap,
//! and an epoch is entered once.
//!
//! Source: rules R4, R8 and R10; Gray and Cheriton, "Leases" (SOSP 1989).
//!
//! Serving overlaps if an owner answers by its lease, or acknowledges an update in async mode, after
//! an owner of a later epoch on another node has begun to serve. (An answer that needs no lease may
//! leave late: what it tells was fixed before.)

use std::collections::BTreeMap;

use kensho_protocol::ids::{Epoch, NodeId, PartitionId};

use super::Violation;

/// Who entered which epoch of a partition, and who served last.
#[derive(Clone, Debug, Default)]
pub struct Servers {
    /// By epoch: the node, and which of its lives between restarts.
    entered: BTreeMap<Epoch, (NodeId, u32)>,
    /// The highest epoch in which an owner has begun to serve, and that owner.
    latest: Option<(Epoch, NodeId)>,
    /// Another node than the first has served.
    failed_over: bool,
}

impl Servers {
    /// The highest epoch in which an owner has begun to serve, and that owner.
    #[must_use]
    pub fn latest(&self) -> Option<(Epoch, NodeId)> {
        self.latest
    }

    /// Whether the partition has been served by more than one node.
    #[must_use]
    pub fn failed_over(&self) -> bool {
        self.failed_over
    }

    /// `node`, in its life number `life`, is owner in `epoch`.
    pub fn owns(
        &mut self,
        partition: PartitionId,
        (node, life): (NodeId, u32),
        epoch: Epoch,
        violations: &mut Vec<Violation>,
    ) {
        let first = *self.entered.entry(epoch).or_insert((node, life));
        if first != (node, life) {
            violations.push(Violation::EpochEnteredTwice {
                partition,
                epoch,
                owners: [first.0, node],
            });
        }
    }

    /// The owner of `epoch` serves. True if that is new.
    pub fn serves(&mut self, node: NodeId, epoch: Epoch) -> bool {
        let new = self.latest.is_none_or(|(latest, _)| latest < epoch);
        if new {
            self.failed_over |= self.latest.is_some_and(|(_, before)| before != node);
            self.latest = Some((epoch, node));
        }
        new
    }

    /// The owner of `epoch` gives an answer that relies on its being the only one.
    pub fn relied(
        &self,
        partition: PartitionId,
        node: NodeId,
        epoch: Epoch,
        violations: &mut Vec<Violation>,
    ) {
        if let Some((successor, other)) = self.latest
            && successor > epoch
            && other != node
        {
            violations.push(Violation::ServedAfterSuccessor {
                partition,
                node,
                epoch,
                successor,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: PartitionId = PartitionId(0);

    #[test]
    fn a_restarted_owner_must_not_resume_its_epoch() {
        let mut servers = Servers::default();
        let mut violations = Vec::new();
        servers.owns(P, (NodeId(1), 0), Epoch(1), &mut violations);
        servers.owns(P, (NodeId(1), 0), Epoch(1), &mut violations);
        servers.owns(P, (NodeId(1), 1), Epoch(2), &mut violations);
        assert_eq!(violations, []);
        servers.owns(P, (NodeId(1), 1), Epoch(1), &mut violations);
        assert_eq!(violations.len(), 1);
    }

    #[test]
    fn an_old_owner_must_not_rely_on_its_lease_once_another_serves() {
        let mut servers = Servers::default();
        let mut violations = Vec::new();
        assert!(servers.serves(NodeId(1), Epoch(1)));
        servers.relied(P, NodeId(1), Epoch(1), &mut violations);
        assert!(servers.serves(NodeId(2), Epoch(2)));
        servers.relied(P, NodeId(2), Epoch(2), &mut violations);
        assert_eq!(violations, []);
        servers.relied(P, NodeId(1), Epoch(1), &mut violations);
        assert_eq!(violations.len(), 1);
    }
}
