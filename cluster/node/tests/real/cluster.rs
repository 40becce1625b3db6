//! Real nodes as processes on this machine, for the tests beside this.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use kensho_client::{Client, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

pub(crate) const CLUSTER: &str = "test";
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// Nodes that form a cluster; all are killed when this is dropped.
pub(crate) struct Cluster {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) nodes: Vec<Node>,
}

/// One of them.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) client: String,
    pub(crate) peer: String,
    /// As whom requests are made: whole lines of a head.
    pub(crate) user: String,
    settings: PathBuf,
    log: PathBuf,
    process: Option<Child>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The path of the program.
pub(crate) fn program() -> PathBuf {
    assert_cmd::cargo::cargo_bin!("kensho-node").to_path_buf()
}

/// Addresses that nobody listens on at the moment.
pub(crate) fn free_addresses(count: usize) -> Vec<String> {
    let listeners: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"))
        .collect();
    let addresses = listeners
        .iter()
        .map(|listener| listener.local_addr().expect("an address"));
    addresses.map(|address| address.to_string()).collect()
}

/// Names and where nodes are, as in the settings.
fn list<'a>(nodes: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let node = |(name, peer)| format!("{{name = \"{name}\", peer = \"{peer}\"}}");
    let nodes: Vec<String> = nodes.map(node).collect();
    format!("[{}]", nodes.join(", "))
}

impl Cluster {
    /// As many nodes, not started. Each gets the lines `extra` in its settings.
    pub(crate) fn new(count: usize, extra: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let addresses = free_addresses(2 * count);
        let names: Vec<String> = (1..=count).map(|number| format!("n{number}")).collect();
        let members = list(names.iter().zip(&addresses));
        let extra = format!("members = {members}\n{extra}");
        let mut cluster = Cluster {
            folder,
            nodes: Vec::new(),
        };
        for (index, name) in names.iter().enumerate() {
            cluster.add(name, &addresses[index], &addresses[count + index], &extra);
        }
        cluster
    }

    /// A node that is not started.
    fn add(&mut self, name: &str, peer: &str, client: &str, extra: &str) {
        let folder = self.folder.path();
        let settings = folder.join(format!("{name}.toml"));
        let heartbeat = match extra.contains("heartbeat_ms") {
            true => "",
            false => "heartbeat_ms = 100\n",
        };
        let text = format!(
            "name = \"{name}\"\ncluster = \"{CLUSTER}\"\nsecret = \"shared\"\npartitions = 8\n\
             {heartbeat}data_dir = {:?}\nclient_listen = \"{client}\"\n\
             peer_listen = \"{peer}\"\n{extra}",
            folder.join(name),
        );
        std::fs::write(&settings, text).expect("the settings");
        self.nodes.push(Node {
            name: name.to_owned(),
            client: client.to_owned(),
            peer: peer.to_owned(),
            user: String::new(),
            settings,
            log: folder.join(format!("{name}.log")),
            process: None,
        });
    }

    /// Starts one more node, which joins the others; which it is.
    pub(crate) fn join(&mut self) -> usize {
        let number = self.nodes.len();
        let members = list(self.nodes.iter().map(|node| (&node.name, &node.peer)));
        let addresses = free_addresses(2);
        let (name, extra) = (format!("n{}", number + 1), format!("join = {members}"));
        self.add(&name, &addresses[0], &addresses[1], &extra);
        self.nodes[number].start();
        number
    }

    /// A node that is not started, and is to join through `members`; it is none of the cluster's nodes.
    pub(crate) fn joining(&mut self, name: &str, members: &str) -> Node {
        self.prepared(name, &format!("join = {members}"))
    }

    /// A node that is not started, with these lines in its settings; it is none of the cluster's nodes.
    pub(crate) fn prepared(&mut self, name: &str, extra: &str) -> Node {
        let addresses = free_addresses(2);
        self.add(name, &addresses[0], &addresses[1], extra);
        self.nodes.pop().expect("it was added")
    }

    /// A node that is not started, goes by the name of a member, has a folder of its own, and is to join
    /// through the first node.
    pub(crate) fn double_of(&mut self, name: &str) -> Node {
        let members = list(std::iter::once((
            &self.nodes[0].name.clone(),
            &self.nodes[0].peer.clone(),
        )));
        let mut double = self.joining("double", &members);
        let text = std::fs::read_to_string(&double.settings).expect("its settings");
        let text = text.replace("name = \"double\"", &format!("name = \"{name}\""));
        std::fs::write(&double.settings, text).expect("its settings");
        name.clone_into(&mut double.name);
        double
    }

    /// The same, started, and ready.
    pub(crate) fn started(count: usize, extra: &str) -> Self {
        let mut cluster = Cluster::new(count, extra);
        for node in &mut cluster.nodes {
            node.start();
        }
        cluster.wait_until_whole();
        cluster
    }

    /// A client that knows all nodes.
    pub(crate) fn client(&self) -> Client {
        self.client_with(Options::new(CLUSTER).failover_timeout(PATIENCE))
    }

    /// A client that takes slowness for no failure: it asks for no table while a statement waits.
    pub(crate) fn trusting_client(&self) -> Client {
        let mut options = Options::new(CLUSTER).failover_timeout(PATIENCE);
        options.session.attempt_timeout = PATIENCE;
        options.session.probe_interval = PATIENCE;
        self.client_with(options)
    }

    pub(crate) fn client_with(&self, options: Options) -> Client {
        Client::connect(self.nodes.iter().map(|node| &node.client), options)
    }

    pub(crate) fn node(&mut self, name: &str) -> &mut Node {
        let found = self.nodes.iter_mut().find(|node| node.name == name);
        found.expect("there is such a node")
    }

    /// Waits until all nodes are ready, and all partitions are held by all of them.
    pub(crate) fn wait_until_whole(&self) {
        let count = self.nodes.len().min(3);
        wait_until("the cluster is whole", || {
            self.nodes.iter().all(|node| {
                let Some(table) = node.table() else {
                    return false;
                };
                let partitions = table["partitions"].as_array().expect("partitions");
                let whole = |partition: &serde_json::Value| {
                    partition["in_sync"].as_array().map(Vec::len) == Some(count)
                };
                node.get("/readyz").status == 200 && partitions.iter().all(whole)
            })
        });
    }

    /// Who owns a container's partition, as the first node that is up says.
    pub(crate) fn owner_of(&self, container: &str) -> String {
        let table = self.nodes.iter().find_map(Node::table).expect("a table");
        let partitions = table["partitions"].as_array().expect("partitions");
        let count = u16::try_from(partitions.len()).expect("a few");
        let partition = kensho_protocol::routing::partition_of(container, count);
        let owner = &partitions[usize::from(partition.0)]["owner"];
        owner.as_str().expect("an owner").to_owned()
    }
}

pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(POLL);
    }
}

impl Node {
    pub(crate) fn start(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .expect("a log");
        let process = Command::new(program())
            .arg("--config")
            .arg(&self.settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.process = Some(process.expect("the program starts"));
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// SIGTERM; waits for the end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        let mut process = self.process.take().expect("it runs");
        process.wait().expect("it ends")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(self.id(), signal).expect("it can be told");
    }

    /// Stops the process where it stands. Until one of its threads has taken the signal, the others
    /// go on: on a busy machine they may answer meanwhile.
    pub(crate) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        let stopped = waitpid(self.id(), Some(WaitPidFlag::WUNTRACED));
        assert_eq!(stopped, Ok(WaitStatus::Stopped(self.id(), Signal::SIGSTOP)));
    }

    fn id(&self) -> Pid {
        let process = self.process.as_ref().expect("it runs");
        Pid::from_raw(i32::try_from(process.id()).expect("a process id"))
    }

    /// How much memory the process has at the moment.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let id = self.process.as_ref().expect("it runs").id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a process");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|text| text.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse::<u64>().ok())
            .expect("a number")
            << 10
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The partition table, if the node is up and has one.
    pub(crate) fn table(&self) -> Option<serde_json::Value> {
        let answer = self.get("/cluster/table");
        (answer.status == 200).then(|| answer.json())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    /// Sends one request; `headers` are whole lines.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}{headers}\
             Content-Length: {}\r\n\r\n{body}",
            self.user,
            body.len()
        );
        self.send(request.as_bytes())
    }

    /// Sends these bytes, and takes all that comes back; status 0 if nothing does.
    pub(crate) fn send(&self, bytes: &[u8]) -> Answer {
        let exchange = || {
            let mut stream = TcpStream::connect(&self.client)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            // The node may answer, and close, before it has read everything.
            let _ = stream.write_all(bytes);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            Ok::<_, std::io::Error>(answer)
        };
        Answer::parse(&exchange().unwrap_or_default())
    }
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// The same as it came, if it is no text.
    pub(crate) binary: Option<Vec<u8>>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Answer {
            status: status.unwrap_or_default(),
            head: head.to_lowercase(),
            body: body.to_owned(),
            binary: std::str::from_utf8(bytes).is_err().then(|| {
                let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
                bytes[end.map_or(0, |end| end + 4)..].to_vec()
            }),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut pairs = lines.filter_map(|line| line.split_once(": "));
        pairs
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}
