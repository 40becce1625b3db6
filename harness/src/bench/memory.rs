//! What nodes keep while the same rows are written again and again.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::join_all;
use kensho_client::{Client, Condition, Container, Options, Put};
use kensho_results::bench::memory::{MemoryLoad, NodeMemory};
use tokio::time::Instant;

use super::contestant::{Replication, settings, start_nodes, stop_cluster};
use crate::system::System;
use crate::system::kensho::{CLUSTER, Durability, KenshoSystem, LogLimits};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// For how long each load goes on.
    pub duration: Duration,
    /// Checkpoints are made when a node's log on disk is longer than this.
    pub checkpoint_after_bytes: u64,
    /// When a node holds an update.
    pub durability: Durability,
}

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The same 1,000 rows of 1,000 bytes, 100 at a time.
    Overwrite,
    /// Puts that are made only if there is no row, while there is one of a megabyte; by ever new
    /// clients.
    FailedConditions,
    /// Batches of a megabyte, to every partition.
    LargeBatches,
}

const NODES: usize = 2;
const PARTITIONS: u32 = 128;
const CLIENTS: usize = 8;
const SAMPLE_EVERY: Duration = Duration::from_millis(500);
const ROW_BYTES: usize = 1_000;
const LARGE_BYTES: usize = 1 << 20;
/// A client that does not ask again is followed by a new one after so many updates.
const UPDATES_OF_A_CLIENT: u64 = 8;
/// A statement that takes longer has failed.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);

impl Kind {
    const ALL: [Kind; 3] = [Kind::Overwrite, Kind::FailedConditions, Kind::LargeBatches];

    fn text(self) -> &'static str {
        match self {
            Kind::Overwrite => {
                "1,000 rows of 1,000 bytes overwritten again and again, 100 in a batch"
            }
            Kind::FailedConditions => {
                "puts of a few bytes by ever new clients, on the condition that there is no row, where \
                 one of 1 MiB is"
            }
            Kind::LargeBatches => "batches of 1 MiB, in turn to a container of each partition",
        }
    }

    fn containers(self) -> u32 {
        match self {
            Kind::Overwrite => 10,
            Kind::FailedConditions => 1,
            // Some partitions have two of them, a few have none.
            Kind::LargeBatches => 3 * PARTITIONS,
        }
    }
}

/// What clients have done so far.
#[derive(Default)]
struct Done {
    requests: u64,
    failed: u64,
    first_failure: Option<String>,
    sent_bytes: u64,
}

/// The cluster, in words.
#[must_use]
pub fn text(plan: &Plan) -> String {
    format!(
        "{NODES} nodes with all of {PARTITIONS} partitions, semi-sync, durability {}, {CLIENTS} clients",
        plan.durability.name()
    )
}

/// Measures one load after the other, and tells of each when it ends.
///
/// # Errors
/// If a cluster cannot be started, or a node ends.
pub async fn measure(
    plan: Plan,
    program: &Path,
    folder: PathBuf,
    mut tell: impl FnMut(&MemoryLoad),
) -> Result<Vec<MemoryLoad>> {
    let mut loads = Vec::new();
    for kind in Kind::ALL {
        let load = measure_one(plan, kind, program, folder.clone()).await?;
        tell(&load);
        loads.push(load);
    }
    Ok(loads)
}

async fn measure_one(
    plan: Plan,
    kind: Kind,
    program: &Path,
    folder: PathBuf,
) -> Result<MemoryLoad> {
    let replication = Replication::SemiSync;
    let mut settings = settings(NODES, replication, plan.durability, program, folder.clone())?;
    settings.partitions = PARTITIONS;
    settings.log_limits = Some(LogLimits {
        log_retention_bytes: 256 << 20,
        checkpoint_after_bytes: plan.checkpoint_after_bytes,
        log_segment_bytes: plan.checkpoint_after_bytes / 16,
    });
    let system = KenshoSystem::new(settings).await?;
    start_nodes(&system).await?;
    let nodes = system.nodes().iter();
    let addresses: Vec<String> = nodes.map(|node| system.address(node)).collect();
    let load = Rc::new(Load { kind, addresses });
    load.prepare().await?;
    let begin = Instant::now();
    let until = begin + plan.duration;
    let done = RefCell::new(Done::default());
    let clients = (0..CLIENTS).map(|client| load.run(client as u64, until, &done));
    let folders: Vec<PathBuf> = system
        .nodes()
        .iter()
        .map(|node| folder.join(node).join("data"))
        .collect();
    let processes = system.process_numbers();
    let watch = watch(&processes, &folders, until);
    let (_, nodes) = futures_util::future::join(join_all(clients), watch).await;
    let done = done.into_inner();
    let load = MemoryLoad {
        text: kind.text().to_owned(),
        seconds: begin.elapsed().as_secs_f64(),
        requests: done.requests,
        failed: done.failed,
        first_failure: done.first_failure,
        sent_bytes: done.sent_bytes,
        nodes: nodes?,
    };
    stop_cluster(&system).await;
    Ok(load)
}

struct Load {
    kind: Kind,
    addresses: Vec<String>,
}

impl Load {
    fn client(&self) -> Client {
        let options = Options::new(CLUSTER).failover_timeout(STATEMENT_LIMIT);
        Client::connect(&self.addresses, options)
    }

    async fn prepare(&self) -> Result<()> {
        let client = self.client();
        for number in 0..self.kind.containers() {
            let container = Container::keyed(name(number), "STRING").column("value", "STRING");
            let created = client.create_container(&container).await;
            created.context("cannot create a container")?;
        }
        if self.kind == Kind::FailedConditions {
            let row = row("k", LARGE_BYTES);
            let put = client.put(&name(0), "k", row, Condition::Any).await;
            put.context("cannot put a row")?;
        }
        Ok(())
    }

    async fn run(&self, worker: u64, until: Instant, done: &RefCell<Done>) {
        let mut client = self.client();
        let workers = CLIENTS as u64;
        let mut number = worker;
        while Instant::now() < until {
            let (sent, result) = self.ask(&client, number).await;
            let mut done = done.borrow_mut();
            done.sent_bytes += sent as u64;
            match result {
                Ok(()) => done.requests += 1,
                Err(text) => {
                    done.failed += 1;
                    done.first_failure.get_or_insert(text);
                }
            }
            number += workers;
            if self.kind == Kind::FailedConditions
                && (number / workers).is_multiple_of(UPDATES_OF_A_CLIENT)
            {
                client = self.client();
            }
        }
    }

    /// The request number `number`: how long its body is, and whether it was answered as it should be.
    async fn ask(&self, client: &Client, number: u64) -> (usize, Result<(), String>) {
        let container = name((number % u64::from(self.kind.containers())) as u32);
        let batch = |keys: std::ops::Range<u64>, value_bytes: usize| {
            let rows: Vec<String> = keys.map(|key| row(&key.to_string(), value_bytes)).collect();
            format!("[{}]", rows.join(","))
        };
        let rows = match self.kind {
            Kind::Overwrite => batch(0..100, ROW_BYTES),
            Kind::LargeBatches => batch(0..16, LARGE_BYTES / 16),
            Kind::FailedConditions => {
                let put = client.put(&container, "k", row("k", 1), Condition::IfAbsent);
                let result = match put.await {
                    Ok(said) if matches!(said.value, Put::ConditionFailed { .. }) => Ok(()),
                    Ok(said) => Err(format!("the condition held: {:?}", said.value)),
                    Err(error) => Err(error.to_string()),
                };
                return (row("k", 1).len(), result);
            }
        };
        let sent = rows.len();
        let result = client.put_rows(&container, rows).await;
        (sent, result.map(|_| ()).map_err(|error| error.to_string()))
    }
}

fn name(number: u32) -> String {
    format!("memory{number}")
}

fn row(key: &str, value_bytes: usize) -> String {
    format!(r#"["{key}","{}"]"#, "v".repeat(value_bytes))
}

/// Looks at all nodes until the load ends.
async fn watch(processes: &[u32], folders: &[PathBuf], until: Instant) -> Result<Vec<NodeMemory>> {
    let mut nodes = vec![NodeMemory::default(); processes.len()];
    let mut next = Instant::now();
    while next < until {
        tokio::time::sleep_until(next).await;
        next += SAMPLE_EVERY;
        for ((node, process), folder) in nodes.iter_mut().zip(processes).zip(folders) {
            node.resident_bytes.push(resident_bytes(*process)?);
            node.log_max_bytes = node.log_max_bytes.max(log_bytes(folder)?);
        }
    }
    Ok(nodes)
}

fn resident_bytes(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {path}: the node has ended"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kib.with_context(|| format!("{path} does not tell VmRSS"))? << 10)
}

/// What the segments of a node's log take on disk.
fn log_bytes(folder: &Path) -> Result<u64> {
    let files =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut bytes = 0;
    for file in files {
        let file = file?;
        if file.file_name().to_string_lossy().starts_with("log-") {
            // It may have been removed just now.
            bytes += file.metadata().map_or(0, |file| file.len());
        }
    }
    Ok(bytes)
}
