//! One node of a world: its clock, its process with the state machines, and its disk.

use std::collections::VecDeque;

use kensho_protocol::apply::Apply;
use kensho_protocol::ids::{Incarnation, PartitionId};
use kensho_protocol::record::Recovered;
use kensho_protocol::replica::{Output, Replica};
use kensho_protocol::settings::Durability;
use kensho_protocol::table::Stamp;
use kensho_protocol::time::Time;

use super::Happening;
use super::clock::Clock;
use super::disk::{ReplicaDisk, Written};
use crate::random::{Random, Stream};
use crate::register::Registers;

/// See the [module](self).
#[derive(Debug)]
pub struct Node {
    /// What its process goes by.
    pub clock: Clock,
    /// How often it has started; what belongs to an earlier life counts for nothing.
    pub life: u32,
    /// What it is doing.
    pub condition: Condition<Happening>,
    /// By partition.
    pub hosted: Vec<Hosted>,
    /// The newest committed table that it has seen.
    pub stamp: Stamp,
    /// It has lost touch with the quorum (rule R13).
    pub out_of_touch: bool,
    /// By node, as far as it was heard: the last of its lives.
    pub heard: Vec<u32>,
    /// A copy of its folder, of some time ago, by partition.
    pub copy: Option<Vec<Recovered>>,
    /// The folder itself, while a clone of it is used.
    pub original: Option<Vec<Recovered>>,
}

/// What is drawn at a start of a node (rule R14).
#[must_use]
pub fn nonce(node: usize, life: u32) -> u128 {
    let mut random = Random::nth(u64::from(life), Stream::Folders, node as u64);
    u128::from(random.draw()) << 64 | u128::from(random.draw())
}

/// There is no deadline.
const NEVER_DUE: (Time, u64) = (Time::MAX, u64::MAX);

/// What a node's process is doing. `H` is what can happen in its world, `D` what it decides on.
#[derive(Debug)]
pub enum Condition<H, D = Decided> {
    /// It does its work.
    Running,
    /// It was stopped; the clock runs on, and everything for it waits.
    Stopped(Stopped<H, D>),
    /// There is no process.
    Down,
}

/// What waits for a stopped process to go on.
#[derive(Debug)]
pub struct Stopped<H, D> {
    /// When it stopped.
    pub since_ns: u64,
    /// Outputs that were decided on and not carried out, in order.
    pub decided: Vec<D>,
    /// What has happened to it since.
    pub backlog: VecDeque<H>,
}

/// An output of a replica on its way out.
#[derive(Debug)]
pub struct Decided {
    /// Whose.
    pub partition: PartitionId,
    /// The epoch that the replica owned then.
    pub epoch: Option<kensho_protocol::ids::Epoch>,
    /// What is to be done.
    pub output: Output,
}

/// A partition on a node, with the data `A`.
#[derive(Debug)]
pub struct Hosted<A: Apply = Registers> {
    /// The replica, while the process lives.
    pub replica: Option<Replica<A>>,
    /// Its part of the disk.
    pub disk: ReplicaDisk,
    /// When the next wake-up is due; `u64::MAX`: none.
    pub wake_ns: u64,
    /// The replica's deadline as it was last looked at, and when the node's clock shows it.
    due: (Time, u64),
    /// A flush is due at the end of the current batch.
    pub batch: bool,
    /// What was decided in the current batch.
    pub decided: Vec<Decided>,
    /// A checkpoint is on its way to the disk.
    pub checkpointing: bool,
}

impl<H, D> Condition<H, D> {
    /// Stopped from now on, with nothing waiting yet.
    #[must_use]
    pub fn stopped(since_ns: u64) -> Self {
        Condition::Stopped(Stopped {
            since_ns,
            decided: Vec::new(),
            backlog: VecDeque::new(),
        })
    }
}

impl<A: Apply> Hosted<A> {
    /// A partition of which nothing is there, in the life `incarnation` of its data.
    #[must_use]
    pub fn empty(incarnation: Incarnation) -> Self {
        Hosted {
            replica: None,
            disk: ReplicaDisk::empty(incarnation),
            wake_ns: u64::MAX,
            due: NEVER_DUE,
            batch: false,
            decided: Vec::new(),
            checkpointing: false,
        }
    }

    /// The process is gone; only the disk is left.
    pub fn lose_memory(&mut self) {
        self.replica = None;
        self.wake_ns = u64::MAX;
        self.forget_due();
        self.batch = false;
        self.checkpointing = false;
        self.decided.clear();
    }

    /// When, in true time, the replica's deadline comes on its node's clock; `u64::MAX`: never.
    pub fn due_ns(&mut self, clock: &Clock) -> u64 {
        let deadline = self.replica.as_ref().and_then(Replica::deadline);
        let deadline = deadline.unwrap_or(Time::MAX);
        // To ask a clock takes divisions, and most steps change no deadline.
        if self.due.0 != deadline {
            self.due = (deadline, clock.when_it_shows(deadline).unwrap_or(u64::MAX));
        }
        self.due.1
    }

    /// What the replica decided just now waits for the end of the batch.
    pub fn put_off(&mut self, partition: PartitionId, outputs: &mut Vec<Output>) {
        let epoch = self.replica.as_ref().and_then(Replica::owned_epoch);
        let decided = outputs.drain(..).map(|output| Decided {
            partition,
            epoch,
            output,
        });
        self.decided.extend(decided);
    }

    /// Keeps an emptied list for what is decided next.
    pub fn reuse(&mut self, emptied: Vec<Decided>) {
        if self.decided.capacity() == 0 {
            self.decided = emptied;
        }
    }

    /// The node's clock shows another time than it would have.
    pub fn forget_due(&mut self) {
        self.due = NEVER_DUE;
    }

    /// The checkpoint that is due, if `every` or more entries were committed since the last one, and
    /// none is on its way; 0: never. From now on it counts as on its way.
    pub fn due_checkpoint(&mut self, every: u64) -> Option<Written> {
        let replica = self.replica.as_mut().filter(|_| every > 0)?;
        let due = replica.commit().0 >= self.disk.safe().base.lsn.0 + every;
        if !due || self.checkpointing {
            return None;
        }
        self.checkpointing = true;
        let (at, image) = replica.image();
        Some(Written::Checkpoint(at, image))
    }
}

impl Node {
    /// A node that has never been started.
    #[must_use]
    pub fn new(clock: Clock, partitions: usize, durability: Durability) -> Self {
        let hosted = || {
            let hosted = Hosted::empty(Incarnation(1));
            match durability {
                Durability::Sync => hosted,
                Durability::Delayed => Hosted {
                    disk: hosted.disk.delayed(),
                    ..hosted
                },
            }
        };
        Node {
            clock,
            life: 0,
            condition: Condition::Down,
            hosted: (0..partitions).map(|_| hosted()).collect(),
            stamp: Stamp::default(),
            out_of_touch: false,
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

    /// Its folder as it is now.
    #[must_use]
    pub fn folder(&self) -> Vec<Recovered> {
        self.hosted
            .iter()
            .map(|hosted| hosted.disk.copy())
            .collect()
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
    pub fn replicas(&self) -> impl Iterator<Item = &Replica<Registers>> {
        self.hosted
            .iter()
            .filter_map(|hosted| hosted.replica.as_ref())
    }

    /// Its share of `partition`.
    #[must_use]
    pub fn hosted(&self, partition: PartitionId) -> &Hosted {
        &self.hosted[usize::from(partition.0)]
    }
}
