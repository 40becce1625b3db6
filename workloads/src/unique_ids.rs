//! The unique-ids workload: clients draw identifiers from many independent sources.
//!
//! A source is a row that holds the newest identifier; a client reads it, and puts the next one if
//! nobody else has put anything meanwhile. A failover that forgets an acknowledged update hands the same
//! identifier out again.

use fastrand::Rng;
use kensho_checker::history::History;
use kensho_checker::judge::{self, judge, models};
use kensho_checker::report::Report;
use serde_json::Value;

use crate::call::{Answer, Call, CallKind, Condition};
use crate::generator::Generator;
use crate::messages::{Argument, Message, Spoken};
use crate::objects::{Names, Operations};
use crate::operation::Operation;
use crate::workload::{Clients, Outcome, Settings, Step, Words, Workload};

/// Many independent sources of identifiers.
#[derive(Debug)]
pub struct UniqueIds;

const NAMES: Names = Names {
    letter: 'u',
    container: "unique-ids",
};

impl Workload for UniqueIds {
    fn name(&self) -> &'static str {
        "unique-ids"
    }

    fn text(&self) -> &'static str {
        "clients draw identifiers from many sources; none is handed out twice"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["generate"]
    }

    fn calls(&self) -> &'static [CallKind] {
        &[CallKind::Get, CallKind::Put]
    }

    fn words(&self) -> Words {
        Words {
            object: "source",
            valid: "no identifier was handed out twice.",
            invalid: "identifiers were handed out twice",
        }
    }

    fn spoken(&self) -> Option<Spoken> {
        Some(Spoken {
            names: NAMES,
            draw,
            last: None,
            operations: &[Message {
                f: "generate",
                argument: Argument::None,
                result: Some("id"),
                changes: true,
            }],
        })
    }

    fn clients(&self, settings: Settings) -> Box<dyn Clients> {
        Box::new(Sources { settings })
    }

    fn container(&self, settings: &Settings, key: &str) -> Option<String> {
        NAMES.container_of(key, settings.containers)
    }

    fn check(&self, history: &History) -> Report {
        // An identifier is a source and a number, so that all of them are judged together: a source
        // from which nobody has drawn anything is no reason to doubt.
        let mut whole = history.clone();
        for operation in &mut whole.operations {
            operation.key = kensho_checker::history::NEVER;
        }
        judge(&whole, &models::UNIQUE_IDS, &judge::Settings::default())
    }
}

fn draw(_draw: &mut Rng, _count: u64) -> Operation {
    Operation::new("generate")
}

#[derive(Debug)]
struct Sources {
    settings: Settings,
}

impl Clients for Sources {
    fn containers(&self) -> Vec<String> {
        NAMES.containers(&self.settings)
    }

    fn generator(&self) -> Generator {
        Operations::without_end(NAMES, self.settings, draw)
    }

    fn begin(&mut self, _client: usize, operation: Operation) -> Result<(Operation, Call), String> {
        let key = operation.key.clone().unwrap_or_default();
        match NAMES.container_of(&key, self.settings.containers) {
            Some(container) if operation.f == "generate" => {
                Ok((operation, Call::Get { container, key }))
            }
            _ => Err(format!("not an operation on a source: {operation:?}")),
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
        Step::End(match (answer, call) {
            (Answer::Row(row), Call::Get { container, key }) => {
                let (newest, condition) = Condition::unchanged(row);
                return Step::Call(Call::Put {
                    container: container.clone(),
                    key: key.clone(),
                    value: newest + 1,
                    condition,
                });
            }
            (Answer::Written(_), Call::Put { key, value, .. }) => {
                Outcome::ok(Value::from(format!("{key}-{value}")))
            }
            (Answer::Mismatch(_), Call::Put { .. }) => {
                Outcome::fail(asked, "another client has drawn from it meanwhile")
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

    #[test]
    fn an_update_that_is_forgotten_hands_its_identifier_out_again() {
        let settings = Settings {
            containers: 4,
            operations_per_key: 100,
            seed: 7,
        };
        // The store as it is afterwards has never heard of it.
        let forgotten = |store: &mut Store, number: u64, call: &Call| {
            number
                .is_multiple_of(50)
                .then(|| store.clone().answer(call))
        };
        let history = rehearse_with_bug(&UniqueIds, settings, 1_000, forgotten);
        let report = UniqueIds.check(&history);
        let names: Vec<AnomalyName> = report.anomalies().iter().map(|found| found.name).collect();
        assert!(names.contains(&AnomalyName::DuplicateId), "{names:?}");
    }
}
