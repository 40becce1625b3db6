//! Whether versions can have followed each other in an order that a level allows, where what was
//! read does not tell it: a search, since the question is NP-complete for snapshot isolation,
//! serializability, and what is near them.
//!
//! This one is for the rules that are no circles of one graph; for the others there is
//! [`super::polygraph`]. It guesses an order of commits, see [`super::schedule`]: one that agrees with
//! all that is known, and in most histories is right. Versions follow each
//! other in that order; if the dependencies that result break the level's rule, then at least one of
//! the guesses behind each circle was wrong, and that is learned as a clause over pairs of writers
//! ("this one or that one comes first"). A solver for clauses ([`super::sat`]) then says which guesses
//! to turn around.
//!
//! The budget is counted in steps, not in time, so that a history has the same verdict everywhere.

use super::cycles::without_points;
use super::dependencies::Dependencies;
use super::graph::{Cause, Edge, Kind, NO_CAUSE, Timeline};
use super::log::Fate;
use super::models::Order;
use super::rows::Rows;
use super::rules::{Full, Link, Rule};
use super::sat::{Answer, Literal, Solver};
use super::saturation::Forced;
use super::schedule::guess;
use crate::budget::Deadline;
use crate::hash::FastMap;
use crate::history::NEVER;

/// How a search ended.
pub(super) enum Outcome {
    /// An order of versions keeps to the rule.
    Holds,
    /// None does.
    Refuted(Refutation),
    /// The budget ran out.
    Undecided,
}

/// Circles that show that no order keeps to the rule.
pub(super) struct Refutation {
    /// At least one; if there are several, each order of versions leads to one of them.
    pub(super) circles: Vec<Vec<Edge>>,
    /// Whether the first circle is there whatever the order of versions.
    pub(super) certain: bool,
}

pub(super) struct Search<'a> {
    dependencies: &'a Dependencies<'a>,
    timeline: &'a Timeline,
    order: Order,
    rule: Rule,
    solver: Solver,
    /// Pairs of transactions, the smaller number first, and their variable: true if that one comes
    /// first.
    pairs: FastMap<(u32, u32), u32>,
    /// Per variable, its pair, and an object that both wrote.
    variables: Vec<(u32, u32, u32)>,
    /// Clauses that were learned from circles.
    lemmas: FastMap<u32, Vec<Edge>>,
    /// When each transaction began and ended.
    spans: Vec<(u32, u32)>,
    /// The place of each transaction in its session, and which session it is.
    sessions: Vec<(u32, u32)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        dependencies: &'a Dependencies<'a>,
        timeline: &'a Timeline,
        order: Order,
        rule: Rule,
    ) -> Self {
        Search {
            dependencies,
            timeline,
            order,
            rule,
            solver: Solver::default(),
            pairs: FastMap::default(),
            variables: Vec::new(),
            lemmas: FastMap::default(),
            spans: timeline.spans(dependencies.len()),
            sessions: timeline.session_places(dependencies.len()),
        }
    }

    /// Searches. `forced` are orders of writers that the rule implies.
    pub(super) fn run(mut self, forced: &[Forced], deadline: Deadline, work: &mut u64) -> Outcome {
        let nodes = self.dependencies.len() + self.timeline.points;
        let base = self.base(forced);
        loop {
            // (A simulated store takes its time, so that such a step counts more than others.)
            let cost = 16 * (nodes + base.items().len()) as u64;
            *work = work.saturating_sub(cost);
            if *work == 0 || deadline.passed() {
                return Outcome::Undecided;
            }
            let turned = self.turned();
            let assumed: Vec<(u32, u32)> =
                turned.iter().map(|(from, to, ..)| (*from, *to)).collect();
            let assumed = Rows::of(self.dependencies.len(), &assumed);
            let commits = guess(self.dependencies, self.rule, &base, &assumed, &self.spans);
            let circles = match commits {
                Some(moments) => self.broken(&moments.commits, work),
                None => {
                    let full = self.assumed(&base, &turned, forced);
                    Rule::Serializable.broken(&full, work)
                }
            };
            if circles.is_empty() {
                return match *work {
                    0 => Outcome::Undecided,
                    _ => Outcome::Holds,
                };
            }
            for circle in circles {
                let clause: Vec<Literal> = circle
                    .iter()
                    .flat_map(|link| link.guesses)
                    .flatten()
                    .map(Literal::not)
                    .collect();
                let edges = edges(&circle, self.dependencies.len());
                if clause.is_empty() {
                    return Outcome::Refuted(Refutation {
                        circles: vec![edges],
                        certain: true,
                    });
                }
                let number = self.solver.add(clause);
                self.lemmas.insert(number, edges);
            }
            match self.solver.solve(work) {
                Answer::Satisfied => {}
                Answer::Undecided => return Outcome::Undecided,
                Answer::Contradiction(number) => return Outcome::Refuted(self.refutation(number)),
            }
        }
    }

    /// What breaks the rule if versions follow each other in the order of these positions.
    fn broken(&mut self, positions: &[u32], work: &mut u64) -> Vec<Vec<Link>> {
        let full = self.full(positions);
        self.rule.broken(&full, work)
    }

    /// Whether the rule is kept if versions follow each other in the order of these positions.
    pub(super) fn keeps(mut self, positions: &[u32], work: &mut u64) -> bool {
        self.broken(positions, work).is_empty() && *work > 0
    }

    /// The circles behind a contradiction: the one that is there in the end, or the shortest.
    fn refutation(&mut self, number: u32) -> Refutation {
        const SHOWN: usize = 2;
        let last = self.lemmas.remove(&number);
        let mut circles: Vec<Vec<Edge>> = last.into_iter().collect();
        let mut others: Vec<(u32, Vec<Edge>)> = self.lemmas.drain().collect();
        others.sort_by_key(|(number, edges)| (edges.len(), *number));
        let missing = SHOWN - circles.len().min(SHOWN);
        circles.extend(others.into_iter().take(missing).map(|(_, edges)| edges));
        Refutation {
            circles,
            certain: false,
        }
    }

    /// All that is known: what was read, what is known of versions, and the order that transactions
    /// follow.
    pub(super) fn base(&self, forced: &[Forced]) -> Rows<u32> {
        let dependencies = self.dependencies;
        let first = dependencies.len() as u32;
        Rows::collect(dependencies.len() + self.timeline.points, |add| {
            for link in self.known() {
                if link.from != link.to {
                    add(link.from, link.to);
                }
            }
            for forced in forced.iter().filter(|forced| forced.to != NEVER) {
                add(forced.from, forced.to);
            }
            if self.order == Order::RealTime {
                self.timeline.real_time(first, &mut *add);
            }
        })
    }

    /// What was read, what is known of versions, and the order of sessions.
    pub(super) fn known(&self) -> impl Iterator<Item = Link> {
        let dependencies = self.dependencies;
        let reads = (0..dependencies.len() as u32).flat_map(move |at| {
            let reads = dependencies.reads.row(at).iter();
            let reads = reads.filter(|read| read.version != NEVER);
            reads.map(move |read| {
                let writer = dependencies.writer(read.version);
                let cause = Cause {
                    key: read.key,
                    before: read.version,
                    after: NEVER,
                };
                Link::certain(writer, at, Kind::WriteRead, cause)
            })
        });
        let writes = (0..dependencies.log.key_count() as u32).flat_map(move |key| {
            let chain = dependencies.chains.row(key);
            let loose = dependencies.loose.row(key).iter();
            let last = chain.last().into_iter();
            let within = chain.windows(2).map(|pair| (pair[0], pair[1]));
            let after = last.flat_map(move |last| loose.clone().map(|loose| (*last, *loose)));
            within
                .chain(after)
                .map(move |(before, after)| (key, before, after))
        });
        let pairs = dependencies.pairs.iter();
        let pairs = pairs
            .filter(|pair| pair.before != NEVER)
            .map(|pair| (pair.key, pair.before, pair.after));
        let writes = writes.chain(pairs).map(move |(key, before, after)| {
            let cause = Cause { key, before, after };
            let (from, to) = (dependencies.writer(before), dependencies.writer(after));
            Link::certain(from, to, Kind::WriteWrite, cause)
        });
        let sessions = match self.order {
            Order::None => &[][..],
            _ => &self.timeline.sessions,
        };
        let sessions = sessions
            .iter()
            .map(|(from, to)| Link::certain(*from, *to, Kind::Process, NO_CAUSE));
        reads.chain(writes).chain(sessions)
    }

    /// What the solver says of pairs, as edges: from, to, and the literal.
    fn turned(&self) -> Vec<(u32, u32, u32, Literal)> {
        let values = (0..self.variables.len() as u32)
            .filter_map(|variable| Some((variable, self.solver.value(variable)?)));
        values
            .map(|(variable, first)| {
                let (one, other, key) = self.variables[variable as usize];
                let (from, to) = if first { (one, other) } else { (other, one) };
                (from, to, key, Literal::new(variable, first))
            })
            .collect()
    }

    /// All dependencies if versions follow each other in the order of these positions.
    fn full(&mut self, positions: &[u32]) -> Full {
        let dependencies = self.dependencies;
        let log = dependencies.log;
        let mut links: Vec<Link> = Vec::new();
        // Which version follows each other one, and which one is the first.
        let mut next = vec![NEVER; log.version_count()];
        let mut first = vec![NEVER; log.key_count()];
        let mut row: Vec<u32> = Vec::new();
        for key in 0..log.key_count() as u32 {
            row.clear();
            row.extend_from_slice(dependencies.loose.row(key));
            row.sort_unstable_by_key(|one| positions[dependencies.writer(*one) as usize]);
            let mut before = NEVER;
            for version in dependencies.chains.row(key).iter().chain(&row) {
                if before == NEVER {
                    first[key as usize] = *version;
                } else {
                    next[before as usize] = *version;
                    let link = self.follow(key, before, *version);
                    links.push(link);
                }
                before = *version;
            }
        }
        for at in 0..dependencies.len() as u32 {
            for (place, read) in dependencies.reads.row(at).iter().enumerate() {
                let after = match read.version {
                    NEVER => first[read.key as usize],
                    version => next[version as usize],
                };
                if after == NEVER || dependencies.writer(after) == at {
                    continue;
                }
                let cause = Cause {
                    key: read.key,
                    before: read.version,
                    after,
                };
                let to = dependencies.writer(after);
                let guess = match read.version {
                    NEVER => None,
                    version => self.follow(read.key, version, after).guesses[0],
                };
                links.push(Link {
                    guesses: [guess, None],
                    read: place as u32,
                    ..Link::certain(at, to, Kind::ReadWrite, cause)
                });
            }
        }
        links.extend(self.known().filter(|link| link.kind != Kind::WriteWrite));
        self.add_real_time(&mut links);
        self.add_session_updates(&mut links);
        self.add_lost_updates(&mut links, &next, &first);
        Full::new(dependencies, self.rule, positions, links)
    }

    /// Transactions that read a version, and wrote a later one than the next: what only cursor
    /// stability looks at.
    fn add_lost_updates(&mut self, links: &mut Vec<Link>, next: &[u32], first: &[u32]) {
        if self.rule != Rule::CursorStability {
            return;
        }
        let dependencies = self.dependencies;
        let before = links.len();
        for at in 0..dependencies.len() as u32 {
            for read in dependencies.reads.row(at) {
                let Some(own) = dependencies.write(at, read.key) else {
                    continue;
                };
                let between = match read.version {
                    NEVER => first[read.key as usize],
                    version => next[version as usize],
                };
                if between == own || between == NEVER {
                    continue;
                }
                let back = self.follow(read.key, between, own);
                let there = match read.version {
                    NEVER => None,
                    version => self.follow(read.key, version, between).guesses[0],
                };
                links.push(Link {
                    from: at,
                    to: at,
                    kind: Kind::ReadWrite,
                    guesses: [there, back.guesses[0]],
                    read: dependencies.writer(between),
                    cause: Cause {
                        key: read.key,
                        before: read.version,
                        after: between,
                    },
                });
            }
        }
        // Others do not matter to it.
        links.drain(..before);
    }

    /// The order of sessions between transactions that write, and to and from those that only read:
    /// where circles may lead over few of the latter, it must not be lost with the others.
    fn add_session_updates(&self, links: &mut Vec<Link>) {
        if self.rule != Rule::UpdateSerializable || self.order == Order::None {
            return;
        }
        let mut by_session: Vec<(u32, u32, u32)> = (0..self.dependencies.len() as u32)
            .filter(|at| self.dependencies.happened[*at as usize])
            .map(|at| {
                let (session, index) = self.sessions[at as usize];
                (session, index, at)
            })
            .collect();
        by_session.sort_unstable();
        for session in by_session.chunk_by(|one, other| one.0 == other.0) {
            // Since the last that wrote, and that one itself.
            let mut since: Vec<u32> = Vec::new();
            for (_, _, at) in session {
                let updates = self.dependencies.updates(*at);
                let before = if updates {
                    &since[..]
                } else {
                    &since[..since.len().min(1)]
                };
                links.extend(
                    before
                        .iter()
                        .map(|before| Link::certain(*before, *at, Kind::Process, NO_CAUSE)),
                );
                if updates {
                    since.clear();
                }
                since.push(*at);
            }
        }
    }

    fn add_real_time(&self, links: &mut Vec<Link>) {
        if self.order == Order::RealTime {
            let first = self.dependencies.len() as u32;
            self.timeline.real_time(first, |from, to| {
                links.push(Link::certain(from, to, Kind::Realtime, NO_CAUSE));
            });
        }
    }

    /// What is known and assumed, where that alone goes in a circle.
    fn assumed(
        &self,
        base: &Rows<u32>,
        turned: &[(u32, u32, u32, Literal)],
        forced: &[Forced],
    ) -> Full {
        let mut links: Vec<Link> = self.known().collect();
        for forced in forced.iter().filter(|forced| forced.to != NEVER) {
            links.push(self.write_link(forced.from, forced.to, forced.key));
        }
        for (from, to, key, literal) in turned {
            links.push(Link {
                guesses: [Some(*literal), None],
                ..self.write_link(*from, *to, *key)
            });
        }
        self.add_real_time(&mut links);
        Full::new(self.dependencies, self.rule, &vec![0; base.len()], links)
    }

    fn write_link(&self, from: u32, to: u32, key: u32) -> Link {
        let version = |at: u32| self.dependencies.write(at, key).unwrap_or(NEVER);
        let cause = Cause {
            key,
            before: version(from),
            after: version(to),
        };
        Link::certain(from, to, Kind::WriteWrite, cause)
    }

    /// That one version follows another one, with the guess that this is.
    fn follow(&mut self, key: u32, before: u32, after: u32) -> Link {
        let (from, to) = (
            self.dependencies.writer(before),
            self.dependencies.writer(after),
        );
        let cause = Cause { key, before, after };
        let link = Link::certain(from, to, Kind::WriteWrite, cause);
        if self.is_known(from, to, before) {
            return link;
        }
        let pair = (from.min(to), from.max(to));
        let variable = match self.pairs.get(&pair) {
            Some(variable) => *variable,
            None => {
                let variable = self.solver.variable(from < to);
                self.pairs.insert(pair, variable);
                self.variables.push((pair.0, pair.1, key));
                variable
            }
        };
        Link {
            guesses: [Some(Literal::new(variable, from < to)), None],
            ..link
        }
    }

    /// Whether the order of two versions is no guess: it is told, or their writers follow each
    /// other.
    fn is_known(&self, from: u32, to: u32, before: u32) -> bool {
        let dependencies = self.dependencies;
        let reads = dependencies.reads.row(to).iter();
        if dependencies.chain_place(before).is_some()
            || reads.into_iter().any(|read| read.version == before)
        {
            return true;
        }
        let (one, other) = (from as usize, to as usize);
        match self.order {
            Order::None => false,
            Order::Session => {
                let (mine, theirs) = (self.sessions[one], self.sessions[other]);
                mine.0 == theirs.0 && mine.1 < theirs.1
            }
            Order::RealTime => {
                dependencies.log.fate(from) == Fate::Committed
                    && self.spans[one].1 < self.spans[other].0
            }
        }
    }
}

/// The edges of a circle, without the points in time between.
fn edges(circle: &[Link], transactions: usize) -> Vec<Edge> {
    let edge = |link: &Link| Edge {
        from: link.from,
        to: link.to,
        kind: link.kind,
        cause: link.cause,
    };
    match circle {
        // A transaction that lost an update: the circle leads over the one between.
        [lost] if lost.from == lost.to => {
            let between = lost.read;
            let there = Edge {
                to: between,
                ..edge(lost)
            };
            let back = Edge {
                from: between,
                kind: Kind::WriteWrite,
                cause: Cause {
                    before: lost.cause.after,
                    ..lost.cause
                },
                ..edge(lost)
            };
            vec![there, back]
        }
        _ => without_points(circle.iter().map(edge).collect(), transactions),
    }
}
