//! Breaking rules on purpose: which world notices, by which invariant, and how soon. A verifier that
//! does not notice says nothing when it is content.
//!
//! Only in builds with the feature `break-rules`. Which rule of master and table shows in which model
//! is told [there](crate::election::BREAKABLE). These of them are out of the scope of whole clusters:
//! `disturb` (an election too many harms nobody's data), `no-cas-owner` (implied by the epoch check
//! among nodes that keep to the protocol), `birth-by-majority` (nobody's disk is wiped before the
//! birth is over), and `rejoin-without-catch-up` and `promote-unsynced-survivor` (no disk loses what
//! was synced). `two-members-at-once` shows in clusters, but seldom.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use kensho_protocol::rule::{Rule, Rules};
use kensho_protocol::settings::Mode;

use crate::cluster::Cluster;
use crate::exploration::{self, Order};
use crate::invariants::Invariant;
use crate::replication::Replication;
use crate::replication::models::Named;
use crate::run::{Given, Run, explore};
use crate::world::World;

/// The rules that a replica keeps (R1 to R12), and those that it asks of the table (M3, M4).
pub const RULES: [Rule; 27] = [
    Rule::MajorityAcks,
    Rule::AckBeforeBackup,
    Rule::ShrinkAlone,
    Rule::GrowUncounted,
    Rule::GrowBehind,
    Rule::ReadWithoutPending,
    Rule::AcceptOldEpoch,
    Rule::AckAnyEpoch,
    Rule::AckBeforeFsync,
    Rule::RejoinWithoutCatchUp,
    Rule::ServeBeforeSync,
    Rule::CutToCommitMark,
    Rule::KeepDivergentTail,
    Rule::OneEpochNumber,
    Rule::ResumeAfterRestart,
    Rule::ReEnterEpoch,
    Rule::LocalRead,
    Rule::LeaseFromReceipt,
    Rule::LeaseClockStops,
    Rule::PromiseForgotten,
    Rule::AsyncWithoutLease,
    Rule::RetryAppliedTwice,
    Rule::DedupLostInImage,
    Rule::DirtyRead,
    Rule::NoCas,
    Rule::NoCasOwner,
    Rule::PromoteUnclean,
];

/// What came of looking.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// The invariant that was violated, if any was.
    pub by: Option<Invariant>,
    /// After how many generated states, or seeds.
    pub after: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// All rules but `broken`.
#[must_use]
pub fn rules(broken: Option<Rule>) -> Rules {
    broken.map_or(Rules::sound(), |rule| Rules::sound().without(rule))
}

/// Explores a model breadth first, until something is violated or `states_max` states were generated.
#[must_use]
pub fn in_model(broken: Option<Rule>, named: &Named, states_max: usize) -> Found {
    let model = Replication::new((named.bounds)(rules(broken)));
    let found = exploration::explore(&model, Order::BreadthFirst, states_max);
    Found {
        by: found.counterexample.map(|example| example.invariant),
        after: found.generated_states as u64,
        seconds: found.seconds,
    }
}

/// Runs the replication world's seeds from 0, until something is violated, or all of `seeds_max` were
/// run, or `seconds_max` are over.
#[must_use]
pub fn in_simulation(
    broken: Option<Rule>,
    mode: Option<Mode>,
    seeds_max: u64,
    seconds_max: f64,
) -> Found {
    let given = Given {
        mode,
        rules: rules(broken),
        ..Given::default()
    };
    first_violation::<World>(&given, seeds_max, seconds_max)
}

/// The same with whole clusters.
#[must_use]
pub fn in_cluster(broken: Option<Rule>, seeds_max: u64, seconds_max: f64) -> Found {
    let given = Given {
        rules: rules(broken),
        ..Given::default()
    };
    first_violation::<Cluster>(&given, seeds_max, seconds_max)
}

/// What one seed violates.
#[must_use]
pub fn violated<R: Run>(seed: u64, given: &Given) -> Option<Invariant> {
    // With a broken rule, the protocol's own assertions may fail: a real node would stop.
    match catch_unwind(AssertUnwindSafe(|| explore::<R>(seed, given))) {
        Ok(outcome) => outcome.violation.map(|violation| violation.invariant()),
        Err(_) => Some(Invariant::Assertion),
    }
}

fn first_violation<R: Run>(given: &Given, seeds_max: u64, seconds_max: f64) -> Found {
    let began = Instant::now();
    let mut after = 0;
    let mut by = None;
    while by.is_none() && after < seeds_max && began.elapsed().as_secs_f64() < seconds_max {
        by = violated::<R>(after, given);
        after += 1;
    }
    Found {
        by,
        after,
        seconds: began.elapsed().as_secs_f64(),
    }
}
