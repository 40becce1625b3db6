//! Orders of the versions of registers that are taken to follow from when, by whom, or in which
//! place they were written and seen: what options say of a system.

use super::dependencies::{Precedence, external_reads};
use super::log::{Fate, Log, Step};
use super::rows::{ALONE, Rows, components};
use super::{Findings, Options, rw_register};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::NEVER;
use std::collections::BTreeMap;

/// The pairs of versions that the options order.
pub(super) fn pairs(log: &Log<'_>, options: &Options) -> Vec<Precedence> {
    let mut pairs = by_system(log, &options.transaction_order);
    if options.linearizable_keys || options.sequential_keys {
        for (key, mut sightings) in sightings(log).into_iter().enumerate() {
            let key = key as u32;
            sightings.sort_unstable();
            if options.linearizable_keys {
                follow_time(&sightings, |before, after| {
                    pairs.push(Precedence { key, before, after });
                });
            }
            if options.sequential_keys {
                follow_processes(log, &sightings, |before, after| {
                    pairs.push(Precedence { key, before, after });
                });
            }
        }
    }
    pairs
}

/// Versions follow each other as the system says that their transactions did.
fn by_system(log: &Log<'_>, order: &BTreeMap<u64, i64>) -> Vec<Precedence> {
    let mut pairs = Vec::new();
    if order.is_empty() {
        return pairs;
    }
    let mut transactions: Vec<(i64, u32)> = (0..log.len() as u32)
        .filter(|at| log.committed(*at))
        .filter_map(|at| {
            let place = log.transactions[at as usize].place;
            let operation = &log.history.operations[place as usize];
            let number = order.get(&log.history.index(operation.complete))?;
            Some((*number, at))
        })
        .collect();
    transactions.sort_unstable();
    let mut last = vec![NEVER; log.key_count()];
    for (_, at) in transactions {
        for step in log.steps(at) {
            if let Step::Write { key, version } = *step
                && log.writer(version) == Some(at)
                && !log.is_intermediate(version)
            {
                let before = std::mem::replace(&mut last[key as usize], version);
                if before != NEVER && before != version {
                    pairs.push(Precedence {
                        key,
                        before,
                        after: version,
                    });
                }
            }
        }
    }
    pairs
}

/// When someone made or saw a version: the position of the event, whether it ended there, the
/// version, and who it was.
type Sighting = (u32, bool, u32, u32);

/// Per register, when transactions that made or saw its versions began and ended.
fn sightings(log: &Log<'_>) -> Vec<Vec<Sighting>> {
    let mut sightings = vec![Vec::new(); log.key_count()];
    let mut see = |key: u32, version: u32, at: u32| {
        let place = log.transactions[at as usize].place;
        let operation = &log.history.operations[place as usize];
        let sightings: &mut Vec<Sighting> = &mut sightings[key as usize];
        sightings.push((operation.invoke, false, version, at));
        if log.committed(at) {
            sightings.push((operation.complete, true, version, at));
        }
    };
    let mut seen: FastMap<u32, ()> = FastMap::default();
    for at in (0..log.len() as u32).filter(|at| log.committed(*at)) {
        external_reads(log, at, |key, version| {
            if version != NEVER
                && let Some(writer) = log.writer(version)
                && writer != at
                && log.fate(writer) != Fate::Aborted
            {
                see(key, version, at);
                seen.insert(version, ());
            }
        });
    }
    for at in (0..log.len() as u32).filter(|at| log.fate(*at) != Fate::Aborted) {
        for step in log.steps(at) {
            if let Step::Write { key, version } = *step
                && log.writer(version) == Some(at)
                && (log.committed(at) && !log.is_intermediate(version)
                    || seen.contains_key(&version))
            {
                see(key, version, at);
            }
        }
    }
    sightings
}

/// Each register follows real time: what was written or seen before something else was made or seen
/// is the earlier version.
fn follow_time(sightings: &[Sighting], mut pair: impl FnMut(u32, u32)) {
    let mut known: FastMap<(u32, u32), ()> = FastMap::default();
    let mut old: FastMap<u32, ()> = FastMap::default();
    let mut returned: FastMap<u32, ()> = FastMap::default();
    // What was seen and is not known to be followed by something else that was: enough, since the
    // order is transitive.
    let mut frontier: Vec<u32> = Vec::new();
    for (_, returns, version, _) in sightings {
        if *returns {
            if returned.insert(*version, ()).is_none() {
                frontier.retain(|before| !known.contains_key(&(*before, *version)));
                frontier.push(*version);
            }
        } else if !old.contains_key(version) {
            // (A version that is known to be old is a stale read, not a new version.)
            for before in frontier.iter().filter(|before| *before != version) {
                if known.insert((*before, *version), ()).is_none() {
                    pair(*before, *version);
                    old.insert(*before, ());
                }
            }
        }
    }
}

/// Each register follows the order of each process: what it wrote or saw is earlier than what it
/// writes or sees later.
fn follow_processes(log: &Log<'_>, sightings: &[Sighting], mut pair: impl FnMut(u32, u32)) {
    let mut last: FastMap<u32, u32> = FastMap::default();
    let process = |at: u32| {
        let place = log.transactions[at as usize].place;
        log.history.operations[place as usize].process
    };
    for (_, returns, version, at) in sightings {
        if *returns {
            last.insert(process(*at), *version);
        } else if let Some(before) = last.get(&process(*at))
            && before != version
        {
            pair(*before, *version);
        }
    }
}

/// Reports registers whose versions go in a circle; for each register whether they do.
pub(super) fn circular(
    findings: &mut Findings<'_>,
    pairs: &[Precedence],
    writes_follow_reads: bool,
) -> Vec<bool> {
    let log = findings.log;
    let mut all: Vec<(u32, u32)> = pairs.iter().map(|pair| (pair.before, pair.after)).collect();
    if writes_follow_reads {
        for at in (0..log.len() as u32).filter(|at| log.committed(*at)) {
            rw_register::updates(log, at, |_, before, after| {
                if before != NEVER && before != after {
                    all.push((before, after));
                }
            });
        }
    }
    let mut circular = vec![false; log.key_count()];
    let Some(component) = components(&Rows::of(log.version_count(), &all)) else {
        return circular;
    };
    let mut involved: Vec<(u32, u32)> = (0..log.version_count() as u32)
        .filter(|version| component[*version as usize] != ALONE)
        .map(|version| (log.key_of(version), version))
        .collect();
    involved.sort_unstable();
    for versions in involved.chunk_by(|one, other| one.0 == other.0) {
        let key = versions[0].0;
        circular[key as usize] = true;
        let mut writers: Vec<u32> = versions
            .iter()
            .filter_map(|(_, version)| log.writer(*version))
            .collect();
        writers.sort_unstable();
        writers.dedup();
        writers.truncate(10);
        let text = format!(
            "The versions of {} follow each other in a circle: each of these transactions overwrote what another of them made.",
            log.key_name(key)
        );
        findings.add(AnomalyName::CyclicVersions, text, &writers);
    }
    circular
}
