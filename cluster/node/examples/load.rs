//! Measures how many single-row puts and gets a second a cluster does: starts nodes on this machine,
//! and loads them from the same machine.
//!
//! ```sh
//! cargo build --release -p kensho-node
//! cargo run --release -p kensho-node --example load -- --nodes 3 --clients 64 --seconds 10
//! ```

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use kensho_client::{Client, Condition, Container, Options, ReadFrom};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What an echo sends each way: as much as a put of 100 bytes has.
const ECHO_BYTES: usize = 100;

/// Loads a cluster and prints what it does, as one line of JSON.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many nodes.
    #[arg(long, default_value_t = 3)]
    nodes: u16,
    /// How many statements at a time.
    #[arg(long, default_value_t = 32)]
    clients: u64,
    /// For how long.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// When updates are answered.
    #[arg(long, default_value = "semi-sync")]
    mode: String,
    /// When a node counts an update as held.
    #[arg(long, default_value = "sync")]
    durability: String,
    /// How many nodes hold each partition.
    #[arg(long, default_value_t = 3)]
    replicas: u8,
    /// How many rows go in one put; with more than one they go as a batch.
    #[arg(long, default_value_t = 1)]
    rows: usize,
    /// The length of a value in bytes.
    #[arg(long, default_value_t = 100)]
    value_bytes: usize,
    /// The heartbeat in milliseconds.
    #[arg(long, default_value_t = 100)]
    heartbeat_ms: u64,
    /// How many partitions.
    #[arg(long, default_value_t = 16)]
    partitions: u16,
    /// What to do.
    #[arg(long, value_enum, default_value = "put")]
    operation: Operation,
    /// Nodes record the inputs of their state machines.
    #[arg(long)]
    record: bool,
    /// The first of the ports used.
    #[arg(long, default_value_t = 23_000)]
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Operation {
    Put,
    Get,
    /// Gets that any replica may answer, with data of the last second.
    GetAny,
    /// A bare TCP echo of 100 bytes, without any nodes: what
    /// the machine can do at all.
    Echo,
}

/// The nodes, killed when this is dropped.
struct Nodes(Vec<Child>);

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn program() -> PathBuf {
    let this = std::env::current_exe().expect("this program has a path");
    let folder = this
        .parent()
        .and_then(Path::parent)
        .expect("it is in examples/");
    folder.join("kensho-node")
}

fn start(arguments: &Arguments, folder: &Path) -> Nodes {
    let port = |node: u16, what: u16| arguments.port + node * 2 + what;
    let mut nodes = Nodes(Vec::new());
    for node in 0..arguments.nodes {
        let log = std::fs::File::create(folder.join(format!("n{node}.log"))).expect("a log");
        let mut command = Command::new(program());
        command
            .args([
                "--name",
                &format!("n{node}"),
                "--cluster",
                "load",
                "--secret",
                "load",
            ])
            .args(["--mode", &arguments.mode])
            .args(["--durability", &arguments.durability])
            .args(["--replicas", &arguments.replicas.to_string()])
            .args(["--partitions", &arguments.partitions.to_string()])
            .args(["--heartbeat-ms", &arguments.heartbeat_ms.to_string()])
            .args(["--client-listen", &format!("127.0.0.1:{}", port(node, 0))])
            .args(["--peer-listen", &format!("127.0.0.1:{}", port(node, 1))])
            .arg("--data-dir")
            .arg(folder.join(format!("n{node}")))
            .stdin(Stdio::null())
            .stderr(log);
        if arguments.record {
            let records = folder.join(format!("n{node}-records"));
            command.arg("--record-dir").arg(records);
        }
        for other in 0..arguments.nodes {
            command.args([
                "--member",
                &format!("n{other}=127.0.0.1:{}", port(other, 1)),
            ]);
        }
        nodes
            .0
            .push(command.spawn().expect("kensho-node was built before"));
    }
    nodes
}

/// The time on the processor that a process has used, in seconds.
fn processor_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok());
    (ticks(11).unwrap_or_default() + ticks(12).unwrap_or_default()) / 100.0
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments = Arguments::parse();
    if arguments.operation == Operation::Echo {
        return echo(&arguments).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let nodes = start(&arguments, folder.path());
    let members =
        (0..arguments.nodes).map(|node| format!("127.0.0.1:{}", arguments.port + node * 2));
    let client = Client::connect(members, Options::new("load"));
    let containers: Vec<String> = (0..arguments.partitions * 2)
        .map(|n| format!("load{n}"))
        .collect();
    for container in &containers {
        let description = Container::keyed(container, "STRING").column("value", "STRING");
        client
            .create_container(&description)
            .await
            .expect("the cluster comes up");
    }
    let count = |group: &[Child]| {
        group
            .iter()
            .map(|child| processor_seconds(child.id()))
            .sum::<f64>()
    };
    let before = (count(&nodes.0), processor_seconds(std::process::id()));
    let done = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..arguments.clients {
        let (client, done, stop) = (client.clone(), Arc::clone(&done), Arc::clone(&stop));
        let (containers, operation) = (containers.clone(), arguments.operation);
        let max_age = Duration::from_secs(1);
        let reader = client.reading_from(ReadFrom::Any { max_age });
        let (rows, value_bytes) = (arguments.rows, arguments.value_bytes);
        tasks.push(tokio::spawn(async move {
            let mut latencies: Vec<u64> = Vec::new();
            let value = "v".repeat(value_bytes);
            for step in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let container = &containers[(number as usize * 7 + step) % containers.len()];
                let key = format!("k{number}-{}", step % 1000);
                let begun = Instant::now();
                match operation {
                    Operation::Put if rows > 1 => {
                        let row =
                            |row| format!("[\"k{number}-{}\",\"{value}\"]", (step + row) % 1000);
                        let all: Vec<String> = (0..rows).map(row).collect();
                        let put = client
                            .put_rows(container, format!("[{}]", all.join(",")))
                            .await;
                        put.expect("nothing fails");
                    }
                    Operation::Echo => unreachable!("it needs no cluster"),
                    Operation::Put => {
                        let row = format!("[\"{key}\",\"{value}\"]");
                        let put = client.put(container, &key, row, Condition::Any).await;
                        put.expect("nothing fails");
                    }
                    Operation::Get => {
                        client.get(container, &key).await.expect("nothing fails");
                    }
                    Operation::GetAny => {
                        reader.get(container, &key).await.expect("nothing fails");
                    }
                }
                latencies.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
                done.fetch_add(1, Ordering::Relaxed);
            }
            latencies
        }));
    }
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("no task panics"));
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = (count(&nodes.0), processor_seconds(std::process::id()));
    // While nothing fails nobody may be missed, however busy the machine is.
    let mut missed = 0;
    for node in 0..arguments.nodes {
        let log = std::fs::read_to_string(folder.path().join(format!("n{node}.log")));
        for line in log.unwrap_or_default().lines() {
            if line.contains("not heard for too long") || line.contains("is silent") {
                missed += 1;
                eprintln!("n{node}: {line}");
            }
        }
    }
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    let operations = done.load(Ordering::Relaxed) as f64;
    let counters = client.counters();
    println!(
        "{{\"nodes\":{},\"mode\":\"{}\",\"operation\":\"{:?}\",\"clients\":{},\"per_second\":{:.0},\
         \"durability\":\"{}\",\"replicas\":{},\"rows\":{},\"rows_per_second\":{:.0},\
         \"p50_us\":{},\"p99_us\":{},\"max_us\":{},\"node_cpu_us\":{:.1},\"client_cpu_us\":{:.1},\
         \"table_fetches\":{},\"connections\":{},\"retries\":{},\"missed\":{missed}}}",
        arguments.nodes,
        arguments.mode,
        arguments.operation,
        arguments.clients,
        operations / seconds,
        arguments.durability,
        arguments.replicas,
        arguments.rows,
        operations * arguments.rows as f64 / seconds,
        at(0.5),
        at(0.99),
        at(1.0),
        (after.0 - before.0) * 1e6 / operations,
        (after.1 - before.1) * 1e6 / operations,
        counters.table_fetches,
        counters.connections_opened,
        counters.retries,
    );
}

/// What a TCP echo does with as many connections: the server has a thread of its own, as a node has.
async fn echo(arguments: &Arguments) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("a socket can be so");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    stream.set_nodelay(true).expect("a socket can be so");
                    let mut bytes = [0; ECHO_BYTES];
                    while stream.read_exact(&mut bytes).await.is_ok() {
                        if stream.write_all(&bytes).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
    });
    let (done, stop) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let before = processor_seconds(std::process::id());
    let start = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..arguments.clients {
        let (done, stop) = (Arc::clone(&done), Arc::clone(&stop));
        tasks.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("it is there");
            stream.set_nodelay(true).expect("a socket can be so");
            let mut bytes = [0; ECHO_BYTES];
            while !stop.load(Ordering::Relaxed) {
                stream.write_all(&bytes).await.expect("nothing fails");
                stream.read_exact(&mut bytes).await.expect("nothing fails");
                done.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("no task panics");
    }
    let operations = done.load(Ordering::Relaxed) as f64;
    println!(
        "{{\"operation\":\"Echo\",\"clients\":{},\"per_second\":{:.0},\"cpu_us\":{:.1}}}",
        arguments.clients,
        operations / start.elapsed().as_secs_f64(),
        (processor_seconds(std::process::id()) - before) * 1e6 / operations,
    );
}
