//! What failovers lose: owners are killed under load, and every row that they had acknowledged in
//! their last seconds is asked for afterwards.
//!
//! On one machine a backup is hardly ever behind, and what a killed process has given to its
//! sockets still arrives. So messages between nodes take some time on their links, and what is under
//! way when an owner is killed is lost with it, as when a whole machine fails.
//!
//! Each put is of a row of its own, so that a row that is not there was lost, and nothing has to be
//! inferred.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::future::join_all;
use kensho_nemesis::conduct::Conduct;
use kensho_nemesis::fault::Heal;
use kensho_nemesis::topology::Endpoint;
use kensho_results::bench::loss::LossAtKill;
use tokio::task::LocalSet;

use super::contestant::{Replication, Store, settings, start_cluster, stop_cluster, whole};
use super::worker::Rows;
use crate::system::kensho::{Durability, KenshoSystem};
use crate::system::{Roles, System};

/// Load before each kill.
const LOAD: Duration = Duration::from_millis(1_500);
const CONNECTIONS: usize = 64;
/// How long messages between nodes are under way, for one kill after another.
const LINK_DELAYS_MS: [u64; 5] = [0, 2, 5, 10, 20];
const NODES: usize = 3;
/// Short, so that failovers are short: this is not about their duration.
const HEARTBEAT_MS: u64 = 100;
/// Who delays messages between nodes.
const DELAYS: usize = 0;
const VALUE_BYTES: usize = 100;
/// Rows asked for at the same time.
const ASKED_AT_ONCE: usize = 64;

/// What clients have been told.
#[derive(Default)]
struct Acknowledged {
    /// Rows by number, with the time of the acknowledgement.
    rows: RefCell<Vec<(u64, Instant)>>,
    next: Cell<u64>,
    stopped: Cell<bool>,
}

/// Kills an owner `kills` times.
///
/// # Errors
/// If the cluster cannot be started, does not recover, or does not answer.
pub async fn lose(
    replication: Replication,
    kills: usize,
    program: &Path,
    folder: PathBuf,
    mut tell: impl FnMut(usize, &LossAtKill),
) -> Result<Vec<LossAtKill>> {
    let mut settings = settings(NODES, replication, Durability::Sync, program, folder)?;
    settings.heartbeat_ms = HEARTBEAT_MS;
    settings.proxies = true;
    let system = KenshoSystem::new(settings).await?;
    let store = start_cluster(&system).await?;
    let acknowledged = Rc::new(Acknowledged::default());
    let mut all = Vec::new();
    for number in 0..kills {
        let kill = one_kill(&system, &store, &acknowledged, number).await?;
        tell(number + 1, &kill);
        all.push(kill);
    }
    stop_cluster(&system).await;
    Ok(all)
}

async fn one_kill(
    system: &KenshoSystem,
    store: &Store,
    acknowledged: &Rc<Acknowledged>,
    number: usize,
) -> Result<LossAtKill> {
    let table = system
        .table()
        .await
        .context("no node tells a partition table")?;
    // Another node each time, so that each is away as often as the others.
    let victim = system.nodes()[number % NODES].clone();
    let owned = table.owned_by(&victim);
    let link_delay_ms = LINK_DELAYS_MS[number % LINK_DELAYS_MS.len()];
    delay_links(system, link_delay_ms)?;
    acknowledged.rows.borrow_mut().clear();
    acknowledged.stopped.set(false);
    let rows = store.rows(VALUE_BYTES);
    let local = LocalSet::new();
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|_| local.spawn_local(put_until_stopped(rows.clone(), Rc::clone(acknowledged))))
        .collect();
    let killed = local.run_until(async {
        tokio::time::sleep(LOAD).await;
        let killed = Instant::now();
        system.kill(&victim)?;
        // What was under way is lost; from now on nothing is delayed.
        if let Some(links) = system.links() {
            links.lift(DELAYS, Heal::Close);
        }
        acknowledged.stopped.set(true);
        Ok::<_, anyhow::Error>(killed)
    });
    let killed = killed.await;
    acknowledged.stopped.set(true);
    local.await;
    for worker in workers {
        worker.await.context("a client failed")?;
    }
    let killed = killed?;
    let told = acknowledged.rows.take();
    let in_last_second = told
        .iter()
        .filter(|(_, at)| *at <= killed && killed - *at < Duration::from_secs(1));
    let acknowledged_per_second = in_last_second.count() as f64;
    let of_victim = |record: u64| owned.contains(&system.partition(rows.container(record)));
    let asked: BTreeMap<u64, Instant> = told
        .into_iter()
        .filter(|(record, _)| of_victim(*record))
        .collect();
    let missing = missing(&rows, asked.keys().copied().collect()).await?;
    let oldest = missing.iter().filter_map(|record| asked.get(record)).min();
    let lag = oldest.map_or(Duration::ZERO, |oldest| {
        killed.saturating_duration_since(*oldest)
    });
    system.start(&victim).await?;
    whole(system).await?;
    Ok(LossAtKill {
        link_delay_ms: link_delay_ms as f64,
        acknowledged_per_second,
        asked: asked.len() as u64,
        lost: missing.len() as u64,
        lag_ms: lag.as_secs_f64() * 1e3,
    })
}

/// Lets every message between nodes take so long.
fn delay_links(system: &KenshoSystem, milliseconds: u64) -> Result<()> {
    if milliseconds == 0 {
        return Ok(());
    }
    let conduct = Conduct::delay(Duration::from_millis(milliseconds));
    let node = |name: &String| Endpoint::Node(name.clone());
    let nodes = system.nodes();
    let pairs = nodes.iter().flat_map(|from| {
        let others = nodes.iter().filter(move |to| *to != from);
        others.map(move |to| (node(from), node(to)))
    });
    let links = system.links().context("there are no proxies")?;
    links.disturb(DELAYS, &pairs.collect(), conduct);
    Ok(())
}

async fn put_until_stopped(rows: Rows, acknowledged: Rc<Acknowledged>) {
    while !acknowledged.stopped.get() {
        let record = acknowledged.next.get();
        acknowledged.next.set(record + 1);
        // What ends in an error was not acknowledged, and may be there or not.
        if rows.put(record).await.is_ok() {
            acknowledged
                .rows
                .borrow_mut()
                .push((record, Instant::now()));
        }
    }
}

/// Those of `records` that are not there.
async fn missing(rows: &Rows, records: Vec<u64>) -> Result<Vec<u64>> {
    let mut missing = Vec::new();
    for some in records.chunks(ASKED_AT_ONCE) {
        let there = join_all(some.iter().map(|record| rows.has(*record))).await;
        for (record, there) in some.iter().zip(there) {
            match there {
                Ok(true) => {}
                Ok(false) => missing.push(*record),
                Err(text) => bail!("cannot ask for a row after a failover: {text}"),
            }
        }
    }
    Ok(missing)
}
