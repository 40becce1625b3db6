//! Changes that come with revisions: revisions are their order.

use super::changes::{Changes, From};
use super::{Findings, who};
use crate::anomaly::AnomalyName;
use crate::value::Value;
use std::collections::BTreeMap;

/// Judges every watcher; returns the values in the order of changes.
pub(super) fn check(findings: &mut Findings<'_>, changes: &Changes) -> Vec<Value> {
    let mut known: BTreeMap<i64, (&Value, u32)> = BTreeMap::new();
    let watched = changes.watchers.iter().flat_map(|watcher| &watcher.log);
    let watched = watched.filter_map(|one| Some((one.revision?, &one.value, one.place)));
    let written = changes
        .acknowledged()
        .map(|(write, revision)| (revision, &write.value, write.place));
    for (revision, value, place) in written.chain(watched) {
        let (first, first_place) = *known.entry(revision).or_insert((value, place));
        if first != value {
            let text = format!(
                "at revision {revision} there is {first} for {}, but {value} for {}.",
                findings.operation(first_place),
                findings.operation(place),
            );
            findings.add(
                AnomalyName::InconsistentChanges,
                text,
                &[first_place, place],
            );
        }
    }
    for watcher in &changes.watchers {
        let mut last: Option<i64> = None;
        let mut seen: BTreeMap<i64, u32> = BTreeMap::new();
        for change in &watcher.log {
            let Some(revision) = change.revision else {
                continue;
            };
            let before = seen.insert(revision, change.place);
            if let Some(before) = before {
                let text = format!(
                    "{} saw the change of revision {revision}, to {}, twice.",
                    who(watcher),
                    change.value,
                );
                findings.add(AnomalyName::DuplicateChange, text, &[before, change.place]);
            } else if let Some(newer) = last.filter(|last| *last > revision) {
                let text = format!(
                    "{} saw the change of revision {revision}, to {}, after that of revision {newer}.",
                    who(watcher),
                    change.value,
                );
                let proof = [seen[&newer], change.place];
                findings.add(AnomalyName::ChangesOutOfOrder, text, &proof);
            }
            last = last.max(Some(revision));
        }
        let begin = match watcher.from {
            From::Beginning => i64::MIN,
            From::Revision(first) => first,
            From::Anywhere => match seen.keys().next() {
                Some(first) => *first,
                None => continue,
            },
        };
        let Some(end) = last.max(watcher.until).filter(|end| begin <= *end) else {
            continue;
        };
        let Some(watch) = watcher.last_watch else {
            continue;
        };
        for (revision, (value, place)) in known.range(begin..=end) {
            if !seen.contains_key(revision) {
                let text = format!(
                    "{} saw changes up to revision {end}, but not that of revision {revision}, to {value}, which is known from {}.",
                    who(watcher),
                    findings.operation(*place),
                );
                findings.add(AnomalyName::SkippedChange, text, &[*place, watch]);
            }
        }
    }
    known.values().map(|(value, _)| (*value).clone()).collect()
}
