//! Wrong arguments: one line that says what is wrong and what there is instead.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, Error};

use super::WRONG_ARGUMENTS;

/// An argument that names what does not exist, or asks for the impossible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// Tells a person why `words` are no arguments of `C`, or shows the help that they asked for.
pub(super) fn of_arguments<C: CommandFactory>(error: &Error, words: &[String]) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(WRONG_ARGUMENTS)
        }
        kind => {
            let mut command = C::command();
            command.build();
            let (name, meant) = meant(&command, words);
            eprintln!("{name}: {}", line(kind, &error.render().to_string(), meant));
            ExitCode::from(WRONG_ARGUMENTS)
        }
    }
}

/// The subcommand that `words` lead to, and its full name.
fn meant<'a>(command: &'a Command, words: &[String]) -> (String, &'a Command) {
    let (mut name, mut meant) = (command.get_name().to_string(), command);
    for word in words.iter().skip(1) {
        if let Some(inner) = meant.find_subcommand(word) {
            name = format!("{name} {word}");
            meant = inner;
        }
    }
    (name, meant)
}

/// One line from what the parser of arguments says, with the names there are.
fn line(kind: ErrorKind, said: &str, meant: &Command) -> String {
    let said: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .filter(|line| !line.starts_with("tip:"))
        .collect();
    let said = said.join(" ");
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    match kind {
        ErrorKind::UnknownArgument => {
            let options: Vec<String> = meant
                .get_arguments()
                .filter(|argument| !argument.is_hide_set())
                .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
                .collect();
            format!("{said}; there are {}", options.join(", "))
        }
        ErrorKind::InvalidSubcommand | ErrorKind::MissingSubcommand => {
            let names: Vec<&str> = meant
                .get_subcommands()
                .filter(|inner| !inner.is_hide_set())
                .map(Command::get_name)
                .collect();
            format!("{said}; there are {}", names.join(", "))
        }
        _ => said.to_string(),
    }
}
