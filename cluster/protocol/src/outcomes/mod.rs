//! Exactly once (rule R11): the outcomes of statements, kept for retries.
//!
//! Outcomes are replicated state: they change only by applying and committing entries in log order,
//! and they are part of the data image. Every replica has the same ones at the same place.

mod kept;
mod limits;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, Position, Sequence};
use crate::request::{Numbered, RequestId};
use crate::small_bytes::SmallBytes;

use kept::Kept;

pub use limits::OutcomeLimits;

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
    /// How many bytes the others count for. Not in an image, which says it by what it holds.
    #[serde(skip)]
    bytes: u64,
}

impl Client {
    /// Whether an entry of this client is committed.
    fn has_committed(&self, at: Position) -> bool {
        self.last.is_some_and(|last| at <= last)
    }

    /// Forgets the committed outcome of the lowest number; false if there is none.
    fn forget_lowest(&mut self, mark: Position) -> bool {
        let Some((sequence, bytes)) = self.kept.forget_lowest(mark) else {
            return false;
        };
        self.forgotten = self.forgotten.max(sequence);
        self.bytes -= bytes;
        true
    }
}

/// The outcomes of all clients' last statements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "InImage")]
pub struct Outcomes {
    clients: BTreeMap<ClientId, Client>,
    /// The clients by their last committed entry, for forgetting the oldest.
    by_age: BTreeMap<Position, ClientId>,
    /// The last entry of all clients that are forgotten.
    forgotten: Position,
    /// How many bytes all that is committed counts for.
    #[serde(skip)]
    bytes: u64,
}

/// Outcomes as they stand in an image: all of them are committed.
#[derive(Deserialize)]
struct InImage {
    clients: BTreeMap<ClientId, Client>,
    by_age: BTreeMap<Position, ClientId>,
    forgotten: Position,
}

impl From<InImage> for Outcomes {
    fn from(image: InImage) -> Self {
        let InImage {
            mut clients,
            by_age,
            forgotten,
        } = image;
        for client in clients.values_mut() {
            client.bytes = client.kept.iter().map(kept::Outcome::counts_bytes).sum();
        }
        let each = clients.values().map(|client| client.bytes + CLIENT_BYTES);
        Outcomes {
            bytes: each.sum(),
            clients,
            by_age,
            forgotten,
        }
    }
}

/// How many bytes a client counts for, besides its outcomes. A part of the protocol, as
/// [`kept::Outcome::counts_bytes`] is.
const CLIENT_BYTES: u64 = 192;

/// What is known of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was not executed.
    New,
    /// It was executed, and this came of it.
    Done(Position, Bytes),
    /// Another one was executed under its number, which stands there.
    Other(Position),
    /// It may have been executed; if so, the outcome is forgotten.
    Forgotten,
}

impl Outcomes {
    /// What is known of a statement, which its client first sent after it had seen `as_of`.
    ///
    /// A position, not a number: in async, what the client saw may be lost, and another entry stand
    /// in its place. A position of the lost branch is below all that the new owner appended.
    #[must_use]
    pub fn look_up(&self, request: Numbered, as_of: Position) -> Known {
        let Numbered { id, digest } = request;
        match self.clients.get(&id.client) {
            Some(client) => match client.kept.get(id.sequence) {
                Some(kept) if kept.digest != digest => Known::Other(kept.at),
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
    pub fn insert(&mut self, request: Numbered, at: Position, outcome: &[u8]) {
        let Numbered { id, digest } = request;
        let client = self.clients.entry(id.client).or_default();
        let replaced = client
            .kept
            .insert(id.sequence, at, digest, SmallBytes::from(outcome));
        match replaced {
            None => client.ahead += 1,
            // Only a broken rule R11 executes a statement twice.
            Some(replaced) if client.has_committed(replaced.at) => {
                client.ahead += 1;
                client.bytes -= replaced.counts_bytes();
                self.bytes -= replaced.counts_bytes();
            }
            Some(_) => {}
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
    /// taken back. Forgets what is beyond `limits`: a client's oldest outcomes, and the clients that
    /// have been silent for longest.
    pub fn commit(&mut self, id: RequestId, at: Position, limits: &OutcomeLimits) {
        let Some(client) = self.clients.get_mut(&id.client) else {
            return;
        };
        let before = client.bytes;
        match client.last.replace(at) {
            None => {
                client.since = self.forgotten;
                self.bytes += CLIENT_BYTES;
            }
            Some(last) => {
                self.by_age.remove(&last);
            }
        }
        self.by_age.insert(at, id.client);
        if let Some(kept) = client.kept.get(id.sequence)
            && kept.at == at
        {
            client.bytes += kept.counts_bytes();
            client.ahead -= 1;
        }
        // What is not committed yet may still be taken back, so it does not count.
        while client.kept.len() - client.ahead > limits.per_client()
            || client.bytes > limits.bytes_per_client()
        {
            if !client.forget_lowest(at) {
                break;
            }
        }
        self.bytes = self.bytes - before + client.bytes;
        while self.by_age.len() > limits.clients() || self.bytes > limits.bytes() {
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
        self.bytes -= client.bytes + CLIENT_BYTES;
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

    /// How many bytes count against the limit of bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Epoch, Lsn};
    use crate::request::Digest;

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
        outcomes.insert(numbered(id), at, at.lsn.to_string().as_bytes());
        outcomes.commit(id, at, &FEW);
    }

    const FEW: OutcomeLimits = OutcomeLimits {
        per_client: 2,
        clients: 2,
        bytes: 1 << 20,
    };

    fn numbered(id: RequestId) -> Numbered {
        let digest = Digest::of(&[b"a statement"]);
        Numbered { id, digest }
    }

    fn look_up(outcomes: &Outcomes, id: RequestId, as_of: Position) -> Known {
        outcomes.look_up(numbered(id), as_of)
    }

    #[test]
    fn a_retry_gets_the_first_outcome() {
        let mut outcomes = Outcomes::default();
        execute(&mut outcomes, id(1, 1), 1);
        assert!(matches!(look_up(&outcomes, id(1, 1), at(0)), Known::Done(_, o) if o == "1"));
        assert_eq!(look_up(&outcomes, id(1, 2), at(0)), Known::New);
        assert_eq!(look_up(&outcomes, id(2, 1), at(0)), Known::New);
    }

    #[test]
    fn a_forgotten_statement_is_not_taken_for_a_new_one() {
        let mut outcomes = Outcomes::default();
        for lsn in 1..=3 {
            execute(&mut outcomes, id(1, lsn), lsn);
        }
        assert_eq!(look_up(&outcomes, id(1, 1), at(0)), Known::Forgotten);
        assert!(matches!(
            look_up(&outcomes, id(1, 2), at(0)),
            Known::Done(..)
        ));
    }

    #[test]
    fn a_forgotten_client_is_not_taken_for_a_new_one() {
        let mut outcomes = Outcomes::default();
        for client in 1..=3 {
            execute(&mut outcomes, id(client, 1), client);
        }
        assert_eq!(look_up(&outcomes, id(1, 1), at(0)), Known::Forgotten);
        // A client that knows of an entry younger than all that is forgotten is certainly new.
        assert_eq!(look_up(&outcomes, id(4, 1), at(1)), Known::New);
        assert_eq!(look_up(&outcomes, id(4, 1), at(0)), Known::Forgotten);
    }

    #[test]
    fn a_client_that_comes_back_is_not_known_to_be_new_in_what_it_did_before() {
        let mut outcomes = Outcomes::default();
        for (client, sequence, lsn) in [(1, 1, 1), (2, 1, 2), (3, 1, 3), (1, 3, 4)] {
            execute(&mut outcomes, id(client, sequence), lsn);
        }
        assert_eq!(look_up(&outcomes, id(1, 1), at(0)), Known::Forgotten);
        assert_eq!(look_up(&outcomes, id(1, 4), at(4)), Known::New);
    }

    /// In async an owner has executed more than is committed, a backup has not.
    #[test]
    fn what_is_forgotten_does_not_depend_on_what_was_executed_ahead() {
        let ahead = |executed_ahead: bool| {
            let mut outcomes = Outcomes::default();
            execute(&mut outcomes, id(1, 1), 1);
            let again = |outcomes: &mut Outcomes| outcomes.insert(numbered(id(1, 2)), at(4), &[]);
            if executed_ahead {
                again(&mut outcomes);
            }
            execute(&mut outcomes, id(2, 1), 2);
            execute(&mut outcomes, id(3, 1), 3);
            if executed_ahead {
                let known = look_up(&outcomes, id(1, 2), at(1));
                assert!(matches!(known, Known::Done(..)), "{known:?}");
            } else {
                again(&mut outcomes);
            }
            outcomes.commit(id(1, 2), at(4), &FEW);
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
        let known = look_up(&outcomes, id(1, 1), in_epoch(1, 22));
        assert_eq!(known, Known::Forgotten);
        assert_eq!(look_up(&outcomes, id(4, 1), in_epoch(2, 21)), Known::New);
        assert_eq!(look_up(&outcomes, id(4, 1), in_epoch(3, 1)), Known::New);
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let mut outcomes = Outcomes::default();
        execute(&mut outcomes, id(1, 1), 1);
        let before = outcomes.clone();
        outcomes.insert(numbered(id(2, 1)), Position::default(), &[]);
        outcomes.insert(numbered(id(1, 2)), Position::default(), &[]);
        outcomes.remove(id(1, 2));
        outcomes.remove(id(2, 1));
        assert_eq!(outcomes, before);
    }

    /// The kind: put, batch, delete, conditional or not, of this container or another. What a client
    /// asked for is in the digest, whatever it is.
    #[test]
    fn another_statement_under_a_number_is_not_taken_for_a_retry() {
        let mut outcomes = Outcomes::default();
        execute(&mut outcomes, id(1, 1), 1);
        let other = Numbered {
            id: id(1, 1),
            digest: Digest::of(&[b"another statement"]),
        };
        assert_eq!(outcomes.look_up(other, at(0)), Known::Other(at(1)));
        let image = postcard::to_stdvec(&outcomes).expect("it can be encoded");
        let restored: Outcomes = postcard::from_bytes(&image).expect("it was encoded");
        assert_eq!(restored.look_up(other, at(0)), Known::Other(at(1)));
        assert_eq!(restored, outcomes);
    }

    #[test]
    fn outcomes_take_no_more_bytes_than_they_may() {
        let limits = OutcomeLimits {
            per_client: 32,
            clients: 10_000,
            bytes: 16_000,
        };
        let mut outcomes = Outcomes::default();
        let mut lsn = 0;
        let mut put = |outcomes: &mut Outcomes, id: RequestId, bytes: usize| {
            lsn += 1;
            outcomes.insert(numbered(id), at(lsn), &vec![7; bytes]);
            outcomes.commit(id, at(lsn), &limits);
            assert!(outcomes.bytes() <= u64::from(limits.bytes));
        };
        // One client pushes out no more than its own.
        put(&mut outcomes, id(1, 1), 20);
        for sequence in 1..=40 {
            put(&mut outcomes, id(2, sequence), 300);
        }
        assert!(matches!(
            look_up(&outcomes, id(1, 1), at(0)),
            Known::Done(..)
        ));
        assert!(matches!(
            look_up(&outcomes, id(2, 40), at(0)),
            Known::Done(..)
        ));
        assert_eq!(look_up(&outcomes, id(2, 37), at(0)), Known::Forgotten);
        // What is too large by itself is forgotten at once, and the client goes on.
        put(&mut outcomes, id(2, 41), 2_000);
        assert_eq!(look_up(&outcomes, id(2, 41), at(0)), Known::Forgotten);
        assert_eq!(look_up(&outcomes, id(2, 42), at(0)), Known::New);
        // Many clients push out the one that was silent for longest.
        for client in 3..60 {
            put(&mut outcomes, id(client, 1), 100);
        }
        assert_eq!(look_up(&outcomes, id(1, 1), at(0)), Known::Forgotten);
        assert!(matches!(
            look_up(&outcomes, id(59, 1), at(0)),
            Known::Done(..)
        ));
        let image = postcard::to_stdvec(&outcomes).expect("it can be encoded");
        let restored: Outcomes = postcard::from_bytes(&image).expect("it was encoded");
        assert_eq!(restored, outcomes, "who begins with an image forgets alike");
    }
}
