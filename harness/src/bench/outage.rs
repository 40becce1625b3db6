//! What clients notice while a node is killed, away, started again and catching up: throughput and
//! latency over time, at a constant rate.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use kensho_results::bench::outage::{Outage, OutageRow};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::contestant::{Replication, settings, start_cluster, stop_cluster};
use super::pace::Pace;
use super::window::histogram;
use super::worker::Rows;
use crate::system::System;
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
const CONNECTIONS: usize = 256;
const INTERVAL_MS: u64 = 100;
const HEARTBEAT_MS: u64 = 100;
/// Puts go over the same rows again and again.
const RECORDS: u64 = 20_000;
/// A node that has not caught up by then never does.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);

struct Watch {
    begin: Instant,
    rows: RefCell<Vec<(OutageRow, Histogram<u64>)>>,
    next: Cell<u64>,
    stopped: Cell<bool>,
    /// Rows put while the node was away that it has to be sent.
    missed: Cell<u64>,
    away: Cell<bool>,
}

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
    let replicates = |container: &str| {
        let partition = &table.partitions[system.partition(container) as usize];
        partition.in_sync.contains(&victim)
    };
    let missed: Rc<[bool]> = (0..RECORDS)
        .map(|record| replicates(rows.container(record)))
        .collect();
    let watch = Rc::new(Watch {
        begin: Instant::now(),
        rows: RefCell::default(),
        next: Cell::new(0),
        stopped: Cell::new(false),
        missed: Cell::new(0),
        away: Cell::new(false),
    });
    let pace = Rc::new(Pace::new(Some(plan.rate), watch.begin));
    let local = LocalSet::new();
    for _ in 0..CONNECTIONS {
        let (watch, pace) = (Rc::clone(&watch), Rc::clone(&pace));
        local.spawn_local(put_until_stopped(
            rows.clone(),
            watch,
            pace,
            Rc::clone(&missed),
        ));
    }
    let times = local
        .run_until(script(&system, &victim, plan, &watch))
        .await;
    watch.stopped.set(true);
    local.await;
    let (killed_ms, started_ms, whole_ms, end_ms) = times?;
    stop_cluster(&system).await;
    let full_rows = usize::try_from(end_ms / INTERVAL_MS)?;
    let finished = watch.rows.take().into_iter().take(full_rows).map(finish);
    Ok(Outage {
        victim: plan.victim.name().to_string(),
        text: format!(
            "{NODES} nodes, 2 replicas, semi-sync, durability sync, heartbeat {HEARTBEAT_MS} ms, values of {} bytes",
            plan.value_bytes
        ),
        rate: plan.rate,
        interval_ms: INTERVAL_MS,
        rows: finished.collect(),
        killed_ms,
        started_ms,
        whole_ms,
        caught_up_bytes: watch.missed.get() * plan.value_bytes as u64,
    })
}

/// Kills, waits, starts again, waits until the cluster is whole.
async fn script(
    system: &KenshoSystem,
    victim: &str,
    plan: Plan,
    watch: &Watch,
) -> Result<(u64, u64, u64, u64)> {
    let now_ms = || u64::try_from(watch.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    tokio::time::sleep(plan.around).await;
    let killed_ms = now_ms();
    system.kill(victim)?;
    watch.away.set(true);
    tokio::time::sleep(plan.away).await;
    let started_ms = now_ms();
    system.start(victim).await?;
    let begin = Instant::now();
    while let Err(missing) = system.settled().await {
        if begin.elapsed() > CATCH_UP_LIMIT {
            bail!("{victim} has not caught up: {missing}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let whole_ms = now_ms();
    watch.away.set(false);
    tokio::time::sleep(plan.around).await;
    Ok((killed_ms, started_ms, whole_ms, now_ms()))
}

async fn put_until_stopped(rows: Rows, watch: Rc<Watch>, pace: Rc<Pace>, missed: Rc<[bool]>) {
    while !watch.stopped.get() {
        let intended = pace.next().await;
        if watch.stopped.get() {
            return;
        }
        let origin = intended.min(Instant::now());
        let record = watch.next.get() % RECORDS;
        watch.next.set(watch.next.get() + 1);
        let outcome = rows.put(record).await;
        let at = usize::try_from(watch.begin.elapsed().as_millis() / u128::from(INTERVAL_MS));
        let at = at.unwrap_or(usize::MAX);
        let mut all = watch.rows.borrow_mut();
        while all.len() <= at {
            all.push((OutageRow::default(), histogram()));
        }
        let (row, latency) = &mut all[at];
        match outcome {
            Ok(()) => {
                row.answered += 1;
                let nanoseconds = u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
                // A histogram that grows takes every value.
                let _ = latency.record(nanoseconds.max(1));
                let lacks = watch.away.get() && missed[usize::try_from(record).unwrap_or(0)];
                watch.missed.set(watch.missed.get() + u64::from(lacks));
            }
            Err(_) => row.errors += 1,
        }
    }
}

fn finish((mut row, latency): (OutageRow, Histogram<u64>)) -> OutageRow {
    if row.answered > 0 {
        let at = |share: f64| latency.value_at_quantile(share) as f64 / 1e6;
        row.p50_ms = at(0.5);
        row.p99_ms = at(0.99);
        row.max_ms = at(1.0);
    }
    row
}
