//! The dependencies between transactions.

use super::parse::{Tables, Transaction};
use crate::history::{History, NEVER};
use crate::report::Short;

/// How one transaction depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// The second overwrote (or appended after) the first.
    WriteWrite,
    /// The second read what the first wrote.
    WriteRead,
    /// The second overwrote what the first read.
    ReadWrite,
    /// One process did the first and then the second.
    Process,
    /// The first ended before the second began.
    Realtime,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::WriteWrite => "ww",
            Kind::WriteRead => "wr",
            Kind::ReadWrite => "rw",
            Kind::Process => "process",
            Kind::Realtime => "realtime",
        }
    }

    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What is behind an edge: an object and two of its versions, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cause {
    pub(super) key: u32,
    /// The earlier element, [`NEVER`] for the initial state.
    pub(super) before: u32,
    /// The later element, where there are two.
    pub(super) after: u32,
}

const NO_CAUSE: Cause = Cause {
    key: NEVER,
    before: NEVER,
    after: NEVER,
};

#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) kind: Kind,
    pub(super) cause: Cause,
}

pub(super) struct Graph<'a> {
    pub(super) nodes: usize,
    edges: Vec<Edge>,
    /// Where the edges of a node begin, once they are sorted.
    starts: Vec<usize>,
    tables: &'a Tables,
}

impl<'a> Graph<'a> {
    pub(super) fn new(nodes: usize, tables: &'a Tables) -> Self {
        Graph {
            nodes,
            edges: Vec::new(),
            starts: Vec::new(),
            tables,
        }
    }

    /// Adds a dependency; of a transaction on itself there is none.
    pub(super) fn add(&mut self, from: u32, to: u32, kind: Kind, cause: Cause) {
        if from != to {
            self.edges.push(Edge {
                from,
                to,
                kind,
                cause,
            });
        }
    }

    /// Adds the order of each process, and of real time.
    pub(super) fn add_orders(&mut self, history: &History, transactions: &[Transaction]) {
        // Only what happened is ordered; what may have happened comes after what ended before it.
        let mut last: std::collections::HashMap<u32, u32> = std::collections::HashMap::new();
        let mut events: Vec<(u32, bool, u32)> = Vec::new();
        for (at, transaction) in transactions.iter().enumerate() {
            if transaction.aborted {
                continue;
            }
            let at = at as u32;
            let operation = &history.operations[transaction.place as usize];
            if transaction.committed {
                if let Some(before) = last.insert(operation.process, at) {
                    self.add(before, at, Kind::Process, NO_CAUSE);
                }
                events.push((operation.complete, true, at));
            }
            events.push((operation.invoke, false, at));
        }
        events.sort_unstable();
        // The transactions that ended and that nothing which also ended came after: enough, since
        // the order is transitive.
        let mut frontier: Vec<(u32, u32)> = Vec::new();
        for (position, ended, at) in events {
            if ended {
                let invoke = history.operations[transactions[at as usize].place as usize].invoke;
                frontier.retain(|(end, _)| *end > invoke);
                frontier.push((position, at));
            } else {
                for (_, before) in &frontier {
                    let before = *before;
                    self.edges.push(Edge {
                        from: before,
                        to: at,
                        kind: Kind::Realtime,
                        cause: NO_CAUSE,
                    });
                }
            }
        }
    }

    /// Sorts the edges; call once after the last was added.
    pub(super) fn seal(&mut self) {
        self.edges
            .sort_by_key(|edge| (edge.from, edge.to, edge.kind));
        self.edges
            .dedup_by_key(|edge| (edge.from, edge.to, edge.kind));
        self.starts = vec![0; self.nodes + 1];
        for edge in &self.edges {
            self.starts[edge.from as usize + 1] += 1;
        }
        for node in 0..self.nodes {
            self.starts[node + 1] += self.starts[node];
        }
    }

    pub(super) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The edges that leave a node.
    pub(super) fn leaving(&self, node: u32) -> &[Edge] {
        &self.edges[self.starts[node as usize]..self.starts[node as usize + 1]]
    }

    /// Why there is an edge, in words.
    pub(super) fn why(&self, edge: &Edge, name: &dyn Fn(u32) -> String) -> String {
        let (from, to) = (name(edge.from), name(edge.to));
        let element = |number: u32| match self.tables.elements.get(number as usize) {
            Some(element) => Short(element).to_string(),
            None => "the initial state".to_owned(),
        };
        let key = self
            .tables
            .keys
            .get(edge.cause.key as usize)
            .map(ToString::to_string);
        let key = key.unwrap_or_default();
        let (before, after) = (element(edge.cause.before), element(edge.cause.after));
        match edge.kind {
            Kind::WriteWrite => {
                format!("{to} wrote {after} to {key} after {from} had written {before}")
            }
            Kind::WriteRead => format!("{to} saw {from}'s write of {before} to {key}"),
            Kind::ReadWrite => {
                format!("{from} saw {key} at {before}, before {to} wrote {after}")
            }
            Kind::Process => format!("the same process did {from} before {to}"),
            Kind::Realtime => format!("{from} ended before {to} began"),
        }
    }
}
