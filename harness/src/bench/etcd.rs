//! etcd beside our cluster, where it is installed: three nodes on this machine, each put durable on
//! a majority before it is answered, by the JSON gateway.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::system::free_ports;

const NODES: usize = 3;
/// It has so long to elect a leader.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Three processes; they are killed when this is dropped, and by the kernel if this process dies.
#[derive(Debug)]
pub(super) struct Etcd {
    children: Vec<Child>,
    leader: SocketAddr,
}

/// Whether the program is there.
pub(crate) fn is_installed() -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join("etcd").is_file())
}

impl Etcd {
    pub(super) async fn start(folder: &Path) -> Result<Etcd> {
        std::fs::create_dir_all(folder)?;
        let ports = free_ports(2 * NODES)?;
        let (clients, peers) = ports.split_at(NODES);
        let members = (0..NODES).map(|node| format!("e{node}=http://{}", peers[node]));
        let members = members.collect::<Vec<_>>().join(",");
        let mut etcd = Etcd {
            children: Vec::new(),
            leader: clients[0],
        };
        let this = std::env::current_exe().context("cannot find this program")?;
        for node in 0..NODES {
            let log = File::create(folder.join(format!("e{node}.log")))?;
            let (client, peer) = (
                format!("http://{}", clients[node]),
                format!("http://{}", peers[node]),
            );
            let child = Command::new(&this)
                .args(["run-with-parent", &std::process::id().to_string(), "etcd"])
                .args(["--name", &format!("e{node}"), "--log-level", "warn"])
                .arg("--data-dir")
                .arg(folder.join(format!("e{node}")))
                .args([
                    "--listen-client-urls",
                    &client,
                    "--advertise-client-urls",
                    &client,
                ])
                .args([
                    "--listen-peer-urls",
                    &peer,
                    "--initial-advertise-peer-urls",
                    &peer,
                ])
                .args([
                    "--initial-cluster",
                    &members,
                    "--initial-cluster-state",
                    "new",
                ])
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()
                .context("cannot start etcd")?;
            etcd.children.push(child);
        }
        let begin = Instant::now();
        loop {
            if let Some(leader) = leader(clients).await {
                etcd.leader = leader;
                return Ok(etcd);
            }
            if begin.elapsed() > START_LIMIT {
                bail!(
                    "etcd has no leader after {} s; logs in {}",
                    START_LIMIT.as_secs(),
                    folder.display()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) fn processes(&self) -> Vec<u32> {
        self.children.iter().map(Child::id).collect()
    }

    /// A connection to the leader, which need not pass puts on.
    pub(super) async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        connect(self.leader).await
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Both fail for a process that has ended, and then there is nothing to do.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address)
        .await
        .context("cannot connect to etcd")?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// The node that says that it leads.
async fn leader(clients: &[SocketAddr]) -> Option<SocketAddr> {
    for address in clients {
        let Ok(status) = status(*address).await else {
            continue;
        };
        let member = status.pointer("/header/member_id");
        if member.is_some() && member == status.get("leader") {
            return Some(*address);
        }
    }
    None
}

async fn status(address: SocketAddr) -> Result<Value> {
    let mut connection = connect(address).await?;
    let request = Request::post("/v3/maintenance/status").header("host", "etcd");
    let response = connection
        .send_request(request.body(Full::from("{}"))?)
        .await?;
    let body = response.into_body().collect().await?.to_bytes();
    Ok(serde_json::from_slice(&body)?)
}
