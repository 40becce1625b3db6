//! The command `kensho maelstrom` on its own: a small program, without the rest of `kensho`.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use kensho_maelstrom::command::{Arguments, WrongArguments, run};

#[derive(Debug, Parser)]
#[command(name = "kensho-maelstrom", version)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

const WRONG_ARGUMENTS: u8 = 254;
const HARNESS_FAILED: u8 = 255;

fn main() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => {
            let asked = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            let _ = error.print();
            return ExitCode::from(if asked { 0 } else { WRONG_ARGUMENTS });
        }
    };
    match run(&line.arguments, Vec::new()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("kensho-maelstrom: {error:#}");
            let wrong = error.downcast_ref::<WrongArguments>().is_some();
            ExitCode::from(if wrong {
                WRONG_ARGUMENTS
            } else {
                HARNESS_FAILED
            })
        }
    }
}
