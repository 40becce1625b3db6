//! `verdict.json`: what a run showed, with all figures. The report is drawn from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::answers::Answers;
use crate::figures::Figures;
use crate::text::counted;

/// Whether the history is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It is.
    Valid,
    /// It is not: an anomaly was found.
    Invalid,
    /// Nobody knows: a check gave up, or there is too little evidence.
    Unknown,
}

impl Validity {
    /// The program's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Validity::Valid => 0,
            Validity::Invalid => 1,
            Validity::Unknown => 2,
        }
    }

    /// `valid`, `invalid` or `unknown`.
    pub fn word(self) -> &'static str {
        match self {
            Validity::Valid => "valid",
            Validity::Invalid => "invalid",
            Validity::Unknown => "unknown",
        }
    }
}

impl Serialize for Validity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Validity::Valid => serializer.serialize_bool(true),
            Validity::Invalid => serializer.serialize_bool(false),
            Validity::Unknown => serializer.serialize_str("unknown"),
        }
    }
}

impl<'de> Deserialize<'de> for Validity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(true) => Ok(Validity::Valid),
            Value::Bool(false) => Ok(Validity::Invalid),
            Value::String(word) if word == "unknown" => Ok(Validity::Unknown),
            other => Err(serde::de::Error::custom(format!(
                "\"valid\" is true, false or \"unknown\", not {other}"
            ))),
        }
    }
}

/// What a run showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the history is right.
    pub valid: Validity,
    /// The verdict in a sentence or two.
    pub summary: String,
    /// What is missing for a better verdict than *unknown*.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Violations, as the checker tells them: `name`, `text`, `operations`, ….
    #[serde(default)]
    pub anomalies: Vec<Value>,
    /// Acknowledged writes that are gone.
    #[serde(default, skip_serializing_if = "Losses::is_empty")]
    pub losses: Losses,
    /// What clients were told instead of success, and whether it was true.
    #[serde(default, skip_serializing_if = "Answers::is_empty")]
    pub answers: Answers,
    /// What one of the objects is called that operations are on.
    #[serde(default = "object")]
    pub object: String,
    /// What else the checker told: how many keys, which engine, ….
    #[serde(default)]
    pub checker: Value,
    /// Every fault that was planned, and what became of it.
    pub faults: Vec<FaultRecord>,
    /// How often the dangerous things happened.
    pub counts: Counts,
    /// Changes of owners and masters, as they were seen.
    pub failovers: Vec<Failover>,
    /// Nodes that ended although nobody had asked them to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unexpected_exits: Vec<UnexpectedExit>,
    /// The time of day at which the run's clock began, milliseconds since 1970; by it the nodes'
    /// logs are found for a time of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_unix_ms: Option<u64>,
    /// Operations, throughput, latency, availability.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Verdicts of old do not say what their objects are called.
fn object() -> String {
    "object".to_string()
}

/// How a fault went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultOutcome {
    /// It was done.
    Applied,
    /// It could not be: there was nobody to do it to.
    Skipped,
    /// It was tried, and the means failed.
    Failed,
}

/// What kind of thing an injection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InjectionKind {
    /// A process dies.
    Kill,
    /// A process dies, and is started again at once.
    Restart,
    /// A process stands still.
    Pause,
    /// Links are cut.
    Partition,
    /// Links are slow.
    Delay,
    /// A disk is full.
    Disk,
    /// A data folder is copied.
    Copy,
    /// A data folder is put back from a copy, cloned or lost.
    Folder,
}

/// One injection of a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InjectionRecord {
    /// What kind of thing was done; not known of runs that were made before this was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<InjectionKind>,
    /// What was done, in words.
    pub action: String,
    /// To whom.
    pub targets: Vec<String>,
    /// How it went.
    pub outcome: FaultOutcome,
    /// Why it was skipped or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When, milliseconds since the run began.
    pub at_ms: u64,
    /// Those of the targets that owned a partition.
    pub owners: Vec<String>,
    /// Whether the master was among the targets.
    pub master: bool,
}

/// A fault of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// Its name in the catalogue.
    pub name: String,
    /// What it is, for a reader.
    pub text: String,
    /// All nodes that it was done to.
    pub targets: Vec<String>,
    /// When it began, milliseconds since the run began.
    pub start_ms: u64,
    /// When everything was undone, milliseconds since the run began.
    pub end_ms: u64,
    /// How it went: applied only if all of its injections were.
    pub outcome: FaultOutcome,
    /// Each thing that was done.
    pub injections: Vec<InjectionRecord>,
    /// The partition whose owner or backup was meant, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    /// Partitions that the targets owned when it began.
    pub owned: Vec<u32>,
    /// Each node's health just before it began.
    pub health_before: BTreeMap<String, String>,
    /// Each node's health just before it was undone.
    pub health_during: BTreeMap<String, String>,
    /// Each node's health when everything was undone.
    pub health_after: BTreeMap<String, String>,
}

/// How often the dangerous things happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Faults that were applied.
    pub faults_applied: usize,
    /// Kills of a node that owned a partition.
    pub owner_kills: usize,
    /// Kills of the master.
    pub master_kills: usize,
    /// Pauses of an owner for longer than its lease.
    pub owner_pauses_beyond_lease: usize,
    /// Partitions of the network.
    pub partitions: usize,
    /// Slow links.
    #[serde(default)]
    pub delays: usize,
    /// Disks that were filled.
    #[serde(default)]
    pub full_disks: usize,
    /// How often a node's data folder was put back from a copy, cloned or lost.
    #[serde(default)]
    pub folders: usize,
}

impl Counts {
    /// The kinds of faults of which there were some, in words.
    pub fn text(&self) -> String {
        let kinds = [
            (self.owner_kills, "owner kill"),
            (self.master_kills, "master kill"),
            (self.owner_pauses_beyond_lease, "owner pause"),
            (self.partitions, "network partition"),
            (self.delays, "delay of links"),
            (self.full_disks, "full disk"),
            (self.folders, "older or lost data folder"),
        ];
        let some = kinds.into_iter().filter(|(count, _)| *count > 0);
        let texts: Vec<String> = some
            .map(|(count, one)| counted(count as u64, one))
            .collect();
        texts.join(", ")
    }
}

/// A partition got another owner, or the cluster another master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// When the change happened, as the node itself recorded it; or when it was seen. Milliseconds
    /// since the run began.
    pub at_ms: u64,
    /// If it was only seen: when it had not happened yet, milliseconds since the run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
    /// Whether the node itself recorded when it happened.
    #[serde(default)]
    pub recorded: bool,
    /// The partition; none for a change of master.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    /// Who had been it.
    pub from: Option<String>,
    /// Who is it now.
    pub to: Option<String>,
    /// The partition's new epoch, or the new term.
    pub number: u64,
    /// The fault during which it happened, or after which it came; its place in `faults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<usize>,
}

impl Failover {
    /// When it happened, as far as that is known.
    pub fn when(&self) -> String {
        let seconds = |ms: u64| format!("{:.3}", ms as f64 / 1e3);
        match (self.recorded, self.after_ms) {
            (true, _) => format!("at {} s", seconds(self.at_ms)),
            (false, Some(after)) => {
                format!("between {} and {} s", seconds(after), seconds(self.at_ms))
            }
            (false, None) => format!("before {} s", seconds(self.at_ms)),
        }
    }
}

/// Acknowledged writes that are gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// How many.
    pub count: usize,
    /// By the failover that lost them, the first ones of each.
    pub by_failover: Vec<Loss>,
}

impl Losses {
    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// The writes that one failover lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// The failover, in words.
    pub failover: String,
    /// When it was seen, milliseconds since the run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// How many writes.
    pub count: usize,
    /// The first of them.
    pub writes: Vec<LostWriteRecord>,
}

/// A write that is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LostWriteRecord {
    /// The object.
    pub key: String,
    /// Its partition.
    pub partition: u32,
    /// What was written.
    pub value: Value,
    /// When it was acknowledged, milliseconds since the run began.
    pub acknowledged_ms: u64,
    /// When an older value was seen instead, milliseconds since the run began.
    pub missed_ms: u64,
    /// That older value.
    pub seen: Value,
}

/// A node ended although nobody had asked it to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnexpectedExit {
    /// The node.
    pub node: String,
    /// When it was noticed, milliseconds since the run began.
    pub at_ms: u64,
    /// Its status, as the operating system told it.
    pub status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_is_true_false_or_unknown() {
        for (validity, json) in [
            (Validity::Valid, "true"),
            (Validity::Invalid, "false"),
            (Validity::Unknown, "\"unknown\""),
        ] {
            assert_eq!(serde_json::to_string(&validity).unwrap(), json);
            assert_eq!(serde_json::from_str::<Validity>(json).unwrap(), validity);
        }
        assert!(serde_json::from_str::<Validity>("3").is_err());
        assert_eq!(
            [0, 1, 2],
            [Validity::Valid, Validity::Invalid, Validity::Unknown].map(Validity::exit_code)
        );
    }
}
