//! Workloads of transactions: each object is a handful of rows of one container, and an operation is one
//! transaction on them, which sees and changes all of its rows at one moment.

pub mod bank;
pub mod list_append;
pub mod rw_register;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::generator::Generator;
use crate::objects::{Draw, Names, Operations, Usage};
use crate::operation::Operation;
use crate::transaction::{Act, Transaction};
use crate::workload::{Clients, Outcome, Settings, Step, Values};

/// Rows of an object.
const ROWS: u64 = 4;
/// So many steps of a transaction at most.
const STEPS_MAX: u64 = 4;

/// How a workload speaks of its transactions.
trait Spoken: std::fmt::Debug + Send {
    /// How its objects and their containers are called.
    const NAMES: Names;
    /// What the rows of its containers hold.
    const VALUES: Values;
    /// What is done next.
    const DRAW: Draw;
    /// What reads everything of an object.
    const READ: &'static str;

    /// What an operation asks for, with its argument as it enters the history.
    fn transaction(object: &str, operation: &Operation) -> Option<(Value, Transaction)>;

    /// What an operation is told, given what each act saw; and whether it saw all of its object.
    fn told(operation: &Operation, seen: Vec<Value>) -> (Value, bool);
}

/// The clients of such a workload.
#[derive(Debug)]
struct Transactions<S> {
    settings: Settings,
    usage: Usage,
    spoken: std::marker::PhantomData<S>,
}

impl<S: Spoken> Transactions<S> {
    fn new(settings: Settings) -> Self {
        Transactions {
            settings,
            usage: Usage::default(),
            spoken: std::marker::PhantomData,
        }
    }
}

impl<S: Spoken> Clients for Transactions<S> {
    fn containers(&self) -> Vec<String> {
        S::NAMES.containers(&self.settings)
    }

    fn values(&self) -> Values {
        S::VALUES
    }

    fn generator(&self) -> Generator {
        Operations::without_end(S::NAMES, self.settings, S::DRAW)
    }

    fn final_phase(&mut self) -> Generator {
        self.usage.final_phase(S::READ)
    }

    fn unread(&self) -> Vec<String> {
        self.usage.unread()
    }

    fn begin(&mut self, _client: usize, operation: Operation) -> Result<(Operation, Call), String> {
        let object = operation.key.clone().unwrap_or_default();
        let container = S::NAMES.container_of(&object, self.settings.containers);
        let asked = S::transaction(&object, &operation);
        let (Some(container), Some((argument, transaction))) = (container, asked) else {
            return Err(format!("no transaction of this workload: {operation:?}"));
        };
        self.usage.touch(&object);
        let call = Call::Transact {
            container,
            transaction,
        };
        Ok((operation.with(argument), call))
    }

    fn answered(
        &mut self,
        _client: usize,
        operation: &Operation,
        call: &Call,
        answer: Answer,
    ) -> Step {
        let asked = &operation.value;
        Step::End(match answer {
            Answer::Transacted(None) => Outcome::fail(asked, "the requirement was not met"),
            Answer::Transacted(Some(seen)) => {
                let (told, whole) = S::told(operation, seen);
                if let (true, Some(object)) = (whole, &operation.key) {
                    self.usage.read(object);
                }
                Outcome::ok(told)
            }
            other => Outcome::without_answer(asked, call, other),
        })
    }
}

/// The row of an object.
fn row(object: &str, number: u64) -> String {
    Names::part(object, number)
}

/// A transaction of some steps `[f row value]`: reads, and writes of values that are all different.
fn draw_steps(draw: &mut Rng, count: u64, write: impl Fn(&mut Vec<Value>, u64, u64)) -> Operation {
    let mut steps = Vec::new();
    for step in 0..draw.u64(1..=STEPS_MAX) {
        let row = draw.u64(..ROWS);
        match draw.bool() {
            true => steps.push(json!(["r", row, null])),
            false => write(&mut steps, row, count * STEPS_MAX + step + 1),
        }
    }
    Operation::new("txn").with(steps)
}

/// The steps of an operation; one without any reads all rows of its object.
fn steps(operation: &Operation) -> Option<Vec<Value>> {
    match &operation.value {
        Value::Null => Some((0..ROWS).map(|row| json!(["r", row, null])).collect()),
        Value::Array(steps) => Some(steps.clone()),
        _ => None,
    }
}

/// The transaction of an operation of steps, of which each reads (`r`) or does what `write` says of its
/// name, row and value.
fn of_steps(
    object: &str,
    operation: &Operation,
    write: impl Fn(&str, String, &Value) -> Option<Act>,
) -> Option<(Value, Transaction)> {
    let steps = steps(operation)?;
    let act = |step: &Value| {
        let key = row(object, step[1].as_u64()?);
        match step[0].as_str()? {
            "r" => Some(Act::Get(key)),
            name => write(name, key, &step[2]),
        }
    };
    let acts: Option<Vec<Act>> = steps.iter().map(act).collect();
    let transaction = Transaction {
        unless: None,
        acts: acts?,
    };
    Some((Value::from(steps), transaction))
}

/// What an operation of steps is told, where `nothing` is what a row holds that there is not; and whether
/// it read all rows of its object.
fn told_of_steps(operation: &Operation, seen: Vec<Value>, nothing: &Value) -> (Value, bool) {
    let told = with_seen(&operation.value, seen, nothing);
    let whole = told.as_array().is_some_and(|steps| reads_all(steps));
    (told, whole)
}

/// Whether all rows of an object are read by these steps.
fn reads_all(steps: &[Value]) -> bool {
    let reads = |row| steps.iter().any(|step| step[0] == "r" && step[1] == row);
    (0..ROWS).all(reads)
}

/// The steps with what reads saw.
fn with_seen(steps: &Value, seen: Vec<Value>, nothing: &Value) -> Value {
    let steps = steps.as_array().map_or(&[][..], Vec::as_slice);
    let told = steps
        .iter()
        .zip(seen)
        .map(|(step, seen)| match step[0] == "r" {
            true if seen.is_null() => json!(["r", step[1], nothing]),
            true => json!(["r", step[1], seen]),
            false => step.clone(),
        });
    told.collect()
}

#[cfg(test)]
mod tests {
    use kensho_checker::anomaly::AnomalyName;

    use crate::call::{Answer, Call};
    use crate::rehearsal::rehearse_with_bug;
    use crate::store::Store;
    use crate::transaction::Transaction;
    use crate::workload::{Settings, Workload};

    const SETTINGS: Settings = Settings {
        containers: 4,
        operations_per_key: 200,
        seed: 7,
    };

    fn found(
        workload: &dyn Workload,
        bug: impl Fn(&mut Store, u64, &Call) -> Option<Answer>,
    ) -> Vec<AnomalyName> {
        let report = workload.check(&rehearse_with_bug(workload, SETTINGS, 2_000, bug));
        assert!(report.is_valid() || report.is_invalid(), "{report:?}");
        report.anomalies().iter().map(|found| found.name).collect()
    }

    fn all() -> Vec<&'static dyn Workload> {
        let names = ["list-append", "rw-register", "bank"];
        names.map(|name| crate::find(name).unwrap()).to_vec()
    }

    /// Of every hundredth transaction only the first half is done, and told as if it were all.
    #[test]
    fn half_a_transaction_is_found() {
        let half = |store: &mut Store, number: u64, call: &Call| match call {
            Call::Transact {
                container,
                transaction,
            } if number.is_multiple_of(25) && transaction.acts.len() > 1 => {
                let answer = store.clone().answer(call);
                let acts = transaction.acts[..transaction.acts.len() / 2].to_vec();
                store.answer(&Call::Transact {
                    container: container.clone(),
                    transaction: Transaction {
                        acts,
                        ..transaction.clone()
                    },
                });
                Some(answer)
            }
            _ => None,
        };
        for workload in all() {
            assert!(!found(workload, half).is_empty(), "{}", workload.name());
        }
    }

    #[test]
    fn a_transaction_that_was_refused_and_took_effect_is_found() {
        let taken = |store: &mut Store, number: u64, call: &Call| {
            number.is_multiple_of(25).then(|| {
                store.answer(call);
                Answer::Error {
                    definite: true,
                    text: "refused".into(),
                }
            })
        };
        for workload in all()
            .into_iter()
            .filter(|workload| workload.name() != "bank")
        {
            let found = found(workload, taken);
            assert!(
                found.contains(&AnomalyName::G1a),
                "{}: {found:?}",
                workload.name()
            );
        }
    }

    #[test]
    fn a_transaction_of_unknown_outcome_may_have_happened_or_not() {
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
            for workload in all() {
                assert_eq!(found(workload, unknown), [], "{}", workload.name());
            }
        }
    }
}
