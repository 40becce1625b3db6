//! The `kensho` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    kensho::cli::main()
}
