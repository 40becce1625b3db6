//! Sets that grow, and that all copies come to agree on: broadcast, and grow-only sets.
//!
//! Operations: `broadcast` (or `add`, for a set) a value, `read` a list of all values. A read may be
//! behind. But it sees nothing that nobody sent, nor twice, and each *final* read sees everything
//! that had been acknowledged before it began, and what final reads before it saw. These are
//! Maelstrom's workloads `broadcast` and `g-set`.

use super::{Findings, each_key, finals, initial_elements, listed, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{History, Operation, Outcome};
use crate::judge::{Known, Model, Setting, Settings, Shape};
use crate::report::Report;
use crate::value::Value;
use std::collections::BTreeSet;

/// The model `broadcast`.
pub static BROADCAST: Model = Model {
    name: "broadcast",
    help: "Messages that reach every node: broadcast, read, final-read; final reads see all that was acknowledged",
    operations: &[
        Known::change("broadcast"),
        Known::read("read"),
        Known::read("final-read"),
    ],
    settings: &[Setting::Init],
    guess: Some(|evidence| {
        let is = evidence.has("broadcast");
        is.then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| judge(history, BROADCASTS, settings),
};

/// The model `g-set`.
pub static G_SET: Model = Model {
    name: "g-set",
    help: "A set that grows, and on which all copies come to agree: add, read, final-read",
    operations: &[
        Known::change("add"),
        Known::read("read"),
        Known::read("final-read"),
    ],
    settings: &[Setting::Init],
    guess: Some(|evidence| {
        let is = evidence.has("final-read")
            && evidence.returns("final-read", &[Shape::List, Shape::Pair, Shape::Set]);
        is.then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| judge(history, GROWING_SET, settings),
};

/// A set that grows.
#[derive(Clone, Copy, Debug)]
pub struct GrowingSet {
    /// The name of the model.
    pub model: &'static str,
    /// The name of the operation that adds a value.
    pub add: &'static str,
}

/// Messages that reach every node.
pub const BROADCASTS: GrowingSet = GrowingSet {
    model: "broadcast",
    add: "broadcast",
};

/// A grow-only set.
pub const GROWING_SET: GrowingSet = GrowingSet {
    model: "g-set",
    add: "add",
};

fn judge(history: &History, set: GrowingSet, settings: &Settings) -> Report {
    match initial_elements(settings.initial.as_ref()) {
        Ok(initial) => check(history, set, &initial),
        Err(reason) => Report::unknown(set.model, history, reason),
    }
}

/// Judges all reads, the final ones above all, each key on its own: sets that have these elements
/// in the beginning.
pub fn check(history: &History, set: GrowingSet, initial: &[Value]) -> Report {
    let initial: BTreeSet<&Value> = initial.iter().collect();
    each_key(history, |places| check_key(history, places, set, &initial))
}

/// What became of the additions of one value.
struct Added {
    place: u32,
    /// The first invocation.
    invoke: u32,
    /// The first completion that acknowledged it, with its place.
    acknowledged: Option<(u32, u32)>,
}

fn check_key(
    history: &History,
    places: &[u32],
    set: GrowingSet,
    initial: &BTreeSet<&Value>,
) -> Report {
    let mut findings = Findings::new(history);
    let mut added: FastMap<Value, Added> = FastMap::default();
    for (place, add) in named_of(history, places, set.add) {
        if add.outcome == Outcome::Fail {
            continue;
        }
        let entry = added
            .entry(history.value(add.argument))
            .or_insert_with(|| Added {
                place,
                invoke: add.invoke,
                acknowledged: None,
            });
        let sooner = entry
            .acknowledged
            .is_none_or(|(complete, _)| add.complete < complete);
        if succeeded(add) && sooner {
            entry.acknowledged = Some((add.complete, place));
        }
    }
    let mut missing = None;
    let (mut all, mut reads) = (Vec::new(), 0);
    for (place, read, is_final) in finals::reads(history, places) {
        let result = history.value(read.result);
        let Some(elements) = result.elements() else {
            missing.get_or_insert_with(|| {
                format!(
                    "event {}: a read returned {result}; a list was expected",
                    history.index(read.complete),
                )
            });
            continue;
        };
        reads += 1;
        let seen: BTreeSet<Value> = elements.iter().cloned().collect();
        if seen.len() < elements.len() {
            let text = format!("{} has elements twice.", findings.operation(place));
            findings.add(AnomalyName::DuplicateElement, text, &[place]);
        }
        let new = seen.iter().filter(|value| !initial.contains(value));
        let new: Vec<&Value> = new.collect();
        look_for_what_cannot_be(&mut findings, place, read, &new, &added);
        if is_final {
            all.push((place, read, seen));
        }
    }
    let mut acknowledged: Vec<(u32, u32, &Value)> = added
        .iter()
        .filter_map(|(value, added)| added.acknowledged.map(|(at, place)| (at, place, value)))
        .collect();
    acknowledged.sort_unstable_by_key(|(at, ..)| *at);
    let mut lost_in_all: BTreeSet<&Value> = BTreeSet::new();
    for (place, read, seen) in &all {
        let before = acknowledged.partition_point(|(at, ..)| *at < read.invoke);
        let lost: Vec<(u32, &Value)> = acknowledged[..before]
            .iter()
            .filter(|(_, _, value)| !seen.contains(*value))
            .map(|(_, add, value)| (*add, *value))
            .collect();
        let gone: Vec<&Value> = initial
            .iter()
            .filter(|value| !seen.contains(**value))
            .copied()
            .collect();
        if !gone.is_empty() {
            let values: Vec<Value> = gone.iter().map(|value| (*value).clone()).collect();
            let text = format!(
                "{} element(s) that were there in the beginning are missing from a final read: {}. The read is {}.",
                gone.len(),
                listed(&values),
                findings.operation(*place),
            );
            findings.add(AnomalyName::LostWrite, text, &[*place]);
        }
        if lost.is_empty() {
            continue;
        }
        lost_in_all.extend(lost.iter().map(|(_, value)| *value));
        let values: Vec<Value> = lost.iter().map(|(_, value)| (*value).clone()).collect();
        let text = format!(
            "{} acknowledged element(s) are missing from a final read: {}. The read is {}.",
            lost.len(),
            listed(&values),
            findings.operation(*place),
        );
        let mut proof: Vec<u32> = lost.iter().map(|(add, _)| *add).take(20).collect();
        proof.push(*place);
        findings.add(AnomalyName::LostWrite, text, &proof);
    }
    let (proven, differ) = finals::disagreement(&all);
    if let (Some((first, second)), true) = (proven, lost_in_all.is_empty()) {
        let text = format!(
            "{} and, after it, {} are final, and did not see the same.",
            findings.operation(first),
            findings.operation(second),
        );
        findings.add(AnomalyName::NotConverged, text, &[first, second]);
    }
    findings.detail("attempted", added.len());
    findings.detail("acknowledged", acknowledged.len());
    findings.detail("lost", lost_in_all.len());
    findings.detail("final_reads", all.len());
    if all.is_empty() {
        missing.get_or_insert_with(|| finals::none_of(reads));
    } else if differ {
        missing.get_or_insert_with(|| "final reads that overlap did not see the same: they differ in what was added with an unknown outcome, or while they were asked".to_owned());
    }
    findings.report(set.model, missing)
}

fn look_for_what_cannot_be(
    findings: &mut Findings<'_>,
    place: u32,
    read: &Operation,
    new: &[&Value],
    added: &FastMap<Value, Added>,
) {
    let phantoms: Vec<Value> = new
        .iter()
        .filter(|value| !added.contains_key(**value))
        .map(|value| (*value).clone())
        .collect();
    if !phantoms.is_empty() {
        let text = format!(
            "{} saw {} element(s) that nobody added: {}.",
            findings.operation(place),
            phantoms.len(),
            listed(&phantoms),
        );
        findings.add(AnomalyName::PhantomElement, text, &[place]);
    }
    let early = new
        .iter()
        .filter_map(|value| Some((value, added.get(*value)?)))
        .find(|(_, added)| added.invoke > read.complete);
    if let Some((value, added)) = early {
        let text = format!(
            "{} saw {value}, though nobody had begun to add it.",
            findings.operation(place),
        );
        findings.add(AnomalyName::ReadFromTheFuture, text, &[place, added.place]);
    }
}
