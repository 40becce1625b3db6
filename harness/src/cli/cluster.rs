//! `kensho cluster`: a cluster to play with, and what looks after one that runs ([`super::operate`]).

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use futures_util::future::join_all;
use kensho_results::store::RunFolder;
use kensho_results::utc::Utc;
use kensho_workloads::workload::Values;
use std::path::PathBuf;
use std::time::Duration;

use super::operate;
use super::options::ClusterOptions;
use super::session::block_on;
use crate::runner::interrupt::Interrupt;
use crate::runner::nemesis::wait_until_settled;
use crate::system::System;
use crate::system::kensho::{CLUSTER, KenshoSystem};

/// The cluster has so long to become whole.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);
/// The container that the examples use.
const CONTAINER: &str = "playground";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a cluster, and stop it at Ctrl-C
    Up(Box<Up>),
    #[command(flatten)]
    Operate(operate::Command),
}

#[derive(Debug, Args)]
struct Up {
    #[command(flatten)]
    cluster: ClusterOptions,
    /// Folder of clusters; each gets a folder of its own in it, with configurations and logs
    #[arg(long, default_value = "results/runs", value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    match &arguments.command {
        Command::Up(up) => block_on(serve(up)),
        Command::Operate(command) => block_on(operate::run(command)),
    }
}

async fn serve(up: &Up) -> Result<u8> {
    up.cluster.check()?;
    let folder = RunFolder::create(&up.out, "cluster", Utc::now())?;
    let client_timeout = "10s".parse().map_err(anyhow::Error::msg)?;
    let settings = up
        .cluster
        .settings(folder.path().join("nodes"), false, client_timeout)?;
    let system = KenshoSystem::new(settings).await?;
    let mut interrupt = Interrupt::on_signals()?;
    let serving = async {
        start(&system).await?;
        tell(&system);
        std::future::pending::<Result<()>>().await
    };
    let served = tokio::select! {
        served = serving => served,
        () = interrupt.wait() => Ok(()),
    };
    let stopped = join_all(system.nodes().iter().map(|node| system.stop(node))).await;
    served?;
    for warning in stopped.into_iter().filter_map(Result::err) {
        eprintln!("warning: {warning:#}");
    }
    system.remove_data();
    Ok(0)
}

async fn start(system: &KenshoSystem) -> Result<()> {
    system.install().await?;
    for started in join_all(system.nodes().iter().map(|node| system.start(node))).await {
        started?;
    }
    if let Err(missing) = wait_until_settled(system, SETTLE_LIMIT).await {
        bail!(
            "the cluster is not whole after {} s: {missing}",
            SETTLE_LIMIT.as_secs()
        );
    }
    let names = [CONTAINER.to_string()];
    system.create_containers(&names, Values::Numbers).await
}

fn tell(system: &KenshoSystem) {
    println!("the cluster {CLUSTER} serves at");
    for node in system.nodes() {
        println!(
            "  {node}  http://{}  log {}",
            system.address(node),
            system.log(node).display()
        );
    }
    let first = system
        .nodes()
        .first()
        .map(|node| system.address(node))
        .unwrap_or_default();
    let rows = format!("http://{first}/griddb/v2/{CLUSTER}/dbs/public/containers/{CONTAINER}/rows");
    println!("\nput a row, get it, replace it if it is still the same, delete it:");
    println!("  curl -i -X PUT {rows}/k1 -d '[\"k1\", 1]'");
    println!("  curl -i {rows}/k1");
    println!(
        "  curl -i -X PUT {rows}/k1 -d '[\"k1\", 2]' -H \"If-Match: $(curl -si {rows}/k1 | sed -n 's/^etag: //Ip' | tr -d '\\r')\""
    );
    println!("  curl -i -X DELETE {rows}/k1");
    println!("\nCtrl-C stops it");
}
