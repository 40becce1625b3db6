//! `kafka`: logs that clients send to and poll, each from where it stands.
//!
//! A client is assigned some keys: it goes on where it stands in those that it had, and in others
//! behind the offset that was committed. What it has polled it commits, within the same operation.
//! Now and then a client crashes, and its successor knows nothing.

use std::collections::BTreeMap;

use fastrand::Rng;
use kensho_checker::judge::{Model, models};
use serde_json::{Map, Value, json};

use super::{Finale, Operation, Options, Step, Workload};
use crate::body::Request;
use crate::error::RpcError;

/// The workload.
#[derive(Debug)]
pub(super) struct Kafka {
    max_writes_per_key: usize,
    /// The keys that are sent to, and how often they were.
    keys: Vec<(String, usize)>,
    next_key: usize,
    consumers: Vec<Consumer>,
    /// The last acknowledged offset of each key that was ever sent to.
    acknowledged: BTreeMap<String, Option<i64>>,
}

/// Where a client stands.
#[derive(Clone, Debug, Default)]
struct Consumer {
    /// The next offset of each key that it is assigned.
    offsets: BTreeMap<String, i64>,
    /// What it has polled, while it commits that.
    polled: Option<Value>,
    /// In the finale: whether it reads all keys from their beginnings, and whether its last poll of
    /// this round found something.
    rewound: bool,
    goes_on: bool,
}

impl Kafka {
    const KEY_COUNT: usize = 4;

    pub(super) fn new(options: &Options) -> Kafka {
        let count = options.key_count.unwrap_or(Self::KEY_COUNT);
        let keys: Vec<(String, usize)> = (0..count).map(|key| (key.to_string(), 0)).collect();
        Kafka {
            max_writes_per_key: options.max_writes_per_key,
            next_key: count,
            consumers: Vec::new(),
            acknowledged: keys.iter().map(|(key, _)| (key.clone(), None)).collect(),
            keys,
        }
    }

    fn consumer(&mut self, client: usize) -> &mut Consumer {
        if self.consumers.len() <= client {
            self.consumers.resize_with(client + 1, Consumer::default);
        }
        &mut self.consumers[client]
    }

    fn send(&mut self, draw: &mut Rng) -> Operation {
        let place = draw.usize(..self.keys.len());
        let (key, writes) = &mut self.keys[place];
        *writes += 1;
        let operation = Operation::new("send").with_value(json!([["send", key, *writes]]));
        if *writes == self.max_writes_per_key {
            let key = self.next_key.to_string();
            self.acknowledged.insert(key.clone(), None);
            self.keys[place] = (key, 0);
            self.next_key += 1;
        }
        operation
    }

    fn assign(&mut self, draw: &mut Rng) -> Operation {
        let count = draw.usize(1..=self.keys.len());
        let mut chosen = draw.choose_multiple(&self.keys, count);
        chosen.sort();
        let keys: Vec<&str> = chosen.iter().map(|(key, _)| key.as_str()).collect();
        Operation::new("assign").with_value(keys)
    }
}

fn sent(operation: &Operation) -> Option<(&str, &Value)> {
    let step = operation.value.get(0)?;
    Some((step.get(1)?.as_str()?, step.get(2)?))
}

fn keys(operation: &Operation) -> impl Iterator<Item = String> {
    let keys = operation.value.as_array().cloned().unwrap_or_default();
    keys.into_iter()
        .filter_map(|key| Some(key.as_str()?.to_owned()))
}

fn to_map(offsets: &BTreeMap<String, i64>) -> Map<String, Value> {
    let entries = offsets.iter();
    entries
        .map(|(key, offset)| (key.clone(), (*offset).into()))
        .collect()
}

impl Workload for Kafka {
    fn model(&self) -> &'static Model {
        &models::KAFKA
    }

    fn operations(&self) -> &'static [&'static str] {
        &["send", "poll", "assign"]
    }

    fn only_reads(&self, f: &str) -> bool {
        matches!(f, "assign" | "poll")
    }

    fn next(&mut self, client: usize, draw: &mut Rng) -> Operation {
        let assigned = !self.consumer(client).offsets.is_empty();
        match draw.u32(..200) {
            0 => Operation::new("crash"),
            _ if !assigned => self.assign(draw),
            1..20 => self.assign(draw),
            20..110 => self.send(draw),
            _ => Operation::new("poll").with_value(json!([["poll"]])),
        }
    }

    fn begin(&mut self, client: usize, operation: &Operation) -> Step {
        match operation.f {
            "crash" => Step::Crash,
            "assign" if self.consumer(client).rewound => {
                let consumer = self.consumer(client);
                consumer.offsets = keys(operation).map(|key| (key, 0)).collect();
                Step::Done(operation.value.clone())
            }
            "assign" => Step::Ask(Request::list_committed_offsets(keys(operation).collect())),
            "send" => {
                let (key, message) = sent(operation).unwrap_or(("", &Value::Null));
                Step::Ask(Request::send(key, message.clone()))
            }
            _ => Step::Ask(Request::poll(to_map(&self.consumer(client).offsets))),
        }
    }

    fn answer(
        &mut self,
        client: usize,
        operation: &Operation,
        request: &Request,
        answer: Value,
    ) -> Step {
        match request.kind() {
            "list_committed_offsets" => {
                let consumer = self.consumer(client);
                let committed = |key: &str| answer.get(key).and_then(Value::as_i64);
                let offsets = keys(operation).map(|key| {
                    let own = consumer.offsets.get(&key).copied();
                    let behind = committed(&key).map(|offset| offset.saturating_add(1));
                    let from = own.or(behind).unwrap_or(0);
                    (key, from)
                });
                consumer.offsets = offsets.collect();
                Step::Done(operation.value.clone())
            }
            "send" => {
                let Some((key, message)) = sent(operation) else {
                    return Step::Done(Value::Null);
                };
                let last = self.acknowledged.entry(key.to_owned()).or_default();
                *last = (*last).max(answer.as_i64());
                Step::Done(json!([["send", key, [answer, message]]]))
            }
            "poll" => {
                let consumer = self.consumer(client);
                let mut last = BTreeMap::new();
                for (key, log) in answer.as_object().into_iter().flatten() {
                    let log = log.as_array().map(Vec::as_slice).unwrap_or_default();
                    let offsets = log.iter().filter_map(|message| message.get(0)?.as_i64());
                    if let Some(greatest) = offsets.max() {
                        last.insert(key.clone(), greatest);
                    }
                }
                consumer.goes_on = false;
                for (key, offset) in &mut consumer.offsets {
                    if let Some(last) = last.get(key)
                        && last.saturating_add(1) > *offset
                    {
                        *offset = last.saturating_add(1);
                        consumer.goes_on = true;
                    }
                }
                let polled = json!([["poll", answer]]);
                if last.is_empty() {
                    return Step::Done(polled);
                }
                consumer.polled = Some(polled);
                Step::Ask(Request::commit_offsets(to_map(&last)))
            }
            _ => Step::Done(self.consumer(client).polled.take().unwrap_or_default()),
        }
    }

    /// What was polled was polled, whatever becomes of its commit.
    fn error(
        &mut self,
        client: usize,
        _operation: &Operation,
        request: &Request,
        _error: &RpcError,
    ) -> Option<Value> {
        let consumer = self.consumer(client);
        consumer.goes_on = false;
        match request.kind() {
            "commit_offsets" => consumer.polled.take(),
            _ => None,
        }
    }

    fn replaced(&mut self, client: usize) {
        *self.consumer(client) = Consumer::default();
    }

    fn finale(&mut self) -> Option<&mut dyn Finale> {
        Some(self)
    }
}

/// Every client polls every key from its beginning.
impl Finale for Kafka {
    fn begin(&mut self, clients: usize) {
        self.consumers = vec![Consumer::default(); clients];
    }

    fn round(&mut self) {
        for consumer in &mut self.consumers {
            consumer.goes_on = true;
        }
    }

    fn look(&mut self, client: usize) -> Option<Operation> {
        let consumer = &mut self.consumers[client];
        if !std::mem::replace(&mut consumer.rewound, true) {
            let keys: Vec<&str> = self.acknowledged.keys().map(String::as_str).collect();
            return Some(Operation::new("assign").with_value(keys));
        }
        consumer
            .goes_on
            .then(|| Operation::new("poll").with_value(json!([["poll"]])))
    }

    fn converged(&self) -> bool {
        self.consumers.iter().all(|consumer| {
            let mut all = self.acknowledged.iter();
            all.all(|(key, last)| last.is_none_or(|last| consumer.offsets.get(key) > Some(&last)))
        })
    }

    fn last(&self) -> Option<Operation> {
        None
    }
}
