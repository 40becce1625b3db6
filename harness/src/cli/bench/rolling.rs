//! `kensho bench rolling-restart`: what clients notice while all nodes are restarted in order.

use anyhow::{Result, bail};
use clap::Args;
use kensho_results::bench::rolling::{RollingRound, RollingSet};
use kensho_results::run::Host;

use super::super::figures::{FiguresOptions, command_line, on_one_thread};
use super::super::options::count;
use super::super::span::Span;
use crate::bench::{Replication, RollingPlan, restart};
use crate::runner::interrupt::Interrupt;

/// The exit code when statements failed.
const FAILED: u8 = 1;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many nodes the clusters have, each measured after the other
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "COUNT,...",
        default_value = "3,5"
    )]
    nodes: Vec<usize>,
    /// The nodes' heartbeat
    #[arg(long, default_value = "5s", value_name = "TIME")]
    heartbeat: Span,
    /// How they replicate
    #[arg(long, value_enum, default_value = "semi-sync2", value_name = "NAME")]
    replication: Replication,
    /// Puts begun per second
    #[arg(long, default_value_t = 500, value_name = "NUMBER", value_parser = count(1, 1_000_000))]
    rate: usize,
    /// Bytes of a row's value
    #[arg(long, default_value_t = 100, value_name = "BYTES", value_parser = count(1, 1 << 20))]
    value_bytes: usize,
    /// How often all nodes are restarted, one after the other
    #[arg(long, default_value_t = 10, value_name = "COUNT", value_parser = count(1, 1_000))]
    rounds: usize,
    /// Load without a restart before each round, to compare with
    #[arg(long, default_value = "5s", value_name = "TIME")]
    control: Span,
    #[command(flatten)]
    figures: FiguresOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    on_one_thread(rolling(arguments))
}

async fn rolling(arguments: &Arguments) -> Result<u8> {
    if let Some(few) = arguments.nodes.iter().find(|nodes| **nodes < 3) {
        bail!(
            "of {few} nodes none can stop without the others losing their majority: give 3 or more"
        );
    }
    let measurement = arguments.figures.begin("rolling-restart")?;
    let mut signal = Interrupt::on_signals()?;
    let mut set = RollingSet {
        command: command_line(),
        host: Host::this(),
        clusters: Vec::new(),
    };
    for &nodes in &arguments.nodes {
        let plan = RollingPlan {
            nodes,
            heartbeat: arguments.heartbeat.duration(),
            replication: arguments.replication,
            rate: arguments.rate as f64,
            value_bytes: arguments.value_bytes,
            rounds: arguments.rounds,
            control: arguments.control.duration(),
        };
        let folder = measurement
            .folder
            .path()
            .join("nodes")
            .join(nodes.to_string());
        let restarted = restart(plan, &measurement.program, folder, tell);
        let cluster = signal.or(restarted).await?;
        println!(
            "{nodes} nodes: {} statements failed; the longest wait was {:.0} ms beyond that of the control (median of {})",
            cluster.failed(),
            cluster.median_beyond_control_ms(),
            cluster.rounds.len()
        );
        set.clusters.push(cluster);
    }
    measurement.keep(&set)?;
    let failed = set.clusters.iter().any(|cluster| cluster.failed() > 0);
    Ok(if failed { FAILED } else { 0 })
}

fn tell(number: usize, round: &RollingRound) {
    let longest = |times: &[u64]| times.iter().max().copied().unwrap_or_default();
    println!(
        "round {number}: {} puts, {} failed; longest wait {:.0} ms, in the control {:.0} ms; stops took up to {} ms, returns up to {} ms",
        round.answered,
        round.failed,
        round.restart_longest_ms,
        round.control_longest_ms,
        longest(&round.stop_ms),
        longest(&round.whole_ms)
    );
}
