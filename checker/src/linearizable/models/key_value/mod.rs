//! Text or a list under each key.

mod chains;
mod sequences;
mod trie;

use super::unknown_operation;
use crate::anomaly::AnomalyName;
use crate::history::{Datum, History, Operation, Outcome};
use crate::judge::{Known, Model as Description, Setting};
use crate::linearizable;
use crate::linearizable::{Decision, Misfit, Object, Timed};
use crate::register::NilRead;
use crate::search::{Model, Nature};
use crate::value::Value;

/// The model `kv`.
pub static KV: Description = Description {
    name: "kv",
    help: "Linearizable text or lists per key: get, put, append",
    operations: &[
        Known::read("get"),
        Known::read("read"),
        Known::change("put"),
        Known::change("write"),
        Known::change("append"),
    ],
    settings: &[Setting::Init, Setting::NilReads],
    guess: Some(|evidence| {
        evidence
            .has_any(&["append", "put", "get"])
            .then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| {
        let object = KeyValue {
            initial: settings.initial.clone().unwrap_or_else(|| Value::from("")),
            nil_is_unknown: settings.nil_read() == NilRead::Unknown,
        };
        linearizable::check(history, &object, &settings.limits())
    },
};

/// Text (or a list) under a key: `get`, `put` and `append`; it begins empty.
#[derive(Clone, Debug)]
pub struct KeyValue {
    /// What each key holds in the beginning.
    pub initial: Value,
    /// Whether a get of nothing is one whose result is not known.
    pub nil_is_unknown: bool,
}

impl Default for KeyValue {
    fn default() -> Self {
        KeyValue {
            initial: Value::from(""),
            nil_is_unknown: true,
        }
    }
}

/// What an operation on a key does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyValueStep {
    /// Sees this.
    Get(Value),
    /// Replaces what is there.
    Put(Value),
    /// Adds to the end of what is there.
    Append(Value),
}

/// The model of one key.
#[derive(Clone, Debug)]
pub struct KeyValueModel {
    initial: Value,
    /// If nothing is ever put: the longest value that was seen. All others must be its beginnings
    /// or continue it, which leaves hardly anything to search.
    whole: Option<Value>,
}

fn continues(whole: &Value, beginning: &Value) -> bool {
    match (whole, beginning) {
        (Value::Text(whole), Value::Text(beginning)) => whole.starts_with(beginning.as_str()),
        (Value::List(whole), Value::List(beginning)) => whole.starts_with(beginning),
        _ => true,
    }
}

impl Model for KeyValueModel {
    type State = Value;
    type Step = KeyValueStep;

    fn initial(&self) -> Value {
        self.initial.clone()
    }

    fn apply(&self, state: &Value, step: &KeyValueStep) -> Option<Value> {
        let next = match (step, state) {
            (KeyValueStep::Get(seen), _) => return (seen == state).then(|| state.clone()),
            (KeyValueStep::Put(value), _) => return Some(value.clone()),
            (KeyValueStep::Append(_), Value::Name(_)) => return Some(state.clone()),
            (KeyValueStep::Append(Value::Text(more)), Value::Text(text)) => {
                Value::Text(format!("{text}{more}"))
            }
            (KeyValueStep::Append(more), Value::List(list)) => {
                let mut list = list.clone();
                list.push(more.clone());
                Value::List(list)
            }
            (KeyValueStep::Append(Value::Text(text)), Value::Nil) => Value::Text(text.clone()),
            (KeyValueStep::Append(more), _) => Value::List(vec![more.clone()]),
        };
        match &self.whole {
            Some(whole) if continues(whole, &next) => Some(next),
            // Nobody ever saw that much, so it does not matter what it is.
            Some(whole) if continues(&next, whole) => Some(Value::Name("more".to_owned())),
            Some(_) => None,
            None => Some(next),
        }
    }

    fn advance(&self, state: &mut Value, step: &KeyValueStep) -> bool {
        if let (KeyValueStep::Append(Value::Text(more)), Value::Text(text), None) =
            (step, &mut *state, &self.whole)
        {
            text.push_str(more);
            return true;
        }
        match (step, &mut *state) {
            (KeyValueStep::Get(seen), _) => seen == state,
            _ => match self.apply(state, step) {
                Some(next) => {
                    *state = next;
                    true
                }
                None => false,
            },
        }
    }

    fn heap_bytes(&self, state: &Value) -> usize {
        match state {
            Value::Text(text) => text.len(),
            Value::List(list) => list.len() * size_of::<Value>(),
            _ => 0,
        }
    }

    fn nature(&self, step: &KeyValueStep) -> Nature {
        match step {
            KeyValueStep::Get(_) => Nature::Look,
            KeyValueStep::Put(_) => Nature::Blind,
            KeyValueStep::Append(_) => Nature::Change,
        }
    }
}

impl Object for KeyValue {
    type Model = KeyValueModel;

    fn name(&self) -> &'static str {
        "kv"
    }

    fn model(&self, history: &History, places: &[u32]) -> KeyValueModel {
        let mut whole: Option<Value> = None;
        let length = |value: &Value| match value {
            Value::Text(text) => text.len(),
            Value::List(list) => list.len(),
            _ => 0,
        };
        for place in places {
            let operation = &history.operations[*place as usize];
            match (history.name(operation.f), operation.outcome) {
                ("put" | "write", Outcome::Ok | Outcome::Unknown) => {
                    return KeyValueModel {
                        initial: self.initial.clone(),
                        whole: None,
                    };
                }
                ("get" | "read", Outcome::Ok) => {
                    let value = history.value(operation.result);
                    if whole
                        .as_ref()
                        .is_none_or(|whole| length(whole) < length(&value))
                    {
                        whole = Some(value);
                    }
                }
                _ => {}
            }
        }
        KeyValueModel {
            initial: self.initial.clone(),
            whole,
        }
    }

    fn step(
        &self,
        history: &History,
        operation: &Operation,
    ) -> Result<Option<KeyValueStep>, String> {
        let argument = || history.value(operation.argument);
        match history.name(operation.f) {
            "get" | "read" => {
                if operation.outcome != Outcome::Ok
                    || (operation.result == Datum::NIL && self.nil_is_unknown)
                {
                    return Ok(None);
                }
                Ok(Some(KeyValueStep::Get(history.value(operation.result))))
            }
            "put" | "write" => Ok(Some(KeyValueStep::Put(argument()))),
            "append" => Ok(Some(KeyValueStep::Append(argument()))),
            _ => Err(unknown_operation(history, operation, "get, put and append")),
        }
    }

    fn decide(&self, steps: &[Timed<'_, KeyValueStep>]) -> Decision {
        chains::decide(&self.initial, steps)
    }

    fn misfits(&self, steps: &[Timed<'_, KeyValueStep>]) -> Option<Vec<Misfit>> {
        chains::misfits(&self.initial, steps)
    }

    fn anomaly(&self, history: &History, operation: &Operation) -> AnomalyName {
        if !matches!(history.name(operation.f), "get" | "read") {
            return AnomalyName::NotLinearizable;
        }
        let seen = history.value(operation.result);
        // What is the beginning of something that others saw is old; anything else never was.
        let old = seen == self.initial
            || history.operations.iter().any(|other| {
                other.key == operation.key
                    && other.outcome == Outcome::Ok
                    && matches!(history.name(other.f), "get" | "read")
                    && other.invoke != operation.invoke
                    && continues(&history.value(other.result), &seen)
            });
        if old {
            AnomalyName::StaleRead
        } else {
            AnomalyName::NotLinearizable
        }
    }
}
