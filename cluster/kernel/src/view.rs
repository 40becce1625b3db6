//! What the two planes of a node tell each other.

use std::sync::Arc;

use kensho_protocol::replica::Held;
use kensho_protocol::table::{Change, Table};

/// What the data plane sees of the coordinator: always the newest, so that some may be passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The last committed table.
    pub table: Option<Arc<Table>>,
    /// Whether the node is part of a quorum (rule R13).
    pub service: bool,
}

/// What the data plane tells the coordinator. It may get lost: what matters is told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A replica asks for a change.
    Ask(Change),
    /// What the replicas hold.
    Holds(Vec<Held>),
    /// Whether there is room for updates on the disk (rule M6).
    Room(bool),
}
