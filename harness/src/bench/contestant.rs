//! What can be put under load: our cluster in its modes, and what it is measured against.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::future::join_all;
use kensho_client::{Client, Container, Options};

use super::echo::EchoServer;
use super::generator::Load;
use super::worker::{Rows, Worker};
use crate::runner::nemesis::wait_until_settled;
use crate::system::System;
use crate::system::kensho::{CLUSTER, Durability, KenshoSystem, Launch, Mode, Settings};

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
        }
    }

    fn nodes(&self) -> usize {
        match self {
            Subject::Cluster {
                replication, nodes, ..
            } => (*nodes).max(replication.replicas()),
            Subject::Address { members, .. } => members.len(),
            Subject::Echo => 1,
        }
    }
}

/// A subject that is up.
pub struct Contestant {
    running: Running,
}

enum Running {
    Cluster(Box<KenshoSystem>, Rows),
    Address(Rows),
    Echo(EchoServer),
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
    /// Starts `subject` with its data in `folder`, and puts all rows that the load relies on.
    ///
    /// # Errors
    /// If something does not start, or rows cannot be put.
    pub async fn start(
        subject: &Subject,
        load: &Load,
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
                start_nodes(&system).await?;
                let addresses: Vec<String> = system
                    .nodes()
                    .iter()
                    .map(|node| system.address(node))
                    .collect();
                let names = container_names(|name| system.partition(name));
                let rows = rows(CLUSTER, &addresses, names, load).await?;
                Running::Cluster(Box::new(system), rows)
            }
            Subject::Address { cluster, members } => {
                let names = 0..PARTITIONS * CONTAINERS_PER_PARTITION;
                let names = names.map(|number| format!("bench{number}")).collect();
                Running::Address(rows(cluster, members, names, load).await?)
            }
            Subject::Echo => Running::Echo(EchoServer::start()?),
        };
        Ok(Contestant { running })
    }

    /// As many clients as the load has connections.
    pub(super) async fn workers(&self, load: &Load) -> Result<Vec<Worker>> {
        let mut workers = Vec::new();
        for _ in 0..load.connections {
            workers.push(match &self.running {
                Running::Cluster(_, rows) | Running::Address(rows) => Worker::Kensho(rows.clone()),
                Running::Echo(server) => {
                    let message = vec![b'v'; HEAD_BYTES + load.value_bytes];
                    Worker::Echo(server.connect().await?, message)
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
        }
    }

    /// Stops it, and removes its data.
    pub async fn stop(self) {
        if let Running::Cluster(system, _) = &self.running {
            let stopped = join_all(system.nodes().iter().map(|node| system.stop(node))).await;
            for warning in stopped.into_iter().filter_map(Result::err) {
                eprintln!("warning: {warning:#}");
            }
            system.remove_data();
        }
    }
}

fn settings(
    nodes: usize,
    replication: Replication,
    durability: Durability,
    program: &Path,
    folder: PathBuf,
) -> Result<Settings> {
    let this = std::env::current_exe().context("cannot find this program")?;
    Ok(Settings {
        nodes,
        replicas: replication.replicas(),
        partitions: PARTITIONS,
        mode: replication.mode(),
        durability,
        heartbeat_ms: HEARTBEAT_MS,
        break_rules: Vec::new(),
        log: "info".to_string(),
        launch: Launch {
            program: std::path::absolute(program)?,
            guard: vec![this.display().to_string(), "run-with-parent".to_string()],
        },
        proxies: false,
        folder,
        client_timeout: OPERATION_LIMIT,
    })
}

async fn start_nodes(system: &KenshoSystem) -> Result<()> {
    system.install().await?;
    for started in join_all(system.nodes().iter().map(|node| system.start(node))).await {
        started?;
    }
    wait_until_settled(system, SETTLE_LIMIT)
        .await
        .map_err(|missing| {
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

/// Connects, creates the containers, and puts the rows that reads rely on.
async fn rows(
    cluster: &str,
    members: &[String],
    containers: Vec<String>,
    load: &Load,
) -> Result<Rows> {
    let options = Options::new(cluster).failover_timeout(OPERATION_LIMIT);
    let client = Client::connect(members, options);
    for name in &containers {
        let container = Container::keyed(name, "STRING").column("value", "STRING");
        let created = client.create_container(&container).await;
        created.with_context(|| format!("cannot create the container {name}"))?;
    }
    let rows = Rows {
        client,
        containers: containers.into(),
        value: "v".repeat(load.value_bytes).into(),
    };
    if load.mix.reads() {
        let numbers: Vec<u64> = (0..load.records).collect();
        for some in numbers.chunks(64) {
            let put = join_all(some.iter().map(|record| rows.put(*record))).await;
            if let Some(Err(text)) = put.into_iter().find(Result::is_err) {
                bail!("cannot put the rows that reads rely on: {text}");
            }
        }
    }
    Ok(rows)
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
