//! What is going to happen, in order of virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How many happenings are kept in order, at most. In a small cluster hardly ever more than that wait.
const NEAR_MAX: usize = 64;

/// A queue of happenings. Two at the same time come out in the order in which they were put in.
///
/// What happens lies in a reused slot; only its key is moved about, one number that says when it
/// happens, which it was of those put in, and where it lies. The keys of what happens soon are kept in
/// order: with so few of them that is several times as fast as a heap, which keeps the rest.
#[derive(Debug)]
pub struct Schedule<T> {
    /// The keys below `horizon`, the next one last.
    near: Vec<u128>,
    /// The keys from `horizon` on.
    far: BinaryHeap<Reverse<u128>>,
    horizon: u128,
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    put_in: u32,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Schedule {
            near: Vec::with_capacity(NEAR_MAX),
            far: BinaryHeap::new(),
            horizon: u128::MAX,
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
        if key < self.horizon && self.near.len() == NEAR_MAX {
            self.put_half_away();
        }
        if key < self.horizon {
            let place = self.near.partition_point(|near| *near > key);
            self.near.insert(place, key);
        } else {
            self.far.push(Reverse(key));
        }
    }

    /// The later half of what is near is near no more.
    fn put_half_away(&mut self) {
        self.horizon = self.near[NEAR_MAX / 2 - 1];
        self.far
            .extend(self.near.drain(..NEAR_MAX / 2).map(Reverse));
    }

    /// Fetches what happens soon from what was far away, when nothing is near.
    fn fetch(&mut self) {
        while self.near.len() < NEAR_MAX / 2
            && let Some(Reverse(key)) = self.far.pop()
        {
            self.near.push(key);
        }
        self.near.reverse();
        self.horizon = match self.far.peek() {
            Some(Reverse(key)) => *key,
            None => u128::MAX,
        };
    }

    /// Takes out what happens next.
    pub fn take(&mut self) -> Option<T> {
        self.next_ns()?;
        let key = self.near.pop()?;
        let slot = u32::try_from(key & u128::from(u32::MAX)).expect("32 bits");
        self.free.push(slot);
        self.slots[slot as usize].take()
    }

    /// When the next thing happens.
    #[must_use]
    pub fn next_ns(&mut self) -> Option<u64> {
        if self.near.is_empty() {
            self.fetch();
        }
        let key = self.near.last()?;
        Some(u64::try_from(key >> 64).expect("64 bits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, Stream};

    fn take(schedule: &mut Schedule<u64>) -> Option<(u64, u64)> {
        Some((schedule.next_ns()?, schedule.take()?))
    }

    #[test]
    fn the_earliest_comes_first_and_ties_keep_their_order() {
        let mut schedule = Schedule::default();
        for (at_ns, what) in [(5, 3), (1, 1), (5, 4), (2, 2)] {
            schedule.put(at_ns, what);
        }
        assert_eq!(schedule.next_ns(), Some(1));
        let order: Vec<_> = std::iter::from_fn(|| take(&mut schedule)).collect();
        assert_eq!(order, [(1, 1), (2, 2), (5, 3), (5, 4)]);
        assert_eq!(schedule.take(), None);
    }

    /// Now few and now many wait, so that what was far comes near, and what was near goes far away.
    #[test]
    fn many_come_out_in_order_whatever_waits() {
        let mut random = Random::new(5, Stream::Plan);
        let mut schedule = Schedule::default();
        let mut waiting = std::collections::BTreeSet::new();
        let mut now_ns = 0;
        for number in 0..20_000 {
            let many = number / 2_000 % 2 == 0;
            if waiting.is_empty() || random.chance(if many { 700_000 } else { 300_000 }) {
                let at_ns = now_ns + random.below(100);
                schedule.put(at_ns, number);
                waiting.insert((at_ns, number));
            } else {
                let next = waiting.pop_first();
                assert_eq!(take(&mut schedule), next);
                now_ns = next.map_or(now_ns, |(at_ns, _)| at_ns);
            }
        }
        while let Some(next) = waiting.pop_first() {
            assert_eq!(take(&mut schedule), Some(next));
        }
        assert_eq!(schedule.take(), None);
    }
}
