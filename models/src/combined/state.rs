//! What the combined models consist of.

use kensho_protocol::ids::NodeId;
use kensho_protocol::table::Assignment;

use crate::replication::PARTITION;
use crate::shared::Shared;
use crate::{election, replication};

/// One state of a model.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct State {
    /// The coordinators, and what is under way between them.
    pub coordinators: Shared<election::State>,
    /// The replicas, their clients, and what is under way between replicas.
    pub replicas: Shared<replication::State>,
}

impl State {
    /// What is violated, if anything is.
    #[must_use]
    pub fn violation(&self) -> Option<&'static str> {
        let election = self.coordinators.witness.violation();
        let election = election.map(|violation| violation.invariant.name());
        election.or_else(|| Some(self.replicas.violation?.name()))
    }

    /// What the coordinator of `node` tells its replica to follow.
    pub(super) fn told(&self, node: NodeId) -> Option<&Assignment> {
        let table = self.coordinators.node(node).running.committed()?;
        Some(table.assignment(PARTITION))
    }

    pub(super) fn with_coordinators(&self, coordinators: election::State) -> Self {
        State {
            coordinators: Shared::new(coordinators),
            replicas: self.replicas.clone(),
        }
    }

    pub(super) fn with_replicas(&self, replicas: replication::State) -> Self {
        State {
            coordinators: self.coordinators.clone(),
            replicas: Shared::new(replicas),
        }
    }
}
