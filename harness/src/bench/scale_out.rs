//! What clients notice of nodes that join: a cluster under constant load, first left alone as a control, and then
//! joined by one node after the other, each until all nodes have like shares of owners and copies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kensho_results::bench::scale_out::{Join, ScaleOut, Share};
use kensho_results::run::Host;
use tokio::time::Instant;

use super::contestant::{Replication, settings, start_cluster, stop_cluster};
use super::foreground::{Ended, Foreground, INTERVAL_MS, in_rows, milliseconds, phase};
use crate::system::kensho::{Durability, KenshoSystem};
use crate::system::table::Table;
use crate::system::{Roles, System};

/// How a cluster is scaled out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// How many nodes there are at first.
    pub nodes: usize,
    /// How many join.
    pub joins: usize,
    /// Their heartbeat.
    pub heartbeat: Duration,
    /// How they replicate.
    pub replication: Replication,
    /// Puts begun per second.
    pub rate: f64,
    /// Rows that are there before, and are put again and again.
    pub records: u64,
    /// Bytes of a row's value.
    pub value_bytes: usize,
    /// Load before the first node joins.
    pub control: Duration,
}

/// Shares that are not alike by then never are.
const LEVEL_LIMIT: Duration = Duration::from_secs(600);
/// How exactly the end is seen.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// What a second is measured in.
const SECOND_MS: u64 = 1_000;

/// Nodes have like shares if their counts differ by no more.
const LEVEL: usize = 1;

/// Lets nodes join; `tell` is told of each.
///
/// # Errors
/// If the cluster cannot be started, or shares do not become alike.
pub async fn scale_out(
    plan: Plan,
    program: &Path,
    folder: PathBuf,
    command: String,
    tell: impl Fn(usize, Duration),
) -> Result<ScaleOut> {
    let nodes = plan.nodes + plan.joins;
    let mut settings = settings(nodes, plan.replication, Durability::Sync, program, folder)?;
    settings.joiners = plan.joins;
    settings.heartbeat_ms = milliseconds(plan.heartbeat);
    let replicas = settings.replicas;
    let system = KenshoSystem::new(settings).await?;
    let store = start_cluster(&system).await?;
    store.fill_with(plan.records, plan.value_bytes).await?;
    let foreground = Foreground {
        rows: store.rows(plan.value_bytes),
        records: plan.records,
        rate: plan.rate,
    };
    let script = async {
        let begin = Instant::now();
        tokio::time::sleep(plan.control).await;
        let mut joined = Vec::new();
        for (number, node) in system.nodes().iter().enumerate().skip(plan.nodes) {
            let started_ms = milliseconds(begin.elapsed());
            system.start(node).await?;
            let shares = level(&system, number + 1, replicas).await?;
            let level_ms = milliseconds(begin.elapsed());
            tell(number + 1, Duration::from_millis(level_ms - started_ms));
            joined.push((number + 1, started_ms, level_ms, shares));
        }
        Ok((joined, milliseconds(begin.elapsed())))
    };
    let ((joined, end_ms), puts) = foreground.during(script).await?;
    stop_cluster(&system).await;
    let control_ms = milliseconds(plan.control);
    // Where a put ends decides to which it belongs; what was still open at the end counts as well.
    let last_ms = puts.iter().map(|put| milliseconds(put.at)).max();
    let end_ms = end_ms.max(last_ms.unwrap_or(0)) + INTERVAL_MS;
    let joins = joined
        .into_iter()
        .map(|(nodes, started_ms, level_ms, shares)| Join {
            nodes,
            started_ms,
            level_ms,
            meanwhile: phase(&puts, started_ms, level_ms + 1),
            least_per_second: least_per_second(&puts, started_ms, level_ms),
            owned: shares.0,
            held: shares.1,
        });
    Ok(ScaleOut {
        command,
        host: Host::this(),
        text: format!(
            "{} nodes and {} that join, {}, durability sync, heartbeat {} ms, {} rows with values of {} bytes",
            plan.nodes,
            plan.joins,
            plan.replication.name(),
            milliseconds(plan.heartbeat),
            plan.records,
            plan.value_bytes
        ),
        heartbeat_ms: milliseconds(plan.heartbeat),
        rate: plan.rate,
        data_bytes: plan.records * plan.value_bytes as u64,
        interval_ms: INTERVAL_MS,
        joins: joins.collect(),
        control: phase(&puts, 0, control_ms),
        control_least_per_second: least_per_second(&puts, 0, control_ms),
        rows: in_rows(&puts, end_ms),
    })
}

/// Waits until all nodes have like shares, and no copy is under way; what they own and hold then.
async fn level(system: &KenshoSystem, nodes: usize, replicas: usize) -> Result<(Share, Share)> {
    let begin = Instant::now();
    let names = &system.nodes()[..nodes];
    loop {
        let table = system
            .table()
            .await
            .context("no node tells a partition table")?;
        let (owned, held) = shares(&table, names);
        let settled = table
            .partitions
            .iter()
            .all(|partition| partition.in_sync.len() == replicas && partition.catch_up.is_empty());
        if settled && owned.spread() <= LEVEL && held.spread() <= LEVEL {
            return Ok((owned, held));
        }
        if begin.elapsed() > LEVEL_LIMIT {
            bail!(
                "shares are not alike after {} s: owned {owned:?}, held {held:?}",
                LEVEL_LIMIT.as_secs()
            );
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn shares(table: &Table, names: &[String]) -> (Share, Share) {
    let none = names.iter().map(|name| (name.as_str(), 0));
    let mut owned: BTreeMap<&str, usize> = none.collect();
    let mut held = owned.clone();
    for partition in &table.partitions {
        if let Some(owner) = &partition.owner {
            *owned.entry(owner).or_default() += 1;
        }
        for name in &partition.in_sync {
            *held.entry(name).or_default() += 1;
        }
    }
    let share = |counts: BTreeMap<&str, usize>| Share {
        least: counts.values().copied().min().unwrap_or(0),
        most: counts.values().copied().max().unwrap_or(0),
    };
    (share(owned), share(held))
}

/// Puts answered in the slowest whole second of this time; 0 if it has none.
fn least_per_second(puts: &[Ended], from_ms: u64, to_ms: u64) -> u64 {
    let seconds = to_ms.saturating_sub(from_ms) / SECOND_MS;
    let mut counts = vec![0; usize::try_from(seconds).unwrap_or(0)];
    for put in puts.iter().filter(|put| put.latency.is_some()) {
        let second = milliseconds(put.at)
            .checked_sub(from_ms)
            .map(|ms| ms / SECOND_MS);
        let second = second.and_then(|second| usize::try_from(second).ok());
        if let Some(count) = second.and_then(|second| counts.get_mut(second)) {
            *count += 1;
        }
    }
    counts.into_iter().min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::table::Partition;

    #[test]
    fn the_slowest_whole_second_counts() {
        let put = |at_ms| Ended {
            at: Duration::from_millis(at_ms),
            record: 0,
            latency: Some(Duration::ZERO),
        };
        let puts = [100, 200, 1_100, 1_200, 1_300, 2_100].map(put);
        assert_eq!(least_per_second(&puts, 0, 2_500), 2);
        assert_eq!(least_per_second(&puts, 0, 3_000), 1);
        assert_eq!(least_per_second(&puts, 2_000, 2_500), 0);
    }

    #[test]
    fn shares_are_those_of_the_members_also_of_those_that_have_nothing() {
        let partition = |id, owner: &str, backup: &str| Partition {
            id,
            epoch: 1,
            owner: Some(owner.to_string()),
            in_sync: vec![owner.to_string(), backup.to_string()],
            catch_up: Vec::new(),
        };
        let table = Table {
            partitions: vec![partition(0, "a", "b"), partition(1, "a", "b")],
            ..Table::default()
        };
        let names = ["a", "b", "c"].map(str::to_string);
        let (owned, held) = shares(&table, &names);
        assert_eq!((owned.least, owned.most), (0, 2));
        assert_eq!((held.least, held.spread()), (0, 2));
    }
}
