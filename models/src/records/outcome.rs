//! What came of replaying records, as a value and as text.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::file::Ending;
use super::judge::{DiskDiffers, Judge};
use super::machine::Difference;
use super::merge::Stream;
use crate::invariants::{Invariant, Violation};

/// More violations than this are not told one by one.
const VIOLATIONS_TOLD: usize = 10;

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Everything that was recorded is as it should be.
    Holds,
    /// Something is not.
    Violated,
    /// What could be read is as it should be; something could not.
    Unknown,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many nodes left records.
    pub nodes: usize,
    /// How many lives they had together.
    pub lives: usize,
    /// How many files were read.
    pub files: usize,
    /// How many files end before they begin.
    pub files_torn_at_once: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// Inputs that were handed in again.
    pub inputs: u64,
    /// Outputs, and states, that were compared.
    pub outputs: u64,
    /// Messages that were received after they were sent.
    pub matched: u64,
    /// Messages that nobody sent.
    pub messages_from_nowhere: u64,
    /// Replies to clients.
    pub replies: u64,
    /// Tables that were committed.
    pub tables: u64,
    /// Elections that were won.
    pub masters: u64,
    /// How often an owner began to serve.
    pub served: u64,
}

/// How a file ends, if not as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which file.
    pub path: PathBuf,
    /// How it ends.
    pub ending: Ending,
}

/// What came of replaying records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How much was looked at.
    pub counts: Counts,
    /// Where the code gave something else than at the time, and what; nothing after it was looked at.
    pub difference: Option<(String, Difference)>,
    /// What was violated.
    pub violations: Vec<Violation>,
    /// Disks that did not hold what they should at a start.
    pub disks_differ: Vec<DiskDiffers>,
    /// The first messages that nobody sent.
    pub from_nowhere: Vec<String>,
    /// Files that do not end after a whole chunk.
    pub ended: Vec<Ended>,
    /// The invariants that were held against the records.
    pub checked: Vec<Invariant>,
    /// Why the others were not.
    pub why_not_all: Vec<String>,
}

/// Puts it together.
pub(super) fn conclude(
    judge: &Judge,
    streams: &[Stream],
    counts: Counts,
    difference: Option<(String, Difference)>,
    from_nowhere: Vec<String>,
    one_clock: bool,
) -> Outcome {
    let nodes: BTreeSet<_> = streams.iter().map(Stream::node).collect();
    let lives: BTreeSet<_> = streams.iter().map(|s| (s.node(), s.life())).collect();
    let counts = Counts {
        nodes: nodes.len(),
        lives: lives.len(),
        files: streams.len(),
        bytes: streams.iter().map(|stream| stream.file.bytes()).sum(),
        replies: judge.replies,
        tables: judge.tables_committed,
        masters: judge.masters,
        served: judge.served,
        ..counts
    };
    let mut why_not_all = Vec::new();
    if judge.begins_late {
        why_not_all.push("the records begin when there were data already".to_owned());
    }
    if !judge.missing.is_empty() {
        let names: Vec<&str> = judge.missing.iter().map(String::as_str).collect();
        why_not_all.push(format!("there is no record of {}", names.join(", ")));
    }
    if !one_clock {
        why_not_all.push(
            "the nodes had different clocks, so that leases and the age of reads cannot be judged"
                .to_owned(),
        );
    }
    let checked = judge.checked(one_clock);
    let counts_here = |violation: &&Violation| match violation {
        Violation::ServedAfterSuccessor { .. } => one_clock,
        _ => checked.contains(&violation.invariant()),
    };
    let ended = streams.iter().filter_map(|stream| {
        let ending = stream.file.ending()?.clone();
        let path = stream.file.path().to_owned();
        (ending != Ending::Whole).then_some(Ended { path, ending })
    });
    Outcome {
        counts,
        difference,
        violations: judge.violations().filter(counts_here).cloned().collect(),
        disks_differ: judge.disks_differ.clone(),
        from_nowhere,
        ended: ended.collect(),
        checked,
        why_not_all,
    }
}

impl Outcome {
    /// How it ends.
    #[must_use]
    pub fn validity(&self) -> Validity {
        let violated = self.difference.is_some()
            || !self.violations.is_empty()
            || !self.disks_differ.is_empty()
            || self.counts.messages_from_nowhere > 0;
        let damaged = |ended: &Ended| matches!(ended.ending, Ending::Damaged { .. });
        if violated {
            Validity::Violated
        } else if self.ended.iter().any(damaged) {
            Validity::Unknown
        } else {
            Validity::Holds
        }
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Validity::Holds => "VALID",
            Validity::Violated => "INVALID",
            Validity::Unknown => "UNKNOWN",
        })
    }
}

fn many(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            nodes,
            lives,
            files,
            ..
        } = self.counts;
        writeln!(f, "{}", self.validity())?;
        writeln!(
            f,
            "{}, {}, {} of {:.1} MB: {} replayed, {} compared: {}",
            many(nodes as u64, "node", "nodes"),
            many(lives as u64, "life", "lives"),
            many(files as u64, "file", "files"),
            self.counts.bytes as f64 / 1e6,
            many(self.counts.inputs, "input", "inputs"),
            many(self.counts.outputs, "output", "outputs"),
            match &self.difference {
                None => "all are the same",
                Some(_) => "one differs, and nothing after it was looked at",
            }
        )?;
        if let Some((place, difference)) = &self.difference {
            writeln!(f, "  differs: {place}\n  {difference}")?;
        }
        self.fmt_endings(f)?;
        writeln!(
            f,
            "{} received after they were sent; {} won, {} committed, an owner began to serve {}, {} to clients",
            many(self.counts.matched, "message", "messages"),
            many(self.counts.masters, "election", "elections"),
            many(self.counts.tables, "table", "tables"),
            many(self.counts.served, "time", "times"),
            many(self.counts.replies, "reply", "replies"),
        )?;
        self.fmt_wrong(f)?;
        for invariant in &self.checked {
            let violated = self
                .violations
                .iter()
                .filter(|v| v.invariant() == *invariant);
            let told = match violated.count() {
                0 => "holds".to_owned(),
                count => format!("violated {}", many(count as u64, "time", "times")),
            };
            let what = match invariant {
                Invariant::Linearizable => " (no read older than what was told when it came)",
                _ => "",
            };
            writeln!(f, "  {:<22} {told}{what}", invariant.name())?;
        }
        for why in &self.why_not_all {
            writeln!(f, "not all invariants could be checked: {why}")?;
        }
        Ok(())
    }
}

impl Outcome {
    fn fmt_endings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counts.files_torn_at_once > 0 {
            let files = many(self.counts.files_torn_at_once as u64, "file", "files");
            writeln!(
                f,
                "  {files} hold nothing: the node was killed as it started"
            )?;
        }
        for Ended { path, ending } in &self.ended {
            let path = path.display();
            match ending {
                Ending::Whole => {}
                Ending::Torn { at } => writeln!(
                    f,
                    "  {path} ends in the middle of a write, at byte {at}: read up to there; what followed is not known"
                )?,
                Ending::Damaged { at, what } => writeln!(
                    f,
                    "  {path} is damaged at byte {at} ({what}): read up to there; what follows is not known"
                )?,
            }
        }
        Ok(())
    }

    fn fmt_wrong(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in self.violations.iter().take(VIOLATIONS_TOLD) {
            writeln!(f, "  violated: {violation}")?;
        }
        for DiskDiffers {
            node,
            life,
            partition,
        } in self.disks_differ.iter().take(VIOLATIONS_TOLD)
        {
            let what = match partition {
                None => "the coordinator's file".to_owned(),
                Some(partition) => format!("the log of partition {partition}"),
            };
            writeln!(
                f,
                "  violated: node {node} began its life {life} with other data on its disk than it had written ({what}); or it ran without recording before"
            )?;
        }
        for nowhere in &self.from_nowhere {
            let text: String = nowhere.chars().take(400).collect();
            writeln!(f, "  violated: a message that nobody sent: {text}")?;
        }
        Ok(())
    }
}
