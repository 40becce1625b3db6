//! Transactions out of operations: objects and elements become numbers.

use crate::hash::FastMap;
use crate::history::{Datum, History, Outcome};
use crate::value::Value;

/// One step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Appends an element to a list.
    Append { key: u32, element: u32 },
    /// Writes a register.
    Write { key: u32, element: u32 },
    /// Reads a list; none if what it read is not known.
    ReadList { key: u32, seen: Option<Vec<u32>> },
    /// Reads a register: what it saw, or that it was still unwritten.
    ReadRegister { key: u32, seen: Option<Option<u32>> },
}

/// A transaction.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    /// Place in the history's operations.
    pub(super) place: u32,
    pub(super) steps: Vec<Step>,
    /// It succeeded.
    pub(super) committed: bool,
    /// It failed: it must have had no effect.
    pub(super) aborted: bool,
}

/// What kind of objects transactions work on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Objects {
    Lists,
    Registers,
}

/// The names of objects and elements by number.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) keys: Vec<Value>,
    pub(super) elements: Vec<Value>,
    key_numbers: FastMap<Value, u32>,
    element_numbers: FastMap<Value, u32>,
}

impl Tables {
    fn key(&mut self, key: &Value) -> u32 {
        number(&mut self.key_numbers, &mut self.keys, key)
    }

    fn element(&mut self, element: &Value) -> u32 {
        number(&mut self.element_numbers, &mut self.elements, element)
    }
}

fn number(numbers: &mut FastMap<Value, u32>, names: &mut Vec<Value>, value: &Value) -> u32 {
    if let Some(number) = numbers.get(value) {
        return *number;
    }
    names.push(value.clone());
    let number = names.len() as u32 - 1;
    numbers.insert(value.clone(), number);
    number
}

/// The transactions of a history; an error names the event that is not one.
pub(super) fn parse(
    history: &History,
    objects: Objects,
) -> Result<(Vec<Transaction>, Tables), String> {
    let mut tables = Tables::default();
    let mut transactions = Vec::with_capacity(history.operations.len());
    for (place, operation) in history.operations.iter().enumerate() {
        let committed = operation.outcome == Outcome::Ok;
        let shown = if committed && operation.result != Datum::NIL {
            operation.result
        } else {
            operation.argument
        };
        let value = history.value(shown);
        let bad = |what: &Value| {
            format!(
                "event {}: {what} is not a step of a transaction; expected {}",
                history.index(operation.invoke),
                match objects {
                    Objects::Lists => "[:append key element] or [:r key list]",
                    Objects::Registers => "[:w key value] or [:r key value]",
                }
            )
        };
        let mut steps = Vec::new();
        for part in value.elements().ok_or_else(|| bad(&value))? {
            let (f, key, value) = match part.elements() {
                Some([f, key, value]) => (f, key, value),
                // Some invoke a read without a place for its value.
                Some([f, key]) if !committed => (f, key, &Value::Nil),
                _ => return Err(bad(part)),
            };
            let key = tables.key(key);
            let step = match (f.as_text(), objects) {
                (Some("append"), Objects::Lists) => Step::Append {
                    key,
                    element: tables.element(value),
                },
                (Some("w" | "write"), Objects::Registers) => Step::Write {
                    key,
                    element: tables.element(value),
                },
                (Some("r" | "read"), Objects::Lists) => {
                    let seen = match (committed, value) {
                        (true, Value::Nil) => Some(Vec::new()),
                        (true, Value::List(list) | Value::Set(list)) => {
                            Some(list.iter().map(|element| tables.element(element)).collect())
                        }
                        (true, _) => return Err(bad(part)),
                        (false, _) => None,
                    };
                    Step::ReadList { key, seen }
                }
                (Some("r" | "read"), Objects::Registers) => {
                    let seen =
                        committed.then(|| (*value != Value::Nil).then(|| tables.element(value)));
                    Step::ReadRegister { key, seen }
                }
                _ => return Err(bad(part)),
            };
            steps.push(step);
        }
        transactions.push(Transaction {
            place: place as u32,
            steps,
            committed,
            aborted: operation.outcome == Outcome::Fail,
        });
    }
    Ok((transactions, tables))
}
