//! The command `kensho check`: reads histories, judges them, says what was found.
//!
//! A thin layer above [`crate::formats`], [`crate::judge`] and [`crate::explain`]; the program
//! that has the command line only passes [`CheckArguments`] on to [`run`].

use crate::budget::Budget;
use crate::checks::bank;
use crate::explain;
use crate::formats::{self, Format, edn};
use crate::history::{History, Problem};
use crate::judge::{ModelName, Settings, judge};
use crate::register::NilRead;
use crate::report::{Report, Verdict};
use crate::transactions::ConsistencyModel;
use crate::value::Value;
use clap::{Args, ValueEnum};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Judge recorded histories: is there an order that explains every result?
///
/// Exit codes: 0 valid, 1 invalid, 2 unknown, 254 wrong arguments, 255 a file could not be read.
/// Of several files the worst verdict counts: invalid, then unknown, then valid.
#[derive(Args, Clone, Debug)]
pub struct CheckArguments {
    /// History files, or folders of runs (their history.jsonl is judged); - is the standard input
    #[arg(required = true, value_name = "FILE|RUN-FOLDER")]
    pub files: Vec<PathBuf>,
    /// The model to judge by; guessed from the names of the operations if it is not given
    #[arg(long, short)]
    pub model: Option<ModelName>,
    /// The value in the beginning, as EDN: nil, 0, "text", {:x 0}
    #[arg(long, value_name = "V")]
    pub init: Option<String>,
    /// The notation of the files
    #[arg(long, default_value = "auto")]
    pub format: FormatArgument,
    /// Print the whole report as JSON (of several files: one object a line)
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
    /// For set-full: an acknowledged element must be seen by every read that begins later
    #[arg(long)]
    pub linearizable: bool,
    /// For bank: the sum of all balances
    #[arg(long, allow_negative_numbers = true)]
    pub total: Option<i64>,
    /// For bank: balances may be below zero
    #[arg(long)]
    pub negative_balances: bool,
    /// Give up after so many seconds for each file, with the verdict unknown
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub time_limit: f64,
    /// Give up when one search takes more than so many mebibytes
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    pub memory_limit: usize,
    /// How many threads work on different keys; 0 means one for each processor
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
}

/// The notation of a file, or `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArgument {
    /// Recognised by how the file begins.
    Auto,
    /// Our JSON lines.
    Jsonl,
    /// Jepsen's EDN.
    Edn,
    /// Jepsen's history.txt.
    JepsenTxt,
    /// history.txt lines as a logger printed them.
    PorcupineLog,
    /// A JSON array of events.
    ElleJson,
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

/// Judges every file and prints what was found.
pub fn run(arguments: &CheckArguments, output: &mut impl Write) -> std::io::Result<Exit> {
    let settings = match settings(arguments) {
        Ok(settings) => settings,
        Err(problem) => {
            writeln!(output, "error: {problem}")?;
            return Ok(Exit::WrongArguments);
        }
    };
    let mut exit = Exit::Valid;
    let mut pages = Vec::new();
    let several = arguments.files.len() > 1;
    for file in &arguments.files {
        let judged = match judge_file(file, arguments, &settings) {
            Ok(judged) => judged,
            Err(problem) => {
                if arguments.json {
                    let file = file.display().to_string();
                    let json = serde_json::json!({ "file": file, "error": problem });
                    writeln!(output, "{json}")?;
                } else {
                    writeln!(output, "{}: error: {problem}", file.display())?;
                }
                exit = exit.worse(Exit::Failed);
                continue;
            }
        };
        let Judged {
            history,
            report,
            elapsed,
        } = &judged;
        exit = exit.worse(Exit::of(&report.verdict));
        if arguments.json {
            let mut json = serde_json::to_value(report)?;
            json["file"] = file.display().to_string().into();
            let text = if several {
                serde_json::to_string(&json)?
            } else {
                serde_json::to_string_pretty(&json)?
            };
            writeln!(output, "{text}")?;
        } else {
            let name = file.display().to_string();
            let line = explain::line(&name, report, *elapsed);
            writeln!(output, "{line}")?;
            if !several {
                write!(output, "{}", explain::text(report))?;
            }
        }
        if arguments.html.is_some() {
            let title = file.display().to_string();
            pages.push((title, explain::html_fragment(history, report)));
        }
    }
    if let Some(path) = &arguments.html {
        let page = explain::html_page(&pages);
        if let Err(problem) = std::fs::write(path, page) {
            writeln!(
                output,
                "{}: error: cannot be written: {problem}",
                path.display()
            )?;
            exit = exit.worse(Exit::Failed);
        }
    }
    Ok(exit)
}

struct Judged {
    history: History,
    report: Report,
    elapsed: Duration,
}

fn judge_file(
    file: &Path,
    arguments: &CheckArguments,
    settings: &Settings,
) -> Result<Judged, String> {
    let (path, mut model) = match file.is_dir() {
        true => (file.join("history.jsonl"), run_model(file)),
        false => (file.to_owned(), None),
    };
    model = arguments.model.or(model);
    let text = read_bytes(&path).map_err(|problem| {
        if file.is_dir() {
            format!("{} cannot be read: {problem}", path.display())
        } else {
            format!("cannot be read: {problem}")
        }
    })?;
    let format = match arguments.format {
        FormatArgument::Auto => Format::detect(&text),
        FormatArgument::Jsonl => Format::Jsonl,
        FormatArgument::Edn => Format::Edn,
        FormatArgument::JepsenTxt => Format::JepsenTxt,
        FormatArgument::PorcupineLog => Format::PorcupineLog,
        FormatArgument::ElleJson => Format::ElleJson,
    };
    let mut history = formats::read(&text, format).map_err(|problem| problem.to_string())?;
    drop(text);
    if arguments.tuples {
        history.split_tuples();
    }
    let Some(model) = model.or_else(|| ModelName::guess(&history)) else {
        let what = match history.operations.is_empty() {
            true => "it has no operations that would suggest a model",
            false => "no model fits the names of the operations",
        };
        return Err(format!("{what}; name one with --model"));
    };
    let settings = Settings {
        format: Some(format),
        ..settings.clone()
    };
    if let (false, true, Some(event)) =
        (arguments.tuples, model.is_register(), first_tuple(&history))
    {
        let text = TUPLES.to_owned();
        let grave = false;
        history.problems.push(Problem { event, text, grave });
    }
    let start = Instant::now();
    let report = judge(&history, model, &settings);
    Ok(Judged {
        history,
        report,
        elapsed: start.elapsed(),
    })
}

/// The bytes of a file, or of the standard input if it is called `-`.
fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    if path != Path::new("-") {
        return std::fs::read(path);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

const TUPLES: &str = "a read is invoked with a value of two parts; if values are [key value] tuples of independent registers, say --tuples";

/// The event of a read that is invoked with a pair, as Jepsen's independent workloads do; a
/// register's read has no argument. It is told, not acted on: the shape does not decide.
fn first_tuple(history: &History) -> Option<u64> {
    let read = history.symbol("read")?;
    history
        .operations
        .iter()
        .find(|operation| operation.f == read && history.pair(operation.argument).is_some())
        .map(|operation| history.index(operation.invoke))
}

/// The model of a run, by its record's `model` or `workload`.
fn run_model(folder: &Path) -> Option<ModelName> {
    let text = std::fs::read(folder.join("run.json")).ok()?;
    let run: serde_json::Value = serde_json::from_slice(&text).ok()?;
    ["model", "workload"].iter().find_map(|entry| {
        let name = match &run[*entry] {
            serde_json::Value::String(name) => name.as_str(),
            object => object["name"].as_str()?,
        };
        ModelName::from_str(name, true).ok()
    })
}

fn settings(arguments: &CheckArguments) -> Result<Settings, String> {
    let initial = match &arguments.init {
        None => None,
        Some(text) if text.is_empty() => Some(Value::from("")),
        Some(text) => Some(
            edn::parse(text.as_bytes()).map_err(|problem| format!("--init {text}: {problem}"))?,
        ),
    };
    if !(arguments.time_limit > 0.0 && arguments.time_limit < 1e9) {
        return Err(format!(
            "--time-limit {}: must be above zero",
            arguments.time_limit
        ));
    }
    Ok(Settings {
        initial,
        nil_read: arguments.nil_reads.map(|nil| match nil {
            NilReadArgument::Value => NilRead::Value,
            NilReadArgument::Unknown => NilRead::Unknown,
        }),
        format: None,
        budget: Budget {
            time: Duration::from_secs_f64(arguments.time_limit),
            bytes: arguments.memory_limit.saturating_mul(1 << 20),
        },
        threads: arguments.threads,
        consistency: arguments.consistency,
        linearizable_keys: arguments.linearizable_keys,
        linearizable_set: arguments.linearizable,
        bank: bank::Options {
            total: arguments.total,
            negative_balances: arguments.negative_balances,
        },
    })
}

#[cfg(test)]
mod tests;
