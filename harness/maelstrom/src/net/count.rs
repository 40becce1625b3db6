//! What the network carried, counted as Maelstrom counts it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Packet;
use crate::body;

/// Messages of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// How many were sent.
    pub send_count: u64,
    /// How many arrived; those that arrived twice count twice.
    pub recv_count: u64,
    /// How many different ones there were.
    pub msg_count: u64,
}

impl Counts {
    fn sent(&mut self) {
        self.send_count += 1;
        self.msg_count += 1;
    }

    /// Different messages for each of so many operations.
    pub fn msgs_per_op(&self, operations: u64) -> Option<f64> {
        (operations > 0).then(|| self.msg_count as f64 / operations as f64)
    }
}

/// All that the network carried.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NetCounts {
    /// All messages.
    pub all: Counts,
    /// Those that a client sent or got.
    pub clients: Counts,
    /// All others: between nodes, and between nodes and services.
    pub servers: Counts,
    /// The latter by the type of their bodies.
    pub servers_by_type: BTreeMap<String, u64>,
    /// Messages that were lost by chance.
    pub lost: u64,
    /// Messages that arrived twice.
    pub doubled: u64,
    /// Messages that a partition swallowed.
    pub cut: u64,
    /// Messages to nodes that were down.
    pub found_nobody: u64,
}

impl NetCounts {
    /// So many types are told apart; the rest counts as one.
    const TYPES_MAX: usize = 50;

    pub(super) fn sent(&mut self, packet: &Packet) {
        self.all.sent();
        if packet.src.is_client() || packet.dest.is_client() {
            self.clients.sent();
            return;
        }
        self.servers.sent();
        let kind = body::kind(&packet.body);
        if let Some(count) = self.servers_by_type.get_mut(kind) {
            *count += 1;
        } else {
            let known = self.servers_by_type.len() < Self::TYPES_MAX;
            let kind = if known { kind } else { "others" };
            *self.servers_by_type.entry(kind.to_owned()).or_default() += 1;
        }
    }

    pub(super) fn received(&mut self, packet: &Packet) {
        self.all.recv_count += 1;
        if packet.src.is_client() || packet.dest.is_client() {
            self.clients.recv_count += 1;
        } else {
            self.servers.recv_count += 1;
        }
    }
}
