//! A store that is a map: what workloads are tested on, and what a toy system is made of.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use crate::call::{Answer, Call, Condition, Found};
use crate::transaction::{Act, Transaction};

/// So many updates can be taken back.
const REMEMBERED: usize = 100;

/// Container and key.
type At = (String, String);
/// A value and its version.
type Row = (Cell, String);

/// What a row holds.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Number(i64),
    List(Vec<i64>),
}

impl Cell {
    /// The number, as calls about single rows have it.
    fn number(&self) -> Option<u64> {
        match self {
            Cell::Number(number) => u64::try_from(*number).ok(),
            Cell::List(_) => None,
        }
    }
}

impl From<&Cell> for Value {
    fn from(cell: &Cell) -> Value {
        match cell {
            Cell::Number(number) => Value::from(*number),
            Cell::List(list) => Value::from(list.clone()),
        }
    }
}

/// One copy of everything, with versions as real stores have them.
#[derive(Clone, Debug, Default)]
pub struct Store {
    rows: BTreeMap<At, Row>,
    writes: u64,
    /// What stood there before each of the last updates.
    before: VecDeque<(At, Option<Row>)>,
}

impl Store {
    /// Performs a call at once.
    pub fn answer(&mut self, call: &Call) -> Answer {
        match call {
            Call::Get { container, key } | Call::GetAny { container, key, .. } => {
                let at = (container.clone(), key.clone());
                Answer::Row(self.rows.get(&at).and_then(numbered))
            }
            Call::Put {
                container,
                key,
                value,
                condition,
            } => {
                let at = (container.clone(), key.clone());
                let current = self.rows.get(&at);
                if !holds(condition, current) {
                    return Answer::Mismatch(Found::from(current.and_then(numbered)));
                }
                let value = i64::try_from(*value).unwrap_or(i64::MAX);
                Answer::Written(Some(self.put(at, Cell::Number(value))))
            }
            Call::Scan {
                container,
                from,
                to,
                limit,
            } => {
                let bound = |key: &String| (container.clone(), key.clone());
                let rows = self.rows.range(bound(from)..bound(to));
                let rows =
                    rows.filter_map(|((_, key), (value, _))| Some((key.clone(), value.number()?)));
                Answer::Rows(rows.take(*limit as usize).collect())
            }
            Call::Transact {
                container,
                transaction,
            } => self.transact(container, transaction),
            Call::Message { body, .. } => Answer::Error {
                definite: true,
                text: format!("a store of rows knows no message {body}"),
            },
            Call::Delete { container, key } => {
                let at = (container.clone(), key.clone());
                Answer::Deleted {
                    existed: self.change(at, None),
                }
            }
        }
    }
}

impl Store {
    fn put(&mut self, at: At, cell: Cell) -> String {
        self.writes += 1;
        let version = format!("1-{}", self.writes);
        self.change(at, Some((cell, version.clone())));
        version
    }

    /// What cannot be carried out undoes the whole transaction.
    fn transact(&mut self, container: &str, transaction: &Transaction) -> Answer {
        let at = |key: &String| (container.to_owned(), key.clone());
        if let Some(below) = &transaction.unless
            && let Some((Cell::Number(number), _)) = self.rows.get(&at(&below.key))
            && *number < below.value
        {
            return Answer::Transacted(None);
        }
        let before = self.clone();
        let mut seen = Vec::new();
        for act in &transaction.acts {
            let cell = |key: &String| self.rows.get(&at(key)).map(|(cell, _)| cell.clone());
            let (key, next) = match act {
                Act::Get(key) => {
                    seen.push(cell(key).as_ref().map_or(Value::Null, Value::from));
                    continue;
                }
                Act::Put(key, value) => (key, Some(Cell::Number(*value))),
                Act::Append(key, value) => match cell(key) {
                    None => (key, Some(Cell::List(vec![*value]))),
                    Some(Cell::List(mut list)) => {
                        list.push(*value);
                        (key, Some(Cell::List(list)))
                    }
                    Some(Cell::Number(_)) => (key, None),
                },
                Act::Add(key, value) => match cell(key) {
                    None => (key, Some(Cell::Number(*value))),
                    Some(Cell::Number(number)) => {
                        (key, number.checked_add(*value).map(Cell::Number))
                    }
                    Some(Cell::List(_)) => (key, None),
                },
            };
            let Some(next) = next else {
                *self = before;
                return Answer::Error {
                    definite: true,
                    text: format!("{act:?} cannot be carried out"),
                };
            };
            self.put(at(key), next);
            seen.push(Value::Null);
        }
        Answer::Transacted(Some(seen))
    }

    /// Gives whether there was a row.
    fn change(&mut self, at: At, row: Option<Row>) -> bool {
        let before = match row {
            Some(row) => self.rows.insert(at.clone(), row),
            None => self.rows.remove(&at),
        };
        let existed = before.is_some();
        self.before.push_back((at, before));
        if self.before.len() > REMEMBERED {
            self.before.pop_front();
        }
        existed
    }

    /// Takes back the last `count` updates of these containers, as if they had never come, as far as they
    /// are among the last 100. Versions are not given out again.
    pub fn forget(&mut self, count: usize, of: impl Fn(&str) -> bool) {
        for _ in 0..count {
            let last = self
                .before
                .iter()
                .rposition(|((container, _), _)| of(container));
            let Some((at, row)) = last.and_then(|last| self.before.remove(last)) else {
                return;
            };
            match row {
                Some(row) => drop(self.rows.insert(at, row)),
                None => drop(self.rows.remove(&at)),
            }
        }
    }
}

/// A row that holds a number.
fn numbered((cell, version): &Row) -> Option<(u64, String)> {
    Some((cell.number()?, version.clone()))
}

fn holds(condition: &Condition, current: Option<&Row>) -> bool {
    match (condition, current) {
        (Condition::Always, _) | (Condition::Absent, None) => true,
        (Condition::Version(version), Some((_, current))) => version == current,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_is_as_it_was_before() {
        let put = |key: &str, value| Call::Put {
            container: "c".into(),
            key: key.into(),
            value,
            condition: Condition::Always,
        };
        let mut store = Store::default();
        store.answer(&put("a", 1));
        let before = store.rows.clone();
        store.answer(&put("a", 2));
        store.answer(&put("b", 3));
        let delete = Call::Delete {
            container: "c".into(),
            key: "a".into(),
        };
        assert_eq!(store.answer(&delete), Answer::Deleted { existed: true });
        store.forget(3, |container| container == "other");
        assert_ne!(store.rows, before);
        store.forget(3, |container| container == "c");
        assert_eq!(store.rows, before);
    }
}
