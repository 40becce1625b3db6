//! Lists to which transactions append: each read names all versions before it.

use super::dependencies::{Dependencies, KnownOrder};
use super::log::{Fate, Log, Objects, Reading, Step};
use super::{Findings, Options, conclude, internal};
use crate::anomaly::AnomalyName;
use crate::history::{Datum, History, NEVER};
use crate::judge::{Known, Model, Setting};
use crate::report::Report;
use crate::value::Value;

/// The model `list-append`.
pub static MODEL: Model = Model {
    name: "list-append",
    help: "Transactions on lists: [:append key element], [:r key list]",
    operations: &[Known::transactions()],
    settings: &[Setting::Consistency],
    guess: Some(|evidence| {
        let known = evidence.only_steps(&["append", "r", "read"]);
        let appends = evidence.steps.contains("append");
        (known && appends).then(|| "its transactions have the steps append and r".to_owned())
    }),
    judge: |history, settings| check(history, &settings.transactions()),
};

/// Judges a history of list-append transactions.
pub fn check(history: &History, options: &Options) -> Report {
    const NAME: &str = "list-append";
    let reading = Reading {
        objects: Objects::Lists,
        initial: &Value::Nil,
        nil_is_unknown: false,
    };
    let log = match Log::of(history, &reading) {
        Ok(log) => log,
        Err(reason) => return Report::unknown(NAME, history, reason),
    };
    let mut findings = Findings::new(&log);
    internal::check(&mut findings);
    let mut lists = Lists::of(&log);
    lists.check_reads(&mut findings);
    super::lost_updates(&mut findings);
    lists.check_dirty_updates(&mut findings);
    let dependencies = Dependencies::of(&log, lists.known_order());
    conclude(NAME, options, findings, &dependencies)
}

/// The longest state in which each list was read.
struct Lists<'a> {
    log: &'a Log<'a>,
    lists: Vec<List>,
    /// The place of each version in the longest state of its list, [`NEVER`] if it is not there.
    places: Vec<u32>,
}

#[derive(Default)]
struct List {
    /// Who read the longest state.
    reader: u32,
    elements: Vec<Datum>,
    /// The versions that the elements made, [`NEVER`] if nobody appended them.
    versions: Vec<u32>,
    /// The states before, by their length.
    states: Vec<Datum>,
    /// Whether an element is there that must not be: aborted, unwritten, or a second time.
    unsound: bool,
    /// Whether two reads contradict each other, or an element is there twice.
    torn: bool,
}

impl<'a> Lists<'a> {
    fn of(log: &'a Log<'a>) -> Lists<'a> {
        let history = log.history;
        let mut longest: Vec<Option<(usize, Datum, u32)>> = vec![None; log.key_count()];
        each_read(log, |at, key, view| {
            let list = log.views[view as usize].list;
            let length = history.list_length(list).unwrap_or(0);
            let longest = &mut longest[key as usize];
            if longest.is_none_or(|(other, ..)| other < length) {
                *longest = Some((length, list, at));
            }
        });
        let lists = longest.into_iter().enumerate().map(|(key, longest)| {
            let Some((length, whole, reader)) = longest else {
                return List::default();
            };
            let mut list = List {
                reader,
                states: vec![Datum::UNUSED; length + 1],
                ..List::default()
            };
            history.list_elements(whole, &mut list.elements);
            let mut state = Some(whole);
            for place in (0..=length).rev() {
                let Some(here) = state else { break };
                list.states[place] = here;
                state = history.list_before(here);
            }
            list.states[0] = Datum::EMPTY_LIST;
            let mut sorted = list.elements.clone();
            sorted.sort_unstable();
            list.torn = sorted.windows(2).any(|pair| pair[0] == pair[1]);
            let versions = list.elements.iter();
            let versions =
                versions.map(|element| log.find_version(key as u32, *element).unwrap_or(NEVER));
            list.versions = versions.collect();
            let sound = |version: &u32| {
                log.writer(*version)
                    .is_some_and(|writer| log.fate(writer) != Fate::Aborted)
            };
            list.unsound = list.torn || !list.versions.iter().all(sound);
            list
        });
        let lists: Vec<List> = lists.collect();
        let mut places = vec![NEVER; log.version_count()];
        for (place, version) in lists
            .iter()
            .flat_map(|list| list.versions.iter().enumerate())
        {
            if *version != NEVER {
                places[*version as usize] = place as u32;
            }
        }
        Lists { log, lists, places }
    }

    /// What each single read shows: aborted, intermediate, unwritten, future and repeated elements,
    /// and states that contradict each other.
    fn check_reads(&mut self, findings: &mut Findings<'_>) {
        let log = self.log;
        let mut torn = Vec::new();
        each_read(log, |at, key, view| {
            let list = &self.lists[key as usize];
            let view = log.views[view as usize];
            let length = log.history.list_length(view.list).unwrap_or(0);
            let continued = list.states.get(length) == Some(&view.list);
            if !continued {
                torn.push(key);
                let text = format!(
                    "{} and {} read {} in states of which neither continues the other.",
                    log.name(at),
                    log.name(list.reader),
                    log.key_name(key)
                );
                findings.add(AnomalyName::IncompatibleOrder, text, &[at, list.reader]);
            }
            if !continued || list.unsound {
                check_elements(findings, at, key, view.list);
            }
            if view.version != NEVER
                && let Some(writer) = log.writer(view.version)
                && writer != at
                && log.is_intermediate(view.version)
                && log.fate(writer) != Fate::Aborted
            {
                let text = format!(
                    "{} read {} just after {}, in the middle of {}, which appended more to it.",
                    log.name(at),
                    log.key_name(key),
                    log.version_name(view.version),
                    log.name(writer)
                );
                findings.add(AnomalyName::G1b, text, &[writer, at]);
            }
        });
        for key in torn {
            self.lists[key as usize].torn = true;
        }
        for at in (0..log.len() as u32).filter(|at| log.committed(*at)) {
            self.check_future(findings, at);
        }
    }

    /// Reads of what their own transaction appends only later.
    fn check_future(&self, findings: &mut Findings<'_>, at: u32) {
        let log = self.log;
        let steps = log.steps(at);
        for (place, step) in steps.iter().enumerate() {
            let Step::ReadList { key, view } = *step else {
                continue;
            };
            for later in &steps[place + 1..] {
                let Step::Write {
                    key: other,
                    version,
                } = *later
                else {
                    continue;
                };
                if other != key || log.writer(version) != Some(at) {
                    continue;
                }
                let list = log.views[view as usize].list;
                let sees = match self.lists[key as usize].torn {
                    false => {
                        let length = log.history.list_length(list).unwrap_or(0);
                        (self.places[version as usize] as usize) < length
                    }
                    true => {
                        let mut elements = Vec::new();
                        log.history.list_elements(list, &mut elements);
                        elements.contains(&log.value_of(version))
                    }
                };
                if sees {
                    let text = format!(
                        "{} read {} in {} before it appended it itself.",
                        log.name(at),
                        log.version_name(version),
                        log.key_name(key)
                    );
                    findings.add(AnomalyName::FutureRead, text, &[at]);
                }
            }
        }
    }

    /// A committed element right after an aborted one.
    fn check_dirty_updates(&self, findings: &mut Findings<'_>) {
        let log = self.log;
        let sound = |list: &&List| !list.torn && list.unsound;
        for list in self.lists.iter().filter(sound) {
            let mut aborted = None;
            for version in &list.versions {
                let Some(writer) = log.writer(*version) else {
                    continue;
                };
                if log.fate(writer) == Fate::Aborted {
                    aborted = Some((writer, *version));
                } else if let (Some((dirty, before)), true) =
                    (aborted.take(), log.committed(writer))
                {
                    let text = format!(
                        "{} appended {} to {} on top of {}, which {} had appended before it failed.",
                        log.name(writer),
                        log.version_name(*version),
                        log.key_name(log.key_of(*version)),
                        log.version_name(before),
                        log.name(dirty)
                    );
                    findings.add(AnomalyName::DirtyUpdate, text, &[dirty, writer]);
                }
            }
        }
    }

    /// The order of the elements that were read; of one transaction's that follow each other only
    /// the last.
    fn known_order(&self) -> KnownOrder {
        let log = self.log;
        let chains = self.lists.iter().map(|list| {
            let mut chain: Vec<u32> = Vec::new();
            if list.torn {
                return chain;
            }
            for version in &list.versions {
                let writer = log.writer(*version);
                if writer.is_none_or(|writer| log.fate(writer) == Fate::Aborted) {
                    continue;
                }
                if chain.last().is_some_and(|last| log.writer(*last) == writer) {
                    chain.pop();
                }
                chain.push(*version);
            }
            chain
        });
        KnownOrder {
            chains: chains.collect(),
            torn: self.lists.iter().map(|list| list.torn).collect(),
            chains_are_complete: true,
            ..KnownOrder::default()
        }
    }
}

/// Each known read of each transaction that succeeded: who, which list, which view.
fn each_read(log: &Log<'_>, mut each: impl FnMut(u32, u32, u32)) {
    for at in (0..log.len() as u32).filter(|at| log.committed(*at)) {
        for step in log.steps(at) {
            if let Step::ReadList { key, view } = *step {
                each(at, key, view);
            }
        }
    }
}

/// Every element of one read.
fn check_elements(findings: &mut Findings<'_>, at: u32, key: u32, list: Datum) {
    let log = findings.log;
    let (reader, key_name) = (log.name(at), log.key_name(key));
    let mut elements = Vec::new();
    log.history.list_elements(list, &mut elements);
    let mut sorted = elements.clone();
    sorted.sort_unstable();
    let shown = |element: Datum| crate::report::Short(&log.history.value(element)).to_string();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        let text = format!(
            "{reader} read {key_name} with {} more than once.",
            shown(pair[0])
        );
        findings.add(AnomalyName::DuplicateElements, text, &[at]);
    }
    for element in elements {
        let version = log.find_version(key, element);
        let writer = version.and_then(|version| log.writer(version));
        match writer {
            None => {
                let name = shown(element);
                let text = format!("{reader} read {name} in {key_name}, but nobody appended it.");
                findings.add(AnomalyName::GarbageRead, text, &[at]);
            }
            Some(writer) if writer != at && log.fate(writer) == Fate::Aborted => {
                let text = format!(
                    "{reader} read {} in {key_name}, which {} had appended, but that one failed and must have had no effect.",
                    shown(element),
                    log.name(writer)
                );
                findings.add(AnomalyName::G1a, text, &[writer, at]);
            }
            Some(_) => {}
        }
    }
}
