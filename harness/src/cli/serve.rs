//! `kensho serve`: runs in a browser.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::session::block_on;
use crate::runner::interrupt::Interrupt;
use crate::serve::Server;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of runs, with all folders in it
    #[arg(long, default_value = "results/runs", value_name = "DIR")]
    runs: PathBuf,
    /// Address to listen on; anybody who reaches it can read all runs
    #[arg(long, default_value = "127.0.0.1:7070", value_name = "ADDRESS")]
    listen: SocketAddr,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    block_on(async {
        let server = Server::bind(arguments.listen, &arguments.runs).await?;
        println!("runs in {}", arguments.runs.display());
        println!("http://{}/  (Ctrl-C ends it)", server.address()?);
        server.run(Interrupt::on_signals()?).await;
        Ok(0)
    })
}
