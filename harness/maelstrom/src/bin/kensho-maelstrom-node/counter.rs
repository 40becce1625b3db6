//! Counters: each node knows how much each node has added, and with how many additions.

use std::collections::BTreeMap;

use kensho_maelstrom::body::{Message, kind};
use serde_json::{Value, json};

use crate::Bug;
use crate::node::{Behaviour, Out};

/// How often a node has added, and the sum.
type Share = (u64, i64);

pub(crate) struct Counter {
    bug: Option<Bug>,
    shares: BTreeMap<String, Share>,
}

impl Counter {
    pub(crate) fn new(bug: Option<Bug>) -> Counter {
        Counter {
            bug,
            shares: BTreeMap::new(),
        }
    }

    fn learn(&mut self, shares: &Value) {
        let shares = serde_json::from_value::<BTreeMap<String, Share>>(shares.clone());
        for (node, heard) in shares.unwrap_or_default() {
            let known = self.shares.entry(node).or_default();
            if self.bug == Some(Bug::AddUp) {
                known.1 += heard.1;
            } else if heard.0 > known.0 {
                *known = heard;
            }
        }
    }
}

impl Behaviour for Counter {
    fn hear(&mut self, message: &Message, out: &mut Out<'_>) {
        match kind(&message.body) {
            "add" => {
                let own = self.shares.entry(out.name.clone()).or_default();
                own.0 += 1;
                own.1 += message.body["delta"].as_i64().unwrap_or_default();
                out.answer(message, json!({"type": "add_ok"}));
            }
            "read" => {
                let sum: i64 = self.shares.values().map(|share| share.1).sum();
                out.answer(message, json!({"type": "read_ok", "value": sum}));
            }
            "gossip" => self.learn(&message.body["shares"]),
            _ => {}
        }
    }

    fn tick(&mut self, out: &mut Out<'_>) {
        if self.bug != Some(Bug::Mute) {
            for node in out.others() {
                out.send(&node, json!({"type": "gossip", "shares": self.shares}));
            }
        }
    }
}
