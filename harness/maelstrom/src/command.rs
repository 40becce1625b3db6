//! The command `kensho maelstrom`.

mod options;
mod tell;

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kensho_results::progress::Stage;
use kensho_results::run::{Host, RunRecord};
use kensho_results::store::RunFolder;
use kensho_results::utc::Utc;
use serde_json::{Map, Value, json};

use crate::fault;
use crate::net::Conditions;
use crate::real::{self, Launch, Live, Setup};
use crate::report::{self, Question};
use crate::workload::{self, Name};
use crate::world::Settings;

pub use options::Arguments;

/// The arguments do not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongArguments(pub String);

impl fmt::Display for WrongArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongArguments {}

/// Runs the test that the arguments ask for, and tells what came of it. Returns the exit code.
///
/// `guard` is how nodes are started so that they die with this process, see [`Launch::guard`].
///
/// # Errors
/// [`WrongArguments`], or that nodes could not be started or files not be written.
pub fn run(arguments: &Arguments, guard: Vec<String>) -> Result<u8> {
    let program = program(&arguments.bin)?;
    let nodes = arguments.nodes()?;
    let kinds = arguments.faults()?;
    check(arguments, &nodes, &kinds)?;
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let options = workload::Options {
        nodes: nodes.clone(),
        topology: arguments.topology,
        key_count: arguments.key_count.map(usize::from),
        max_txn_length: usize::from(arguments.max_txn_length),
        max_writes_per_key: usize::from(arguments.max_writes_per_key),
    };
    let mut workload = arguments.workload.build(&options);
    let length_ns = seconds_to_ns(arguments.time_limit);
    let faults = fault::plan(
        &kinds,
        seconds_to_ns(arguments.nemesis_interval),
        length_ns,
        seed,
    );
    let question = Question {
        model: workload.model(),
        operations: workload.operations(),
        has_final_reads: workload
            .finale()
            .is_some_and(|finale| finale.last().is_some()),
        consistency: arguments.promises()?,
        availability: arguments.availability.map(|wanted| wanted.0),
        faults: kinds,
        nodes: nodes.clone(),
    };
    let settings = Settings {
        clients: arguments.concurrency.of(nodes.len()),
        nodes,
        rate: arguments.rate.0,
        length_ns,
        conditions: Conditions {
            latency_ms: arguments.latency,
            distribution: arguments.latency_dist,
            loss: arguments.loss,
            duplicate: arguments.duplicate,
            reorder: arguments.reorder,
        },
        faults,
        call_timeout_ns: call_timeout_ns(arguments),
        setup_timeout_ns: 30_000_000_000,
        recovery_ns: seconds_to_ns(arguments.recovery_time),
        seed,
        log_net_send: arguments.log_net_send,
        log_net_recv: arguments.log_net_recv,
    };
    let name = arguments.workload.as_str();
    let folder = RunFolder::create(&arguments.out, &format!("maelstrom-{name}"), Utc::now())?;
    let record = record(arguments, &settings, &program, seed)?;
    write_record(&folder, &record, &question)?;
    eprintln!("run {} (seed {seed})", folder.path().display());
    let mut live = Live::start(&folder, length_ns, settings.faults.len());
    let launch = Launch {
        program,
        arguments: arguments.arguments.clone(),
        guard,
        shows_log: arguments.log_stderr,
    };
    let outcome = real::run(Setup {
        live: &mut live,
        settings,
        workload,
        launch,
        folder: folder.clone(),
    });
    live.enter(Stage::Judging);
    let judge = |outcome| report::make(&folder, &record, &question, outcome);
    let shown = outcome
        .and_then(judge)
        .inspect_err(|error| live.fail(format!("{error:#}")))?;
    live.enter(Stage::Ended);
    tell::tell(&shown, &folder);
    Ok(shown.verdict.valid.exit_code())
}

fn seconds_to_ns(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// How long a client waits for an answer.
fn call_timeout_ns(arguments: &Arguments) -> u64 {
    let milliseconds = match arguments.workload {
        Name::LinKv => (10 * arguments.latency).max(1_000),
        _ => 5_000,
    };
    milliseconds * 1_000_000
}

/// The nodes' program, as a path that does not depend on the folder.
fn program(path: &Path) -> Result<PathBuf> {
    let refused = |why: &str| WrongArguments(format!("--bin {}: {why}", path.display()));
    let program = path
        .canonicalize()
        .map_err(|error| refused(&format!("{error}; it is a path to a program")))?;
    let meta = program
        .metadata()
        .map_err(|error| refused(&error.to_string()))?;
    if meta.is_dir() {
        return Err(refused("it is a folder, not a program").into());
    }
    if meta.permissions().mode() & 0o111 == 0 {
        let hint = "it is not executable; chmod +x it, and let it begin with #!, if it is a script";
        return Err(refused(hint).into());
    }
    Ok(program)
}

/// What does not fit together.
fn check(arguments: &Arguments, nodes: &[String], kinds: &[fault::Kind]) -> Result<()> {
    if kinds.contains(&fault::Kind::Partition) && nodes.len() < 2 {
        let text = "--nemesis partition needs at least two nodes; see --node-count";
        return Err(WrongArguments(text.to_owned()).into());
    }
    if arguments.consistency_models.is_some() && !arguments.workload.is_transactional() {
        let text = format!(
            "--consistency-models is for transactions (txn-list-append, txn-rw-register), not for {}",
            arguments.workload.as_str()
        );
        return Err(WrongArguments(text).into());
    }
    Ok(())
}

fn record(
    arguments: &Arguments,
    settings: &Settings,
    program: &Path,
    seed: u64,
) -> Result<RunRecord> {
    let mut options = arguments.record();
    options.insert("seed".to_owned(), seed.into());
    options.insert("nodes".to_owned(), settings.nodes.join(",").into());
    let mut command: Vec<String> = ["kensho", "maelstrom"].map(String::from).to_vec();
    for (name, value) in &options {
        match value {
            Value::Bool(false) | Value::Null => {}
            Value::Bool(true) => command.push(format!("--{name}")),
            Value::String(text) => command.extend([format!("--{name}"), text.clone()]),
            other => command.extend([format!("--{name}"), other.to_string()]),
        }
    }
    if !arguments.arguments.is_empty() {
        command.push("--".to_owned());
        command.extend(arguments.arguments.iter().cloned());
    }
    let mut versions = Map::new();
    versions.insert("kensho".to_owned(), env!("CARGO_PKG_VERSION").into());
    let system = program
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    Ok(RunRecord {
        workload: arguments.workload.as_str(),
        system: system.unwrap_or_default(),
        began: Utc::now().text(),
        seed,
        command,
        options,
        broken_rules: BTreeMap::new(),
        planned_faults: serde_json::to_value(&settings.faults)?,
        versions,
        host: Host::this(),
    })
}

/// The record also says by which model `kensho check` is to judge the folder.
fn write_record(folder: &RunFolder, record: &RunRecord, question: &Question) -> Result<()> {
    let mut value = serde_json::to_value(record)?;
    value["model"] = json!(question.model.name);
    folder
        .write_json(&folder.run(), &value)
        .context("cannot write the record")
}
