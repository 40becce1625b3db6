//! A set that is read at the end: everything acknowledged must be there, and nothing else.
//!
//! Operations: `add` an element, `read` a list of all. The last read that succeeded decides.

use super::{Findings, each_key, initial_elements, listed, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{Datum, History, NEVER, Outcome};
use crate::judge::{Known, Model, NilAnswer, Setting, unexpected};
use crate::register::NilRead;
use crate::report::Report;
use crate::value::Value;
use std::collections::BTreeSet;

/// The model `set`.
pub static MODEL: Model = Model {
    name: "set",
    help: "A set that is read at the end: add, read; nothing acknowledged is lost",
    operations: &[Known::asks("read", NilAnswer::IfSet), Known::change("add")],
    settings: &[Setting::Init, Setting::NilReads],
    guess: None,
    judge: |history, settings| {
        let initial = match initial_elements(settings.initial.as_ref()) {
            Ok(initial) => initial,
            Err(reason) => return Report::unknown("set", history, reason),
        };
        let options = Options {
            initial,
            nil_is_empty: settings.nil_read == Some(NilRead::Value),
        };
        check(history, &options)
    },
};

/// What the set is like.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The elements that it holds in the beginning.
    pub initial: Vec<Value>,
    /// Whether a read of nothing saw an empty set; otherwise its result is not known.
    pub nil_is_empty: bool,
}

/// Judges the last read of each key against the additions.
pub fn check(history: &History, options: &Options) -> Report {
    each_key(history, |places| check_key(history, places, options))
}

fn check_key(history: &History, places: &[u32], options: &Options) -> Report {
    let mut findings = Findings::new(history);
    let last = named_of(history, places, "read")
        .filter(|(_, read)| succeeded(read))
        .filter(|(_, read)| read.result != Datum::NIL || options.nil_is_empty)
        .max_by_key(|(_, read)| read.complete);
    let Some((read, operation)) = last else {
        return findings.report(
            "set",
            Some("no read succeeded, so nothing was checked".to_owned()),
        );
    };
    let value = history.value(operation.result);
    let elements = match (value.elements(), operation.result) {
        (Some(elements), _) => elements,
        (None, Datum::NIL) => &[],
        (None, result) => {
            let odd = unexpected(history, operation, result, "a list of elements");
            return Report::unknown("set", history, odd);
        }
    };
    let seen: BTreeSet<&Value> = elements.iter().collect();
    // Per element the first attempt to add it, before the read ended.
    let mut attempts: FastMap<Value, u32> = FastMap::default();
    attempts.extend(
        options
            .initial
            .iter()
            .map(|element| (element.clone(), NEVER)),
    );
    let mut lost: Vec<(Value, Option<u32>)> = options
        .initial
        .iter()
        .filter(|element| !seen.contains(element))
        .map(|element| (element.clone(), None))
        .collect();
    let mut recovered = 0;
    let mut attempted = 0;
    for (place, add) in named_of(history, places, "add") {
        attempted += 1;
        let element = history.value(add.argument);
        let there = seen.contains(&element);
        recovered += usize::from(there && add.outcome == Outcome::Unknown);
        if succeeded(add) && !there && add.complete < operation.invoke {
            lost.push((element.clone(), Some(place)));
        }
        if add.outcome != Outcome::Fail && add.invoke < operation.complete {
            attempts.entry(element).or_insert(place);
        }
    }
    let phantoms: Vec<Value> = seen
        .iter()
        .filter(|element| !attempts.contains_key(**element))
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
        let mut places: Vec<u32> = lost
            .iter()
            .filter_map(|(_, place)| *place)
            .take(20)
            .collect();
        places.push(read);
        findings.add(AnomalyName::LostWrite, text, &places);
    }
    if !phantoms.is_empty() {
        let text = format!(
            "{} element(s) were read that nobody had added: {}. The read is {}.",
            phantoms.len(),
            listed(&phantoms),
            findings.operation(read),
        );
        findings.add(AnomalyName::PhantomElement, text, &[read]);
    }
    findings.detail("attempted", attempted);
    findings.detail("read", seen.len());
    findings.detail("lost", lost.len());
    findings.detail("phantom", phantoms.len());
    findings.detail("recovered", recovered);
    findings.report("set", None)
}
