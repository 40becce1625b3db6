//! Sets that grow: what one node was told reaches all.

use std::collections::{BTreeMap, BTreeSet};

use kensho_maelstrom::body::{Message, kind};
use serde_json::{Value, json};

use crate::Bug;
use crate::node::{Behaviour, Out};

/// Passes each message on to its neighbours, again and again until they have acknowledged it.
pub(crate) struct Broadcast {
    bug: Option<Bug>,
    neighbours: Vec<String>,
    messages: BTreeSet<i64>,
    /// What each neighbour has not acknowledged.
    unheard: BTreeMap<String, BTreeSet<i64>>,
}

impl Broadcast {
    pub(crate) fn new(bug: Option<Bug>) -> Broadcast {
        Broadcast {
            bug,
            neighbours: Vec::new(),
            messages: BTreeSet::new(),
            unheard: BTreeMap::new(),
        }
    }

    fn learn(&mut self, message: i64, from: &str, out: &mut Out<'_>) {
        let forgets = self.bug == Some(Bug::Forget) && message % 10 == 9;
        if forgets || !self.messages.insert(message) || self.bug == Some(Bug::Mute) {
            return;
        }
        for neighbour in &self.neighbours {
            if neighbour != from {
                let unheard = self.unheard.entry(neighbour.clone()).or_default();
                unheard.insert(message);
                out.send(neighbour, json!({"type": "gossip", "messages": [message]}));
            }
        }
    }
}

fn numbers(value: &Value) -> Vec<i64> {
    let numbers = value.as_array().into_iter().flatten();
    numbers.filter_map(Value::as_i64).collect()
}

impl Behaviour for Broadcast {
    fn hear(&mut self, message: &Message, out: &mut Out<'_>) {
        match kind(&message.body) {
            "topology" => {
                let own = &message.body["topology"][out.name.as_str()];
                let own = own.as_array().into_iter().flatten();
                self.neighbours = own
                    .filter_map(|name| Some(name.as_str()?.to_owned()))
                    .collect();
                out.answer(message, json!({"type": "topology_ok"}));
            }
            "broadcast" => {
                let number = message.body["message"].as_i64().unwrap_or_default();
                self.learn(number, &message.src, out);
                out.answer(message, json!({"type": "broadcast_ok"}));
            }
            "read" => {
                out.answer(
                    message,
                    json!({"type": "read_ok", "messages": self.messages}),
                );
            }
            "gossip" => {
                let messages = numbers(&message.body["messages"]);
                for number in &messages {
                    self.learn(*number, &message.src, out);
                }
                out.send(&message.src, json!({"type": "heard", "messages": messages}));
            }
            "heard" => {
                if let Some(unheard) = self.unheard.get_mut(&message.src) {
                    for number in numbers(&message.body["messages"]) {
                        unheard.remove(&number);
                    }
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, out: &mut Out<'_>) {
        for (neighbour, messages) in &self.unheard {
            if !messages.is_empty() {
                out.send(neighbour, json!({"type": "gossip", "messages": messages}));
            }
        }
    }
}

/// Sends its whole set to everybody.
pub(crate) struct GSet {
    bug: Option<Bug>,
    elements: BTreeSet<i64>,
}

impl GSet {
    pub(crate) fn new(bug: Option<Bug>) -> GSet {
        GSet {
            bug,
            elements: BTreeSet::new(),
        }
    }
}

impl Behaviour for GSet {
    fn hear(&mut self, message: &Message, out: &mut Out<'_>) {
        match kind(&message.body) {
            "add" => {
                let element = message.body["element"].as_i64().unwrap_or_default();
                if self.bug != Some(Bug::Forget) || element % 10 != 9 {
                    self.elements.insert(element);
                }
                out.answer(message, json!({"type": "add_ok"}));
            }
            "read" => {
                let mut elements: Vec<i64> = self.elements.iter().copied().collect();
                if self.bug == Some(Bug::Twice) {
                    elements.extend(self.elements.first());
                }
                out.answer(message, json!({"type": "read_ok", "value": elements}));
            }
            "gossip" => self.elements.extend(numbers(&message.body["elements"])),
            _ => {}
        }
    }

    fn tick(&mut self, out: &mut Out<'_>) {
        for node in out.others() {
            out.send(&node, json!({"type": "gossip", "elements": self.elements}));
        }
    }
}
