//! What a run has to show before *valid* may be said of it.

use std::collections::BTreeSet;

use kensho_checker::history::{History, Outcome};
use kensho_results::verdict::{FaultOutcome, FaultRecord};

use super::Question;
use crate::world::Remains;

/// What is missing, each in a sentence.
pub(super) fn missing(
    history: &History,
    question: &Question,
    remains: &Remains,
    length_ns: u64,
) -> Vec<String> {
    let mut missing = Vec::new();
    if let Some(trouble) = &remains.trouble {
        missing.push(format!(
            "the run ended early, since {} broke the protocol",
            trouble.node
        ));
    }
    if remains.interrupted {
        let seconds = length_ns as f64 / 1e9;
        missing.push(format!("the run was interrupted after {seconds:.1} s"));
    }
    for name in question.operations {
        if !succeeded(history, name).any(|_| true) {
            missing.push(format!("no {name} succeeded"));
        }
    }
    for kind in &question.faults {
        let own = remains
            .faults
            .iter()
            .filter(|fault| fault.name == kind.name());
        let applied = own
            .clone()
            .any(|fault| fault.outcome == FaultOutcome::Applied);
        if !applied {
            let why = own
                .filter_map(why)
                .next()
                .unwrap_or_else(|| "the run was too short".to_owned());
            missing.push(format!("no {} was applied: {why}", kind.name()));
        }
    }
    if question.has_final_reads && !remains.interrupted && remains.trouble.is_none() {
        let read: BTreeSet<&str> = succeeded(history, "final-read").collect();
        let unread = question
            .nodes
            .iter()
            .filter(|node| !read.contains(node.as_str()));
        let unread: Vec<&str> = unread.map(String::as_str).collect();
        if !unread.is_empty() {
            missing.push(format!("no final read of {} succeeded", unread.join(", ")));
        }
    }
    missing
}

/// The nodes at which operations of this name succeeded.
fn succeeded<'a>(history: &'a History, name: &str) -> impl Iterator<Item = &'a str> {
    let symbol = history.symbol(name);
    let operations = history.operations.iter();
    operations
        .filter(move |operation| Some(operation.f) == symbol && operation.outcome == Outcome::Ok)
        .map(|operation| history.name(operation.node))
}

fn why(fault: &FaultRecord) -> Option<String> {
    fault
        .injections
        .iter()
        .find_map(|injection| injection.why.clone())
}

/// What is worth knowing besides.
pub(super) fn notes(remains: &Remains) -> Vec<String> {
    let mut notes = Vec::new();
    let skipped = remains
        .faults
        .iter()
        .filter(|fault| fault.outcome != FaultOutcome::Applied);
    let skipped = skipped.count();
    if skipped > 0 {
        notes.push(format!(
            "{skipped} of {} faults found nobody to strike: other faults had struck all nodes already",
            remains.faults.len()
        ));
    }
    let partitions = remains
        .faults
        .iter()
        .filter(|fault| fault.name == "partition");
    if partitions.count() > 0 && remains.counts.cut == 0 {
        notes.push(
            "partitions swallowed no message: nothing was sent over the links that were cut"
                .to_owned(),
        );
    }
    if let (count, Some(first)) = &remains.strays {
        notes.push(format!(
            "{count} message(s) to clients had no whole number as \"in_reply_to\", and were ignored; the first: {first}"
        ));
    }
    notes
}
