//! `kensho charts`: pictures of what was measured.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use kensho_results::charts::{self, source};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What was measured: files that kensho bench, failover, outage, catch-up and loss have written,
    /// and the election simulator
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,
    /// Folder of the charts; each is there as SVG, as PNG, and as JSON
    #[arg(long, default_value = "results/charts", value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let mut sources = Vec::new();
    for path in &arguments.data {
        sources.push(source::read(path)?);
    }
    let out = &arguments.out;
    std::fs::create_dir_all(out)
        .with_context(|| format!("cannot make the folder {}", out.display()))?;
    for chart in charts::all(&sources) {
        chart.write(out)?;
        println!("{}.svg: {}", out.join(&chart.name).display(), chart.title);
    }
    Ok(0)
}
