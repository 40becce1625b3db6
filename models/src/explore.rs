//! Runs by seed: what a seed stands for, how it went, and the same again with every step told.

use crate::invariants::Violation;
use crate::world::plan::Given;
use crate::world::sometimes::Sometimes;
use crate::world::trace::Trace;
use crate::world::{Figures, World};

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which run it was.
    pub seed: u64,
    /// The first thing that went wrong, if anything did.
    pub violation: Option<Violation>,
    /// How much happened.
    pub figures: Figures,
    /// What happened at least sometimes.
    pub sometimes: Sometimes,
}

/// Runs the world that `seed` stands for.
#[must_use]
pub fn explore(seed: u64, given: Given) -> Outcome {
    let (outcome, _) = run(seed, given, Trace::default());
    outcome
}

/// The same, and the story of the run.
#[must_use]
pub fn explore_aloud(seed: u64, given: Given) -> (Outcome, String) {
    let (outcome, world) = run(seed, given, Trace::kept());
    let story = format!("{:#?}\n{}", world.plan(), world.trace().text());
    (outcome, story)
}

fn run(seed: u64, given: Given, trace: Trace) -> (Outcome, World) {
    let mut world = World::new(seed, given, trace);
    world.run();
    let outcome = Outcome {
        seed,
        violation: world.watch().violations().first().cloned(),
        figures: world.figures(),
        sometimes: world.sometimes().clone(),
    };
    (outcome, world)
}
