//! Finds cycles of dependencies, and names them by the kinds of their edges.

use super::graph::{Edge, Graph, Kind};
use crate::anomaly::AnomalyName;
use crate::budget::Deadline;
use std::collections::VecDeque;

/// A cycle: each edge leads to the beginning of the next one.
pub(super) struct Cycle {
    pub(super) name: AnomalyName,
    pub(super) edges: Vec<Edge>,
}

const WW: u8 = 1;
const WR: u8 = 2;
const RW: u8 = 4;
const PROCESS: u8 = 8;
const REALTIME: u8 = 16;

/// The first edge of a cycle, those allowed for the rest, and how many rw there must be.
struct Shape {
    names: [AnomalyName; 3],
    first: u8,
    rest: u8,
    nonadjacent: bool,
    rw_min: usize,
}

const SHAPES: [Shape; 5] = [
    Shape {
        names: [
            AnomalyName::G0,
            AnomalyName::G0Process,
            AnomalyName::G0Realtime,
        ],
        first: WW,
        rest: WW,
        nonadjacent: false,
        rw_min: 0,
    },
    Shape {
        names: [
            AnomalyName::G1c,
            AnomalyName::G1cProcess,
            AnomalyName::G1cRealtime,
        ],
        first: WR,
        rest: WW | WR,
        nonadjacent: false,
        rw_min: 0,
    },
    Shape {
        names: [
            AnomalyName::GSingle,
            AnomalyName::GSingleProcess,
            AnomalyName::GSingleRealtime,
        ],
        first: RW,
        rest: WW | WR,
        nonadjacent: false,
        rw_min: 1,
    },
    Shape {
        names: [
            AnomalyName::GNonadjacent,
            AnomalyName::GNonadjacentProcess,
            AnomalyName::GNonadjacentRealtime,
        ],
        first: RW,
        rest: WW | WR | RW,
        nonadjacent: true,
        rw_min: 2,
    },
    Shape {
        names: [
            AnomalyName::G2Item,
            AnomalyName::G2ItemProcess,
            AnomalyName::G2ItemRealtime,
        ],
        first: RW,
        rest: WW | WR | RW,
        nonadjacent: false,
        rw_min: 2,
    },
];

/// How many first edges of one shape are tried in one component.
const FIRST_EDGES_MAX: usize = 500;
/// How many cycles of one name are kept.
const PER_NAME_MAX: usize = 3;

/// Cycles of each shape, with the weakest orders that make them; and whether the search ended.
pub(super) fn find(graph: &Graph<'_>, deadline: Deadline) -> (Vec<Cycle>, bool) {
    let mut found: Vec<Cycle> = Vec::new();
    let mut named = [false; SHAPES.len()];
    let mut search = PathSearch::new(graph.nodes);
    for (level, orders) in [0, PROCESS, PROCESS | REALTIME].into_iter().enumerate() {
        let components = components(graph, WW | WR | RW | orders);
        if components.iter().all(|component| *component == NONE) {
            continue;
        }
        for (number, shape) in SHAPES.iter().enumerate() {
            if named[number] {
                continue;
            }
            let mut cycles: Vec<Vec<Edge>> = Vec::new();
            let mut tried: std::collections::HashMap<u32, usize> = std::collections::HashMap::new();
            for first in graph.edges() {
                let component = components[first.from as usize];
                if first.kind.bit() & shape.first == 0
                    || component == NONE
                    || components[first.to as usize] != component
                {
                    continue;
                }
                let tries = tried.entry(component).or_default();
                *tries += 1;
                if *tries > FIRST_EDGES_MAX {
                    continue;
                }
                if deadline.passed() {
                    return (found, false);
                }
                let inside = |node: u32| components[node as usize] == component;
                let rest = search.path(graph, first, shape, orders, inside);
                let Some(rest) = rest else { continue };
                let mut cycle = vec![*first];
                cycle.extend(rest);
                let rw = cycle
                    .iter()
                    .filter(|edge| edge.kind == Kind::ReadWrite)
                    .count();
                if rw >= shape.rw_min && !cycles.iter().any(|other| same(other, &cycle)) {
                    cycles.push(cycle);
                }
            }
            // Two adjacent rw are what tells G2-item from the others.
            if number == SHAPES.len() - 1 {
                cycles.retain(|cycle| adjacent_rw(cycle));
            }
            cycles.sort_by_key(Vec::len);
            cycles.truncate(PER_NAME_MAX);
            named[number] = !cycles.is_empty();
            found.extend(cycles.into_iter().map(|edges| Cycle {
                name: shape.names[level],
                edges,
            }));
        }
    }
    (found, true)
}

fn adjacent_rw(cycle: &[Edge]) -> bool {
    (0..cycle.len()).any(|at| {
        cycle[at].kind == Kind::ReadWrite && cycle[(at + 1) % cycle.len()].kind == Kind::ReadWrite
    })
}

fn same(one: &[Edge], other: &[Edge]) -> bool {
    let members = |cycle: &[Edge]| {
        let mut members: Vec<u32> = cycle.iter().map(|edge| edge.from).collect();
        members.sort_unstable();
        members
    };
    one.len() == other.len() && members(one) == members(other)
}

const NONE: u32 = u32::MAX;

/// Shortest paths, with memory that is reused.
struct PathSearch {
    /// Per node and whether it was reached by an rw edge: the round, and the edge it came by.
    seen: Vec<u32>,
    came_by: Vec<(u32, Edge)>,
    round: u32,
}

impl PathSearch {
    fn new(nodes: usize) -> Self {
        let edge = Edge {
            from: 0,
            to: 0,
            kind: Kind::WriteWrite,
            cause: super::graph::Cause {
                key: NONE,
                before: NONE,
                after: NONE,
            },
        };
        PathSearch {
            seen: vec![0; nodes * 2],
            came_by: vec![(0, edge); nodes * 2],
            round: 0,
        }
    }

    /// The shortest path from the end of the first edge back to its beginning.
    fn path(
        &mut self,
        graph: &Graph<'_>,
        first: &Edge,
        shape: &Shape,
        orders: u8,
        inside: impl Fn(u32) -> bool,
    ) -> Option<Vec<Edge>> {
        self.round += 1;
        let state = |node: u32, by_rw: bool| node * 2 + u32::from(by_rw && shape.nonadjacent);
        let start = state(first.to, first.kind == Kind::ReadWrite);
        self.seen[start as usize] = self.round;
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            let after_rw = at % 2 == 1;
            for edge in graph.leaving(at / 2) {
                let rw = edge.kind == Kind::ReadWrite;
                if edge.kind.bit() & (shape.rest | orders) == 0
                    || !inside(edge.to)
                    || shape.nonadjacent && rw && (after_rw || edge.to == first.from)
                {
                    continue;
                }
                let next = state(edge.to, rw);
                if self.seen[next as usize] == self.round {
                    continue;
                }
                self.seen[next as usize] = self.round;
                self.came_by[next as usize] = (at, *edge);
                if edge.to == first.from {
                    let mut path = Vec::new();
                    let mut back = next;
                    while back != start {
                        let (before, edge) = self.came_by[back as usize];
                        path.push(edge);
                        back = before;
                    }
                    path.reverse();
                    return Some(path);
                }
                queue.push_back(next);
            }
        }
        None
    }
}

/// The strongly connected component of each node, over edges of these kinds; [`NONE`] for those
/// that are alone. Tarjan's algorithm, without recursion.
fn components(graph: &Graph<'_>, kinds: u8) -> Vec<u32> {
    let nodes = graph.nodes;
    let mut component = vec![NONE; nodes];
    let mut index = vec![NONE; nodes];
    let mut low = vec![0; nodes];
    let mut on_stack = vec![false; nodes];
    let (mut stack, mut calls): (Vec<u32>, Vec<(u32, usize)>) = (Vec::new(), Vec::new());
    let (mut next_index, mut next_component) = (0, 0);
    for root in 0..nodes as u32 {
        if index[root as usize] != NONE {
            continue;
        }
        calls.push((root, 0));
        while let Some((node, place)) = calls.pop() {
            let n = node as usize;
            if place == 0 {
                index[n] = next_index;
                low[n] = next_index;
                next_index += 1;
                stack.push(node);
                on_stack[n] = true;
            }
            let edges = graph.leaving(node);
            let mut place = place;
            let mut called = false;
            while place < edges.len() {
                let edge = &edges[place];
                place += 1;
                if edge.kind.bit() & kinds == 0 {
                    continue;
                }
                let to = edge.to as usize;
                if index[to] == NONE {
                    calls.push((node, place));
                    calls.push((edge.to, 0));
                    called = true;
                    break;
                }
                if on_stack[to] {
                    low[n] = low[n].min(index[to]);
                }
            }
            if called {
                continue;
            }
            if low[n] == index[n] {
                let mut size = 0;
                while let Some(member) = stack.pop() {
                    on_stack[member as usize] = false;
                    component[member as usize] = next_component;
                    size += 1;
                    if member == node {
                        break;
                    }
                }
                if size == 1 {
                    component[n] = NONE;
                } else {
                    next_component += 1;
                }
            }
            if let Some((caller, _)) = calls.last() {
                let caller = *caller as usize;
                low[caller] = low[caller].min(low[n]);
            }
        }
    }
    component
}
