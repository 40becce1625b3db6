//! `kensho init system`: files to begin with, which run at once.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};

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
        /// The language of the client
        #[arg(long, value_enum, default_value_t = Language::Python)]
        language: Language,
    },
}

/// What a client to begin with is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// Needs nothing more than the store
    Python,
    /// Run by node
    Javascript,
    /// Built by go when a run begins
    Go,
    /// Built by rustc when a run begins
    Rust,
}

impl Language {
    /// The client's file, and what is in it.
    fn client(self) -> (&'static str, &'static str) {
        match self {
            Language::Python => (
                "client.py",
                include_str!("../system/program/templates/client.py"),
            ),
            Language::Javascript => (
                "client.js",
                include_str!("../system/program/templates/client.js"),
            ),
            Language::Go => (
                "client.go",
                include_str!("../system/program/templates/client.go"),
            ),
            Language::Rust => (
                "client.rs",
                include_str!("../system/program/templates/client.rs"),
            ),
        }
    }

    /// The lines of the file that start a client.
    fn start(self) -> &'static str {
        match self {
            Language::Python => PYTHON,
            Language::Javascript => "command = [\"node\", \"client.js\"]\n",
            Language::Go => {
                "command = [\"./client\"]\n\n[prepare]\n\
                 # Run once before anything starts.\n\
                 command = [\"go\", \"build\", \"-o\", \"client\", \"client.go\"]\n"
            }
            Language::Rust => {
                "command = [\"./client\"]\n\n[prepare]\n\
                 # Run once before anything starts.\n\
                 command = [\"rustc\", \"--edition=2021\", \"-O\", \"client.rs\"]\n"
            }
        }
    }
}

/// The line of the file that starts a client in Python.
const PYTHON: &str = "command = [\"python3\", \"client.py\"]\n";
/// The file that says how the system is started and asked, with a client in Python.
const FILE: &str = include_str!("../system/program/templates/system.toml");
/// A store to try it on.
const STORE: &str = include_str!("../system/program/templates/store.py");

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let What::System { folder, language } = &arguments.what;
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let (client, text) = language.client();
    let files = [
        ("system.toml", FILE.replace(PYTHON, language.start())),
        (client, text.to_string()),
        ("store.py", STORE.to_string()),
    ];
    let there = files.iter().find(|(name, _)| folder.join(name).exists());
    if let Some((name, _)) = there {
        let path = folder.join(name);
        let text = format!("{} is there already; nothing was written", path.display());
        return Err(Refusal(text).into());
    }
    for (name, text) in files {
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
