//! Writes the history of a row into a file, as other programs write histories.

use crate::{rows, streams, transactions};
use kensho_checker::history::{History, NEVER, Outcome};
use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The history of a row in a file, among the temporary files as long as this is there.
pub(crate) struct HistoryFile(PathBuf);

impl HistoryFile {
    /// Has another process write the history: its memory must not count as ours.
    pub(crate) fn of(row: &str) -> HistoryFile {
        let name = format!("kensho-bench-{row}-{}", std::process::id());
        let file = HistoryFile(std::env::temp_dir().join(name));
        let program = std::env::current_exe().expect("the path of this program");
        let written = Command::new(program)
            .args(["--write", row, file.path()])
            .status()
            .expect("to write a history");
        assert!(written.success(), "the history could not be written");
        file
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.metadata().expect("the history").len()
    }
}

impl Drop for HistoryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// How a file tells of operations.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    /// Events with times, as Jepsen writes them.
    Edn,
    /// The transactions of each session, one after the other, as Plume writes them.
    Plume,
}

/// Writes the history of the row of this name; the first one, if it has many.
pub(crate) fn write(name: &str, path: &Path) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let row = rows::all().into_iter().find(|row| row.name == name);
    let work = transactions::all()
        .into_iter()
        .find(|work| work.name == name);
    let stream = streams::all().into_iter().find(|work| work.name == name);
    match (row, work, stream) {
        (Some(row), ..) => write_events(&mut file, &row.first_history())?,
        (_, Some(work), _) => match work.notation() {
            Notation::Edn => write_events(&mut file, &work.history())?,
            Notation::Plume => write_sessions(&mut file, &work.history())?,
        },
        (.., Some(stream)) => stream.write(&mut file)?,
        _ => return Err(std::io::Error::other(format!("no row is called {name}"))),
    }
    file.flush()
}

/// A line for each read and write of what was committed.
fn write_sessions(file: &mut impl Write, history: &History) -> Result<()> {
    let operations = history.operations.iter().enumerate();
    for (place, operation) in operations.filter(|(_, operation)| operation.outcome == Outcome::Ok) {
        let steps = history.value(operation.result);
        for step in steps.elements().unwrap_or_default() {
            let [f, key, value] = step.elements().unwrap_or_default() else {
                continue;
            };
            let value = value.as_int().unwrap_or(0);
            let f = f.as_text().unwrap_or_default();
            writeln!(file, "{f}({key},{value},{},{place})", operation.process)?;
        }
    }
    Ok(())
}

/// As Jepsen would.
fn write_events(file: &mut impl Write, history: &History) -> Result<()> {
    let mut lines: Vec<(u32, usize, bool)> = Vec::new();
    for (place, operation) in history.operations.iter().enumerate() {
        lines.push((operation.invoke, place, false));
        // (The generators say nothing more of those of unknown outcome.)
        if operation.outcome != Outcome::Unknown {
            lines.push((operation.complete, place, true));
        }
    }
    lines.sort_unstable();
    for (index, (_, place, completes)) in lines.into_iter().enumerate() {
        write_event(file, history, index, place, completes)?;
    }
    Ok(())
}

fn write_event(
    file: &mut impl Write,
    history: &History,
    index: usize,
    place: usize,
    completes: bool,
) -> Result<()> {
    let operation = &history.operations[place];
    let (kind, time, value) = match (completes, operation.outcome) {
        (false, _) => ("invoke", operation.invoke_time, operation.argument),
        (true, Outcome::Ok) => ("ok", operation.complete_time, operation.result),
        (true, _) => ("fail", operation.complete_time, operation.argument),
    };
    let (process, f) = (operation.process, history.name(operation.f));
    write!(
        file,
        "{{:index {index}, :time {time}, :type :{kind}, :process {process}, :f :{f}"
    )?;
    if operation.key != NEVER
        && let Some(key) = history.key_text(operation.key)
    {
        write!(file, ", :key \"{key}\"")?;
    }
    write!(file, ", :value {}", history.value(value))?;
    if completes && operation.observed {
        write!(file, ", :observed {}", history.value(operation.result))?;
    }
    writeln!(file, "}}")
}
