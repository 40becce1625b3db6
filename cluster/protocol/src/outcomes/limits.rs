//! How many outcomes are kept.

use serde::{Deserialize, Serialize};

/// How many outcomes each partition keeps for retries (rule R11). All replicas have to forget alike, so
/// these are constants of the cluster: they stand in its table's
/// [`Identity`](crate::table::Identity), and a node that has others is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OutcomeLimits {
    /// So many statements of a client. Default 32.
    pub per_client: u32,
    /// So many clients. Default 10,000.
    pub clients: u32,
    /// So many bytes of memory in all, of which one client gets no more than a sixteenth: an outcome
    /// that is larger is forgotten at once. Default 2 MiB.
    pub bytes: u32,
}

impl Default for OutcomeLimits {
    fn default() -> Self {
        OutcomeLimits {
            per_client: 32,
            clients: 10_000,
            bytes: 2 << 20,
        }
    }
}

impl std::fmt::Display for OutcomeLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let OutcomeLimits {
            per_client,
            clients,
            bytes,
        } = self;
        write!(
            f,
            "{per_client} per client, of {clients} clients, in {bytes} bytes"
        )
    }
}

impl OutcomeLimits {
    /// The part of the bytes that one client's outcomes may take.
    const CLIENTS_SHARE: u64 = 16;

    pub(super) fn per_client(&self) -> usize {
        self.per_client as usize
    }

    pub(super) fn clients(&self) -> usize {
        self.clients as usize
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.into()
    }

    pub(super) fn bytes_per_client(&self) -> u64 {
        self.bytes() / Self::CLIENTS_SHARE
    }
}
