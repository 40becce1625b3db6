//! Numbers that differ from node to node and from try to try, so that nodes do not act in step.
//!
//! They are a pure function of the seed, the node, and what they are for: there is no generator
//! whose state would depend on how often it was asked, so two histories that lead to the same
//! situation lead to the same state.

use std::time::Duration;

use crate::ids::{NodeId, Term};

/// The finalizer of splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", OOPSLA 2014): every bit of the input moves every bit of the output.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// What a number is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// When to ask others whether they have missed the master.
    Probe,
    /// Where a node stands in the order in which a candidate contacts others.
    Contact(NodeId),
}

/// Draws for one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Draw {
    seed: u64,
}

impl Draw {
    /// Draws for `node`.
    pub(super) fn new(seed: u64, node: NodeId) -> Self {
        Draw {
            seed: mix(seed ^ mix(u64::from(node.0))),
        }
    }

    /// A number for `purpose`, at the `attempt`th try in `term`.
    pub(super) fn number(self, purpose: Purpose, term: Term, attempt: u32) -> u64 {
        let purpose = match purpose {
            Purpose::Probe => 0,
            Purpose::Contact(node) => 1 + u64::from(node.0),
        };
        mix(mix(mix(self.seed ^ purpose) ^ term.0) ^ u64::from(attempt))
    }

    /// A length of time from zero to `limit`, such that of `voters` nodes mostly one is clearly first,
    /// however many they are.
    ///
    /// Were all times equally likely, the more nodes there are the more would come so soon after the
    /// first that they have not heard of it yet. So the time is cut into one part for each doubling
    /// of the nodes, and each part is twice as likely as the one before it: in the first one there
    /// are about two nodes. It is the timer of Nonnenmacher and Biersack, "Optimal multicast
    /// feedback" (INFOCOM 1998), with steps for the exponential.
    pub(super) fn wait(self, limit: Duration, voters: usize, term: Term, attempt: u32) -> Duration {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let number = self.number(Purpose::Probe, term, attempt);
        let parts = u64::from(voters.max(2).ilog2()) + 1;
        let before_last = u64::from(mix(number).trailing_zeros()).min(parts - 1);
        let length = limit / parts;
        let begin = (parts - 1 - before_last) * length;
        Duration::from_nanos(begin + number % length.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_terms_and_tries_draw_differently() {
        let limit = Duration::from_millis(100);
        let mut waits = Vec::new();
        for node in 0..4 {
            let draw = Draw::new(7, NodeId(node));
            for term in 0..4 {
                for attempt in 0..4 {
                    waits.push(draw.wait(limit, 3, Term(term), attempt));
                }
            }
        }
        assert!(waits.iter().all(|wait| *wait <= limit));
        waits.sort();
        waits.dedup();
        assert_eq!(waits.len(), 64);
        let half = waits.iter().filter(|wait| **wait < limit / 2).count();
        assert!((16..=48).contains(&half), "{half} of 64 below the middle");
    }

    #[test]
    fn few_are_first_however_many_there_are() {
        let limit = Duration::from_millis(100);
        for nodes in [4, 64, 1_024_u32] {
            let first_part = limit / (nodes.ilog2() + 1);
            let early = (0..nodes)
                .map(|node| Draw::new(3, NodeId(node)))
                .filter(|draw| draw.wait(limit, nodes as usize, Term(1), 0) <= first_part)
                .count();
            assert!((1..=5).contains(&early), "{early} of {nodes}");
        }
    }
}
