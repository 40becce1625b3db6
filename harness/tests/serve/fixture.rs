//! A folder of runs, small and made by hand, and a server over it.

use kensho_results::answers::Answers;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use kensho::runner::interrupt::{Interrupt, Interrupter};
use kensho::serve::Server;
use kensho_checker::history::Kind;
use kensho_results::figures::{FaultSpan, Figures, Input};
use kensho_results::report;
use kensho_results::run::{Host, RunRecord};
use kensho_results::sample::Sample;
use kensho_results::store::RunFolder;
use kensho_results::verdict::{Counts, Losses, Validity, Verdict};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// Paths of the runs that have a verdict.
pub(crate) const VALID: &str = "register/20260315T093001.000Z";
pub(crate) const INVALID: &str = "prove/register/20260316T093001.000Z";

/// A server at work; it stops when dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) root: TempDir,
    interrupter: Interrupter,
    runtime: Option<tokio::runtime::Runtime>,
    server: Option<tokio::task::JoinHandle<()>>,
}

impl Served {
    /// Over two runs with verdicts, one that is damaged, and one that was never finished.
    pub(crate) fn start() -> Served {
        let root = tempfile::tempdir().unwrap();
        make_run(root.path(), VALID, Validity::Valid, "semi-sync");
        make_run(root.path(), INVALID, Validity::Invalid, "async");
        let damaged = root.path().join("register/20260314T093001.000Z");
        fs::create_dir_all(&damaged).unwrap();
        fs::write(damaged.join("verdict.json"), "{\"valid\": tru").unwrap();
        let unfinished = root.path().join("register/20260313T093001.000Z");
        fs::create_dir_all(&unfinished).unwrap();
        fs::write(unfinished.join("history.jsonl"), "{}\n").unwrap();
        std::os::unix::fs::symlink("/etc", root.path().join("register/outside")).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (interrupter, interrupt) = Interrupt::manual();
        let listen = "127.0.0.1:0".parse().unwrap();
        let server = runtime.block_on(Server::bind(listen, root.path())).unwrap();
        Served {
            address: server.address().unwrap(),
            root,
            interrupter,
            server: Some(runtime.spawn(server.run(interrupt))),
            runtime: Some(runtime),
        }
    }

    /// Ends the server, and waits until it has ended.
    pub(crate) fn stop(&mut self) {
        self.interrupter.interrupt();
        if let (Some(runtime), Some(server)) = (self.runtime.take(), self.server.take()) {
            runtime.block_on(server).unwrap();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
    }
}

pub(crate) fn make_run(root: &Path, path: &str, valid: Validity, mode: &str) {
    let folder = RunFolder::open(&root.join(path));
    fs::create_dir_all(folder.node("n1")).unwrap();
    let record = RunRecord {
        workload: "register".to_string(),
        system: "kensho".to_string(),
        began: "2026-03-15T09:30:01Z".to_string(),
        seed: 42,
        command: ["kensho", "test", "register"].map(String::from).to_vec(),
        options: Map::from_iter([
            ("mode".to_string(), json!(mode)),
            ("nemesis".to_string(), json!("kill,<pause>")),
        ]),
        broken_rules: BTreeMap::new(),
        planned_faults: Value::Null,
        versions: Map::new(),
        host: Host::this(),
    };
    let samples: Vec<Sample> = (0..200).map(sample).collect();
    let figures = Figures::of(Input {
        samples: &samples,
        faults: &[FaultSpan {
            start_ns: 500_000_000,
            end_ns: 900_000_000,
        }],
        operations: &["write"],
        partitions: 1,
        length_ns: 2_900_000_000,
        rate: None,
    });
    let anomalies = match valid {
        Validity::Invalid => vec![json!({"name": "stale read", "key": "r1", "text": "too old"})],
        _ => Vec::new(),
    };
    let remark = match valid {
        Validity::Valid => " No stale value was read.",
        _ => "",
    };
    let verdict = Verdict {
        valid,
        summary: format!("The verdict is {}.{remark}", valid.word()),
        missing: Vec::new(),
        anomalies,
        losses: Losses::default(),
        checker: Value::Null,
        faults: Vec::new(),
        counts: Counts::default(),
        failovers: Vec::new(),
        unexpected_exits: Vec::new(),
        answers: Answers::default(),
        object: "register".to_string(),
        began_unix_ms: None,
        figures,
    };
    folder.write_json(&folder.run(), &record).unwrap();
    folder.write_json(&folder.verdict(), &verdict).unwrap();
    report::write(&folder, &record, &verdict).unwrap();
    fs::write(folder.history(), "{\"index\":0}\n".repeat(20_000)).unwrap();
    fs::write(folder.node("n1").join("log"), "<b>a line</b>\n").unwrap();
}

fn sample(number: u64) -> Sample {
    Sample {
        f: "write",
        partition: 0,
        intended_ns: number * 10_000_000,
        invoke_ns: number * 10_000_000,
        complete_ns: number * 10_000_000 + 2_000_000,
        kind: Kind::Ok,
        served: true,
    }
}
