//! `kensho bench scale-out`: what clients notice while nodes join, and what those get.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use super::super::figures::{FiguresOptions, command_line, on_one_thread};
use super::super::options::count;
use super::super::span::Span;
use crate::bench::{Replication, ScaleOutPlan, scale_out};
use crate::runner::interrupt::Interrupt;

/// The exit code when statements failed.
const FAILED: u8 = 1;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many nodes the cluster has at first
    #[arg(long, default_value_t = 3, value_name = "COUNT", value_parser = count(1, 16))]
    nodes: usize,
    /// How many join, one after the other
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = count(1, 16))]
    joins: usize,
    /// The nodes' heartbeat
    #[arg(long, default_value = "5s", value_name = "TIME")]
    heartbeat: Span,
    /// How they replicate
    #[arg(long, value_enum, default_value = "semi-sync", value_name = "NAME")]
    replication: Replication,
    /// Puts begun per second
    #[arg(long, default_value_t = 500, value_name = "NUMBER", value_parser = count(1, 1_000_000))]
    rate: usize,
    /// Rows that are there before, and are put again and again
    #[arg(long, default_value_t = 100_000, value_name = "COUNT", value_parser = count(1, 100_000_000))]
    records: usize,
    /// Bytes of a row's value
    #[arg(long, default_value_t = 1_000, value_name = "BYTES", value_parser = count(1, 1 << 20))]
    value_bytes: usize,
    /// Load before the first node joins, to compare with
    #[arg(long, default_value = "20s", value_name = "TIME")]
    control: Span,
    #[command(flatten)]
    figures: FiguresOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    on_one_thread(join_under_load(arguments))
}

async fn join_under_load(arguments: &Arguments) -> Result<u8> {
    let control = arguments.control.duration();
    if control < Duration::from_secs(1) {
        bail!("a control of less than a second says nothing: give --control 1s or more");
    }
    let measurement = arguments.figures.begin("scale-out")?;
    let mut signal = Interrupt::on_signals()?;
    let plan = ScaleOutPlan {
        nodes: arguments.nodes,
        joins: arguments.joins,
        heartbeat: arguments.heartbeat.duration(),
        replication: arguments.replication,
        rate: arguments.rate as f64,
        records: arguments.records as u64,
        value_bytes: arguments.value_bytes,
        control,
    };
    let folder = measurement.folder.path().join("nodes");
    let tell = |nodes: usize, took: Duration| {
        println!(
            "{nodes} nodes have like shares after {:.1} s",
            took.as_secs_f64()
        );
    };
    let scaled = scale_out(plan, &measurement.program, folder, command_line(), tell);
    let measured = signal.or(scaled).await?;
    println!(
        "control: {:.0} puts/s, {} in the slowest second, p99 {:.1} ms, longest wait {:.0} ms",
        measured.control.per_second,
        measured.control_least_per_second,
        measured.control.latency.p99_ms,
        measured.control.latency.max_ms
    );
    for join in &measured.joins {
        println!(
            "{} nodes: {:.1} s, {:.0} puts/s, {} in the slowest second, p99 {:.1} ms, longest wait {:.0} ms beyond the \
             control; a node owns {} to {} partitions and holds {} to {}",
            join.nodes,
            join.seconds(),
            join.meanwhile.per_second,
            join.least_per_second,
            join.meanwhile.latency.p99_ms,
            measured.beyond_control_ms(join),
            join.owned.least,
            join.owned.most,
            join.held.least,
            join.held.most
        );
    }
    let failed = measured.failed();
    println!("{failed} statements failed");
    measurement.keep(&measured)?;
    Ok(if failed > 0 { FAILED } else { 0 })
}
