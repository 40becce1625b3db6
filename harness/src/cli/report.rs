//! `kensho report`: draws reports of runs again, from what lies in their folders.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use kensho_results::report;
use kensho_results::store::RunFolder;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folders of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    for path in &arguments.runs {
        let folder = RunFolder::open(path);
        if kensho_maelstrom::report::is_of_maelstrom(&folder)? {
            let page = folder.report();
            println!(
                "{} was drawn by kensho maelstrom, and stays",
                page.display()
            );
            continue;
        }
        report::write(&folder, &folder.read_run()?, &folder.read_verdict()?)?;
        println!("{}", folder.report().display());
    }
    Ok(0)
}
