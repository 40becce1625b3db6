//! How far a run has come: the lines of `progress.jsonl`, for those who watch it.
//!
//! The file is for eyes only. No verdict rests on it, and a run goes on without it.

use serde::{Deserialize, Serialize};

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Nodes start, and become a whole cluster.
    Starting,
    /// Clients work, under faults.
    Main,
    /// Everything is healed, and every key is read once more.
    Final,
    /// The history is judged.
    Judging,
    /// The verdict is written.
    Ended,
    /// The harness gave up.
    Failed,
}

impl Stage {
    /// For readers.
    pub fn words(self) -> &'static str {
        match self {
            Stage::Starting => "nodes are starting",
            Stage::Main => "clients work under faults",
            Stage::Final => "healing, and reading everything once more",
            Stage::Judging => "judging the history",
            Stage::Ended => "ended",
            Stage::Failed => "given up",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Since the run began, milliseconds.
    pub elapsed_ms: u64,
    /// What it does.
    pub stage: Stage,
    /// Since that began, milliseconds.
    pub stage_ms: u64,
    /// How long the main stage lasts, milliseconds, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_ms: Option<u64>,
    /// Operations that the database answered so far.
    pub answered: u64,
    /// Operations that had no effect.
    pub failed: u64,
    /// Operations of unknown outcome.
    pub unknown: u64,
    /// Faults that were begun so far.
    pub faults: u64,
    /// Faults that are planned.
    pub faults_planned: u64,
    /// The fault that goes on now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Why the harness gave up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Time between two lines, milliseconds.
pub const EVERY_MS: u64 = 500;
/// A run that has left no line for so long is not running any more, milliseconds.
pub const SILENT_MS: u64 = 15_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_what_there_is_and_no_more() {
        let line = Progress {
            elapsed_ms: 4_500,
            stage: Stage::Main,
            stage_ms: 3_000,
            length_ms: Some(60_000),
            answered: 4_321,
            failed: 2,
            unknown: 1,
            faults: 1,
            faults_planned: 9,
            fault: None,
            why: None,
        };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(
            text,
            "{\"elapsed_ms\":4500,\"stage\":\"main\",\"stage_ms\":3000,\"length_ms\":60000,\
             \"answered\":4321,\"failed\":2,\"unknown\":1,\"faults\":1,\"faults_planned\":9}"
        );
        assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), line);
    }
}
