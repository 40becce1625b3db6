//! What commands share that measure something and keep the figures: `bench`, `outage`, `catch-up` and `loss`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use kensho_results::store::RunFolder;
use kensho_results::utc::Utc;
use serde::Serialize;

use super::options::node_program;
use crate::identity;

/// With which program is measured, and where the figures go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Figures")]
pub(super) struct FiguresOptions {
    /// Also write the figures to this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// The node program [default: kensho-node beside this program]
    #[arg(long, value_name = "PATH")]
    node_binary: Option<PathBuf>,
    /// Folder of runs; each gets a folder of its own in it
    #[arg(long, default_value = "results/runs", value_name = "DIR")]
    out: PathBuf,
}

/// A measurement that goes on.
#[derive(Debug)]
pub(super) struct Measurement {
    name: &'static str,
    save: Option<PathBuf>,
    pub(super) began: Utc,
    pub(super) folder: RunFolder,
    /// The node program.
    pub(super) program: PathBuf,
}

impl FiguresOptions {
    /// Begins to measure what `name` tells.
    ///
    /// # Errors
    /// If no folder can be made for it.
    pub(super) fn begin(&self, name: &'static str) -> Result<Measurement> {
        let began = Utc::now();
        Ok(Measurement {
            name,
            save: self.save.clone(),
            began,
            folder: RunFolder::create(&self.out, name, began)?,
            program: node_program(self.node_binary.as_deref())?,
        })
    }
}

impl Measurement {
    /// Writes the figures to its folder, and where they were asked for.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn keep(&self, figures: &impl Serialize) -> Result<()> {
        let file = self.folder.path().join(format!("{}.json", self.name));
        let figures = identity::stamped(figures, Some(&self.program))?;
        for path in [Some(&file), self.save.as_ref()].into_iter().flatten() {
            self.folder.write_json(path, &figures)?;
            println!("figures: {}", Path::display(path));
        }
        Ok(())
    }
}

/// The load generator takes one processor and no locks.
pub(super) fn on_one_thread(task: impl Future<Output = Result<u8>>) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.context("cannot start the runtime")?.block_on(task)
}

/// The command that this program was called by, without the folder that it is in.
pub(super) fn command_line() -> String {
    let mut words: Vec<String> = std::env::args().collect();
    if let Some(first) = words.first_mut() {
        *first = "kensho".to_string();
    }
    words.join(" ")
}
