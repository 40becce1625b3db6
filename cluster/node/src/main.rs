//! The program `kensho-node`. See `kensho-node --help`.

use std::process::exit;

use clap::Parser;
use clap::error::ErrorKind;
use kensho_node::failure::{EXIT_FAILURE, EXIT_WRONG_SETTINGS};
use kensho_node::node;
use kensho_node::settings::{Arguments, Command};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| {
        if matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
        ) {
            error.exit();
        }
        let text = error.to_string();
        complain(text.lines().next().unwrap_or_default(), EXIT_WRONG_SETTINGS)
    });
    if let Some(Command::User(user)) = &arguments.command {
        return user
            .run()
            .unwrap_or_else(|error| complain(&error.to_string(), EXIT_FAILURE));
    }
    let settings = arguments
        .settings()
        .unwrap_or_else(|error| complain(&error.to_string(), EXIT_WRONG_SETTINGS));
    if let Err(error) = node::log_to_stderr(&settings.log) {
        complain(&error, EXIT_WRONG_SETTINGS);
    }
    if let Err(error) = node::run(settings) {
        complain(&error.to_string(), EXIT_FAILURE);
    }
}

/// Says in one line what is wrong.
fn complain(message: &str, code: i32) -> ! {
    eprintln!("kensho-node: {message}");
    exit(code);
}
