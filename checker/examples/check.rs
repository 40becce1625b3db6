//! The command `kensho check` on its own: `cargo run --release -p kensho-checker --example check --
//! --model cas-register FILE…`. It also shows how thin a program around the library can be.

use clap::Parser;
use kensho_checker::command::{CheckArguments, Exit, run};
use std::process::ExitCode;

/// Judge recorded histories.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArguments,
}

fn main() -> std::io::Result<ExitCode> {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(problem) => {
            problem.print()?;
            // Help was asked for, or the arguments make no sense: 2 would mean "unknown".
            let exit = if problem.use_stderr() {
                Exit::WrongArguments
            } else {
                Exit::Valid
            };
            return Ok(exit.into());
        }
    };
    Ok(run(&line.check, &mut std::io::stdout().lock())?.into())
}
