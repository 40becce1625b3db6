//! Sequential models of common objects.

use super::Object;
use crate::anomaly::AnomalyName;
use crate::history::{Datum, History, Operation, Outcome};
use crate::search::{Model, Nature};
use crate::value::Value;
use std::collections::BTreeMap;
use std::collections::VecDeque;

fn unknown_operation(history: &History, operation: &Operation, known: &str) -> String {
    format!(
        "event {} is {:?}, but this model knows only {known}",
        history.index(operation.invoke),
        history.name(operation.f)
    )
}

/// A lock: `acquire` and `release`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutex {
    /// Whether it is held in the beginning.
    pub locked: bool,
}

/// What an operation on a lock does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockStep {
    /// Takes it; it must be free.
    Acquire,
    /// Frees it; it must be held.
    Release,
}

impl Model for Mutex {
    type State = bool;
    type Step = LockStep;

    fn initial(&self) -> bool {
        self.locked
    }

    fn apply(&self, locked: &bool, step: &LockStep) -> Option<bool> {
        match (locked, step) {
            (false, LockStep::Acquire) => Some(true),
            (true, LockStep::Release) => Some(false),
            _ => None,
        }
    }
}

impl Object for Mutex {
    type Model = Mutex;

    fn name(&self) -> &'static str {
        "mutex"
    }

    fn model(&self, _: &History, _: &[u32]) -> Mutex {
        *self
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<LockStep>, String> {
        match history.name(operation.f) {
            "acquire" => Ok(Some(LockStep::Acquire)),
            "release" => Ok(Some(LockStep::Release)),
            _ => Err(unknown_operation(history, operation, "acquire and release")),
        }
    }

    fn anomaly(&self, _: &History, _: &Operation) -> AnomalyName {
        AnomalyName::LockHeldTwice
    }

    fn belong_together(&self, history: &History, first: &Operation, second: &Operation) -> bool {
        history.name(first.f) == "acquire"
            && history.name(second.f) == "release"
            && first.outcome == Outcome::Ok
            && second.outcome == Outcome::Ok
    }
}

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

/// Several registers that are read and written together: operations are lists of `[:r name value]`
/// and `[:w name value]`.
#[derive(Clone, Debug, Default)]
pub struct MultiRegister {
    /// The registers in the beginning; those that are not named here hold nothing.
    pub initial: BTreeMap<Value, Value>,
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
        let shown = match operation.outcome {
            Outcome::Ok if operation.result != Datum::NIL => operation.result,
            _ => operation.argument,
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
            let Some([f, name, value]) = part.elements() else {
                return Err(bad());
            };
            match f.as_text() {
                Some("w" | "write") => transaction.push((true, name.clone(), value.clone())),
                // What is not known, or was never answered, says nothing.
                Some("r" | "read") if *value == Value::Nil || operation.outcome != Outcome::Ok => {}
                Some("r" | "read") => transaction.push((false, name.clone(), value.clone())),
                _ => return Err(bad()),
            }
        }
        Ok((!transaction.is_empty()).then_some(transaction))
    }
}

/// A set: `add` an element, `read` all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetObject;

/// What an operation on a set does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetStep {
    /// Adds an element.
    Add(Value),
    /// Removes an element.
    Remove(Value),
    /// Sees exactly these, sorted.
    Read(Vec<Value>),
}

impl Model for SetObject {
    type State = std::collections::BTreeSet<Value>;
    type Step = SetStep;

    fn initial(&self) -> Self::State {
        Self::State::default()
    }

    fn apply(&self, state: &Self::State, step: &SetStep) -> Option<Self::State> {
        let mut next = state.clone();
        match step {
            SetStep::Add(element) => {
                next.insert(element.clone());
            }
            SetStep::Remove(element) => {
                next.remove(element);
            }
            SetStep::Read(seen) => return state.iter().eq(seen).then_some(next),
        }
        Some(next)
    }

    fn nature(&self, step: &SetStep) -> Nature {
        if matches!(step, SetStep::Read(_)) {
            Nature::Look
        } else {
            Nature::Change
        }
    }
}

impl Object for SetObject {
    type Model = SetObject;

    fn name(&self) -> &'static str {
        "linearizable-set"
    }

    fn model(&self, _: &History, _: &[u32]) -> SetObject {
        *self
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<SetStep>, String> {
        match history.name(operation.f) {
            "add" => Ok(Some(SetStep::Add(history.value(operation.argument)))),
            "remove" => Ok(Some(SetStep::Remove(history.value(operation.argument)))),
            "read" if operation.outcome != Outcome::Ok || operation.result == Datum::NIL => {
                Ok(None)
            }
            "read" => {
                let value = history.value(operation.result);
                let mut seen = value
                    .elements()
                    .ok_or_else(|| {
                        format!(
                            "event {} read {value}, not a list",
                            history.index(operation.complete)
                        )
                    })?
                    .to_vec();
                seen.sort();
                seen.dedup();
                Ok(Some(SetStep::Read(seen)))
            }
            _ => Err(unknown_operation(
                history,
                operation,
                "add, remove and read",
            )),
        }
    }
}

/// A first-in-first-out queue: `enqueue` and `dequeue`.
#[derive(Clone, Copy, Debug, Default)]
pub struct FifoQueue;

/// What an operation on a queue does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueStep {
    /// Puts an element at the end.
    Enqueue(Value),
    /// Takes this element, which must be the first.
    Dequeue(Value),
    /// Takes whatever is the first: a dequeue whose result is not known.
    DequeueAny,
}

impl Model for FifoQueue {
    type State = VecDeque<Value>;
    type Step = QueueStep;

    fn initial(&self) -> Self::State {
        VecDeque::new()
    }

    fn apply(&self, state: &Self::State, step: &QueueStep) -> Option<Self::State> {
        let mut next = state.clone();
        match step {
            QueueStep::Enqueue(element) => next.push_back(element.clone()),
            QueueStep::Dequeue(element) => {
                if next.pop_front().as_ref() != Some(element) {
                    return None;
                }
            }
            QueueStep::DequeueAny => {
                next.pop_front()?;
            }
        }
        Some(next)
    }
}

impl Object for FifoQueue {
    type Model = FifoQueue;

    fn name(&self) -> &'static str {
        "fifo-queue"
    }

    fn model(&self, _: &History, _: &[u32]) -> FifoQueue {
        *self
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<QueueStep>, String> {
        match (history.name(operation.f), operation.outcome) {
            ("enqueue", _) => Ok(Some(QueueStep::Enqueue(history.value(operation.argument)))),
            ("dequeue", Outcome::Ok) if operation.result != Datum::NIL => {
                Ok(Some(QueueStep::Dequeue(history.value(operation.result))))
            }
            ("dequeue", Outcome::Ok) => Ok(None),
            ("dequeue", _) => Ok(Some(QueueStep::DequeueAny)),
            _ => Err(unknown_operation(history, operation, "enqueue and dequeue")),
        }
    }
}
