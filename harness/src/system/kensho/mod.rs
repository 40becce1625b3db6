//! Our cluster on this machine: real `kensho-node` processes, with or without a proxy on each link.

mod capabilities;
mod client;
mod config;
mod folders;
mod stat;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::future::join_all;
use kensho_client::Container;
use kensho_means::mesh::{Mesh, Ports};
use kensho_nemesis::capability::Capability;
use kensho_nemesis::topology::Endpoint;
use kensho_workloads::call::CallKind;
use kensho_workloads::transaction::COLUMN;
use kensho_workloads::workload::Values;
use serde_json::{Map, Value, json};

use super::control;
use super::nodes::Nodes;
use super::process::{Launch, NodeProcess};
use super::{Described, Disks, Folders, Health, Links, Processes, Roles, Status, System};
use config::{MemberConfig, NodeConfig};

pub use client::KenshoClient;
pub use config::LogLimits;
pub use stat::ReplicaLog;

/// This system, for those who choose one.
pub static DESCRIBED: Described = Described {
    name: "kensho",
    text: "the cluster of this project: real kensho-node processes with a proxy on every link",
    calls: CallKind::OF_ROWS,
    able: &Capability::ALL,
};
/// The cluster's name.
pub const CLUSTER: &str = "kensho";
/// A node that takes longer than this for a question about itself is silent.
const CONTROL_LIMIT: Duration = Duration::from_millis(400);
/// A node that is not up by then has failed to start.
const START_LIMIT: Duration = Duration::from_secs(20);
/// A container that cannot be created by then has failed to be.
const CREATE_LIMIT: Duration = Duration::from_secs(30);
/// Every third client gives up so many times sooner than the others, and keeps to its cached table
/// while it waits: what it had asked for may still happen, and must not harm; and the old owner of
/// a partition that has moved is asked for what it no longer knows.
const IMPATIENT: u32 = 10;
/// A node that has not ended by then is killed.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// When an owner answers an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// When all backups have confirmed it.
    SemiSync,
    /// When it was sent to them.
    Async,
}

impl Mode {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Mode::SemiSync => "semi-sync",
            Mode::Async => "async",
        }
    }
}

/// When a node holds an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Durability {
    /// When it is on its disk
    Sync,
    /// When it is in its memory; the disk has it a little later
    Delayed,
}

impl Durability {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Durability::Sync => "sync",
            Durability::Delayed => "delayed",
        }
    }
}

/// What cluster is wanted.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many nodes.
    pub nodes: usize,
    /// How many of them, the last ones, are no members at first: they join when they are started.
    pub joiners: usize,
    /// How many of them hold each partition.
    pub replicas: usize,
    /// How many partitions.
    pub partitions: u32,
    /// When an owner answers an update.
    pub mode: Mode,
    /// When a node holds an update.
    pub durability: Durability,
    /// How much longer each flush of a node's log takes than the disk needs, milliseconds.
    pub flush_delay_ms: u64,
    /// How much of the update log nodes keep [default: the node's own].
    pub log_limits: Option<LogLimits>,
    /// What the files in a node's data folder may take together [default: as much as there is]. Only a
    /// folder that has a limit can be filled.
    pub data_limit_bytes: Option<u64>,
    /// Time between heartbeats, milliseconds.
    pub heartbeat_ms: u64,
    /// Rules to break on purpose.
    pub break_rules: Vec<String>,
    /// What nodes log, as `tracing` filters say it.
    pub log: String,
    /// How to start a node.
    pub launch: Launch,
    /// Whether a proxy stands on each link.
    pub proxies: bool,
    /// Whether nodes take into account that disks go back in time.
    pub distrust_disks: bool,
    /// The folder with a folder for each node.
    pub folder: PathBuf,
    /// Whether nodes record the inputs of their state machines, in a folder beside their data.
    pub record: bool,
    /// How long clients try before they give up; every third one only a tenth of it.
    pub client_timeout: Duration,
}

impl Settings {
    /// Data folders get limits, and logs such small files that a full disk is noticed soon.
    pub fn let_disks_be_filled(&mut self) {
        self.data_limit_bytes = Some(64 << 30);
        self.log_limits = Some(LogLimits {
            log_retention_bytes: 256 << 20,
            checkpoint_after_bytes: 64 << 20,
            log_segment_bytes: 64 << 10,
        });
    }
}

/// A cluster of `kensho-node` processes.
pub struct KenshoSystem {
    settings: Settings,
    names: Vec<String>,
    ports: BTreeMap<String, Ports>,
    mesh: Option<Mesh>,
    processes: Nodes,
    /// Nodes whose data folders were lost, and that have not joined anew yet.
    lost: Mutex<BTreeSet<String>>,
}

impl KenshoSystem {
    /// Takes ports, and opens the proxies if there are to be any; nothing is started.
    ///
    /// # Errors
    /// If the settings make no cluster, or there are no ports.
    pub async fn new(settings: Settings) -> Result<KenshoSystem> {
        if settings.nodes == 0 || settings.replicas == 0 || settings.replicas > settings.nodes {
            let Settings {
                nodes, replicas, ..
            } = settings;
            bail!("{replicas} replicas need as many nodes or more, and there are {nodes}");
        }
        let names: Vec<String> = (1..=settings.nodes)
            .map(|number| format!("n{number}"))
            .collect();
        let free = super::ports::free(2 * settings.nodes)?;
        let ports: Vec<Ports> = names
            .iter()
            .zip(free.chunks(2))
            .map(|(name, pair)| Ports {
                name: name.clone(),
                client: pair[0],
                peer: pair[1],
            })
            .collect();
        let mesh = if settings.proxies {
            Some(Mesh::open(&ports).await?)
        } else {
            None
        };
        Ok(KenshoSystem {
            settings,
            names,
            ports: ports
                .into_iter()
                .map(|ports| (ports.name.clone(), ports))
                .collect(),
            mesh,
            processes: Nodes::default(),
            lost: Mutex::default(),
        })
    }

    fn client_with(&self, timeout: Duration) -> KenshoClient {
        KenshoClient::new(CLUSTER, &self.client_addresses(), timeout)
    }

    fn client_addresses(&self) -> Vec<String> {
        self.names.iter().map(|node| self.address(node)).collect()
    }

    fn ports(&self, node: &str) -> Result<&Ports> {
        self.ports
            .get(node)
            .ok_or_else(|| anyhow!("there is no node {node}"))
    }

    fn folder(&self, node: &str) -> PathBuf {
        self.settings.folder.join(node)
    }

    /// The file that fills a node's data folder.
    fn ballast(&self, node: &str) -> PathBuf {
        self.folder(node).join("data").join("ballast")
    }

    /// Where `from` reaches clients' port of `to`.
    fn client_address(&self, to: &str) -> Option<SocketAddr> {
        match &self.mesh {
            Some(mesh) => mesh.address(&Endpoint::Clients, to),
            None => self.ports.get(to).map(|ports| ports.client),
        }
    }

    fn peer_address(&self, from: &str, to: &str) -> Option<SocketAddr> {
        let real = self.ports.get(to).map(|ports| ports.peer);
        match &self.mesh {
            Some(mesh) if from != to => mesh.address(&Endpoint::Node(from.to_string()), to),
            _ => real,
        }
    }

    fn config(&self, node: &str) -> Result<NodeConfig> {
        let ports = self.ports(node)?;
        let (founders, joiners) = self
            .names
            .split_at(self.settings.nodes - self.settings.joiners);
        let members = founders.iter().filter_map(|to| {
            Some(MemberConfig {
                name: to.clone(),
                peer: self.peer_address(node, to)?,
            })
        });
        let (members, join) = match joiners.iter().any(|joiner| joiner == node) {
            true => (Vec::new(), members.collect()),
            false => (members.collect(), Vec::new()),
        };
        Ok(NodeConfig {
            name: node.to_string(),
            cluster: CLUSTER.to_string(),
            data_dir: self.folder(node).join("data"),
            client_listen: ports.client,
            client_advertise: self
                .client_address(node)
                .context("every node has an address")?,
            peer_listen: ports.peer,
            partitions: self.settings.partitions,
            replicas: self.settings.replicas,
            mode: self.settings.mode.name(),
            durability: self.settings.durability.name(),
            flush_delay_ms: self.settings.flush_delay_ms,
            data_limit_bytes: self.settings.data_limit_bytes,
            log_limits: self.settings.log_limits,
            distrust_disks: self.settings.distrust_disks,
            heartbeat_ms: self.settings.heartbeat_ms,
            secret: "kensho on one machine".to_string(),
            log: self.settings.log.clone(),
            record_dir: (self.settings.record).then(|| self.folder(node).join("records")),
            break_rules: self.settings.break_rules.clone(),
            members,
            join,
        })
    }

    /// The nodes that found the cluster.
    pub fn founders(&self) -> &[String] {
        &self.names[..self.settings.nodes - self.settings.joiners]
    }

    /// Whether the node counts: one that is to join does once it was started.
    fn counts(&self, node: &str) -> bool {
        self.founders().iter().any(|founder| founder == node) || self.processes.is_there(node)
    }

    /// Ends a node at once.
    ///
    /// # Errors
    /// If it does not run.
    pub fn kill(&self, node: &str) -> Result<()> {
        self.processes.kill(node)
    }

    /// The numbers of the processes that run.
    pub fn process_numbers(&self) -> Vec<u32> {
        self.processes.numbers()
    }

    /// The logs of all replicas at nodes that answer.
    pub async fn logs(&self) -> Vec<ReplicaLog> {
        let logs = each(&self.names, |node| async move {
            let text = self.probe(node, "/node/stat").await.ok()?;
            stat::logs(&text).ok()
        });
        logs.await.into_iter().flatten().flatten().collect()
    }

    async fn probe(&self, node: &str, path: &str) -> Result<bytes::Bytes> {
        control::get(self.ports(node)?.client, path, CONTROL_LIMIT).await
    }

    /// Removes all data of the nodes, which must not run.
    pub fn remove_data(&self) {
        for node in &self.names {
            // What is left costs space and nothing else.
            for folder in ["data", folders::COPY, folders::OWN] {
                let _ = fs::remove_dir_all(self.folder(node).join(folder));
            }
        }
    }
}

impl System for KenshoSystem {
    type Client = KenshoClient;

    fn name(&self) -> &str {
        DESCRIBED.name
    }

    fn versions(&self) -> Map<String, Value> {
        let mut versions = Map::new();
        versions.insert("kensho".into(), json!(env!("CARGO_PKG_VERSION")));
        let program = &self.settings.launch.program;
        versions.insert("node program".into(), json!(program.display().to_string()));
        versions
    }

    fn nodes(&self) -> &[String] {
        &self.names
    }

    async fn install(&self) -> Result<()> {
        let program = &self.settings.launch.program;
        if !program.is_file() {
            bail!(
                "there is no node program at {}: build it by `cargo build --release`, or say where it is by --node-binary",
                program.display()
            );
        }
        for node in &self.names {
            let folder = self.folder(node);
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
            let text = toml::to_string(&self.config(node)?)?;
            fs::write(folder.join("config.toml"), text)
                .with_context(|| format!("cannot write the configuration of {node}"))?;
        }
        Ok(())
    }

    async fn start(&self, node: &str) -> Result<()> {
        if self.processes.is_there(node) {
            return Ok(());
        }
        let config = self.folder(node).join("config.toml");
        let config = config.to_str().context("the folder's name must be text")?;
        let (log, here) = (self.log(node), Path::new("."));
        let launch = &self.settings.launch;
        let process = NodeProcess::start(launch, &["--config", config], here, &log)?;
        let up = || async { self.probe(node, "/healthz").await.is_ok() };
        self.processes
            .start(node, process, &log, START_LIMIT, up)
            .await?;
        self.replace_if_lost(node).await
    }

    async fn stop(&self, node: &str) -> Result<()> {
        self.processes.stop(node, STOP_LIMIT).await
    }

    fn status(&self, node: &str) -> Status {
        self.processes.status(node)
    }

    async fn health(&self, node: &str) -> Health {
        if !self.processes.is_there(node) {
            return Health::Down;
        }
        if self.probe(node, "/readyz").await.is_ok() {
            return Health::Ready;
        }
        match self.probe(node, "/healthz").await {
            Ok(_) => Health::Up,
            Err(_) => Health::Silent,
        }
    }

    async fn settled(&self) -> Result<(), String> {
        for (node, health) in self
            .names
            .iter()
            .zip(each(&self.names, |n| self.health(n)).await)
        {
            if health != Health::Ready && self.counts(node) {
                return Err(format!("{node} is {}", health.word()));
            }
        }
        let table = self
            .table()
            .await
            .ok_or("no node tells a partition table")?;
        table.whole(self.settings.replicas)
    }

    async fn create_containers(&self, names: &[String], values: Values) -> Result<()> {
        let client = self.client_with(CREATE_LIMIT);
        for name in names {
            let container = Container::keyed(name, "STRING").column(COLUMN, values.column_type());
            let created = client.library().create_container(&container).await;
            created.with_context(|| format!("cannot create the container {name}"))?;
        }
        Ok(())
    }

    fn client(&self, number: usize) -> KenshoClient {
        let patient = self.settings.client_timeout;
        if number % 3 == 2 {
            KenshoClient::stubborn(CLUSTER, &self.client_addresses(), patient / IMPATIENT)
        } else {
            self.client_with(patient)
        }
    }

    fn address(&self, node: &str) -> String {
        self.client_address(node)
            .map(|address| address.to_string())
            .unwrap_or_default()
    }

    fn log(&self, node: &str) -> PathBuf {
        self.folder(node).join("log")
    }

    fn processes(&self) -> Option<&dyn Processes> {
        Some(&self.processes)
    }

    fn links(&self) -> Option<&dyn Links> {
        let mesh = self.mesh.as_ref();
        mesh.map(|mesh| mesh as &dyn Links)
    }

    fn disks(&self) -> Option<&dyn Disks> {
        // Only a folder that has a limit can be filled.
        let limit = self.settings.data_limit_bytes;
        limit.map(|_| self as &dyn Disks)
    }

    fn folders(&self) -> Option<&dyn Folders> {
        Some(self)
    }

    fn roles(&self) -> Option<&dyn Roles> {
        Some(self)
    }
}

/// Asks about all nodes at the same time.
async fn each<'a, F: Future>(nodes: &'a [String], ask: impl Fn(&'a str) -> F) -> Vec<F::Output> {
    join_all(nodes.iter().map(|node| ask(node))).await
}
