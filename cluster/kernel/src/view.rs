//! What the two planes of a node tell each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use kensho_protocol::coordinator::{Standing, Wish};
use kensho_protocol::ids::{NodeId, Term};
use kensho_protocol::replica::Held;
use kensho_protocol::table::{Change, Table};

/// What the rest of a node sees of the coordinator: always the newest, so that some may be passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The last committed table.
    pub table: Option<Arc<Table>>,
    /// Whether the node is part of a quorum (rule R13).
    pub service: bool,
    /// What the node is in the cluster.
    pub standing: Standing,
    /// The members that do not count as failed, if this node is master.
    pub alive: BTreeSet<NodeId>,
    /// The present term.
    pub term: Term,
    /// How often this node, as master, made a node owner although acknowledged updates may be lost
    /// (rule R5), counted by partition since the node's start.
    pub possible_losses: u64,
    /// How often this node, as master, let a partition go on although nobody could tell whether
    /// something is lost (rule R14).
    pub unconfirmed_promotions: u64,
    /// How often a second master of a term was refused (rule R14).
    pub second_masters: u64,
    /// What is to be handed over, as the master said last (rule R15).
    pub wishes: Arc<[Wish]>,
    /// How often it has said so: the same wishes may come again.
    pub wished: u64,
    /// Nothing is left to be done before the node stops (rule M7).
    pub may_stop: bool,
}

impl Default for View {
    fn default() -> Self {
        View {
            table: None,
            service: false,
            standing: Standing::Electing,
            alive: BTreeSet::new(),
            term: Term(0),
            possible_losses: 0,
            unconfirmed_promotions: 0,
            second_masters: 0,
            wishes: Arc::default(),
            wished: 0,
            may_stop: false,
        }
    }
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
