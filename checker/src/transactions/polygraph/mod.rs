//! Snapshot isolation, prefix consistency and serializability where reads do not tell the order of
//! versions: each asks for an order of writers under which a graph has no circle (a *polygraph*: C.
//! Papadimitriou, "The Serializability of Concurrent Database Updates", 1979).
//!
//! Three steps, each of which leaves less for the next one:
//!
//! 1. What is known becomes a graph ([`Polygraph`]). For the levels at which a transaction reads at
//!    one time and commits at another it has two nodes (as in J. Zhang et al., "Viper", 2023), so
//!    that the circles that a level forbids are the circles of the graph. A node stands for all
//!    readers of a version, so that the graph is as large as the history.
//! 2. Where one order of two writers would close a circle the other one is forced, and that again
//!    and again ([`saturate`]). For the most part nothing is left open then.
//!    (All pairs of writers of an object, as Cobra (C. Tan et al., 2020) and PolySI (K. Huang et al.,
//!    2023) take them, are quadratic in number, and most are pruned again.)
//! 3. A solver decides what is left ([`guesses`]): it guesses that writers follow each other as in
//!    an order that agrees with all that is known, and learns from each circle that results. Only
//!    neighbours in that order are ever guessed; their number is linear.

mod circles;
mod clocks;
mod edges;
mod guesses;
mod saturate;

use super::dependencies::{Dependencies, Read};
use super::graph::Timeline;
use super::models::Order;
use super::rules::Rule;
use super::search::Refutation;
use crate::budget::Deadline;
use crate::history::NEVER;
use edges::{Edges, Step, Why};

/// How the transactions of a level become nodes and edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A transaction is one node.
    Serializable,
    /// A transaction has one node where it begins, and reads, and one where it commits. Who writes
    /// what another one wrote begins after that one's commit.
    Snapshot,
    /// The same, but who writes later only commits later.
    Prefix,
}

/// Of which transactions it matters what they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readers {
    All,
    /// Those that also write.
    Updates,
}

/// How deciding ended.
pub(super) enum Decision {
    /// Versions can have followed each other as their writers do in these positions.
    Holds(Vec<u32>),
    Refuted(Refutation),
    /// The budget ran out; how far the search came.
    Undecided(String),
}

/// What is known of who comes before whom, and what is forced and guessed besides.
struct Polygraph<'a> {
    dependencies: &'a Dependencies<'a>,
    shape: Shape,
    whose_reads: Readers,
    edges: Edges,
    /// Per version, and then per object for its initial state: whether there are readers, other
    /// than one that replaced it where a transaction is one node.
    is_read: Vec<bool>,
    /// The same: who read it and replaced it, where a transaction is one node.
    replaced_by: Vec<u32>,
}

/// Decides whether a rule holds, if it is one that forbids the circles of a polygraph, or breaks a
/// weaker one that is.
pub(super) fn decide(
    dependencies: &Dependencies<'_>,
    timeline: &Timeline,
    order: Order,
    rule: Rule,
    deadline: Deadline,
    work: &mut u64,
) -> Option<Decision> {
    let (shape, readers) = match rule {
        Rule::Serializable => (Shape::Serializable, Readers::All),
        Rule::Snapshot => (Shape::Snapshot, Readers::All),
        Rule::Prefix => (Shape::Prefix, Readers::All),
        Rule::UpdateSerializable => (Shape::Serializable, Readers::Updates),
        _ => return None,
    };
    let mut polygraph = Polygraph::of(dependencies, timeline, order, shape, readers);
    let clocks = match saturate::saturate(&mut polygraph, deadline, work) {
        saturate::Saturated::Circle => {
            return Some(Decision::Refuted(circles::refutation(&polygraph, work)));
        }
        saturate::Saturated::Undecided { found } => {
            return Some(Decision::Undecided(format!(
                "{found} pairs of writers must follow each other in one order and not the other, and there may be more"
            )));
        }
        // What only reads has a say, too.
        saturate::Saturated::Done(_) if readers == Readers::Updates => return None,
        saturate::Saturated::Done(clocks) => clocks,
    };
    Some(guesses::decide(
        polygraph, timeline, &clocks, rule, deadline, work,
    ))
}

impl<'a> Polygraph<'a> {
    /// All that is known.
    fn of(
        dependencies: &'a Dependencies<'a>,
        timeline: &Timeline,
        order: Order,
        shape: Shape,
        readers: Readers,
    ) -> Polygraph<'a> {
        let log = dependencies.log;
        let objects = log.version_count() + log.key_count();
        let mut polygraph = Polygraph {
            dependencies,
            shape,
            whose_reads: readers,
            edges: Edges::new(0),
            is_read: vec![false; objects],
            replaced_by: vec![NEVER; objects],
        };
        let points = match order {
            Order::RealTime => timeline.points,
            _ => 0,
        };
        polygraph.edges = Edges::new(polygraph.first_point() as usize + points);
        polygraph.add_reads();
        polygraph.add_known_writes();
        if order != Order::None {
            for (from, to) in &timeline.sessions {
                let (from, to) = (polygraph.commit(*from), polygraph.begin(*to));
                polygraph
                    .edges
                    .add(from, to, Step::Process, NEVER, Why::Known);
            }
        }
        if order == Order::RealTime {
            let (first, count) = (polygraph.first_point(), dependencies.len() as u32);
            timeline.real_time(count, |from, to| {
                let from = match from.checked_sub(count) {
                    Some(point) => first + point,
                    None => polygraph.commit(from),
                };
                let to = match to.checked_sub(count) {
                    Some(point) => first + point,
                    None => polygraph.begin(to),
                };
                polygraph
                    .edges
                    .add(from, to, Step::Realtime, NEVER, Why::Known);
            });
        }
        polygraph
    }

    fn add_reads(&mut self) {
        let dependencies = self.dependencies;
        for at in 0..dependencies.len() as u32 {
            let (begin, commit) = (self.begin(at), self.commit(at));
            if begin != commit && dependencies.happened[at as usize] {
                self.edges
                    .add(begin, commit, Step::Within, NEVER, Why::Known);
            }
            for read in self.reads(at) {
                if read.version != NEVER {
                    let writer = self.commit(dependencies.writer(read.version));
                    self.edges
                        .add(writer, begin, Step::WriteRead, read.key, Why::Known);
                }
                let readers = self.readers(read.key, read.version);
                let object = (readers - self.first_version()) as usize;
                let replaces = dependencies.write(at, read.key).is_some();
                if self.shape != Shape::Serializable || !replaces {
                    self.is_read[object] = true;
                    self.edges
                        .add(begin, readers, Step::Reads, read.key, Why::Known);
                    continue;
                }
                match self.replaced_by[object] {
                    NEVER => self.replaced_by[object] = at,
                    other if other == at => {}
                    // Each of the two should have been the first.
                    other => {
                        self.edges
                            .add(at, other, Step::Replaces, read.key, Why::Known);
                        self.edges
                            .add(other, at, Step::Replaces, read.key, Why::Known);
                    }
                }
            }
        }
    }

    /// The order of versions as far as it is known.
    fn add_known_writes(&mut self) {
        let dependencies = self.dependencies;
        for key in 0..dependencies.log.key_count() as u32 {
            let mut before = NEVER;
            for version in dependencies.chains.row(key) {
                self.follow(key, before, *version, Why::Known);
                before = *version;
            }
            for version in dependencies.loose.row(key) {
                self.follow(key, before, *version, Why::Known);
            }
        }
        for pair in &dependencies.pairs {
            self.follow(pair.key, pair.before, pair.after, Why::Known);
        }
        for at in 0..dependencies.len() as u32 {
            for read in self.reads(at) {
                if read.version != NEVER
                    && let Some(after) = dependencies.write(at, read.key)
                {
                    self.follow(read.key, read.version, after, Why::Known);
                }
            }
        }
    }

    /// Adds that one version comes before another one: [`NEVER`] is the initial state.
    fn follow(&mut self, key: u32, before: u32, after: u32, why: Why) {
        for (from, to, step) in self.following(key, before, after) {
            self.edges.add(from, to, step, key, why);
        }
    }

    /// The edges that say that one version comes before another one.
    fn following(
        &self,
        key: u32,
        before: u32,
        after: u32,
    ) -> impl Iterator<Item = (u32, u32, Step)> + use<> {
        let writer = self.dependencies.writer(after);
        let readers = self.readers(key, before);
        let object = (readers - self.first_version()) as usize;
        let write = (before != NEVER).then(|| {
            let from = self.commit(self.dependencies.writer(before));
            (from, self.after_write(writer), Step::WriteWrite)
        });
        let read = (readers, self.commit(writer), Step::Overwrites);
        let replaced = (self.replaced_by[object], writer, Step::Replaces);
        let edges = [
            write.filter(|(from, ..)| *from != self.commit(writer)),
            self.is_read[object].then_some(read),
            Some(replaced).filter(|(by, ..)| *by != NEVER && *by != writer),
        ];
        edges.into_iter().flatten()
    }

    /// The objects that two transactions wrote and of which the order of versions is not known, and
    /// what each wrote there.
    fn shared(&self, one: u32, other: u32) -> impl Iterator<Item = (u32, u32, u32)> + use<'a> {
        let dependencies = self.dependencies;
        let writes = dependencies.writes.row(one).iter();
        writes.filter_map(move |write| {
            let theirs = dependencies.write(other, write.key)?;
            let loose = |version: u32| dependencies.chain_place(version).is_none();
            let open = loose(write.version) && loose(theirs);
            open.then_some((write.key, write.version, theirs))
        })
    }

    /// Whether the order of the versions of an object is not known.
    fn is_contested(&self, key: u32) -> bool {
        self.dependencies.loose.row(key).len() > 1
    }

    /// The version of a node of readers.
    fn version(&self, node: u32) -> u32 {
        let object = node - self.first_version();
        match (object as usize) < self.dependencies.log.version_count() {
            true => object,
            false => NEVER,
        }
    }

    /// What a transaction read, where that matters.
    fn reads(&self, at: u32) -> &'a [Read] {
        let dependencies = self.dependencies;
        match self.whose_reads {
            Readers::Updates if !dependencies.updates(at) => &[],
            _ => dependencies.reads.row(at),
        }
    }

    /// The node of the readers of a version.
    fn readers(&self, key: u32, version: u32) -> u32 {
        let object = match version {
            NEVER => self.dependencies.log.version_count() as u32 + key,
            version => version,
        };
        self.first_version() + object
    }

    fn begin(&self, at: u32) -> u32 {
        at
    }

    fn commit(&self, at: u32) -> u32 {
        match self.shape {
            Shape::Serializable => at,
            _ => self.dependencies.len() as u32 + at,
        }
    }

    /// What comes after the commit of whoever wrote an earlier version.
    fn after_write(&self, at: u32) -> u32 {
        match self.shape {
            Shape::Prefix => self.commit(at),
            _ => self.begin(at),
        }
    }

    /// The transaction of a node, and whether the node is its commit.
    fn transaction(&self, node: u32) -> Option<(u32, bool)> {
        let count = self.dependencies.len() as u32;
        match (self.shape, node) {
            (Shape::Serializable, node) if node < count => Some((node, true)),
            (_, node) if node < count => Some((node, false)),
            (_, node) if node < self.first_version() => Some((node - count, true)),
            _ => None,
        }
    }

    fn first_version(&self) -> u32 {
        let count = self.dependencies.len() as u32;
        match self.shape {
            Shape::Serializable => count,
            _ => count * 2,
        }
    }

    fn first_point(&self) -> u32 {
        let log = self.dependencies.log;
        self.first_version() + (log.version_count() + log.key_count()) as u32
    }
}

#[cfg(test)]
mod tests;
