//! What it takes to bring a node in sync again that was away for so long that the log no longer
//! reaches back to what it has: data images are sent to it (long-term sync), while puts go on.
//!
//! A node lacks that much after hours, since nodes keep a long log. Here they keep a short one, so
//! that it takes seconds; what is then sent is the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::join_all;
use kensho_results::bench::absence::Absence;
use kensho_results::bench::catch_up::{CatchUp, Phases};
use serde::Deserialize;
use tokio::time::Instant;

use super::absence::{Script, absence};
use super::contestant::{Replication, settings, start_cluster, stop_cluster};
use super::foreground::{Ended, Foreground, phase};
use crate::system::kensho::{Durability, KenshoSystem, LogLimits, ReplicaLog};
use crate::system::{Roles, System};

/// How a catch-up is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Megabytes of rows that each node holds.
    pub megabytes: u64,
    /// Puts begun per second.
    pub rate: f64,
    /// Bytes of a row's value.
    pub value_bytes: usize,
    /// Load before the kill, and after the cluster is whole again.
    pub around: Duration,
}

/// Each partition is on all of them, so that the one that comes back has no substitute.
const NODES: usize = 3;
const HEARTBEAT_MS: u64 = 100;
/// Nodes keep so little of the log in memory.
const RETAINED_BYTES: u64 = 1 << 20;
/// Checkpoints are made when the log is longer than this part of the rows, and the log then begins later.
const LOG_SHARE: u64 = 4;
/// The log of a busy cluster reaches less far back after this time, or never.
const AWAY_LIMIT: Duration = Duration::from_secs(120);
/// How exactly that is seen.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Rows that are put by one request before the measurement, and requests at the same time.
const BATCH_ROWS: u64 = 100;
const BATCH_BYTES: u64 = 1 << 20;
const BATCHES_AT_ONCE: usize = 16;
/// What a node logs when it begins to send an image.
const IMAGE_SENT: &str = "long-term sync: a data image is sent";

/// Fills a cluster, kills a node until it needs data images, and starts it again.
///
/// # Errors
/// If the cluster cannot be started or filled, if the node does not catch up, or if it needs no
/// image.
pub async fn catch_up(plan: Plan, program: &Path, folder: PathBuf) -> Result<CatchUp> {
    let bytes = plan.megabytes * 1_000_000;
    let mut settings = settings(
        NODES,
        Replication::SemiSync2,
        Durability::Sync,
        program,
        folder,
    )?;
    settings.heartbeat_ms = HEARTBEAT_MS;
    settings.log_limits = Some(LogLimits {
        log_retention_bytes: RETAINED_BYTES,
        checkpoint_after_bytes: bytes / LOG_SHARE,
        log_segment_bytes: bytes / LOG_SHARE / 4,
    });
    let system = KenshoSystem::new(settings).await?;
    let store = start_cluster(&system).await?;
    let foreground = Foreground {
        rows: store.rows(plan.value_bytes),
        records: (bytes / plan.value_bytes as u64).max(1),
        rate: plan.rate,
    };
    fill(&foreground).await?;
    let table = system.table().await;
    let master = table.and_then(|table| table.master);
    let master = master.context("no node tells who the master is")?;
    let others = system.nodes().iter();
    let node = others
        .rev()
        .find(|node| **node != master)
        .context("there is nobody to kill")?;
    let script = Script {
        around: plan.around,
        away: until_the_log_is_too_short(&system),
    };
    let (absence, puts) = absence(&system, node, &foreground, script).await?;
    stop_cluster(&system).await;
    let logs = system
        .nodes()
        .iter()
        .map(|node| std::fs::read_to_string(system.log(node)));
    let logs = logs
        .collect::<Result<Vec<_>, _>>()
        .context("cannot read what nodes logged")?;
    let images: Vec<u64> = logs.iter().flat_map(|log| images_to(node, log)).collect();
    ensure!(
        !images.is_empty(),
        "{node} caught up by the log alone, so that nothing was measured of data images"
    );
    Ok(CatchUp {
        text: format!(
            "{NODES} nodes that all hold every partition, semi-sync, durability sync, {} MB of rows of {} bytes",
            plan.megabytes, plan.value_bytes
        ),
        images: images.len() as u64,
        image_bytes: images.iter().sum(),
        phases: phases(&absence, &puts),
        absence,
    })
}

fn phases(absence: &Absence, puts: &[Ended]) -> Phases {
    let (killed, started, whole) = (absence.killed_ms, absence.started_ms, absence.whole_ms);
    let end = absence.rows.len() as u64 * absence.interval_ms;
    Phases {
        before: phase(puts, 0, killed),
        away: phase(puts, killed, started),
        catching_up: phase(puts, started, whole),
        after: phase(puts, whole, end),
    }
}

/// Puts every row once.
async fn fill(foreground: &Foreground) -> Result<()> {
    let Foreground { rows, records, .. } = foreground;
    let value_bytes = rows.value.len().max(1) as u64;
    let count = (BATCH_BYTES / value_bytes).clamp(1, BATCH_ROWS);
    let batches: Vec<u64> = rows.first_of_batches(*records, count).collect();
    for some in batches.chunks(BATCHES_AT_ONCE) {
        let put = join_all(some.iter().map(|first| rows.put_batch(*first, count))).await;
        if let Some(Err(text)) = put.into_iter().find(Result::is_err) {
            bail!("cannot fill the cluster: {text}");
        }
    }
    Ok(())
}

/// Waits until no node's log reaches back to what any node has now.
async fn until_the_log_is_too_short(system: &KenshoSystem) -> Result<()> {
    let begin = Instant::now();
    let mut ends: BTreeMap<u32, u64> = BTreeMap::new();
    for log in system.logs().await {
        let end = ends.entry(log.partition).or_default();
        *end = log.last.max(*end);
    }
    loop {
        let logs = system.logs().await;
        let too_short =
            |log: &ReplicaLog| ends.get(&log.partition).is_some_and(|end| log.base > *end);
        if !logs.is_empty() && logs.iter().all(too_short) {
            return Ok(());
        }
        ensure!(
            begin.elapsed() < AWAY_LIMIT,
            "after {} s the logs still reach back to what the killed node has; try a higher --rate",
            AWAY_LIMIT.as_secs()
        );
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The sizes of the data images that a node's log says were sent to `node`.
fn images_to(node: &str, log: &str) -> Vec<u64> {
    #[derive(Deserialize)]
    struct Line {
        message: String,
        node: String,
        bytes: u64,
    }
    let lines = log.lines().filter(|line| line.contains(IMAGE_SENT));
    let read = lines.filter_map(|line| serde_json::from_str::<Line>(line).ok());
    read.filter(|line| line.message == IMAGE_SENT && line.node == node)
        .map(|line| line.bytes)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_read_from_what_nodes_log() {
        let log = r#"{"level":"INFO","message":"long-term sync: a data image is sent","partition":3,"node":"n2","lsn":7,"bytes":1500}
{"level":"INFO","message":"long-term sync: a data image is sent","partition":4,"node":"n1","lsn":7,"bytes":99}
{"level":"INFO","message":"long-term sync: a data image replaced the data","partition":3,"lsn":7}
{"level":"INFO","message":"long-term sync: a data image is sent","partition":5,"node":"n2","lsn":9,"bytes":500}
cut of"#;
        assert_eq!(images_to("n2", log), [1500, 500]);
    }
}
