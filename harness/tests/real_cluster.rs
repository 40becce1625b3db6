//! The command with real nodes: a short run is valid, a cluster can be played with, and no way of
//! ending the program leaves a node behind.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use programs::{kensho, nodes_in};

mod programs;

/// Far longer than anything here takes; who waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A cluster of three nodes, started by `kensho cluster up`, and the address of one of them.
fn cluster_up(out: &Path) -> (Child, String) {
    let mut child = kensho()
        .args(["cluster", "up", "--nodes", "3", "--out"])
        .arg(out)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut address = None;
    for line in lines.by_ref() {
        let line = line.unwrap();
        if let Some((_, rest)) = line.split_once("n1  http://") {
            address = rest.split_whitespace().next().map(String::from);
        }
        if line.starts_with("Ctrl-C") {
            break;
        }
    }
    (child, address.expect("it tells its addresses"))
}

fn request(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{head} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_short_run_under_faults_is_valid() {
    let out = tempfile::tempdir().unwrap();
    let output = kensho()
        .args([
            "test",
            "register",
            "--nodes",
            "3",
            "--time-limit",
            "11s",
            "--rate",
            "300",
            "--record",
        ])
        .args([
            "--nemesis",
            "kill-owner,pause-owner,partition-owner",
            "--seed",
            "3",
            "--out",
        ])
        .arg(out.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let run = out.path().join("latest");
    let read = |name: &str| fs::read_to_string(run.join(name)).unwrap();
    let verdict: Value = serde_json::from_str(&read("verdict.json")).unwrap();
    assert_eq!(verdict["valid"], true);
    assert!(
        verdict["counts"]["faults_applied"].as_u64() >= Some(1),
        "{}",
        verdict["counts"]
    );
    assert!(verdict["operations"]["cas"]["ok"].as_u64() > Some(0));
    assert!(read("report.html").contains("<h1>Valid</h1>"));
    assert!(read("history.jsonl").lines().count() > 1_000);
    assert!(read("run.json").contains("--seed") && run.join("latency.hlog").is_file());
    assert!(run.join("nodes/n3/log").is_file());
    assert_eq!(nodes_in(out.path()), 0);

    let again = kensho().arg("check").arg(&run).output().unwrap();
    assert_eq!(again.status.code(), Some(0));

    let replayed = kensho().arg("replay").arg(&run).output().unwrap();
    let said = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert_eq!(replayed.status.code(), Some(0), "{said}");
    let kills = verdict["counts"]["owner_kills"].as_u64().unwrap();
    let lives = format!("VALID\n3 nodes, {} lives", 3 + kills);
    assert!(kills > 0 && said.starts_with(&lives), "{kills} {said}");
    assert!(said.contains("all are the same"), "{said}");
    for invariant in ["one-master", "log-match", "durable-ack", "linearizable"] {
        let holds = format!("{invariant:<22} holds");
        assert!(said.contains(&holds), "{invariant}: {said}");
    }
}

#[test]
fn a_cluster_serves_and_ctrl_c_stops_it() {
    let out = tempfile::tempdir().unwrap();
    let (mut child, address) = cluster_up(out.path());
    let row = "/griddb/v2/kensho/dbs/public/containers/playground/rows/k1";
    let put = request(&address, &format!("PUT {row}"), "[\"k1\",7]");
    assert!(put.starts_with("HTTP/1.1 200"), "{put}");
    assert!(request(&address, &format!("GET {row}"), "").ends_with("[\"k1\",7]"));
    assert_eq!(nodes_in(out.path()), 3);
    kill(
        Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(nodes_in(out.path()), 0);
}

#[test]
fn nodes_die_with_the_program_however_it_ends() {
    let out = tempfile::tempdir().unwrap();
    let (mut child, _) = cluster_up(out.path());
    assert_eq!(nodes_in(out.path()), 3);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the end of all nodes", || nodes_in(out.path()) == 0);
}
