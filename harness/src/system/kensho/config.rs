//! A node's configuration file.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

/// What `kensho-node --config` reads.
#[derive(Clone, Debug, Serialize)]
pub(super) struct NodeConfig {
    pub(super) name: String,
    pub(super) cluster: String,
    pub(super) data_dir: PathBuf,
    pub(super) client_listen: SocketAddr,
    /// Where clients are told to go: the proxy in front of the node.
    pub(super) client_advertise: SocketAddr,
    pub(super) peer_listen: SocketAddr,
    pub(super) partitions: u32,
    pub(super) replicas: usize,
    pub(super) mode: &'static str,
    pub(super) durability: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) flush_delay_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data_limit_bytes: Option<u64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) log_limits: Option<LogLimits>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) distrust_disks: bool,
    pub(super) heartbeat_ms: u64,
    pub(super) secret: String,
    pub(super) log: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) record_dir: Option<PathBuf>,
    /// Only builds with the feature `break-rules` know this key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) break_rules: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) members: Vec<MemberConfig>,
    /// Who to join, if the node does not found the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) join: Vec<MemberConfig>,
}

/// How much of the update log a node keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LogLimits {
    /// So many bytes of the log are kept in memory for nodes that catch up.
    pub log_retention_bytes: u64,
    /// Checkpoints are made when the log is longer than this.
    pub checkpoint_after_bytes: u64,
    /// The size of one file of the log; files are removed as a whole.
    pub log_segment_bytes: u64,
}

/// A member, at the address where this node reaches it: the proxy on the link between them.
#[derive(Clone, Debug, Serialize)]
pub(super) struct MemberConfig {
    pub(super) name: String,
    pub(super) peer: SocketAddr,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
