//! The lock workload: clients take and give back many independent locks, with fencing tokens.
//!
//! A lock is a row whose value is even while it is free and odd while it is held; who takes it puts the
//! next number, under the condition that nobody else has put anything meanwhile, and that number is the
//! token. Tokens rise, so that a storage can turn away whoever held the lock before. A client that holds
//! a lock gives it back with its next operation; one that does not know whether it has taken a lock
//! leaves it alone, and others find it held.

use std::collections::HashMap;

use fastrand::Rng;
use kensho_checker::history::{History, Kind};
use kensho_checker::judge::{self, judge, models};
use kensho_checker::report::Report;
use serde_json::Value;

use crate::call::{Answer, Call, CallKind, Condition};
use crate::generator::Generator;
use crate::objects::{Names, Operations};
use crate::operation::Operation;
use crate::workload::{Clients, Outcome, Settings, Step, Words, Workload};

/// Many independent locks.
#[derive(Debug)]
pub struct Lock;

const NAMES: Names = Names {
    letter: 'l',
    container: "lock",
};

impl Workload for Lock {
    fn name(&self) -> &'static str {
        "lock"
    }

    fn text(&self) -> &'static str {
        "clients take and give back many locks; nobody takes one that is held, and fencing tokens rise"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["acquire", "release"]
    }

    fn calls(&self) -> &'static [CallKind] {
        &[CallKind::Get, CallKind::Put]
    }

    fn words(&self) -> Words {
        Words {
            object: "lock",
            valid: "no lock was held by two clients at a time, and every token was greater than those \
                    before it.",
            invalid: "no lock works like this",
        }
    }

    fn clients(&self, settings: Settings) -> Box<dyn Clients> {
        Box::new(Locks {
            settings,
            held: HashMap::new(),
        })
    }

    fn container(&self, settings: &Settings, key: &str) -> Option<String> {
        NAMES.container_of(key, settings.containers)
    }

    fn check(&self, history: &History) -> Report {
        judge(history, &models::FENCED_MUTEX, &judge::Settings::default())
    }
}

fn draw(_draw: &mut Rng, _count: u64) -> Operation {
    Operation::new("acquire")
}

/// A lock that a client holds.
#[derive(Clone, Debug)]
struct Held {
    lock: String,
    token: u64,
    version: String,
}

#[derive(Debug)]
struct Locks {
    settings: Settings,
    /// By client.
    held: HashMap<usize, Held>,
}

impl Clients for Locks {
    fn containers(&self) -> Vec<String> {
        NAMES.containers(&self.settings)
    }

    fn generator(&self) -> Generator {
        Operations::without_end(NAMES, self.settings, draw)
    }

    /// A client that holds a lock gives that one back, whatever the generator says. The holder is named
    /// by its number, which stays the same when its process retires.
    fn begin(&mut self, client: usize, operation: Operation) -> Result<(Operation, Call), String> {
        let held = self.held.remove(&client);
        let lock = match &held {
            Some(held) => held.lock.clone(),
            None => operation.key.clone().unwrap_or_default(),
        };
        let container = NAMES.container_of(&lock, self.settings.containers);
        let (Some(container), "acquire") = (container, operation.f) else {
            return Err(format!("not an operation on a lock: {operation:?}"));
        };
        let named = |f| {
            Operation::new(f)
                .on(lock.as_str())
                .with(format!("client {client}"))
        };
        Ok(match held {
            None => (
                named("acquire"),
                Call::Get {
                    container,
                    key: lock,
                },
            ),
            Some(held) => (
                named("release"),
                Call::Put {
                    container,
                    key: held.lock,
                    value: held.token + 1,
                    condition: Condition::Version(held.version),
                },
            ),
        })
    }

    fn answered(
        &mut self,
        client: usize,
        operation: &Operation,
        call: &Call,
        answer: Answer,
    ) -> Step {
        let asked = &operation.value;
        let acquires = operation.f == "acquire";
        Step::End(match (answer, call) {
            (Answer::Row(row), Call::Get { container, key }) => {
                let (value, condition) = Condition::unchanged(row);
                if !value.is_multiple_of(2) {
                    return Step::End(Outcome::fail(asked, "somebody holds it"));
                }
                return Step::Call(Call::Put {
                    container: container.clone(),
                    key: key.clone(),
                    value: value + 1,
                    condition,
                });
            }
            (Answer::Written(version), Call::Put { key, value, .. }) if acquires => {
                let Some(version) = version else {
                    // Without the version it cannot be given back by a condition.
                    return Step::End(Outcome {
                        kind: Kind::Info,
                        ..Outcome::fail(asked, "the store did not tell the version")
                    });
                };
                let held = Held {
                    lock: key.clone(),
                    token: *value,
                    version,
                };
                self.held.insert(client, held);
                Outcome::ok(Value::from(*value))
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
        containers: 3,
        operations_per_key: 100,
        seed: 7,
    };

    fn found(bug: impl Fn(&mut Store, u64, &Call) -> Option<Answer>) -> Vec<AnomalyName> {
        let report = Lock.check(&rehearse_with_bug(&Lock, SETTINGS, 1_000, bug));
        let invalid = report.is_invalid();
        assert!(invalid, "{:?}", report.verdict);
        report.anomalies().iter().map(|found| found.name).collect()
    }

    #[test]
    fn a_store_that_forgets_who_took_a_lock_is_found() {
        let forgets = found(|store, number, call| {
            let forgotten = || store.clone().answer(call);
            number.is_multiple_of(50).then(forgotten)
        });
        assert!(!forgets.is_empty());
    }

    #[test]
    fn a_store_that_ignores_conditions_is_found() {
        let ignores = found(|store, number, call| match call {
            Call::Put {
                container,
                key,
                value,
                ..
            } if number > 50 => Some(store.answer(&Call::Put {
                container: container.clone(),
                key: key.clone(),
                value: *value,
                condition: Condition::Always,
            })),
            _ => None,
        });
        let names = [AnomalyName::LockHeldTwice, AnomalyName::TokenDoesNotRise];
        assert!(
            names.iter().any(|name| ignores.contains(name)),
            "{ignores:?}"
        );
    }
}
