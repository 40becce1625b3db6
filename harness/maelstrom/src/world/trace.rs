//! The first messages of a run, for a picture.

use serde_json::Value;

use crate::body;
use crate::net::Address;

/// Messages as they travelled, by their numbers; only the first ones are kept.
#[derive(Debug, Default)]
pub struct Trace {
    /// The first messages.
    pub messages: Vec<Traced>,
    /// How many messages there were in all.
    pub all: u64,
    /// How many there were before the main part began.
    pub before_main: u64,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    /// When it was sent, nanoseconds since the main part began; 0 before that.
    pub sent_ns: u64,
    /// When and how its way ended first; none if it never did.
    pub ended: Option<(u64, Way)>,
    /// Who sent it.
    pub src: Address,
    /// Who was to get it.
    pub dest: Address,
    /// The type of its body.
    pub kind: String,
    /// The beginning of its body.
    pub body: String,
}

/// How a message's way ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It arrived.
    Received,
    /// A partition swallowed it.
    Cut,
    /// Its node was down.
    FoundNobody,
}

impl Trace {
    /// So many messages are kept.
    const MESSAGES_MAX: usize = 20_000;
    /// So much is kept of a body.
    const BODY_LETTERS_MAX: usize = 300;

    pub(super) fn sent(&mut self, at: u64, src: Address, dest: Address, body: &Value) {
        self.all += 1;
        if self.messages.len() == Self::MESSAGES_MAX {
            return;
        }
        let mut text = body.to_string();
        if let Some((end, _)) = text.char_indices().nth(Self::BODY_LETTERS_MAX) {
            text.truncate(end);
            text.push('…');
        }
        self.messages.push(Traced {
            sent_ns: at,
            ended: None,
            src,
            dest,
            kind: body::kind(body).to_owned(),
            body: text,
        });
    }

    pub(super) fn ended(&mut self, id: u64, at: u64, way: Way) {
        let message = usize::try_from(id)
            .ok()
            .and_then(|id| self.messages.get_mut(id));
        if let Some(message) = message {
            message.ended.get_or_insert((at, way));
        }
    }

    pub(super) fn main_began(&mut self) {
        self.before_main = self.all;
    }
}
