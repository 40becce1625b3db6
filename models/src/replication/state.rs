//! What the replication models consist of.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use kensho_protocol::ids::{Epoch, Lsn, NodeId, PartitionId, Position, Ticket};
use kensho_protocol::record::{Record, Recovered};
use kensho_protocol::replica::{Message, Replica};
use kensho_protocol::table::{Assignment, Change};

use crate::invariants::Invariant;
use crate::register::Registers;
use crate::shared::Shared;
use crate::world::table_service::{FIRST_LIFE, TableService};

/// The only partition.
pub const PARTITION: PartitionId = PartitionId(0);

/// One state of a model.
#[derive(Clone, Debug)]
pub struct State {
    /// By number.
    pub nodes: Vec<Shared<Node>>,
    /// What is under way between replicas: each may arrive at any time, or never.
    pub network: Vec<Shared<Envelope>>,
    /// What owners have asked the master for; the same.
    pub wishes: Vec<Arc<Wish>>,
    /// The master.
    pub service: TableService,
    /// Every table that was committed, in order; the last one is the master's.
    pub tables: Vec<Shared<Assignment>>,
    /// The updates that clients want.
    pub writes: Vec<Operation>,
    /// The reads that clients want.
    pub reads: Vec<Operation>,
    /// What clients have been told of, by lsn.
    pub settled: Vec<Position>,
    /// Who has entered which epoch, and in which life.
    pub entered: Vec<(Epoch, NodeId, u8)>,
    /// The highest epoch in which an owner has begun to serve, and that owner.
    pub served: Option<(Epoch, NodeId)>,
    /// What has been used up of the bounds.
    pub used: Used,
    /// The first invariant that was violated.
    pub violation: Option<Invariant>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// Its replica.
    pub replica: Replica<Registers>,
    /// What a crash leaves at least.
    pub safe: Recovered,
    /// What is not synced yet, in order.
    pub written: VecDeque<(Ticket, Record)>,
    /// How often it has been restarted.
    pub life: u8,
}

/// A message under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Envelope {
    /// Who sent it.
    pub from: NodeId,
    /// Who gets it.
    pub to: NodeId,
    /// What it says.
    pub message: Message,
}

/// A wish under way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wish {
    /// Who asks.
    pub from: NodeId,
    /// For what.
    pub change: Change,
}

/// A client's operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Not asked yet.
    Idle,
    /// Asked when clients had been told of this; not answered.
    Open {
        /// The last entry that any client had been told of.
        known: Lsn,
    },
    /// Answered.
    Done,
}

/// How often what is bounded has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Used {
    /// Restarts.
    pub crashes: u8,
    /// Disks that lost everything.
    pub wipes: u8,
    /// Failovers.
    pub failovers: u8,
    /// Wishes that the owner hands over.
    pub handovers: u8,
    /// Nodes named catch-up.
    pub named: u8,
    /// Steps of time.
    pub passes: u8,
    /// Updates that were asked for again.
    pub retries: u8,
    /// Messages that were doubled.
    pub doubled: u8,
}

impl State {
    /// The committed table's word.
    #[must_use]
    pub fn assignment(&self) -> &Assignment {
        self.service.assignment(PARTITION)
    }

    /// The node `id`.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Shared<Node> {
        &self.nodes[index(id)]
    }

    /// Puts something under way, unless the same is already.
    pub fn send(&mut self, envelope: Envelope) {
        let envelope = Shared::new(envelope);
        let order = envelope.order();
        if let Err(place) = self.network.binary_search_by_key(&order, Shared::order) {
            self.network.insert(place, envelope);
        }
    }

    /// Forgets what is under way to `id` and can have no effect any more: answers in an epoch that it
    /// has left behind.
    pub fn forget_answers(&mut self, id: NodeId) {
        let promised = self.node(id).replica.promised();
        self.network.retain(|envelope| {
            let past = match &envelope.message {
                Message::Append { .. }
                | Message::Image { .. }
                | Message::Returned { .. }
                | Message::Witness { .. } => false,
                Message::Ack { epoch, .. }
                | Message::Mismatch { epoch, .. }
                | Message::ImageAck { epoch, .. }
                | Message::Inquiry { epoch, .. }
                | Message::Vouched { epoch, .. } => *epoch < promised,
                Message::Fenced { promised: fence } => *fence <= promised,
                Message::Released { ended, .. } => *ended < promised,
            };
            envelope.to != id || !past
        });
    }

    /// Puts a wish under way, unless the same is already.
    pub fn wish(&mut self, wish: Wish) {
        let wish = Arc::new(wish);
        if let Err(place) = self.wishes.binary_search(&wish) {
            self.wishes.insert(place, wish);
        }
    }

    /// The last entry that any client has been told of.
    #[must_use]
    pub fn known(&self) -> Lsn {
        Lsn(self.settled.len() as u64)
    }
}

/// Two states are the same if nothing that may still happen tells them apart. The master is its last
/// table.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for State {}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl State {
    #[expect(clippy::type_complexity, reason = "it is the list of what counts")]
    fn parts(
        &self,
    ) -> (
        (&[Shared<Node>], &[Shared<Envelope>], &[Arc<Wish>]),
        (&[Shared<Assignment>], &[Operation], &[Operation]),
        (&[Position], &[(Epoch, NodeId, u8)]),
        (Used, Option<(Epoch, NodeId)>, Option<Invariant>),
    ) {
        (
            (&self.nodes, &self.network, &self.wishes),
            (&self.tables, &self.writes, &self.reads),
            (&self.settled, &self.entered),
            (self.used, self.served, self.violation),
        )
    }
}

/// The node's number.
#[must_use]
pub fn index(node: NodeId) -> usize {
    usize::try_from(node.0).expect("few nodes")
}

/// The disk of a node that has never been started.
#[must_use]
pub fn empty_disk() -> Recovered {
    Recovered::empty(FIRST_LIFE)
}
