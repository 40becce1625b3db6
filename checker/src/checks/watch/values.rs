//! Changes that come without revisions: the longest log is the measure of the others.

use super::changes::{Changes, From, Watcher};
use super::{Findings, who};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::value::Value;

/// Judges every watcher; returns the values in the order of changes. An error if a value does not
/// tell which change it is.
pub(super) fn check(findings: &mut Findings<'_>, changes: &Changes) -> Result<Vec<Value>, String> {
    let again = changes
        .writes
        .windows(2)
        .find(|pair| pair[0].value == pair[1].value);
    if let Some(pair) = again {
        return Err(format!(
            "event {}: {} is written for the second time; watches without revisions need values that are written once",
            findings.history.index(pair[1].invoke),
            pair[1].value,
        ));
    }
    let mut sound = Vec::new();
    for watcher in &changes.watchers {
        match twice(watcher) {
            Some((first, second)) => {
                let text = format!(
                    "{} saw the change to {} twice.",
                    who(watcher),
                    watcher.log[second].value
                );
                let proof = [watcher.log[first].place, watcher.log[second].place];
                findings.add(AnomalyName::DuplicateChange, text, &proof);
            }
            None => sound.push(watcher),
        }
    }
    let longest = sound
        .iter()
        .max_by_key(|watcher| (watcher.from == From::Beginning, watcher.log.len()));
    let Some(longest) = longest else {
        return Ok(Vec::new());
    };
    let places: FastMap<&Value, usize> = longest
        .log
        .iter()
        .enumerate()
        .map(|(at, change)| (&change.value, at))
        .collect();
    for watcher in sound.iter().filter(|one| !std::ptr::eq(**one, *longest)) {
        compare(findings, watcher, longest, &places);
    }
    Ok(longest
        .log
        .iter()
        .map(|change| change.value.clone())
        .collect())
}

/// Two changes of one log that are the same.
fn twice(watcher: &Watcher) -> Option<(usize, usize)> {
    let mut seen: FastMap<&Value, usize> = FastMap::default();
    watcher
        .log
        .iter()
        .enumerate()
        .find_map(|(at, change)| Some((seen.insert(&change.value, at)?, at)))
}

/// Finds the first change at which a log is not like the longest one.
fn compare(
    findings: &mut Findings<'_>,
    watcher: &Watcher,
    longest: &Watcher,
    places: &FastMap<&Value, usize>,
) {
    let aligned = watcher.from == From::Beginning && longest.from == From::Beginning;
    let start = match watcher.log.first() {
        _ if aligned => 0,
        Some(first) => match places.get(&first.value) {
            Some(start) => *start,
            // They may not have been at work at the same time.
            None => return,
        },
        None => return,
    };
    let pairs = watcher.log.iter().zip(&longest.log[start..]);
    let Some((mine, theirs)) = pairs
        .into_iter()
        .find(|(mine, theirs)| mine.value != theirs.value)
    else {
        return;
    };
    let i_saw_theirs = watcher.has_seen(&theirs.value);
    let they_saw_mine = longest.has_seen(&mine.value);
    let proof = [mine.place, theirs.place];
    let (name, text) = match (i_saw_theirs, they_saw_mine) {
        (true, true) => (
            AnomalyName::ChangesOutOfOrder,
            format!(
                "{} saw the change to {} before that to {}, and {} the other way round.",
                who(watcher),
                mine.value,
                theirs.value,
                who(longest),
            ),
        ),
        (false, _) => (
            AnomalyName::SkippedChange,
            format!(
                "{} saw {} where {} saw {}, and never saw that.",
                who(watcher),
                mine.value,
                who(longest),
                theirs.value,
            ),
        ),
        (true, false) => (
            AnomalyName::SkippedChange,
            format!(
                "{} saw {} where {} saw {}, and never saw that.",
                who(longest),
                theirs.value,
                who(watcher),
                mine.value,
            ),
        ),
    };
    findings.add(name, text, &proof);
}
