//! Finds cycles of dependencies, and names them by the kinds of their edges.

use super::graph::{Edge, Graph, Kind, NO_CAUSE};
use super::models::Order;
use super::rows::ALONE;
use crate::anomaly::AnomalyName;
use crate::budget::Deadline;
use crate::hash::FastMap;
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
/// How many edges are looked at in all, beyond a part of the graph's: there may be millions in one
/// circle where a weak model was promised, and nobody asked for the others.
const WORK: u64 = 200_000;
const PART: u64 = 4;
/// How many cycles of one name are kept.
const PER_NAME_MAX: usize = 3;

/// Cycles of each shape, with the weakest orders that make them. They tell a user what is wrong; the
/// verdict does not depend on whether all are found.
pub(super) fn find(graph: &Graph<'_>, deadline: Deadline) -> Vec<Cycle> {
    let mut found: Vec<Cycle> = Vec::new();
    let mut named = [false; SHAPES.len()];
    if graph.edges().is_empty() {
        return found;
    }
    let mut search = PathSearch::new(graph.nodes);
    let mut work = WORK + graph.edges().len() as u64 / PART;
    let kinds = graph
        .edges()
        .iter()
        .fold(0, |kinds, edge| kinds | edge.kind.bit());
    for (level, orders) in [0, PROCESS, PROCESS | REALTIME].into_iter().enumerate() {
        // Without an edge of the newest kind all circles are those that were looked for before.
        if level > 0 && kinds & [0, PROCESS, REALTIME][level] == 0 {
            continue;
        }
        let Some(components) = graph.circles(WW | WR | RW | orders) else {
            continue;
        };
        for (number, shape) in SHAPES.iter().enumerate() {
            if named[number] {
                continue;
            }
            let mut cycles: Vec<Vec<Edge>> = Vec::new();
            // What a shape does not need is left to the others.
            let mut share = work / 4;
            work -= share;
            let mut tried: std::collections::HashMap<u32, usize> = std::collections::HashMap::new();
            for first in graph.edges() {
                let component = components[first.from as usize];
                if first.kind.bit() & shape.first == 0
                    || component == ALONE
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
                    return found;
                }
                if share == 0 {
                    break;
                }
                let inside = |node: u32| components[node as usize] == component;
                let rest = search.path(graph, first, shape, orders, inside, &mut share);
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
            work += share;
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
    found
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
            cause: NO_CAUSE,
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
        work: &mut u64,
    ) -> Option<Vec<Edge>> {
        self.round += 1;
        let state = |node: u32, by_rw: bool| node * 2 + u32::from(by_rw && shape.nonadjacent);
        let start = state(first.to, first.kind == Kind::ReadWrite);
        self.seen[start as usize] = self.round;
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            let after_rw = at % 2 == 1;
            let leaving = graph.leaving(at / 2);
            *work = work.saturating_sub(leaving.len() as u64);
            if *work == 0 {
                return None;
            }
            for edge in leaving {
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

/// A circle among these edges that is as short as can be found quickly.
pub(super) fn shortest(edges: &[Edge]) -> Option<Vec<Edge>> {
    const STARTS_MAX: usize = 64;
    let mut leaving: FastMap<u32, Vec<Edge>> = FastMap::default();
    for edge in edges {
        leaving.entry(edge.from).or_default().push(*edge);
    }
    let step = (edges.len() / STARTS_MAX).max(1);
    let mut best: Option<Vec<Edge>> = None;
    for first in edges.iter().step_by(step) {
        let mut came: FastMap<u32, Edge> = FastMap::default();
        let mut queue = VecDeque::from([first.to]);
        while let Some(at) = queue.pop_front() {
            if at == first.from {
                break;
            }
            for edge in leaving.get(&at).into_iter().flatten() {
                if edge.to != first.to && !came.contains_key(&edge.to) {
                    came.insert(edge.to, *edge);
                    queue.push_back(edge.to);
                }
            }
        }
        let mut circle = Vec::new();
        let mut back = first.from;
        while back != first.to {
            let Some(edge) = came.get(&back) else { break };
            circle.push(*edge);
            back = edge.from;
        }
        if back != first.to {
            continue;
        }
        circle.push(*first);
        circle.reverse();
        if best.as_ref().is_none_or(|best| circle.len() < best.len()) {
            best = Some(circle);
        }
    }
    best
}

/// The same circle without the points in time between transactions.
pub(super) fn without_points(mut circle: Vec<Edge>, transactions: usize) -> Vec<Edge> {
    let is_transaction = |node: u32| (node as usize) < transactions;
    let begin = circle.iter().position(|edge| is_transaction(edge.from));
    circle.rotate_left(begin.unwrap_or(0));
    let mut edges: Vec<Edge> = Vec::new();
    for edge in circle {
        match edges.last_mut() {
            Some(last) if !is_transaction(edge.from) => last.to = edge.to,
            _ => edges.push(edge),
        }
    }
    edges
}

/// The name of a circle by the kinds of its edges; with the order of processes or time if it leads
/// over that, or if `order` says so.
pub(super) fn name(circle: &[Edge], order: Order) -> AnomalyName {
    let has = |kind: Kind| circle.iter().any(|edge| edge.kind == kind);
    let order = match () {
        () if has(Kind::Realtime) => Order::RealTime,
        () if has(Kind::Process) => order.max(Order::Session),
        () => order,
    };
    let rw = circle.iter().filter(|edge| edge.kind == Kind::ReadWrite);
    let shape = match rw.count() {
        0 if has(Kind::WriteRead) => 1,
        0 => 0,
        1 => 2,
        _ if adjacent_rw(circle) => 4,
        _ => 3,
    };
    SHAPES[shape].names[order as usize]
}
