//! Breaking rules on purpose: which world notices, by which invariant, and how soon. A verifier that
//! does not notice says nothing when it is content.
//!
//! Only in builds with the feature `break-rules`. Which rule of master and table shows in which model
//! is told [there](crate::election::BREAKABLE). These of them are out of the scope of whole clusters:
//! `disturb` (an election too many harms nobody's data), `no-cas-owner` (implied by the epoch check
//! among nodes that keep to the protocol), `birth-by-majority` (nobody's disk is wiped before the
//! birth is over), and `rejoin-without-catch-up` and `promote-unsynced-survivor` (no disk loses what
//! was synced). `two-members-at-once` shows in clusters, but seldom. That nodes stop without handing over
//! (`stop-at-once`), or are suspected on one word (`suspect-alone`), harms no data: how long clients wait, and who is
//! left out in vain, shows in clusters in which nothing else goes wrong (`cluster/stops.rs`).
//! `vouched-without-lease` has not shown in tens of thousands of runs: the former owner and one of its backups would
//! have to be cut off from all others, together, for longer than a failover takes, with a client that reads there and
//! has seen nothing newer. A test of replicas plays just that (`cluster/protocol/src/replica/tests/backup.rs`).
//! `ack-any-epoch` shows once in some 80,000 runs, and in a test of replicas, too (`reigns.rs`, beside it).

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use kensho_protocol::rule::{Rule, Rules};
use kensho_protocol::settings::Mode;

use crate::cluster::Cluster;
use crate::exploration::{self, Order};
use crate::invariants::Invariant;
use crate::replication::Replication;
use crate::replication::models::Named;
use crate::run::{Given, Run, explore};
use crate::sample::for_each_seed;
use crate::world::World;

/// The rules that a replica keeps (R1 to R16), and those that it asks of the table (M3, M4); each with
/// the invariants that it is there for. Another one may be violated sooner, by what follows from the
/// wrong, so a rule counts as caught only by these.
pub const RULES: [(Rule, &[Invariant]); 34] = {
    use Invariant as I;
    [
        (Rule::MajorityAcks, &[I::DurableAck]),
        (Rule::AckBeforeBackup, &[I::DurableAck]),
        (Rule::ShrinkAlone, &[I::DurableAck]),
        (Rule::GrowUncounted, &[I::DurableAck]),
        (Rule::GrowBehind, &[I::DurableAck]),
        (Rule::ReadWithoutPending, &[I::OneServer, I::Linearizable]),
        (Rule::AcceptOldEpoch, &[I::DurableAck]),
        (Rule::AckAnyEpoch, &[I::DurableAck]),
        (Rule::AckBeforeFsync, &[I::DurableAck]),
        (Rule::RejoinWithoutCatchUp, &[I::OneServer, I::DurableAck]),
        (Rule::ServeBeforeSync, &[I::DurableAck]),
        (Rule::CutToCommitMark, &[I::DurableAck]),
        (Rule::KeepDivergentTail, &[I::DurableAck]),
        (Rule::OneEpochNumber, &[I::DurableAck]),
        (Rule::ResumeAfterRestart, &[I::OneServer]),
        (Rule::ReEnterEpoch, &[I::OneServer]),
        (Rule::LocalRead, &[I::OneServer, I::Linearizable]),
        (Rule::LeaseFromReceipt, &[I::OneServer]),
        (Rule::LeaseClockStops, &[I::OneServer]),
        (Rule::PromiseForgotten, &[I::OneServer]),
        (Rule::LeaseGivenBackEarly, &[I::OneServer, I::Linearizable]),
        (
            Rule::AsyncWithoutLease,
            &[I::OneServer, I::OneValuePerLsn, I::AsyncSuffix],
        ),
        (Rule::RetryAppliedTwice, &[I::Once]),
        (Rule::DedupLostInImage, &[I::Once]),
        // What a read was answered from must not vanish.
        (Rule::DirtyRead, &[I::DurableAck, I::Linearizable]),
        (Rule::BackupShowsUncommitted, &[I::BackupPrefix]),
        (Rule::SessionGoesBack, &[I::BackupPrefix]),
        (Rule::LostSeenCompared, &[I::BackupPrefix]),
        (Rule::StaleBeyondBound, &[I::BackupPrefix]),
        (Rule::VouchedWithoutLease, &[I::BackupPrefix]),
        (Rule::NoCas, &[I::DurableAck]),
        (Rule::NoCasOwner, &[I::DurableAck]),
        (Rule::PromoteUnclean, &[I::OneServer, I::DurableAck]),
        (
            Rule::RolledBackDisk,
            &[I::DurableAck, I::OneServer, I::OneValuePerLsn],
        ),
    ]
};

/// The rules that stand between the state machines and what carries out their outputs (`cluster/kernel`):
/// only whole clusters can show that they are broken. Each with the mode in which it matters, any if none is
/// named, and the invariants that it is there for.
pub const WIRING: [(Rule, Option<Mode>, &[Invariant]); 7] = {
    use Invariant as I;
    [
        (
            Rule::SavedWhenWritten,
            None,
            &[I::OneMaster, I::TableChain, I::CommittedTableOnly],
        ),
        (Rule::AcceptedTableShown, None, &[I::CommittedTableOnly]),
        (Rule::RosterIncomplete, None, &[I::OneMaster, I::TableChain]),
        (Rule::AskNotPassedOn, None, &[I::Recovers]),
        (
            Rule::DurableWhenWritten,
            Some(Mode::SemiSync),
            &[I::DurableAck],
        ),
        (Rule::LateAnswerLeaves, None, &[I::OneServer]),
        (
            Rule::LateUpdateRefused,
            Some(Mode::Async),
            &[I::Linearizable, I::Once, I::OneValuePerLsn],
        ),
    ]
};

/// Whether `by` is one of the invariants that the broken rule is there for; any is, if it is neither of
/// [`RULES`] nor of [`WIRING`].
fn is_own(broken: Option<Rule>, by: Invariant) -> bool {
    let replicas = RULES.iter().map(|(rule, own)| (*rule, *own));
    let wiring = WIRING.iter().map(|(rule, _, own)| (*rule, *own));
    let own = replicas
        .chain(wiring)
        .find(|(rule, _)| Some(*rule) == broken);
    own.is_none_or(|(_, invariants)| invariants.contains(&by))
}

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
    let by = found.counterexample.map(|example| example.invariant);
    Found {
        by: by.filter(|by| is_own(broken, *by)),
        after: found.generated_states as u64,
        seconds: found.seconds,
    }
}

/// Runs the replication world's seeds from 0, on all processors, until one of the invariants that the
/// rule is there for is violated, or all of `seeds_max` were run, or `seconds_max` are over.
#[must_use]
pub fn in_simulation(
    broken: Option<Rule>,
    mode: Option<Mode>,
    seeds_max: u64,
    seconds_max: f64,
) -> Found {
    first_violation::<World>(broken, mode, seeds_max, seconds_max)
}

/// The same with whole clusters.
#[must_use]
pub fn in_cluster(
    broken: Option<Rule>,
    mode: Option<Mode>,
    seeds_max: u64,
    seconds_max: f64,
) -> Found {
    first_violation::<Cluster>(broken, mode, seeds_max, seconds_max)
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

fn first_violation<R: Run>(
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
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let first: Mutex<Option<(u64, Invariant)>> = Mutex::new(None);
    let run = AtomicU64::new(0);
    for_each_seed(0..seeds_max, threads, |seed| {
        let by = violated::<R>(seed, &given).filter(|by| is_own(broken, *by));
        run.fetch_add(1, Ordering::Relaxed);
        if let Some(by) = by {
            let mut first = first.lock().expect("no thread panics");
            if first.is_none_or(|(lowest, _)| seed < lowest) {
                *first = Some((seed, by));
            }
            return ControlFlow::Break(());
        }
        match began.elapsed().as_secs_f64() < seconds_max {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    let first = first.into_inner().expect("no thread panics");
    Found {
        by: first.map(|(_, by)| by),
        after: first.map_or(run.into_inner(), |(seed, _)| seed + 1),
        seconds: began.elapsed().as_secs_f64(),
    }
}
