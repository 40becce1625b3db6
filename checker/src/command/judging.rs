//! Reads and judges one history, as the arguments of the command say.

use super::{CheckArguments, Exit, watch};
use crate::formats::{Format, Source};
use crate::history::windows::WINDOW;
use crate::history::{History, Problem};
use crate::judge::while_read::{Read, judge_while_read, may_be_judged_while_read};
use crate::judge::{Guess, Model, Settings, guess, judge, models};
use crate::report::{NO_MODEL, Report};
use std::path::Path;
use std::time::{Duration, Instant};

pub(super) struct Judged {
    pub(super) history: History,
    pub(super) report: Report,
    /// From the beginning of reading to the verdict.
    pub(super) elapsed: Duration,
}

/// Why a file was not judged.
pub(super) struct Refusal {
    pub(super) problem: String,
    pub(super) is: Exit,
}

impl From<String> for Refusal {
    fn from(problem: String) -> Refusal {
        let is = Exit::Failed;
        Refusal { problem, is }
    }
}

/// Judges, unless that takes more memory than this process may have: then there is no verdict, and
/// nothing more can be judged.
pub(super) fn judge_watched(
    source: Source,
    arguments: &CheckArguments,
    settings: &Settings,
) -> Result<Option<Judged>, Refusal> {
    let bytes = settings.budget.bytes;
    let (arguments, settings) = (arguments.clone(), settings.clone());
    let judge = move || judge_source(&source, &arguments, &settings);
    match watch::within(bytes, judge) {
        Ok(judged) => judged.transpose(),
        Err(problem) => Err(Refusal::from(format!(
            "no thread can be started: {problem}"
        ))),
    }
}

/// What is said of a file for which there was not enough memory.
pub(super) fn not_judged(arguments: &CheckArguments) -> Judged {
    let history = History::default();
    let model = arguments.model.map_or("no model", |model| model.name);
    let reason = format!(
        "the limit of memory for the whole process, {} MiB, was reached; give more with --memory-limit, or judge one file at a time",
        arguments.memory_limit
    );
    Judged {
        report: Report::unknown(model, &history, reason),
        history,
        elapsed: Duration::ZERO,
    }
}

fn judge_source(
    source: &Source,
    arguments: &CheckArguments,
    settings: &Settings,
) -> Result<Judged, Refusal> {
    let start = Instant::now();
    let table = arguments.model_file.as_ref().map(|_| &models::MODEL_FILE);
    let named = table
        .or(arguments.model)
        .or_else(|| source.folder().and_then(run_model));
    let (history, report) = match read(source, arguments, settings, named)? {
        Read::Judged(history, report) => (history, *report),
        Read::Whole(history, format) => judge_whole(history, format, arguments, settings, named)?,
    };
    Ok(Judged {
        history,
        report,
        elapsed: start.elapsed(),
    })
}

/// Reads a history, and judges it meanwhile if nothing has to be done to it before.
fn read(
    source: &Source,
    arguments: &CheckArguments,
    settings: &Settings,
    named: Option<&'static Model>,
) -> Result<Read, Refusal> {
    let format = arguments.format.0;
    let as_it_is = !arguments.tuples && arguments.ignore.is_empty();
    let read = if as_it_is && may_be_judged_while_read(named, settings) {
        let mut readings = source.kept_readings();
        judge_while_read(named, settings, WINDOW, &mut |prepare| {
            readings.read(format, prepare)
        })
    } else {
        let read = source.read(format);
        read.map(|(history, format)| Read::Whole(history, format))
    };
    read.map_err(|problem| Refusal::from(problem.to_string()))
}

fn judge_whole(
    mut history: History,
    format: Format,
    arguments: &CheckArguments,
    settings: &Settings,
    named: Option<&'static Model>,
) -> Result<(History, Report), Refusal> {
    if arguments.tuples {
        history.split_tuples();
    }
    for name in &arguments.ignore {
        ignore(&mut history, name);
    }
    let settings = Settings {
        format: Some(format),
        ..settings.clone()
    };
    let (model, guessed) = match named {
        Some(model) => (model, None),
        None => match guess(&history) {
            Guess::Model(model, reason) => (model, Some(reason)),
            Guess::None(reason) => {
                let report = Report::unknown(NO_MODEL, &history, reason);
                return Ok((history, report));
            }
        },
    };
    settings.check(model).map_err(|problem| Refusal {
        problem,
        is: Exit::WrongArguments,
    })?;
    let report = Report {
        guessed,
        ..judge(&history, model, &settings)
    };
    Ok((history, report))
}

/// Leaves out the operations of a name, and says so.
fn ignore(history: &mut History, name: &str) {
    let first = history
        .symbol(name)
        .and_then(|f| history.operations.iter().find(|operation| operation.f == f))
        .map_or(0, |operation| history.index(operation.invoke));
    let count = history.leave_out(name);
    history.problems.push(Problem {
        event: first,
        text: format!("operations left out, as --ignore asks: {count} of {name:?}"),
        grave: false,
        doubt: false,
    });
}

/// The model of a run, by its record's `model` or `workload`.
fn run_model(folder: &Path) -> Option<&'static Model> {
    let text = std::fs::read(folder.join("run.json")).ok()?;
    let run: serde_json::Value = serde_json::from_slice(&text).ok()?;
    ["model", "workload"].iter().find_map(|entry| {
        let name = match &run[*entry] {
            serde_json::Value::String(name) => name.as_str(),
            object => object["name"].as_str()?,
        };
        Model::named(name)
    })
}
