//! What clients were told instead of success: how often, and whether what was said to have failed for
//! certain was seen nevertheless.

use std::collections::{BTreeMap, HashMap};

use kensho_checker::history::{Event, Kind, Process};
use kensho_results::answers::{Answers, Contradiction, ErrorKind};
use kensho_workloads::Workload;

/// More kinds of errors than these are not told apart.
const KINDS_MAX: usize = 200;
/// More contradictions than these are not listed.
const CONTRADICTIONS_MAX: usize = 1_000;
/// Numbers with so many digits differ from answer to answer.
const LONG_NUMBER: usize = 5;

/// Collects, event by event.
pub(super) struct Told {
    workload: &'static dyn Workload,
    /// Failed and unknown, by what was said.
    kinds: BTreeMap<String, (u64, u64)>,
    /// Updates that failed for certain, by object and mark: what was said, and when.
    failed: HashMap<(String, String), (String, u64)>,
    /// When each mark was seen first, by object and mark.
    seen: HashMap<(String, String), u64>,
}

impl Told {
    pub(super) fn new(workload: &'static dyn Workload) -> Told {
        Told {
            workload,
            kinds: BTreeMap::new(),
            failed: HashMap::new(),
            seen: HashMap::new(),
        }
    }

    pub(super) fn push(&mut self, event: &Event) {
        if event.process == Process::Nemesis {
            return;
        }
        if let (Some(error), Kind::Fail | Kind::Info) = (&event.error, event.kind) {
            self.count(error, event.kind);
        }
        let key = event.key.clone().unwrap_or_default();
        match event.kind {
            Kind::Fail => {
                if let Some(mark) = self.workload.mark(&event.f, &event.value) {
                    let told = event.error.clone();
                    let told = told.unwrap_or_else(|| "it did not take place".to_string());
                    self.failed
                        .insert((key, mark.to_string()), (told, event.time));
                }
            }
            Kind::Ok => {
                for mark in self.workload.seen(&event.f, &event.value) {
                    let mark = (key.clone(), mark.to_string());
                    self.seen.entry(mark).or_insert(event.time);
                }
            }
            Kind::Invoke | Kind::Info => {}
        }
    }

    fn count(&mut self, error: &str, kind: Kind) {
        let text = without_long_numbers(error);
        let new = !self.kinds.contains_key(&text);
        let text = match new && self.kinds.len() >= KINDS_MAX {
            true => "others".to_string(),
            false => text,
        };
        let (failed, unknown) = self.kinds.entry(text).or_default();
        match kind {
            Kind::Info => *unknown += 1,
            _ => *failed += 1,
        }
    }

    pub(super) fn finish(self) -> Answers {
        let mut contradicted: Vec<Contradiction> = self
            .failed
            .into_iter()
            .filter_map(|(update, (told, told_ns))| {
                let seen_ns = self.seen.get(&update)?;
                let (key, mark) = update;
                Some(Contradiction {
                    key,
                    value: serde_json::from_str(&mark).unwrap_or_default(),
                    told,
                    told_ms: told_ns / 1_000_000,
                    seen_ms: seen_ns / 1_000_000,
                })
            })
            .collect();
        contradicted
            .sort_by(|one, other| (one.told_ms, &one.key).cmp(&(other.told_ms, &other.key)));
        contradicted.truncate(CONTRADICTIONS_MAX);
        let kinds = self.kinds.into_iter();
        let mut errors: Vec<ErrorKind> = kinds
            .map(|(text, (failed, unknown))| ErrorKind {
                text,
                failed,
                unknown,
            })
            .collect();
        errors.sort_by_key(|kind| std::cmp::Reverse(kind.failed + kind.unknown));
        Answers {
            errors,
            contradicted,
        }
    }
}

/// The text with `#` for each number of many digits, so that answers which say the same are one kind.
fn without_long_numbers(text: &str) -> String {
    let mut short = String::new();
    let mut digits = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        match digits.len() >= LONG_NUMBER {
            true => short.push('#'),
            false => short.push_str(&digits),
        }
        digits.clear();
        short.push(c);
    }
    short.pop();
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn told(workload: &str, events: &[(&str, Value, Kind, Option<&str>)]) -> Answers {
        let mut told = Told::new(kensho_workloads::find(workload).unwrap());
        for (time, (f, value, kind, error)) in (0_u64..).zip(events) {
            let invoke = Event::invoke(time, time, Process::Client(time), f).with_key("r1");
            let mut event = invoke.complete(time, time * 1_000_000, *kind);
            event.value = value.clone();
            event.error = error.map(String::from);
            told.push(&event);
        }
        told.finish()
    }

    #[test]
    fn an_update_that_had_failed_for_certain_and_is_seen_is_a_contradiction() {
        let events = [
            ("write", json!(1), Kind::Fail, Some("refused")),
            ("write", json!(2), Kind::Fail, Some("refused")),
            ("write", json!(3), Kind::Info, Some("timeout")),
            ("cas", json!([1, 4]), Kind::Fail, None),
            ("read", json!(2), Kind::Ok, None),
            ("read", json!(3), Kind::Ok, None),
            ("cas", json!([4, 5]), Kind::Ok, None),
        ];
        let answers = told("register", &events);
        let values: Vec<&Value> = answers.contradicted.iter().map(|c| &c.value).collect();
        assert_eq!(values, [&json!(2), &json!(4)]);
        let text = answers.contradiction().unwrap();
        assert!(
            text.contains("2 updates") && text.contains("the system lied"),
            "{text}"
        );
        assert!(text.contains("\"refused\" at 0.001 s"), "{text}");
    }

    #[test]
    fn an_element_that_was_refused_and_is_in_the_set_is_one_too() {
        let events = [
            ("add", json!(7), Kind::Fail, Some("refused")),
            ("read", json!([6, 7]), Kind::Ok, None),
        ];
        assert_eq!(told("set", &events).contradicted.len(), 1);
        let events = [
            ("add", json!(7), Kind::Info, Some("timeout")),
            ("read", json!([6, 7]), Kind::Ok, None),
        ];
        assert_eq!(told("set", &events).contradiction(), None);
    }

    #[test]
    fn errors_that_say_the_same_are_counted_together() {
        let events = [
            (
                "write",
                json!(1),
                Kind::Info,
                Some("no answer from 127.0.0.1:10001 (code 14)"),
            ),
            (
                "write",
                json!(2),
                Kind::Info,
                Some("no answer from 127.0.0.1:10002 (code 14)"),
            ),
            (
                "read",
                json!(null),
                Kind::Fail,
                Some("no answer from 127.0.0.1:10002 (code 14)"),
            ),
            ("read", json!(null), Kind::Fail, Some("refused")),
        ];
        let errors = told("register", &events).errors;
        assert_eq!(errors.len(), 2);
        assert_eq!(errors[0].text, "no answer from 127.0.0.1:# (code 14)");
        assert_eq!((errors[0].failed, errors[0].unknown), (1, 2));
    }
}
