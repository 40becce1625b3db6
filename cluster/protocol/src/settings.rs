//! What a cluster may be told. All nodes of a cluster use the same settings.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::outcomes::OutcomeLimits;
use crate::rule::Rules;
use crate::time::Time;

/// When an owner answers an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// When it was sent to all backups. A failover may lose the last acknowledged updates.
    Async,
    /// When all backups have confirmed that they hold it. No acknowledged update is ever lost.
    SemiSync,
}

/// When a node counts an update as held (rule R5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Durability {
    /// When it is on the node's disk.
    #[default]
    Sync,
    /// When it was handed to the disk. A node that may have lost some of it begins another life of
    /// its data when it starts, and counts as holding nothing until it has caught up. What is
    /// promised to other nodes is on the disk first even so.
    Delayed,
}

/// No mode or durability has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    what: &'static str,
    name: String,
    known: [&'static str; 2],
}

impl Mode {
    /// All of them.
    pub const ALL: [Mode; 2] = [Mode::Async, Mode::SemiSync];

    /// Its name in settings and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Async => "async",
            Mode::SemiSync => "semi-sync",
        }
    }
}

impl FromStr for Mode {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        named("mode", Mode::ALL, Mode::name, name)
    }
}

impl Durability {
    /// All of them.
    pub const ALL: [Durability; 2] = [Durability::Sync, Durability::Delayed];

    /// Its name in settings and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Durability::Sync => "sync",
            Durability::Delayed => "delayed",
        }
    }
}

impl FromStr for Durability {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        named("durability", Durability::ALL, Durability::name, name)
    }
}

fn named<T: Copy>(
    what: &'static str,
    all: [T; 2],
    name_of: fn(T) -> &'static str,
    name: &str,
) -> Result<T, UnknownName> {
    let found = all.into_iter().find(|one| name_of(*one) == name);
    found.ok_or_else(|| UnknownName {
        what,
        name: name.to_owned(),
        known: all.map(name_of),
    })
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnknownName { what, name, known } = self;
        write!(
            f,
            "there is no {what} {name:?}; there are {}",
            known.join(", ")
        )
    }
}

impl std::error::Error for UnknownName {}

/// How roles are levelled while nothing else is amiss (rule M9). It stands in the table, and may be changed
/// while the cluster serves; a setting says what a new cluster begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Levelling {
    /// Whether they are. If not, what was begun is finished, and what people wish is still done.
    pub on: bool,
    /// At most so many partitions are copied to other nodes at a time. Default 2.
    pub copies_at_once: usize,
    /// At most so many partitions are handed over to other owners at a time. Default 2.
    pub hand_overs_at_once: usize,
}

impl Default for Levelling {
    fn default() -> Self {
        Levelling {
            on: true,
            copies_at_once: 2,
            hand_overs_at_once: 2,
        }
    }
}

impl Levelling {
    /// Roles stay where they are.
    #[must_use]
    pub fn paused() -> Self {
        Levelling {
            on: false,
            ..Levelling::default()
        }
    }
}

/// Settings of the protocol. Times follow from the heartbeat (protocol rules, "Times").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// The period of the master's heartbeats, H. Default 5 s.
    pub heartbeat: Duration,
    /// When an owner answers an update.
    pub mode: Mode,
    /// When a node counts an update as held. Default: when it is on the node's disk.
    pub durability: Durability,
    /// How many nodes should hold each partition, the owner included. Default 3.
    pub replicas: usize,
    /// An owner refuses updates while fewer nodes than this are in sync, itself included. Default 1.
    pub min_in_sync: usize,
    /// A catch-up that lacks at most this many entries is made to count (rule R3).
    pub grow_gap_entries: u64,
    /// A shared-nothing replacement is named for a lost backup only after this long, so that a node
    /// that merely restarts can come back to its own data.
    pub replace_after: Duration,
    /// At most this many bytes of a log are kept in memory for those who will catch up; who is being
    /// caught up is given what it needs, unless the node as a whole [keeps too
    /// much](crate::replica::Event::Forget).
    pub log_retention_bytes: u64,
    /// At most this many bytes of a log are kept in memory while as many replicas are in sync as there
    /// should be, and nobody catches up; `log_retention_bytes` if that is less.
    pub log_spare_bytes: u64,
    /// An owner refuses updates while this many are in its log and not committed.
    pub uncommitted_limit_entries: u64,
    /// An owner refuses updates while this many bytes are in its log and not committed.
    pub uncommitted_limit_bytes: u64,
    /// At most this many bytes of statements in one message to another replica.
    pub append_limit_bytes: usize,
    /// At most this many bytes of statements sent to a replica and not yet acknowledged by it.
    pub window_bytes: usize,
    /// At most this many bytes of a data image in one message.
    pub image_chunk_bytes: usize,
    /// Whether a partition waits for every member of its last in-sync set when all that are left of it
    /// have started anew, and a restarted node hears others before it votes (rule R14). Default: no.
    pub distrust_disks: bool,
    /// How many outcomes are kept for retries (rule R11); a constant of the cluster.
    pub outcomes: OutcomeLimits,
    /// How a new cluster levels its roles (rule M9).
    pub levelling: Levelling,
    /// The safety rules; in a normal build none can be broken.
    pub rules: Rules,
}

impl Default for Settings {
    fn default() -> Self {
        Settings::with_heartbeat(Duration::from_secs(5))
    }
}

impl Settings {
    /// The longest lease (rule R10).
    pub const LEASE_MAX: Duration = Duration::from_millis(400);

    /// How much faster or slower one node's clock may run than another's, in percent (rule R10).
    pub const DRIFT_PERCENT: u32 = 1;

    /// The default settings around the heartbeat `heartbeat`.
    #[must_use]
    pub fn with_heartbeat(heartbeat: Duration) -> Self {
        Settings {
            heartbeat,
            mode: Mode::SemiSync,
            durability: Durability::Sync,
            replicas: 3,
            min_in_sync: 1,
            grow_gap_entries: 1_000,
            replace_after: heartbeat * 60,
            log_retention_bytes: 256 << 20,
            log_spare_bytes: 512 << 10,
            uncommitted_limit_entries: 100_000,
            uncommitted_limit_bytes: 64 << 20,
            append_limit_bytes: 1 << 20,
            window_bytes: 8 << 20,
            image_chunk_bytes: 256 << 10,
            distrust_disks: false,
            outcomes: OutcomeLimits::default(),
            levelling: Levelling::default(),
            rules: Rules::sound(),
        }
    }

    /// A master, or a follower, that was silent for this long counts as failed: 3 H.
    #[must_use]
    pub fn missed_after(&self) -> Duration {
        self.heartbeat * 3
    }

    /// A node that cannot be sure of a quorum for this long stops serving (rule R13): 3 H.
    #[must_use]
    pub fn service_limit(&self) -> Duration {
        self.heartbeat * 3
    }

    /// How long a replica stands by its owner after an acknowledgement (rule R10): L, 0.4 s, or 2 H if that
    /// is less. Whoever follows an owner that has failed waits so long.
    #[must_use]
    pub fn lease(&self) -> Duration {
        Self::LEASE_MAX.min(self.heartbeat * 2)
    }

    /// The time on the owner's clock until which it may rely on an acknowledgement of what it sent
    /// at `sent` (rule R10): sending time + L (1 - ρ) / (1 + ρ).
    #[must_use]
    pub fn lease_until(&self, sent: Time) -> Time {
        sent + self.lease() * (100 - Self::DRIFT_PERCENT) / (100 + Self::DRIFT_PERCENT)
    }

    /// How often an owner makes itself heard by its backups, which renews its lease, and repeats what got
    /// lost: L / 4.
    #[must_use]
    pub fn replication_interval(&self) -> Duration {
        self.lease() / 4
    }

    /// How long a backup holds a read back while it asks its owner (rule R16): L / 4. A question is
    /// answered within a round trip, or the owner is gone; who knows another node that might answer should
    /// not be kept waiting.
    #[must_use]
    pub fn backup_patience(&self) -> Duration {
        self.lease() / 4
    }

    /// An owner that is to hand its partition over, and hears nothing of that for so long, goes on itself
    /// (rule R15): 3 H, but not longer than 2 s.
    #[must_use]
    pub fn hand_over_limit(&self) -> Duration {
        self.missed_after().min(Duration::from_secs(2))
    }

    /// Roles are not levelled before no node has failed, returned or come for so long (rule M9): 2 H.
    #[must_use]
    pub fn level_after(&self) -> Duration {
        self.heartbeat * 2
    }

    /// A node that is about to stop says so to the master again after this long: H / 4, but not longer than
    /// 50 ms.
    #[must_use]
    pub fn goodbye_interval(&self) -> Duration {
        Duration::from_millis(50).min(self.heartbeat / 4)
    }

    /// A node that is about to stop waits no longer for the master's answer: 10 H, but not longer than 1 s.
    #[must_use]
    pub fn goodbye_patience(&self) -> Duration {
        Duration::from_secs(1).min(self.heartbeat * 10)
    }

    /// A node that is about to stop waits no longer than this until nothing is left to be done: 10 s.
    #[must_use]
    pub fn goodbye_limit(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// For so long a node that said that it would stop is expected back where it would be missed: 3 H, or
    /// 5 s if that is more.
    #[must_use]
    pub fn return_limit(&self) -> Duration {
        Duration::from_secs(5).max(self.missed_after())
    }

    /// What the times of an election are measured by: H, but not longer than 1 s. The longest wait before a new
    /// term is tried (the wait itself is drawn).
    #[must_use]
    pub fn election_pace(&self) -> Duration {
        self.heartbeat.min(Duration::from_secs(1))
    }
}
