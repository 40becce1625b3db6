//! The command `kensho check`: reads histories, judges them, says what was found.
//!
//! A thin layer above [`crate::formats`], [`crate::judge`] and [`crate::explain`]; the program
//! that has the command line only passes [`CheckArguments`] on to [`run`].

use crate::explain;
use crate::formats::{self, Format, Source};
use crate::judge::{Model, models};
use crate::report::Verdict;
use crate::transactions::ConsistencyModel;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use judging::{Judged, Refusal, judge_watched, not_judged};
use settings::settings;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Judge recorded histories: is there an order that explains every result?
///
/// Exit codes: 0 valid, 1 invalid, 2 unknown, 254 wrong arguments, 255 a file could not be read.
/// Of several files the worst verdict counts: invalid, then unknown, then valid.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CheckArguments {
    /// History files, runs' folders, or folders of runs like Jepsen's store; - is the standard input
    #[arg(required_unless_present = "list_models", value_name = "FILE|FOLDER")]
    pub files: Vec<PathBuf>,
    /// The model to judge by; guessed from all operations together if it is not given
    #[arg(long, short, value_parser = model_parser(), ignore_case = true)]
    pub model: Option<&'static Model>,
    /// Judge by a sequential model of your own, a table of transitions in TOML or JSON (an example is at the end)
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    pub model_file: Option<PathBuf>,
    /// List the models with their operations and options, and do nothing else
    #[arg(long)]
    pub list_models: bool,
    /// Leave out operations of this name, which the model does not know
    #[arg(long, value_name = "NAME")]
    pub ignore: Vec<String>,
    /// How many operations of a name must have succeeded, or else the verdict is unknown: read=100,write=100
    #[arg(long, value_name = "NAME=COUNT", value_delimiter = ',')]
    pub require: Vec<String>,
    /// The value in the beginning, as EDN: nil, 0, "text", {:x 0}
    #[arg(long, value_name = "V")]
    pub init: Option<String>,
    /// The notation of the files
    #[arg(long, default_value = "auto")]
    pub format: FormatArgument,
    /// Print the whole report as JSON, one object a line
    #[arg(long)]
    pub json: bool,
    /// Write a page with the explanation and its pictures, which any browser opens
    #[arg(long, value_name = "PAGE")]
    pub html: Option<PathBuf>,
    /// Values are [key value] tuples, as Jepsen's independent workloads write them
    #[arg(long)]
    pub tuples: bool,
    /// What a read of nothing means; by default "value" in our own histories, "unknown" in Jepsen's
    #[arg(long)]
    pub nil_reads: Option<NilReadArgument>,
    /// For transactions: what the system promises
    #[arg(long, value_name = "MODEL")]
    pub consistency: Option<ConsistencyModel>,
    /// For rw-register: each register on its own follows real time
    #[arg(long)]
    pub linearizable_keys: bool,
    /// For rw-register: each register on its own follows the order of each process
    #[arg(long)]
    pub sequential_keys: bool,
    /// For rw-register: below read-committed, what a transaction writes need not come after what it
    /// had read there
    #[arg(long)]
    pub no_writes_follow_reads: bool,
    /// For rw-register: a file that says in which order the system ran transactions, as a map from
    /// the index of the event that completed one to a number: {1 17, 3 18}, or JSON
    #[arg(long, value_name = "FILE")]
    pub transaction_order: Option<PathBuf>,
    /// For set-full: an acknowledged element must be seen by every read that begins later
    #[arg(long)]
    pub linearizable: bool,
    /// For bank: the sum of all balances; guessed from the first read if it is not given
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER")]
    pub total: Option<String>,
    /// For bank: balances may be below zero
    #[arg(long)]
    pub negative_balances: bool,
    /// For semaphore: how many permits there are
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub permits: Option<u32>,
    /// Give up after so many seconds for each file, with the verdict unknown
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub time_limit: f64,
    /// Give up when the whole process has more than so many mebibytes in memory, with the verdict
    /// unknown
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    pub memory_limit: usize,
    /// How many threads work on different keys; 0 means one for each processor
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
}

const AFTER_HELP: &str = "\
A model of your own, as --model-file light.toml has it:

  states = [\"red\", \"green\"]      # the first one is where it begins
  [[transition]]
  from = \"red\"
  operation = \"switch\"           # the :f of an operation
  to = \"green\"
  [[transition]]
  from = \"green\"
  operation = \"switch\"
  to = \"red\"
  [[transition]]
  from = \"red\"                  # no `to`: it stays red
  operation = \"look\"
  result = \"stop\"               # `argument` and `result`: if left out, anything
  [[transition]]
  from = \"*\"                    # any state
  operation = \"reset\"
  to = \"red\"";

fn model_parser() -> impl TypedValueParser<Value = &'static Model> {
    let names = models::ALL
        .iter()
        .map(|model| PossibleValue::new(model.name).help(model.help));
    PossibleValuesParser::new(names)
        .try_map(|name| Model::named(&name).ok_or_else(|| format!("there is no model {name}")))
}

/// The notation of a file; none is `auto`, by how the file begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatArgument(pub Option<Format>);

impl ValueEnum for FormatArgument {
    fn value_variants<'a>() -> &'a [FormatArgument] {
        static ALL: std::sync::LazyLock<Vec<FormatArgument>> = std::sync::LazyLock::new(|| {
            let formats = Format::ALL.iter().copied().map(Some);
            std::iter::once(None)
                .chain(formats)
                .map(FormatArgument)
                .collect()
        });
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self.0 {
            Some(format) => format.to_possible_value(),
            None => Some(PossibleValue::new("auto").help("Recognised by how the file begins")),
        }
    }
}

/// What a read of nothing means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NilReadArgument {
    /// The register held nothing.
    Value,
    /// The result is not known.
    Unknown,
}

/// How the command ended; the number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was valid.
    Valid = 0,
    /// Something was invalid.
    Invalid = 1,
    /// Nothing was invalid, but something is unknown.
    Unknown = 2,
    /// The arguments make no sense.
    WrongArguments = 254,
    /// A file could not be read, or the page not written.
    Failed = 255,
}

impl Exit {
    /// The exit code.
    pub fn code(self) -> u8 {
        self as u8
    }

    fn of(verdict: &Verdict) -> Exit {
        match verdict {
            Verdict::Valid(_) => Exit::Valid,
            Verdict::Invalid(_) => Exit::Invalid,
            Verdict::Unknown(_) => Exit::Unknown,
        }
    }

    /// The worse of two: a failure, then wrong arguments, then invalid, then unknown, then valid.
    #[must_use]
    pub fn worse(self, other: Exit) -> Exit {
        let rank = |exit: Exit| match exit {
            Exit::Valid => 0,
            Exit::Unknown => 1,
            Exit::Invalid => 2,
            Exit::WrongArguments => 3,
            Exit::Failed => 4,
        };
        if rank(self) >= rank(other) {
            self
        } else {
            other
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit.code())
    }
}

/// Judges every file and prints what was found. It ends quietly where nobody reads on.
pub fn run(arguments: &CheckArguments, output: &mut impl Write) -> std::io::Result<Exit> {
    let mut exit = Exit::Valid;
    match run_all(arguments, output, &mut exit).and_then(|()| output.flush()) {
        Err(problem) if problem.kind() == std::io::ErrorKind::BrokenPipe => Ok(exit),
        Err(problem) => Err(problem),
        Ok(()) => Ok(exit),
    }
}

fn run_all(
    arguments: &CheckArguments,
    output: &mut impl Write,
    exit: &mut Exit,
) -> std::io::Result<()> {
    if arguments.list_models {
        return write!(output, "{}", list::models());
    }
    let settings = match settings(arguments) {
        Ok(settings) => settings,
        Err(problem) => {
            *exit = Exit::WrongArguments;
            return match arguments.json {
                true => writeln!(output, "{}", serde_json::json!({ "error": problem })),
                false => writeln!(output, "error: {problem}"),
            };
        }
    };
    let mut pages = Vec::new();
    let sources: Vec<(String, Result<Source, Refusal>)> =
        arguments.files.iter().flat_map(|path| find(path)).collect();
    let alone = sources.len() == 1;
    let mut full = false;
    for (file, source) in sources {
        let judged = source.and_then(|source| match full {
            true => Ok(None),
            false => judge_watched(source, arguments, &settings),
        });
        full |= matches!(judged, Ok(None));
        match judged.map(|judged| judged.unwrap_or_else(|| not_judged(arguments))) {
            Ok(judged) => {
                *exit = exit.worse(Exit::of(&judged.report.verdict));
                print(&file, arguments.json, alone, &judged, output)?;
                if arguments.html.is_some() {
                    pages.push((
                        file,
                        explain::html_fragment(&judged.history, &judged.report),
                    ));
                }
            }
            Err(Refusal { problem, is }) => {
                *exit = exit.worse(is);
                if arguments.json {
                    let json = serde_json::json!({ "file": file, "error": problem });
                    writeln!(output, "{json}")?;
                } else {
                    writeln!(output, "{file}: error: {problem}")?;
                }
            }
        }
    }
    if let Some(path) = &arguments.html
        && let Err(problem) = std::fs::write(path, explain::html_page(&pages))
    {
        *exit = exit.worse(Exit::Failed);
        let path = path.display();
        writeln!(output, "{path}: error: cannot be written: {problem}")?;
    }
    Ok(())
}

/// The histories that a path leads to, with their names.
fn find(path: &Path) -> Vec<(String, Result<Source, Refusal>)> {
    match formats::sources(path) {
        Ok(sources) => sources
            .into_iter()
            .map(|source| (source.title().to_owned(), Ok(source)))
            .collect(),
        Err(problem) => vec![(path.display().to_string(), Err(problem.into()))],
    }
}

fn print(
    name: &str,
    json: bool,
    alone: bool,
    judged: &Judged,
    output: &mut impl Write,
) -> std::io::Result<()> {
    let Judged {
        report, elapsed, ..
    } = judged;
    if json {
        let mut json = serde_json::to_value(report)?;
        json["file"] = name.into();
        return writeln!(output, "{json}");
    }
    writeln!(output, "{}", explain::line(name, report, *elapsed))?;
    if alone {
        write!(output, "{}", explain::text(report))?;
    }
    Ok(())
}

mod judging;
mod list;
mod settings;
mod watch;

#[cfg(test)]
mod tests;
