//! `kensho loss`: what failovers lose.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use kensho_results::bench::outage::{LossSeries, LossSet};
use kensho_results::run::Host;
use kensho_results::store::RunFolder;
use kensho_results::utc::Utc;

use super::bench::{command_line, node_program, on_one_thread};
use super::options::count;
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
    /// Also write the figures to this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// The node program [default: kensho-node beside this program]
    #[arg(long, value_name = "PATH")]
    node_binary: Option<PathBuf>,
    /// Folder of runs
    #[arg(long, default_value = "results/runs", value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    on_one_thread(loss(arguments))
}

async fn loss(arguments: &Arguments) -> Result<u8> {
    let folder = RunFolder::create(&arguments.out, "loss", Utc::now())?;
    let program = node_program(arguments.node_binary.as_deref())?;
    let mut interrupt = Interrupt::on_signals()?;
    let mut set = LossSet {
        command: command_line(),
        host: Host::this(),
        series: Vec::new(),
    };
    for &replication in &arguments.modes {
        let mode = replication.name();
        let nodes = folder.path().join(format!("nodes-{}", set.series.len()));
        let tell = |number, kill: &kensho_results::bench::outage::LossAtKill| {
            println!(
                "{mode}, kill {number} of {}: {} of {} acknowledged writes lost, with {} ms between nodes",
                arguments.kills, kill.lost, kill.asked, kill.link_delay_ms
            );
        };
        let kills = tokio::select! {
            kills = lose(replication, arguments.kills, &program, nodes, tell) => kills?,
            () = interrupt.wait() => bail!("interrupted; the nodes are stopped"),
        };
        let mode = mode.to_string();
        set.series.push(LossSeries { mode, kills });
    }
    let path = folder.path().join("loss.json");
    folder.write_json(&path, &set)?;
    println!("figures: {}", path.display());
    if let Some(path) = &arguments.save {
        folder.write_json(path, &set)?;
    }
    Ok(0)
}
