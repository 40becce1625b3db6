//! A store that is a map, for tests of workloads.

use std::collections::BTreeMap;

use crate::call::{Answer, Call, Condition};

/// One copy of everything, with versions as real stores have them.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// By container and key: the value and its version.
    rows: BTreeMap<(String, String), (u64, String)>,
    writes: u64,
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
                self.rows.insert(at, (*value, version.clone()));
                Answer::Written(Some(version))
            }
        }
    }
}

fn holds(condition: &Condition, current: Option<&(u64, String)>) -> bool {
    match (condition, current) {
        (Condition::Always, _) | (Condition::Absent, None) => true,
        (Condition::Version(version), Some((_, current))) => version == current,
        _ => false,
    }
}
