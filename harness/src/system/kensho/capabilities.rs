//! What can be done to our cluster, and what it tells of itself.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use kensho_means::mesh::Mesh;
use kensho_means::signal;
use kensho_nemesis::conduct::Conduct;
use kensho_nemesis::fault::Heal;
use kensho_nemesis::topology::Pair;

use super::process::NodeProcess;
use super::{KenshoSystem, each};
use crate::system::table::Table;
use crate::system::{Disks, Links, Processes, Roles};

impl Processes for KenshoSystem {
    fn kill(&self, node: &str) -> Result<()> {
        self.notice_exit(node);
        let process = self.running().remove(node);
        process
            .with_context(|| format!("{node} is not running"))?
            .kill()
    }

    fn pause(&self, node: &str) -> Result<()> {
        self.with_process(node, NodeProcess::pause)
    }

    fn resume(&self, node: &str) -> Result<()> {
        self.with_process(node, NodeProcess::resume)
    }

    fn stands_still(&self, node: &str) -> Result<bool> {
        let still = |process: &mut NodeProcess| Ok(signal::stands_still(process.number())?);
        self.with_process(node, still)
    }
}

impl Links for Mesh {
    fn disturb(&self, by: usize, pairs: &BTreeSet<Pair>, conduct: Conduct) -> usize {
        Mesh::disturb(self, by, pairs, conduct)
    }

    fn lift(&self, by: usize, heal: Heal) -> usize {
        Mesh::lift(self, by, heal)
    }

    fn conduct(&self, pair: &Pair) -> Option<Conduct> {
        Mesh::conduct(self, pair)
    }
}

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
        2 * self.settings.heartbeat_ms
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
