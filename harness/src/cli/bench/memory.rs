//! `kensho bench memory`: what nodes keep while the same rows are written again and again.

use anyhow::Result;
use clap::Args;
use kensho_results::bench::memory::{MemoryLoad, MemorySet};
use kensho_results::run::Host;

use super::super::figures::{FiguresOptions, command_line, on_one_thread};
use super::super::options::count;
use super::super::span::Span;
use crate::bench::{MemoryPlan, measure_memory, memory_cluster};
use crate::runner::interrupt::Interrupt;
use crate::system::kensho::Durability;

/// Exit code if memory or the log on disk grew.
const GREW: u8 = 1;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// For how long each of the three loads goes on
    #[arg(long, default_value = "10m", value_name = "TIME")]
    duration: Span,
    /// Checkpoints are made when a node's log on disk is longer than this, in MiB
    #[arg(long, default_value_t = 64, value_name = "NUMBER", value_parser = count(1, 100_000))]
    checkpoint_after_mib: usize,
    /// When a node holds an update
    #[arg(long, default_value = "delayed")]
    durability: Durability,
    #[command(flatten)]
    figures: FiguresOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    on_one_thread(measure(arguments))
}

async fn measure(arguments: &Arguments) -> Result<u8> {
    let measurement = arguments.figures.begin("memory")?;
    let mut signal = Interrupt::on_signals()?;
    let plan = MemoryPlan {
        duration: arguments.duration.duration(),
        checkpoint_after_bytes: (arguments.checkpoint_after_mib as u64) << 20,
        durability: arguments.durability,
    };
    let nodes = measurement.folder.path().join("nodes");
    println!(
        "{}; three loads of {:.0} s each. Means of memory are those of three equal parts of the time \
         after its first fifth.",
        memory_cluster(&plan),
        plan.duration.as_secs_f64()
    );
    let mut grew = false;
    let tell = |load: &MemoryLoad| {
        print(load);
        for complaint in load.complaints(plan.checkpoint_after_bytes) {
            grew = true;
            println!("  {complaint}");
        }
    };
    let loads = signal
        .or(measure_memory(plan, &measurement.program, nodes, tell))
        .await?;
    if !grew {
        println!("Nothing grew: memory within 10 %, the log on disk within twice its setting.");
    }
    measurement.keep(&MemorySet {
        command: command_line(),
        host: Host::this(),
        text: memory_cluster(&plan),
        checkpoint_after_bytes: plan.checkpoint_after_bytes,
        loads,
    })?;
    Ok(if grew { GREW } else { 0 })
}

fn print(load: &MemoryLoad) {
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    println!(
        "{}: {} requests in {:.0} s, {:.0} MiB",
        load.text,
        load.requests,
        load.seconds,
        mib(load.sent_bytes as f64)
    );
    for (number, node) in (1..).zip(&load.nodes) {
        let means = node
            .means()
            .into_iter()
            .map(|mean| format!("{:.0}", mib(mean)));
        println!(
            "  n{number}: resident {} MiB, log on disk at most {:.0} MiB",
            means.collect::<Vec<_>>().join(", "),
            mib(node.log_max_bytes as f64)
        );
    }
}
