//! A set that is read all the time: when did each element become visible, and did it stay?
//!
//! Operations: `add` an element, `read` a list of all. An element is *known* from the completion
//! of its addition, or from that of the first read that saw it. It is *lost* if a read that began
//! after that missed it and none saw it later; *stale* if such a read missed it, but it was seen
//! later; *never read* if nothing is known of it.

use super::{Findings, each_key, initial_elements, listed, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{Datum, History, NEVER, Outcome};
use crate::judge::{Known, Model, NilAnswer, Setting, Shape, unexpected};
use crate::register::NilRead;
use crate::report::Report;
use crate::value::Value;
use std::collections::BTreeSet;

/// The model `set-full`.
pub static MODEL: Model = Model {
    name: "set-full",
    help: "A set that is read all the time: add, read; nothing acknowledged is lost",
    operations: &[Known::asks("read", NilAnswer::IfSet), Known::change("add")],
    settings: &[Setting::Linearizable, Setting::Init, Setting::NilReads],
    guess: Some(|evidence| {
        let lists = evidence.returns("read", &[Shape::List, Shape::Pair, Shape::Set]);
        (evidence.has("add") && lists)
            .then(|| "its operations are add and read, and reads return several values".to_owned())
    }),
    judge: |history, settings| {
        let initial = match initial_elements(settings.initial.as_ref()) {
            Ok(initial) => initial,
            Err(reason) => return Report::unknown("set-full", history, reason),
        };
        let options = Options {
            linearizable: settings.linearizable_set,
            initial,
            nil_is_empty: settings.nil_read == Some(NilRead::Value),
        };
        check(history, &options)
    },
};

/// How strict the check is.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether an element that is known must be seen by every read that begins later.
    pub linearizable: bool,
    /// The elements that the set holds in the beginning.
    pub initial: Vec<Value>,
    /// Whether a read of nothing saw an empty set; otherwise its result is not known.
    pub nil_is_empty: bool,
}

struct Element {
    /// The first attempt to add it, or [`NEVER`] if it was there in the beginning.
    add: u32,
    /// When that began.
    begun: u32,
    /// When it was known to exist.
    known: u32,
    known_time: u64,
    /// The read with the latest invocation that saw it.
    last_present: Option<u32>,
    /// The read with the latest invocation that missed it.
    last_absent: Option<u32>,
}

impl Element {
    /// One that was there in the beginning.
    fn initial() -> Element {
        Element {
            add: NEVER,
            begun: 0,
            known: 0,
            known_time: 0,
            last_present: None,
            last_absent: None,
        }
    }

    /// The operation that added it, if it was not there in the beginning.
    fn added_by(&self) -> impl Iterator<Item = u32> + use<> {
        Some(self.add).filter(|add| *add != NEVER).into_iter()
    }

    fn told(&self, findings: &Findings<'_>) -> String {
        match self.added_by().next() {
            Some(add) => findings.operation(add).to_string(),
            None => "one that was there in the beginning".to_owned(),
        }
    }
}

/// Judges every element, each key on its own.
pub fn check(history: &History, options: &Options) -> Report {
    each_key(history, |places| check_key(history, places, options))
}

fn check_key(history: &History, places: &[u32], options: &Options) -> Report {
    let mut findings = Findings::new(history);
    let mut elements: Vec<(Value, Element)> = Vec::new();
    let mut numbers: FastMap<Value, usize> = FastMap::default();
    for element in &options.initial {
        numbers.insert(element.clone(), elements.len());
        elements.push((element.clone(), Element::initial()));
    }
    for (place, add) in named_of(history, places, "add") {
        if add.outcome == Outcome::Fail {
            continue;
        }
        let element = history.value(add.argument);
        let known = if succeeded(add) { add.complete } else { NEVER };
        let number = *numbers.entry(element.clone()).or_insert(elements.len());
        if number == elements.len() {
            elements.push((
                element,
                Element {
                    add: place,
                    begun: add.invoke,
                    known,
                    known_time: add.complete_time,
                    last_present: None,
                    last_absent: None,
                },
            ));
        } else if known < elements[number].1.known {
            elements[number].1.known = known;
            elements[number].1.known_time = add.complete_time;
        }
    }
    let mut reads: Vec<u32> = named_of(history, places, "read")
        .filter(|(_, read)| succeeded(read))
        .filter(|(_, read)| read.result != Datum::NIL || options.nil_is_empty)
        .map(|(place, _)| place)
        .collect();
    // In the order of completion, so that what an earlier read saw is known to later ones.
    reads.sort_by_key(|read| history.operations[*read as usize].complete);
    let mut duplicated = Vec::new();
    let mut phantoms: Vec<(Value, u32)> = Vec::new();
    let mut present = vec![0_u32; elements.len()];
    for (round, read) in reads.iter().enumerate() {
        let operation = &history.operations[*read as usize];
        let value = history.value(operation.result);
        let seen = match (value.elements(), operation.result) {
            (Some(seen), _) => seen,
            (None, Datum::NIL) => &[],
            (None, result) => {
                findings.not_read(unexpected(history, operation, result, "a list of elements"));
                continue;
            }
        };
        let round = round as u32 + 1;
        for element in seen {
            let added = |number: &&usize| elements[**number].1.begun < operation.complete;
            let Some(number) = numbers.get(element).filter(added) else {
                phantoms.push((element.clone(), *read));
                continue;
            };
            if std::mem::replace(&mut present[*number], round) == round {
                duplicated.push((element.clone(), *read));
            }
            let state = &mut elements[*number].1;
            if operation.complete < state.known {
                (state.known, state.known_time) = (operation.complete, operation.complete_time);
            }
            state.last_present = later(history, state.last_present, *read);
        }
        for (number, (_, state)) in elements.iter_mut().enumerate() {
            if present[number] != round {
                state.last_absent = later(history, state.last_absent, *read);
            }
        }
    }
    let (mut stable, mut lost, mut never_read, mut stale) = (0, Vec::new(), 0, Vec::new());
    let mut worst_stale_ns = 0;
    for (element, state) in &elements {
        let invoked = |read: Option<u32>| read.map(|read| history.operations[read as usize].invoke);
        let missed = invoked(state.last_absent).filter(|invoke| *invoke > state.known);
        match (invoked(state.last_present), missed) {
            (present, Some(missed)) if present.is_none_or(|present| present < missed) => {
                lost.push((element, state));
            }
            (Some(_), Some(_)) => {
                stable += 1;
                let read = state.last_absent.unwrap_or_default();
                let time = history.operations[read as usize].invoke_time;
                worst_stale_ns = worst_stale_ns.max(time.saturating_sub(state.known_time));
                stale.push((element, state));
            }
            (Some(_), None) => stable += 1,
            (None, _) => never_read += 1,
        }
    }
    if let Some((_, state)) = lost.first() {
        let names: Vec<Value> = lost.iter().map(|(element, _)| (*element).clone()).collect();
        let read = state.last_absent.unwrap_or_default();
        let text = format!(
            "{} element(s) that were known to be in the set were missing later, and were not seen again: {}. The first: {}, missed by {}.",
            lost.len(),
            listed(&names),
            state.told(&findings),
            Without(findings.operation(read)),
        );
        let mut places: Vec<u32> = state.added_by().collect();
        places.extend(state.last_present);
        places.push(read);
        findings.add(AnomalyName::LostWrite, text, &places);
    }
    if !duplicated.is_empty() {
        let names: Vec<Value> = duplicated
            .iter()
            .map(|(element, _)| element.clone())
            .collect();
        let text = format!(
            "{} time(s) a read had the same element twice: {}.",
            duplicated.len(),
            listed(&names)
        );
        let read = duplicated[0].1;
        findings.add(AnomalyName::DuplicateElement, text, &[read]);
    }
    if let Some((_, read)) = phantoms.first().cloned() {
        let names: BTreeSet<Value> = phantoms
            .iter()
            .map(|(element, _)| element.clone())
            .collect();
        let names: Vec<Value> = names.into_iter().collect();
        let text = format!(
            "{} element(s) were read that nobody had added yet, or ever did: {}. The first such read is {}.",
            names.len(),
            listed(&names),
            Without(findings.operation(read)),
        );
        findings.add(AnomalyName::PhantomElement, text, &[read]);
    }
    if let (true, Some((_, state))) = (options.linearizable, stale.first()) {
        let names: Vec<Value> = stale
            .iter()
            .map(|(element, _)| (*element).clone())
            .collect();
        let read = state.last_absent.unwrap_or_default();
        let text = format!(
            "{} element(s) were missing from a read that began after they were known: {}. The first: {}, missed by {}.",
            stale.len(),
            listed(&names),
            state.told(&findings),
            Without(findings.operation(read)),
        );
        let places: Vec<u32> = state.added_by().chain([read]).collect();
        findings.add(AnomalyName::StaleElement, text, &places);
    }
    findings.detail("attempted", elements.len());
    findings.detail("stable", stable);
    findings.detail("lost", lost.len());
    findings.detail("never_read", never_read);
    findings.detail("stale", stale.len());
    findings.detail("stale_ns_max", worst_stale_ns);
    findings.detail("duplicated", duplicated.len());
    findings.detail("phantom", phantoms.len());
    let missing =
        (stable == 0).then(|| "no element was ever read, so nothing was checked".to_owned());
    findings.report("set-full", missing)
}

fn later(history: &History, one: Option<u32>, other: u32) -> Option<u32> {
    let invoke = |place: u32| history.operations[place as usize].invoke;
    Some(
        one.filter(|one| invoke(*one) > invoke(other))
            .unwrap_or(other),
    )
}

/// A read in words, without all that it read.
struct Without(crate::report::OperationView);

impl std::fmt::Display for Without {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "process {}'s read (event {})",
            self.0.process, self.0.invoke
        )
    }
}
