//! The queue workload: clients put elements into many independent queues, and take them out.
//!
//! Each element is a row of its own. Who takes one out looks for the first row and removes it; if it is
//! gone by then, another client was faster, and nothing was taken. At the end all that is left is read.
//! An element that vanishes without anybody having it, or that two clients have, is found.

use fastrand::Rng;
use kensho_checker::history::History;
use kensho_checker::judge::{self, judge, models};
use kensho_checker::report::Report;
use serde_json::Value;

use crate::call::{Answer, Call, CallKind, Condition};
use crate::generator::Generator;
use crate::messages::{Argument, Message, Spoken};
use crate::objects::{Names, Operations, Usage};
use crate::operation::Operation;
use crate::workload::{Clients, Outcome, Settings, Step, Words, Workload};

/// Many independent queues.
#[derive(Debug)]
pub struct Queue;

const NAMES: Names = Names {
    letter: 'q',
    container: "queue",
};
/// A queue has fewer elements than operations; a store gives so many rows at once.
const ELEMENTS_MAX: u32 = 10_000;

impl Workload for Queue {
    fn name(&self) -> &'static str {
        "queue"
    }

    fn text(&self) -> &'static str {
        "clients put elements into many queues and take them out; what went in comes out, once"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["enqueue", "dequeue"]
    }

    fn calls(&self) -> &'static [CallKind] {
        &[CallKind::Put, CallKind::Scan, CallKind::Delete]
    }

    fn words(&self) -> Words {
        Words {
            object: "queue",
            valid: "every element that went in came out once, or was still there at the end.",
            invalid: "no queue works like this",
        }
    }

    fn spoken(&self) -> Option<Spoken> {
        Some(Spoken {
            names: NAMES,
            draw,
            last: Some("drain"),
            operations: &[
                Message {
                    f: "enqueue",
                    argument: Argument::Field("value"),
                    result: None,
                    changes: true,
                },
                Message {
                    f: "dequeue",
                    argument: Argument::None,
                    result: Some("value"),
                    changes: true,
                },
                Message {
                    f: "drain",
                    argument: Argument::None,
                    result: Some("value"),
                    changes: true,
                },
            ],
        })
    }

    fn clients(&self, settings: Settings) -> Box<dyn Clients> {
        Box::new(Queues {
            settings,
            usage: Usage::default(),
        })
    }

    fn container(&self, settings: &Settings, key: &str) -> Option<String> {
        NAMES.container_of(key, settings.containers)
    }

    fn check(&self, history: &History) -> Report {
        judge(history, &models::QUEUE, &judge::Settings::default())
    }
}

/// Every element is new.
fn draw(draw: &mut Rng, count: u64) -> Operation {
    match draw.bool() {
        true => Operation::new("enqueue").with(count),
        false => Operation::new("dequeue"),
    }
}

#[derive(Debug)]
struct Queues {
    settings: Settings,
    usage: Usage,
}

impl Clients for Queues {
    fn containers(&self) -> Vec<String> {
        NAMES.containers(&self.settings)
    }

    fn generator(&self) -> Generator {
        Operations::without_end(NAMES, self.settings, draw)
    }

    fn final_phase(&mut self) -> Generator {
        self.usage.final_phase("drain")
    }

    fn unread(&self) -> Vec<String> {
        self.usage.unread()
    }

    fn begin(&mut self, _client: usize, operation: Operation) -> Result<(Operation, Call), String> {
        let queue = operation.key.clone().unwrap_or_default();
        let container = NAMES.container_of(&queue, self.settings.containers);
        let scan = |container, limit| {
            let (from, to) = Names::parts(&queue);
            Call::Scan {
                container,
                from,
                to,
                limit,
            }
        };
        let call = match (container, operation.f, operation.value.as_u64()) {
            (Some(container), "dequeue", _) => scan(container, 1),
            (Some(container), "drain", _) => scan(container, ELEMENTS_MAX),
            (Some(container), "enqueue", Some(element)) => Call::Put {
                container,
                key: Names::part(&queue, element),
                value: element,
                condition: Condition::Always,
            },
            _ => return Err(format!("not an operation on a queue: {operation:?}")),
        };
        self.usage.touch(&queue);
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
            (Answer::Rows(rows), Call::Scan { .. }) if operation.f == "drain" => {
                self.usage
                    .read(operation.key.as_deref().unwrap_or_default());
                let elements: Vec<u64> = rows.into_iter().map(|(_, element)| element).collect();
                Outcome::ok(Value::from(elements))
            }
            (Answer::Rows(rows), Call::Scan { container, .. }) => match rows.into_iter().next() {
                // The queue is empty.
                None => Outcome::ok(Value::Null),
                Some((key, _)) => {
                    return Step::Call(Call::Delete {
                        container: container.clone(),
                        key,
                    });
                }
            },
            (Answer::Deleted { existed: true }, Call::Delete { key, .. }) => {
                // The key ends with the element.
                let element = key.rsplit('/').next().and_then(|text| text.parse().ok());
                let element: Option<u64> = element;
                Outcome::ok(Value::from(element))
            }
            (Answer::Deleted { existed: false }, Call::Delete { .. }) => {
                Outcome::fail(asked, "another client has taken it meanwhile")
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
    use crate::rehearsal::rehearse_with_bug;
    use crate::store::Store;

    const SETTINGS: Settings = Settings {
        containers: 4,
        operations_per_key: 100,
        seed: 7,
    };

    fn found(bug: impl Fn(&mut Store, u64, &Call) -> Option<Answer>) -> Vec<AnomalyName> {
        let report = Queue.check(&rehearse_with_bug(&Queue, SETTINGS, 2_000, bug));
        report.anomalies().iter().map(|found| found.name).collect()
    }

    #[test]
    fn an_element_that_is_removed_though_nobody_was_told_is_found() {
        let twice = found(|store, number, call| match call {
            // As if a retry had been carried out again: the first time it was there.
            Call::Delete { .. } if number.is_multiple_of(50) => {
                store.answer(call);
                Some(store.answer(call))
            }
            _ => None,
        });
        assert!(twice.contains(&AnomalyName::LostElement), "{twice:?}");
    }

    #[test]
    fn an_element_that_two_clients_took_is_found() {
        let both = found(|store, number, call| match call {
            Call::Delete { .. } if number.is_multiple_of(50) => Some(store.clone().answer(call)),
            _ => None,
        });
        assert!(both.contains(&AnomalyName::DuplicateElement), "{both:?}");
    }
}
