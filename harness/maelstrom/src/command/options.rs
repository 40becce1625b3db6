//! The options, in Maelstrom's own words as far as it has them.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use clap::{Args, ValueEnum};
use kensho_checker::transactions::ConsistencyModel;
use serde_json::{Map, Value};

use super::WrongArguments;
use crate::fault::Kind;
use crate::net::Distribution;
use crate::workload::{Name, Topology};
use crate::world::Rate;

/// Test nodes that speak Maelstrom's protocol, whatever they are written in
///
/// Nodes are programs that read messages as JSON lines from their standard input, and write
/// messages to their standard output. What stands behind -- is given to them as arguments.
///
/// Exit codes: 0 valid, 1 invalid, 2 unknown, 254 wrong arguments, 255 the harness failed.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// What clients do
    #[arg(short, long, value_enum, default_value = "lin-kv", value_name = "NAME")]
    pub workload: Name,
    /// The nodes' program
    #[arg(long, value_name = "FILE")]
    pub bin: PathBuf,
    /// How many nodes: n0, n1, … [default: five, n1 to n5]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=500))]
    pub node_count: Option<u16>,
    /// The nodes' names
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub nodes: Vec<String>,
    /// How many clients: a number, or 3n for three times as many as nodes
    #[arg(long, default_value = "1n", value_name = "COUNT")]
    pub concurrency: Concurrency,
    /// Operations a second, on average; 0 for none, max for as many as there can be
    #[arg(long, default_value = "5", value_name = "RATE")]
    pub rate: RateArgument,
    /// How long clients work, seconds
    #[arg(long, default_value = "60", value_name = "SECONDS", value_parser = above_zero)]
    pub time_limit: f64,
    /// Mean latency of messages between nodes, milliseconds
    #[arg(long, default_value_t = 0, value_name = "MILLIS", value_parser = clap::value_parser!(u64).range(..=3_600_000))]
    pub latency: u64,
    /// How latencies are spread around their mean
    #[arg(long, value_enum, default_value = "constant", value_name = "TYPE")]
    pub latency_dist: Distribution,
    /// What goes wrong: partition, kill, pause
    #[arg(long, value_delimiter = ',', value_name = "FAULT,...")]
    pub nemesis: Vec<String>,
    /// Seconds between the beginnings and ends of faults of a kind, on average
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = above_zero)]
    pub nemesis_interval: f64,
    /// The share of operations that must succeed: a number from 0 to 1, or total
    #[arg(long, value_name = "EXPECTED")]
    pub availability: Option<Availability>,
    /// For transactions: what the nodes promise; several with commas between them [default:
    /// strict-serializable]
    #[arg(long, value_name = "MODEL,...")]
    pub consistency_models: Option<String>,
    /// For broadcast: which neighbours are offered to nodes
    #[arg(long, value_enum, default_value = "grid", value_name = "SPEC")]
    pub topology: Topology,
    /// For transactions and kafka: how many keys are in use at a time
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub key_count: Option<u16>,
    /// For transactions: how many steps one has at most
    #[arg(long, default_value_t = 4, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_txn_length: u16,
    /// For transactions and kafka: how often a key is written before another one takes its place
    #[arg(long, default_value_t = 16, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_writes_per_key: u16,
    /// Show what nodes log
    #[arg(long)]
    pub log_stderr: bool,
    /// Show messages when they are sent
    #[arg(long)]
    pub log_net_send: bool,
    /// Show messages when they arrive
    #[arg(long)]
    pub log_net_recv: bool,
    /// The share of messages between nodes that are lost
    #[arg(long, default_value = "0", value_name = "SHARE", value_parser = share, help_heading = "Beyond Maelstrom")]
    pub loss: f64,
    /// The share of messages between nodes that arrive twice
    #[arg(long, default_value = "0", value_name = "SHARE", value_parser = share, help_heading = "Beyond Maelstrom")]
    pub duplicate: f64,
    /// The share of messages between nodes that are held up, so that later ones overtake them
    #[arg(long, default_value = "0", value_name = "SHARE", value_parser = share, help_heading = "Beyond Maelstrom")]
    pub reorder: f64,
    /// How long everything may take to arrive everywhere after the last fault, seconds
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = above_zero, help_heading = "Beyond Maelstrom")]
    pub recovery_time: f64,
    /// The seed of every choice [default: a new one]
    #[arg(long, value_name = "NUMBER", help_heading = "Beyond Maelstrom")]
    pub seed: Option<u64>,
    /// Where folders of runs are made
    #[arg(
        long,
        default_value = "results/runs",
        value_name = "FOLDER",
        help_heading = "Beyond Maelstrom"
    )]
    pub out: PathBuf,
    /// The word "test" may stand here, as it does in Maelstrom's command line
    #[arg(value_parser = ["test"], hide = true)]
    pub word: Option<String>,
    /// Arguments for the nodes' program
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<String>,
}

const AFTER_HELP: &str = "\
To begin with:
  kensho maelstrom -w echo --bin ./echo.py --node-count 1 --time-limit 5
  kensho maelstrom -w broadcast --bin ./broadcast --rate 100 --latency 100 --time-limit 20
  kensho maelstrom -w lin-kv --bin ./raft --concurrency 2n --rate 100 --nemesis partition,kill,pause";

fn above_zero(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    let fits = number.filter(|number| *number > 0.0 && *number < 1e7);
    fits.ok_or_else(|| "expected a number of seconds above zero".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    let fits = number.filter(|number| (0.0..=1.0).contains(number));
    fits.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

/// How many clients there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concurrency {
    text: String,
    count: usize,
    per_node: bool,
}

impl Concurrency {
    /// How many that is for so many nodes.
    pub fn of(&self, nodes: usize) -> usize {
        self.count * if self.per_node { nodes } else { 1 }
    }
}

impl FromStr for Concurrency {
    type Err = String;

    fn from_str(text: &str) -> Result<Concurrency, String> {
        let digits = text.strip_suffix('n');
        let count = digits.unwrap_or(text).parse().ok();
        let count = count.filter(|count| (1..=10_000).contains(count));
        Ok(Concurrency {
            text: text.to_owned(),
            count: count.ok_or("expected a number above zero, or one with n behind it, like 2n")?,
            per_node: digits.is_some(),
        })
    }
}

/// How often clients ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateArgument(pub Rate);

impl FromStr for RateArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<RateArgument, String> {
        if text == "max" {
            return Ok(RateArgument(Rate::Max));
        }
        let number: Option<f64> = text.parse().ok();
        let fits = number.filter(|number| (0.0..=1e7).contains(number));
        let rate = fits.ok_or("expected a number of operations a second, or max")?;
        Ok(RateArgument(Rate::PerSecond(rate)))
    }
}

/// The share of operations that must succeed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Availability(pub f64);

impl FromStr for Availability {
    type Err = String;

    fn from_str(text: &str) -> Result<Availability, String> {
        match text {
            "total" => Ok(Availability(1.0)),
            number => share(number)
                .map(Availability)
                .map_err(|_| "expected total, or a number from 0 to 1".to_owned()),
        }
    }
}

impl Arguments {
    /// The nodes' names.
    pub(super) fn nodes(&self) -> Result<Vec<String>> {
        if let Some(count) = self.node_count {
            return Ok((0..count).map(|number| format!("n{number}")).collect());
        }
        if self.nodes.is_empty() {
            return Ok((1..=5).map(|number| format!("n{number}")).collect());
        }
        for (place, name) in self.nodes.iter().enumerate() {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let client = name
                .strip_prefix('c')
                .is_some_and(|rest| rest.parse::<u64>().is_ok());
            let why = if name.is_empty() || !name.chars().all(plain) || name.starts_with('.') {
                "a name has letters, digits, - and _"
            } else if client || crate::service::Service::named(name).is_some() {
                "a client or a service has this name"
            } else if self.nodes[..place].contains(name) {
                "it is there twice"
            } else {
                continue;
            };
            return Err(WrongArguments(format!("--nodes {name:?}: {why}")).into());
        }
        Ok(self.nodes.clone())
    }

    /// The kinds of faults.
    pub(super) fn faults(&self) -> Result<Vec<Kind>> {
        let mut kinds = Vec::new();
        for name in self.nemesis.iter().filter(|name| *name != "none") {
            match Kind::from_str(name.trim(), false) {
                Ok(kind) if !kinds.contains(&kind) => kinds.push(kind),
                Ok(_) => {}
                Err(_) => {
                    let text = format!(
                        "--nemesis: there is no fault {name:?}; there are partition, kill and pause"
                    );
                    return Err(WrongArguments(text).into());
                }
            }
        }
        kinds.sort_unstable();
        Ok(kinds)
    }

    /// What transactions are judged by; empty for other workloads.
    pub(super) fn promises(&self) -> Result<Vec<ConsistencyModel>> {
        if !self.workload.is_transactional() {
            return Ok(Vec::new());
        }
        let text = self
            .consistency_models
            .as_deref()
            .unwrap_or("strict-serializable");
        let names = text.split(',').map(str::trim);
        names
            .map(|name| {
                ConsistencyModel::from_str(name, true).map_err(|_| {
                    let text = format!(
                        "--consistency-models: there is no model {name:?}; kensho check --help lists those of --consistency"
                    );
                    WrongArguments(text).into()
                })
            })
            .collect()
    }

    /// Every option with its value, as the command line has it.
    pub(super) fn record(&self) -> Map<String, Value> {
        fn named(value: &impl ValueEnum) -> Value {
            let value = value.to_possible_value();
            value.map_or(Value::Null, |value| value.get_name().into())
        }
        let rate = match self.rate.0 {
            Rate::Max => "max".into(),
            Rate::PerSecond(rate) => Value::from(rate),
        };
        let nemesis = match self.nemesis.is_empty() {
            true => Value::Null,
            false => self.nemesis.join(",").into(),
        };
        let options: [(&str, Value); 24] = [
            ("workload", named(&self.workload)),
            ("bin", self.bin.display().to_string().into()),
            ("concurrency", self.concurrency.text.clone().into()),
            ("rate", rate),
            ("time-limit", self.time_limit.into()),
            ("latency", self.latency.into()),
            ("latency-dist", named(&self.latency_dist)),
            ("nemesis", nemesis),
            ("nemesis-interval", self.nemesis_interval.into()),
            (
                "availability",
                self.availability.map(|share| share.0).into(),
            ),
            ("consistency-models", self.consistency_models.clone().into()),
            ("topology", named(&self.topology)),
            ("key-count", self.key_count.into()),
            ("max-txn-length", self.max_txn_length.into()),
            ("max-writes-per-key", self.max_writes_per_key.into()),
            ("log-stderr", self.log_stderr.into()),
            ("log-net-send", self.log_net_send.into()),
            ("log-net-recv", self.log_net_recv.into()),
            ("loss", self.loss.into()),
            ("duplicate", self.duplicate.into()),
            ("reorder", self.reorder.into()),
            ("recovery-time", self.recovery_time.into()),
            ("seed", self.seed.into()),
            ("out", self.out.display().to_string().into()),
        ];
        options
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}
