//! What clients were told instead of success, and whether that was true.
//!
//! An error that is called definite says that the operation never takes effect. Whoever says so, the
//! system or the table of its client, can be wrong, and that is another matter than whether the data are
//! right: it is told apart.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Errors of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Each kind of error, the most frequent one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorKind>,
    /// Updates that had failed for certain, and were seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradicted: Vec<Contradiction>,
}

/// Errors that say the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorKind {
    /// What they say; long numbers are left out.
    pub text: String,
    /// How many operations ended by them that then certainly had no effect.
    pub failed: u64,
    /// How many of which nobody knows.
    pub unknown: u64,
}

/// An update that had failed for certain, and was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// The object.
    pub key: String,
    /// What was written.
    pub value: Value,
    /// What the client was told.
    pub told: String,
    /// When it was told so, milliseconds since the run began.
    pub told_ms: u64,
    /// When somebody had seen it, milliseconds since the run began.
    pub seen_ms: u64,
}

impl Answers {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty() && self.contradicted.is_empty()
    }

    /// What is wrong with what clients were told, in a sentence; nothing if nothing is.
    pub fn contradiction(&self) -> Option<String> {
        let first = self.contradicted.first()?;
        let count = match self.contradicted.len() {
            1 => "1 update that had failed for certain was".to_string(),
            many => format!("{many} updates that had failed for certain were"),
        };
        let Contradiction {
            key,
            value,
            told,
            told_ms,
            seen_ms,
        } = first;
        Some(format!(
            "{count} seen: the client is wrong about what an answer means, or the system lied. The first: \
             {value} in {key}, of which the client was told \"{told}\" at {:.3} s, and which was seen at {:.3} s.",
            *told_ms as f64 / 1e3,
            *seen_ms as f64 / 1e3,
        ))
    }
}
