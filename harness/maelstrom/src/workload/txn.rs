//! `txn-list-append` and `txn-rw-register`: transactions of reads and writes of several keys.
//!
//! Each key gets each value once. A few keys are in use at a time, some of them more than others;
//! one that was written often enough makes room for a new one.

use fastrand::Rng;
use kensho_checker::judge::{Model, models};
use serde_json::{Value, json};

use super::{Operation, Options, Step, Workload};
use crate::body::Request;

/// What transactions write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They append to lists.
    ListAppend,
    /// They set registers.
    RwRegister,
}

/// The workload.
#[derive(Debug)]
pub(super) struct Transactions {
    kind: Kind,
    max_txn_length: usize,
    max_writes_per_key: usize,
    keys: Vec<Key>,
    next_key: u64,
}

#[derive(Debug)]
struct Key {
    number: u64,
    writes: usize,
}

impl Transactions {
    const KEY_COUNT: usize = 10;

    pub(super) fn new(kind: Kind, options: &Options) -> Transactions {
        let count = options.key_count.unwrap_or(Self::KEY_COUNT);
        let keys = (0..count as u64).map(|number| Key { number, writes: 0 });
        Transactions {
            kind,
            max_txn_length: options.max_txn_length,
            max_writes_per_key: options.max_writes_per_key,
            keys: keys.collect(),
            next_key: count as u64,
        }
    }

    fn step(&mut self, draw: &mut Rng) -> Value {
        let mut place = 0;
        while place + 1 < self.keys.len() && draw.bool() {
            place += 1;
        }
        let key = &mut self.keys[place];
        if draw.bool() {
            return json!(["r", key.number, null]);
        }
        key.writes += 1;
        let f = match self.kind {
            Kind::ListAppend => "append",
            Kind::RwRegister => "w",
        };
        let step = json!([f, key.number, key.writes]);
        if key.writes == self.max_writes_per_key {
            *key = Key {
                number: self.next_key,
                writes: 0,
            };
            self.next_key += 1;
        }
        step
    }
}

impl Workload for Transactions {
    fn model(&self) -> &'static Model {
        match self.kind {
            Kind::ListAppend => &models::LIST_APPEND,
            Kind::RwRegister => &models::RW_REGISTER,
        }
    }

    fn operations(&self) -> &'static [&'static str] {
        &["txn"]
    }

    fn only_reads(&self, _f: &str) -> bool {
        false
    }

    fn next(&mut self, _client: usize, draw: &mut Rng) -> Operation {
        let length = draw.usize(1..=self.max_txn_length);
        let steps: Vec<Value> = (0..length).map(|_| self.step(draw)).collect();
        Operation::new("txn").with_value(steps)
    }

    fn begin(&mut self, _client: usize, operation: &Operation) -> Step {
        Step::Ask(Request::txn(operation.value.clone()))
    }

    fn answer(&mut self, _: usize, _: &Operation, _: &Request, answer: Value) -> Step {
        Step::Done(answer)
    }
}
