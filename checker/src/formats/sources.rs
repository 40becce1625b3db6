//! Finds the histories that a path leads to: a file, a run's folder, a folder of many runs.

use super::input::Input;
use super::kept::Kept;
use super::{Format, History, ReadError, keep_what_is_whole, push_all};
use crate::history::{Builder, Problem};
use crate::judge::while_read::Prepare;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The files of a run that hold its history, the most exact first. Kensho's own runs have only the
/// first one.
const NAMES: &[&str] = &[
    "history.jsonl",
    "test.jepsen",
    "history.edn",
    "test.fressian",
    "history.txt",
    "history.json",
    "history.bincode",
    "history.hist",
    "history.log",
];

/// How a packed file's name ends.
const PACKED: &[&str] = &["", ".gz", ".zst", ".xz"];

/// What a run's folder may hold that is no run of its own: parts of the history by key, a
/// checker's pictures.
const NO_RUNS: &[&str] = &["independent", "elle"];

/// How deep folders of runs are searched: store, test, run.
const DEPTH_MAX: usize = 6;

/// A history that can be read.
#[derive(Clone, Debug)]
pub struct Source {
    title: String,
    /// The files that hold it, the best first; none for the standard input.
    files: Vec<PathBuf>,
    /// The format whose parts the files are; none if each file is a history.
    parts_of: Option<Format>,
    folder: Option<PathBuf>,
}

/// The histories at a path, `-` being the standard input. An error says that there is none.
pub fn sources(path: &Path) -> Result<Vec<Source>, String> {
    let title = path.display().to_string();
    if path == Path::new("-") {
        let files = Vec::new();
        return Ok(vec![Source {
            title,
            files,
            parts_of: None,
            folder: None,
        }]);
    }
    if !path.is_dir() {
        return Ok(vec![Source {
            title,
            files: vec![path.to_owned()],
            parts_of: None,
            folder: None,
        }]);
    }
    let mut found = Vec::new();
    search(path, 0, &mut found).map_err(|problem| format!("cannot be read: {problem}"))?;
    if found.is_empty() {
        return Err(format!(
            "no history was found in this folder; expected {} in it, in runs below it, or in its folders",
            NAMES.join(", ")
        ));
    }
    Ok(found)
}

/// Adds the run of a folder, or the runs in the folders below it. Symbolic links below the first
/// folder are not followed, since they lead to runs that are found anyhow.
fn search(folder: &Path, depth: usize, found: &mut Vec<Source>) -> std::io::Result<()> {
    if let Some(run) = run(folder) {
        found.push(run);
        return Ok(());
    }
    if depth == DEPTH_MAX {
        return Ok(());
    }
    let mut below = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_run = !NO_RUNS.iter().any(|other| name.to_str() == Some(other));
        // The type is that of a link itself.
        if entry.file_type()?.is_dir() && is_run {
            below.insert(entry.path());
        }
    }
    for folder in below {
        search(&folder, depth + 1, found)?;
    }
    Ok(())
}

/// The run that a folder is, if it is one.
fn run(folder: &Path) -> Option<Source> {
    let files: Vec<PathBuf> = NAMES
        .iter()
        .flat_map(|name| PACKED.iter().map(move |packed| format!("{name}{packed}")))
        .map(|name| folder.join(name))
        .filter(|file| file.is_file())
        .collect();
    let (files, parts_of) = match files.is_empty() {
        false => (files, None),
        true => Format::ALL.iter().find_map(|format| {
            let files = (format.definition().folder.as_ref()?.files)(folder);
            (!files.is_empty()).then_some((files, Some(*format)))
        })?,
    };
    Some(Source {
        title: folder.display().to_string(),
        files,
        parts_of,
        folder: Some(folder.to_owned()),
    })
}

impl Source {
    /// How it is called in reports.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The run's folder, if it is a run.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Reads the history: of a run from the first of its files that can be read, with a word about
    /// those that cannot.
    pub fn read(&self, format: Option<Format>) -> Result<(History, Format), ReadError> {
        self.readings().read(format, &mut |_, _| {})
    }

    /// The history, to be read once.
    pub(crate) fn readings(&self) -> Readings<'_> {
        Readings {
            source: self,
            keeps: false,
            kept: None,
        }
    }

    /// The history, to be read as often as is needed: what comes through a pipe is kept.
    pub(crate) fn kept_readings(&self) -> Readings<'_> {
        Readings {
            keeps: true,
            ..self.readings()
        }
    }
}

/// Reads a history, from its beginning each time.
pub(crate) struct Readings<'a> {
    source: &'a Source,
    keeps: bool,
    /// What came through a pipe the first time.
    kept: Option<Kept>,
}

impl Readings<'_> {
    /// Reads the history from its beginning. `prepare` is called for each file that is tried.
    pub(crate) fn read(
        &mut self,
        format: Option<Format>,
        prepare: &mut Prepare<'_>,
    ) -> Result<(History, Format), ReadError> {
        let Source {
            files,
            parts_of,
            folder: run,
            ..
        } = self.source;
        if files.is_empty() {
            let mut builder = Builder::default();
            let stdin = || Ok(std::io::stdin().lock());
            let format = self.pipe(stdin, format, prepare, &mut builder)?;
            return Ok((builder.finish(), format));
        }
        if let Some(parts_of) = *parts_of
            && let Some(folder) = &parts_of.definition().folder
        {
            let mut builder = Builder::default();
            let result = (folder.read)(files, &mut builder);
            keep_what_is_whole(result, None, &mut builder)?;
            return Ok((builder.finish(), parts_of));
        }
        // What is wrong with the first file, and the first file that was read at least in part.
        let mut failed: Option<ReadError> = None;
        let mut damaged: Option<&PathBuf> = None;
        for file in files {
            let mut builder = Builder::default();
            let problem = match self.file(file, format, prepare, &mut builder) {
                Ok(format) => match what_is_damaged(&builder) {
                    Some(what) if files.len() > 1 => {
                        damaged.get_or_insert(file);
                        ReadError::Damaged(what)
                    }
                    _ => {
                        if let Some(problem) = failed {
                            tell_of_another(&mut builder, &problem, file);
                        }
                        return Ok((builder.finish(), format));
                    }
                },
                Err(problem) => problem,
            };
            let problem = match run {
                Some(_) => ReadError::InFile {
                    file: name(file),
                    source: Box::new(problem),
                },
                None => problem,
            };
            failed.get_or_insert(problem);
        }
        match (damaged, failed) {
            (Some(file), _) => {
                let mut builder = Builder::default();
                let format = self.file(file, format, prepare, &mut builder)?;
                Ok((builder.finish(), format))
            }
            (None, Some(problem)) => Err(problem),
            (None, None) => Err(ReadError::Damaged("there is no file".to_owned())),
        }
    }

    fn file(
        &mut self,
        path: &Path,
        format: Option<Format>,
        prepare: &mut Prepare<'_>,
        builder: &mut Builder,
    ) -> Result<Format, ReadError> {
        let closed = |problem: std::io::Error| ReadError::Closed(problem.to_string());
        if path.metadata().map_err(closed)?.is_file() {
            let input = File::open(path).and_then(Input::of_file).map_err(closed)?;
            return push_all(input, format, prepare, builder);
        }
        let open = || File::open(path).map_err(closed);
        self.pipe(open, format, prepare, builder)
    }

    /// Reads what comes through a pipe, which is opened only once.
    fn pipe<R: Read>(
        &mut self,
        open: impl FnOnce() -> Result<R, ReadError>,
        format: Option<Format>,
        prepare: &mut Prepare<'_>,
        builder: &mut Builder,
    ) -> Result<Format, ReadError> {
        if let Some(kept) = &mut self.kept {
            return push_all(Input::new(kept.again()?), format, prepare, builder);
        }
        let pipe = open()?;
        if !self.keeps {
            return push_all(Input::new(pipe), format, prepare, builder);
        }
        let kept = self.kept.insert(Kept::new());
        push_all(Input::new(kept.keep(pipe)), format, prepare, builder)
    }
}

/// What was found where reading ended too early, if it did.
fn what_is_damaged(builder: &Builder) -> Option<String> {
    let mut problems = builder.history.problems.iter();
    let damage = problems.find(|problem| problem.grave && !problem.doubt)?;
    Some(damage.text.clone())
}

/// Says that something is wrong with a file of the run, so that another one was read.
fn tell_of_another(builder: &mut Builder, problem: &ReadError, read: &Path) {
    builder.history.problems.push(Problem {
        event: 0,
        text: format!("{problem}; {} was read instead", name(read)),
        grave: false,
        doubt: false,
    });
}

fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
