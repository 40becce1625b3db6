//! `kensho bench catch-up`: what it takes to bring a node in sync again that was away for long.

use anyhow::Result;
use clap::Args;
use kensho_results::bench::catch_up::CatchUpSet;
use kensho_results::run::Host;

use super::super::figures::{FiguresOptions, command_line, on_one_thread};
use super::super::options::count;
use super::super::span::Span;
use crate::bench::{CatchUpPlan, catch_up};
use crate::runner::interrupt::Interrupt;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Megabytes of rows that each node holds, and that the node is sent anew
    #[arg(long, default_value_t = 48, value_name = "NUMBER", value_parser = count(1, 100_000))]
    megabytes: usize,
    /// Puts begun per second meanwhile
    #[arg(long, default_value_t = 1_000, value_name = "NUMBER", value_parser = count(1, 1_000_000))]
    rate: usize,
    /// Bytes of a row's value
    #[arg(long, default_value_t = 1_000, value_name = "BYTES", value_parser = count(1, 1 << 20))]
    value_bytes: usize,
    /// Load before the kill, and after the node is in sync again
    #[arg(long, default_value = "3s", value_name = "TIME")]
    around: Span,
    #[command(flatten)]
    figures: FiguresOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    on_one_thread(measure(arguments))
}

async fn measure(arguments: &Arguments) -> Result<u8> {
    let measurement = arguments.figures.begin("catch-up")?;
    let mut signal = Interrupt::on_signals()?;
    let plan = CatchUpPlan {
        megabytes: arguments.megabytes as u64,
        rate: arguments.rate as f64,
        value_bytes: arguments.value_bytes,
        around: arguments.around.duration(),
    };
    let nodes = measurement.folder.path().join("nodes");
    let measured = signal
        .or(catch_up(plan, &measurement.program, nodes))
        .await?;
    let (before, during) = (&measured.phases.before, &measured.phases.catching_up);
    println!(
        "in sync again {:.2} s after its start by {} data images of {:.1} MB ({:.1} MB/s)",
        measured.absence.catch_up_seconds(),
        measured.images,
        measured.image_bytes as f64 / 1e6,
        measured.megabytes_per_second()
    );
    println!(
        "puts meanwhile: {:.0}/s answered, median {:.1} ms, 99 % {:.1} ms; before: {:.0}/s, {:.1} ms, {:.1} ms",
        during.per_second,
        during.latency.p50_ms,
        during.latency.p99_ms,
        before.per_second,
        before.latency.p50_ms,
        before.latency.p99_ms
    );
    measurement.keep(&CatchUpSet {
        command: command_line(),
        host: Host::this(),
        catch_up: measured,
    })?;
    Ok(0)
}
