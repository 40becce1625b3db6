//! The set workload: adding elements to many independent sets, and reading them whole.
//!
//! Each element is a row of its own, and a read is one scan: so partial scans, rows that come late, and
//! rows that vanish show, which single rows never do.

use std::collections::HashSet;

use fastrand::Rng;
use kensho_checker::history::{History, Outcome as Ended};
use kensho_checker::judge::{self, judge, models};
use kensho_checker::report::Report;
use serde_json::Value;

use crate::call::{Answer, Call, CallKind, Condition};
use crate::generator::Generator;
use crate::messages::{Argument, Message, Spoken};
use crate::objects::{Names, Operations, Usage};
use crate::operation::Operation;
use crate::workload::{Clients, Outcome, Settings, Step, Words, Workload};

/// Many independent sets.
#[derive(Debug)]
pub struct Set;

const NAMES: Names = Names {
    letter: 's',
    container: "set",
};
/// A set has fewer elements than operations; a store gives so many rows at once.
const ELEMENTS_MAX: u32 = 10_000;

impl Workload for Set {
    fn name(&self) -> &'static str {
        "set"
    }

    fn text(&self) -> &'static str {
        "clients add elements to many sets and read them whole; each is in every later read"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["add", "read"]
    }

    fn calls(&self) -> &'static [CallKind] {
        &[CallKind::Put, CallKind::Scan]
    }

    fn words(&self) -> Words {
        Words {
            object: "set",
            valid: "every element that was known to be in a set was in every read that began later, and \
                    nothing was there that nobody had added.",
            invalid: "no single copy of these sets could have been read like this",
        }
    }

    fn spoken(&self) -> Option<Spoken> {
        Some(Spoken {
            names: NAMES,
            draw,
            last: Some("read"),
            operations: &[
                Message {
                    f: "add",
                    argument: Argument::Field("element"),
                    result: None,
                    changes: true,
                },
                Message {
                    f: "read",
                    argument: Argument::None,
                    result: Some("value"),
                    changes: false,
                },
            ],
        })
    }

    fn clients(&self, settings: Settings) -> Box<dyn Clients> {
        Box::new(Sets {
            settings,
            usage: Usage::default(),
        })
    }

    fn container(&self, settings: &Settings, key: &str) -> Option<String> {
        NAMES.container_of(key, settings.containers)
    }

    fn check(&self, history: &History) -> Report {
        let settings = judge::Settings {
            linearizable_set: true,
            ..judge::Settings::default()
        };
        judge(&with_elements(history), &models::SET_FULL, &settings)
    }

    fn mark(&self, f: &str, argument: &Value) -> Option<Value> {
        (f == "add").then(|| argument.clone())
    }

    fn seen(&self, f: &str, value: &Value) -> Vec<Value> {
        match value.as_array() {
            Some(elements) if f == "read" => elements.clone(),
            _ => Vec::new(),
        }
    }
}

/// The history of those sets that had elements, as far as anybody was told: of another one there is
/// nothing to check, and the checker would say so of the whole history.
fn with_elements(history: &History) -> History {
    let told = history.operations.iter().filter(|operation| {
        let ok = operation.outcome == Ended::Ok;
        let elements = || history.value(operation.result);
        match history.name(operation.f) {
            "add" => ok,
            "read" => ok && elements().elements().is_some_and(|some| !some.is_empty()),
            _ => true,
        }
    });
    let keys: HashSet<u32> = told.map(|operation| operation.key).collect();
    let mut part = history.clone();
    part.operations
        .retain(|operation| keys.contains(&operation.key));
    part
}

/// Every element is new.
fn draw(draw: &mut Rng, count: u64) -> Operation {
    match draw.bool() {
        true => Operation::new("add").with(count),
        false => Operation::new("read"),
    }
}

#[derive(Debug)]
struct Sets {
    settings: Settings,
    usage: Usage,
}

impl Clients for Sets {
    fn containers(&self) -> Vec<String> {
        NAMES.containers(&self.settings)
    }

    fn generator(&self) -> Generator {
        Operations::without_end(NAMES, self.settings, draw)
    }

    fn final_phase(&mut self) -> Generator {
        self.usage.final_phase("read")
    }

    fn unread(&self) -> Vec<String> {
        self.usage.unread()
    }

    fn begin(&mut self, _client: usize, operation: Operation) -> Result<(Operation, Call), String> {
        let set = operation.key.clone().unwrap_or_default();
        let container = NAMES.container_of(&set, self.settings.containers);
        let call = match (container, operation.f, operation.value.as_u64()) {
            (Some(container), "read", _) => {
                let (from, to) = Names::parts(&set);
                Call::Scan {
                    container,
                    from,
                    to,
                    limit: ELEMENTS_MAX,
                }
            }
            (Some(container), "add", Some(element)) => Call::Put {
                container,
                key: Names::part(&set, element),
                value: element,
                condition: Condition::Always,
            },
            _ => return Err(format!("not an operation on a set: {operation:?}")),
        };
        self.usage.touch(&set);
        Ok((operation, call))
    }

    fn answered(
        &mut self,
        _client: usize,
        operation: &Operation,
        call: &Call,
        answer: Answer,
    ) -> Step {
        let asked = &operation.value;
        Step::End(match (answer, call) {
            (Answer::Rows(rows), Call::Scan { .. }) => {
                self.usage
                    .read(operation.key.as_deref().unwrap_or_default());
                let elements: Vec<u64> = rows.into_iter().map(|(_, element)| element).collect();
                Outcome::ok(Value::from(elements))
            }
            (Answer::Written(_), Call::Put { .. }) => Outcome::ok(asked.clone()),
            (other, _) => Outcome::without_answer(asked, call, other),
        })
    }
}

#[cfg(test)]
mod tests {
    use kensho_checker::anomaly::AnomalyName;

    use super::*;
    use crate::rehearsal::rehearse;
    use crate::store::Store;

    const SETTINGS: Settings = Settings {
        containers: 4,
        operations_per_key: 100,
        seed: 7,
    };

    fn found(bug: impl Fn(u64, &Call, Answer) -> Answer) -> Vec<AnomalyName> {
        let (mut store, mut calls) = (Store::default(), 0);
        let history = rehearse(&Set, SETTINGS, 2_000, |call| {
            calls += 1;
            let answer = store.answer(call);
            bug(calls, call, answer)
        });
        let report = Set.check(&history);
        report.anomalies().iter().map(|found| found.name).collect()
    }

    #[test]
    fn a_scan_that_misses_a_row_once_is_found() {
        let short = found(|number, _, answer| match answer {
            Answer::Rows(mut rows) if number.is_multiple_of(100) => {
                rows.remove(0);
                Answer::Rows(rows)
            }
            answer => answer,
        });
        assert!(short.contains(&AnomalyName::StaleElement), "{short:?}");
    }

    #[test]
    fn an_element_that_is_there_twice_is_found() {
        let twice = found(|number, _, answer| match answer {
            Answer::Rows(mut rows) if number.is_multiple_of(100) => {
                rows.push(rows[0].clone());
                Answer::Rows(rows)
            }
            answer => answer,
        });
        assert!(twice.contains(&AnomalyName::DuplicateElement), "{twice:?}");
    }

    #[test]
    fn sets_in_which_there_was_nothing_are_no_reason_to_doubt() {
        let (mut store, settings) = (Store::default(), SETTINGS);
        let history = rehearse(&Set, settings, 2_000, |call| match call {
            Call::Put { container, .. } if container == "set-1" => Answer::Error {
                definite: true,
                text: "there is no room".into(),
            },
            call => store.answer(call),
        });
        let report = Set.check(&history);
        assert!(report.is_valid(), "{:?}", report.verdict);
    }
}
