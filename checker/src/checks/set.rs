//! A set that is read at the end: everything acknowledged must be there, and nothing else.
//!
//! Operations: `add` an element, `read` a list of all. The last read that succeeded decides.

use super::{Findings, each_key, listed, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{History, Outcome};
use crate::judge::{Known, Model};
use crate::report::Report;
use crate::value::Value;
use std::collections::BTreeSet;

/// The model `set`.
pub static MODEL: Model = Model {
    name: "set",
    help: "A set that is read at the end: add, read; nothing acknowledged is lost",
    operations: &[Known::read("read"), Known::change("add")],
    settings: &[],
    guess: None,
    judge: |history, _| check(history),
};

/// Judges the last read of each key against the additions.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    let last = named_of(history, places, "read")
        .filter(|(_, read)| succeeded(read) && history.value(read.result).elements().is_some())
        .max_by_key(|(_, read)| read.complete);
    let Some((read, operation)) = last else {
        return findings.report(
            "set",
            Some("no read succeeded, so nothing was checked".to_owned()),
        );
    };
    let value = history.value(operation.result);
    let elements = value.elements().unwrap_or_default();
    let seen: BTreeSet<&Value> = elements.iter().collect();
    let mut attempts: FastMap<Value, (u32, Outcome)> = FastMap::default();
    let mut lost = Vec::new();
    let mut recovered = 0;
    for (place, add) in named_of(history, places, "add") {
        let element = history.value(add.argument);
        let there = seen.contains(&element);
        recovered += usize::from(there && add.outcome == Outcome::Unknown);
        if succeeded(add) && !there && add.complete < operation.invoke {
            lost.push((element.clone(), place));
        }
        let entry = attempts.entry(element).or_insert((place, add.outcome));
        if entry.1 == Outcome::Fail {
            *entry = (place, add.outcome);
        }
    }
    let phantoms: Vec<Value> = seen
        .iter()
        .filter(|element| {
            attempts
                .get(**element)
                .is_none_or(|(_, o)| *o == Outcome::Fail)
        })
        .map(|element| (*element).clone())
        .collect();
    if !lost.is_empty() {
        let elements: Vec<Value> = lost.iter().map(|(element, _)| element.clone()).collect();
        let text = format!(
            "{} acknowledged element(s) are missing from the last read: {}. The read is {}.",
            lost.len(),
            listed(&elements),
            findings.operation(read),
        );
        let mut places: Vec<u32> = lost.iter().map(|(_, place)| *place).take(20).collect();
        places.push(read);
        findings.add(AnomalyName::LostWrite, text, &places);
    }
    if !phantoms.is_empty() {
        let text = format!(
            "{} element(s) were read that nobody added: {}. The read is {}.",
            phantoms.len(),
            listed(&phantoms),
            findings.operation(read),
        );
        findings.add(AnomalyName::PhantomElement, text, &[read]);
    }
    findings.detail("attempted", attempts.len());
    findings.detail("read", seen.len());
    findings.detail("lost", lost.len());
    findings.detail("phantom", phantoms.len());
    findings.detail("recovered", recovered);
    findings.report("set", None)
}
