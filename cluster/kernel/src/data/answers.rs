//! The clients that wait, and how an answer leaves.
//!
//! An answer leaves in two steps. The plane gives it out ([`Output::Answer`]); whoever carries it out calls
//! [`DataPlane::release`] just before it leaves. The process may have been stopped between the two, or it
//! took its time to write records and messages: what relies on a lease must not leave when the lease is
//! over (rule R10).

use std::collections::BTreeMap;

use kensho_protocol::apply::Apply;
use kensho_protocol::ids::{Epoch, PartitionId, Token};
use kensho_protocol::replica::Event;
use kensho_protocol::request::{Read, Refusal, Reply};
use kensho_protocol::rule::Rule;
use kensho_protocol::time::Time;

use super::{DataPlane, Output, Query, Told};

/// An answer on its way to a client. Who that is, only [`DataPlane::release`] says.
#[derive(Debug)]
pub struct Answer {
    /// Whose.
    pub(super) token: Token,
    /// What it says.
    pub(super) told: Told,
    /// It may leave only while the clock shows less: it relies on a lease (rule R10), or is a backup's and
    /// would be older than the read may be told (rule R16). `None`: it relies on neither.
    pub not_after: Option<Time>,
    /// The epoch that the replica owned when it answered.
    pub epoch: Option<Epoch>,
}

/// Who waits, and what is needed to ask again.
#[derive(Debug)]
pub(super) struct Waiting<C> {
    client: C,
    partition: PartitionId,
    /// A read can be handed in again.
    query: Option<Query>,
    deadline: Time,
}

/// All that wait.
#[derive(Debug)]
pub(super) struct WaitingClients<C> {
    clients: BTreeMap<Token, Waiting<C>>,
    last: u64,
}

impl<C> Default for WaitingClients<C> {
    fn default() -> Self {
        WaitingClients {
            clients: BTreeMap::new(),
            last: 0,
        }
    }
}

impl<C> WaitingClients<C> {
    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    pub(super) fn insert(
        &mut self,
        client: C,
        partition: PartitionId,
        query: Option<Query>,
        deadline: Time,
    ) -> Token {
        self.last += 1;
        let token = Token(self.last);
        let waiting = Waiting {
            client,
            partition,
            query,
            deadline,
        };
        self.clients.insert(token, waiting);
        token
    }
}

impl<A: Apply, C> DataPlane<A, C> {
    /// All clients that wait, in the order in which they came.
    pub fn waiting(&self) -> impl Iterator<Item = &C> {
        self.waiting.clients.values().map(|waiting| &waiting.client)
    }

    /// An answer is about to leave: to whom, and what it says. `None` if it must not leave any more, since
    /// the lease that it relies on is over (rule R10): then the read was handed in again, and the plane is
    /// to be flushed once more.
    pub fn release(
        &mut self,
        now: Time,
        answer: Answer,
        out: &mut Vec<Output>,
    ) -> Option<(C, Told)> {
        let Answer {
            token,
            told,
            not_after,
            ..
        } = answer;
        let Some(limit) = not_after else {
            return self.let_leave(token, told);
        };
        let waiting = self.waiting.clients.get(&token)?;
        let (partition, deadline) = (waiting.partition, waiting.deadline);
        let rules = self.settings.protocol.rules;
        let in_time = now < limit || rules.broken(Rule::LateAnswerLeaves);
        if let Some(transcript) = &mut self.transcript {
            transcript.leaves(partition, now, token, in_time);
        }
        if in_time {
            return self.let_leave(token, told);
        }
        self.figures.late_answers += 1;
        match waiting.query.clone() {
            None if rules.broken(Rule::LateUpdateRefused) => {
                self.let_leave(token, refused(Refusal::NotServing))
            }
            None => self.let_leave(token, refused(Refusal::OutcomeUnknown)),
            Some(_) if deadline <= now => self.let_leave(token, refused(Refusal::TimedOut)),
            Some(query) => {
                let read = query.read(token, deadline);
                self.hand_in(now, partition, Event::Read(read), out);
                None
            }
        }
    }

    fn let_leave(&mut self, token: Token, told: Told) -> Option<(C, Told)> {
        let waiting = self.waiting.clients.remove(&token)?;
        Some((waiting.client, told))
    }
}

impl Query {
    /// As it is handed to a replica.
    pub(super) fn read(self, token: Token, deadline: Time) -> Read {
        Read {
            token,
            query: self.bytes,
            from: self.from,
            seen: self.seen,
            deadline,
        }
    }
}

fn refused(refusal: Refusal) -> Told {
    Told::Reply(Reply::Refused(refusal))
}
