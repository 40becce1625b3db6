//! What the network carried, for each operation of a client.

use serde::Serialize;

use crate::net::{Counts, NetCounts};

/// The figures of the network, named as Maelstrom names them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Network {
    /// Everything.
    pub all: Share,
    /// What a client sent or got.
    pub clients: Share,
    /// Everything else.
    pub servers: Share,
    /// The rest.
    #[serde(flatten)]
    pub counts: Fates,
}

/// Messages of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// How many.
    #[serde(flatten)]
    pub counts: Counts,
    /// For each operation of a client.
    #[serde(rename = "msgs-per-op", skip_serializing_if = "Option::is_none")]
    pub msgs_per_op: Option<f64>,
}

/// What became of messages between servers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fates {
    /// How many there were of each type.
    pub servers_by_type: std::collections::BTreeMap<String, u64>,
    /// Lost by chance.
    pub lost: u64,
    /// Arrived twice.
    pub doubled: u64,
    /// Swallowed by a partition.
    pub cut: u64,
    /// Found their node down.
    pub found_nobody: u64,
}

impl Network {
    /// The figures for so many operations.
    pub fn of(counts: &NetCounts, operations: u64) -> Network {
        let share = |counts: Counts, operations| Share {
            counts,
            msgs_per_op: counts.msgs_per_op(operations),
        };
        Network {
            all: share(counts.all, operations),
            clients: share(counts.clients, 0),
            servers: share(counts.servers, operations),
            counts: Fates {
                servers_by_type: counts.servers_by_type.clone(),
                lost: counts.lost,
                doubled: counts.doubled,
                cut: counts.cut,
                found_nobody: counts.found_nobody,
            },
        }
    }
}
