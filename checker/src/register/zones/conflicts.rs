//! What zones know of a key that they refuted: all its conflicts, and how stale its reads are.

use super::super::access::Access;
use super::{INITIAL, NONE, Zones};
use crate::history::NEVER;

impl Zones {
    /// After [`super::Judgement::Invalid`] with [`super::Conflict::Blocks`] or
    /// [`super::Conflict::Order`]: the conflicts
    /// between blocks, in the order of their forward zones, no more than `limit` and looking at no
    /// more than `steps` pairs. Says also whether these are all.
    fn overlaps(&self, limit: usize, mut steps: usize) -> (Vec<(u32, u32)>, bool) {
        let mut found = Vec::new();
        for (place, entry) in self.order.iter().enumerate() {
            let number = (*entry & u64::from(u32::MAX)) as usize;
            let block = &self.blocks[number];
            if !block.forward() {
                continue;
            }
            for other in &self.order[place + 1..] {
                let start = (*other >> 32) as u32;
                if start >= block.inv {
                    break;
                }
                let other = (*other & u64::from(u32::MAX)) as usize;
                if self.contradict(number, other) {
                    if found.len() == limit {
                        return (found, false);
                    }
                    found.push((number as u32, other as u32));
                }
                steps -= 1;
                if steps == 0 {
                    return (found, false);
                }
            }
        }
        (found, true)
    }

    /// The smallest shift of the invocations of reads that removes every conflict, in the unit of
    /// `invoke_time` and `return_time`; none if no shift does, or if there are too many conflicts
    /// to look at. After [`super::Judgement::Invalid`] with [`super::Conflict::Blocks`] or
    /// [`super::Conflict::Order`].
    ///
    /// A shift only ever removes precedences, so each conflict can be taken for itself.
    pub(crate) fn stale_by(
        &self,
        accesses: &[Access],
        invoke_time: impl Fn(&Access) -> u64,
        return_time: impl Fn(&Access) -> u64,
    ) -> Option<u64> {
        const PAIRS_MAX: usize = 1_000_000;
        let is_read = |at: u32| at != NONE && self.seen_written[at as usize].1 == NONE;
        let invoke = |at: u32| invoke_time(&accesses[at as usize]);
        let back = |at: u32| return_time(&accesses[at as usize]);
        let mut shift = 0;
        // Within blocks; and per block the last invocation of a read and of a writer.
        let mut last = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let (mut read, mut write) = ((0, NONE), (0, NONE));
            let mut value = block.head;
            loop {
                let state = &self.values[value as usize];
                let writer = if value == INITIAL { NONE } else { state.writer };
                for at in [writer, state.read_ret_at] {
                    if at == NONE {
                        continue;
                    }
                    let ret = accesses[at as usize].ret;
                    if ret < write.0 {
                        return None;
                    }
                    if ret < read.0 {
                        shift = shift.max(invoke(read.1).saturating_sub(back(at)));
                    }
                    if !is_read(at) && accesses[at as usize].inv >= write.0 {
                        write = (accesses[at as usize].inv, at);
                    }
                }
                if state.read_inv_at != NONE && state.read_inv >= read.0 {
                    read = (state.read_inv, state.read_inv_at);
                }
                if state.next == NONE {
                    break;
                }
                value = self.seen_written[state.next as usize].1;
            }
            last.push((read, write));
        }
        let (pairs, all) = self.overlaps(PAIRS_MAX, 10 * PAIRS_MAX);
        if !all {
            return None;
        }
        // The shift after which y's last invocation is no longer after x's first return.
        let undo = |x: u32, y: u32| {
            let first = &self.blocks[x as usize];
            let (read, write) = last[y as usize];
            if write.1 != NONE && write.0 > first.ret || first.ret_at == NONE {
                return None;
            }
            Some(invoke(read.1).saturating_sub(back(first.ret_at)))
        };
        for (x, y) in pairs {
            let needed = match (undo(x, y), undo(y, x)) {
                (Some(one), Some(other)) => one.min(other),
                (one, other) => one.or(other)?,
            };
            shift = shift.max(needed);
        }
        Some(shift)
    }

    /// An access that saw what this one wrote, if any: one that surely happened if there is one.
    pub(crate) fn observer(&self, accesses: &[Access], access: usize) -> Option<usize> {
        let (_, written) = self.seen_written[access];
        let saw = |at: &usize| self.seen_written[*at].0 == written && self.happened[*at];
        if written == NONE {
            return None;
        }
        (0..accesses.len())
            .find(|at| saw(at) && accesses[*at].ret != NEVER)
            .or_else(|| (0..accesses.len()).find(saw))
    }

    /// The access that wrote what this one saw, if any.
    pub(crate) fn source(&self, access: usize) -> Option<usize> {
        let (seen, _) = self.seen_written[access];
        let writer = if seen == NONE {
            NONE
        } else {
            self.values[seen as usize].writer
        };
        (writer != NONE).then_some(writer as usize)
    }
}
