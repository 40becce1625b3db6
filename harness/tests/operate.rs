//! Looking after a cluster that runs: what people are shown, members that leave, and backups, taken under load
//! and restored into another cluster.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kensho_client::{Client, Container, Credentials, Options, Scan};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use programs::kensho;

mod programs;

/// Far longer than anything here takes; who waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends a process as a person does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let id = Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        let _ = kill(id, Signal::SIGINT);
        let _ = self.0.wait();
    }
}

/// A cluster of three nodes, and where its nodes are.
fn cluster_up(out: &Path) -> (Running, Vec<String>) {
    let mut child = kensho()
        .args([
            "cluster",
            "up",
            "--nodes",
            "3",
            "--heartbeat",
            "500ms",
            "--out",
        ])
        .arg(out)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut addresses = Vec::new();
    for line in lines {
        let line = line.unwrap();
        if let Some((_, rest)) = line.split_once("  http://") {
            addresses.extend(rest.split_whitespace().next().map(String::from));
        }
        if line.starts_with("Ctrl-C") {
            break;
        }
    }
    (Running(child), addresses)
}

fn node_program() -> PathBuf {
    PathBuf::from(kensho().get_program()).with_file_name("kensho-node")
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A cluster of one node that knows the user `ann`, and where it is.
fn one_node(folder: &Path, partitions: &str) -> (Running, String) {
    let users = folder.join("users");
    let mut add = Command::new(node_program());
    add.args(["user", "add", "ann", "--role", "admin", "--users-file"])
        .arg(&users);
    let mut added = add
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    added.stdin.take().unwrap().write_all(b"s3cret\n").unwrap();
    assert!(added.wait().unwrap().success());
    let address = free_address();
    let child = Command::new(node_program())
        .args([
            "--name",
            "m1",
            "--cluster",
            "other",
            "--replicas",
            "1",
            "--heartbeat-ms",
            "500",
        ])
        .args(["--partitions", partitions, "--client-listen", &address])
        .args(["--peer-listen", &free_address(), "--data-dir"])
        .arg(folder.join("data"))
        .arg("--users-file")
        .arg(&users)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (Running(child), address)
}

fn operate(arguments: &[&str], at: &str) -> Output {
    let mut command = kensho();
    command.arg("cluster").args(arguments).args(["--at", at]);
    command.env("KENSHO_PASSWORD", "s3cret").output().unwrap()
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

fn wait_until_whole(at: &str, user: &[&str]) {
    let begin = Instant::now();
    loop {
        let status = operate(&[&["status"], user].concat(), at);
        if status.status.success() {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{}", said(&status));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn client(cluster: &str, at: &[String], user: Option<Credentials>) -> Client {
    let mut options = Options::new(cluster).failover_timeout(PATIENCE);
    options.credentials = user;
    Client::connect(at, options)
}

async fn rows(client: &Client, container: &str) -> Value {
    let rows = client.scan(container, &Scan::first(10_000)).await.unwrap();
    Value::Array(rows.value.rows)
}

/// What there is of every type, and of containers of every kind.
async fn fill(client: &Client) {
    let columns = [
        ("key", "STRING"),
        ("bool", "BOOL"),
        ("long", "LONG"),
        ("double", "DOUBLE"),
        ("at", "TIMESTAMP"),
        ("blob", "BLOB"),
        ("texts", "STRING_ARRAY"),
    ];
    let columns = columns
        .map(|(name, kind)| json!({"name": name, "type": kind, "index": [], "notNull": false}));
    let all = json!({"container_name": "Every-Type", "container_type": "COLLECTION", "rowkey": true, "columns": columns});
    let series = json!({"container_name": "series", "container_type": "TIME_SERIES", "rowkey": true,
        "columns": [{"name": "at", "type": "TIMESTAMP"}, {"name": "v", "type": "DOUBLE", "index": ["TREE"]}]});
    let keyless = json!({"container_name": "keyless", "container_type": "COLLECTION", "rowkey": false,
        "columns": [{"name": "v", "type": "LONG"}]});
    for described in [&all, &series, &keyless] {
        let container = Container::from_json(described.to_string().as_bytes()).unwrap();
        client.create_container(&container).await.unwrap();
    }
    let every = json!([
        [
            "a\n\"b\"",
            true,
            i64::MIN,
            0.1,
            "2026-01-31T23:59:59.999Z",
            "AAH/",
            ["x", ""]
        ],
        ["検証", null, null, null, null, null, null],
    ]);
    client
        .put_rows("Every-Type", every.to_string())
        .await
        .unwrap();
    let series = json!([
        ["2026-01-01T00:00:00.000Z", 1.5],
        ["2026-01-01T00:00:01.000Z", null]
    ]);
    client.put_rows("series", series.to_string()).await.unwrap();
    for value in [3, 1, 2, 3] {
        client
            .put_rows("keyless", json!([[value]]).to_string())
            .await
            .unwrap();
    }
}

/// Two rows of one container get the same value at once, again and again.
async fn write_pairs(client: Client, stop: Arc<AtomicBool>, written: Arc<AtomicU64>) {
    while !stop.load(Ordering::Relaxed) {
        let value = written.load(Ordering::Relaxed) + 1;
        for container in 0..4 {
            let pair = json!([["left", value], ["right", value]]).to_string();
            client
                .put_rows(&format!("pairs{container}"), pair)
                .await
                .expect("no statement fails");
        }
        written.store(value, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_under_load_is_restored_and_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_cluster, addresses) = cluster_up(folder.path());
    let at = addresses.join(",");
    let source = client("kensho", &addresses, None);
    fill(&source).await;
    for container in 0..4 {
        let container = Container::keyed(format!("pairs{container}"), "STRING").column("v", "LONG");
        source.create_container(&container).await.unwrap();
    }
    let (stop, written) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let writing = tokio::spawn(write_pairs(
        source.clone(),
        Arc::clone(&stop),
        Arc::clone(&written),
    ));
    while written.load(Ordering::Relaxed) < 3 {
        tokio::task::yield_now().await;
    }
    let before = written.load(Ordering::Relaxed);
    let backup = folder.path().join("backup");
    let to = backup.to_str().unwrap().to_owned();
    let (asked, place) = (at.clone(), to.clone());
    let taken = tokio::task::spawn_blocking(move || operate(&["backup", "--to", &place], &asked));
    succeeded(&taken.await.unwrap());
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    assert!(
        written.load(Ordering::Relaxed) > before,
        "clients went on meanwhile"
    );
    let again = operate(&["backup", "--to", &to], &at);
    assert!(said(&again).contains("is not empty"), "{}", said(&again));

    let large = tempfile::tempdir().unwrap();
    let (_other, other) = one_node(large.path(), "16");
    let user = ["--user", "ann"];
    wait_until_whole(&other, &user);
    let restore = |from: &Path, at: &str| {
        let from = from.to_str().unwrap();
        operate(&["restore", "--from", from, "--user", "ann"], at)
    };
    // Damage is found before anything is written.
    let damaged = folder.path().join("damaged");
    fs::create_dir(&damaged).unwrap();
    let mut longest = (0, PathBuf::new());
    for file in fs::read_dir(&backup).unwrap() {
        let file = file.unwrap().path();
        let copy = damaged.join(file.file_name().unwrap());
        fs::copy(&file, &copy).unwrap();
        if copy.extension().is_some_and(|ending| ending == "jsonl") {
            longest = longest.max((copy.metadata().unwrap().len(), copy));
        }
    }
    let mut bytes = fs::read(&longest.1).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&longest.1, bytes).unwrap();
    let refused = restore(&damaged, &other);
    let name = longest.1.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(!refused.status.success());
    assert!(
        said(&refused).contains(&name) && said(&refused).contains("damaged"),
        "{}",
        said(&refused)
    );

    let restored = succeeded(&restore(&backup, &other));
    assert!(restored.contains("restored and compared"), "{restored}");
    let target = client(
        "other",
        std::slice::from_ref(&other),
        Some(Credentials::new("ann", "s3cret")),
    );
    for container in ["Every-Type", "series", "keyless"] {
        assert_eq!(
            rows(&target, container).await,
            rows(&source, container).await,
            "{container}"
        );
    }
    for container in 0..4 {
        let pair = rows(&target, &format!("pairs{container}")).await;
        let value = pair[0][1].as_u64().unwrap();
        assert_eq!(
            pair,
            json!([["left", value], ["right", value]]),
            "of one moment"
        );
        assert!(value >= before, "all that was acknowledged before is there");
    }
    let full = restore(&backup, &other);
    assert!(
        said(&full).contains("restore into an empty one"),
        "{}",
        said(&full)
    );
    let small = tempfile::tempdir().unwrap();
    let (_small, few) = one_node(small.path(), "8");
    wait_until_whole(&few, &user);
    let other_count = restore(&backup, &few);
    assert!(
        said(&other_count).contains("--partitions 16"),
        "{}",
        said(&other_count)
    );
    let nobody = operate(&["status"], &few);
    assert!(said(&nobody).contains("users_file"), "{}", said(&nobody));
}

#[test]
fn people_see_how_a_cluster_is_and_decide_who_belongs_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_cluster, addresses) = cluster_up(folder.path());
    let at = addresses.join(",");
    wait_until_whole(&at, &[]);
    let status = succeeded(&operate(&["status"], &at));
    assert!(status.contains("cluster kensho, master n"), "{status}");
    assert!(
        status.contains("\nn3 ") && status.contains("whole"),
        "{status}"
    );
    let health = operate(&["status", "--json"], &at);
    let health: Value = serde_json::from_slice(&health.stdout).unwrap();
    assert_eq!(health["nodes"].as_array().map(Vec::len), Some(3));
    let table = succeeded(&operate(&["table"], &at));
    assert_eq!(table.lines().count(), 1 + 16, "{table}");

    let refused = operate(&["failover"], &at);
    assert_eq!(refused.status.code(), Some(254));
    assert!(said(&refused).contains("--force"), "{}", said(&refused));
    succeeded(&operate(&["failover", "--force"], &at));

    let left = succeeded(&operate(&["leave", "--name", "n3"], &at));
    assert!(left.contains("n3 has left"), "{left}");
    wait_until_whole(&at, &[]);
    let health = operate(&["status", "--json"], &at);
    let health: Value = serde_json::from_slice(&health.stdout).unwrap();
    assert_eq!(
        health["nodes"].as_array().map(Vec::len),
        Some(2),
        "{health}"
    );
    let unknown = operate(&["status"], "127.0.0.1:1");
    assert_eq!(unknown.status.code(), Some(255));
    assert!(
        said(&unknown).contains("no node can tell"),
        "{}",
        said(&unknown)
    );
}
