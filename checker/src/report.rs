//! What a check says: a verdict, and what proves it.
//!
//! Everything here is bounded in size whatever the size of the history, except the witness of a
//! valid one, which names each operation once.

mod anomaly;
mod operation;
mod violations;

pub use anomaly::{Anomaly, Dependency};
pub(crate) use operation::Short;
pub use operation::{OperationView, Role};
pub(crate) use violations::Violation;
pub use violations::Violations;

use crate::history::{History, Problem};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// What stands in [`Report::model`] if none was named, and none could be guessed.
pub const NO_MODEL: &str = "no model";

/// The judgement of one history by one model.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The model that it was judged by.
    pub model: String,
    /// Why this model was taken, if it was guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guessed: Option<String>,
    /// The verdict, with its proof.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How many operations there were.
    pub operations: usize,
    /// How many independent objects they were on.
    pub keys: usize,
    /// How the operations of each name ended.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stats: BTreeMap<String, OutcomeCounts>,
    /// How many keys each engine decided.
    #[serde(skip_serializing_if = "Engines::is_empty")]
    pub engines: Engines,
    /// Operations of unknown outcome that must have happened, since others saw their effect: how
    /// many, and the first of them.
    #[serde(skip_serializing_if = "MustHaveHappened::is_empty")]
    pub must_have_happened: MustHaveHappened,
    /// All violations, counted, where they are.
    #[serde(skip_serializing_if = "Violations::is_empty")]
    pub violations: Violations,
    /// Where the history breaks the rules of histories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// What a reader should know before trusting the verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What else a check found worth saying, by name: counts, bounds, latencies.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub details: serde_json::Map<String, serde_json::Value>,
}

/// How many operations ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutcomeCounts {
    /// They succeeded.
    pub ok: usize,
    /// They had no effect.
    pub fail: usize,
    /// Their outcome is unknown.
    pub unknown: usize,
}

impl OutcomeCounts {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: &OutcomeCounts) -> OutcomeCounts {
        OutcomeCounts {
            ok: self.ok + other.ok,
            fail: self.fail + other.fail,
            unknown: self.unknown + other.unknown,
        }
    }
}

/// Valid, invalid or unknown.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Some order explains every result.
    Valid(Witness),
    /// No order does; each anomaly proves it on its own.
    Invalid(Vec<Anomaly>),
    /// Not decided.
    Unknown(Unknown),
}

/// How many keys each engine decided.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Engines {
    /// Decided by zones, in `O(n log n)`.
    pub zones: usize,
    /// Decided by search.
    pub search: usize,
}

/// Operations of unknown outcome that must have happened.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MustHaveHappened {
    /// How many.
    pub count: usize,
    /// The first of them, at most [`MustHaveHappened::LISTED_MAX`].
    pub operations: Vec<OperationView>,
}

/// An order of operations that explains every result.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    /// Per key, the places of its operations in [`History::operations`], in an order in which
    /// they can have happened. Unknown operations that need not have happened are left out.
    pub orders: Vec<KeyOrder>,
    /// How many operations were put in order, validated and forgotten while the history was read;
    /// the orders are without them.
    pub settled: usize,
}

impl Witness {
    /// How many operations are in order.
    pub fn ordered(&self) -> usize {
        let orders = self.orders.iter().map(|order| order.order.len());
        self.settled + orders.sum::<usize>()
    }
}

/// The witness of one key.
#[derive(Clone, Debug, Default)]
pub struct KeyOrder {
    /// The key ([`crate::history::Operation::key`]), or [`crate::history::NEVER`] where there is only one
    /// object.
    pub key: u32,
    /// Places in [`History::operations`].
    pub order: Vec<u32>,
}

/// Why a check gave no verdict.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Unknown {
    /// What ran out or is missing, and what to do about it.
    pub reason: String,
    /// The key that was not decided, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How many of the key's operations some order explains, from the beginning on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained: Option<usize>,
    /// The operation at which the search stood, beyond which nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Box<OperationView>>,
    /// How many keys were left undecided.
    pub keys_undecided: usize,
}

impl Engines {
    fn is_empty(&self) -> bool {
        self.zones + self.search == 0
    }
}

impl MustHaveHappened {
    /// How many operations are listed.
    pub const LISTED_MAX: usize = 20;

    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Names of details of a report: how many keys are violated of which no anomaly tells, and which.
pub(crate) const FURTHER_VIOLATED_KEYS: &str = "further_violated_keys";
pub(crate) const THEIR_NAMES: &str = "names_of_further_violated_keys";

impl Report {
    /// A report with nothing but a verdict on this history.
    pub fn new(model: &str, history: &History, verdict: Verdict) -> Report {
        Report {
            model: model.to_owned(),
            guessed: None,
            verdict,
            operations: history.operations.len(),
            keys: history.key_count().max(1),
            stats: BTreeMap::new(),
            engines: Engines::default(),
            must_have_happened: MustHaveHappened::default(),
            violations: Violations::default(),
            problems: history.problems.clone(),
            warnings: Vec::new(),
            details: serde_json::Map::new(),
        }
        .doubting(history)
    }

    /// Neither *valid* nor *invalid* is said of a history whose meaning is in doubt, nor *valid* of
    /// one that was not read to its end.
    pub(crate) fn doubting(mut self, history: &History) -> Report {
        let grave = history.problems.iter().find(|problem| problem.grave);
        let reason = match (&self.verdict, history.doubt(), grave) {
            (Verdict::Unknown(_), ..) | (_, None, None) => return self,
            (_, Some(doubt), _) => doubt,
            (Verdict::Invalid(_), None, _) => return self,
            (Verdict::Valid(_), None, Some(grave)) => format!(
                "no violation was found, but the history was not read to its end (event {}: {}), so nothing follows from that",
                grave.event, grave.text
            ),
        };
        self.verdict = Verdict::Unknown(Unknown {
            reason,
            ..Unknown::default()
        });
        self
    }

    /// Names further violated keys, of which no anomaly tells; the first of them, if they are many.
    pub(crate) fn name_violated_keys(&mut self, keys: Vec<String>) {
        const NAMED_MAX: usize = 100;
        if keys.is_empty() {
            return;
        }
        let count = keys.len();
        let named: Vec<serde_json::Value> = keys
            .into_iter()
            .take(NAMED_MAX)
            .map(serde_json::Value::from)
            .collect();
        self.details
            .insert(FURTHER_VIOLATED_KEYS.to_owned(), count.into());
        self.details.insert(THEIR_NAMES.to_owned(), named.into());
    }

    /// An undecided report.
    pub fn unknown(model: &str, history: &History, reason: impl Into<String>) -> Report {
        let unknown = Unknown {
            reason: reason.into(),
            ..Unknown::default()
        };
        Report::new(model, history, Verdict::Unknown(unknown))
    }

    /// The anomalies, if the verdict is *invalid*.
    pub fn anomalies(&self) -> &[Anomaly] {
        match &self.verdict {
            Verdict::Invalid(anomalies) => anomalies,
            _ => &[],
        }
    }

    /// Whether the verdict is *valid*.
    pub fn is_valid(&self) -> bool {
        matches!(self.verdict, Verdict::Valid(_))
    }

    /// Whether the verdict is *invalid*.
    pub fn is_invalid(&self) -> bool {
        matches!(self.verdict, Verdict::Invalid(_))
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        match self {
            Verdict::Valid(_) => map.serialize_entry("valid", &true)?,
            Verdict::Invalid(anomalies) => {
                map.serialize_entry("valid", &false)?;
                map.serialize_entry("anomalies", anomalies)?;
            }
            Verdict::Unknown(unknown) => {
                map.serialize_entry("valid", "unknown")?;
                map.serialize_entry("unknown", unknown)?;
            }
        }
        map.end()
    }
}

/// The verdict's word.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Valid(_) => "valid",
            Verdict::Invalid(_) => "invalid",
            Verdict::Unknown(_) => "unknown",
        })
    }
}

/// Nanoseconds as seconds with milliseconds, or finer where that would be nothing.
pub(crate) fn seconds(ns: u64) -> String {
    if ns > 0 && ns < 1_000 {
        return format!("{:.9}", ns as f64 / 1e9);
    }
    if ns > 0 && ns < 1_000_000 {
        return format!("{:.6}", ns as f64 / 1e9);
    }
    format!("{:.3}", ns as f64 / 1e9)
}
