//! A store that is a map: what workloads are tested on, and what a toy system is made of.

use std::collections::{BTreeMap, VecDeque};

use crate::call::{Answer, Call, Condition};

/// So many updates can be taken back.
const REMEMBERED: usize = 100;

/// Container and key.
type At = (String, String);
/// A value and its version.
type Row = (u64, String);

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
            Call::Get { container, key } => {
                let at = (container.clone(), key.clone());
                Answer::Row(self.rows.get(&at).cloned())
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
                    return Answer::Mismatch(current.cloned().into());
                }
                self.writes += 1;
                let version = format!("1-{}", self.writes);
                self.change(at, Some((*value, version.clone())));
                Answer::Written(Some(version))
            }
            Call::Scan {
                container,
                from,
                to,
                limit,
            } => {
                let bound = |key: &String| (container.clone(), key.clone());
                let rows = self.rows.range(bound(from)..bound(to));
                let rows = rows.map(|((_, key), (value, _))| (key.clone(), *value));
                Answer::Rows(rows.take(*limit as usize).collect())
            }
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

    /// Takes back the last `count` updates, as if they had never come; at most 100. Versions are not
    /// given out again.
    pub fn forget(&mut self, count: usize) {
        for _ in 0..count {
            let Some((at, row)) = self.before.pop_back() else {
                return;
            };
            match row {
                Some(row) => drop(self.rows.insert(at, row)),
                None => drop(self.rows.remove(&at)),
            }
        }
    }
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
        store.forget(3);
        assert_eq!(store.rows, before);
    }
}
