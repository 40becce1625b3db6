//! How long elements of a growing set took until every read saw them.
//!
//! An element is *known* when its addition was acknowledged, or when the first read that saw it
//! ended. It is *stable* if the last read that began and could have seen it did; its *stable
//! latency* is the time from its being known until the last read that missed it began, and 0 if no
//! read missed it after that. These are the figures that Maelstrom gives for `broadcast`.

use std::collections::HashMap;

use kensho_checker::history::{History, Operation, Outcome};
use serde::Serialize;
use serde_json::{Map, Value};

/// The figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stability {
    /// Elements that somebody tried to add.
    pub attempt_count: usize,
    /// Those that the last read saw.
    pub stable_count: usize,
    /// Those of them that a read missed for a millisecond or longer after they were known.
    pub stale_count: usize,
    /// Those that were known, and that the last read missed.
    pub lost_count: usize,
    /// Those of which no read tells anything.
    pub never_read_count: usize,
    /// Stable latencies in milliseconds, by the share of elements for which they were shorter.
    pub stable_latencies: Map<String, Value>,
}

/// The shares of which latencies are told.
const SHARES: [f64; 5] = [0.0, 0.5, 0.95, 0.99, 1.0];

#[derive(Clone, Copy, Default)]
struct Element {
    /// The event, and its time.
    known: Option<(u32, u64)>,
    last_present: Option<(u32, u64)>,
    last_absent: Option<(u32, u64)>,
}

impl Stability {
    /// The figures of a history; `add` is what adding is called there.
    pub fn of(history: &History, add: &str) -> Stability {
        let named = |name: &str| {
            let symbol = history.symbol(name);
            let operations = history.operations.iter();
            operations.filter(move |operation| Some(operation.f) == symbol)
        };
        let mut elements: Vec<Element> = Vec::new();
        let mut places: HashMap<_, usize> = HashMap::new();
        for operation in named(add).filter(|add| add.outcome != Outcome::Fail) {
            let place = *places.entry(operation.argument).or_insert(elements.len());
            if place == elements.len() {
                elements.push(Element::default());
            }
            if operation.outcome == Outcome::Ok {
                elements[place].known = Some((operation.complete, operation.complete_time));
            }
        }
        let mut reads: Vec<&Operation> = named("read")
            .chain(named("final-read"))
            .filter(|read| read.outcome == Outcome::Ok)
            .collect();
        reads.sort_by_key(|read| read.complete);
        let mut present = vec![usize::MAX; elements.len()];
        for (number, read) in reads.iter().enumerate() {
            let value = history.value(read.result);
            for element in value.elements().unwrap_or_default() {
                let place = history.find(element).and_then(|datum| places.get(&datum));
                let Some(place) = place.copied() else {
                    continue;
                };
                present[place] = number;
                let element = &mut elements[place];
                if element.known.is_none_or(|(event, _)| read.complete < event) {
                    element.known = Some((read.complete, read.complete_time));
                }
            }
            let began = Some((read.invoke, read.invoke_time));
            for (element, seen) in elements.iter_mut().zip(&present) {
                let last = match *seen == number {
                    true => &mut element.last_present,
                    false => &mut element.last_absent,
                };
                *last = (*last).max(began);
            }
        }
        Stability::from(&elements)
    }

    fn from(elements: &[Element]) -> Stability {
        let mut latencies_ms = Vec::new();
        let mut lost_count = 0;
        for element in elements {
            if element.last_present > element.last_absent {
                let known = element.known.map_or(0, |(_, time)| time);
                let stable = element.last_absent.map_or(0, |(_, time)| time + 1);
                latencies_ms.push(stable.saturating_sub(known) / 1_000_000);
            } else if element.known.is_some() && element.last_absent > element.known {
                lost_count += 1;
            }
        }
        latencies_ms.sort_unstable();
        let count = latencies_ms.len();
        let at = |share: f64| {
            let place = ((count as f64 * share) as usize).min(count.checked_sub(1)?);
            Some((share.to_string(), latencies_ms[place].into()))
        };
        Stability {
            attempt_count: elements.len(),
            stable_count: count,
            stale_count: latencies_ms.iter().filter(|ms| **ms > 0).count(),
            lost_count,
            never_read_count: elements.len() - count - lost_count,
            stable_latencies: SHARES.into_iter().filter_map(at).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_checker::formats::{Format, read};

    /// Times in milliseconds.
    fn history(events: &[(u64, u64, &str, &str, &str)]) -> History {
        let text: String = events
            .iter()
            .map(|(ms, process, kind, f, value)| {
                format!(
                    "{{\"time\":{},\"process\":{process},\"type\":\"{kind}\",\"f\":\"{f}\",\"value\":{value}}}\n",
                    ms * 1_000_000
                )
            })
            .collect();
        read(text.as_bytes(), Format::Jsonl).unwrap()
    }

    #[test]
    fn latency_counts_from_known_to_the_last_read_that_missed_it() {
        let history = history(&[
            (0, 0, "invoke", "broadcast", "1"),
            (10, 0, "ok", "broadcast", "1"),
            (20, 1, "invoke", "read", "null"),
            (25, 1, "ok", "read", "[]"),
            (30, 1, "invoke", "read", "null"),
            (35, 1, "ok", "read", "[1]"),
            (40, 0, "invoke", "broadcast", "2"),
            (41, 0, "ok", "broadcast", "2"),
            (50, 1, "invoke", "read", "null"),
            (55, 1, "ok", "read", "[1, 2]"),
            (60, 0, "invoke", "broadcast", "3"),
            (61, 0, "ok", "broadcast", "3"),
            (62, 1, "invoke", "broadcast", "4"),
            (63, 1, "info", "broadcast", "4"),
            (70, 2, "invoke", "final-read", "null"),
            (75, 2, "ok", "final-read", "[1, 2]"),
        ]);
        let stability = Stability::of(&history, "broadcast");
        assert_eq!(
            (
                stability.attempt_count,
                stability.stable_count,
                stability.stale_count,
                stability.lost_count,
                stability.never_read_count,
            ),
            (4, 2, 1, 1, 1)
        );
        let latencies = serde_json::to_value(&stability.stable_latencies).unwrap();
        assert_eq!(
            latencies,
            serde_json::json!({"0": 0, "0.5": 10, "0.95": 10, "0.99": 10, "1": 10})
        );
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        let stability = Stability::of(&History::default(), "add");
        assert_eq!(stability.attempt_count, 0);
        assert!(stability.stable_latencies.is_empty());
    }
}
