//! What clients notice while a node is killed, away, started again and catching up: throughput and
//! latency over time, at a constant rate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use kensho_results::bench::outage::Outage;

use super::absence::{Script, absence};
use super::contestant::{Replication, settings, start_cluster, stop_cluster};
use super::foreground::{Foreground, milliseconds};
use crate::system::Roles;
use crate::system::kensho::{Durability, KenshoSystem};
use crate::system::table::Table;

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Victim {
    /// An owner that is not the master
    Owner,
    /// The master
    Master,
}

impl Victim {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Victim::Owner => "owner",
            Victim::Master => "master",
        }
    }

    fn choose(self, table: &Table) -> Option<String> {
        let master = table.master.clone()?;
        match self {
            Victim::Master => Some(master),
            Victim::Owner => {
                let owners = table
                    .partitions
                    .iter()
                    .filter_map(|partition| partition.owner.clone());
                owners.into_iter().find(|owner| *owner != master)
            }
        }
    }
}

/// How an outage is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Who is killed.
    pub victim: Victim,
    /// Puts begun per second.
    pub rate: f64,
    /// Bytes of a row's value.
    pub value_bytes: usize,
    /// Load before the kill, and after the cluster is whole again.
    pub around: Duration,
    /// How long the node stays dead.
    pub away: Duration,
}

const NODES: usize = 3;
const HEARTBEAT_MS: u64 = 100;
/// Puts go over the same rows again and again.
const RECORDS: u64 = 20_000;

/// Makes an outage.
///
/// # Errors
/// If the cluster cannot be started, or does not become whole again.
pub async fn interrupt(plan: Plan, program: &Path, folder: PathBuf) -> Result<Outage> {
    let mut settings = settings(
        NODES,
        Replication::SemiSync,
        Durability::Sync,
        program,
        folder,
    )?;
    settings.heartbeat_ms = HEARTBEAT_MS;
    let system = KenshoSystem::new(settings).await?;
    let store = start_cluster(&system).await?;
    let rows = store.rows(plan.value_bytes);
    let table = system
        .table()
        .await
        .context("no node tells a partition table")?;
    let victim = plan
        .victim
        .choose(&table)
        .context("there is nobody to kill")?;
    let foreground = Foreground {
        rows: rows.clone(),
        records: RECORDS,
        rate: plan.rate,
    };
    let away = async {
        tokio::time::sleep(plan.away).await;
        Ok(())
    };
    let script = Script {
        around: plan.around,
        away,
    };
    let (absence, puts) = absence(&system, &victim, &foreground, script).await?;
    stop_cluster(&system).await;
    let replicates = |record| {
        let partition = &table.partitions[system.partition(rows.container(record)) as usize];
        partition.in_sync.contains(&victim)
    };
    let missed = puts.iter().filter(|put| {
        let away = (absence.killed_ms..absence.whole_ms).contains(&milliseconds(put.at));
        away && put.latency.is_some() && replicates(put.record)
    });
    Ok(Outage {
        victim: plan.victim.name().to_string(),
        text: format!(
            "{NODES} nodes, 2 replicas, semi-sync, durability sync, heartbeat {HEARTBEAT_MS} ms, values of {} bytes",
            plan.value_bytes
        ),
        caught_up_bytes: missed.count() as u64 * plan.value_bytes as u64,
        absence,
    })
}
