//! A transaction must see its own steps.

use super::Findings;
use super::log::Step;
use crate::anomaly::AnomalyName;
use crate::history::Datum;

/// What a transaction knows of an object: its state, or only how its list must end.
enum Known {
    Version(u32),
    List(Datum),
    /// What it appended since.
    Appended(Option<Datum>, Vec<u32>),
}

/// Reads that contradict earlier steps of their own transaction.
pub(super) fn check(findings: &mut Findings<'_>) {
    let log = findings.log;
    let mut known: Vec<(u32, Known)> = Vec::new();
    for at in (0..log.len() as u32).filter(|at| log.committed(*at)) {
        let steps = log.steps(at);
        if steps.len() < 2 {
            continue;
        }
        known.clear();
        for step in steps {
            let (key, now) = match *step {
                Step::Unread => continue,
                Step::Write { key, version } | Step::Read { key, version } => {
                    (key, Known::Version(version))
                }
                Step::ReadList { key, view } => (key, Known::List(log.views[view as usize].list)),
            };
            let is_read = !matches!(step, Step::Write { .. });
            let Some(place) = known.iter().position(|(other, _)| *other == key) else {
                let first = match now {
                    Known::Version(version) if log.is_list() => {
                        Known::Appended(None, vec![version])
                    }
                    other => other,
                };
                known.push((key, first));
                continue;
            };
            let before = &mut known[place].1;
            let wrong = match (&mut *before, &now) {
                (Known::Version(before), Known::Version(now)) => is_read && before != now,
                (Known::List(before), Known::List(now)) => before != now,
                (Known::Appended(whole, end), Known::List(now)) => {
                    !continues(log, *whole, end, *now)
                }
                (Known::List(whole), Known::Version(version)) => {
                    *before = Known::Appended(Some(*whole), vec![*version]);
                    continue;
                }
                (Known::Appended(_, end), Known::Version(version)) => {
                    end.push(*version);
                    continue;
                }
                _ => false,
            };
            if wrong {
                let text = format!(
                    "{} read {} in a state that contradicts its own earlier steps.",
                    log.name(at),
                    log.key_name(key)
                );
                findings.add(AnomalyName::Internal, text, &[at]);
                break;
            }
            *before = now;
        }
    }
}

/// Whether a list is what was known of it, with these versions at its end.
fn continues(log: &super::log::Log<'_>, whole: Option<Datum>, end: &[u32], list: Datum) -> bool {
    let mut elements = Vec::new();
    log.history.list_elements(list, &mut elements);
    let Some(begin) = elements.len().checked_sub(end.len()) else {
        return false;
    };
    let same_end = elements[begin..]
        .iter()
        .zip(end)
        .all(|(element, version)| *element == log.value_of(*version));
    let same_begin = whole.is_none_or(|whole| {
        let mut before = Vec::new();
        log.history.list_elements(whole, &mut before);
        before == elements[..begin]
    });
    same_end && same_begin
}
