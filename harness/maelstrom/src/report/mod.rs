//! From what a run left behind to its verdict, its figures and its page.

mod diagram;
mod evidence;
mod judge;
mod network;
mod page;
mod stable;
mod style;

use anyhow::{Context, Result};
use kensho_checker::explain;
use kensho_checker::formats;
use kensho_checker::history::History;
use kensho_checker::judge::Model;
use kensho_checker::transactions::ConsistencyModel;
use kensho_results::run::RunRecord;
use kensho_results::store::RunFolder;
use kensho_results::verdict::Verdict;
use serde::Serialize;
use serde_json::Value;

use crate::fault::Kind;
use crate::real::Outcome;

pub use network::Network;
pub use stable::Stability;

/// What a run was to show.
#[derive(Clone, Debug)]
pub struct Question {
    /// The model that judges its history.
    pub model: &'static Model,
    /// Of each of these some must have succeeded.
    pub operations: &'static [&'static str],
    /// Whether every node must have been read at the end.
    pub has_final_reads: bool,
    /// For transactions: each of these is asked.
    pub consistency: Vec<ConsistencyModel>,
    /// At least this share of the operations must succeed.
    pub availability: Option<f64>,
    /// Each of these kinds of faults must have struck.
    pub faults: Vec<Kind>,
    /// The nodes' names.
    pub nodes: Vec<String>,
}

/// What a run showed: `verdict.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The verdict, as every run of kensho has it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What the network carried.
    pub network: Network,
    /// For sets that grow: how long elements took to be seen everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<Stability>,
    /// What a node did that ended the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// What is worth knowing besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Judges the history that lies on disk, and leaves verdict and page beside it.
///
/// # Errors
/// If the history cannot be read, or the files cannot be written.
pub fn make(
    folder: &RunFolder,
    record: &RunRecord,
    question: &Question,
    outcome: Outcome,
) -> Result<Shown> {
    let history = read(folder)?;
    let judged = judge::judge(&history, question, outcome);
    folder.write_json(&folder.verdict(), &judged.shown)?;
    let explained: Vec<String> = judged
        .reports
        .iter()
        .map(|report| explain::html_fragment(&history, report))
        .collect();
    let diagram = diagram::draw(
        &judged.trace,
        &judged.shown.verdict.anomalies,
        &question.nodes,
    );
    let page = page::draw(record, &judged.shown, &explained, &diagram);
    folder.write(&folder.report(), page.as_bytes())?;
    Ok(judged.shown)
}

/// Whether a folder holds a run of this crate: its page shows what no other file holds.
///
/// # Errors
/// If its verdict cannot be read.
pub fn is_of_maelstrom(folder: &RunFolder) -> Result<bool> {
    let path = folder.verdict();
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let verdict: Value =
        serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    Ok(verdict["network"].is_object())
}

fn read(folder: &RunFolder) -> Result<History> {
    let path = folder.history();
    let cannot = || format!("cannot read the history {}", path.display());
    let bytes = std::fs::read(&path).with_context(cannot)?;
    if bytes.is_empty() {
        return Ok(History::default());
    }
    formats::read(&bytes, formats::Format::Jsonl).with_context(cannot)
}

/// The milliseconds of something that has them, of an anomaly as JSON.
fn operations_of(anomaly: &Value) -> impl Iterator<Item = &Value> {
    anomaly["operations"].as_array().into_iter().flatten()
}
