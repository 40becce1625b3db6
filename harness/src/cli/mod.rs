//! What a person types: the command `kensho` and its subcommands.
//!
//! Exit codes: 0 valid, 1 invalid, 2 unknown, 254 wrong arguments, 255 the harness failed.

mod bench;
mod broken_rules;
mod charts;
mod cluster;
mod figures;
mod help;
mod init;
mod listing;
mod maelstrom;
mod model;
mod operate;
mod options;
mod refusal;
mod replay;
mod report;
mod rules_table;
mod serve;
mod session;
mod simulate;
mod span;
mod summary;
mod systems;
mod test;
mod trials;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use kensho_checker::command::{self, CheckArguments};

pub use refusal::Refusal;

/// The arguments were wrong.
pub const WRONG_ARGUMENTS: u8 = 254;
/// The harness itself failed.
pub const HARNESS_FAILED: u8 = 255;

#[derive(Debug, Parser)]
#[command(
    name = "kensho",
    version,
    about = "Proves, breaks and measures a replicated database",
    after_help = "To begin with:\n  \
        kensho test register --time-limit 30s   five nodes under faults, a verdict and a report\n  \
        kensho serve                            the reports of all runs, in a browser\n  \
        kensho simulate --seeds 0..100          faults in virtual time\n  \
        kensho model                            every interleaving of small configurations\n  \
        kensho bench --suite quick              what replication costs\n\n\
        Exit codes: 0 valid, 1 invalid, 2 unknown, 254 wrong arguments, 255 the harness failed."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a workload on a real cluster under faults, and judge its history
    Test(test::Arguments),
    Check(Box<CheckArguments>),
    Maelstrom(Box<kensho_maelstrom::command::Arguments>),
    /// Measure what clusters of ours do under load, in failovers, in outages, in the long run
    Bench(Box<bench::Arguments>),
    /// Draw what was measured
    Charts(charts::Arguments),
    /// Compare and add up the figures of many runs
    Summary(summary::Arguments),
    /// Explore the protocol exhaustively in small configurations
    Model(model::Arguments),
    /// Run many seeds of faults in virtual time
    Simulate(simulate::Arguments),
    /// Run again what simulate --shrink or model --schedule wrote, or what nodes recorded
    Replay(replay::Arguments),
    /// Break safety rules of real nodes, one after the other: each must be found out
    BrokenRules(broken_rules::Arguments),
    /// Put together which broken rule was caught in which world
    RulesTable(rules_table::Arguments),
    /// Draw reports of runs again, from what lies in their folders
    Report(report::Arguments),
    /// Browse runs, compare them, and watch one that goes on
    Serve(serve::Arguments),
    /// Write files to begin with, for a system of your own
    Init(init::Arguments),
    /// List what clients can do in a test
    Workloads(listing::Arguments),
    /// List what can go wrong in a test
    Faults(listing::Arguments),
    /// Put real systems to the tests for which something is known to be expected
    Trials(trials::Arguments),
    /// List what can be tested, or tell all about one of them
    Systems(systems::Arguments),
    /// Start a cluster to play with, or look after one that runs
    Cluster(cluster::Arguments),
    /// Answer every message by itself
    #[command(hide = true)]
    Echo,
    /// Run a program that dies with its parent process
    #[command(hide = true)]
    RunWithParent {
        /// The parent's process number
        parent: u32,
        /// The program
        program: PathBuf,
        /// Its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// Runs the command that the program was called with.
pub fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let parsed = help::grouped(Arguments::command())
        .try_get_matches_from(&words)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => return refusal::of_arguments::<Arguments>(&error, &words),
    };
    let ended = match arguments.command {
        Command::Test(arguments) => test::run(&arguments),
        Command::Check(arguments) => command::run(&arguments, &mut std::io::stdout())
            .map(command::Exit::code)
            .map_err(anyhow::Error::from),
        Command::Maelstrom(arguments) => maelstrom::run(&arguments),
        Command::Summary(arguments) => summary::run(&arguments),
        Command::Model(arguments) => model::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::BrokenRules(arguments) => broken_rules::run(&arguments),
        Command::RulesTable(arguments) => rules_table::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Charts(arguments) => charts::run(&arguments),
        Command::Echo => bench::serve_echo(),
        Command::Report(arguments) => report::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Workloads(arguments) => listing::workloads(&arguments),
        Command::Faults(arguments) => listing::faults(&arguments),
        Command::Trials(arguments) => trials::run(&arguments),
        Command::Systems(arguments) => systems::run(&arguments),
        Command::Cluster(arguments) => cluster::run(&arguments),
        Command::RunWithParent {
            parent,
            program,
            arguments,
        } => Err(crate::system::run_with_parent(parent, &program, &arguments)),
    };
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("kensho: {error:#}");
            let refused = error.downcast_ref::<Refusal>().is_some();
            ExitCode::from(if refused {
                WRONG_ARGUMENTS
            } else {
                HARNESS_FAILED
            })
        }
    }
}
