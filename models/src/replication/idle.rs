//! Events that were seen to change nothing. Most events of some models do, such as a table that a node
//! has seen before, and one node is the same in very many states.
//!
//! Like the checker's set of states, this tells nodes and events apart by hashes of 64 bits.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use kensho_protocol::replica::Event;
use kensho_protocol::time::Time;

use super::state::Node;
use crate::shared::{Shared, hash};

const PLACES: usize = 1 << 14;

/// Some of the events that changed nothing: as many as there are places. A later one takes the place
/// of an earlier one.
pub(super) struct Idle(Vec<AtomicU64>);

impl Default for Idle {
    fn default() -> Self {
        Idle((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Idle")
    }
}

/// An event for a node at a certain time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(node: &Shared<Node>, now: Time, event: &Event) -> Self {
        Chance(hash(&(node, now, event)))
    }
}

impl Idle {
    fn place(&self, chance: Chance) -> &AtomicU64 {
        let low = usize::try_from(chance.0 % PLACES as u64).expect("few places");
        &self.0[low]
    }

    /// Whether it is known to change nothing.
    pub(super) fn knows(&self, chance: Chance) -> bool {
        self.place(chance).load(Ordering::Relaxed) == chance.0
    }

    /// It changes nothing.
    pub(super) fn learn(&self, chance: Chance) {
        self.place(chance).store(chance.0, Ordering::Relaxed);
    }
}
