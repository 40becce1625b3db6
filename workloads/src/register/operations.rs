//! What a register operation means: the request it makes of a store, and what the answer says of it.

use std::collections::HashMap;

use kensho_checker::history::Kind;
use serde_json::{Value, json};

use super::keys::{NAMES, draw};
use crate::call::{Answer, Call, Condition, Found};
use crate::generator::Generator;
use crate::objects::{Operations, Usage};
use crate::operation::Operation;
use crate::workload::{Clients, Outcome, Settings, Step};

/// Registers remembered before the memory starts anew; far more than are live.
const SEEN_MAX: usize = 10_000;

/// The clients of a run: what they have last seen of each register, its value and the version that
/// came with it.
#[derive(Debug)]
pub(super) struct Registers {
    settings: Settings,
    seen: HashMap<String, (u64, String)>,
    usage: Usage,
}

impl Registers {
    pub(super) fn new(settings: Settings) -> Registers {
        Registers {
            settings,
            seen: HashMap::new(),
            usage: Usage::default(),
        }
    }

    fn learn(&mut self, key: &str, row: Option<(u64, String)>) {
        match row {
            Some(row) => drop(self.seen.insert(key.to_owned(), row)),
            None => drop(self.seen.remove(key)),
        }
        // Registers of the past are never asked for again, and one forgotten too early only costs a
        // failed compare-and-set.
        if self.seen.len() > SEEN_MAX {
            self.seen.clear();
        }
    }
}

impl Clients for Registers {
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
        let unknown = format!("not a register operation: {operation:?}");
        let key = operation.key.clone().unwrap_or_default();
        let Some(container) = NAMES.container_of(&key, self.settings.containers) else {
            return Err(unknown);
        };
        self.usage.touch(&key);
        let put = |value, condition| Call::Put {
            container: container.clone(),
            key: key.clone(),
            value,
            condition,
        };
        match (operation.f, operation.value.as_u64()) {
            ("read", _) => Ok((operation, Call::Get { container, key })),
            ("write", Some(value)) => Ok((operation, put(value, Condition::Always))),
            ("cas", Some(value)) => {
                let (from, condition) = match self.seen.get(&key) {
                    Some((from, version)) => (json!(from), Condition::Version(version.clone())),
                    None => (Value::Null, Condition::Absent),
                };
                let operation = operation.with(json!([from, value]));
                Ok((operation, put(value, condition)))
            }
            _ => Err(unknown),
        }
    }

    fn answered(
        &mut self,
        _client: usize,
        operation: &Operation,
        call: &Call,
        answer: Answer,
    ) -> Step {
        let key = operation.key.as_deref().unwrap_or_default();
        let asked = &operation.value;
        Step::End(match (answer, call) {
            (Answer::Row(row), Call::Get { .. }) => {
                self.usage.read(key);
                let value = value_of(row.as_ref());
                self.learn(key, row);
                Outcome::ok(value)
            }
            (Answer::Written(version), Call::Put { value, .. }) => {
                if let Some(version) = version {
                    self.learn(key, Some((*value, version)));
                }
                Outcome::ok(asked.clone())
            }
            (Answer::Mismatch(found), Call::Put { .. }) => {
                let row = match found {
                    Found::Nothing => Some(None),
                    Found::Row(value, version) => Some(Some((value, version))),
                    Found::Unknown => None,
                };
                let observed = row.as_ref().map(|row| value_of(row.as_ref()));
                if let Some(row) = row {
                    self.learn(key, row);
                }
                Outcome {
                    kind: Kind::Fail,
                    value: asked.clone(),
                    observed,
                    error: None,
                }
            }
            (other, _) => Outcome::without_answer(asked, call, other),
        })
    }
}

fn value_of(row: Option<&(u64, String)>) -> Value {
    row.map_or(Value::Null, |(value, _)| Value::from(*value))
}
