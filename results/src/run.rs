//! The record of how a run was made: all that is needed to make it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// What was run.
    pub workload: String,
    /// The system that was tested.
    pub system: String,
    /// When it began, in UTC.
    pub began: String,
    /// The seed of every choice of the harness.
    pub seed: u64,
    /// The command that makes it again, word by word.
    pub command: Vec<String>,
    /// Every option with its value.
    pub options: Map<String, Value>,
    /// What happens without each of the safety rules that were broken on purpose, as far as that is
    /// known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub broken_rules: BTreeMap<String, String>,
    /// The faults that were planned.
    pub planned_faults: Value,
    /// The versions of the programs.
    pub versions: Map<String, Value>,
    /// The machine.
    pub host: Host,
}

/// The machine that a run was made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system and its release.
    pub system: String,
    /// Processors that programs may use.
    pub processors: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// The file system of the working directory, and what it is on.
    #[serde(default)]
    pub disk: String,
}

impl Host {
    /// This machine; what it does not tell is empty or 0.
    pub fn this() -> Host {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let memory_kib = read("/proc/meminfo").lines().find_map(|line| {
            let rest = line.strip_prefix("MemTotal:")?;
            rest.trim()
                .trim_end_matches("kB")
                .trim()
                .parse::<u64>()
                .ok()
        });
        let release = read("/proc/sys/kernel/osrelease");
        Host {
            system: format!("{} {}", std::env::consts::OS, release.trim()),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: memory_kib.unwrap_or(0) * 1024,
            disk: disk(&read("/proc/self/mounts")),
        }
    }
}

/// What the working directory is on, according to a table as proc(5) describes `mounts`.
fn disk(mounts: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let fitting = mounts.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (device, point, kind) = (fields.next()?, fields.next()?, fields.next()?);
        here.starts_with(point)
            .then_some((point.len(), device, kind))
    });
    // Of two file systems at the same place, the later one covers the earlier.
    let nearest = fitting.max_by_key(|(length, ..)| *length);
    nearest.map_or(String::new(), |(_, device, kind)| {
        format!("{kind} on {device}")
    })
}

impl RunRecord {
    /// The command as one line for a shell.
    pub fn command_line(&self) -> String {
        let word = |word: &String| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
            if !word.is_empty() && word.chars().all(plain) {
                word.clone()
            } else {
                format!("'{}'", word.replace('\'', r"'\''"))
            }
        };
        self.command.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_system_counts() {
        let mounts = "proc /proc proc rw 0 0\n/dev/vda / ext4 rw 0 0\n";
        assert_eq!(disk(mounts), "ext4 on /dev/vda");
        assert_eq!(disk("nothing"), "");
    }

    #[test]
    fn a_command_line_can_be_pasted_into_a_shell() {
        let command = ["kensho", "test", "--out", "my runs", "it's", ""];
        let record = RunRecord {
            workload: String::new(),
            system: String::new(),
            began: String::new(),
            seed: 0,
            command: command.map(String::from).to_vec(),
            options: Map::new(),
            broken_rules: BTreeMap::new(),
            planned_faults: Value::Null,
            versions: Map::new(),
            host: Host::this(),
        };
        assert_eq!(
            record.command_line(),
            r"kensho test --out 'my runs' 'it'\''s' ''"
        );
        assert!(record.host.processors > 0 && record.host.memory_bytes > 0);
    }
}
