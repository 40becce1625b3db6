//! How fast `kensho maelstrom` drives nodes, and how long it takes beside the time it was given:
//! `cargo run --release -p kensho-maelstrom --example maelstrom_speed -- [FILE.json]`
//!
//! It runs the programs `kensho-maelstrom` and `kensho-maelstrom-node` of the same build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

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
/// Each figure is the median of so many runs.
const ROUNDS: usize = 5;
/// Clients work so long.
const SECONDS: f64 = 2.0;

fn main() -> Result<()> {
    let example = std::env::current_exe()?;
    let programs = example
        .parent()
        .and_then(Path::parent)
        .context("no folder of programs")?;
    let folder =
        std::env::temp_dir().join(format!("kensho-maelstrom-speed-{}", std::process::id()));
    let bench = Bench {
        harness: programs.join("kensho-maelstrom"),
        node: programs.join("kensho-maelstrom-node"),
        folder,
    };
    let mut speeds = Vec::new();
    for clients in [1, 10, 100] {
        let options = [
            "--rate",
            "max",
            "--node-count",
            "2",
            "--concurrency",
            &clients.to_string(),
        ];
        let rates = bench.rounds(|bench| {
            let (_, verdict) = bench.run("echo", &options)?;
            verdict["throughput"]["before"]
                .as_f64()
                .context("no throughput")
        })?;
        println!("echo, {clients:>3} clients: {rates:>9.0} operations/s");
        speeds.push(
            json!({"workload": "echo", "clients": clients, "operations_per_second": rates.round()}),
        );
    }
    let mut overheads = Vec::new();
    for workload in WORKLOADS {
        let overhead = bench
            .rounds(|bench| Ok((bench.run(workload, &["--rate", "100"])?.0 - SECONDS) * 1e3))?;
        println!("{workload:<16} {overhead:>6.0} ms beside the time limit");
        overheads
            .push(json!({"workload": workload, "milliseconds": (overhead * 10.0).round() / 10.0}));
    }
    std::fs::remove_dir_all(&bench.folder)?;
    if let Some(file) = std::env::args().nth(1) {
        let figures = json!({
            "what": "medians of five runs of 2 s each on one machine; start-to-verdict time beside the time limit, five nodes",
            "command": "cargo run --release -p kensho-maelstrom --example maelstrom_speed",
            "host": kensho_results::run::Host::this(),
            "speed": speeds,
            "overhead": overheads,
        });
        std::fs::write(file, serde_json::to_string_pretty(&figures)? + "\n")?;
    }
    Ok(())
}

struct Bench {
    harness: PathBuf,
    node: PathBuf,
    folder: PathBuf,
}

impl Bench {
    /// The median of some runs.
    fn rounds(&self, measure: impl Fn(&Bench) -> Result<f64>) -> Result<f64> {
        let mut figures = (0..ROUNDS)
            .map(|_| measure(self))
            .collect::<Result<Vec<f64>>>()?;
        figures.sort_by(f64::total_cmp);
        Ok(figures[ROUNDS / 2])
    }

    /// A run that must be valid: how long it took from start to end, seconds, and its verdict.
    fn run(&self, workload: &str, options: &[&str]) -> Result<(f64, Value)> {
        let start = Instant::now();
        let output = Command::new(&self.harness)
            .args([
                "-w",
                workload,
                "--time-limit",
                &SECONDS.to_string(),
                "--bin",
            ])
            .arg(&self.node)
            .arg("--out")
            .arg(&self.folder)
            .args(options)
            .args(["--", workload])
            .output()
            .with_context(|| format!("cannot run {}", self.harness.display()))?;
        let seconds = start.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{workload} is not valid: {said}");
        let verdict = std::fs::read(self.folder.join("latest/verdict.json"))?;
        Ok((seconds, serde_json::from_slice(&verdict)?))
    }
}
