//! The command `kensho check` on its own: `cargo run --release -p kensho-checker --example check --
//! --model cas-register FILE…`. It also shows how thin a program around the library can be.

use clap::Parser;
use kensho_checker::command::{CheckArguments, run};
use std::process::ExitCode;

/// Judge recorded histories.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArguments,
}

fn main() -> std::io::Result<ExitCode> {
    let line = Line::parse();
    Ok(run(&line.check, &mut std::io::stdout().lock())?.into())
}
