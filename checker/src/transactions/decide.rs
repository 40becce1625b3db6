//! Whether a consistency model holds: exactly, for all orders of versions that are possible.

use super::cycles;
use super::dependencies::Dependencies;
use super::graph::{Cause, Edge, Graph, Kind, NO_CAUSE, Timeline};
use super::models::{ConsistencyModel, Level, Order};
use super::polygraph::{self, Decision};
use super::rows::{ALONE, components};
use super::rules::Rule;
use super::saturation::{Forced, forced};
use super::search::{Outcome, Refutation, Search};
use crate::anomaly::AnomalyName;
use crate::budget::Deadline;
use crate::hash::FastMap;
use crate::history::NEVER;

/// Whether a model holds.
#[derive(Clone, Debug)]
pub(super) enum Holds {
    Yes,
    No(Proof),
    /// The budget ran out.
    Unknown,
}

/// Why a model does not hold.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// One of the anomalies that were found is forbidden.
    Found,
    /// A circle of dependencies that the level forbids.
    Circle {
        name: AnomalyName,
        edges: Vec<Edge>,
        /// What is to be said of it beyond its edges.
        note: String,
    },
    /// A read misses a write though it saw what came with it, and what it saw was the beginning.
    Missed { name: AnomalyName, forced: Forced },
}

/// How many steps a search may take for the model that was asked for.
const STEPS: u64 = 1_000_000_000;
/// And for all others together.
const OVERVIEW_STEPS: u64 = 300_000_000;

pub(super) struct Decider<'a> {
    dependencies: &'a Dependencies<'a>,
    timeline: &'a Timeline,
    graph: &'a Graph<'a>,
    /// The anomalies that were found, by name.
    found: Vec<AnomalyName>,
    known: FastMap<ConsistencyModel, Holds>,
    rules: FastMap<(Rule, Order), Holds>,
    deadline: Deadline,
    work: u64,
    /// How far the last search came that the budget ended, if there is anything to say.
    pub(super) how_far: String,
}

impl<'a> Decider<'a> {
    pub(super) fn new(
        dependencies: &'a Dependencies<'a>,
        timeline: &'a Timeline,
        graph: &'a Graph<'a>,
        found: Vec<AnomalyName>,
        deadline: Deadline,
    ) -> Self {
        Decider {
            dependencies,
            timeline,
            graph,
            found,
            known: FastMap::default(),
            rules: FastMap::default(),
            deadline,
            work: STEPS,
            how_far: String::new(),
        }
    }

    /// What was found out of a model, if anything follows from what was decided.
    fn recall(&self, model: ConsistencyModel) -> Option<Holds> {
        if let Some(holds) = self.known.get(&model) {
            return Some(holds.clone());
        }
        if self.found.iter().any(|name| model.forbids(*name)) {
            return Some(Holds::No(Proof::Found));
        }
        for (other, holds) in &self.known {
            match holds {
                Holds::Yes if other.implies(model) => return Some(Holds::Yes),
                Holds::No(_) if model.implies(*other) => return Some(holds.clone()),
                _ => {}
            }
        }
        None
    }

    /// Whether a model holds.
    pub(super) fn holds(&mut self, model: ConsistencyModel) -> Holds {
        if let Some(holds) = self.recall(model) {
            return holds;
        }
        // The weaker levels are decided first where that is fast, since they say best what is wrong.
        let first = match model.level {
            Level::ReadUncommitted => None,
            Level::ReadCommitted => Some(Level::ReadUncommitted),
            Level::MonotonicAtomicView => Some(Level::ReadCommitted),
            Level::ReadAtomic => Some(Level::MonotonicAtomicView),
            Level::Causal => Some(Level::ReadAtomic),
            Level::CursorStability => Some(Level::ReadCommitted),
            Level::Prefix
            | Level::ParallelSnapshotIsolation
            | Level::SnapshotIsolation
            | Level::Serializable => Some(Level::Causal),
            _ => Some(Level::MonotonicAtomicView),
        };
        let simpler = first.map(|level| ConsistencyModel::new(level, model.order));
        if let Some(simpler) = simpler
            && let no @ Holds::No(_) = self.holds(simpler)
        {
            self.known.insert(model, no.clone());
            return no;
        }
        let holds = self.decide(model);
        // With more left of the budget more may be found out.
        if !matches!(holds, Holds::Unknown) {
            self.known.insert(model, holds.clone());
        }
        holds
    }

    fn decide(&mut self, model: ConsistencyModel) -> Holds {
        let nothing_unknown = self.graph.edges().is_empty() && self.versions_are_known();
        if nothing_unknown {
            return Holds::Yes;
        }
        let rule = match model.level {
            Level::ReadUncommitted => return self.no_circle(model, 0),
            Level::ReadCommitted => return self.no_circle(model, Kind::WriteRead.bit()),
            Level::MonotonicAtomicView | Level::ReadAtomic | Level::Causal => {
                return self.saturated(model);
            }
            Level::CursorStability => Rule::CursorStability,
            Level::MonotonicView | Level::MonotonicSnapshotRead => Rule::MonotonicView,
            Level::ConsistentView
            | Level::ForwardConsistentView
            | Level::ParallelSnapshotIsolation => Rule::ConsistentView,
            Level::Prefix => Rule::Prefix,
            Level::UpdateSerializable => Rule::UpdateSerializable,
            Level::SnapshotIsolation => Rule::Snapshot,
            Level::RepeatableRead | Level::Serializable => Rule::Serializable,
        };
        // Several levels have one rule.
        if let Some(holds) = self.rules.get(&(rule, model.order)) {
            return holds.clone();
        }
        // What holds in the order of real time does so in any weaker one, and the more is known of
        // the order the less there is to search.
        if model.order != Order::RealTime && self.is_implied(model.level, Order::RealTime) {
            return Holds::Yes;
        }
        // And some stronger levels are decided faster.
        let stronger = match rule {
            Rule::CursorStability | Rule::MonotonicView | Rule::ConsistentView => {
                Some(Level::SnapshotIsolation)
            }
            Rule::UpdateSerializable => Some(Level::Serializable),
            Rule::Prefix | Rule::Snapshot | Rule::Serializable => None,
        };
        if stronger.is_some_and(|level| self.is_implied(level, model.order)) {
            return Holds::Yes;
        }
        let holds = self.search(model, rule);
        if !matches!(holds, Holds::Unknown) {
            self.rules.insert((rule, model.order), holds.clone());
        }
        holds
    }

    /// Whether a stronger model holds, as far as a share of the work shows it.
    fn is_implied(&mut self, level: Level, order: Order) -> bool {
        let share = self.work / 4;
        let rest = self.work - share;
        self.work = share;
        let holds = self.holds(ConsistencyModel::new(level, order));
        self.work += rest;
        matches!(holds, Holds::Yes)
    }

    fn search(&mut self, model: ConsistencyModel, rule: Rule) -> Holds {
        let (dependencies, timeline) = (self.dependencies, self.timeline);
        let work = &mut self.work;
        let decision = polygraph::decide(
            dependencies,
            timeline,
            model.order,
            rule,
            self.deadline,
            work,
        );
        match decision {
            None => {}
            Some(Decision::Undecided(how_far)) => {
                self.how_far = how_far;
                return Holds::Unknown;
            }
            Some(Decision::Refuted(refutation)) => {
                return Holds::No(self.refuted(model, refutation));
            }
            // (What holds is looked at again, by code that has nothing to do with the search.)
            Some(Decision::Holds(positions)) => {
                let search = Search::new(dependencies, timeline, model.order, rule);
                return match search.keeps(&positions, work) {
                    true => Holds::Yes,
                    false => Holds::Unknown,
                };
            }
        }
        let implied = match rule {
            Rule::CursorStability => None,
            Rule::MonotonicView => Some(Level::MonotonicAtomicView),
            _ => Some(Level::Causal),
        };
        let implied = implied.and_then(|level| {
            let work = &mut self.work;
            forced(self.dependencies, self.timeline, level, model.order, work)
        });
        let search = Search::new(self.dependencies, self.timeline, model.order, rule);
        let outcome = search.run(&implied.unwrap_or_default(), self.deadline, &mut self.work);
        match outcome {
            Outcome::Holds => Holds::Yes,
            Outcome::Undecided => Holds::Unknown,
            Outcome::Refuted(refutation) => Holds::No(self.refuted(model, refutation)),
        }
    }

    /// Whether the order of all versions that anyone read is known, so that without a circle
    /// everything is serializable.
    fn versions_are_known(&self) -> bool {
        self.dependencies.chains_are_complete
    }

    /// Whether what is known of writes, with links of these kinds, goes in no circle: versions of
    /// which nothing is known can then follow each other in any order that agrees with that.
    fn no_circle(&self, model: ConsistencyModel, kinds: u8) -> Holds {
        let orders = match model.order {
            Order::None => 0,
            Order::Session => Kind::Process.bit(),
            Order::RealTime => Kind::Process.bit() | Kind::Realtime.bit(),
        };
        let kinds = kinds | Kind::WriteWrite.bit() | orders;
        let Some(component) = self.graph.circles(kinds) else {
            return Holds::Yes;
        };
        let inside = |edge: &&Edge| {
            edge.kind.bit() & kinds != 0
                && component[edge.from as usize] != ALONE
                && component[edge.from as usize] == component[edge.to as usize]
        };
        let edges: Vec<Edge> = self.graph.edges().iter().filter(inside).copied().collect();
        let circle = cycles::shortest(&edges).unwrap_or_default();
        Holds::No(Proof::Circle {
            name: cycles::name(&circle, Order::None),
            edges: circle,
            note: String::new(),
        })
    }

    /// The weak levels: see [`super::saturation`].
    fn saturated(&mut self, model: ConsistencyModel) -> Holds {
        let (level, order) = (model.level, model.order);
        // Where the level holds with sessions it does so without, and that is decided faster.
        if level == Level::Causal && order == Order::None {
            let sessions = ConsistencyModel::new(level, Order::Session);
            if self.recall(sessions).is_none() {
                let holds = self.saturated(sessions);
                self.known.insert(sessions, holds);
            }
            if let Some(Holds::Yes) = self.recall(sessions) {
                return Holds::Yes;
            }
        }
        let name = match level {
            Level::MonotonicAtomicView => AnomalyName::NonMonotonicView,
            Level::ReadAtomic => AnomalyName::FracturedRead,
            _ => AnomalyName::CausalityViolation,
        };
        let dependencies = self.dependencies;
        let work = &mut self.work;
        let Some(forced) = forced(dependencies, self.timeline, level, order, work) else {
            return Holds::Unknown;
        };
        if let Some(missed) = forced.iter().find(|forced| forced.to == NEVER) {
            return Holds::No(Proof::Missed {
                name,
                forced: *missed,
            });
        }
        let first = dependencies.len() as u32;
        let search = Search::new(dependencies, self.timeline, order, Rule::Serializable);
        let graph = search.base(&forced);
        let Some(component) = components(&graph) else {
            return Holds::Yes;
        };
        let together = |from: u32, to: u32| {
            component[from as usize] != ALONE && component[from as usize] == component[to as usize]
        };
        let mut edges: Vec<Edge> = search
            .known()
            .filter(|link| together(link.from, link.to))
            .map(|link| Edge {
                from: link.from,
                to: link.to,
                kind: link.kind,
                cause: link.cause,
            })
            .collect();
        let version = |at: u32, key: u32| dependencies.write(at, key).unwrap_or(NEVER);
        let implied = forced
            .iter()
            .filter(|forced| together(forced.from, forced.to));
        edges.extend(implied.map(|forced| Edge {
            from: forced.from,
            to: forced.to,
            kind: Kind::WriteWrite,
            cause: Cause {
                key: forced.key,
                before: version(forced.from, forced.key),
                after: version(forced.to, forced.key),
            },
        }));
        if order == Order::RealTime {
            self.timeline.real_time(first, |from, to| {
                if together(from, to) {
                    edges.push(Edge {
                        from,
                        to,
                        kind: Kind::Realtime,
                        cause: NO_CAUSE,
                    });
                }
            });
        }
        let circle = cycles::shortest(&edges).unwrap_or_default();
        let circle = cycles::without_points(circle, dependencies.len());
        let note = self.reasons(&circle, &forced);
        Holds::No(Proof::Circle {
            name,
            edges: circle,
            note,
        })
    }

    /// Why versions of a circle must be in their order, in words.
    fn reasons(&self, circle: &[Edge], all: &[Forced]) -> String {
        let log = self.dependencies.log;
        let mut reasons: Vec<String> = Vec::new();
        for edge in circle.iter().filter(|edge| edge.kind == Kind::WriteWrite) {
            let reason = all.iter().find(|forced| {
                (forced.from, forced.to, forced.key) == (edge.from, edge.to, edge.cause.key)
            });
            if let Some(forced) = reason {
                reasons.push(format!(
                    "{} must come before {} since {} may not miss it and saw the other",
                    log.name(forced.from),
                    log.name(forced.to),
                    log.name(forced.reader)
                ));
            }
        }
        reasons.truncate(6);
        match reasons.is_empty() {
            true => String::new(),
            false => format!(" ({}.)", reasons.join("; ")),
        }
    }

    fn refuted(&self, model: ConsistencyModel, refutation: Refutation) -> Proof {
        let Refutation {
            mut circles,
            certain,
        } = refutation;
        let log = self.dependencies.log;
        if circles.is_empty() {
            return Proof::Circle {
                name: AnomalyName::NoVersionOrder,
                edges: Vec::new(),
                note: String::new(),
            };
        }
        let edges = circles.remove(0);
        if certain {
            let named = cycles::name(&edges, model.order);
            let name = match model.forbids(named) {
                true => named,
                false => AnomalyName::NoVersionOrder,
            };
            return Proof::Circle {
                name,
                edges,
                note: String::new(),
            };
        }
        let mut note = format!(
            " (The order of versions is not told by any read, but {} allows no other: it would lead to circles, too",
            model.as_str()
        );
        for other in circles {
            let told: Vec<String> = other
                .iter()
                .take(6)
                .map(|edge| super::graph::why(log, edge))
                .collect();
            note.push_str(&format!(": {}", told.join("; ")));
        }
        note.push_str(".)");
        Proof::Circle {
            name: AnomalyName::NoVersionOrder,
            edges,
            note,
        }
    }
}

/// What became of all models.
pub(super) struct Overview {
    /// Those that hold.
    pub(super) holding: Vec<ConsistencyModel>,
    /// Those of which it is not known.
    pub(super) undecided: Vec<ConsistencyModel>,
}

impl Overview {
    /// Leaves out the models whose order the history does not tell.
    pub(super) fn only_of(&mut self, is_told: impl Fn(Order) -> bool) {
        self.holding.retain(|model| is_told(model.order));
        self.undecided.retain(|model| is_told(model.order));
    }
}

impl Decider<'_> {
    /// Decides all models, the weakest first; where `further` is false only what follows from what
    /// was decided already.
    pub(super) fn overview(&mut self, further: bool) -> Overview {
        let mut overview = Overview {
            holding: Vec::new(),
            undecided: Vec::new(),
        };
        self.work = OVERVIEW_STEPS;
        for level in ConsistencyModel::ALL.chunk_by(|one, other| one.level == other.level) {
            // The strongest order first: mostly it holds, too; then the weakest, which mostly does
            // not hold either.
            let [none, session, real_time] = level else {
                continue;
            };
            for model in [real_time, none, session] {
                let holds = match further {
                    true => self.holds(*model),
                    false => self.recall(*model).unwrap_or(Holds::Unknown),
                };
                match holds {
                    Holds::Yes => overview.holding.push(*model),
                    Holds::Unknown => overview.undecided.push(*model),
                    Holds::No(_) => {}
                }
            }
        }
        overview
    }
}
