//! Real processes: right nodes are found valid, every planted bug is caught, and nodes that break
//! the protocol are told what was expected.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

/// What `kensho maelstrom` says and leaves behind.
struct Run {
    output: Output,
    folder: tempfile::TempDir,
}

impl Run {
    fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    fn said(&self) -> String {
        let of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        of(&self.output.stdout) + &of(&self.output.stderr)
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("latest")
    }

    fn verdict(&self) -> Value {
        let text = std::fs::read_to_string(self.path().join("verdict.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

/// Runs the program that has only the command `maelstrom` of `kensho`.
fn run(options: &str, node: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kensho-maelstrom"))
        .args([
            "--bin",
            env!("CARGO_BIN_EXE_kensho-maelstrom-node"),
            "--out",
        ])
        .arg(folder.path())
        .args(options.split_whitespace())
        .arg("--")
        .args(node.split_whitespace())
        .output()
        .unwrap();
    Run { output, folder }
}

/// Tries all cases, some at a time: most of their time is waiting.
fn each<T: Sync>(cases: &[T], attempt: impl Fn(&T) + Sync) {
    for some in cases.chunks(6) {
        std::thread::scope(|scope| {
            for case in some {
                scope.spawn(|| attempt(case));
            }
        });
    }
}

const QUICK: &str = "--time-limit 1 --rate 300 --recovery-time 1 --seed 1";

const WORKLOADS: [&str; 10] = [
    "echo",
    "unique-ids",
    "broadcast",
    "g-set",
    "g-counter",
    "pn-counter",
    "lin-kv",
    "txn-list-append",
    "txn-rw-register",
    "kafka",
];

#[test]
fn right_nodes_are_valid_in_every_workload() {
    each(&WORKLOADS, |workload| {
        let options = format!("-w {workload} --time-limit 1 --rate 300");
        let run = run(&options, workload);
        assert_eq!(run.code(), Some(0), "{workload}: {}", run.said());
        let verdict = run.verdict();
        assert_eq!(verdict["valid"], true);
        assert!(
            verdict["operations"]
                .as_object()
                .unwrap()
                .values()
                .all(|counts| {
                    counts["ok"].as_u64() > Some(5) || counts["info"].as_u64() > Some(0)
                })
        );
        let folder = kensho_results::store::RunFolder::open(&run.path());
        let read = folder.read_verdict().unwrap();
        assert!(read.figures.operation_count() > 100);
        assert_eq!(folder.read_run().unwrap().workload, *workload);
        let watched = std::fs::read_to_string(folder.progress()).unwrap();
        for stage in ["main", "judging", "ended"] {
            assert!(
                watched.contains(&format!("\"stage\":\"{stage}\"")),
                "{watched}"
            );
        }
        let page = std::fs::read_to_string(folder.report()).unwrap();
        assert!(page.contains("prefers-color-scheme: dark") && page.contains("<svg"));
        for fetched in ["src=", "href=\"http", "@import", "url("] {
            assert!(
                !page.contains(fetched),
                "{workload}: the page fetches {fetched}"
            );
        }
        for file in ["history.jsonl", "report.html", "run.json", "logs/n1.log"] {
            assert!(run.path().join(file).exists(), "{workload}: no {file}");
        }
    });
}

#[test]
fn every_planted_bug_is_caught_by_its_name() {
    let bugs = [
        ("echo", "garble", "wrong echo"),
        ("unique-ids", "nameless", "duplicate id"),
        ("broadcast", "forget", "lost write"),
        ("broadcast", "mute", "lost write"),
        ("g-set", "forget", "lost write"),
        ("g-set", "twice", "duplicate element"),
        ("g-counter", "mute", "counter out of bounds"),
        ("g-counter", "add-up", "counter out of bounds"),
        ("pn-counter", "mute", "counter out of bounds"),
        ("pn-counter", "add-up", "counter out of bounds"),
        ("lin-kv", "stale", "stale read"),
        ("lin-kv", "lose-writes", ""),
        ("lin-kv", "seq-kv", ""),
        ("lin-kv", "lww-kv", ""),
        ("txn-list-append", "stale", ""),
        ("txn-list-append", "lose-writes", ""),
        ("txn-rw-register", "stale", ""),
        ("txn-rw-register", "lose-writes", ""),
        ("kafka", "forget", "lost write"),
        ("kafka", "same-offset", "inconsistent offsets"),
        ("kafka", "skip", ""),
    ];
    each(&bugs, |(workload, bug, anomaly)| {
        let run = run(
            &format!("-w {workload} {QUICK}"),
            &format!("{workload} --bug {bug}"),
        );
        assert_eq!(run.code(), Some(1), "{workload} {bug}: {}", run.said());
        let verdict = run.verdict();
        let anomalies = verdict["anomalies"].as_array().unwrap();
        assert!(!anomalies.is_empty());
        let names = anomalies.iter().filter_map(|found| found["name"].as_str());
        let named = anomaly.is_empty() || names.clone().any(|name| name == *anomaly);
        assert!(named, "{workload} {bug}: {:?}", names.collect::<Vec<_>>());
    });
}

#[test]
fn nodes_that_break_the_protocol_are_told_what_was_expected() {
    for (bug, words) in [
        (
            "garbage",
            &["I have heard 20 messages", "not JSON", "standard error"][..],
        ),
        ("exit", &["exit status: 3", "I have had enough"]),
        ("stranger", &["\"n77\"", "nobody has that name", "lin-kv"]),
        ("malformed", &["another form", "echo_ok", "the request:"]),
    ] {
        let run = run(
            &format!("-w echo {QUICK} --node-count 2"),
            &format!("echo --bug {bug}"),
        );
        assert_eq!(run.code(), Some(2), "{bug}: {}", run.said());
        for word in words {
            assert!(run.said().contains(word), "{bug}: {}", run.said());
        }
        let verdict = run.verdict();
        assert_eq!(verdict["valid"], "unknown");
        assert!(verdict["trouble"].as_str().unwrap().starts_with('n'));
    }
}

#[test]
fn where_nothing_succeeds_nothing_is_valid() {
    let deaf = run(
        &format!("-w lin-kv {QUICK} --node-count 1"),
        "lin-kv --bug deaf",
    );
    assert_eq!(deaf.code(), Some(2), "{}", deaf.said());
    assert!(
        deaf.said().contains("missing: no write succeeded"),
        "{}",
        deaf.said()
    );
    let silent = run("-w echo --rate 0 --time-limit 0.5", "echo");
    assert_eq!(silent.code(), Some(2), "{}", silent.said());
}

#[test]
fn faults_are_applied_and_right_nodes_stay_valid() {
    let options = "-w lin-kv --time-limit 4 --rate 300 --concurrency 2n --seed 3 \
        --nemesis partition,kill,pause --nemesis-interval 0.5 --latency 5 --latency-dist uniform";
    let run = run(options, "lin-kv");
    assert_eq!(run.code(), Some(0), "{}", run.said());
    let verdict = run.verdict();
    let faults = verdict["faults"].as_array().unwrap();
    for kind in ["partition", "kill", "pause"] {
        let mut own = faults.iter().filter(|fault| fault["name"] == kind);
        assert!(own.any(|fault| fault["outcome"] == "applied"), "no {kind}");
    }
    // A node that was killed has started again, and says so in its log.
    let killed = faults.iter().find(|fault| fault["name"] == "kill").unwrap();
    let node = killed["targets"][0].as_str().unwrap();
    let log = std::fs::read_to_string(run.path().join(format!("logs/{node}.log"))).unwrap();
    assert!(log.lines().count() > 1, "{node}: {log}");
}

#[test]
fn a_network_that_loses_doubles_and_reorders_is_no_excuse() {
    let options = "-w broadcast --time-limit 1 --rate 300 --seed 1 --latency 2 \
        --latency-dist exponential --loss 0.1 --duplicate 0.1 --reorder 0.1";
    let run = run(options, "broadcast");
    assert_eq!(run.code(), Some(0), "{}", run.said());
    let network = &run.verdict()["network"];
    for count in ["lost", "doubled"] {
        assert!(network[count].as_u64() > Some(0), "{network}");
    }
    let stability = &run.verdict()["stability"];
    assert_eq!(stability["stable-count"], stability["attempt-count"]);
}

#[test]
fn availability_and_consistency_are_asked_as_wanted() {
    let wanting = run(&format!("-w echo {QUICK} --availability total"), "echo");
    assert_eq!(wanting.code(), Some(0), "{}", wanting.said());
    let refused = format!("-w lin-kv {QUICK} --availability 1");
    let refused = run(&refused, "lin-kv");
    // A compare-and-set fails now and then, and reads of keys that are not there do not.
    let all_succeeded = refused.verdict()["operations"]["cas"]["fail"] == 0;
    assert_eq!(
        refused.code(),
        Some(i32::from(!all_succeeded)),
        "{}",
        refused.said()
    );
    let weak =
        format!("-w txn-list-append {QUICK} --consistency-models read-uncommitted,serializable");
    let weak = run(&weak, "txn-list-append");
    assert_eq!(weak.code(), Some(0), "{}", weak.said());
    assert!(
        weak.said().contains("(read-uncommitted, serializable)"),
        "{}",
        weak.said()
    );
}

#[test]
fn wrong_arguments_are_one_line_and_exit_code_254() {
    for (options, words) in [
        (
            "--nemesis flood",
            &["flood", "partition", "kill", "pause"][..],
        ),
        ("-w bnak", &["bnak", "lin-kv"]),
        (
            "-w echo --consistency-models serializable",
            &["txn-list-append", "echo"],
        ),
        ("-w txn-list-append --consistency-models exact", &["exact"]),
        ("--nemesis partition --node-count 1", &["two nodes"]),
        ("--nodes n1,lin-kv", &["lin-kv"]),
        ("--rate fast", &["fast", "max"]),
        ("--concurrency 0", &["0"]),
        ("--loss 2", &["0 to 1"]),
    ] {
        let run = run(options, "echo");
        assert_eq!(run.code(), Some(254), "{options}: {}", run.said());
        for word in words {
            assert!(run.said().contains(word), "{options}: {}", run.said());
        }
    }
    let output = Command::new(env!("CARGO_BIN_EXE_kensho-maelstrom"))
        .args(["--bin", "/no/such/node"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(254));
}

#[test]
fn no_node_outlives_an_interrupted_run_and_what_was_done_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_kensho-maelstrom");
    let mut harness = std::process::Command::new(program)
        .args([
            "-w",
            "echo",
            "--bin",
            env!("CARGO_BIN_EXE_kensho-maelstrom-node"),
            "--out",
        ])
        .arg(folder.path())
        .args(["--time-limit", "600", "--rate", "200", "--", "echo"])
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let history = folder.path().join("latest/history.jsonl");
    let lines = || {
        std::fs::read_to_string(&history)
            .unwrap_or_default()
            .lines()
            .count()
    };
    while lines() < 100 {
        assert!(harness.try_wait().unwrap().is_none(), "it has ended");
        std::thread::yield_now();
    }
    let nodes = children(harness.id());
    assert_eq!(nodes.len(), 5);
    let number = nix::unistd::Pid::from_raw(i32::try_from(harness.id()).unwrap());
    nix::sys::signal::kill(number, nix::sys::signal::Signal::SIGINT).unwrap();
    let status = harness.wait().unwrap();
    assert_eq!(status.code(), Some(2));
    for node in nodes {
        assert!(
            !Path::new(&format!("/proc/{node}")).exists(),
            "node {node} lives"
        );
    }
    let verdict = std::fs::read_to_string(folder.path().join("latest/verdict.json")).unwrap();
    assert!(verdict.contains("interrupted after"), "{verdict}");
}

fn children(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(path).unwrap_or_default();
    children
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}
