//! Lists of lists, and graphs without labels, each in two arrays.

/// A list of rows, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows<T> {
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy + Default> Rows<T> {
    /// So many rows of what `each` gives: it is called twice, and must give the same each time.
    pub(super) fn collect(rows: usize, each: impl Fn(&mut dyn FnMut(u32, T))) -> Rows<T> {
        let mut starts = vec![0_u32; rows + 1];
        each(&mut |row, _| starts[row as usize + 1] += 1);
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut items = vec![T::default(); starts[rows] as usize];
        each(&mut |row, item| {
            let next = &mut starts[row as usize];
            items[*next as usize] = item;
            *next += 1;
        });
        // Each start has moved to the end of its row, which is where the next one starts.
        starts.rotate_right(1);
        starts[0] = 0;
        Rows { starts, items }
    }

    /// The same of a list.
    pub(super) fn of(rows: usize, list: &[(u32, T)]) -> Rows<T> {
        Self::collect(rows, |add| {
            for (row, item) in list {
                add(*row, *item);
            }
        })
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn row(&self, row: u32) -> &[T] {
        let row = row as usize;
        &self.items[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    pub(super) fn items(&self) -> &[T] {
        &self.items
    }
}

/// Of a node that is in no cycle.
pub(super) const ALONE: u32 = u32::MAX;

/// The strongly connected component of each node, [`ALONE`] for those that are in no cycle; none if
/// all are alone. Tarjan's algorithm, without recursion.
pub(super) fn components(graph: &Rows<u32>) -> Option<Vec<u32>> {
    const NEW: u32 = u32::MAX;
    /// Of a node whose component is known.
    const DONE: u32 = u32::MAX;
    let nodes = graph.len();
    let mut index = vec![NEW; nodes];
    let mut low = vec![0_u32; nodes];
    let mut component: Vec<u32> = Vec::new();
    let (mut stack, mut calls): (Vec<u32>, Vec<(u32, u32)>) = (Vec::new(), Vec::new());
    let (mut next_index, mut next_component) = (0, 0);
    for root in 0..nodes as u32 {
        if index[root as usize] != NEW {
            continue;
        }
        calls.push((root, 0));
        while let Some((node, mut place)) = calls.pop() {
            let n = node as usize;
            if place == 0 {
                index[n] = next_index;
                low[n] = next_index;
                next_index += 1;
                stack.push(node);
            }
            let mut called = false;
            for to in &graph.row(node)[place as usize..] {
                place += 1;
                let t = *to as usize;
                if index[t] == NEW {
                    calls.push((node, place));
                    calls.push((*to, 0));
                    called = true;
                    break;
                }
                if low[t] != DONE {
                    low[n] = low[n].min(index[t]);
                }
            }
            if called {
                continue;
            }
            let mine = low[n];
            if mine == index[n] {
                let size = stack.iter().rev().take_while(|one| **one != node).count() + 1;
                if size > 1 && component.is_empty() {
                    component = vec![ALONE; nodes];
                }
                for member in stack.drain(stack.len() - size..) {
                    low[member as usize] = DONE;
                    if size > 1 {
                        component[member as usize] = next_component;
                    }
                }
                next_component += u32::from(size > 1);
            }
            if let Some((caller, _)) = calls.last() {
                let caller = *caller as usize;
                low[caller] = low[caller].min(mine);
            }
        }
    }
    (!component.is_empty()).then_some(component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Random;

    #[test]
    fn components_are_what_reaches_each_other() {
        let mut random = Random::new(7);
        for _ in 0..2000 {
            let nodes = 1 + random.below(7);
            let edges: Vec<(u32, u32)> = (0..random.below(12))
                .map(|_| (random.below(nodes) as u32, random.below(nodes) as u32))
                .filter(|(from, to)| from != to)
                .collect();
            let mut reach = vec![vec![false; nodes]; nodes];
            for (from, to) in &edges {
                reach[*from as usize][*to as usize] = true;
            }
            for via in 0..nodes {
                for from in 0..nodes {
                    for to in 0..nodes {
                        reach[from][to] |= reach[from][via] && reach[via][to];
                    }
                }
            }
            let found = components(&Rows::of(nodes, &edges));
            assert_eq!(found.is_some(), (0..nodes).any(|node| reach[node][node]));
            let found = found.unwrap_or(vec![ALONE; nodes]);
            for one in 0..nodes {
                assert_eq!(found[one] != ALONE, reach[one][one]);
                for other in (0..nodes).filter(|other| *other != one) {
                    let together = found[one] != ALONE && found[one] == found[other];
                    assert_eq!(together, reach[one][other] && reach[other][one]);
                }
            }
        }
    }
}
