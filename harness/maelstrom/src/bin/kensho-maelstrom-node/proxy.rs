//! A store of keys and values that leaves everything to a service.

use std::collections::HashMap;

use kensho_maelstrom::body::{Message, in_reply_to, kind};
use serde_json::{Value, json};

use crate::Bug;
use crate::node::{Behaviour, Out};

pub(crate) struct Proxy {
    bug: Option<Bug>,
    /// Requests of clients, by the number under which the service was asked.
    open: HashMap<u64, Message>,
    /// What each key was last seen to hold.
    seen: HashMap<String, Value>,
    writes: u64,
    reads: u64,
}

impl Proxy {
    pub(crate) fn new(bug: Option<Bug>) -> Proxy {
        Proxy {
            bug,
            open: HashMap::new(),
            seen: HashMap::new(),
            writes: 0,
            reads: 0,
        }
    }

    fn asked(&mut self, message: &Message, out: &mut Out<'_>) {
        let service = match self.bug {
            Some(Bug::SeqKv) => "seq-kv",
            Some(Bug::LwwKv) => "lww-kv",
            _ => "lin-kv",
        };
        let key = message.body["key"].to_string();
        match kind(&message.body) {
            "read" => {
                self.reads += 1;
                if let (Some(Bug::Stale), Some(value)) = (self.bug, self.seen.get(&key))
                    && !self.reads.is_multiple_of(3)
                {
                    return out.answer(message, json!({"type": "read_ok", "value": value}));
                }
            }
            "write" => {
                self.writes += 1;
                if self.bug == Some(Bug::LoseWrites) && self.writes.is_multiple_of(5) {
                    return out.answer(message, json!({"type": "write_ok"}));
                }
            }
            _ => {}
        }
        let id = out.ask(service, message.body.clone());
        self.open.insert(id, message.clone());
    }
}

impl Behaviour for Proxy {
    fn hear(&mut self, message: &Message, out: &mut Out<'_>) {
        let Some(id) = in_reply_to(&message.body) else {
            return self.asked(message, out);
        };
        let Some(asked) = self.open.remove(&id) else {
            return;
        };
        if kind(&message.body) == "read_ok" {
            let key = asked.body["key"].to_string();
            self.seen.insert(key, message.body["value"].clone());
        }
        let mut answer = message.body.clone();
        if let Some(fields) = answer.as_object_mut() {
            fields.remove("msg_id");
        }
        out.answer(&asked, answer);
    }
}
