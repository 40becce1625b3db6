//! The dependencies between transactions: all of them without labels, to see quickly whether any
//! are in a circle; and those between transactions in a circle, with what is behind them.

use super::dependencies::{Dependencies, Precedence, Read};
use super::log::{Fate, Log};
use super::models::Order;
use super::rows::{ALONE, Rows, components};
use crate::history::NEVER;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Cause {
    pub(super) key: u32,
    /// The earlier version, [`NEVER`] for the initial state.
    pub(super) before: u32,
    /// The later version, where there are two.
    pub(super) after: u32,
}

pub(super) const NO_CAUSE: Cause = Cause {
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

/// The transactions that happened, in the order of time and of processes.
pub(super) struct Timeline {
    /// Per event, which transaction began or ended there; twice its place, and one more if it
    /// ended.
    events: Vec<u32>,
    /// Transactions of one process that follow each other.
    pub(super) sessions: Vec<(u32, u32)>,
    /// How many nodes stand for points in time, see [`Timeline::real_time`].
    pub(super) points: usize,
}

impl Timeline {
    pub(super) fn of(log: &Log<'_>, happened: &[bool]) -> Timeline {
        let mut events = vec![NEVER; log.history.events as usize + 1];
        let mut sessions = Vec::new();
        let mut last: crate::hash::FastMap<u32, u32> = Default::default();
        for at in (0..log.len() as u32).filter(|at| happened[*at as usize]) {
            let place = log.transactions[at as usize].place;
            let operation = &log.history.operations[place as usize];
            let before = match log.fate(at) {
                Fate::Committed => last.insert(operation.process, at),
                // What is not known to have ended comes before nothing.
                _ => last.get(&operation.process).copied(),
            };
            sessions.extend(before.map(|before| (before, at)));
            events[operation.invoke as usize] = at * 2;
            if log.committed(at) {
                events[operation.complete as usize] = at * 2 + 1;
            }
        }
        events.retain(|event| *event != NEVER);
        if log.history.sessions_only {
            // Nothing is known of real time: as if all had begun before any ended.
            events.sort_by_key(|event| event % 2);
        }
        let turns = events.windows(2).filter(|pair| pair[0] % 2 < pair[1] % 2);
        let points = turns.count() + 1;
        Timeline {
            events,
            sessions,
            points,
        }
    }

    /// The order of real time, as edges between transactions and `points` further nodes, numbered
    /// from `first` on: each of those stands for a point in time.
    pub(super) fn real_time(&self, first: u32, mut edge: impl FnMut(u32, u32)) {
        let mut point = None;
        let mut ended_last = false;
        for event in &self.events {
            let (at, ended) = (event / 2, event % 2 == 1);
            if ended {
                if !ended_last {
                    let next = point.map_or(first, |point| point + 1);
                    if let Some(before) = point {
                        edge(before, next);
                    }
                    point = Some(next);
                }
                edge(at, point.unwrap_or(first));
            } else if let Some(point) = point {
                edge(point, at);
            }
            ended_last = ended;
        }
    }

    /// Each beginning and end in the order of time: its position, the transaction, and whether that
    /// ended there.
    pub(super) fn events(&self) -> impl Iterator<Item = (u32, u32, bool)> {
        let events = self.events.iter().enumerate();
        events.map(|(position, event)| (position as u32, event / 2, event % 2 == 1))
    }

    /// When each of so many transactions began and ended; [`NEVER`] if it is not known to have ended.
    pub(super) fn spans(&self, transactions: usize) -> Vec<(u32, u32)> {
        let mut spans = vec![(0, NEVER); transactions];
        for (position, at, ended) in self.events() {
            let span = &mut spans[at as usize];
            match ended {
                true => span.1 = position,
                false => span.0 = position,
            }
        }
        spans
    }

    /// Of each of so many transactions, the session, and the place in it.
    pub(super) fn session_places(&self, transactions: usize) -> Vec<(u32, u32)> {
        let next = Rows::of(transactions, &self.sessions);
        let mut places = vec![(NEVER, 0); transactions];
        let mut is_first = vec![true; transactions];
        for (_, to) in &self.sessions {
            is_first[*to as usize] = false;
        }
        let mut sessions = 0;
        let mut open = Vec::new();
        for first in (0..transactions as u32).filter(|at| is_first[*at as usize]) {
            open.push((first, sessions, 0));
            sessions += 1;
            while let Some((at, session, index)) = open.pop() {
                places[at as usize] = (session, index);
                // One goes on with the session; others, of unknown outcome, are on their own.
                let mut goes_on = true;
                for following in next.row(at).iter().rev() {
                    if std::mem::take(&mut goes_on) {
                        open.push((*following, session, index + 1));
                    } else {
                        open.push((*following, sessions, 0));
                        sessions += 1;
                    }
                }
            }
        }
        places
    }

    /// The order of real time between these transactions themselves: not each pair, but enough,
    /// since the order is transitive.
    fn between(&self, members: impl Fn(u32) -> bool, mut edge: impl FnMut(u32, u32)) {
        // The place of the beginning of each that ended last and that nothing which also ended
        // came after.
        let mut began: crate::hash::FastMap<u32, usize> = Default::default();
        let mut frontier: Vec<(usize, u32)> = Vec::new();
        for (position, event) in self.events.iter().enumerate() {
            let (at, ended) = (event / 2, event % 2 == 1);
            if !members(at) {
                continue;
            }
            if ended {
                let begin = began.get(&at).copied().unwrap_or(0);
                frontier.retain(|(end, _)| *end > begin);
                frontier.push((position, at));
            } else {
                began.insert(at, position);
                for (_, before) in &frontier {
                    edge(*before, at);
                }
            }
        }
    }
}

/// All that is known of what comes before what, without labels. Nodes beyond the transactions are
/// versions that are read, and points in time.
fn outline(dependencies: &Dependencies<'_>, timeline: &Timeline, order: Order) -> Rows<u32> {
    let log = dependencies.log;
    let (transactions, keys) = (log.len() as u32, log.key_count() as u32);
    let first_version = transactions;
    let first_initial = first_version + log.version_count() as u32;
    let first_other = first_initial + keys;
    let first_point = first_other + keys;
    let nodes = first_point as usize + timeline.points;
    // A version leads from who read it to who wrote a later one. Where only one can have, no node
    // is needed for that.
    let node = |key: u32, version: u32| match version {
        NEVER => first_initial + key,
        version => first_version + version,
    };
    // Who read a version and replaced it: one, `SEVERAL`, or `NEVER`.
    const SEVERAL: u32 = NEVER - 1;
    let mut replaced_by = vec![NEVER; first_other as usize - first_version as usize];
    let replacer = |key: u32, version: u32| (node(key, version) - first_version) as usize;
    for at in 0..transactions {
        for read in dependencies.replaced(at) {
            let by = &mut replaced_by[replacer(read.key, read.version)];
            *by = match *by {
                NEVER => at,
                other if other == at => at,
                _ => SEVERAL,
            };
        }
    }
    Rows::collect(nodes, |add| {
        let mut add = |from: u32, to: u32| {
            if from != to {
                add(from, to);
            }
        };
        for at in 0..transactions {
            for read in dependencies.reads.row(at) {
                let Read { key, version } = *read;
                if version != NEVER {
                    add(dependencies.writer(version), at);
                }
                let only = replaced_by[replacer(key, version)] == at;
                match dependencies.following(key, version) {
                    [] if only && dependencies.pairs.is_empty() => {}
                    [next] if dependencies.pairs.is_empty() && dependencies.chains_are_complete => {
                        add(at, dependencies.writer(*next));
                    }
                    _ if only && version == NEVER => add(at, first_other + key),
                    _ => add(at, node(key, version)),
                }
            }
            for read in dependencies.replaced(at) {
                add(node(read.key, read.version), at);
            }
        }
        for key in 0..keys {
            add(first_initial + key, first_other + key);
        }
        each_precedence(dependencies, |precedence| {
            let Precedence { key, before, after } = precedence;
            let to = dependencies.writer(after);
            if before != NEVER {
                add(dependencies.writer(before), to);
                add(node(key, before), to);
            } else if replaced_by[replacer(key, NEVER)] != to {
                add(first_other + key, to);
            }
        });
        if order != Order::None {
            for (from, to) in &timeline.sessions {
                add(*from, *to);
            }
        }
        if order == Order::RealTime {
            timeline.real_time(first_point, &mut add);
        }
    })
}

/// Each pair of versions of which the one surely comes before the other, as far as that does not
/// follow from others.
fn each_precedence(dependencies: &Dependencies<'_>, mut each: impl FnMut(Precedence)) {
    for key in 0..dependencies.log.key_count() as u32 {
        let chain = dependencies.chains.row(key);
        let mut before = NEVER;
        for after in chain {
            each(Precedence {
                key,
                before,
                after: *after,
            });
            before = *after;
        }
        for after in dependencies.loose.row(key) {
            each(Precedence {
                key,
                before,
                after: *after,
            });
        }
    }
    for pair in &dependencies.pairs {
        each(*pair);
    }
}

/// The dependencies between transactions that are in a circle, with their causes.
pub(super) struct Graph<'a> {
    pub(super) nodes: usize,
    edges: Vec<Edge>,
    /// Where the edges of a node begin.
    starts: Vec<usize>,
    log: &'a Log<'a>,
}

impl<'a> Graph<'a> {
    /// How many edges are kept: beyond, circles of the known kinds may be missed.
    const EDGES_MAX: usize = 4_000_000;

    /// All edges within the circles of the outline.
    pub(super) fn of(dependencies: &'a Dependencies<'a>, timeline: &Timeline) -> Graph<'a> {
        let log = dependencies.log;
        let mut graph = Graph {
            nodes: log.len(),
            edges: Vec::new(),
            starts: Vec::new(),
            log,
        };
        let outline = outline(dependencies, timeline, Order::RealTime);
        if let Some(component) = components(&outline) {
            drop(outline);
            graph.fill(dependencies, timeline, &component);
        }
        graph.seal();
        graph
    }

    fn fill(&mut self, dependencies: &Dependencies<'_>, timeline: &Timeline, component: &[u32]) {
        let log = self.log;
        let inside = |at: u32| component[at as usize] != ALONE;
        let mut add = |from: u32, to: u32, kind: Kind, cause: Cause| {
            let together = component[from as usize] == component[to as usize];
            if from != to && together && inside(from) && self.edges.len() < Self::EDGES_MAX {
                self.edges.push(Edge {
                    from,
                    to,
                    kind,
                    cause,
                });
            }
        };
        for (from, to) in &timeline.sessions {
            add(*from, *to, Kind::Process, NO_CAUSE);
        }
        // Per version, who read it and who is known to have made a later one.
        let mut readers: crate::hash::FastMap<(u32, u32), Vec<u32>> = Default::default();
        let mut later: Vec<Precedence> = Vec::new();
        for at in (0..log.len() as u32).filter(|at| inside(*at)) {
            for read in dependencies.reads.row(at) {
                let Read { key, version } = *read;
                readers.entry((key, version)).or_default().push(at);
                if version != NEVER {
                    let cause = Cause {
                        key,
                        before: version,
                        after: NEVER,
                    };
                    add(dependencies.writer(version), at, Kind::WriteRead, cause);
                }
            }
            for Read { key, version } in dependencies.replaced(at) {
                later.extend(dependencies.write(at, key).map(|after| Precedence {
                    key,
                    before: version,
                    after,
                }));
            }
        }
        each_precedence(dependencies, |precedence| later.push(precedence));
        later.sort_unstable();
        later.dedup();
        for Precedence { key, before, after } in later {
            let to = dependencies.writer(after);
            if !inside(to) {
                continue;
            }
            let cause = Cause { key, before, after };
            if before != NEVER {
                add(dependencies.writer(before), to, Kind::WriteWrite, cause);
            }
            for reader in readers.get(&(key, before)).into_iter().flatten() {
                add(*reader, to, Kind::ReadWrite, cause);
            }
        }
        timeline.between(inside, |from, to| {
            add(from, to, Kind::Realtime, NO_CAUSE);
        });
    }

    /// Sorts the edges.
    fn seal(&mut self) {
        self.edges
            .sort_unstable_by_key(|edge| (edge.from, edge.to, edge.kind, edge.cause));
        self.edges
            .dedup_by_key(|edge| (edge.from, edge.to, edge.kind));
        if self.edges.is_empty() {
            return;
        }
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
        if self.edges.is_empty() {
            return &[];
        }
        &self.edges[self.starts[node as usize]..self.starts[node as usize + 1]]
    }

    /// The circles over edges of these kinds, see [`components`].
    pub(super) fn circles(&self, kinds: u8) -> Option<Vec<u32>> {
        if self.edges.is_empty() {
            return None;
        }
        components(&Rows::collect(self.nodes, |add| {
            for edge in &self.edges {
                if edge.kind.bit() & kinds != 0 {
                    add(edge.from, edge.to);
                }
            }
        }))
    }
}

/// Why there is an edge, in words.
pub(super) fn why(log: &Log<'_>, edge: &Edge) -> String {
    let (from, to) = (log.name(edge.from), log.name(edge.to));
    let Cause { key, before, after } = edge.cause;
    let key = log.key_name(key);
    let (before, after) = (log.version_name(before), log.version_name(after));
    match edge.kind {
        Kind::WriteWrite => {
            format!("{to} wrote {after} to {key} after {from} had written {before}")
        }
        Kind::WriteRead => format!("{to} saw {from}'s write of {before} to {key}"),
        Kind::ReadWrite => format!("{from} saw {key} at {before}, before {to} wrote {after}"),
        Kind::Process => format!("the same process did {from} before {to}"),
        Kind::Realtime => format!("{from} ended before {to} began"),
    }
}
