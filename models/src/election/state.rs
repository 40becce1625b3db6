//! The state of a model: nodes, messages in flight, what is left of the budget, and what the
//! invariants remember.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use kensho_protocol::coordinator::{Coordinator, Message, Saved};
use kensho_protocol::ids::{Incarnation, NodeId, Ticket};

use super::invariants::Witness;
use super::scenario::Budget;

/// A part of the state that many states have in common: it is hashed once, when it is made.
pub struct Shared<T> {
    value: Arc<T>,
    hash: u64,
}

/// A hash of 64 bits that is the same in every run: each word passes the finalizer of splitmix64
/// together with what came before.
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        let z = (self.0 ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = z ^ (z >> 31);
    }
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word) ^ ((chunk.len() as u64) << 56));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.mix(u64::from(word));
    }

    fn write_u16(&mut self, word: u16) {
        self.mix(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.mix(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }
}

impl<T: Hash> Shared<T> {
    /// Shares `value`.
    pub fn new(value: T) -> Self {
        let mut hasher = Mixer(0);
        value.hash(&mut hasher);
        Shared {
            value: Arc::new(value),
            hash: hasher.finish(),
        }
    }
}

impl<T> Shared<T> {
    /// By which messages in flight are ordered: it does not depend on how they came there.
    pub(super) fn order(&self) -> u64 {
        self.hash
    }
}

impl<T> std::ops::Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared {
            value: Arc::clone(&self.value),
            hash: self.hash,
        }
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
            && (Arc::ptr_eq(&self.value, &other.value) || self.value == other.value)
    }
}

impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// A message in flight.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Envelope {
    /// Who sent it.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// What it says.
    pub message: Message,
}

/// A node and its disk.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Node {
    /// What runs.
    pub running: Coordinator,
    /// What is on its disk, as long as that is not what it has in memory.
    pub written: Option<Saved>,
    /// Writes that are not done, oldest first.
    pub writing: Vec<(Ticket, Saved)>,
    /// Which life of its data the node has.
    pub incarnation: Incarnation,
}

impl Node {
    /// What is on its disk.
    #[must_use]
    pub fn saved(&self) -> &Saved {
        self.written
            .as_ref()
            .unwrap_or_else(|| self.running.saved())
    }
}

/// The state of the model.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct State {
    /// The nodes, in the order of their identities, which are 1, 2, ….
    pub nodes: Vec<Shared<Node>>,
    /// The messages in flight, each once, in a fixed order.
    pub flying: Vec<Shared<Envelope>>,
    /// What may still happen.
    pub left: Budget,
    /// What the invariants remember, and what they found.
    pub witness: Shared<Witness>,
}

impl State {
    /// The node `id`.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[index(id)]
    }

    /// Puts a message in flight. True if no such message was in flight.
    pub(super) fn launch(&mut self, envelope: Envelope) -> bool {
        let envelope = Shared::new(envelope);
        let place = self
            .flying
            .binary_search_by_key(&envelope.order(), Shared::order);
        match place {
            Ok(there) => {
                assert!(self.flying[there] == envelope, "two messages share a hash");
                false
            }
            Err(place) => {
                self.flying.insert(place, envelope);
                true
            }
        }
    }

    /// Takes a message out of flight.
    pub(super) fn land(&mut self, envelope: &Shared<Envelope>) {
        self.flying.retain(|other| other != envelope);
    }
}

/// Where the node `id` stands in [`State::nodes`].
pub(super) fn index(id: NodeId) -> usize {
    usize::try_from(id.0).expect("few nodes") - 1
}
