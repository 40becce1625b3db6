//! Which circles of dependencies a level forbids, once the order of all versions is fixed.
//!
//! As A. Cerone and A. Gotsman characterize the levels ("Analysing Snapshot Isolation", 2016;
//! "Algebraic Laws for Weak Consistency", 2017), and A. Adya those of his that theirs leave out.

use super::dependencies::Dependencies;
use super::graph::{Cause, Kind};
use super::rows::{ALONE, Rows, components};
use super::sat::Literal;
use crate::hash::FastMap;
use std::collections::VecDeque;

/// What a level forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rule {
    /// A transaction that read a version and wrote one that does not follow it at once.
    CursorStability,
    /// A circle with one rw, which leaves a transaction by a later read than the one by which the
    /// circle comes in.
    MonotonicView,
    /// A circle with one rw.
    ConsistentView,
    /// A circle in which each rw comes after wr or an order of processes or time.
    Prefix,
    /// A circle in which no two rw follow each other.
    Snapshot,
    /// A circle with at most one transaction that only reads, or with one rw.
    UpdateSerializable,
    /// A circle.
    Serializable,
}

/// A dependency, and the guesses about the order of versions that it rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) kind: Kind,
    pub(super) cause: Cause,
    pub(super) guesses: [Option<Literal>; 2],
    /// Of an rw, the place of the read in its transaction.
    pub(super) read: u32,
}

impl Link {
    pub(super) fn certain(from: u32, to: u32, kind: Kind, cause: Cause) -> Link {
        Link {
            from,
            to,
            kind,
            cause,
            guesses: [None, None],
            read: 0,
        }
    }
}

/// All dependencies, for one order of versions.
pub(super) struct Full {
    links: Vec<Link>,
    /// Per node, the places of the links that leave it.
    leaving: Rows<u32>,
    /// The position of each node in an order that agrees with all but rw.
    positions: Vec<u32>,
    /// Per transaction, who wrote what it read, in the order of its reads; where it matters.
    sources: Rows<u32>,
    /// Whether a node is a transaction that only reads.
    only_reads: Vec<bool>,
}

/// How many circles are looked for at a time.
const CIRCLES_MAX: usize = 300;

impl Full {
    pub(super) fn new(
        dependencies: &Dependencies<'_>,
        rule: Rule,
        positions: &[u32],
        mut links: Vec<Link>,
    ) -> Full {
        // A lost update is told by one link of a transaction to itself.
        links.retain(|link| link.from != link.to || rule == Rule::CursorStability);
        let nodes = positions.len().max(
            links
                .iter()
                .map(|link| link.from.max(link.to) as usize + 1)
                .max()
                .unwrap_or(0),
        );
        let leaving = Rows::collect(nodes, |add| {
            for (place, link) in links.iter().enumerate() {
                add(link.from, place as u32);
            }
        });
        let sources = Rows::collect(dependencies.len(), |add| {
            let needed = rule == Rule::MonotonicView;
            for at in (0..dependencies.len() as u32).filter(|_| needed) {
                for read in dependencies.reads.row(at) {
                    add(
                        at,
                        dependencies.log.writer(read.version).unwrap_or(u32::MAX),
                    );
                }
            }
        });
        let only_reads = (0..nodes as u32)
            .map(|node| (node as usize) < dependencies.len() && !dependencies.updates(node))
            .collect();
        Full {
            links,
            leaving,
            positions: positions.to_vec(),
            sources,
            only_reads,
        }
    }

    fn leaving(&self, node: u32) -> impl Iterator<Item = (u32, &Link)> {
        let row = self.leaving.row(node).iter();
        row.map(|place| (*place, &self.links[*place as usize]))
    }

    fn nodes(&self) -> usize {
        self.leaving.len()
    }
}

impl Rule {
    /// Some circles that break the rule; none if and only if it is kept (or `work` has run out).
    pub(super) fn broken(self, full: &Full, work: &mut u64) -> Vec<Vec<Link>> {
        let mut found = Circles {
            full,
            work,
            circles: Vec::new(),
            guessed: FastMap::default(),
        };
        match self {
            Rule::CursorStability => {
                let lost = full.links.iter().take(CIRCLES_MAX);
                found.circles.extend(lost.map(|link| vec![*link]));
            }
            Rule::MonotonicView => found.with_one_rw(true),
            Rule::ConsistentView => found.with_one_rw(false),
            Rule::Serializable => found.in_layers(self, |_| true),
            Rule::Prefix | Rule::Snapshot => found.in_layers(self, |_| true),
            Rule::UpdateSerializable => {
                found.with_one_rw(false);
                found.in_layers(Rule::Serializable, |node| !full.only_reads[node as usize]);
                if found.circles.is_empty() {
                    found.through_readers();
                }
            }
        }
        found.circles
    }

    /// Whether a link may follow when the last one led into this layer, and into which it leads.
    fn step(self, layer: u32, kind: Kind) -> Option<u32> {
        match (self, kind) {
            (Rule::Snapshot, Kind::ReadWrite) => (layer == 1).then_some(0),
            (Rule::Snapshot, _) => Some(1),
            (Rule::Prefix, Kind::ReadWrite) => (layer == 1).then_some(0),
            (Rule::Prefix, Kind::WriteWrite) => Some(0),
            (Rule::Prefix, _) => Some(1),
            _ => Some(0),
        }
    }

    fn layers(self) -> u32 {
        match self {
            Rule::Snapshot | Rule::Prefix => 2,
            _ => 1,
        }
    }
}

struct Circles<'a> {
    full: &'a Full,
    work: &'a mut u64,
    circles: Vec<Vec<Link>>,
    /// Guesses of the circles so far: one more circle with the same ones teaches nothing.
    guessed: FastMap<Literal, ()>,
}

impl Circles<'_> {
    /// Whether a circle over this link would teach something, and there is room for it.
    fn is_news(&self, link: &Link) -> bool {
        self.circles.len() < CIRCLES_MAX
            && *self.work > 0
            && link
                .guesses
                .iter()
                .flatten()
                .all(|guess| !self.guessed.contains_key(guess))
    }

    fn add(&mut self, circle: Vec<Link>) {
        for guess in circle.iter().flat_map(|link| link.guesses).flatten() {
            self.guessed.insert(guess, ());
        }
        self.circles.push(circle);
    }

    /// Circles over nodes that each remember by which kind of link they were reached.
    fn in_layers(&mut self, rule: Rule, inside: impl Fn(u32) -> bool) {
        let full = self.full;
        let layers = rule.layers();
        let states = full.nodes() as u32 * layers;
        let following = |state: u32| {
            let links = full.leaving(state / layers);
            links.filter_map(move |(place, link)| {
                let layer = rule.step(state % layers, link.kind)?;
                Some((link.to * layers + layer, place))
            })
        };
        let graph = Rows::collect(states as usize, |add| {
            for state in (0..states).filter(|state| inside(state / layers)) {
                for (to, _) in following(state) {
                    if inside(to / layers) {
                        add(state, to);
                    }
                }
            }
        });
        *self.work = self
            .work
            .saturating_sub(u64::from(states) + graph.items().len() as u64);
        let Some(component) = components(&graph) else {
            return;
        };
        let mut paths = Paths::new(states as usize);
        // First over links that rest on a guess: if there is none, over any one.
        for guessed in [true, false] {
            if !guessed && !self.circles.is_empty() {
                return;
            }
            for state in 0..states {
                if component[state as usize] == ALONE {
                    continue;
                }
                for (to, place) in following(state) {
                    let link = full.links[place as usize];
                    if component[to as usize] != component[state as usize]
                        || guessed && link.guesses[0].is_none()
                        || !guessed && !self.circles.is_empty()
                        || !self.is_news(&link)
                    {
                        continue;
                    }
                    let path = paths.shortest(
                        to,
                        self.work,
                        |at, each| {
                            for (next, place) in following(at) {
                                if component[next as usize] == component[state as usize] {
                                    each(next, place);
                                }
                            }
                        },
                        |at| at == state,
                    );
                    if let Some((_, path)) = path {
                        let rest = path.into_iter().map(|place| full.links[place as usize]);
                        self.add(std::iter::once(link).chain(rest).collect());
                    }
                }
            }
        }
    }

    /// Circles with one rw. All other links go forward in the order of positions, so only those rw
    /// matter that go back.
    fn with_one_rw(&mut self, monotonic: bool) {
        let full = self.full;
        let mut paths = Paths::new(full.nodes());
        let mut ends: FastMap<u32, ()> = FastMap::default();
        for rw in full
            .links
            .iter()
            .filter(|link| link.kind == Kind::ReadWrite)
        {
            let end = full.positions[rw.from as usize];
            if full.positions[rw.to as usize] >= end || !self.is_news(rw) {
                continue;
            }
            ends.clear();
            if monotonic {
                let sources = &full.sources.row(rw.from)[..rw.read as usize];
                ends.extend(sources.iter().map(|source| (*source, ())));
            } else {
                ends.insert(rw.from, ());
            }
            if ends.is_empty() {
                continue;
            }
            let path = paths.shortest(
                rw.to,
                self.work,
                |at, each| {
                    for (place, link) in full.leaving(at) {
                        if link.kind != Kind::ReadWrite && full.positions[link.to as usize] <= end {
                            each(link.to, place);
                        }
                    }
                },
                |at| ends.contains_key(&at),
            );
            let Some((last, path)) = path else {
                continue;
            };
            let mut circle = vec![*rw];
            circle.extend(path.into_iter().map(|place| full.links[place as usize]));
            if monotonic {
                let back = full
                    .leaving(last)
                    .find(|(_, link)| link.to == rw.from && link.kind == Kind::WriteRead);
                circle.extend(back.map(|(_, link)| *link));
            }
            self.add(circle);
        }
    }

    /// Circles over transactions that write, and a single one that only reads.
    fn through_readers(&mut self) {
        let full = self.full;
        let mut paths = Paths::new(full.nodes());
        for reader in (0..full.nodes() as u32).filter(|node| full.only_reads[*node as usize]) {
            let out: Vec<(u32, u32)> = full
                .leaving(reader)
                .filter(|(_, link)| self.is_news(link))
                .map(|(place, link)| (link.to, place))
                .collect();
            for (to, place) in out {
                let inside = |node: u32| node == reader || !full.only_reads[node as usize];
                if !inside(to) {
                    continue;
                }
                let path = paths.shortest(
                    to,
                    self.work,
                    |at, each| {
                        for (place, link) in full.leaving(at) {
                            if inside(link.to) {
                                each(link.to, place);
                            }
                        }
                    },
                    |at| at == reader,
                );
                if let Some((_, path)) = path {
                    let mut circle = vec![full.links[place as usize]];
                    circle.extend(path.into_iter().map(|place| full.links[place as usize]));
                    self.add(circle);
                }
            }
        }
    }
}

/// Shortest paths, with memory that is reused.
struct Paths {
    /// Per state, the round in which it was seen, and by which link from which state.
    seen: Vec<u32>,
    came: Vec<(u32, u32)>,
    round: u32,
    queue: VecDeque<u32>,
}

impl Paths {
    fn new(states: usize) -> Paths {
        Paths {
            seen: vec![0; states],
            came: vec![(0, 0); states],
            round: 0,
            queue: VecDeque::new(),
        }
    }

    /// The shortest path from a state to one at which `end` holds: that state, and the
    /// links on the way.
    fn shortest(
        &mut self,
        start: u32,
        work: &mut u64,
        following: impl Fn(u32, &mut dyn FnMut(u32, u32)),
        end: impl Fn(u32) -> bool,
    ) -> Option<(u32, Vec<u32>)> {
        self.round += 1;
        self.queue.clear();
        self.seen[start as usize] = self.round;
        self.came[start as usize] = (u32::MAX, 0);
        self.queue.push_back(start);
        while let Some(at) = self.queue.pop_front() {
            if end(at) {
                let mut path = Vec::new();
                let mut back = at;
                while self.came[back as usize].0 != u32::MAX {
                    let (before, place) = self.came[back as usize];
                    path.push(place);
                    back = before;
                }
                path.reverse();
                return Some((at, path));
            }
            let (seen, came, queue, round) =
                (&mut self.seen, &mut self.came, &mut self.queue, self.round);
            following(at, &mut |to, place| {
                *work = work.saturating_sub(1);
                if std::mem::replace(&mut seen[to as usize], round) != round {
                    came[to as usize] = (at, place);
                    queue.push_back(to);
                }
            });
        }
        None
    }
}
