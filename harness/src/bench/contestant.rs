//! What can be put under load: our cluster in its modes, and what it is measured against.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::join_all;
use kensho_client::{Client, Container, Options};

use super::echo::EchoServer;
use super::etcd::Etcd;
use super::generator::Load;
use super::worker::{Rows, Worker};
use crate::runner::nemesis::wait_until_settled;
use crate::system::kensho::{CLUSTER, Durability, KenshoSystem, Mode, Settings};
use crate::system::{Launch, Roles, System};

/// How a cluster replicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Replication {
    /// Each partition is on one node only
    None,
    /// One backup, which an update does not wait for
    Async,
    /// One backup, which an update waits for
    SemiSync,
    /// Two backups, which an update does not wait for
    Async2,
    /// Two backups, both of which an update waits for
    #[value(name = "semi-sync2")]
    SemiSync2,
}

impl Replication {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Replication::None => "none",
            Replication::Async => "async",
            Replication::SemiSync => "semi-sync",
            Replication::Async2 => "async, 2 backups",
            Replication::SemiSync2 => "semi-sync, 2 backups",
        }
    }

    fn replicas(self) -> usize {
        match self {
            Replication::None => 1,
            Replication::Async | Replication::SemiSync => 2,
            Replication::Async2 | Replication::SemiSync2 => 3,
        }
    }

    fn mode(self) -> Mode {
        match self {
            Replication::Async | Replication::Async2 => Mode::Async,
            Replication::None | Replication::SemiSync | Replication::SemiSync2 => Mode::SemiSync,
        }
    }
}

/// What is to be put under load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Our cluster, started for it.
    Cluster {
        /// How it replicates.
        replication: Replication,
        /// When a node holds an update.
        durability: Durability,
        /// How many nodes, if the replicas need no more.
        nodes: usize,
    },
    /// A cluster of ours that runs already.
    Address {
        /// Its name.
        cluster: String,
        /// Its nodes, `host:port`.
        members: Vec<String>,
    },
    /// A bare TCP echo.
    Echo,
    /// Three nodes of etcd.
    Etcd,
}

impl Subject {
    /// What it is, in words.
    pub fn text(&self) -> String {
        match self {
            Subject::Cluster {
                replication,
                durability,
                ..
            } => {
                let (nodes, backups) = (self.nodes(), replication.replicas() - 1);
                let acknowledged = match replication.mode() {
                    _ if backups == 0 => "no backup".to_string(),
                    Mode::Async => format!("{backups} backups, not waited for"),
                    Mode::SemiSync => format!("{backups} backups, all waited for"),
                };
                format!(
                    "kensho, {nodes} nodes, {acknowledged}, durability {}",
                    durability.name()
                )
            }
            Subject::Address { cluster, members } => format!("{cluster} at {}", members.join(",")),
            Subject::Echo => "TCP echo of messages as long as a put's request".to_string(),
            Subject::Etcd => "etcd, 3 nodes, puts by the JSON gateway of the leader".to_string(),
        }
    }

    fn nodes(&self) -> usize {
        match self {
            Subject::Cluster {
                replication, nodes, ..
            } => (*nodes).max(replication.replicas()),
            Subject::Address { members, .. } => members.len(),
            Subject::Echo => 1,
            Subject::Etcd => 3,
        }
    }
}

/// Containers of a cluster, and a client.
#[derive(Clone)]
pub(super) struct Store {
    client: Client,
    containers: Rc<[String]>,
}

/// A subject that is up.
pub(super) struct Contestant {
    running: Running,
}

enum Running {
    Cluster(Box<KenshoSystem>, Store),
    Address(Store),
    Echo(EchoServer),
    Etcd(Etcd, PathBuf),
}

/// A cluster has so long to become whole.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);
/// No operation takes so long unless the cluster is broken.
const OPERATION_LIMIT: Duration = Duration::from_secs(20);
const PARTITIONS: u32 = 16;
const CONTAINERS_PER_PARTITION: u32 = 2;
/// Slow enough to cost nothing while another contestant is under load.
const HEARTBEAT_MS: u64 = 500;
/// Head of a put's request and of its answer beyond the value, bytes on average.
const HEAD_BYTES: usize = 220;

impl Contestant {
    /// Starts `subject` with its data in `folder`.
    ///
    /// # Errors
    /// If something does not start.
    pub(super) async fn start(
        subject: &Subject,
        program: &Path,
        folder: PathBuf,
    ) -> Result<Contestant> {
        let running = match subject {
            Subject::Cluster {
                replication,
                durability,
                ..
            } => {
                let settings =
                    settings(subject.nodes(), *replication, *durability, program, folder)?;
                let system = KenshoSystem::new(settings).await?;
                let store = start_cluster(&system).await?;
                Running::Cluster(Box::new(system), store)
            }
            Subject::Address { cluster, members } => {
                let names = 0..PARTITIONS * CONTAINERS_PER_PARTITION;
                let names = names.map(|number| format!("bench{number}")).collect();
                Running::Address(Store::open(cluster, members, names).await?)
            }
            Subject::Echo => Running::Echo(EchoServer::start()?),
            Subject::Etcd => Running::Etcd(Etcd::start(&folder).await?, folder),
        };
        Ok(Contestant { running })
    }

    /// As many clients as the load has connections; each request puts `batch_rows` rows. The rows
    /// that reads rely on are put before.
    pub(super) async fn workers(&self, load: &Load, batch_rows: u64) -> Result<Vec<Worker>> {
        if let Running::Cluster(_, store) | Running::Address(store) = &self.running
            && load.mix.reads()
        {
            store.fill(load).await?;
        }
        let mut workers = Vec::new();
        for _ in 0..load.connections {
            workers.push(match &self.running {
                Running::Cluster(_, store) | Running::Address(store) => {
                    let rows = store.rows(load.value_bytes);
                    match batch_rows {
                        1 => Worker::Rows(rows),
                        _ => Worker::Batches(rows, batch_rows),
                    }
                }
                Running::Echo(server) => {
                    let message = vec![b'v'; HEAD_BYTES + load.value_bytes];
                    Worker::Echo(server.connect().await?, message)
                }
                Running::Etcd(etcd, _) => {
                    let value = BASE64.encode("v".repeat(load.value_bytes));
                    Worker::Etcd(etcd.connect().await?, value.into())
                }
            });
        }
        Ok(workers)
    }

    /// The processes that serve, if they run on this machine for this purpose.
    pub(super) fn processes(&self) -> Vec<u32> {
        match &self.running {
            Running::Cluster(system, _) => system.process_numbers(),
            Running::Address(_) => Vec::new(),
            Running::Echo(server) => vec![server.process()],
            Running::Etcd(etcd, _) => etcd.processes(),
        }
    }

    /// Stops it, and removes its data.
    pub(super) async fn stop(self) {
        match self.running {
            Running::Cluster(system, _) => stop_cluster(&system).await,
            Running::Etcd(etcd, folder) => {
                drop(etcd);
                // What is left costs space and nothing else.
                let _ = std::fs::remove_dir_all(folder);
            }
            Running::Address(_) | Running::Echo(_) => {}
        }
    }
}

/// Stops all nodes, and removes their data.
pub(super) async fn stop_cluster(system: &KenshoSystem) {
    let stopped = join_all(system.nodes().iter().map(|node| system.stop(node))).await;
    for warning in stopped.into_iter().filter_map(Result::err) {
        eprintln!("warning: {warning:#}");
    }
    system.remove_data();
}

/// What cluster is started for it.
pub(super) fn settings(
    nodes: usize,
    replication: Replication,
    durability: Durability,
    program: &Path,
    folder: PathBuf,
) -> Result<Settings> {
    let this = std::env::current_exe().context("cannot find this program")?;
    Ok(Settings {
        nodes,
        joiners: 0,
        replicas: replication.replicas(),
        partitions: PARTITIONS,
        mode: replication.mode(),
        durability,
        flush_delay_ms: 0,
        data_limit_bytes: None,
        distrust_disks: false,
        log_limits: None,
        heartbeat_ms: HEARTBEAT_MS,
        break_rules: Vec::new(),
        log: "info".to_string(),
        launch: Launch {
            program: std::path::absolute(program)?,
            guard: vec![this.display().to_string(), "run-with-parent".to_string()],
        },
        proxies: false,
        folder,
        record: false,
        client_timeout: OPERATION_LIMIT,
    })
}

/// Starts all nodes, waits until the cluster is whole, and makes the containers.
pub(super) async fn start_cluster(system: &KenshoSystem) -> Result<Store> {
    start_nodes(system).await?;
    let addresses: Vec<String> = system
        .founders()
        .iter()
        .map(|node| system.address(node))
        .collect();
    let names = container_names(|name| system.partition(name));
    Store::open(CLUSTER, &addresses, names).await
}

/// Starts all nodes that found the cluster, and waits until it is whole.
pub(super) async fn start_nodes(system: &KenshoSystem) -> Result<()> {
    system.install().await?;
    for started in join_all(system.founders().iter().map(|node| system.start(node))).await {
        started?;
    }
    whole(system).await
}

/// Waits until a cluster is whole.
pub(super) async fn whole(system: &KenshoSystem) -> Result<()> {
    let settled = wait_until_settled(system, SETTLE_LIMIT).await;
    settled.map_err(|missing| {
        anyhow!(
            "the cluster is not whole after {} s: {missing}",
            SETTLE_LIMIT.as_secs()
        )
    })
}

/// Names of which the same number is in each partition, so that every node has as much to do.
fn container_names(partition: impl Fn(&str) -> u32) -> Vec<String> {
    let mut counts = vec![0; PARTITIONS as usize];
    let names = (0..).map(|number: u32| format!("bench{number}"));
    let fitting = names.filter(|name| {
        let count = &mut counts[partition(name) as usize];
        *count += 1;
        *count <= CONTAINERS_PER_PARTITION
    });
    fitting
        .take((PARTITIONS * CONTAINERS_PER_PARTITION) as usize)
        .collect()
}

impl Store {
    /// Connects, and makes the containers.
    async fn open(cluster: &str, members: &[String], containers: Vec<String>) -> Result<Store> {
        let options = Options::new(cluster).failover_timeout(OPERATION_LIMIT);
        let client = Client::connect(members, options);
        for name in &containers {
            let container = Container::keyed(name, "STRING").column("value", "STRING");
            let created = client.create_container(&container).await;
            created.with_context(|| format!("cannot create the container {name}"))?;
        }
        Ok(Store {
            client,
            containers: containers.into(),
        })
    }

    /// Its rows, with values of so many bytes.
    pub(super) fn rows(&self, value_bytes: usize) -> Rows {
        Rows {
            client: self.client.clone(),
            containers: Rc::clone(&self.containers),
            value: "v".repeat(value_bytes).into(),
        }
    }

    /// Puts the rows that reads rely on.
    async fn fill(&self, load: &Load) -> Result<()> {
        self.fill_with(load.records, load.value_bytes).await
    }

    /// Puts so many rows.
    pub(super) async fn fill_with(&self, records: u64, value_bytes: usize) -> Result<()> {
        let rows = self.rows(value_bytes);
        let numbers: Vec<u64> = (0..records).collect();
        for some in numbers.chunks(64) {
            let put = join_all(some.iter().map(|record| rows.put(*record))).await;
            if let Some(Err(text)) = put.into_iter().find(Result::is_err) {
                bail!("cannot put the rows that are to be there at first: {text}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_gets_equally_many_containers() {
        let partition = |name: &str| crc32fast::hash(name.as_bytes()) % PARTITIONS;
        let mut counts = vec![0; PARTITIONS as usize];
        for name in container_names(partition) {
            counts[partition(&name) as usize] += 1;
        }
        assert!(
            counts
                .iter()
                .all(|&count| count == CONTAINERS_PER_PARTITION)
        );
    }

    #[test]
    fn replicas_need_as_many_nodes() {
        let subject = |replication| Subject::Cluster {
            replication,
            durability: Durability::Sync,
            nodes: 2,
        };
        assert_eq!(subject(Replication::Async).nodes(), 2);
        assert_eq!(subject(Replication::SemiSync2).nodes(), 3);
        assert_eq!(
            subject(Replication::SemiSync2).text(),
            "kensho, 3 nodes, 2 backups, all waited for, durability sync"
        );
    }
}
