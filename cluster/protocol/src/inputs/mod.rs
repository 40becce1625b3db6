//! The inputs of a node's state machines, written down so that the same code can be fed with them
//! again: what was handed in, when, and a digest of what came of it. A driver that records hands
//! everything to a [`Transcript`] and writes the chunks that it gives to a file; who replays takes
//! the chunks apart again ([`ChunkHead`], [`read_items`]).
//!
//! This is no log that anything is recovered from: it may end at any place.
//!
//! A file begins with [`MAGIC`] and [`VERSION`] (u32, little-endian); then come chunks. The first
//! one holds a [`Head`], all others hold [`Item`]s, in postcard's encoding. A driver writes a chunk
//! before anything that followed from its items leaves the node, so that a record that ends early
//! lacks nothing that another node may have seen.

mod chunk;
mod given;
mod transcript;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::coordinator::{self, Birth, Saved};
use crate::ids::{Life, PartitionId, Token};
use crate::record::Recovered;
use crate::replica;
use crate::settings::Settings;
use crate::table::{Identity, Member};
use crate::time::Time;

pub use chunk::{CHUNK_HEAD_BYTES, ChunkHead, NotAChunk, read_head, read_items};
pub use given::{Given, Kind, coordinator_gave, image_gave, replica_gave, replica_state};
pub use transcript::Transcript;

/// The first bytes of a file of inputs.
pub const MAGIC: [u8; 8] = *b"KenshoIn";
/// The form of the file. One of another form is refused.
pub const VERSION: u32 = 8;
/// What the names of files of inputs end with.
pub const EXTENSION: &str = "inputs";

/// Which of a node's state machines a file is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Plane {
    /// The coordinator.
    Control,
    /// The replicas.
    Data,
}

impl Plane {
    /// Its name, as in file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Plane::Control => "control",
            Plane::Data => "data",
        }
    }
}

/// Whose inputs they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Of which state machines.
    pub plane: Plane,
    /// Of which node.
    pub node: Member,
    /// Counts the node's lives between restarts, from 1.
    pub life: u32,
    /// Names the machine's run since it was booted: the clocks of nodes can be compared if it is
    /// the same, and only then.
    pub boot: String,
    /// When the node began to record, on its clock.
    pub began: Time,
    /// The same in milliseconds since 1970, to be believed as far as machines' clocks agree.
    pub began_utc_ms: u64,
    /// The node's program, as people know it.
    pub program: String,
    /// What is the same on all nodes of the cluster.
    pub identity: Identity,
    /// The settings of the protocol.
    pub settings: Settings,
}

/// One thing that was done with a state machine. The order of the variants is part of the format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    /// [`Coordinator::new`](coordinator::Coordinator::new) was called.
    Coordinator {
        /// When.
        now: Time,
        /// Its priority.
        priority: u32,
        /// What it was told of its cluster.
        birth: Birth,
        /// What was on its disk.
        saved: Saved,
        /// Which start of the node it is.
        life: Life,
        /// What it draws from.
        seed: u64,
    },
    /// [`Coordinator::handle`](coordinator::Coordinator::handle) was called.
    CoordinatorEvent {
        /// When.
        now: Time,
        /// With what.
        event: coordinator::Event,
        /// What it gave.
        gave: Vec<Given>,
    },
    /// [`Replica::recover`](replica::Replica::recover) was called.
    Replica {
        /// Of which partition.
        partition: PartitionId,
        /// When.
        now: Time,
        /// What was on its disk.
        recovered: Recovered,
    },
    /// [`Replica::handle`](replica::Replica::handle) was called.
    ReplicaEvent {
        /// Of which partition.
        partition: PartitionId,
        /// When.
        now: Time,
        /// With what.
        event: replica::Event,
        /// What it gave.
        gave: Vec<Given>,
    },
    /// [`Replica::flush`](replica::Replica::flush) was called.
    Flush {
        /// Of which partition.
        partition: PartitionId,
        /// When.
        now: Time,
        /// What it gave, and the state after it.
        gave: Vec<Given>,
    },
    /// [`Replica::image`](replica::Replica::image) was called.
    Image {
        /// Of which partition.
        partition: PartitionId,
        /// What it gave.
        gave: Vec<Given>,
    },
    /// The driver looked at the clock before it let a reply go that relies on a lease (rule R10).
    Leaves {
        /// Of which partition.
        partition: PartitionId,
        /// When it looked.
        now: Time,
        /// Whom the reply is for.
        token: Token,
        /// Whether it left.
        left: bool,
    },
}

impl Item {
    /// When it happened; an image is made at no particular time.
    #[must_use]
    pub const fn now(&self) -> Option<Time> {
        match self {
            Item::Coordinator { now, .. }
            | Item::CoordinatorEvent { now, .. }
            | Item::Replica { now, .. }
            | Item::ReplicaEvent { now, .. }
            | Item::Flush { now, .. }
            | Item::Leaves { now, .. } => Some(*now),
            Item::Image { .. } => None,
        }
    }

    /// What it gave at the time; nothing is kept of what is not checked.
    #[must_use]
    pub fn gave(&self) -> &[Given] {
        match self {
            Item::CoordinatorEvent { gave, .. }
            | Item::ReplicaEvent { gave, .. }
            | Item::Flush { gave, .. }
            | Item::Image { gave, .. } => gave,
            Item::Coordinator { .. } | Item::Replica { .. } | Item::Leaves { .. } => &[],
        }
    }
}

/// The bytes of an image, as they are handed out with their place.
pub type Image = (crate::ids::Position, Bytes);
