//! What a check says: a verdict, and what proves it.
//!
//! Everything here is bounded in size whatever the size of the history, except the witness of a
//! valid one, which names each operation once.

mod violations;

pub(crate) use violations::Violation;
pub use violations::Violations;

use crate::anomaly::AnomalyName;
use crate::history::{History, NEVER, Operation, Outcome, Problem};
use crate::value::Value;
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
    /// The key ([`Operation::key`]), or [`NEVER`] where there is only one object.
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

/// A violation, by the name it has in the literature, with the operations that prove it.
#[derive(Clone, Debug, Serialize)]
pub struct Anomaly {
    /// Its name.
    pub name: AnomalyName,
    /// The object, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What happened, in words.
    pub text: String,
    /// A sub-history that is itself invalid, and minimal: forgetting how any operation that is
    /// [`Role::Proof`] ended makes it valid, and one that is [`Role::Source`] is there only
    /// because another saw its value.
    pub operations: Vec<OperationView>,
    /// Operations of the sub-history beyond those listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub operations_omitted: usize,
    /// The smallest time by which reads would have to be moved back for the key to be valid, in
    /// nanoseconds: the key is linearizable but for reads that are stale by at most so much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_ns: Option<u64>,
    /// For an anomaly among transactions, the cycle of dependencies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cycle: Vec<Dependency>,
}

/// One edge of a cycle of transactions.
#[derive(Clone, Debug, Serialize)]
pub struct Dependency {
    /// Place of the earlier transaction in [`Anomaly::operations`].
    pub from: usize,
    /// Place of the later one.
    pub to: usize,
    /// `ww`, `wr`, `rw`, `process` or `realtime`.
    pub kind: String,
    /// Why the one depends on the other.
    pub why: String,
}

/// The part that an operation plays in an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Without its outcome there would be no violation.
    Proof,
    /// It wrote a value that another saw; how and when it ended does not matter.
    Source,
}

/// An operation as a report shows it.
#[derive(Clone, Debug, Serialize)]
pub struct OperationView {
    /// Index of its invocation's event.
    pub invoke: u64,
    /// Index of its completion's event, if it completed with a known outcome.
    pub complete: Option<u64>,
    /// The process: its number, or its name.
    #[serde(serialize_with = "as_process")]
    pub process: String,
    /// The operation's name.
    pub f: String,
    /// Result of a read, argument of anything else.
    #[serde(serialize_with = "as_json")]
    pub value: Value,
    /// What a failed operation saw, if it said so.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_json_if_any"
    )]
    pub observed: Option<Value>,
    /// `ok`, `fail` or `info`.
    #[serde(rename = "type")]
    pub outcome: &'static str,
    /// When it was invoked, in nanoseconds since the run began.
    pub invoke_ns: u64,
    /// When it completed, in nanoseconds; absent if its outcome is unknown.
    pub complete_ns: Option<u64>,
    /// The node, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Whether the times mean anything: they do not if there are none, or if they go back.
    #[serde(skip)]
    pub timed: bool,
    /// Its part in the anomaly.
    pub role: Role,
    /// Its place in [`History::operations`].
    #[serde(skip)]
    pub place: u32,
}

fn as_json<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    // What is longer than any explanation needs is cut, as text.
    let text = value.to_string();
    match text.char_indices().nth(Anomaly::LETTERS_MAX) {
        None => value.to_json().serialize(serializer),
        Some((end, _)) => format!("{}…", &text[..end]).serialize(serializer),
    }
}

#[allow(clippy::ref_option)] // the signature that serde asks for
fn as_json_if_any<S: Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => as_json(value, serializer),
        None => serializer.serialize_none(),
    }
}

#[allow(clippy::ptr_arg)] // the signature that serde asks for
fn as_process<S: Serializer>(process: &String, serializer: S) -> Result<S::Ok, S::Error> {
    match process.parse::<u64>() {
        Ok(number) => number.serialize(serializer),
        Err(_) => process.serialize(serializer),
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the signature that serde asks for
fn is_zero(number: &usize) -> bool {
    *number == 0
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

impl Anomaly {
    /// How many operations of a sub-history are listed.
    pub const OPERATIONS_MAX: usize = 60;

    /// How long words and values may be; what is longer is cut.
    pub const LETTERS_MAX: usize = 10_000;

    /// An anomaly told by these operations alone.
    pub fn new(name: AnomalyName, mut text: String, operations: Vec<OperationView>) -> Anomaly {
        // A sentence may begin with an operation.
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let mut anomaly = Anomaly {
            name,
            key: None,
            text,
            operations,
            operations_omitted: 0,
            stale_ns: None,
            cycle: Vec::new(),
        };
        anomaly.bound();
        anomaly
    }

    /// Adds how stale reads are, as a figure and in words.
    pub(crate) fn set_stale(&mut self, ns: u64) {
        self.stale_ns = Some(ns);
        self.text.push_str(&format!(
            " The key is linearizable if reads may be stale by up to {} s.",
            seconds(ns)
        ));
    }

    /// Cuts words that are too long. Leaves out operations beyond [`Anomaly::OPERATIONS_MAX`],
    /// sources first, and counts them.
    pub(crate) fn bound(&mut self) {
        if let Some((end, _)) = self.text.char_indices().nth(Self::LETTERS_MAX) {
            self.text.truncate(end);
            self.text.push('…');
        }
        let total = self.operations.len();
        if total <= Self::OPERATIONS_MAX {
            return;
        }
        let mut proofs_left = Self::OPERATIONS_MAX;
        let proofs = self
            .operations
            .iter()
            .filter(|o| o.role == Role::Proof)
            .count();
        let mut sources_left = Self::OPERATIONS_MAX.saturating_sub(proofs);
        self.operations.retain(|operation| {
            let left = if operation.role == Role::Proof {
                &mut proofs_left
            } else {
                &mut sources_left
            };
            let keep = *left > 0;
            *left = left.saturating_sub(1);
            keep
        });
        self.operations_omitted += total - self.operations.len();
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

impl OperationView {
    /// The operation at this place of the history.
    pub fn of(history: &History, place: u32, role: Role) -> OperationView {
        let operation: &Operation = &history.operations[place as usize];
        let known = operation.complete != NEVER;
        let name = history.name(operation.f);
        let shows_result = operation.outcome == Outcome::Ok
            && (operation.result != crate::history::Datum::NIL || reads(name));
        let shown = if shows_result {
            operation.result
        } else {
            operation.argument
        };
        OperationView {
            invoke: history.index(operation.invoke),
            complete: known.then(|| history.index(operation.complete)),
            process: history.process_name(operation.process),
            f: name.to_owned(),
            value: history.value(shown),
            observed: (operation.outcome == Outcome::Fail && operation.observed)
                .then(|| history.value(operation.result)),
            outcome: match operation.outcome {
                Outcome::Ok => "ok",
                Outcome::Fail => "fail",
                Outcome::Unknown => "info",
            },
            invoke_ns: operation.invoke_time,
            complete_ns: known.then_some(operation.complete_time),
            timed: !history.times_go_back
                && (operation.invoke_time > 0 || operation.complete_time > 0),
            node: match history.name(operation.node) {
                "" => None,
                node => Some(node.to_owned()),
            },
            role,
            place,
        }
    }
}

fn reads(name: &str) -> bool {
    matches!(name, "read" | "r" | "get")
}

/// One operation in words: who did what, when, where.
impl fmt::Display for OperationView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "process {}'s {}",
            self.process,
            Phrase(&self.f, &self.value)
        )?;
        match &self.observed {
            Some(observed) => write!(f, ", which failed since it saw {}", Short(observed))?,
            None if self.outcome == "fail" => f.write_str(", which failed")?,
            None => {}
        }
        f.write_str(" (")?;
        match self.complete {
            Some(complete) => write!(f, "events {}-{complete}", self.invoke)?,
            None => write!(f, "event {}, outcome unknown", self.invoke)?,
        }
        match self.complete_ns {
            _ if !self.timed => {}
            Some(end) => write!(f, ", {}-{} s", seconds(self.invoke_ns), seconds(end))?,
            None => write!(f, ", from {} s", seconds(self.invoke_ns))?,
        }
        if let Some(node) = &self.node {
            write!(f, ", node {node}")?;
        }
        f.write_str(")")
    }
}

/// A name and a value as a phrase: `read of 3`, `cas from 3 to 4`.
struct Phrase<'a>(&'a str, &'a Value);

impl fmt::Display for Phrase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            ("cas", Value::List(pair)) if pair.len() == 2 => {
                write!(f, "cas from {} to {}", pair[0], pair[1])
            }
            ("", value) => write!(f, "transaction {}", Short(value)),
            (name, Value::Nil) if !reads(name) => f.write_str(name),
            (name, value) => write!(f, "{name} of {}", Short(value)),
        }
    }
}

/// A value in at most some sixty letters.
pub(crate) struct Short<'a>(pub(crate) &'a Value);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS_MAX: usize = 120;
        let text = self.0.to_string();
        match text.char_indices().nth(LETTERS_MAX) {
            None => f.write_str(&text),
            Some((end, _)) => write!(f, "{}…", &text[..end]),
        }
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
