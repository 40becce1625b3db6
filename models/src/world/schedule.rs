//! What is going to happen, in order of virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A queue of happenings. Two at the same time come out in the order in which they were put in.
///
/// The heap holds one number each, and what happens lies in a reused slot beside it: moving things
/// within the heap is what such a queue spends its time with.
#[derive(Debug)]
pub struct Schedule<T> {
    heap: BinaryHeap<Reverse<u128>>,
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    put_in: u32,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Schedule {
            heap: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            put_in: 0,
        }
    }
}

impl<T> Schedule<T> {
    /// Puts `what` in, to happen at `at_ns`.
    pub fn put(&mut self, at_ns: u64, what: T) {
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(what);
            slot
        } else {
            self.slots.push(Some(what));
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 happenings wait")
        };
        let key = u128::from(at_ns) << 64 | u128::from(self.put_in) << 32 | u128::from(slot);
        self.put_in = self.put_in.wrapping_add(1);
        self.heap.push(Reverse(key));
    }

    /// Takes out what happens next, and when.
    pub fn take(&mut self) -> Option<(u64, T)> {
        let Reverse(key) = self.heap.pop()?;
        let slot = u32::try_from(key & u128::from(u32::MAX)).expect("32 bits");
        let what = self.slots[slot as usize].take().expect("a filled slot");
        self.free.push(slot);
        Some((u64::try_from(key >> 64).expect("64 bits"), what))
    }

    /// When the next thing happens.
    #[must_use]
    pub fn next_ns(&self) -> Option<u64> {
        let Reverse(key) = self.heap.peek()?;
        Some(u64::try_from(key >> 64).expect("64 bits"))
    }

    /// How many things wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_ties_keep_their_order() {
        let mut schedule = Schedule::default();
        for (at_ns, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            schedule.put(at_ns, what);
        }
        assert_eq!(schedule.next_ns(), Some(1));
        let order: Vec<(u64, char)> = std::iter::from_fn(|| schedule.take()).collect();
        assert_eq!(order, [(1, 'a'), (2, 'b'), (5, 'c'), (5, 'd')]);
        assert!(schedule.is_empty());
    }
}
