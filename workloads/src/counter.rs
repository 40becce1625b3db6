//! The counter workload: adding to many independent counters, and reading them.
//!
//! A store has no addition: a client reads the counter and puts the sum if nobody else has put
//! anything meanwhile. If somebody has, the addition had no effect and is not tried again. So an update
//! that is lost, is done twice, or takes effect although the store said that it did not, shows in the
//! sum for ever, where a register would show it only until the next write.

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

/// Many independent counters.
#[derive(Debug)]
pub struct Counter;

const NAMES: Names = Names {
    letter: 'c',
    container: "counter",
};

impl Workload for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn text(&self) -> &'static str {
        "clients add to many counters and read them; each sum must count what was acknowledged, once"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["add", "read"]
    }

    fn calls(&self) -> &'static [CallKind] {
        &[CallKind::Get, CallKind::Put]
    }

    fn words(&self) -> Words {
        Words {
            object: "counter",
            valid: "every sum that was read counts all that had been acknowledged before, and nothing \
                    that was never asked for. Nothing was lost, or done twice.",
            invalid: "these sums cannot be",
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
                    argument: Argument::Field("delta"),
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
        Box::new(Counters {
            settings,
            usage: Usage::default(),
        })
    }

    fn container(&self, settings: &Settings, key: &str) -> Option<String> {
        NAMES.container_of(key, settings.containers)
    }

    fn check(&self, history: &History) -> Report {
        judge(history, &models::COUNTER, &judge::Settings::default())
    }
}

fn draw(draw: &mut Rng, _count: u64) -> Operation {
    match draw.bool() {
        true => Operation::new("add").with(draw.u64(1..=5)),
        false => Operation::new("read"),
    }
}

#[derive(Debug)]
struct Counters {
    settings: Settings,
    usage: Usage,
}

impl Clients for Counters {
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
        let key = operation.key.clone().unwrap_or_default();
        let container = NAMES.container_of(&key, self.settings.containers);
        match (container, operation.f, operation.value.as_u64()) {
            (Some(container), "read", _) | (Some(container), "add", Some(_)) => {
                self.usage.touch(&key);
                Ok((operation, Call::Get { container, key }))
            }
            _ => Err(format!("not an operation on a counter: {operation:?}")),
        }
    }

    fn answered(
        &mut self,
        _client: usize,
        operation: &Operation,
        call: &Call,
        answer: Answer,
    ) -> Step {
        let asked = &operation.value;
        let adds = (operation.f == "add").then(|| asked.as_u64().unwrap_or_default());
        Step::End(match (answer, call) {
            (Answer::Row(row), Call::Get { container, key }) => {
                let Some(amount) = adds else {
                    self.usage.read(key);
                    let sum = row.map_or(0, |(sum, _)| sum);
                    return Step::End(Outcome::ok(Value::from(sum)));
                };
                let (sum, condition) = Condition::unchanged(row);
                return Step::Call(Call::Put {
                    container: container.clone(),
                    key: key.clone(),
                    value: sum + amount,
                    condition,
                });
            }
            (Answer::Written(_), Call::Put { .. }) => Outcome::ok(asked.clone()),
            (Answer::Mismatch(_), Call::Put { .. }) => {
                Outcome::fail(asked, "another client has changed it meanwhile")
            }
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
        operations_per_key: 200,
        seed: 7,
    };

    /// What is found on a store that does `bug` instead, for each update by its number.
    fn found(bug: impl Fn(&mut Store, u64, &Call) -> Option<Answer>) -> Vec<AnomalyName> {
        let report = Counter.check(&rehearse_with_bug(&Counter, SETTINGS, 2_000, bug));
        report.anomalies().iter().map(|found| found.name).collect()
    }

    #[test]
    fn an_addition_that_was_acknowledged_and_is_lost_is_found() {
        let lost = |_: &mut Store, number: u64, _: &Call| {
            number
                .is_multiple_of(100)
                .then(|| Answer::Written(Some("1-0".into())))
        };
        assert!(found(lost).contains(&AnomalyName::CounterOutOfBounds));
    }

    #[test]
    fn an_addition_that_was_refused_and_took_effect_is_found() {
        let taken = |store: &mut Store, number: u64, call: &Call| {
            number.is_multiple_of(100).then(|| {
                store.answer(call);
                Answer::Error {
                    definite: true,
                    text: "refused".into(),
                }
            })
        };
        assert!(found(taken).contains(&AnomalyName::CounterOutOfBounds));
    }

    #[test]
    fn an_addition_of_unknown_outcome_may_have_happened_or_not() {
        for happens in [false, true] {
            let unknown = |store: &mut Store, number: u64, call: &Call| {
                number.is_multiple_of(50).then(|| {
                    if happens {
                        store.answer(call);
                    }
                    Answer::Error {
                        definite: false,
                        text: "no answer".into(),
                    }
                })
            };
            assert_eq!(found(unknown), []);
        }
    }
}
