//! Runs by seed: what is given to a run from outside, how it went, and the same again with every
//! step told. Every world in virtual time is run in this manner.

use std::fmt::Debug;
use std::sync::Arc;

use kensho_checker::history::Event;
use kensho_protocol::rule::Rules;
use kensho_protocol::settings::{Durability, Mode};
use kensho_workloads::Workload;

use crate::asked_for::Nemesis;
use crate::choice::Kept;
use crate::invariants::Violation;
use crate::sights::{Sighted, Sometimes};
use crate::world::trace::Trace;

/// What is given from outside; the seed draws the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// How many nodes there are.
    pub nodes: Option<usize>,
    /// Async or semi-sync.
    pub mode: Option<Mode>,
    /// When a node counts an update as held.
    pub durability: Durability,
    /// Which rules hold.
    pub rules: Rules,
    /// How long faults strike, in virtual time.
    pub turbulent_ns: Option<u64>,
    /// The workload that clients play; `None`: they draw what they ask for.
    pub workload: Option<&'static dyn Workload>,
    /// Which faults strike a workload; drawn, if not given.
    pub nemesis: Option<Nemesis>,
    /// The faults and operations that are not left out; `None`: nothing is left out.
    pub only: Option<Arc<Kept>>,
}

/// Figures of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Messages delivered to nodes, clients and the master, timers that fired, syncs of disks that
    /// ended, and steps of clients. Not what was lost, nor a timer that was set anew before it fired,
    /// nor the end of a batch, nor faults.
    pub events: u64,
    /// Messages sent between nodes.
    pub messages: u64,
    /// Updates acknowledged.
    pub updates: u64,
    /// Reads answered.
    pub reads: u64,
    /// Statements that certainly had no effect.
    pub failed: u64,
    /// Statements that may have had an effect.
    pub unknown: u64,
    /// Faults that struck.
    pub faults: u64,
    /// Acknowledged updates that were lost (async).
    pub lost: u64,
    /// Virtual time.
    pub virtual_ns: u64,
}

impl Figures {
    /// Adds another run's figures.
    pub fn add(&mut self, other: &Figures) {
        self.events += other.events;
        self.messages += other.messages;
        self.updates += other.updates;
        self.reads += other.reads;
        self.failed += other.failed;
        self.unknown += other.unknown;
        self.faults += other.faults;
        self.lost += other.lost;
        self.virtual_ns += other.virtual_ns;
    }
}

/// A world that a seed stands for.
pub trait Run: Sized {
    /// What must happen in it sometimes.
    type Sight: Sighted + Debug + Send;
    /// What was drawn before the run began.
    type Plan: Debug;

    /// The world that `seed` stands for, before anything has happened.
    fn new(seed: u64, given: &Given, trace: Trace) -> Self;

    /// Runs until something is violated, or the cluster has recovered, or the time for that is over.
    fn run(&mut self);

    /// The first thing that went wrong.
    fn violation(&self) -> Option<&Violation>;

    /// How much happened.
    fn figures(&self) -> Figures;

    /// What happened at least sometimes.
    fn sometimes(&self) -> &Sometimes<Self::Sight>;

    /// The faults that struck and the operations that were begun.
    fn taken(&self) -> Kept;

    /// The plan of the run.
    fn plan(&self) -> &Self::Plan;

    /// The story of the run, if it was kept.
    fn trace(&self) -> &Trace;

    /// What clients and the nemesis did, in the form in which the harness writes it of a real cluster;
    /// nothing where clients play no workload.
    fn history(&self) -> &[Event];
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome<S> {
    /// Which run it was.
    pub seed: u64,
    /// The first thing that went wrong, if anything did.
    pub violation: Option<Violation>,
    /// How much happened.
    pub figures: Figures,
    /// What happened at least sometimes.
    pub sometimes: Sometimes<S>,
}

/// Runs the world that `seed` stands for.
#[must_use]
pub fn explore<R: Run>(seed: u64, given: &Given) -> Outcome<R::Sight> {
    let (outcome, _) = run::<R>(seed, given, Trace::default());
    outcome
}

/// The same, and the story of the run.
#[must_use]
pub fn explore_aloud<R: Run>(seed: u64, given: &Given) -> (Outcome<R::Sight>, String) {
    let (outcome, world) = run_aloud::<R>(seed, given);
    (outcome, story(&world))
}

/// The same, and the world as it is in the end.
#[must_use]
pub fn run_aloud<R: Run>(seed: u64, given: &Given) -> (Outcome<R::Sight>, R) {
    run(seed, given, Trace::kept())
}

/// The plan of a run, and what happened in it step by step.
#[must_use]
pub fn story<R: Run>(world: &R) -> String {
    format!("{:#?}\n{}", world.plan(), world.trace().text())
}

fn run<R: Run>(seed: u64, given: &Given, trace: Trace) -> (Outcome<R::Sight>, R) {
    let mut world = R::new(seed, given, trace);
    world.run();
    let outcome = Outcome {
        seed,
        violation: world.violation().cloned(),
        figures: world.figures(),
        sometimes: world.sometimes().clone(),
    };
    (outcome, world)
}
