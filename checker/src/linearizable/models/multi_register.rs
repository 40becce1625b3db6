//! Registers that are read and written together.

use crate::history::{Datum, History, Operation, Outcome};
use crate::judge::{Known, Model as Description, Setting, any_read};
use crate::linearizable;
use crate::linearizable::Object;
use crate::register::NilRead;
use crate::report::Report;
use crate::search::{Model, Nature};
use crate::value::Value;
use std::collections::BTreeMap;

/// The model `multi-register`.
pub static MULTI_REGISTER: Description = Description {
    name: "multi-register",
    help: "Linearizable transactions on registers: [:r name value], [:w name value]",
    operations: &[Known::transactions().with_observes(|seen| {
        let known = |value: Datum| value != Datum::NIL;
        let unknown = seen.settings.nil_read() == NilRead::Unknown;
        seen.operation.outcome == Outcome::Ok
            && match seen.operation.result {
                // It should have said what it read.
                Datum::NIL => any_read(seen.history, seen.operation.argument, |_| true),
                result => any_read(seen.history, result, |value| known(value) || !unknown),
            }
    })],
    settings: &[Setting::Init, Setting::NilReads],
    guess: None,
    judge: |history, settings| {
        let entries = match &settings.initial {
            None => Vec::new(),
            Some(Value::Map(entries)) => entries.clone(),
            Some(other) => {
                let reason = format!("--init {other}: expected a map from register to value");
                return Report::unknown("multi-register", history, reason);
            }
        };
        let object = MultiRegister {
            initial: entries.into_iter().collect(),
            nil_is_unknown: settings.nil_read() == NilRead::Unknown,
        };
        linearizable::check(history, &object, &settings.limits())
    },
};

/// Several registers that are read and written together: operations are lists of `[:r name value]`
/// and `[:w name value]`.
#[derive(Clone, Debug, Default)]
pub struct MultiRegister {
    /// The registers in the beginning; those that are not named here hold nothing.
    pub initial: BTreeMap<Value, Value>,
    /// Whether a read of nothing is one whose result is not known; otherwise the register held
    /// nothing.
    pub nil_is_unknown: bool,
}

/// The reads (false) and writes (true) of one transaction.
pub type Transaction = Vec<(bool, Value, Value)>;

impl Model for MultiRegister {
    type State = BTreeMap<Value, Value>;
    type Step = Transaction;

    fn initial(&self) -> Self::State {
        self.initial.clone()
    }

    fn apply(&self, state: &Self::State, step: &Transaction) -> Option<Self::State> {
        let mut state = state.clone();
        for (write, name, value) in step {
            if *write {
                state.insert(name.clone(), value.clone());
            } else if state.get(name).unwrap_or(&Value::Nil) != value {
                return None;
            }
        }
        Some(state)
    }

    fn nature(&self, step: &Transaction) -> Nature {
        if step.iter().all(|(write, ..)| !write) {
            Nature::Look
        } else {
            Nature::Change
        }
    }
}

impl Object for MultiRegister {
    type Model = MultiRegister;

    fn name(&self) -> &'static str {
        "multi-register"
    }

    fn model(&self, _: &History, _: &[u32]) -> MultiRegister {
        self.clone()
    }

    fn step(
        &self,
        history: &History,
        operation: &Operation,
    ) -> Result<Option<Transaction>, String> {
        let told = operation.outcome == Outcome::Ok && operation.result != Datum::NIL;
        let shown = match told {
            true => operation.result,
            false => operation.argument,
        };
        let value = history.value(shown);
        let bad = || {
            format!(
                "event {} has the value {value}, not a list of [:r name value] and [:w name value]",
                history.index(operation.invoke)
            )
        };
        let mut transaction = Vec::new();
        for part in value.elements().ok_or_else(bad)? {
            let (f, name, value) = match part.elements() {
                Some([f, name, value]) => (f, name, value),
                // Some invoke a read without a place for its value.
                Some([f, name]) if !told => (f, name, &Value::Nil),
                _ => return Err(bad()),
            };
            match f.as_text() {
                Some("w" | "write") => transaction.push((true, name.clone(), value.clone())),
                // What is not known, or was never answered, says nothing.
                Some("r" | "read") if !told => {}
                Some("r" | "read") if *value == Value::Nil && self.nil_is_unknown => {}
                Some("r" | "read") => transaction.push((false, name.clone(), value.clone())),
                _ => return Err(bad()),
            }
        }
        Ok((!transaction.is_empty()).then_some(transaction))
    }
}
