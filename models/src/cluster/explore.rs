//! Runs by seed: how one went, and the same again with every step told.

use super::plan::Given;
use super::sights::Sometimes;
use super::{Cluster, Figures};
use crate::invariants::Violation;
use crate::world::trace::Trace;

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

/// Runs the cluster that `seed` stands for.
#[must_use]
pub fn explore(seed: u64, given: Given) -> Outcome {
    let (outcome, _) = run(seed, given, Trace::default());
    outcome
}

/// The same, and the story of the run.
#[must_use]
pub fn explore_aloud(seed: u64, given: Given) -> (Outcome, String) {
    let (outcome, cluster) = run(seed, given, Trace::kept());
    let story = format!("{:#?}\n{}", cluster.plan(), cluster.trace().text());
    (outcome, story)
}

fn run(seed: u64, given: Given, trace: Trace) -> (Outcome, Cluster) {
    let mut cluster = Cluster::new(seed, given, trace);
    cluster.run();
    let outcome = Outcome {
        seed,
        violation: cluster.violation().cloned(),
        figures: cluster.figures(),
        sometimes: cluster.sometimes().clone(),
    };
    (outcome, cluster)
}
