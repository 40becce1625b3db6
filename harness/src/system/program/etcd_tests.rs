//! What etcd answers, held against the table of its file. Skipped where it is not installed.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::built_in;
use super::file::answers::{self, Means};
use crate::system::ports;

/// One member, which is killed in the end.
struct Etcd(Child);

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(folder: &Path, ports: &[SocketAddr]) -> Etcd {
    let [client, peer] = [0, 1].map(|number| format!("http://{}", ports[number]));
    let child = Command::new("etcd")
        .args(["--name", "n1", "--log-level", "error", "--logger", "zap"])
        .arg("--data-dir")
        .arg(folder.join("data"))
        .args(["--listen-client-urls", &client])
        .args(["--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer])
        .args(["--initial-advertise-peer-urls", &peer])
        .args(["--initial-cluster", &format!("n1={peer}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Etcd(child)
}

/// What the client program says.
struct Client {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Client {
    fn of(at: SocketAddr) -> Client {
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("systems/etcd/client.py");
        let mut child = Command::new("python3")
            .arg("-B")
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut client = Client { child, lines };
        let init = client.ask(json!({
            "type": "init", "client": 0, "nodes": {"n1": at.to_string()},
            "settings": {"reads": "linearizable"}, "timeout_ms": 4000,
        }));
        assert_eq!(init["type"], "init_ok");
        client
    }

    fn ask(&mut self, mut body: Value) -> Value {
        body["msg_id"] = json!(1);
        writeln!(self.child.stdin.as_mut().unwrap(), "{body}").unwrap();
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn write(&mut self, key: &str, value: impl Into<Value>) -> Value {
        self.ask(json!({"type": "write", "key": key, "value": value.into()}))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_it_answers_means_what_its_table_says() {
    let described = built_in::find("etcd").unwrap().described().unwrap();
    if let Some(missing) = described.needs.missing() {
        eprintln!("skipped: {missing}");
        return;
    }
    let means = |answer: &Value| {
        assert_eq!(answer["type"], "error", "{answer}");
        let said = answer["text"].as_str().unwrap();
        let row = answers::row(&described.answers, said);
        row.map(|row| row.means).ok_or_else(|| said.to_string())
    };
    let folder = tempfile::tempdir().unwrap();
    let ports = ports::free(2).unwrap();
    let mut client = Client::of(ports[0]);
    // Nobody listens yet.
    assert_eq!(means(&client.write("r1", 1_u64)), Ok(Means::Failed));

    let etcd = start(folder.path(), &ports);
    let begin = Instant::now();
    while client.write("r1", 2_u64)["type"] != "write_ok" {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "it does not serve"
        );
        std::thread::yield_now();
    }
    // Requests that are wrong in themselves, and change nothing.
    assert_eq!(means(&client.write("", 3_u64)), Ok(Means::Failed));
    let large = "7".repeat(1_700_000);
    assert_eq!(means(&client.write("r1", large)), Ok(Means::Failed));
    let read = client.ask(json!({"type": "read", "key": "r1"}));
    assert_eq!(read["value"], 2, "{read}");
    // A connection that ends while nobody knows.
    drop(etcd);
    assert_eq!(means(&client.write("r1", 4_u64)), Ok(Means::Unknown));
    assert_eq!(means(&client.write("r1", 5_u64)), Ok(Means::Failed));
}
