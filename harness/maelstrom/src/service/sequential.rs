//! A store that may answer from the past, as far as sequential consistency allows it.
//!
//! All changes have one order. A command that changes nothing may be answered from any of the last
//! states, but for no one from an earlier state than he has seen; any other one is executed on the
//! present.

use std::collections::{HashMap, VecDeque};

use fastrand::Rng;
use serde_json::Value;

use super::key_value::Command;
use crate::net::Address;

/// So many states are kept, the present one among them.
const STATES_MAX: u64 = 32;

/// The store.
#[derive(Debug)]
pub(super) struct Sequential {
    /// Of each key, the changes by their number: the last one that is older than every kept state,
    /// and all later ones.
    changes: HashMap<String, VecDeque<(u64, Value)>>,
    /// How many changes there were: the number of the present state.
    present: u64,
    /// The state that each one has seen.
    seen: HashMap<Address, u64>,
    draw: Rng,
}

impl Sequential {
    pub(super) fn new(draw: Rng) -> Sequential {
        Sequential {
            changes: HashMap::new(),
            present: 0,
            seen: HashMap::new(),
            draw,
        }
    }

    pub(super) fn execute(&mut self, from: Address, command: &Command) -> Value {
        let oldest = self.present.saturating_sub(STATES_MAX - 1);
        let seen = self.seen.get(&from).copied().unwrap_or(0).max(oldest);
        let state = self.draw.u64(seen..=self.present);
        let past = self.value(&command.key, state);
        let (answer, becomes) = command.action.on(past);
        if becomes.is_none() || becomes.as_ref() == past {
            self.seen.insert(from, state);
            return answer;
        }
        let (answer, becomes) = command.action.on(self.value(&command.key, self.present));
        if let Some(value) = becomes {
            self.present += 1;
            let oldest = self.present.saturating_sub(STATES_MAX - 1);
            let changes = self.changes.entry(command.key.clone()).or_default();
            changes.push_back((self.present, value));
            while changes.len() > 1 && changes[1].0 <= oldest {
                changes.pop_front();
            }
        }
        self.seen.insert(from, self.present);
        answer
    }

    /// The value of a key in a state that is kept.
    fn value(&self, key: &str, state: u64) -> Option<&Value> {
        let changes = self.changes.get(key)?;
        let (_, value) = changes.iter().rev().find(|(number, _)| *number <= state)?;
        Some(value)
    }
}
