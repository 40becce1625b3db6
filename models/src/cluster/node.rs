//! One node of a cluster: its clock, its process with both planes, and its disk.

use std::collections::BTreeSet;

use kensho_kernel::View;
use kensho_kernel::control::ControlPlane;
use kensho_kernel::data::{DataPlane, Output};
use kensho_protocol::apply::Apply;
use kensho_protocol::coordinator::{Coordinator, Saved, Standing};
use kensho_protocol::ids::{Incarnation, PartitionId};
use kensho_protocol::record::Recovered;
use kensho_protocol::replica::Replica;
use kensho_protocol::request::RequestId;
use kensho_storage::disk::SimulatedDisk;

use super::Happening;
use super::clients::Attempt;
use super::folder::Folder;
use super::log::Log;
use crate::world::clock::Clock;
use crate::world::disk::{CoordinatorDisk, ReplicaDisk};
use crate::world::node::Condition;

/// See the [module](self).
#[derive(Debug)]
pub struct Node<A: Apply> {
    /// What its process goes by.
    pub clock: Clock,
    /// How often it has started; what belongs to an earlier life counts for nothing.
    pub life: u32,
    /// What its process is doing.
    pub condition: Condition<Happening, Output>,
    /// Whether it asks to be a member whenever it starts.
    pub joins: bool,
    /// The control plane, while the process lives.
    pub control: Option<Control>,
    /// What the control plane has written.
    pub control_disk: CoordinatorDisk,
    /// How many of its writes are not safe yet.
    pub saving: usize,
    /// What the replicas have written, by partition.
    pub disks: Vec<ReplicaDisk>,
    /// The data plane.
    pub data: Data<A>,
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

/// The control plane: its machine, and what it shows to the data plane.
#[derive(Debug)]
pub struct Control {
    /// The machine.
    pub plane: ControlPlane,
    /// What the data plane may see.
    pub view: View,
    /// The data plane is about to look.
    pub view_shown: bool,
    /// Nodes that have answered since the start (rule M5).
    pub met: BTreeSet<usize>,
    /// When the next wake-up is due; `u64::MAX`: none.
    pub wake_ns: u64,
}

/// The data plane: its machine, and what it acts through.
#[derive(Debug)]
pub struct Data<A: Apply> {
    /// The machine, while the process lives.
    pub plane: Option<DataPlane<A, Waiting>>,
    /// The end of the current batch is due.
    pub batch: bool,
    /// When the next wake-up is due; `u64::MAX`: none.
    pub wake_ns: u64,
    /// How long its log is.
    pub log: Log,
}

/// A client that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Who waits.
    pub attempt: Attempt,
    /// Of which partition.
    pub partition: PartitionId,
    /// The number of what it wants, if it is an update that has one.
    pub request: Option<RequestId>,
}

impl<A: Apply> Data<A> {
    fn new() -> Self {
        Data {
            plane: None,
            batch: false,
            wake_ns: u64::MAX,
            log: Log::default(),
        }
    }
}

impl<A: Apply> Node<A> {
    /// A node that has never been started.
    #[must_use]
    pub fn new(clock: Clock, partitions: usize) -> Self {
        let disk = || ReplicaDisk::empty(Incarnation(0));
        Node {
            clock,
            life: 0,
            condition: Condition::Down,
            joins: false,
            control: None,
            control_disk: CoordinatorDisk::default(),
            saving: 0,
            disks: (0..partitions).map(|_| disk()).collect(),
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
        let replicas = self.disks.iter().map(ReplicaDisk::copy);
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

    /// Its replica of `partition`, while the process lives.
    #[must_use]
    pub fn replica(&self, partition: PartitionId) -> Option<&Replica<A>> {
        let plane = self.data.plane.as_ref()?;
        Some(plane.replica(partition))
    }

    /// What its replica of `partition` has written.
    #[must_use]
    pub fn disk(&self, partition: PartitionId) -> &ReplicaDisk {
        &self.disks[usize::from(partition.0)]
    }

    /// The partitions that keep the log too long, those first that hold its oldest part: all of them if it
    /// is longer than `log_bytes`, else those of which `every` or more entries were committed since the
    /// last checkpoint; 0: never.
    #[must_use]
    pub fn due_checkpoints(&self, every: u64, log_bytes: u64) -> Vec<PartitionId> {
        if every == 0 {
            return Vec::new();
        }
        let all = self.data.log.is_longer_than(log_bytes);
        let is_due = |partition: &PartitionId| {
            let commit = self.replica(*partition).map_or(0, |r| r.commit().0);
            all || commit >= self.disk(*partition).safe().base.lsn.0 + every
        };
        let mut due = self.data.log.oldest_first();
        due.retain(is_due);
        due
    }

    /// Its coordinator, while the process lives.
    #[must_use]
    pub fn coordinator(&self) -> Option<&Coordinator> {
        self.control
            .as_ref()
            .map(|control| control.plane.coordinator())
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
        let data = std::mem::replace(&mut self.data, Data::new());
        let waiting = data.plane.iter().flat_map(DataPlane::waiting);
        waiting.map(|waiting| waiting.attempt).collect()
    }
}
