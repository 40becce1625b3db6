//! Nodes that need nobody else.

use kensho_maelstrom::body::Message;
use serde_json::json;

use crate::Bug;
use crate::node::{Behaviour, Out};

/// Answers the same.
pub(crate) struct Echo {
    garbles: bool,
    answers: u64,
}

impl Echo {
    pub(crate) fn new(bug: Option<Bug>) -> Echo {
        Echo {
            garbles: bug == Some(Bug::Garble),
            answers: 0,
        }
    }
}

impl Behaviour for Echo {
    fn hear(&mut self, message: &Message, out: &mut Out<'_>) {
        self.answers += 1;
        let echo = match self.garbles && self.answers.is_multiple_of(10) {
            true => json!("something else"),
            false => message.body["echo"].clone(),
        };
        out.answer(message, json!({"type": "echo_ok", "echo": echo}));
    }
}

/// Gives out names.
pub(crate) struct UniqueIds {
    nameless: bool,
    next: u64,
}

impl UniqueIds {
    pub(crate) fn new(bug: Option<Bug>) -> UniqueIds {
        // A node that starts again must not begin anew.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nameless = bug == Some(Bug::Nameless);
        UniqueIds {
            nameless,
            next: if nameless {
                0
            } else {
                now.unwrap_or_default().as_nanos() as u64
            },
        }
    }
}

impl Behaviour for UniqueIds {
    fn hear(&mut self, message: &Message, out: &mut Out<'_>) {
        self.next += 1;
        let id = match self.nameless {
            true => json!(self.next),
            false => json!(format!("{}-{}", out.name, self.next)),
        };
        out.answer(message, json!({"type": "generate_ok", "id": id}));
    }
}
