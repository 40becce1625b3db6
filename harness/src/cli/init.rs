//! `kensho init system`: files to begin with, which run at once.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::refusal::Refusal;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write a file that says how a system is started and asked, with a client and a store to try it on
    System {
        /// The folder that they are written to
        #[arg(default_value = ".", value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Files of a system to begin with.
const SYSTEM: [(&str, &str); 3] = [
    (
        "system.toml",
        include_str!("../system/program/templates/system.toml"),
    ),
    (
        "client.py",
        include_str!("../system/program/templates/client.py"),
    ),
    (
        "store.py",
        include_str!("../system/program/templates/store.py"),
    ),
];

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let What::System { folder } = &arguments.what;
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let there = SYSTEM.iter().find(|(name, _)| folder.join(name).exists());
    if let Some((name, _)) = there {
        let path = folder.join(name);
        let text = format!("{} is there already; nothing was written", path.display());
        return Err(Refusal(text).into());
    }
    for (name, text) in SYSTEM {
        let path = folder.join(name);
        let cannot = || format!("cannot write {}", path.display());
        let mut file = fs::File::create_new(&path).with_context(cannot)?;
        file.write_all(text.as_bytes()).with_context(cannot)?;
        println!("{}", path.display());
    }
    let file = folder.join("system.toml");
    println!(
        "\nNow:\n  kensho test register --system {} --clients 6 --rate 300 --time-limit 20s",
        file.display()
    );
    Ok(0)
}
