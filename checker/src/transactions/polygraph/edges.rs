//! The edges of a polygraph, and an order of its nodes that is kept up while edges come and go.

use super::super::sat::Literal;
use std::collections::VecDeque;

/// What an edge stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// From the beginning of a transaction to its commit.
    Within,
    /// From a reader to all readers of the same version.
    Reads,
    /// From the readers of a version to who wrote a later one.
    Overwrites,
    /// From who read a version and replaced it to who wrote a later one.
    Replaces,
    WriteWrite,
    WriteRead,
    Process,
    Realtime,
}

/// Why an edge is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It is known.
    Known,
    /// The opposite would lead to a circle over edges of earlier rounds.
    Forced { round: u32 },
    /// It is guessed.
    Guess(Literal),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) step: Step,
    pub(super) why: Why,
    /// The object, where there is one.
    pub(super) key: u32,
    next_out: u32,
    next_in: u32,
}

const NONE: u32 = u32::MAX;

impl Edge {
    /// An edge that is not (yet) there.
    pub(super) fn alone(from: u32, to: u32, step: Step, key: u32, why: Why) -> Edge {
        Edge {
            from,
            to,
            step,
            why,
            key,
            next_out: NONE,
            next_in: NONE,
        }
    }
}

/// Edges by both their ends. The last one that was added is the first one to be taken away.
pub(super) struct Edges {
    list: Vec<Edge>,
    out: Vec<u32>,
    into: Vec<u32>,
}

impl Edges {
    pub(super) fn new(nodes: usize) -> Edges {
        Edges {
            list: Vec::new(),
            out: vec![NONE; nodes],
            into: vec![NONE; nodes],
        }
    }

    pub(super) fn nodes(&self) -> usize {
        self.out.len()
    }

    pub(super) fn list(&self) -> &[Edge] {
        &self.list
    }

    pub(super) fn add(&mut self, from: u32, to: u32, step: Step, key: u32, why: Why) {
        let number = self.list.len() as u32;
        self.list.push(Edge {
            next_out: std::mem::replace(&mut self.out[from as usize], number),
            next_in: std::mem::replace(&mut self.into[to as usize], number),
            ..Edge::alone(from, to, step, key, why)
        });
    }

    pub(super) fn pop(&mut self) {
        if let Some(edge) = self.list.pop() {
            self.out[edge.from as usize] = edge.next_out;
            self.into[edge.to as usize] = edge.next_in;
        }
    }

    /// The edges that leave a node.
    pub(super) fn leaving(&self, node: u32) -> impl Iterator<Item = (u32, &Edge)> {
        let mut next = self.out[node as usize];
        std::iter::from_fn(move || {
            let number = next;
            let edge = self.list.get(number as usize)?;
            next = edge.next_out;
            Some((number, edge))
        })
    }

    /// The edges that lead to a node.
    pub(super) fn entering(&self, node: u32) -> impl Iterator<Item = &Edge> {
        let mut next = self.into[node as usize];
        std::iter::from_fn(move || {
            let edge = self.list.get(next as usize)?;
            next = edge.next_in;
            Some(edge)
        })
    }
}

/// Marks of nodes that are all taken away at once.
pub(super) struct Marks {
    rounds: Vec<u32>,
    round: u32,
}

impl Marks {
    pub(super) fn new(nodes: usize) -> Marks {
        Marks {
            rounds: vec![0; nodes],
            round: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.round += 1;
        if self.round == NONE {
            self.rounds.fill(0);
            self.round = 1;
        }
    }

    /// Marks a node; whether it was not marked before.
    pub(super) fn mark(&mut self, node: u32) -> bool {
        std::mem::replace(&mut self.rounds[node as usize], self.round) != self.round
    }
}

/// Shortest paths, with memory that is reused.
pub(super) struct Paths {
    seen: Marks,
    came: Vec<u32>,
    queue: VecDeque<u32>,
}

impl Paths {
    pub(super) fn new(nodes: usize) -> Paths {
        Paths {
            seen: Marks::new(nodes),
            came: vec![NONE; nodes],
            queue: VecDeque::new(),
        }
    }

    /// The numbers of the edges of a shortest path between two nodes over nodes and edges that may
    /// be used, if there is one. Counts its steps.
    pub(super) fn between(
        &mut self,
        edges: &Edges,
        (start, end): (u32, u32),
        usable: impl Fn(&Edge) -> bool,
        work: &mut u64,
    ) -> Option<Vec<u32>> {
        self.seen.clear();
        self.seen.mark(start);
        self.came[start as usize] = NONE;
        self.queue.clear();
        self.queue.push_back(start);
        while let Some(at) = self.queue.pop_front() {
            if at == end {
                let mut path = Vec::new();
                let mut back = at;
                while let Some(edge) = edges.list.get(self.came[back as usize] as usize) {
                    path.push(self.came[back as usize]);
                    back = edge.from;
                }
                path.reverse();
                return Some(path);
            }
            for (number, edge) in edges.leaving(at) {
                *work = work.saturating_sub(1);
                if usable(edge) && self.seen.mark(edge.to) {
                    self.came[edge.to as usize] = number;
                    self.queue.push_back(edge.to);
                }
            }
        }
        None
    }
}

/// Positions of nodes such that every edge leads forward (D. Pearce and P. Kelly, "A Dynamic
/// Topological Sort Algorithm for Directed Acyclic Graphs", 2007).
pub(super) struct Ranking {
    positions: Vec<u32>,
    marks: Marks,
    paths: Paths,
    /// Reused: the nodes that must move, behind and before.
    behind: Vec<u32>,
    before: Vec<u32>,
}

impl Ranking {
    /// With these positions, which agree with all edges so far.
    pub(super) fn new(positions: Vec<u32>) -> Ranking {
        let nodes = positions.len();
        Ranking {
            positions,
            marks: Marks::new(nodes),
            paths: Paths::new(nodes),
            behind: Vec::new(),
            before: Vec::new(),
        }
    }

    pub(super) fn position(&self, node: u32) -> u32 {
        self.positions[node as usize]
    }

    /// Makes room for an edge that is to be added: it calls `moved` for each node that gets another
    /// position. An error, with nothing changed, is the path of edges that leads back.
    pub(super) fn admit(
        &mut self,
        edges: &Edges,
        (from, to): (u32, u32),
        work: &mut u64,
        mut moved: impl FnMut(u32),
    ) -> Result<(), Vec<u32>> {
        let (low, high) = (self.position(to), self.position(from));
        if high < low {
            return Ok(());
        }
        let positions = &self.positions;
        let inside = |edge: &Edge| positions[edge.to as usize] <= high;
        if let Some(path) = self.paths.between(edges, (to, from), inside, work) {
            return Err(path);
        }
        self.marks.clear();
        self.behind.clear();
        self.marks.mark(to);
        self.behind.push(to);
        let mut next = 0;
        while let Some(at) = self.behind.get(next).copied() {
            next += 1;
            for (_, edge) in edges.leaving(at) {
                *work = work.saturating_sub(1);
                if self.positions[edge.to as usize] < high && self.marks.mark(edge.to) {
                    self.behind.push(edge.to);
                }
            }
        }
        self.before.clear();
        self.marks.mark(from);
        self.before.push(from);
        let mut next = 0;
        while let Some(at) = self.before.get(next).copied() {
            next += 1;
            for edge in edges.entering(at) {
                *work = work.saturating_sub(1);
                if self.positions[edge.from as usize] > low && self.marks.mark(edge.from) {
                    self.before.push(edge.from);
                }
            }
        }
        let positions = &mut self.positions;
        self.before
            .sort_unstable_by_key(|node| positions[*node as usize]);
        self.behind
            .sort_unstable_by_key(|node| positions[*node as usize]);
        let nodes = self.before.iter().chain(&self.behind);
        let mut free: Vec<u32> = nodes
            .clone()
            .map(|node| positions[*node as usize])
            .collect();
        free.sort_unstable();
        for (node, position) in nodes.zip(free) {
            positions[*node as usize] = position;
            moved(*node);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Random;

    #[test]
    fn an_order_is_kept_until_an_edge_closes_a_circle() {
        let (mut admitted, mut refused) = (0, 0);
        for seed in 0..2000 {
            let mut random = Random::new(seed);
            let nodes = 2 + random.below(8);
            let mut edges = Edges::new(nodes);
            let mut ranking = Ranking::new((0..nodes as u32).collect());
            for _ in 0..random.below(40) {
                if random.below(5) == 0 {
                    edges.pop();
                    continue;
                }
                let (from, to) = (random.below(nodes) as u32, random.below(nodes) as u32);
                if from == to {
                    continue;
                }
                let before = ranking.positions.clone();
                let mut moved: Vec<u32> = Vec::new();
                let answer =
                    ranking.admit(&edges, (from, to), &mut 1_000_000, |node| moved.push(node));
                match answer {
                    Ok(()) => {
                        admitted += 1;
                        edges.add(from, to, Step::WriteWrite, 0, Why::Known);
                    }
                    Err(path) => {
                        refused += 1;
                        let mut at = to;
                        for number in path {
                            assert_eq!(edges.list()[number as usize].from, at);
                            at = edges.list()[number as usize].to;
                        }
                        assert_eq!(at, from, "seed {seed}");
                    }
                }
                for edge in edges.list() {
                    assert!(
                        ranking.position(edge.from) < ranking.position(edge.to),
                        "seed {seed}"
                    );
                }
                for node in 0..nodes as u32 {
                    let same = before[node as usize] == ranking.position(node);
                    assert!(same || moved.contains(&node), "seed {seed}");
                }
            }
        }
        assert!(admitted > 5000 && refused > 2000, "{admitted} {refused}");
    }
}
