//! Stores that live on the first node: the others pass requests on to it, and answers back.

use std::collections::{BTreeMap, HashMap};

use kensho_maelstrom::body::{Message, in_reply_to, kind};
use serde_json::{Value, json};

use crate::Bug;
use crate::node::{Behaviour, Out};

/// What the first node does with a request; none if it is to be dropped.
pub(crate) trait Store {
    fn execute(&mut self, request: &Value) -> Value;
}

pub(crate) struct Primary<S> {
    store: S,
    bug: Option<Bug>,
    /// Requests of clients, by the number under which the first node was asked.
    open: HashMap<u64, Message>,
    /// For [`Bug::Stale`]: the last answer to each transaction that only reads.
    seen: HashMap<String, Value>,
}

/// Transactions on lists and registers.
pub(crate) fn transactions(bug: Option<Bug>) -> Primary<Transactions> {
    let store = Transactions {
        loses: bug == Some(Bug::LoseWrites),
        values: HashMap::new(),
        writes: 0,
    };
    Primary::new(store, bug)
}

/// Logs.
pub(crate) fn logs(bug: Option<Bug>) -> Primary<Logs> {
    let store = Logs {
        bug,
        logs: BTreeMap::new(),
        committed: BTreeMap::new(),
        sends: 0,
    };
    Primary::new(store, bug)
}

impl<S: Store> Primary<S> {
    fn new(store: S, bug: Option<Bug>) -> Primary<S> {
        Primary {
            store,
            bug,
            open: HashMap::new(),
            seen: HashMap::new(),
        }
    }
}

impl<S: Store> Behaviour for Primary<S> {
    fn hear(&mut self, message: &Message, out: &mut Out<'_>) {
        if let Some(id) = in_reply_to(&message.body) {
            if let Some(asked) = self.open.remove(&id) {
                let mut answer = message.body.clone();
                if self.bug == Some(Bug::Stale) {
                    self.seen
                        .insert(asked.body["txn"].to_string(), answer.clone());
                }
                if let Some(fields) = answer.as_object_mut() {
                    fields.remove("msg_id");
                }
                out.answer(&asked, answer);
            }
            return;
        }
        let first = out.nodes[0].clone();
        if out.name == first {
            let answer = self.store.execute(&message.body);
            return out.answer(message, answer);
        }
        if self.bug == Some(Bug::Stale) && kind(&message.body) == "txn" {
            let reads = message.body["txn"].as_array().into_iter().flatten();
            let only_reads = reads.clone().all(|step| step[0] == "r");
            if let (true, Some(answer)) =
                (only_reads, self.seen.get(&message.body["txn"].to_string()))
            {
                return out.answer(message, answer.clone());
            }
        }
        let id = out.ask(&first, message.body.clone());
        self.open.insert(id, message.clone());
    }
}

/// Lists and registers.
pub(crate) struct Transactions {
    loses: bool,
    values: HashMap<String, Value>,
    writes: u64,
}

impl Store for Transactions {
    fn execute(&mut self, request: &Value) -> Value {
        let mut steps = request["txn"].clone();
        for step in steps.as_array_mut().into_iter().flatten() {
            let key = step[1].to_string();
            let value = self.values.entry(key).or_default();
            self.writes += 1;
            let loses = self.loses && self.writes.is_multiple_of(7);
            match step[0].as_str() {
                Some("r") => step[2] = value.clone(),
                _ if loses => {}
                Some("append") => match value {
                    Value::Array(list) => list.push(step[2].clone()),
                    other => *other = json!([step[2]]),
                },
                _ => *value = step[2].clone(),
            }
        }
        json!({"type": "txn_ok", "txn": steps})
    }
}

/// Logs of messages.
pub(crate) struct Logs {
    bug: Option<Bug>,
    logs: BTreeMap<String, Log>,
    committed: BTreeMap<String, i64>,
    sends: u64,
}

#[derive(Default)]
struct Log {
    next: i64,
    messages: BTreeMap<i64, Value>,
}

impl Logs {
    /// A poll returns so many messages of a key at most.
    const POLL_MAX: usize = 20;

    fn send(&mut self, request: &Value) -> Value {
        self.sends += 1;
        let key = request["key"].as_str().unwrap_or_default();
        let log = self.logs.entry(key.to_owned()).or_default();
        let strikes = self.sends.is_multiple_of(5);
        let offset = match self.bug {
            Some(Bug::SameOffset) if strikes && log.next > 0 => log.next - 1,
            _ => log.next,
        };
        log.next = offset + 1;
        if self.bug != Some(Bug::Forget) || !strikes {
            log.messages.insert(offset, request["msg"].clone());
        }
        json!({"type": "send_ok", "offset": offset})
    }

    fn poll(&self, request: &Value) -> Value {
        let mut messages = BTreeMap::new();
        for (key, from) in request["offsets"].as_object().into_iter().flatten() {
            let from = from.as_i64().unwrap_or_default();
            let log = self
                .logs
                .get(key)
                .into_iter()
                .flat_map(|log| log.messages.range(from..));
            let log: Vec<Value> = log
                .filter(|(offset, _)| self.bug != Some(Bug::Skip) || *offset % 7 != 3)
                .take(Self::POLL_MAX)
                .map(|(offset, message)| json!([offset, message]))
                .collect();
            if !log.is_empty() {
                messages.insert(key.clone(), log);
            }
        }
        json!({"type": "poll_ok", "msgs": messages})
    }
}

impl Store for Logs {
    fn execute(&mut self, request: &Value) -> Value {
        let offsets = request["offsets"].as_object().into_iter().flatten();
        match kind(request) {
            "send" => self.send(request),
            "poll" => self.poll(request),
            "commit_offsets" => {
                for (key, offset) in offsets {
                    let offset = offset.as_i64().unwrap_or_default();
                    let committed = self.committed.entry(key.clone()).or_insert(offset);
                    *committed = offset.max(*committed);
                }
                json!({"type": "commit_offsets_ok"})
            }
            _ => {
                let keys = request["keys"].as_array().into_iter().flatten();
                let keys = keys.filter_map(Value::as_str);
                let committed: BTreeMap<&str, i64> = keys
                    .filter_map(|key| Some((key, *self.committed.get(key)?)))
                    .collect();
                json!({"type": "list_committed_offsets_ok", "offsets": committed})
            }
        }
    }
}
