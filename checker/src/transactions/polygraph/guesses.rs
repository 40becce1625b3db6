//! What is left open is guessed: that two writers of an object follow each other as they do in an
//! order of everything. The solver takes guesses back when they lead to a circle.

use super::super::graph::{Edge as Dependency, Timeline};
use super::super::rows::Rows;
use super::super::rules::Rule;
use super::super::sat::{Answer, Literal, Solver, Theory};
use super::super::schedule;
use super::super::search::Refutation;
use super::circles::told;
use super::clocks::Clocks;
use super::edges::{Edge, Ranking, Step, Why};
use super::{Decision, Polygraph};
use crate::budget::Deadline;
use crate::hash::FastMap;
use crate::history::NEVER;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How many circles are kept, to tell them if it comes to a contradiction.
const LEMMAS_MAX: usize = 1000;
const LEMMAS_SHOWN: usize = 2;

/// The writers of an object in the order of their positions.
#[derive(Default)]
struct Row {
    writers: Vec<u32>,
    /// How many of them follow each other in an order that is settled or guessed.
    done: usize,
    /// Whether some of them have moved, or some guess was taken back.
    is_stale: bool,
}

struct Guesses<'p, 'a> {
    polygraph: Polygraph<'a>,
    clocks: &'p Clocks,
    ranking: Ranking,
    /// Pairs of writers, the smaller number first, and their variable: true if that one comes first.
    variables: FastMap<(u32, u32), u32>,
    pairs: Vec<(u32, u32)>,
    /// Each guess that is in force: its pair, and how many edges there were before.
    guessed: Vec<((u32, u32), usize)>,
    /// How many were in force at most.
    most: usize,
    rows: Vec<Row>,
    /// Objects by where the next pair of writers stands that is to be looked at; some entries are
    /// out of date.
    next: BinaryHeap<Reverse<(u32, u32)>>,
    lemmas: Vec<Vec<Dependency>>,
    work: &'p mut u64,
}

/// Searches for an order of all writers that nobody contradicts.
pub(super) fn decide(
    polygraph: Polygraph<'_>,
    timeline: &Timeline,
    clocks: &Clocks,
    rule: Rule,
    deadline: Deadline,
    work: &mut u64,
) -> Decision {
    let dependencies = polygraph.dependencies;
    let keys = 0..dependencies.log.key_count() as u32;
    let rows: Vec<Row> = keys
        .map(|key| {
            let mut row = Row::default();
            if polygraph.is_contested(key) {
                let versions = dependencies.loose.row(key).iter();
                row.writers
                    .extend(versions.map(|version| dependencies.writer(*version)));
                row.is_stale = true;
            }
            row
        })
        .collect();
    let next = (0..rows.len() as u32).filter(|key| rows[*key as usize].is_stale);
    let next = next.map(|key| Reverse((0, key))).collect();
    *work = work.saturating_sub(16 * polygraph.edges.list().len() as u64);
    let positions = positions(&polygraph, timeline, rule);
    let mut guesses = Guesses {
        ranking: Ranking::new(positions),
        polygraph,
        clocks,
        variables: FastMap::default(),
        pairs: Vec::new(),
        guessed: Vec::new(),
        most: 0,
        rows,
        next,
        lemmas: Vec::new(),
        work,
    };
    let mut solver = Solver::default();
    loop {
        // A slice at a time, so that the clock is asked between them.
        const SLICE: u64 = 1 << 12;
        let mut slice = SLICE;
        match solver.solve_with(&mut guesses, &mut slice) {
            Answer::Satisfied => break,
            Answer::Contradiction(_) => return Decision::Refuted(guesses.refutation()),
            Answer::Undecided => {
                *guesses.work = guesses.work.saturating_sub(SLICE);
                if *guesses.work == 0 || deadline.passed() {
                    return Decision::Undecided(format!(
                        "of the orders of two writers that are not told, {} were guessed together without a contradiction, out of at least {}",
                        guesses.most,
                        guesses.pairs.len()
                    ));
                }
            }
        }
    }
    let commits = 0..dependencies.len() as u32;
    let position = |at| guesses.ranking.position(guesses.polygraph.commit(at));
    Decision::Holds(commits.map(position).collect())
}

/// An order of all nodes that agrees with the edges, and otherwise with a simulated store.
fn positions(polygraph: &Polygraph<'_>, timeline: &Timeline, rule: Rule) -> Vec<u32> {
    let dependencies = polygraph.dependencies;
    let count = dependencies.len();
    let edges = polygraph.edges.list();
    let nodes = polygraph.edges.nodes();
    let node = |node: u32| match polygraph.transaction(node) {
        Some((at, _)) => at,
        None => count as u32 + node - polygraph.first_point(),
    };
    let points = nodes - polygraph.first_point() as usize;
    let known = Rows::collect(count + points, |add| {
        for edge in edges {
            match edge.step {
                Step::Within | Step::Reads | Step::Overwrites | Step::Replaces => {}
                _ => add(node(edge.from), node(edge.to)),
            }
        }
    });
    let spans = timeline.spans(count);
    let assumed = Rows::of(count, &[]);
    let moments = schedule::guess(dependencies, rule, &known, &assumed, &spans);
    let rank = |node: u32| match (&moments, polygraph.transaction(node)) {
        (None, _) => 0,
        (Some(moments), Some((at, true))) => moments.commits[at as usize],
        (Some(moments), Some((at, false))) => moments.snapshots[at as usize],
        (Some(moments), None) => {
            let point = node.checked_sub(polygraph.first_point());
            point.map_or(0, |point| moments.commits[count + point as usize])
        }
    };
    let leaving = Rows::collect(nodes, |add| {
        for edge in edges {
            add(edge.from, edge.to);
        }
    });
    let mut waits_for = vec![0_u32; nodes];
    for to in leaving.items() {
        waits_for[*to as usize] += 1;
    }
    let mut ready: BinaryHeap<Reverse<(u32, u32)>> = (0..nodes as u32)
        .filter(|node| waits_for[*node as usize] == 0)
        .map(|node| Reverse((rank(node), node)))
        .collect();
    let mut positions = vec![0; nodes];
    let mut next = 0;
    while let Some(Reverse((_, node))) = ready.pop() {
        positions[node as usize] = next;
        next += 1;
        for to in leaving.row(node) {
            waits_for[*to as usize] -= 1;
            if waits_for[*to as usize] == 0 {
                ready.push(Reverse((rank(*to), *to)));
            }
        }
    }
    positions
}

impl Guesses<'_, '_> {
    fn pair(&self, literal: Literal) -> (u32, u32) {
        let (one, other) = self.pairs[literal.variable() as usize];
        match literal.truth() {
            true => (one, other),
            false => (other, one),
        }
    }

    fn reopen(&mut self, key: u32) {
        if !std::mem::replace(&mut self.rows[key as usize].is_stale, true) {
            self.next.push(Reverse((0, key)));
        }
    }

    /// Adds the edges of a guess one by one; the circle of the first that cannot be.
    fn add(&mut self, guess: Literal) -> Result<(), Vec<Edge>> {
        let (before, after) = self.pair(guess);
        let mut moved: Vec<u32> = Vec::new();
        for (key, before, after) in self.polygraph.shared(before, after) {
            for (from, to, step) in self.polygraph.following(key, before, after) {
                let (edges, ends) = (&self.polygraph.edges, (from, to));
                let admitted = self
                    .ranking
                    .admit(edges, ends, self.work, |node| moved.push(node));
                if let Err(path) = admitted {
                    let edge = Edge::alone(from, to, step, key, Why::Guess(guess));
                    let list = self.polygraph.edges.list();
                    let rest = path.iter().map(|number| list[*number as usize]);
                    let circle = std::iter::once(edge).chain(rest).collect();
                    self.reopen_moved(&moved);
                    return Err(circle);
                }
                let edges = &mut self.polygraph.edges;
                edges.add(from, to, step, key, Why::Guess(guess));
            }
        }
        self.reopen_moved(&moved);
        Ok(())
    }

    fn reopen_moved(&mut self, moved: &[u32]) {
        let dependencies = self.polygraph.dependencies;
        for node in moved {
            if let Some((at, true)) = self.polygraph.transaction(*node) {
                for write in dependencies.writes.row(at) {
                    if self.polygraph.is_contested(write.key) {
                        self.reopen(write.key);
                    }
                }
            }
        }
    }

    fn take_back(&mut self, edges: usize) {
        while self.polygraph.edges.list().len() > edges {
            self.polygraph.edges.pop();
        }
    }

    /// Whether the order of two writers is no guess.
    fn is_settled(&self, before: u32, after: u32) -> bool {
        let node = self.polygraph.after_write(after);
        let place = self.clocks.place(before);
        place.is_some_and(|(chain, place)| self.clocks.committed(node, chain) > place)
    }

    /// That one writer comes before the other one, if that is not settled or guessed yet.
    fn guess(&mut self, before: u32, after: u32, solver: &mut Solver) -> Option<Literal> {
        if self.is_settled(before, after) {
            return None;
        }
        let pair = (before.min(after), before.max(after));
        let variable = *self.variables.entry(pair).or_insert_with(|| {
            self.pairs.push(pair);
            solver.variable(before < after)
        });
        let open = solver.value(variable).is_none();
        open.then(|| Literal::new(variable, before < after))
    }

    fn refutation(&mut self) -> Refutation {
        let last = self.lemmas.pop();
        self.lemmas.sort_by_key(Vec::len);
        let circles = last.into_iter().chain(self.lemmas.drain(..));
        Refutation {
            circles: circles.take(LEMMAS_SHOWN).collect(),
            certain: false,
        }
    }
}

impl Theory for Guesses<'_, '_> {
    fn assert(&mut self, literal: Literal) -> Result<(), Vec<Literal>> {
        let edges = self.polygraph.edges.list().len();
        let Err(circle) = self.add(literal) else {
            self.guessed.push((self.pair(literal), edges));
            self.most = self.most.max(self.guessed.len());
            return Ok(());
        };
        self.take_back(edges);
        if self.lemmas.len() == LEMMAS_MAX {
            self.lemmas.pop();
        }
        self.lemmas.push(told(&self.polygraph, &circle));
        let mut guesses: Vec<Literal> = circle
            .iter()
            .filter_map(|edge| match edge.why {
                Why::Guess(guess) => Some(guess),
                _ => None,
            })
            .collect();
        guesses.sort_unstable();
        guesses.dedup();
        Err(guesses)
    }

    fn retract(&mut self) {
        if let Some(((one, other), edges)) = self.guessed.pop() {
            self.take_back(edges);
            for (key, ..) in self.polygraph.shared(one, other) {
                self.reopen(key);
            }
        }
    }

    /// The two writers that stand first of all that follow each other in no order yet: so circles
    /// that a guess closes lead over guesses that were made shortly before.
    fn decide(&mut self, solver: &mut Solver) -> Option<Literal> {
        while let Some(Reverse((position, key))) = self.next.peek().copied() {
            let row = &mut self.rows[key as usize];
            if std::mem::take(&mut row.is_stale) {
                let position = |at: &u32| self.ranking.position(self.polygraph.commit(*at));
                row.writers.sort_unstable_by_key(position);
                row.done = 0;
                *self.work = self.work.saturating_sub(row.writers.len() as u64);
            }
            let mut writers = std::mem::take(&mut row.writers);
            let mut done = row.done;
            let mut guess = None;
            while let [before, after, ..] = writers[done..] {
                guess = self.guess(before, after, solver);
                if guess.is_some() {
                    break;
                }
                done += 1;
            }
            let row = &mut self.rows[key as usize];
            let stands_at = match guess {
                Some(_) => self
                    .ranking
                    .position(self.polygraph.commit(writers[done + 1])),
                None => NEVER,
            };
            std::mem::swap(&mut row.writers, &mut writers);
            row.done = done;
            if guess.is_some() && stands_at == position {
                return guess;
            }
            self.next.pop();
            if guess.is_some() {
                self.next.push(Reverse((stands_at, key)));
            }
        }
        None
    }
}
