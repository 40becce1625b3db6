//! `kensho bench outage`: what clients notice while a node is killed, away and catching up.

use anyhow::Result;
use clap::Args;
use kensho_results::bench::outage::OutageSet;
use kensho_results::run::Host;

use super::super::figures::{FiguresOptions, command_line, on_one_thread};
use super::super::options::count;
use super::super::span::Span;
use crate::bench::{OutagePlan, Victim, interrupt};
use crate::runner::interrupt::Interrupt;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Whose kill is measured, each on a cluster of its own
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "NAME,...",
        default_value = "owner,master"
    )]
    victims: Vec<Victim>,
    /// Puts begun per second
    #[arg(long, default_value_t = 2_000, value_name = "NUMBER", value_parser = count(1, 1_000_000))]
    rate: usize,
    /// Bytes of a row's value
    #[arg(long, default_value_t = 1_000, value_name = "BYTES", value_parser = count(1, 1 << 20))]
    value_bytes: usize,
    /// Load before the kill, and after the cluster is whole again
    #[arg(long, default_value = "3s", value_name = "TIME")]
    around: Span,
    /// How long the node stays dead
    #[arg(long, default_value = "5s", value_name = "TIME")]
    away: Span,
    #[command(flatten)]
    figures: FiguresOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    on_one_thread(outage(arguments))
}

async fn outage(arguments: &Arguments) -> Result<u8> {
    let measurement = arguments.figures.begin("outage")?;
    let mut signal = Interrupt::on_signals()?;
    let mut set = OutageSet {
        command: command_line(),
        host: Host::this(),
        outages: Vec::new(),
    };
    for &victim in &arguments.victims {
        let plan = OutagePlan {
            victim,
            rate: arguments.rate as f64,
            value_bytes: arguments.value_bytes,
            around: arguments.around.duration(),
            away: arguments.away.duration(),
        };
        let nodes = measurement.folder.path().join("nodes").join(victim.name());
        let outage = signal
            .or(interrupt(plan, &measurement.program, nodes))
            .await?;
        println!(
            "kill of the {}: puts waited for {:.0} ms at most; in sync again {:.2} s after its start, {:.1} MB behind",
            victim.name(),
            outage.absence.longest_wait_ms(),
            outage.absence.catch_up_seconds(),
            outage.caught_up_bytes as f64 / 1e6
        );
        set.outages.push(outage);
    }
    measurement.keep(&set)?;
    Ok(0)
}
