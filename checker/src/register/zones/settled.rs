//! How much of a key's past is settled, so that it can be forgotten while the rest is still to come.
//!
//! A block is *closed* if no access can join it any more: another block had returned before
//! anything that is still open was invoked, and does not come before it. Whoever joins it then has
//! a block between himself and what he saw. Closed blocks at the beginning of the witness, whose
//! own first return came so early, too, are *settled*: every order of the whole history may begin
//! with them, and to what follows they are nothing but the value that they leave behind. (What
//! follows returns after they were invoked, since the witness has it after them.)
//!
//! Of the first block that is not closed, those values are settled likewise that were replaced
//! within the block before anything that is still open was invoked, and the value after them.

use super::super::access::Access;
use super::{INITIAL, NONE, Zones};
use crate::history::NEVER;

/// The earliest invocations of what has not ended yet. What is not invoked yet is later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Horizon {
    /// Of a read or a cas, which may turn out to belong to any block.
    pub(crate) joining: u32,
    /// Of anything.
    pub(crate) any: u32,
}

impl Zones {
    /// After [`Zones::witness`]: how many accesses at its beginning are settled.
    pub(crate) fn settled(&self, accesses: &[Access], horizon: Horizon) -> usize {
        let number = |entry: &u64| (*entry & u64::from(u32::MAX)) as usize;
        // Of the blocks that returned before the horizon, the two last invocations.
        let mut last = [(NONE as usize, 0); 2];
        for (number, block) in self.blocks.iter().enumerate() {
            if block.ret < horizon.joining {
                if block.inv >= last[0].1 {
                    last = [(number, block.inv), last[0]];
                } else if block.inv > last[1].1 {
                    last[1] = (number, block.inv);
                }
            }
        }
        let mut settled = 0;
        for (place, entry) in self.order.iter().enumerate() {
            let number_here = number(entry);
            let block = &self.blocks[number_here];
            if block.ret >= horizon.joining {
                break;
            }
            let other = last[usize::from(last[0].0 == number_here)];
            if block.ret < other.1 {
                settled = self.end_of(self.chain_of(block.head).last());
                continue;
            }
            let first = block.ret < horizon.any
                && self.order[place + 1..]
                    .iter()
                    .all(|later| self.blocks[number(later)].inv > block.ret);
            if first {
                settled = self.end_of(self.settled_value(accesses, block.head, horizon.joining));
            }
            break;
        }
        settled
    }

    /// The values of a block, in their order.
    fn chain_of(&self, head: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(head), |value| {
            let next = self.values[*value as usize].next;
            (next != NONE).then(|| self.seen_written[next as usize].1)
        })
    }

    /// The last value of a block all of whose predecessors were replaced before the horizon.
    fn settled_value(&self, accesses: &[Access], head: u32, horizon: u32) -> Option<u32> {
        let values: Vec<u32> = self.chain_of(head).collect();
        let mut settled = values.len() - 1;
        // The first return of what comes after a value.
        let mut returned = NEVER;
        for place in (0..values.len()).rev() {
            if returned >= horizon {
                settled = place;
            }
            let state = &self.values[values[place] as usize];
            returned = returned.min(state.read_ret);
            if values[place] != INITIAL {
                returned = returned.min(accesses[state.writer as usize].ret);
            }
        }
        Some(values[settled])
    }

    /// How many accesses the witness has up to the last one that wrote or saw this value.
    fn end_of(&self, value: Option<u32>) -> usize {
        let stage = value.map(|value| self.values[value as usize].stage);
        stage.map_or(0, |stage| self.counts[stage as usize + 1] as usize)
    }
}
