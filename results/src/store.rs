//! The run store: a folder for each run, and links to the latest.
//!
//! `<root>/<workload>/<UTC time>/`, with `<root>/<workload>/latest` and `<root>/latest`.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::run::RunRecord;
use crate::utc::Utc;
use crate::verdict::Verdict;

/// The folder of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// A new folder under `root` for a run of `workload` that began at `time`; the `latest` links
    /// lead to it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(root: &Path, workload: &str, time: Utc) -> Result<RunFolder> {
        let parent = root.join(workload);
        fs::create_dir_all(&parent)
            .with_context(|| format!("cannot make the folder {}", parent.display()))?;
        let path = free_name(&parent, &time.folder_name())?;
        let name = path.file_name().unwrap_or_default();
        link(&parent.join("latest"), Path::new(name))?;
        link(&root.join("latest"), &Path::new(workload).join(name))?;
        Ok(RunFolder {
            path: path.canonicalize()?,
        })
    }

    /// An existing folder.
    pub fn open(path: &Path) -> RunFolder {
        RunFolder {
            path: path.to_path_buf(),
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The history, one event a line.
    pub fn history(&self) -> PathBuf {
        self.path.join("history.jsonl")
    }

    /// What is needed to run it again.
    pub fn run(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// The verdict with all figures.
    pub fn verdict(&self) -> PathBuf {
        self.path.join("verdict.json")
    }

    /// The report, a page for any browser.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// Latencies, in the interval log format of HDR histograms.
    pub fn latency(&self) -> PathBuf {
        self.path.join("latency.hlog")
    }

    /// Changes of the partition table as they were seen, one a line.
    pub fn table(&self) -> PathBuf {
        self.path.join("table.jsonl")
    }

    /// How far the run has come, a line twice a second while it lasts.
    pub fn progress(&self) -> PathBuf {
        self.path.join("progress.jsonl")
    }

    /// What belongs to one node: its configuration, log and data.
    pub fn node(&self, name: &str) -> PathBuf {
        self.path.join("nodes").join(name)
    }

    /// The verdict as it was written.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn read_verdict(&self) -> Result<Verdict> {
        read_json(&self.verdict())
    }

    /// The record of how the run was made.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn read_run(&self) -> Result<RunRecord> {
        read_json(&self.run())
    }

    /// Writes `value` as readable JSON, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_json(&self, path: &Path, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        self.write(path, &text)
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let new = path.with_extension("new");
        let written = fs::write(&new, bytes).and_then(|()| fs::rename(&new, path));
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).with_context(|| {
        let path = path.display();
        format!("cannot read {path}: is its folder that of a finished run?")
    })?;
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is not what it should be", path.display()))
}

/// Makes the folder `name`, or, where two runs begin in the same millisecond, `name-2`, ….
fn free_name(parent: &Path, name: &str) -> Result<PathBuf> {
    let mut attempt = 1;
    loop {
        let path = match attempt {
            1 => parent.join(name),
            number => parent.join(format!("{name}-{number}")),
        };
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot make the folder {}", path.display()));
            }
        }
    }
}

fn link(path: &Path, target: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", path.display()));
        }
        _ => {}
    }
    match symlink(target, path) {
        // Another run that began meanwhile is as much the latest.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked.with_context(|| format!("cannot make the link {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn second(second: u64) -> Utc {
        (UNIX_EPOCH + Duration::from_secs(second)).into()
    }

    #[test]
    fn the_latest_links_lead_to_the_newest_run() {
        let root = tempfile::tempdir().unwrap();
        let first = RunFolder::create(root.path(), "register", second(1)).unwrap();
        let again = RunFolder::create(root.path(), "register", second(1)).unwrap();
        assert_ne!(first, again);
        let newest = RunFolder::create(root.path(), "bank", second(2)).unwrap();
        let resolved = |name: &str| root.path().join(name).canonicalize().unwrap();
        assert_eq!(resolved("latest"), newest.path());
        assert_eq!(resolved("register/latest"), again.path());
    }

    #[test]
    fn json_is_written_whole() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(root.path(), "register", second(0)).unwrap();
        folder
            .write_json(&folder.verdict(), &serde_json::json!({"valid": true}))
            .unwrap();
        let text = fs::read_to_string(folder.verdict()).unwrap();
        assert_eq!(text, "{\n  \"valid\": true\n}\n");
        assert!(folder.write(&folder.path().join("no/such"), b"").is_err());
    }
}
