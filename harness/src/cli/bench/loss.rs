//! `kensho bench loss`: what failovers lose.

use anyhow::Result;
use clap::Args;
use kensho_results::bench::loss::{LossSeries, LossSet};
use kensho_results::run::Host;

use super::super::figures::{FiguresOptions, command_line, on_one_thread};
use super::super::options::count;
use crate::bench::{Replication, lose};
use crate::runner::interrupt::Interrupt;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How often an owner is killed in each mode
    #[arg(long, default_value_t = 40, value_name = "COUNT", value_parser = count(1, 10_000))]
    kills: usize,
    /// How the cluster replicates
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "NAME,...",
        default_value = "async,semi-sync"
    )]
    modes: Vec<Replication>,
    #[command(flatten)]
    figures: FiguresOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    on_one_thread(loss(arguments))
}

async fn loss(arguments: &Arguments) -> Result<u8> {
    let measurement = arguments.figures.begin("loss")?;
    let mut interrupt = Interrupt::on_signals()?;
    let mut set = LossSet {
        command: command_line(),
        host: Host::this(),
        series: Vec::new(),
    };
    for &replication in &arguments.modes {
        let mode = replication.name();
        let nodes = measurement
            .folder
            .path()
            .join("nodes")
            .join(set.series.len().to_string());
        let tell = |number, kill: &kensho_results::bench::loss::LossAtKill| {
            println!(
                "{mode}, kill {number} of {}: {} of {} acknowledged writes lost, with {} ms between nodes",
                arguments.kills, kill.lost, kill.asked, kill.link_delay_ms
            );
        };
        let kills = interrupt
            .or(lose(
                replication,
                arguments.kills,
                &measurement.program,
                nodes,
                tell,
            ))
            .await?;
        let mode = mode.to_string();
        set.series.push(LossSeries { mode, kills });
    }
    measurement.keep(&set)?;
    Ok(0)
}
