//! A store that is wrong on purpose: copies that answer on their own, and of two writes the one with
//! the later clock wins when they are merged.

use std::collections::HashMap;

use fastrand::Rng;
use serde_json::Value;

use super::key_value::Command;

/// How many copies there are.
const COPIES: usize = 5;

/// The store.
#[derive(Debug)]
pub(super) struct LastWriteWins {
    copies: Vec<Replica>,
    draw: Rng,
}

/// One copy, with a Lamport clock.
#[derive(Clone, Debug, Default)]
struct Replica {
    clock: u64,
    values: HashMap<String, (u64, Value)>,
}

impl LastWriteWins {
    pub(super) fn new(draw: Rng) -> LastWriteWins {
        LastWriteWins {
            copies: vec![Replica::default(); COPIES],
            draw,
        }
    }

    /// Before each command one copy learns what another one has.
    pub(super) fn execute(&mut self, command: &Command) -> Value {
        let (from, to) = (self.draw.usize(..COPIES), self.draw.usize(..COPIES));
        if from != to {
            let source = self.copies[from].clone();
            self.copies[to].learn(source);
        }
        let copy = &mut self.copies[self.draw.usize(..COPIES)];
        let present = copy.values.get(&command.key).map(|(_, value)| value);
        let (answer, becomes) = command.action.on(present);
        if let Some(value) = becomes {
            copy.clock += 1;
            copy.values.insert(command.key.clone(), (copy.clock, value));
        }
        answer
    }
}

impl Replica {
    fn learn(&mut self, other: Replica) {
        self.clock = self.clock.max(other.clock);
        for (key, (time, value)) in other.values {
            let known = self.values.get(&key).is_some_and(|(own, _)| *own >= time);
            if !known {
                self.values.insert(key, (time, value));
            }
        }
    }
}
