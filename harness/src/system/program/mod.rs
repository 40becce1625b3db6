//! Any system whose nodes are programs on this machine: a file says how they start and how they are
//! asked, and the harness does the rest (processes, ports, a proxy on every link, logs, faults).

pub mod built_in;
mod client;
pub mod file;
mod primary;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::future::join_all;
use kensho_means::mesh::{Mesh, Opener, Ports, SharedPorts};
use kensho_means::origin;
use kensho_nemesis::capability::Capability;
use kensho_nemesis::topology::Endpoint;
use kensho_workloads::call::CallKind;
use kensho_workloads::workload::Values;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::control;
use super::nodes::Nodes;
use super::process::{Launch, NodeProcess};
use super::{Described, Health, Links, Processes, Roles, Status, System};
use client::ProgramClient;
use file::{CLIENT, File, Filled, PEER, Placeholders, Ready};
use primary::Primary;

/// The calls that its clients perform.
pub const CALLS: &[CallKind] = &[CallKind::Message];
/// This system, for those who choose one.
pub static DESCRIBED: Described = Described {
    name: "FILE.toml",
    text: "any system of your own: a file says how its nodes start and how they are asked; kensho init system writes one",
    calls: CALLS,
    able: &[Capability::Processes, Capability::Links],
};
/// A node that takes longer than this for a question about itself is silent.
const PROBE_LIMIT: Duration = Duration::from_millis(400);
/// A command that prepares everything (which may build programs) has failed after this time.
const PREPARE_LIMIT: Duration = Duration::from_secs(300);
/// A program that takes longer for its version does not tell it.
const VERSION_LIMIT: Duration = Duration::from_secs(10);
/// A node that has not ended by then is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What is wanted besides what the file says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file.
    pub file: File,
    /// The folder with a folder for each node.
    pub folder: PathBuf,
    /// A program, with its arguments, that runs another one so that it dies with this process.
    pub guard: Vec<String>,
    /// How long a client may take for an answer.
    pub client_timeout: Duration,
}

/// A system whose nodes are programs.
pub struct ProgramSystem {
    settings: Settings,
    names: Vec<String>,
    /// Where each node listens, by its name and the port's.
    ports: BTreeMap<String, BTreeMap<String, SocketAddr>>,
    mesh: Mesh,
    processes: Arc<Nodes>,
    primary: Option<Primary>,
    version: Option<String>,
}

impl ProgramSystem {
    /// Takes ports, and opens the proxies; nothing is started.
    ///
    /// # Errors
    /// If there are no ports.
    pub async fn new(settings: Settings) -> Result<ProgramSystem> {
        let file = &settings.file;
        let names: Vec<String> = (1..=file.nodes)
            .map(|number| format!("n{number}"))
            .collect();
        let free = super::ports::free(file.ports.len() * file.nodes)?;
        let own = free.chunks(file.ports.len());
        let own = own.map(|free| {
            file.ports
                .iter()
                .cloned()
                .zip(free.iter().copied())
                .collect()
        });
        let ports: BTreeMap<String, BTreeMap<String, SocketAddr>> =
            names.iter().cloned().zip(own).collect();
        let processes = Arc::new(Nodes::default());
        let mesh = open_mesh(file, &ports, &processes).await?;
        let version = match &file.version {
            Some(command) => version(&command.filled(&Placeholders::default()), &file.folder).await,
            None => None,
        };
        let mut system = ProgramSystem {
            settings,
            names,
            ports,
            mesh,
            processes,
            primary: None,
            version,
        };
        if let Some(command) = &system.settings.file.primary {
            let command = command.filled(&system.for_clients());
            let here = system.settings.file.folder.clone();
            system.primary = Some(Primary::new(command, here, system.names.clone()));
        }
        Ok(system)
    }

    /// Removes all data of the nodes, which must not run.
    pub fn remove_data(&self) {
        for node in &self.names {
            // What is left costs space and nothing else.
            let _ = fs::remove_dir_all(self.folder(node).join("data"));
        }
    }

    fn folder(&self, node: &str) -> PathBuf {
        self.settings.folder.join(node)
    }

    /// Where clients reach the nodes, through proxies.
    fn addresses(&self) -> BTreeMap<&str, String> {
        let address = |name| (name, System::address(self, name));
        let names = self.names.iter().map(String::as_str);
        names.map(address).collect()
    }

    /// What stands for the same in all commands.
    fn for_clients(&self) -> Placeholders {
        let mut values = Placeholders::default();
        values.list("clients", &self.addresses());
        let listens = self.ports.iter();
        let direct = listens.map(|(name, ports)| (name.as_str(), ports[CLIENT].to_string()));
        values.list("direct", &direct.collect());
        if self.settings.file.shared_ports {
            for port in &self.settings.file.ports {
                let address = |name: &'_ String| self.mesh.shared_address(name, port);
                let names = self.names.iter();
                let all =
                    names.filter_map(|name| Some((name.as_str(), address(name)?.to_string())));
                values.list(&format!("{port}_addresses"), &all.collect());
            }
        }
        for (name, value) in &self.settings.file.chosen {
            values.set(name, value);
        }
        values
    }

    /// What stands for a node in commands.
    fn for_node(&self, node: &str) -> Result<Placeholders> {
        let ports = self.ports.get(node).context("there is no such node")?;
        let number = self.names.iter().position(|name| name == node);
        let data = std::path::absolute(self.folder(node).join("data"))?;
        let others = self.names.iter().filter(|name| *name != node);
        let peers: BTreeMap<&str, String> = others
            .filter_map(|name| Some((name.as_str(), self.peer_address(node, name)?.to_string())))
            .collect();
        let mut values = self.for_clients();
        values.set("name", node);
        values.set("number", (number.unwrap_or_default() + 1).to_string());
        values.set("data", data.display().to_string());
        values.set("advertise", System::address(self, node));
        values.list("peers", &peers);
        for (port, &address) in ports {
            values.address(port, address);
            if let Some(shared) = self.mesh.shared_address(node, port) {
                values.address(&format!("{port}_address"), shared);
            }
        }
        if let (true, Some(&client)) = (self.settings.file.one_port(), ports.get(CLIENT)) {
            values.address(PEER, client);
        }
        Ok(values)
    }

    /// Where a node reaches another one.
    fn peer_address(&self, from: &str, to: &str) -> Option<SocketAddr> {
        let listens = self.ports.get(to)?;
        let port = listens.get(PEER).map_or(CLIENT, |_| PEER);
        match (self.settings.file.shared_ports, self.settings.file.links) {
            (true, _) => self.mesh.shared_address(to, port),
            (false, true) => self.mesh.address(&Endpoint::Node(from.to_string()), to),
            (false, false) => listens.get(port).copied(),
        }
    }

    /// Whether a node says that it is ready.
    async fn is_ready(&self, node: &str) -> bool {
        let Ok(values) = self.for_node(node) else {
            return false;
        };
        let asked = async {
            match &self.settings.file.ready {
                Ready::Port => {
                    let address = self.ports[node][CLIENT];
                    TcpStream::connect(address).await.is_ok()
                }
                Ready::Url(path) => {
                    let address = self.ports[node][CLIENT];
                    let path = values.fill(path);
                    control::get(address, &path, PROBE_LIMIT).await.is_ok()
                }
                Ready::Command(command) => {
                    let filled = command.filled(&values);
                    let mut command = Command::new(&filled.program);
                    command
                        .args(&filled.arguments)
                        .current_dir(&self.settings.file.folder)
                        .stdin(std::process::Stdio::null())
                        .stdout(std::process::Stdio::null())
                        .stderr(std::process::Stdio::null())
                        .kill_on_drop(true);
                    command.status().await.is_ok_and(|status| status.success())
                }
            }
        };
        tokio::time::timeout(self.settings.file.probe_limit(), asked)
            .await
            .unwrap_or(false)
    }
}

/// Opens the proxies on all links.
async fn open_mesh(
    file: &File,
    ports: &BTreeMap<String, BTreeMap<String, SocketAddr>>,
    processes: &Arc<Nodes>,
) -> Result<Mesh> {
    if file.shared_ports {
        let shared: Vec<SharedPorts> = ports
            .iter()
            .map(|(name, ports)| SharedPorts {
                name: name.clone(),
                ports: ports.clone(),
            })
            .collect();
        let processes = Arc::clone(processes);
        let opener: Opener = Arc::new(move |from, to| opener(&processes, from, to));
        return Ok(Mesh::open_shared(&shared, &opener).await?);
    }
    let ports: Vec<Ports> = ports
        .iter()
        .map(|(name, own)| Ports {
            name: name.clone(),
            client: own[CLIENT],
            peer: own.get(PEER).copied().unwrap_or(own[CLIENT]),
        })
        .collect();
    Ok(Mesh::open(&ports).await?)
}

/// Who has opened a connection: a node, or else a client.
fn opener(processes: &Nodes, from: SocketAddr, to: SocketAddr) -> Endpoint {
    let trees = processes.trees();
    let all: Vec<u32> = trees.iter().flat_map(|(_, tree)| tree).copied().collect();
    let Some(pid) = origin::opener(from, to, &all) else {
        return Endpoint::Clients;
    };
    let node = trees.into_iter().find(|(_, tree)| tree.contains(&pid));
    node.map_or(Endpoint::Clients, |(name, _)| Endpoint::Node(name))
}

/// How a command of the file ended, and what it wrote.
struct Ran {
    status: std::process::ExitStatus,
    said: String,
}

/// Runs a command of the file to its end; it ends with whoever waits for it.
async fn run(command: &Filled, folder: &Path) -> std::io::Result<Ran> {
    let output = Command::new(&command.program)
        .args(&command.arguments)
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    // Some programs tell what is asked for on their standard error.
    let said = [output.stdout, output.stderr].concat();
    Ok(Ran {
        status: output.status,
        said: String::from_utf8_lossy(&said).into_owned(),
    })
}

/// Runs what has to be run before anything starts.
async fn prepare(command: &Filled, folder: &Path) -> Result<()> {
    let program = command.program.display();
    let output = tokio::time::timeout(PREPARE_LIMIT, run(command, folder)).await;
    let output =
        output.with_context(|| format!("{program} has not prepared everything in time"))?;
    let Ran { status, said } = output.with_context(|| format!("cannot start {program}"))?;
    if !status.success() {
        bail!(
            "{program}, which prepares everything, ended ({status}): {}",
            said.trim_end()
        );
    }
    Ok(())
}

/// The first line that a command writes.
async fn version(command: &Filled, folder: &Path) -> Option<String> {
    let output = tokio::time::timeout(VERSION_LIMIT, run(command, folder)).await;
    let Ran { said, .. } = output.ok()?.ok()?;
    let line = said.lines().find(|line| !line.trim().is_empty())?;
    Some(line.trim().to_string())
}

impl System for ProgramSystem {
    type Client = ProgramClient;

    fn name(&self) -> &str {
        &self.settings.file.name
    }

    fn versions(&self) -> Map<String, Value> {
        let file = self.settings.file.path.display().to_string();
        let mut versions = Map::new();
        versions.insert("kensho".into(), json!(env!("CARGO_PKG_VERSION")));
        versions.insert("file".into(), json!(file));
        if let Some(version) = &self.version {
            versions.insert(self.settings.file.name.clone(), json!(version));
        }
        versions
    }

    fn nodes(&self) -> &[String] {
        &self.names
    }

    async fn install(&self) -> Result<()> {
        for node in &self.names {
            let folder = self.folder(node).join("data");
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        match &self.settings.file.prepare {
            Some(command) => {
                let command = command.filled(&Placeholders::default());
                prepare(&command, &self.settings.file.folder).await
            }
            None => Ok(()),
        }
    }

    async fn start(&self, node: &str) -> Result<()> {
        if self.processes.is_there(node) {
            return Ok(());
        }
        let file = &self.settings.file;
        let command = file.start.filled(&self.for_node(node)?);
        let launch = Launch {
            program: command.program,
            guard: self.settings.guard.clone(),
        };
        let arguments: Vec<&str> = command.arguments.iter().map(String::as_str).collect();
        let log = System::log(self, node);
        let process = NodeProcess::start(&launch, &arguments, &file.folder, &log)?;
        let up = || self.is_ready(node);
        self.processes
            .start(node, process, &log, file.ready_within, up)
            .await
    }

    async fn stop(&self, node: &str) -> Result<()> {
        self.processes.stop(node, STOP_LIMIT).await
    }

    fn status(&self, node: &str) -> Status {
        self.processes.status(node)
    }

    async fn health(&self, node: &str) -> Health {
        match self.processes.status(node) {
            Status::Stopped | Status::Exited(_) => Health::Down,
            // Its kernel still takes connections.
            Status::Paused => Health::Silent,
            Status::Running if self.is_ready(node).await => Health::Ready,
            Status::Running => Health::Silent,
        }
    }

    async fn settled(&self) -> Result<(), String> {
        let healths = join_all(self.names.iter().map(|node| self.health(node))).await;
        for (node, health) in self.names.iter().zip(healths) {
            if health != Health::Ready {
                return Err(format!("{node} is {}", health.word()));
            }
        }
        match &self.primary {
            Some(primary) if primary.table().await.is_none() => {
                Err("nobody is primary".to_string())
            }
            _ => Ok(()),
        }
    }

    /// There are no containers to be made; that a client can be spoken to is found out before anything
    /// depends on it.
    async fn create_containers(&self, _names: &[String], _values: Values) -> Result<()> {
        if let Err(why) = self.client(0).greet().await {
            bail!("the client program cannot be used: {why}");
        }
        Ok(())
    }

    fn client(&self, number: usize) -> ProgramClient {
        let file = &self.settings.file;
        let mut values = self.for_clients();
        values.set("number", number.to_string());
        let logs: &Path = &self.settings.folder;
        ProgramClient::new(client::Origin {
            number,
            command: file.client.filled(&values),
            guard: self.settings.guard.clone(),
            folder: file.folder.clone(),
            log: logs.join(format!("client-{number}.log")),
            nodes: json!(self.addresses()),
            settings: json!(file.chosen),
            answers: file.answers.clone(),
            timeout: self.settings.client_timeout,
        })
    }

    fn address(&self, node: &str) -> String {
        let address = match self.settings.file.shared_ports {
            true => self.mesh.shared_address(node, CLIENT),
            false => self.mesh.address(&Endpoint::Clients, node),
        };
        address
            .map(|address| address.to_string())
            .unwrap_or_default()
    }

    fn log(&self, node: &str) -> PathBuf {
        self.folder(node).join("log")
    }

    fn processes(&self) -> Option<&dyn Processes> {
        Some(&*self.processes)
    }

    fn links(&self) -> Option<&dyn Links> {
        self.settings.file.links.then_some(&self.mesh as &dyn Links)
    }

    fn roles(&self) -> Option<&dyn Roles> {
        let primary = self.primary.as_ref();
        primary.map(|primary| primary as &dyn Roles)
    }
}

#[cfg(test)]
mod etcd_tests;
#[cfg(test)]
mod tests;
