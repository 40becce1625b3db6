//! Options that several subcommands share.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use super::span::Span;
use crate::system::Launch;
use crate::system::kensho::{Durability, Mode, Settings};

/// What cluster is started.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterOptions {
    /// How many nodes
    #[arg(long, default_value_t = 5, value_name = "COUNT", value_parser = count(1, 50))]
    pub(super) nodes: usize,
    /// How many nodes hold each partition: its owner and its backups
    #[arg(long, default_value_t = 3, value_name = "COUNT", value_parser = count(1, 50))]
    pub(super) replicas: usize,
    /// How many partitions containers are hashed into
    #[arg(long, default_value_t = 16, value_name = "COUNT", value_parser = count(1, 4096))]
    pub(super) partitions: usize,
    /// When an update is answered: when all backups have confirmed it, or when it was sent to them
    #[arg(long, value_enum, default_value_t = Mode::SemiSync)]
    pub(super) mode: Mode,
    /// When a node counts an update as held
    #[arg(long, value_enum, default_value_t = Durability::Sync)]
    pub(super) durability: Durability,
    /// Let each flush of a node's log take so much longer, as on a slow disk
    #[arg(long, value_name = "TIME")]
    pub(super) flush_delay: Option<Span>,
    /// Time between heartbeats; whoever is silent for 3 of them is missed
    #[arg(long, default_value = "100ms", value_name = "TIME")]
    pub(super) heartbeat: Span,
    /// The node program [default: kensho-node beside this program]
    #[arg(long, value_name = "PATH")]
    pub(super) node_binary: Option<PathBuf>,
    /// Safety rules to break on purpose; needs a node program built with the feature break-rules
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(super) break_rules: Vec<String>,
    /// What nodes log, as tracing filters say it
    #[arg(long, default_value = "info", value_name = "FILTER")]
    pub(super) node_log: String,
    /// Nodes record what goes into their state machines, beside their data; kensho replay FOLDER-OF-RUN
    /// then validates the run against the model
    #[arg(long)]
    pub(super) record: bool,
}

/// What clients do.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Load")]
pub(super) struct LoadOptions {
    /// How many clients
    #[arg(long, default_value_t = 30, value_name = "COUNT", value_parser = count(1, 10_000))]
    pub(super) clients: usize,
    /// Operations begun per second on average, whatever their latency; "max" for as many as the
    /// clients can do
    #[arg(long, default_value = "1500", value_name = "NUMBER|max")]
    pub(super) rate: Rate,
    /// A client that has no answer after this time gives up, not knowing what happened; every third
    /// client after a tenth of it, and it asks for no newer table meanwhile
    #[arg(long, default_value = "5s", value_name = "TIME")]
    pub(super) client_timeout: Span,
}

/// What a run is drawn from.
#[derive(Clone, Debug, Args)]
pub(super) struct SeedOption {
    /// Seed of every choice of the harness [default: drawn]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Where the run goes, and what it is drawn from.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Run")]
pub(super) struct RunOptions {
    #[command(flatten)]
    pub(super) seed: SeedOption,
    /// Folder of runs; each gets a folder of its own in it
    #[arg(long, default_value = "results/runs", value_name = "DIR")]
    pub(super) out: PathBuf,
}

/// How many operations are begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate(pub(super) Option<f64>);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        if text == "max" {
            return Ok(Rate(None));
        }
        let rate = text
            .parse()
            .ok()
            .filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
        rate.map(|rate| Rate(Some(rate)))
            .ok_or_else(|| format!("{text:?} is no rate: write operations per second, or max"))
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(rate) => write!(f, "{rate}"),
            None => f.write_str("max"),
        }
    }
}

fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("cannot find this program")
}

/// This program, as one that runs another one so that it dies with it.
///
/// # Errors
/// If it cannot find itself.
pub(super) fn guard() -> Result<Vec<String>> {
    let this = this_program()?;
    Ok(vec![
        this.display().to_string(),
        "run-with-parent".to_string(),
    ])
}

/// The node program that was named, or the one beside this program.
///
/// # Errors
/// If this program cannot find itself.
pub(super) fn node_program(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(path) => Ok(path.to_path_buf()),
        None => Ok(this_program()?.with_file_name("kensho-node")),
    }
}

/// A whole number within bounds.
pub(super) fn count(
    least: usize,
    most: usize,
) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text
            .parse()
            .ok()
            .filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| format!("write a whole number from {least} to {most}"))
    }
}

impl ClusterOptions {
    /// Whether the options fit each other.
    ///
    /// # Errors
    /// Which do not.
    pub(super) fn check(&self) -> Result<()> {
        if self.replicas > self.nodes {
            let (replicas, nodes) = (self.replicas, self.nodes);
            let text = format!("--replicas {replicas} needs as many nodes, and --nodes is {nodes}");
            return Err(Refusal(text).into());
        }
        Ok(())
    }

    /// The cluster that they ask for, in `folder`.
    ///
    /// # Errors
    /// If this program cannot find itself.
    pub(super) fn settings(
        &self,
        folder: PathBuf,
        proxies: bool,
        client: Span,
    ) -> Result<Settings> {
        let program = node_program(self.node_binary.as_deref())?;
        let guard = guard()?;
        Ok(Settings {
            nodes: self.nodes,
            joiners: 0,
            replicas: self.replicas,
            partitions: u32::try_from(self.partitions)?,
            mode: self.mode,
            durability: self.durability,
            flush_delay_ms: self.flush_delay.map_or(0, Span::milliseconds),
            data_limit_bytes: None,
            distrust_disks: false,
            log_limits: None,
            heartbeat_ms: self.heartbeat.milliseconds(),
            break_rules: self.break_rules.clone(),
            log: self.node_log.clone(),
            launch: Launch {
                program: std::path::absolute(program)?,
                guard,
            },
            proxies,
            folder,
            record: self.record,
            client_timeout: client.duration(),
        })
    }

    /// Every option with its value.
    pub(super) fn record(&self) -> Map<String, Value> {
        let mut record = Map::new();
        record.insert("nodes".into(), json!(self.nodes));
        record.insert("replicas".into(), json!(self.replicas));
        record.insert("partitions".into(), json!(self.partitions));
        record.insert("mode".into(), json!(self.mode.name()));
        record.insert("durability".into(), json!(self.durability.name()));
        if let Some(delay) = self.flush_delay {
            record.insert("flush-delay".into(), json!(delay.to_string()));
        }
        record.insert("heartbeat".into(), json!(self.heartbeat.to_string()));
        if let Some(path) = &self.node_binary {
            record.insert("node-binary".into(), json!(path.display().to_string()));
        }
        if !self.break_rules.is_empty() {
            record.insert("break-rules".into(), json!(self.break_rules.join(",")));
        }
        record.insert("node-log".into(), json!(self.node_log));
        if self.record {
            record.insert("record".into(), json!(true));
        }
        record
    }
}

impl LoadOptions {
    /// Every option with its value.
    pub(super) fn record(&self) -> Map<String, Value> {
        let mut record = Map::new();
        record.insert("clients".into(), json!(self.clients));
        record.insert("rate".into(), json!(self.rate.to_string()));
        record.insert(
            "client-timeout".into(),
            json!(self.client_timeout.to_string()),
        );
        record
    }
}

impl SeedOption {
    /// The seed asked for, or a fresh one.
    pub(super) fn get(&self) -> u64 {
        use std::hash::{BuildHasher, RandomState};
        // Small enough to be typed again.
        self.seed
            .unwrap_or_else(|| RandomState::new().hash_one(std::process::id()) >> 40)
    }
}

/// The words of a command that has these options.
pub(super) fn command(words: &[&str], options: &Map<String, Value>) -> Vec<String> {
    let mut command: Vec<String> = words.iter().map(ToString::to_string).collect();
    for (name, value) in options {
        command.push(format!("--{name}"));
        if *value == Value::Bool(true) {
            continue;
        }
        command.push(
            value
                .as_str()
                .map_or_else(|| value.to_string(), String::from),
        );
    }
    command
}
