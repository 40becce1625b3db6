//! Nodes that break the protocol itself.

use kensho_maelstrom::body::Message;
use serde_json::json;

use crate::Bug;
use crate::node::{Behaviour, Out};

/// Does something wrong with the twentieth message.
struct Misbehaving {
    inner: Box<dyn Behaviour>,
    bug: Bug,
    heard: u64,
}

/// The node, or one that breaks the protocol, if that is its bug.
pub(crate) fn wrap(inner: Box<dyn Behaviour>, bug: Option<Bug>) -> Box<dyn Behaviour> {
    match bug {
        Some(
            bug @ (Bug::Garbage
            | Bug::Exit
            | Bug::Stranger
            | Bug::Malformed
            | Bug::Silent
            | Bug::Deaf),
        ) => Box::new(Misbehaving {
            inner,
            bug,
            heard: 0,
        }),
        _ => inner,
    }
}

impl Behaviour for Misbehaving {
    fn hear(&mut self, message: &Message, out: &mut Out<'_>) {
        self.heard += 1;
        if self.bug == Bug::Deaf {
            return;
        }
        if self.heard == 20 {
            match self.bug {
                Bug::Garbage => out.raw("I have heard 20 messages"),
                Bug::Exit => {
                    eprintln!("I have had enough");
                    std::process::exit(3);
                }
                Bug::Stranger => out.send("n77", json!({"type": "hello"})),
                Bug::Malformed => return out.answer(message, json!({"type": "hello"})),
                _ => {}
            }
        }
        self.inner.hear(message, out);
    }

    fn tick(&mut self, out: &mut Out<'_>) {
        self.inner.tick(out);
    }

    fn answers_init(&self) -> bool {
        self.bug != Bug::Silent
    }
}
