//! What can be done to our cluster, and what it tells of itself.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::BoxFuture;

use super::{KenshoSystem, each};
use crate::system::table::Table;
use crate::system::{Disks, Roles};

impl Disks for KenshoSystem {
    /// A file that counts for the node's limit as long as it says to be, and takes no room.
    fn fill(&self, node: &str) -> Result<()> {
        let limit = self.settings.data_limit_bytes;
        let limit = limit.context("a data folder without a limit cannot be filled")?;
        let path = self.ballast(node);
        let cannot = || format!("cannot fill the disk of {node} by {}", path.display());
        let file = fs::File::create(&path).with_context(cannot)?;
        file.set_len(limit).with_context(cannot)
    }

    fn make_room(&self, node: &str) -> Result<()> {
        let path = self.ballast(node);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", path.display()))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn is_full(&self, node: &str) -> bool {
        let limit = self.settings.data_limit_bytes;
        let ballast = fs::metadata(self.ballast(node));
        ballast.is_ok_and(|ballast| limit.is_some_and(|limit| ballast.len() >= limit))
    }
}

impl Roles for KenshoSystem {
    fn partitions(&self) -> u32 {
        self.settings.partitions
    }

    fn partition(&self, container: &str) -> u32 {
        crc32fast::hash(container.to_lowercase().as_bytes()) % self.settings.partitions
    }

    fn lease_ms(&self) -> u64 {
        let heartbeat = Duration::from_millis(self.settings.heartbeat_ms);
        let lease = kensho_protocol::settings::Settings::with_heartbeat(heartbeat).lease();
        u64::try_from(lease.as_millis()).unwrap_or(u64::MAX)
    }

    fn table(&self) -> BoxFuture<'_, Option<Table>> {
        Box::pin(async move {
            let tables = each(&self.names, |node| async move {
                let text = self.probe(node, "/cluster/table").await.ok()?;
                serde_json::from_slice::<Table>(&text).ok()
            });
            // A table that names a master is more than the same one without.
            let newest = |table: &Table| (table.stamp, table.master.is_some());
            tables.await.into_iter().flatten().max_by_key(newest)
        })
    }
}
