//! One node of a cluster: its clock, its process with both planes, and its disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kensho_protocol::apply::Apply;
use kensho_protocol::coordinator::{Coordinator, Saved, Standing};
use kensho_protocol::ids::{Incarnation, PartitionId, Token};
use kensho_protocol::record::Recovered;
use kensho_protocol::replica::Replica;
use kensho_protocol::table::Table;
use kensho_protocol::time::Time;
use kensho_storage::disk::SimulatedDisk;

use super::Happening;
use super::clients::{Attempt, Request};
use super::folder::Folder;
use crate::world::clock::Clock;
use crate::world::disk::CoordinatorDisk;
use crate::world::node::{Condition, Hosted};

/// See the [module](self).
#[derive(Debug)]
pub struct Node<A: Apply> {
    /// What its process goes by.
    pub clock: Clock,
    /// How often it has started; what belongs to an earlier life counts for nothing.
    pub life: u32,
    /// What its process is doing.
    pub condition: Condition<Happening>,
    /// Whether it asks to be a member whenever it starts.
    pub joins: bool,
    /// The control plane, while the process lives.
    pub control: Option<Control>,
    /// What the control plane has written.
    pub control_disk: CoordinatorDisk,
    /// How many of its writes are not safe yet.
    pub saving: usize,
    /// The replicas and their disks, by partition.
    pub hosted: Vec<Hosted<A>>,
    /// The rest of the data plane.
    pub data: Data,
    /// What is on its disk, in files, where the load wants that.
    pub folder: Option<Folder>,
    /// Whether its disk has room for updates.
    pub room: bool,
    /// By node, as far as its replicas were heard: the last of its lives.
    pub heard: Vec<u32>,
    /// A copy of its folder, of some time ago.
    pub copy: Option<Copied>,
    /// The folder itself, while a clone of it is used.
    pub original: Option<Copied>,
}

/// A copy of a node's folder.
#[derive(Clone, Debug)]
pub struct Copied {
    /// What the coordinator remembers.
    pub saved: Saved,
    /// What the replicas remember, by partition.
    pub replicas: Vec<Recovered>,
    /// The same in files, where the load wants that.
    pub files: Option<SimulatedDisk>,
}

/// The control plane: the coordinator, and what it shows to the data plane.
#[derive(Debug)]
pub struct Control {
    /// The state machine.
    pub coordinator: Coordinator,
    /// What the data plane may see.
    pub view: View,
    /// The data plane is about to look.
    pub view_shown: bool,
    /// Nodes that have answered since the start (rule M5).
    pub met: BTreeSet<usize>,
    /// When the next wake-up is due; `u64::MAX`: none.
    pub wake_ns: u64,
}

/// What the data plane sees of the coordinator: always the newest, so that some may be passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The last committed table.
    pub table: Option<Arc<Table>>,
    /// Whether the node is part of a quorum.
    pub service: bool,
}

/// The data plane, besides its replicas.
#[derive(Debug)]
pub struct Data {
    /// What it has seen of the coordinator.
    pub view: View,
    /// A flush is due at the end of the current batch.
    pub batch: bool,
    /// When the next wake-up is due; `u64::MAX`: none.
    pub wake_ns: u64,
    /// When the coordinator is told next what the replicas hold.
    pub holds_at: Time,
    /// The clients that wait for an answer.
    pub waiting: BTreeMap<Token, Waiting>,
    last_token: u64,
}

/// A client that waits for an answer, and what is needed to ask again.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Who waits.
    pub attempt: Attempt,
    /// For what.
    pub request: Request,
    /// In which partition.
    pub partition: PartitionId,
    /// Until when.
    pub deadline: Time,
}

impl Data {
    fn new() -> Self {
        Data {
            view: View::default(),
            batch: false,
            wake_ns: u64::MAX,
            holds_at: Time(0),
            waiting: BTreeMap::new(),
            last_token: 0,
        }
    }

    /// Somebody waits from now on.
    pub fn wait(&mut self, waiting: Waiting) -> Token {
        self.last_token += 1;
        let token = Token(self.last_token);
        self.waiting.insert(token, waiting);
        token
    }
}

impl<A: Apply> Node<A> {
    /// A node that has never been started.
    #[must_use]
    pub fn new(clock: Clock, partitions: usize) -> Self {
        let hosted = || Hosted::empty(Incarnation(0));
        Node {
            clock,
            life: 0,
            condition: Condition::Down,
            joins: false,
            control: None,
            control_disk: CoordinatorDisk::default(),
            saving: 0,
            hosted: (0..partitions).map(|_| hosted()).collect(),
            data: Data::new(),
            folder: None,
            room: true,
            heard: Vec::new(),
            copy: None,
            original: None,
        }
    }

    /// Whether a message of that life of another node is taken: not after one of a later life.
    pub fn takes_from(&mut self, from: usize, life: u32) -> bool {
        if self.heard.len() <= from {
            self.heard.resize(from + 1, 0);
        }
        let last = &mut self.heard[from];
        *last = life.max(*last);
        *last == life
    }

    /// A copy of its folder as it is now.
    #[must_use]
    pub fn folder_now(&self) -> Copied {
        let replicas = self.hosted.iter().map(|hosted| hosted.disk.copy());
        Copied {
            saved: self.control_disk.safe().clone(),
            replicas: replicas.collect(),
            files: self.folder.as_ref().map(Folder::copy),
        }
    }

    /// Whether its process does its work.
    #[must_use]
    pub fn runs(&self) -> bool {
        matches!(self.condition, Condition::Running)
    }

    /// Whether it has a process, be it stopped.
    #[must_use]
    pub fn is_up(&self) -> bool {
        !matches!(self.condition, Condition::Down)
    }

    /// Its replicas, while the process lives.
    pub fn replicas(&self) -> impl Iterator<Item = &Replica<A>> {
        self.hosted
            .iter()
            .filter_map(|hosted| hosted.replica.as_ref())
    }

    /// Its share of `partition`.
    #[must_use]
    pub fn hosted(&self, partition: PartitionId) -> &Hosted<A> {
        &self.hosted[usize::from(partition.0)]
    }

    /// Its coordinator, while the process lives.
    #[must_use]
    pub fn coordinator(&self) -> Option<&Coordinator> {
        self.control.as_ref().map(|control| &control.coordinator)
    }

    /// Whether it takes itself for the master.
    #[must_use]
    pub fn is_master(&self) -> bool {
        let standing = self.coordinator().map(Coordinator::standing);
        standing == Some(Standing::Master)
    }

    /// The process is gone, with all that was in memory. Returns who waited for an answer.
    pub fn lose_memory(&mut self) -> Vec<Attempt> {
        self.life += 1;
        self.condition = Condition::Down;
        self.control = None;
        self.heard.clear();
        self.saving = 0;
        for hosted in &mut self.hosted {
            hosted.lose_memory();
        }
        let data = std::mem::replace(&mut self.data, Data::new());
        data.waiting.into_values().map(|w| w.attempt).collect()
    }
}
