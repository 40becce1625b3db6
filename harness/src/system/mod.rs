//! Systems under test: what the runner asks of them, and those there are.
//!
//! Our own cluster ([`kensho`]) is one implementation of [`System`]; others can stand beside it.

pub mod kensho;
#[cfg(test)]
pub(crate) mod memory;
pub mod table;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use kensho_nemesis::fault::Heal;
use kensho_nemesis::proxy::Conduct;
use kensho_nemesis::topology::Pair;
use kensho_workloads::call::{Answer, Call, CallKind};
use serde_json::{Map, Value};

use table::Table;

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It says that it serves.
    Ready,
    /// It says that it is up, but not that it serves.
    Up,
    /// Its process runs, and does not answer in time.
    Silent,
    /// It has no process.
    Down,
}

impl Health {
    /// Its word in records.
    pub fn word(self) -> &'static str {
        match self {
            Health::Ready => "ready",
            Health::Up => "up",
            Health::Silent => "silent",
            Health::Down => "down",
        }
    }
}

/// What became of a node's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It runs.
    Running,
    /// It was paused.
    Paused,
    /// It was stopped or killed, or never started.
    Stopped,
    /// It ended although nobody had asked it to; its status in words.
    Exited(String),
}

/// An answer, and who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What was answered.
    pub answer: Answer,
    /// The node that answered, or that was asked last.
    pub node: Option<String>,
}

/// One client of a system. It keeps its connections as long as it lives.
pub trait Client: Send + Sync + 'static {
    /// Performs one request to its end; gives up by itself in bounded time.
    fn perform(&self, call: Call) -> impl Future<Output = Answered> + Send;
}

/// A distributed system whose nodes can be started, hurt and asked.
///
/// Nothing here waits without bound.
pub trait System: Send + Sync + 'static {
    /// What its clients are.
    type Client: Client;

    /// Its name.
    fn name(&self) -> &'static str;

    /// The calls that its clients perform.
    fn calls(&self) -> &'static [CallKind];

    /// The versions of its programs.
    fn versions(&self) -> Map<String, Value>;

    /// Its nodes by name.
    fn nodes(&self) -> &[String];

    /// How many partitions its data is divided into.
    fn partitions(&self) -> u32;

    /// The partition of a container.
    fn partition(&self, container: &str) -> u32;

    /// How long an owner may serve reads without its backups' renewed promise, milliseconds.
    fn lease_ms(&self) -> u64;

    /// Makes everything that nodes need before they can start.
    fn install(&self) -> impl Future<Output = Result<()>> + Send;

    /// Starts a node, and waits until it is up.
    fn start(&self, node: &str) -> impl Future<Output = Result<()>> + Send;

    /// Ends a node in order, with force if it does not obey in time.
    fn stop(&self, node: &str) -> impl Future<Output = Result<()>> + Send;

    /// Ends a node at once.
    fn kill(&self, node: &str) -> Result<()>;

    /// Stops a node where it stands.
    fn pause(&self, node: &str) -> Result<()>;

    /// Lets a paused node go on.
    fn resume(&self, node: &str) -> Result<()>;

    /// What became of a node's process.
    fn status(&self, node: &str) -> Status;

    /// Lets links do something else than pass everything; gives how many there were.
    fn disturb(&self, pairs: &BTreeSet<Pair>, conduct: Conduct) -> Result<usize>;

    /// Opens all links again; gives how many were not open.
    fn heal(&self, heal: Heal) -> usize;

    /// Leaves no room for more data where a node keeps them.
    fn fill_disk(&self, node: &str) -> Result<()>;

    /// Makes room wherever there was left none; gives at how many nodes.
    fn make_room(&self) -> Result<usize>;

    /// How a node is.
    fn health(&self, node: &str) -> impl Future<Output = Health> + Send;

    /// The newest partition table that any node tells.
    fn table(&self) -> impl Future<Output = Option<Table>> + Send;

    /// Whether all nodes serve, and every partition is as it should be.
    fn settled(&self) -> impl Future<Output = Result<(), String>> + Send;

    /// Makes containers of rows with a text as key and a number; it is no error if they exist.
    fn create_containers(&self, names: &[String]) -> impl Future<Output = Result<()>> + Send;

    /// Client `number` of those that a run has.
    fn client(&self, number: usize) -> Self::Client;

    /// The address at which clients reach a node.
    fn address(&self, node: &str) -> String;

    /// A node's log.
    fn log(&self, node: &str) -> PathBuf;
}
