//! One order of things that extends two interval orders at once.

/// No item.
const NONE: u32 = u32::MAX;

/// The intervals of one order: what ends before another begins comes before it.
struct Sweep {
    /// Items by their beginnings, and how many of them nothing has to precede any more.
    by_begin: Vec<u32>,
    free: usize,
    /// Items by their ends, and the first of them that is not placed.
    by_end: Vec<u32>,
    first: usize,
}

impl Sweep {
    fn new(spans: &[(u64, u64)]) -> Sweep {
        let mut by_begin: Vec<u32> = (0..spans.len() as u32).collect();
        let mut by_end = by_begin.clone();
        by_begin.sort_unstable_by_key(|at| spans[*at as usize].0);
        by_end.sort_unstable_by_key(|at| spans[*at as usize].1);
        Sweep {
            by_begin,
            free: 0,
            by_end,
            first: 0,
        }
    }

    /// The next item that nothing which is not placed precedes, or none at the moment.
    fn next_free(&mut self, spans: &[(u64, u64)], placed: &[bool]) -> u32 {
        while self
            .by_end
            .get(self.first)
            .is_some_and(|at| placed[*at as usize])
        {
            self.first += 1;
        }
        let end = self
            .by_end
            .get(self.first)
            .map_or(u64::MAX, |at| spans[*at as usize].1);
        match self.by_begin.get(self.free) {
            Some(at) if spans[*at as usize].0 <= end => {
                self.free += 1;
                *at
            }
            _ => NONE,
        }
    }
}

/// An order in which each item comes after all whose interval ends before its own begins, in the
/// one row of intervals as well as in the other; none if there is no such order.
pub(super) fn extend_both(one: &[(u64, u64)], other: &[(u64, u64)]) -> Option<Vec<u32>> {
    let mut sweeps = [Sweep::new(one), Sweep::new(other)];
    let mut placed = vec![false; one.len()];
    let mut free_in = vec![0_u8; one.len()];
    let mut ready = Vec::new();
    let mut order = Vec::with_capacity(one.len());
    while order.len() < one.len() {
        for (sweep, spans) in sweeps.iter_mut().zip([one, other]) {
            loop {
                let at = sweep.next_free(spans, &placed);
                if at == NONE {
                    break;
                }
                free_in[at as usize] += 1;
                if free_in[at as usize] == 2 {
                    ready.push(at);
                }
            }
        }
        let next = ready.pop()?;
        placed[next as usize] = true;
        order.push(next);
    }
    Some(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spans(ends: &[(u64, u64)]) -> Vec<(u64, u64)> {
        ends.iter()
            .map(|(begin, length)| (*begin, begin + length))
            .collect()
    }

    proptest! {
        #[test]
        fn the_order_is_one_where_there_is_one(
            items in prop::collection::vec(((0..20_u64, 0..8_u64), (0..20_u64, 0..8_u64)), 1..12),
        ) {
            let one = spans(&items.iter().map(|item| item.0).collect::<Vec<_>>());
            let other = spans(&items.iter().map(|item| item.1).collect::<Vec<_>>());
            let before = |x: usize, y: usize| one[x].1 < one[y].0 || other[x].1 < other[y].0;
            match extend_both(&one, &other) {
                Some(order) => {
                    for (place, later) in order.iter().enumerate() {
                        for earlier in &order[..place] {
                            prop_assert!(!before(*later as usize, *earlier as usize));
                        }
                    }
                }
                // A union of two interval orders has a circle only if two items contradict.
                None => {
                    let mut pairs = (0..one.len()).flat_map(|x| (0..x).map(move |y| (x, y)));
                    prop_assert!(pairs.any(|(x, y)| before(x, y) && before(y, x)));
                }
            }
        }
    }
}
