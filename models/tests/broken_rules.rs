//! Broken rules are caught: those that show soon, so that this can run with every change. All of
//! them, with figures: `cargo run --release -p kensho-models --features break-rules --example bugs`.

use kensho_models::broken::{WIRING, in_cluster, in_model, in_simulation, violated};
use kensho_models::invariants::Invariant;
use kensho_models::replication::models::ALL;
use kensho_models::run::Given;
use kensho_models::world::World;
use kensho_protocol::rule::{Rule, Rules};
use kensho_protocol::settings::Mode;

/// The rule, the model in which it shows, and the invariants that may show it.
const IN_MODEL: [(Rule, &str, Invariant); 13] = [
    (Rule::AckBeforeBackup, "restart", Invariant::DurableAck),
    (Rule::AckBeforeFsync, "restart", Invariant::DurableAck),
    (Rule::RejoinWithoutCatchUp, "wipe", Invariant::OneServer),
    (Rule::ShrinkAlone, "failover", Invariant::DurableAck),
    (Rule::GrowUncounted, "growth", Invariant::DurableAck),
    (Rule::GrowBehind, "growth", Invariant::DurableAck),
    (
        Rule::ReadWithoutPending,
        "growth-time",
        Invariant::OneServer,
    ),
    (Rule::LocalRead, "failover", Invariant::OneServer),
    (Rule::LeaseFromReceipt, "failover", Invariant::OneServer),
    (Rule::PromiseForgotten, "restart", Invariant::OneServer),
    (Rule::RetryAppliedTwice, "retry", Invariant::Once),
    (Rule::PromoteUnclean, "wipe", Invariant::OneServer),
    (Rule::LeaseGivenBackEarly, "hand-over", Invariant::OneServer),
];

/// The rule, the mode, how many seeds are enough, and the invariant that shows it.
const IN_SIMULATION: [(Rule, Mode, u64, Invariant); 25] = [
    (
        Rule::MajorityAcks,
        Mode::SemiSync,
        100,
        Invariant::DurableAck,
    ),
    (
        Rule::AckBeforeBackup,
        Mode::SemiSync,
        100,
        Invariant::DurableAck,
    ),
    (
        Rule::AckBeforeFsync,
        Mode::SemiSync,
        100,
        Invariant::DurableAck,
    ),
    (
        Rule::ShrinkAlone,
        Mode::SemiSync,
        100,
        Invariant::DurableAck,
    ),
    (
        Rule::GrowUncounted,
        Mode::SemiSync,
        100,
        Invariant::DurableAck,
    ),
    (Rule::GrowBehind, Mode::SemiSync, 100, Invariant::DurableAck),
    (
        Rule::ServeBeforeSync,
        Mode::SemiSync,
        300,
        Invariant::DurableAck,
    ),
    (
        Rule::CutToCommitMark,
        Mode::SemiSync,
        100,
        Invariant::DurableAck,
    ),
    (
        Rule::KeepDivergentTail,
        Mode::SemiSync,
        100,
        Invariant::DurableAck,
    ),
    (
        Rule::OneEpochNumber,
        Mode::SemiSync,
        100,
        Invariant::DurableAck,
    ),
    (
        Rule::ResumeAfterRestart,
        Mode::SemiSync,
        100,
        Invariant::OneServer,
    ),
    (
        Rule::ReEnterEpoch,
        Mode::SemiSync,
        500,
        Invariant::OneServer,
    ),
    (
        Rule::LocalRead,
        Mode::SemiSync,
        400,
        Invariant::Linearizable,
    ),
    (
        Rule::RejoinWithoutCatchUp,
        Mode::SemiSync,
        100,
        Invariant::OneServer,
    ),
    (
        Rule::LeaseFromReceipt,
        Mode::SemiSync,
        300,
        Invariant::OneServer,
    ),
    (
        Rule::LeaseClockStops,
        Mode::SemiSync,
        100,
        Invariant::OneServer,
    ),
    (
        Rule::AsyncWithoutLease,
        Mode::Async,
        200,
        Invariant::AsyncSuffix,
    ),
    (
        Rule::RetryAppliedTwice,
        Mode::SemiSync,
        100,
        Invariant::Once,
    ),
    (Rule::DirtyRead, Mode::SemiSync, 100, Invariant::DurableAck),
    (
        Rule::LeaseGivenBackEarly,
        Mode::SemiSync,
        4_000,
        Invariant::OneServer,
    ),
    (
        Rule::BackupShowsUncommitted,
        Mode::SemiSync,
        100,
        Invariant::BackupPrefix,
    ),
    (
        Rule::SessionGoesBack,
        Mode::SemiSync,
        100,
        Invariant::BackupPrefix,
    ),
    (
        Rule::LostSeenCompared,
        Mode::Async,
        3_000,
        Invariant::BackupPrefix,
    ),
    (
        Rule::StaleBeyondBound,
        Mode::SemiSync,
        300,
        Invariant::BackupPrefix,
    ),
    (
        Rule::RolledBackDisk,
        Mode::SemiSync,
        200,
        Invariant::DurableAck,
    ),
];

#[test]
fn the_models_notice() {
    for (rule, name, invariant) in IN_MODEL {
        let small = ALL
            .iter()
            .find(|small| small.name == name)
            .expect("a model");
        let found = in_model(Some(rule), small, 400_000);
        assert_eq!(found.by, Some(invariant), "{rule} in {name}");
        let sound = in_model(
            None,
            small,
            usize::try_from(found.after).expect("few states"),
        );
        assert_eq!(sound.by, None, "{name}");
    }
}

#[test]
fn the_simulated_world_notices() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut missing = Vec::new();
    for (rule, mode, seeds_max, invariant) in IN_SIMULATION {
        let given = Given {
            mode: Some(mode),
            rules: Rules::sound().without(rule),
            ..Given::default()
        };
        // Another invariant may show it sooner; an assertion of the protocol is a panic.
        let shows = |seed: &u64| violated::<World>(*seed, &given) == Some(invariant);
        if !(0..seeds_max).any(|seed| shows(&seed)) {
            missing.push(format!("{rule} as {invariant} in {seeds_max} runs"));
        }
    }
    drop(std::panic::take_hook());
    assert!(missing.is_empty(), "not shown: {missing:?}");
    for mode in [Mode::SemiSync, Mode::Async] {
        let sound = in_simulation(None, Some(mode), 300, f64::MAX);
        assert_eq!(sound.by, None, "{mode:?}");
    }
}

/// What a node does around its state machines is simulated as it ships, and so are faults of that.
#[test]
fn simulated_clusters_notice_faults_of_the_wiring() {
    std::panic::set_hook(Box::new(|_| {}));
    for (rule, mode, _) in WIRING {
        let found = in_cluster(Some(rule), mode, 2_000, f64::MAX);
        println!("{rule}: {:?} after {} seeds", found.by, found.after);
        assert!(found.by.is_some(), "{rule} does not show in 2,000 runs");
    }
}
