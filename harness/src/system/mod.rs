//! Systems under test: what the runner asks of them, and those there are.
//!
//! What every system has is a [`System`]; what some can do besides are capabilities, each a trait of its
//! own ([`Processes`], [`Links`], [`Disks`], [`Folders`], [`Roles`]): a fault that needs what a system cannot do is
//! refused by name. [`ALL`] lists those that can be named.

mod control;
pub mod kensho;
mod nodes;
mod ports;
mod process;
pub mod program;
pub mod table;
pub mod toy;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use futures_util::future::BoxFuture;
use kensho_means::mesh::Mesh;
use kensho_nemesis::capability::Capability;
use kensho_nemesis::conduct::Conduct;
use kensho_nemesis::fault::Heal;
use kensho_nemesis::topology::Pair;
use kensho_workloads::call::{Answer, Call, CallKind};
use kensho_workloads::workload::Values;
use serde_json::{Map, Value};

use table::Table;

pub(crate) use ports::free as free_ports;
pub use process::{Launch, run_with_parent};

/// A system that can be named in a test.
#[derive(Debug)]
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub text: &'static str,
    /// The calls that its clients perform.
    pub calls: &'static [CallKind],
    /// What faults may rely on.
    pub able: &'static [Capability],
}

/// Every system there is.
pub static ALL: &[&Described] = &[&kensho::DESCRIBED, &toy::DESCRIBED, &program::DESCRIBED];

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
    /// Makes whatever takes time before the first request, so that it does not count as a request's. What
    /// does not come about then is told by the first request.
    fn ready(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Performs one request to its end; gives up by itself in bounded time.
    fn perform(&self, call: Call) -> impl Future<Output = Answered> + Send;
}

/// A distributed system whose nodes can be started and asked.
///
/// Nothing here waits without bound.
pub trait System: Send + Sync + 'static {
    /// What its clients are.
    type Client: Client;

    /// Its name.
    fn name(&self) -> &str;

    /// The versions of its programs.
    fn versions(&self) -> Map<String, Value>;

    /// Its nodes by name.
    fn nodes(&self) -> &[String];

    /// Makes everything that nodes need before they can start.
    fn install(&self) -> impl Future<Output = Result<()>> + Send;

    /// Starts a node, and waits until it is up.
    fn start(&self, node: &str) -> impl Future<Output = Result<()>> + Send;

    /// Ends a node in order, with force if it does not obey in time.
    fn stop(&self, node: &str) -> impl Future<Output = Result<()>> + Send;

    /// What became of a node's process.
    fn status(&self, node: &str) -> Status;

    /// How a node is.
    fn health(&self, node: &str) -> impl Future<Output = Health> + Send;

    /// Whether all nodes serve, and everything is as it should be.
    fn settled(&self) -> impl Future<Output = Result<(), String>> + Send;

    /// Makes containers of rows with a text as key and such a value; it is no error if they exist.
    fn create_containers(
        &self,
        names: &[String],
        values: Values,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Client `number` of those that a run has.
    fn client(&self, number: usize) -> Self::Client;

    /// The address at which clients reach a node.
    fn address(&self, node: &str) -> String;

    /// A node's log.
    fn log(&self, node: &str) -> PathBuf;

    /// Its nodes can be killed and paused.
    fn processes(&self) -> Option<&dyn Processes> {
        None
    }

    /// Its links can be disturbed.
    fn links(&self) -> Option<&dyn Links> {
        None
    }

    /// Its disks can be filled.
    fn disks(&self) -> Option<&dyn Disks> {
        None
    }

    /// Its data folders can be copied, put back and lost.
    fn folders(&self) -> Option<&dyn Folders> {
        None
    }

    /// It tells who is primary of what.
    fn roles(&self) -> Option<&dyn Roles> {
        None
    }
}

/// Nodes that can be killed and paused.
pub trait Processes: Send + Sync {
    /// Ends a node at once.
    fn kill(&self, node: &str) -> Result<()>;

    /// Stops a node where it stands.
    fn pause(&self, node: &str) -> Result<()>;

    /// Lets a paused node go on.
    fn resume(&self, node: &str) -> Result<()>;

    /// Whether a node really stands still. It may take a moment after [`Processes::pause`].
    fn stands_still(&self, node: &str) -> Result<bool>;
}

/// Links that can be disturbed. Each fault takes back what it has done itself; of what several do to a
/// link, the worst counts.
pub trait Links: Send + Sync {
    /// Lets links do something else than pass everything, for the fault number `by`; gives how many
    /// there were.
    fn disturb(&self, by: usize, pairs: &BTreeSet<Pair>, conduct: Conduct) -> usize;

    /// Takes back what the fault number `by` did; gives to how many links.
    fn lift(&self, by: usize, heal: Heal) -> usize;

    /// What a link does now; `None` if there is no such link.
    fn conduct(&self, pair: &Pair) -> Option<Conduct>;
}

impl Links for Mesh {
    fn disturb(&self, by: usize, pairs: &BTreeSet<Pair>, conduct: Conduct) -> usize {
        Mesh::disturb(self, by, pairs, conduct)
    }

    fn lift(&self, by: usize, heal: Heal) -> usize {
        Mesh::lift(self, by, heal)
    }

    fn conduct(&self, pair: &Pair) -> Option<Conduct> {
        Mesh::conduct(self, pair)
    }
}

/// Disks that can be filled.
pub trait Disks: Send + Sync {
    /// Leaves no room for more data where a node keeps them.
    fn fill(&self, node: &str) -> Result<()>;

    /// Makes room again where [`Disks::fill`] has left none.
    fn make_room(&self, node: &str) -> Result<()>;

    /// Whether a node's disk was filled.
    fn is_full(&self, node: &str) -> bool;
}

/// Data folders that can be copied, put back and lost. A node whose folder is touched does not run; only while
/// it is copied it may stand still.
pub trait Folders: Send + Sync {
    /// Keeps a copy of a node's folder, in the place of an earlier one.
    fn copy(&self, node: &str) -> Result<()>;

    /// Puts the copy in the place of the folder. The copy is kept.
    fn put_back(&self, node: &str) -> Result<()>;

    /// Sets the folder aside; a copy of it takes its place.
    fn clone_folder(&self, node: &str) -> Result<()>;

    /// Puts the folder back that was set aside.
    fn end_clone(&self, node: &str) -> Result<()>;

    /// Removes the folder. When the node is started, it is a new one under the old name.
    fn lose(&self, node: &str) -> Result<()>;
}

/// Who is master, and who is owner and backup of which partition.
pub trait Roles: Send + Sync {
    /// How many partitions the data are divided into.
    fn partitions(&self) -> u32;

    /// The partition of a container.
    fn partition(&self, container: &str) -> u32;

    /// How long an owner may serve reads without its backups' renewed promise, milliseconds.
    fn lease_ms(&self) -> u64;

    /// The newest partition table that any node tells.
    fn table(&self) -> BoxFuture<'_, Option<Table>>;
}

/// The partition of a container; all are in the first one where nobody tells of partitions.
pub fn partition_of<S: System>(system: &S, container: &str) -> u32 {
    system.roles().map_or(0, |roles| roles.partition(container))
}

/// How many partitions there are, as far as anybody tells.
pub fn partitions_of<S: System>(system: &S) -> u32 {
    system.roles().map_or(1, Roles::partitions)
}
