//! `lin-kv`: reads, writes and compare-and-sets of keys.
//!
//! Each value is written once, so that histories are judged without any search. A compare-and-set
//! mostly expects what its key was last known to hold, or it would hardly ever succeed.

use fastrand::Rng;
use kensho_checker::judge::{Model, models};
use serde_json::{Value, json};

use super::{Operation, Step, Workload};
use crate::body::Request;
use crate::error::{ErrorCode, RpcError};

/// So many operations are on one key, then its clients go on to another one.
const OPERATIONS_PER_KEY: usize = 200;

/// The workload.
#[derive(Debug)]
pub(super) struct LinKv {
    /// So many clients share a key.
    clients_per_key: usize,
    next_key: u64,
    next_value: u64,
    /// The key of each group of clients.
    keys: Vec<Key>,
}

#[derive(Clone, Debug)]
struct Key {
    number: u64,
    operations: usize,
    known: Option<u64>,
}

impl LinKv {
    pub(super) fn new(nodes: usize) -> LinKv {
        LinKv {
            clients_per_key: 2 * nodes,
            next_key: 0,
            next_value: 0,
            keys: Vec::new(),
        }
    }

    fn new_key(&mut self) -> Key {
        self.next_key += 1;
        Key {
            number: self.next_key - 1,
            operations: 0,
            known: None,
        }
    }

    fn learn(&mut self, operation: &Operation, value: Option<u64>) {
        let number = operation.key.as_ref().and_then(|key| key.parse().ok());
        let key = self.keys.iter_mut().find(|key| Some(key.number) == number);
        if let (Some(key), Some(value)) = (key, value) {
            key.known = Some(value);
        }
    }
}

/// The key as nodes get it: a number.
fn key(operation: &Operation) -> Value {
    let number = operation
        .key
        .as_ref()
        .and_then(|key| key.parse::<u64>().ok());
    number.into()
}

impl Workload for LinKv {
    fn model(&self) -> &'static Model {
        &models::CAS_REGISTER
    }

    fn operations(&self) -> &'static [&'static str] {
        &["read", "write", "cas"]
    }

    fn only_reads(&self, f: &str) -> bool {
        f == "read"
    }

    fn next(&mut self, client: usize, draw: &mut Rng) -> Operation {
        let group = client / self.clients_per_key;
        while self.keys.len() <= group {
            let key = self.new_key();
            self.keys.push(key);
        }
        if self.keys[group].operations == OPERATIONS_PER_KEY {
            self.keys[group] = self.new_key();
        }
        let key = &mut self.keys[group];
        key.operations += 1;
        let operation = |f| Operation::new(f).with_key(key.number.to_string());
        let read = draw.bool();
        if read && key.operations > 1 {
            return operation("read");
        }
        self.next_value += 1;
        match key.known {
            Some(known) if draw.bool() => {
                operation("cas").with_value(json!([known, self.next_value]))
            }
            _ => operation("write").with_value(self.next_value),
        }
    }

    fn begin(&mut self, _client: usize, operation: &Operation) -> Step {
        let key = key(operation);
        let value = operation.value.clone();
        Step::Ask(match (operation.f, &operation.value) {
            ("cas", Value::Array(pair)) => Request::cas(key, pair[0].clone(), pair[1].clone()),
            ("write", _) => Request::write(key, value),
            _ => Request::read(key),
        })
    }

    fn answer(
        &mut self,
        _client: usize,
        operation: &Operation,
        _request: &Request,
        answer: Value,
    ) -> Step {
        let result = match operation.f {
            "read" => answer,
            _ => operation.value.clone(),
        };
        let holds = match &result {
            Value::Array(pair) if operation.f == "cas" => pair.get(1).and_then(Value::as_u64),
            value => value.as_u64(),
        };
        self.learn(operation, holds);
        Step::Done(result)
    }

    /// A read that is told that there is no such key has seen that it holds nothing.
    fn error(
        &mut self,
        _client: usize,
        operation: &Operation,
        _request: &Request,
        error: &RpcError,
    ) -> Option<Value> {
        (operation.f == "read" && error.is(ErrorCode::KEY_DOES_NOT_EXIST)).then_some(Value::Null)
    }
}
