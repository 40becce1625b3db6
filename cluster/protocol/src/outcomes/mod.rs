//! Exactly once (rule R11): the outcomes of statements, kept for retries.
//!
//! Outcomes are replicated state: they change only by applying and committing entries in log order,
//! and they are part of the data image. Every replica has the same ones at the same place.

mod kept;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, Position, Sequence};
use crate::request::RequestId;
use crate::small_bytes::SmallBytes;

use kept::Kept;

/// The outcomes of one client's last statements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Client {
    /// The youngest entry of this client that was committed; none before the first.
    last: Option<Position>,
    /// What of all clients was forgotten when the first of these entries was committed: an earlier
    /// life of this client may be among it.
    since: Position,
    /// Every statement up to here is forgotten.
    forgotten: Sequence,
    /// The ones above, as far as they were executed.
    kept: Kept,
    /// How many of those are above `last`: not committed yet. None in an image.
    #[serde(skip)]
    ahead: usize,
}

impl Client {
    /// Whether an entry of this client is committed.
    fn has_committed(&self, at: Position) -> bool {
        self.last.is_some_and(|last| at <= last)
    }
}

/// The outcomes of all clients' last statements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Outcomes {
    clients: BTreeMap<ClientId, Client>,
    /// The clients by their last committed entry, for forgetting the oldest.
    by_age: BTreeMap<Position, ClientId>,
    /// The last entry of all clients that are forgotten.
    forgotten: Position,
}

/// What is known of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was not executed.
    New,
    /// It was executed, and this came of it.
    Done(Position, Bytes),
    /// It may have been executed; if so, the outcome is forgotten.
    Forgotten,
}

impl Outcomes {
    /// What is known of the statement `id`, which its client first sent after it had seen `as_of`.
    ///
    /// A position, not a number: in async, what the client saw may be lost, and another entry stand
    /// in its place. A position of the lost branch is below all that the new owner appended.
    #[must_use]
    pub fn look_up(&self, id: RequestId, as_of: Position) -> Known {
        match self.clients.get(&id.client) {
            Some(client) => match client.kept.get(id.sequence) {
                Some(kept) => Known::Done(kept.at, Bytes::copy_from_slice(&kept.bytes)),
                None if id.sequence <= client.forgotten => Known::Forgotten,
                None if as_of < self.forgotten_before(client) => Known::Forgotten,
                None => Known::New,
            },
            None if as_of < self.forgotten => Known::Forgotten,
            None => Known::New,
        }
    }

    /// The last entry of which it is not known whether it was this client's.
    fn forgotten_before(&self, client: &Client) -> Position {
        if client.last.is_none() {
            self.forgotten
        } else {
            client.since
        }
    }

    /// An entry was applied.
    pub fn insert(&mut self, id: RequestId, at: Position, outcome: &[u8]) {
        let client = self.clients.entry(id.client).or_default();
        let replaced = client
            .kept
            .insert(id.sequence, at, SmallBytes::from(outcome));
        // Only a broken rule R11 executes a statement twice.
        if replaced.is_none_or(|replaced| client.has_committed(replaced.at)) {
            client.ahead += 1;
        }
    }

    /// The entry that was applied last is taken back.
    pub fn remove(&mut self, id: RequestId) {
        let Some(client) = self.clients.get_mut(&id.client) else {
            return;
        };
        if client.kept.remove(id.sequence).is_some() {
            client.ahead -= 1;
        }
        if *client == Client::default() {
            self.clients.remove(&id.client);
        }
    }

    /// An applied entry was committed: only now may it push others out, since a commit is never
    /// taken back. Forgets a client's oldest outcomes beyond `per_client`, and the clients that have
    /// been silent for longest beyond `clients`.
    pub fn commit(&mut self, id: RequestId, at: Position, per_client: usize, clients: usize) {
        let Some(client) = self.clients.get_mut(&id.client) else {
            return;
        };
        match client.last.replace(at) {
            None => client.since = self.forgotten,
            Some(last) => {
                self.by_age.remove(&last);
            }
        }
        self.by_age.insert(at, id.client);
        if client
            .kept
            .get(id.sequence)
            .is_some_and(|kept| kept.at == at)
        {
            client.ahead -= 1;
        }
        // What is not committed yet may still be taken back, so it does not count.
        while client.kept.len() - client.ahead > per_client {
            let Some(sequence) = client.kept.forget_lowest(at) else {
                break;
            };
            client.forgotten = client.forgotten.max(sequence);
        }
        while self.by_age.len() > clients {
            let Some((last, oldest)) = self.by_age.pop_first() else {
                break;
            };
            self.forgotten = self.forgotten.max(last);
            self.forget(oldest, at);
        }
    }

    /// Forgets a client, but for what it has above the commit mark `mark`: a replica that has not
    /// executed that yet will come to it later, and both must end up with the same.
    fn forget(&mut self, id: ClientId, mark: Position) {
        let Some(mut client) = self.clients.remove(&id) else {
            return;
        };
        client.kept.forget_up_to(mark);
        if !client.kept.is_empty() {
            let kept = client.kept;
            self.clients.insert(
                id,
                Client {
                    ahead: kept.len(),
                    kept,
                    ..Client::default()
                },
            );
        }
    }

    /// How many outcomes are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clients.values().map(|client| client.kept.len()).sum()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Epoch, Lsn};

    fn id(client: u64, sequence: u64) -> RequestId {
        RequestId {
            client: ClientId(client),
            sequence: Sequence(sequence),
        }
    }

    fn at(lsn: u64) -> Position {
        in_epoch(1, lsn)
    }

    fn in_epoch(epoch: u64, lsn: u64) -> Position {
        Position {
            epoch: Epoch(epoch),
            lsn: Lsn(lsn),
        }
    }

    fn execute(outcomes: &mut Outcomes, id: RequestId, lsn: u64) {
        execute_at(outcomes, id, at(lsn));
    }

    fn execute_at(outcomes: &mut Outcomes, id: RequestId, at: Position) {
        outcomes.insert(id, at, at.lsn.to_string().as_bytes());
        outcomes.commit(id, at, 2, 2);
    }

    #[test]
    fn a_retry_gets_the_first_outcome() {
        let mut outcomes = Outcomes::default();
        execute(&mut outcomes, id(1, 1), 1);
        assert!(matches!(outcomes.look_up(id(1, 1), at(0)), Known::Done(_, o) if o == "1"));
        assert_eq!(outcomes.look_up(id(1, 2), at(0)), Known::New);
        assert_eq!(outcomes.look_up(id(2, 1), at(0)), Known::New);
    }

    #[test]
    fn a_forgotten_statement_is_not_taken_for_a_new_one() {
        let mut outcomes = Outcomes::default();
        for lsn in 1..=3 {
            execute(&mut outcomes, id(1, lsn), lsn);
        }
        assert_eq!(outcomes.look_up(id(1, 1), at(0)), Known::Forgotten);
        assert!(matches!(outcomes.look_up(id(1, 2), at(0)), Known::Done(..)));
    }

    #[test]
    fn a_forgotten_client_is_not_taken_for_a_new_one() {
        let mut outcomes = Outcomes::default();
        for client in 1..=3 {
            execute(&mut outcomes, id(client, 1), client);
        }
        assert_eq!(outcomes.look_up(id(1, 1), at(0)), Known::Forgotten);
        // A client that knows of an entry younger than all that is forgotten is certainly new.
        assert_eq!(outcomes.look_up(id(4, 1), at(1)), Known::New);
        assert_eq!(outcomes.look_up(id(4, 1), at(0)), Known::Forgotten);
    }

    #[test]
    fn a_client_that_comes_back_is_not_known_to_be_new_in_what_it_did_before() {
        let mut outcomes = Outcomes::default();
        for (client, sequence, lsn) in [(1, 1, 1), (2, 1, 2), (3, 1, 3), (1, 3, 4)] {
            execute(&mut outcomes, id(client, sequence), lsn);
        }
        assert_eq!(outcomes.look_up(id(1, 1), at(0)), Known::Forgotten);
        assert_eq!(outcomes.look_up(id(1, 4), at(4)), Known::New);
    }

    /// In async an owner has executed more than is committed, a backup has not.
    #[test]
    fn what_is_forgotten_does_not_depend_on_what_was_executed_ahead() {
        let ahead = |executed_ahead: bool| {
            let mut outcomes = Outcomes::default();
            execute(&mut outcomes, id(1, 1), 1);
            let again = |outcomes: &mut Outcomes| outcomes.insert(id(1, 2), at(4), &[]);
            if executed_ahead {
                again(&mut outcomes);
            }
            execute(&mut outcomes, id(2, 1), 2);
            execute(&mut outcomes, id(3, 1), 3);
            if executed_ahead {
                let known = outcomes.look_up(id(1, 2), at(1));
                assert!(matches!(known, Known::Done(..)), "{known:?}");
            } else {
                again(&mut outcomes);
            }
            outcomes.commit(id(1, 2), at(4), 2, 2);
            outcomes
        };
        assert_eq!(ahead(true), ahead(false));
    }

    /// In async: the client saw entry 22 of epoch 1, which is lost. Its statement stands at entry 21
    /// of epoch 2, and is forgotten.
    #[test]
    fn what_was_seen_of_a_lost_branch_is_older_than_what_took_its_place() {
        let mut outcomes = Outcomes::default();
        for (client, lsn) in [(1, 21), (2, 22), (3, 23)] {
            execute_at(&mut outcomes, id(client, 1), in_epoch(2, lsn));
        }
        let known = outcomes.look_up(id(1, 1), in_epoch(1, 22));
        assert_eq!(known, Known::Forgotten);
        assert_eq!(outcomes.look_up(id(4, 1), in_epoch(2, 21)), Known::New);
        assert_eq!(outcomes.look_up(id(4, 1), in_epoch(3, 1)), Known::New);
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let mut outcomes = Outcomes::default();
        execute(&mut outcomes, id(1, 1), 1);
        let before = outcomes.clone();
        outcomes.insert(id(2, 1), Position::default(), &[]);
        outcomes.insert(id(1, 2), Position::default(), &[]);
        outcomes.remove(id(1, 2));
        outcomes.remove(id(2, 1));
        assert_eq!(outcomes, before);
    }
}
