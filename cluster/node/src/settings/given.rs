//! The settings as a person gives them: each may be left out.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::discovery::JoinBy;
use crate::access::Role;

pub(super) const CLUSTER: &str = "kensho";
pub(super) const PARTITIONS: u16 = 128;
pub(super) const REPLICAS: u8 = 3;
pub(super) const MIN_IN_SYNC: u8 = 1;
pub(super) const HEARTBEAT_MS: u64 = 5_000;
pub(super) const CLIENT_LISTEN: SocketAddr = loopback(10_001);
pub(super) const PEER_LISTEN: SocketAddr = loopback(10_010);
pub(super) const LOG: &str = "info";
pub(super) const DELAYED_FLUSH_INTERVAL_MS: u64 = 1_000;
pub(super) const STATEMENT_DEADLINE_MS: u64 = 10_000;
pub(super) const BODY_LIMIT_BYTES: usize = 16 << 20;
pub(super) const KEY_LIMIT_BYTES: usize = 1_024;
pub(super) const STATEMENT_LIMIT: usize = 10_000;
pub(super) const CLIENT_CONNECTION_LIMIT: usize = 5_000;
pub(super) const CLIENT_CONNECTION_LIMIT_BY_ADDRESS: usize = 2_000;
pub(super) const CLIENT_BUFFER_LIMIT_BYTES: usize = 256 << 20;
pub(super) const STRANGER_LIMIT: usize = 256;
pub(super) const STRANGER_LIMIT_BY_ADDRESS: usize = 64;
pub(super) const PEER_QUEUE_LIMIT_BYTES: usize = 64 << 20;
pub(super) const REQUEST_TIMEOUT_MS: u64 = 30_000;

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

/// When an owner answers an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// When it was sent to all backups.
    Async,
    /// When all backups have confirmed that they hold it.
    SemiSync,
}

/// When an update counts as held by a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// When it is on the node's disk.
    Sync,
    /// When it is in the node's memory; it goes to the disk soon after.
    Delayed,
}

/// What those may do who give no credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Anonymous {
    /// Nothing.
    Refused,
    /// Read rows, and how the cluster is.
    Read,
    /// Change rows and containers, too.
    Write,
    /// Everything.
    Admin,
}

impl Anonymous {
    pub(super) const fn role(self) -> Option<Role> {
        match self {
            Anonymous::Refused => None,
            Anonymous::Read => Some(Role::Read),
            Anonymous::Write => Some(Role::Write),
            Anonymous::Admin => Some(Role::Admin),
        }
    }
}

/// A node and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberSetting {
    /// Its name.
    pub name: String,
    /// Where this node reaches it (`host:port`).
    pub peer: String,
}

impl FromStr for MemberSetting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, peer)) if !name.is_empty() && peer.contains(':') => Ok(MemberSetting {
                name: name.to_owned(),
                peer: peer.to_owned(),
            }),
            _ => Err("write it as NAME=HOST:PORT".to_owned()),
        }
    }
}

/// A rule by its name.
#[cfg(feature = "break-rules")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RuleName(pub kensho_protocol::rule::Rule);

#[cfg(feature = "break-rules")]
impl FromStr for RuleName {
    type Err = kensho_protocol::rule::UnknownRule;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.parse().map(RuleName)
    }
}

#[cfg(feature = "break-rules")]
impl TryFrom<String> for RuleName {
    type Error = kensho_protocol::rule::UnknownRule;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

/// The settings, each as far as it was given. In the file they have the same names, with `_`.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    /// The node's name, unique in its cluster. No default.
    #[arg(long)]
    pub name: Option<String>,
    /// The cluster's name, the same on all nodes [default: kensho]
    #[arg(long)]
    pub cluster: Option<String>,
    /// The folder of the node's data; it is made if it is not there. No default.
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Where to listen for clients [default: 127.0.0.1:10001]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub client_listen: Option<SocketAddr>,
    /// Where clients reach this node [default: where it listens]
    #[arg(long, value_name = "HOST:PORT")]
    pub client_advertise: Option<String>,
    /// Where to listen for other nodes [default: 127.0.0.1:10010]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub peer_listen: Option<SocketAddr>,
    /// Where other nodes reach this node [default: where it listens]
    #[arg(long, value_name = "HOST:PORT")]
    pub peer_advertise: Option<String>,
    /// The nodes that the cluster begins with, this one included, and where this node reaches them;
    /// may be given many times. In the file: members = [{name = "n1", peer = "host:port"}, ...]
    /// [default: this node alone]
    #[arg(long = "member", value_name = "NAME=HOST:PORT")]
    pub members: Vec<MemberSetting>,
    /// Members of a running cluster that this node is to join, and where this node reaches them; may be
    /// given many times, instead of member. The node joins when it is started with an empty data folder. In
    /// the file: join = [{name = "n1", peer = "host:port"}, ...] [default: it joins nobody]
    #[arg(long = "join", value_name = "NAME=HOST:PORT")]
    pub join: Vec<MemberSetting>,
    /// How a node that is started with an empty data folder finds members of the cluster that it is to join:
    /// notice, by what the master tells notice_group; or a URL that begins with http://, which gives a JSON
    /// array like [{"name":"n1","peer":"host:port"}] [default: join says it]
    #[arg(long, value_name = "notice|URL")]
    pub join_by: Option<JoinBy>,
    /// The multicast group to which the master makes itself known, for clients and nodes that look for the
    /// cluster: as 239.0.0.1:31999. A notice is signed with a key that is made of secret
    /// [default: it does not]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub notice_group: Option<SocketAddrV4>,
    /// The address of the network interface that leads to notice_group [default: the system chooses]
    #[arg(long, value_name = "ADDRESS")]
    pub notice_interface: Option<Ipv4Addr>,
    /// How often the master makes itself known, in milliseconds [default: 5000]
    #[arg(long, value_name = "MS")]
    pub notice_interval_ms: Option<u64>,
    /// The number of partitions, the same on all nodes; a few times the expected number of nodes
    /// [default: 128]
    #[arg(long, value_name = "NUMBER")]
    pub partitions: Option<u16>,
    /// How many nodes hold each partition, its owner included; the same on all nodes [default: 3]
    #[arg(long, value_name = "NUMBER")]
    pub replicas: Option<u8>,
    /// When an update is answered. async: when it was sent to all backups, so that a failover may
    /// lose the last ones; semi-sync: when all of them hold it [default: semi-sync]
    #[arg(long)]
    pub mode: Option<Mode>,
    /// When a node holds an update. sync: when it is on its disk; delayed: when it is in its memory,
    /// and it goes to the disk at an interval. A node that crashes with the latter has to catch up
    /// before it counts again; if all nodes of a partition crash, acknowledged updates may be lost,
    /// which is logged and counted [default: sync]
    #[arg(long)]
    pub durability: Option<Durability>,
    /// With durability delayed: how long after an update its node's disk is flushed at the latest, in
    /// milliseconds [default: 1000]
    #[arg(long, value_name = "MS")]
    pub delayed_flush_interval_ms: Option<u64>,
    /// How much longer each flush of the update log takes than the disk needs, in milliseconds, for tests
    /// of what a slow disk does [default: 0]
    #[arg(long, value_name = "MS")]
    pub flush_delay_ms: Option<u64>,
    /// Updates are refused while fewer nodes than this are in sync, the owner included [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub min_in_sync: Option<u8>,
    /// How many bytes the files of the data folder may take together, those of others included; a node
    /// that has no room for more takes no updates, and hands its partitions over to nodes that have
    /// [default: as much as there is on the disk]
    #[arg(long, value_name = "BYTES")]
    pub data_limit_bytes: Option<u64>,
    /// Whether a partition waits for every node of its last in-sync set when all that are left of it were
    /// started anew, since their data folders may have been put back from older copies; and a node that
    /// was started anew for others before it votes. Otherwise such a partition goes on after three
    /// heartbeats, which is logged and counted [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub distrust_disks: Option<bool>,
    /// Whether a new cluster levels its roles: so that all nodes have a like share of owners and copies. Later
    /// kensho cluster levelling says so [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub levelling: Option<bool>,
    /// The period of heartbeats in milliseconds; the same on all nodes. A failed node is noticed
    /// after three of them [default: 5000]
    #[arg(long, value_name = "MS")]
    pub heartbeat_ms: Option<u64>,
    /// How long a node may be missing, in milliseconds, before another one is given its data
    /// [default: 60 heartbeats]
    #[arg(long, value_name = "MS")]
    pub replace_after_ms: Option<u64>,
    /// Of nodes that know equally much, the one with the highest number becomes master [default: 0]
    #[arg(long, value_name = "NUMBER")]
    pub priority: Option<u32>,
    /// What the nodes of the cluster know each other by, the same on all nodes. Other users of the machine
    /// see it among the arguments of the process: secret_file is better. Without one, peer_listen has to be
    /// an address of loopback [default: empty]
    #[arg(long)]
    pub secret: Option<String>,
    /// A file whose first line is the secret [default: none]
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// The file of users (see kensho-node user --help), a copy of the same on all nodes; requests then need
    /// credentials (HTTP Basic). When it changes it is read again. Without one, client_listen has to be an
    /// address of loopback, or anonymous has to be given [default: none]
    #[arg(long, value_name = "FILE")]
    pub users_file: Option<PathBuf>,
    /// What those may do who give no credentials: refused, read, write or admin [default: refused if there is
    /// a users_file, otherwise admin]
    #[arg(long)]
    pub anonymous: Option<Anonymous>,
    /// What is logged to standard error, as JSON lines: error, warn, info, debug or trace, also by
    /// module (tracing's filter syntax) [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// How long a statement may wait for its outcome, in milliseconds [default: 10000]
    #[arg(long, value_name = "MS")]
    pub statement_deadline_ms: Option<u64>,
    /// The largest body of a request, in bytes, at most 268435456; it may differ between nodes
    /// [default: 16777216]
    #[arg(long, value_name = "BYTES")]
    pub body_limit_bytes: Option<usize>,
    /// The longest row key and container name, in bytes [default: 1024]
    #[arg(long, value_name = "BYTES")]
    pub key_limit_bytes: Option<usize>,
    /// How many statements may wait at the same time; more are answered with 503 [default: 10000]
    #[arg(long, value_name = "NUMBER")]
    pub statement_limit: Option<usize>,
    /// How many connections of clients may be open; for one more, the one that has sent no whole request
    /// for longest is closed, and if there is none the new one is answered with 503 [default: 5000]
    #[arg(long, value_name = "NUMBER")]
    pub client_connection_limit: Option<usize>,
    /// The same, of those that come from one address (of IPv6: one network of 64 bits) [default: 2000]
    #[arg(long, value_name = "NUMBER")]
    pub client_connection_limit_by_address: Option<usize>,
    /// How many bytes the requests of all clients that have not arrived as a whole or are being answered,
    /// and the answers that are not taken, may hold in memory. Besides each connection may hold 64 KiB, and
    /// one request and one answer that are longer are never refused. When more comes, it waits until
    /// there is room, which is made by closing the slowest [default: 268435456]
    #[arg(long, value_name = "BYTES")]
    pub client_buffer_limit_bytes: Option<usize>,
    /// How many connections may be open at peer_listen that have not shown the secret yet; for one more
    /// the oldest is closed. Each has 5 s, and holds 512 KiB at most [default: 256]
    #[arg(long, value_name = "NUMBER")]
    pub stranger_limit: Option<usize>,
    /// The same, of those that come from one address [default: 64]
    #[arg(long, value_name = "NUMBER")]
    pub stranger_limit_by_address: Option<usize>,
    /// How much may wait to be sent to one other node, in bytes; what is more is dropped and sent
    /// again later [default: 67108864]
    #[arg(long, value_name = "BYTES")]
    pub peer_queue_limit_bytes: Option<usize>,
    /// How long a client may take to send a request, in milliseconds [default: 30000]
    #[arg(long, value_name = "MS")]
    pub request_timeout_ms: Option<u64>,
    /// How much of the update logs of all partitions together is kept in memory for nodes that catch
    /// up, in bytes; one that lacks more is sent all data [default: 268435456]
    #[arg(long, value_name = "BYTES")]
    pub log_retention_bytes: Option<u64>,
    /// Size of one file of the update log in bytes. The log is shortened by whole files, and two of them
    /// are there at any time [default: a sixteenth of checkpoint_after_bytes, 16777216 at most]
    #[arg(long, value_name = "BYTES")]
    pub log_segment_bytes: Option<u64>,
    /// Checkpoints are made when the update log is longer than this, in bytes; it stays within twice as
    /// much, and updates wait for that if they must. For each so many bytes of log every partition that writes is written to disk as a whole
    /// [default: 268435456]
    #[arg(long, value_name = "BYTES")]
    pub checkpoint_after_bytes: Option<u64>,
    /// A folder to record the inputs of the node's state machines in, for kensho replay; it is made if
    /// it is not there, and each start adds two files to it. Every statement goes there too, so that it
    /// grows like the traffic and is never cut [default: nothing is recorded]
    #[arg(long, value_name = "FOLDER")]
    pub record_dir: Option<PathBuf>,
    /// Safety rules to break, by name; may be given many times. Only in this kind of build.
    #[cfg(feature = "break-rules")]
    #[arg(long, value_name = "RULE")]
    pub break_rules: Vec<RuleName>,
}
