//! What runs there are: a list of all runs below a folder, for whoever chooses among them.
//!
//! A folder is a run if it holds the files of one or is named like one. Runs that were never
//! finished and runs whose files are damaged are listed as what they are. Links (`latest`) are not
//! followed, so that each run is listed once.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;

use crate::progress::{Progress, SILENT_MS, Stage};
use crate::run::RunRecord;
use crate::store::RunFolder;
use crate::verdict::{Validity, Verdict};

/// Folders below the root are searched so deep.
const DEPTH_MAX: usize = 6;
/// The last line of `progress.jsonl` is looked for in so many bytes at its end.
const LAST_LINE_BYTES: u64 = 4_096;

/// A run of the list.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its folder, from the root, with `/` between names.
    pub path: String,
    /// When it began: the time in its record, or its folder's name.
    pub began: String,
    /// How it was made, if that can be read.
    pub record: Option<RunRecord>,
    /// What became of it.
    #[serde(flatten)]
    pub state: State,
}

/// What became of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum State {
    /// It has a verdict.
    Judged(Box<Brief>),
    /// It goes on.
    Running {
        /// How far it has come.
        progress: Progress,
    },
    /// It has no verdict, and nobody is working on it.
    Unfinished {
        /// What is known about it.
        why: String,
    },
    /// Its files cannot be read.
    Damaged {
        /// Which, and why.
        why: String,
    },
}

/// A verdict's key figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Brief {
    /// Whether the history is right.
    pub valid: Validity,
    /// The verdict in a sentence or two.
    pub summary: String,
    /// Names of the violations, each once.
    pub anomalies: Vec<String>,
    /// Acknowledged writes that are gone.
    pub lost_writes: usize,
    /// Length of the main phase, milliseconds.
    pub length_ms: u64,
    /// Operations of clients.
    pub operations: u64,
    /// Answers per second, on average.
    pub answers_per_second: f64,
    /// Median latency, milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of latency, milliseconds.
    pub p99_ms: f64,
    /// Faults that were applied.
    pub faults_applied: usize,
    /// Faults that were begun.
    pub faults: usize,
    /// The longest time without any answer, milliseconds.
    pub unavailable_ms_max: f64,
    /// The slowest recovery, milliseconds; none if there was none, or one never came.
    pub recovery_ms_max: Option<f64>,
}

impl Brief {
    /// The key figures of a verdict.
    pub fn of(verdict: &Verdict) -> Brief {
        let figures = &verdict.figures;
        let names = verdict.anomalies.iter();
        let mut anomalies: Vec<String> = names
            .filter_map(|anomaly| Some(anomaly["name"].as_str()?.to_string()))
            .collect();
        anomalies.sort_unstable();
        anomalies.dedup();
        Brief {
            valid: verdict.valid,
            summary: verdict.summary.clone(),
            anomalies,
            lost_writes: verdict.losses.count,
            length_ms: figures.length_ms,
            operations: figures.operation_count(),
            answers_per_second: figures.answers_per_second(),
            p50_ms: figures.latency_ms.all.p50,
            p99_ms: figures.latency_ms.all.p99,
            faults_applied: verdict.counts.faults_applied,
            faults: verdict.faults.len(),
            unavailable_ms_max: figures.unavailable_ms_max,
            recovery_ms_max: figures.availability.recovery_ms_max,
        }
    }
}

impl State {
    /// `valid`, `invalid`, `unknown`, `running`, `unfinished` or `damaged`.
    pub fn word(&self) -> &'static str {
        match self {
            State::Judged(brief) => brief.valid.word(),
            State::Running { .. } => "running",
            State::Unfinished { .. } => "unfinished",
            State::Damaged { .. } => "damaged",
        }
    }

    /// The key figures, if it has a verdict.
    pub fn brief(&self) -> Option<&Brief> {
        match self {
            State::Judged(brief) => Some(brief),
            _ => None,
        }
    }
}

impl Entry {
    /// An option of the run as text.
    pub fn option(&self, name: &str) -> Option<String> {
        let value = self.record.as_ref()?.options.get(name)?;
        Some(text(value))
    }
}

/// A value as a person would write it.
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_string)
}

/// What tells whether a file has changed.
type Stamp = Option<(u64, SystemTime)>;

/// Entries by path, each with the stamps of record and verdict when they were read.
type Known = HashMap<String, ([Stamp; 2], Arc<Entry>)>;

/// Lists runs, and reads each file only when it has changed.
#[derive(Debug)]
pub struct Listing {
    root: PathBuf,
    known: Mutex<Known>,
}

impl Listing {
    /// Of the runs below `root`, which need not exist yet.
    pub fn new(root: &Path) -> Listing {
        Listing {
            root: root.to_path_buf(),
            known: Mutex::default(),
        }
    }

    /// The folder that is searched.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All runs, the newest first.
    pub fn runs(&self) -> Vec<Arc<Entry>> {
        let mut paths = Vec::new();
        find(&self.root, "", 0, &mut paths);
        let mut runs: Vec<Arc<Entry>> = paths.iter().map(|path| self.entry(path)).collect();
        let present: std::collections::HashSet<&String> = paths.iter().collect();
        self.lock().retain(|path, _| present.contains(path));
        runs.sort_by(|one, other| (&other.began, &other.path).cmp(&(&one.began, &one.path)));
        runs
    }

    /// The run in the folder `path`, if there is one.
    pub fn run(&self, path: &str) -> Option<Arc<Entry>> {
        let folder = self.root.join(path);
        (folder.is_dir() && is_run(&folder)).then(|| self.entry(path))
    }

    fn entry(&self, path: &str) -> Arc<Entry> {
        let folder = RunFolder::open(&self.root.join(path));
        let stamps = [stamp(&folder.run()), stamp(&folder.verdict())];
        if let Some((known, entry)) = self.lock().get(path)
            && *known == stamps
            && matches!(entry.state, State::Judged(_) | State::Damaged { .. })
        {
            return Arc::clone(entry);
        }
        let entry = Arc::new(read(&folder, path));
        let mut known = self.lock();
        known.insert(path.to_string(), (stamps, Arc::clone(&entry)));
        entry
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

fn find(folder: &Path, path: &str, depth: usize, runs: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        let (Some(name), true) = (name.to_str(), is_folder) else {
            continue;
        };
        let path = match path {
            "" => name.to_string(),
            path => format!("{path}/{name}"),
        };
        let folder = entry.path();
        if is_run(&folder) {
            runs.push(path);
        } else if depth < DEPTH_MAX {
            find(&folder, &path, depth + 1, runs);
        }
    }
}

fn is_run(folder: &Path) -> bool {
    let holds = |name: &str| folder.join(name).is_file();
    let name = folder.file_name().and_then(|name| name.to_str());
    // A folder with nodes and no record is a cluster to play with.
    let just_begun = || name.is_some_and(is_time) && !folder.join("nodes").is_dir();
    let files = [
        "run.json",
        "verdict.json",
        "history.jsonl",
        "progress.jsonl",
    ];
    files.into_iter().any(holds) || just_begun()
}

/// Whether a folder is named as the run store names them: `20260315T093005.123Z`, perhaps `-2`.
fn is_time(name: &str) -> bool {
    let pattern = b"dddddddd.dddddd.dddZ";
    name.len() >= pattern.len()
        && pattern
            .iter()
            .zip(name.bytes())
            .all(|(wanted, is)| match wanted {
                b'd' => is.is_ascii_digit(),
                b'Z' => is == b'Z',
                _ => matches!(is, b'T' | b'.'),
            })
}

fn read(folder: &RunFolder, path: &str) -> Entry {
    let record: Option<Result<RunRecord, String>> = json(&folder.run());
    let verdict: Option<Result<Verdict, String>> = json(&folder.verdict());
    let state = match (&record, &verdict) {
        (Some(Err(why)), _) | (_, Some(Err(why))) => State::Damaged { why: why.clone() },
        (_, Some(Ok(verdict))) => State::Judged(Box::new(Brief::of(verdict))),
        (_, None) => without_verdict(folder, record.is_some()),
    };
    let record = record.and_then(Result::ok);
    let name = path.rsplit('/').next().unwrap_or(path);
    let began = match &record {
        Some(record) => record.began.clone(),
        None if is_time(name) => format!(
            "{}-{}-{}:{}:{}Z",
            &name[..4],
            &name[4..6],
            [&name[6..8], "T", &name[9..11]].concat(),
            &name[11..13],
            &name[13..15]
        ),
        None => String::new(),
    };
    Entry {
        path: path.to_string(),
        began,
        record,
        state,
    }
}

/// A file's value; none if there is no file.
fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Option<Result<T, String>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => Some(Err(format!("{name} cannot be read: {error}"))),
        Ok(bytes) => Some(
            serde_json::from_slice(&bytes)
                .map_err(|error| format!("{name} is not what it should be: {error}")),
        ),
    }
}

fn without_verdict(folder: &RunFolder, has_record: bool) -> State {
    let last = last_progress(&folder.progress());
    let unfinished = |why: String| State::Unfinished { why };
    match last {
        Some((progress, _)) if progress.stage == Stage::Failed => {
            let why = progress.why.unwrap_or_default();
            unfinished(format!("the harness gave up: {why}"))
        }
        Some((progress, silent_ms)) if silent_ms < SILENT_MS => State::Running { progress },
        Some((progress, _)) => unfinished(format!(
            "the harness ended after {} s, while it was at: {}",
            progress.elapsed_ms / 1_000,
            progress.stage.words()
        )),
        None if folder.history().is_file() => {
            unfinished("it has a history and no verdict: kensho check judges it".to_string())
        }
        None if has_record => unfinished("it has neither history nor verdict".to_string()),
        None => unfinished("its folder holds no file of a run".to_string()),
    }
}

/// The last whole line of `progress.jsonl`, and for how long there was no other, milliseconds.
pub fn last_progress(path: &Path) -> Option<(Progress, u64)> {
    let mut file = fs::File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let age = metadata.modified().ok()?.elapsed().unwrap_or_default();
    let from = metadata.len().saturating_sub(LAST_LINE_BYTES);
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.take(LAST_LINE_BYTES).read_to_end(&mut bytes).ok()?;
    let whole = &bytes[..=bytes.iter().rposition(|&byte| byte == b'\n')?];
    let progress = whole
        .split(|&byte| byte == b'\n')
        .rev()
        .find_map(|line| serde_json::from_slice(line).ok())?;
    Some((progress, u64::try_from(age.as_millis()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(root: &Path) -> Vec<(String, String)> {
        let runs = Listing::new(root).runs();
        let words = runs.iter().map(|run| {
            let word = match &run.state {
                State::Unfinished { why } | State::Damaged { why } => {
                    format!("{}: {why}", run.state.word())
                }
                state => state.word().to_string(),
            };
            (run.path.clone(), word)
        });
        words.collect()
    }

    #[test]
    fn half_written_and_damaged_runs_are_listed_as_such() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        fs::create_dir_all(root.path().join("register/20260315T093001.000Z")).unwrap();
        fs::create_dir_all(root.path().join("cluster/20260315T093000.000Z/nodes")).unwrap();
        write("register/20260315T093002.000Z/history.jsonl", "{\"index\"");
        write(
            "register/20260315T093003.000Z/verdict.json",
            "{\"valid\": tr",
        );
        write("deep/er/register/20260315T093004.000Z-2/run.json", "[]");
        let failed = r#"{"elapsed_ms":9,"stage":"failed","stage_ms":1,"answered":0,"failed":0,"unknown":0,"faults":0,"faults_planned":0,"why":"no room"}"#;
        write(
            "register/20260315T093005.000Z/progress.jsonl",
            &format!("{failed}\n"),
        );
        let running = failed.replace("failed\",\"stage_ms", "main\",\"stage_ms");
        write(
            "register/20260315T093006.000Z/progress.jsonl",
            &format!("{running}\n{{\"elapsed"),
        );
        std::os::unix::fs::symlink("20260315T093006.000Z", root.path().join("register/latest"))
            .unwrap();
        let listed = words(root.path());
        let expected = [
            ("register/20260315T093006.000Z", "running"),
            (
                "register/20260315T093005.000Z",
                "unfinished: the harness gave up: no room",
            ),
            (
                "deep/er/register/20260315T093004.000Z-2",
                "damaged: run.json",
            ),
            ("register/20260315T093003.000Z", "damaged: verdict.json"),
            (
                "register/20260315T093002.000Z",
                "unfinished: it has a history and no verdict",
            ),
            (
                "register/20260315T093001.000Z",
                "unfinished: its folder holds no file",
            ),
        ];
        assert_eq!(listed.len(), expected.len(), "{listed:?}");
        for ((path, word), (expected_path, begin)) in listed.iter().zip(expected) {
            assert_eq!(path, expected_path);
            assert!(word.starts_with(begin), "{word}");
        }
    }

    #[test]
    fn a_run_is_read_again_when_its_files_change() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("20260315T093001.000Z");
        fs::create_dir_all(&folder).unwrap();
        let listing = Listing::new(root.path());
        assert_eq!(listing.runs()[0].state.word(), "unfinished");
        assert_eq!(listing.runs()[0].began, "2026-03-15T09:30:01Z");
        fs::write(folder.join("verdict.json"), "no").unwrap();
        assert_eq!(listing.runs()[0].state.word(), "damaged");
        assert!(listing.run("20260315T093001.000Z").is_some());
        assert!(listing.run("").is_none() && listing.run("other").is_none());
        assert!(Listing::new(&root.path().join("missing")).runs().is_empty());
    }
}
