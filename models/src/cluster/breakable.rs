//! Which broken rule is caught in runs of whole clusters, and which one is not.

use std::time::{Duration, Instant};

use kensho_protocol::rule::{Rule, Rules};

use super::explore::explore;
use super::plan::Given;
use crate::invariants::Invariant;

/// What came of running clusters in which a rule is broken.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// What caught it, if anything.
    pub by: Option<Catch>,
    /// How many seeds were run.
    pub seeds: u64,
    /// How long that took.
    pub took: Duration,
}

/// What catches a broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catch {
    /// An invariant of the world.
    Invariant(Invariant),
    /// An assertion in the protocol itself: in a real cluster the node stops.
    Assertion,
}

impl Catch {
    /// The name of the invariant, or `assertion`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Catch::Invariant(invariant) => invariant.name(),
            Catch::Assertion => "assertion",
        }
    }
}

/// Runs seeds from 0 up to `seeds_max` until breaking `rule` shows.
#[must_use]
pub fn find_violation(rule: Rule, seeds_max: u64) -> Found {
    let given = Given {
        rules: Rules::sound().without(rule),
        ..Given::default()
    };
    let began = Instant::now();
    let found = |by, seeds| Found {
        by,
        seeds,
        took: began.elapsed(),
    };
    for seed in 0..seeds_max {
        let by = match std::panic::catch_unwind(|| explore(seed, given)) {
            Ok(outcome) => outcome.violation.map(|v| Catch::Invariant(v.invariant())),
            Err(_) => Some(Catch::Assertion),
        };
        if by.is_some() {
            return found(by, seed + 1);
        }
    }
    found(None, seeds_max)
}
