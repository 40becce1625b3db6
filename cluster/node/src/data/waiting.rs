//! The clients that wait for an answer of a replica.

use std::collections::HashMap;

use bytes::Bytes;
use kensho_protocol::ids::Token;
use kensho_protocol::request::Reply;
use kensho_protocol::time::Time;
use tokio::sync::oneshot;

/// What a waiting client is told; an error means that the node stops.
pub(crate) type Answered = oneshot::Receiver<Reply>;

/// Who waits, and what is needed to ask again.
pub(super) struct Waiting {
    pub(super) client: oneshot::Sender<Reply>,
    /// A read can be handed in again.
    pub(super) query: Option<Bytes>,
    pub(super) deadline: Time,
}

/// All that wait.
#[derive(Default)]
pub(super) struct WaitingClients {
    clients: HashMap<Token, Waiting>,
    last: u64,
}

impl WaitingClients {
    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    pub(super) fn insert(&mut self, query: Option<Bytes>, deadline: Time) -> (Token, Answered) {
        let (client, answered) = oneshot::channel();
        self.last += 1;
        let token = Token(self.last);
        let waiting = Waiting {
            client,
            query,
            deadline,
        };
        self.clients.insert(token, waiting);
        (token, answered)
    }

    pub(super) fn get(&self, token: Token) -> Option<&Waiting> {
        self.clients.get(&token)
    }

    /// Tells a client; it may be gone.
    pub(super) fn answer(&mut self, token: Token, reply: Reply) {
        if let Some(waiting) = self.clients.remove(&token) {
            let _ = waiting.client.send(reply);
        }
    }
}
