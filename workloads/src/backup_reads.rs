//! The workload of reads from backups: counters that each addition raises by one, read from the owner and
//! from any replica.
//!
//! Since each number is reached once, a number that was read says exactly which additions were seen. So a
//! backup that shows what is taken back later, shows a client less than that client had seen, or is older
//! than was asked for, is found out by the numbers alone.

use std::time::Duration;

use fastrand::Rng;
use kensho_checker::checks::backup_reads;
use kensho_checker::history::History;
use kensho_checker::register::NilRead;
use kensho_checker::report::Report;
use serde_json::Value;

use crate::call::{Answer, Call, CallKind, Condition};
use crate::generator::Generator;
use crate::objects::{Names, Operations, Usage};
use crate::operation::Operation;
use crate::workload::{Clients, Outcome, Settings, Step, Words, Workload};

/// Many independent counters, read from wherever.
#[derive(Debug)]
pub struct BackupReads;

const NAMES: Names = Names {
    letter: 'b',
    container: "backup",
};

/// How old an answer may be.
const MAX_AGE: Duration = Duration::from_millis(500);

/// The same as the check has it: a node's clock may run a little slower than the one of the history.
const MAX_AGE_CHECKED: Duration = Duration::from_millis(510);

impl Workload for BackupReads {
    fn name(&self) -> &'static str {
        "backup-reads"
    }

    fn text(&self) -> &'static str {
        "clients add to many counters and read them from owners and from backups; what a backup shows is a \
         beginning of what happened, never less than a client has seen, and not older than was asked for"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["add", "latest", "read"]
    }

    fn calls(&self) -> &'static [CallKind] {
        &[CallKind::Get, CallKind::GetAny, CallKind::Put]
    }

    fn words(&self) -> Words {
        Words {
            object: "counter",
            valid: "no read from a backup showed what was taken back later, less than its client had seen, or \
                    anything older than 500 ms; reads from owners were never old.",
            invalid: "backups, or owners, showed what they must not",
        }
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
        let max_age_ns = u64::try_from(MAX_AGE_CHECKED.as_nanos()).unwrap_or(u64::MAX);
        backup_reads::check(history, NilRead::Value, Some(max_age_ns))
    }
}

fn draw(draw: &mut Rng, _count: u64) -> Operation {
    match draw.u32(0..10) {
        0..4 => Operation::new("add"),
        4..6 => Operation::new("latest"),
        _ => Operation::new("read"),
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
        self.usage.final_phase("latest")
    }

    fn unread(&self) -> Vec<String> {
        self.usage.unread()
    }

    fn begin(&mut self, _client: usize, operation: Operation) -> Result<(Operation, Call), String> {
        let key = operation.key.clone().unwrap_or_default();
        let Some(container) = NAMES.container_of(&key, self.settings.containers) else {
            return Err(format!(
                "not a counter that backups are asked for: {operation:?}"
            ));
        };
        self.usage.touch(&key);
        match operation.f {
            "add" | "latest" => Ok((operation, Call::Get { container, key })),
            "read" => Ok((
                operation,
                Call::GetAny {
                    container,
                    key,
                    max_age: MAX_AGE,
                },
            )),
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
        Step::End(match (answer, call) {
            (Answer::Row(row), Call::Get { container, key }) if operation.f == "add" => {
                let (sum, condition) = Condition::unchanged(row);
                return Step::Call(Call::Put {
                    container: container.clone(),
                    key: key.clone(),
                    value: sum + 1,
                    condition,
                });
            }
            (Answer::Row(row), Call::Get { key, .. } | Call::GetAny { key, .. }) => {
                if operation.f == "latest" {
                    self.usage.read(key);
                }
                Outcome::ok(Value::from(row.map_or(0, |(sum, _)| sum)))
            }
            (Answer::Written(_), Call::Put { value, .. }) => Outcome::ok(Value::from(*value)),
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
    use crate::rehearsal::rehearse;
    use crate::store::Store;

    const SETTINGS: Settings = Settings {
        containers: 4,
        operations_per_key: 200,
        seed: 7,
    };

    /// What is found if `read` is answered by a copy that is so many updates behind, at every 20th of them
    /// as `wrong` says.
    fn found(behind: usize, wrong: impl Fn(&Store) -> Store) -> Vec<AnomalyName> {
        let mut store = Store::default();
        let mut reads = 0;
        let history = rehearse(&BackupReads, SETTINGS, 3_000, |call| match call {
            Call::GetAny { container, key, .. } => {
                reads += 1;
                let mut copy = match reads % 20 {
                    0 => wrong(&store),
                    _ => store.clone(),
                };
                copy.forget(behind * usize::from(reads % 20 == 0), |_| true);
                let (container, key) = (container.clone(), key.clone());
                copy.answer(&Call::Get { container, key })
            }
            call => store.answer(call),
        });
        let report = BackupReads.check(&history);
        report.anomalies().iter().map(|found| found.name).collect()
    }

    #[test]
    fn a_copy_that_shows_a_client_less_than_it_had_seen_is_found() {
        assert_eq!(found(0, Store::clone), []);
        let names = found(90, Store::clone);
        assert!(names.contains(&AnomalyName::MonotonicReads), "{names:?}");
    }

    #[test]
    fn a_copy_that_shows_what_is_taken_back_is_found() {
        // It has every addition twice.
        let names = found(0, |store| {
            let mut copy = store.clone();
            for container in NAMES.containers(&SETTINGS) {
                for number in 0..400 {
                    let key = NAMES.object(number);
                    let get = Call::Get {
                        container: container.clone(),
                        key: key.clone(),
                    };
                    if let Answer::Row(Some((value, _))) = copy.answer(&get) {
                        copy.answer(&Call::Put {
                            container: container.clone(),
                            key,
                            value: value + 1,
                            condition: Condition::Always,
                        });
                    }
                }
            }
            copy
        });
        assert!(
            names.contains(&AnomalyName::StaleRead) || names.contains(&AnomalyName::PhantomRead),
            "{names:?}"
        );
    }
}
