//! What the nodes logged around some moments of a run: a few lines of logs that may be large.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use crate::store::RunFolder;
use crate::utc::Utc;

/// So much of each node's log is read.
const READ_MAX: u64 = 64 << 20;
/// A longer line is cut.
const LINE_MAX: usize = 400;
/// So many lines are kept for a moment, those nearest to it.
const LINES_MAX: usize = 60;
/// So many are held while logs are read.
const HELD_MAX: usize = 4_000;

/// A time of the run whose log lines are wanted, milliseconds since the run began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    /// From when.
    pub(super) from_ms: f64,
    /// The most interesting time.
    pub(super) at_ms: f64,
    /// Until when.
    pub(super) to_ms: f64,
    /// The partition that it is about: lines about other partitions are left out.
    pub(super) partition: Option<u64>,
}

/// A line of a node's log.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Milliseconds since the run began.
    pub(super) at_ms: f64,
    /// Who wrote it.
    pub(super) node: String,
    /// `INFO`, `WARN`, ….
    pub(super) level: String,
    /// Message and fields.
    pub(super) text: String,
}

/// The lines around one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lines {
    /// In order of time.
    pub(super) lines: Vec<Line>,
    /// How many more there were.
    pub(super) omitted: usize,
}

/// The lines around each of `moments`, for a run whose clock began at `began_unix_ms`.
pub(super) fn read(folder: &RunFolder, began_unix_ms: u64, moments: &[Moment]) -> Vec<Lines> {
    let mut found = vec![Lines::default(); moments.len()];
    if moments.is_empty() {
        return found;
    }
    let mut nodes: Vec<String> = fs::read_dir(folder.path().join("nodes"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    nodes.sort();
    for node in nodes {
        let Ok(file) = File::open(folder.node(&node).join("log")) else {
            continue;
        };
        let mut input = BufReader::new(file.take(READ_MAX));
        let mut bytes = Vec::new();
        while matches!(input.read_until(b'\n', &mut bytes), Ok(count) if count > 0) {
            note(&node, &bytes, began_unix_ms as f64, moments, &mut found);
            bytes.clear();
        }
    }
    for (lines, moment) in found.iter_mut().zip(moments) {
        let distance = |line: &Line| (line.at_ms - moment.at_ms).abs();
        lines
            .lines
            .sort_by(|one, other| distance(one).total_cmp(&distance(other)));
        lines.omitted += lines.lines.len().saturating_sub(LINES_MAX);
        lines.lines.truncate(LINES_MAX);
        lines
            .lines
            .sort_by(|one, other| one.at_ms.total_cmp(&other.at_ms));
    }
    found
}

fn note(node: &str, bytes: &[u8], began_ms: f64, moments: &[Moment], found: &mut [Lines]) {
    // What is no line of JSON (a panic, mostly) has no time, and is in the log for those who look.
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    let Some(at_ms) = value["timestamp"].as_str().and_then(Utc::unix_ms) else {
        return;
    };
    let at_ms = at_ms - began_ms;
    for (moment, lines) in moments.iter().zip(found) {
        let partition = value["partition"].as_u64();
        let about_another = partition.is_some()
            && moment
                .partition
                .is_some_and(|_| partition != moment.partition);
        if about_another || at_ms < moment.from_ms || at_ms > moment.to_ms {
            continue;
        }
        if lines.lines.len() >= HELD_MAX {
            lines.omitted += 1;
            continue;
        }
        lines.lines.push(Line {
            at_ms,
            node: node.to_string(),
            level: value["level"].as_str().unwrap_or_default().to_string(),
            text: text(&value),
        });
    }
}

/// Message and fields of a line.
fn text(value: &Value) -> String {
    let mut text = value["message"].as_str().unwrap_or_default().to_string();
    for (name, field) in value.as_object().into_iter().flatten() {
        if matches!(name.as_str(), "timestamp" | "level" | "message" | "target") {
            continue;
        }
        let field = field
            .as_str()
            .map_or_else(|| field.to_string(), String::from);
        if !field.is_empty() {
            text.push_str(&format!("  {name}={field}"));
        }
    }
    if text.chars().count() > LINE_MAX {
        text = text.chars().take(LINE_MAX).chain(['…']).collect();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: f64, partition: u64, message: &str) -> String {
        format!(
            "{{\"timestamp\":\"2026-03-15T09:30:{second:09.6}Z\",\"level\":\"WARN\",\"message\":\"{message}\",\"partition\":{partition},\"node\":\"n9\",\"target\":\"t\"}}\n"
        )
    }

    #[test]
    fn lines_of_all_nodes_around_a_moment_are_told_in_order_and_bounded() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::open(root.path());
        let began = Utc::unix_ms("2026-03-15T09:30:00Z").unwrap() as u64;
        for (node, log) in [
            (
                "n1",
                [
                    line(1.0, 3, "too early"),
                    line(5.0, 3, "second"),
                    line(5.1, 4, "another partition"),
                    "no json\n".to_string(),
                ]
                .concat(),
            ),
            ("n2", line(4.9, 3, "first <b>")),
            ("n3", line(6.0, 3, &"x".repeat(10_000)).repeat(5_000)),
        ] {
            fs::create_dir_all(folder.node(node)).unwrap();
            fs::write(folder.node(node).join("log"), log).unwrap();
        }
        let moment = Moment {
            from_ms: 4_000.0,
            at_ms: 5_000.0,
            to_ms: 7_000.0,
            partition: Some(3),
        };
        let found = read(&folder, began, &[moment]).remove(0);
        assert_eq!(found.lines.len() + found.omitted, 5_002);
        assert_eq!(found.lines.len(), LINES_MAX);
        let first = &found.lines[0];
        assert_eq!((first.node.as_str(), first.level.as_str()), ("n2", "WARN"));
        assert_eq!(first.text, "first <b>  node=n9  partition=3");
        assert!(found.lines[1].text.starts_with("second"));
        assert!(
            found
                .lines
                .iter()
                .all(|line| line.text.chars().count() <= LINE_MAX + 1)
        );
    }
}
