//! A budgeted sample of runs; the example `cluster` runs more.

use kensho_protocol::settings::Mode;

use super::Cluster;
use super::sights::{Sight, Sometimes};
use crate::run::{Given, explore, explore_aloud};

/// Runs that violate nothing, and what happened in them.
fn sample(seeds: std::ops::Range<u64>, given: &Given) -> Sometimes {
    let mut sometimes = Sometimes::default();
    for seed in seeds {
        let outcome = explore::<Cluster>(seed, given);
        assert_eq!(outcome.violation, None, "seed {seed} of {given:?}");
        sometimes.add(&outcome.sometimes);
    }
    sometimes
}

#[test]
fn clusters_keep_their_promises_and_recover() {
    for mode in [Mode::SemiSync, Mode::Async] {
        let given = Given {
            mode: Some(mode),
            ..Given::default()
        };
        let sometimes = sample(0..400, &given);
        let never: Vec<Sight> = sometimes.never().collect();
        // In semi-sync nothing is lost, unless a loss was told of (rule R14), as it seldom is.
        let missing = |sight: &&Sight| mode == Mode::Async || **sight != Sight::AcknowledgedLost;
        let missing: Vec<&Sight> = never.iter().filter(missing).collect();
        assert!(missing.is_empty(), "{mode:?}: {missing:?}");
    }
}

#[test]
fn a_larger_cluster_keeps_its_promises() {
    let given = Given {
        nodes: Some(7),
        ..Given::default()
    };
    sample(0..20, &given);
}

/// A node that was removed asks to be a member again, and its vote is needed by one that became a member
/// only after it had left.
#[test]
fn who_comes_back_elects_those_whom_it_does_not_know() {
    for seed in [771, 2989] {
        let outcome = explore::<Cluster>(seed, &Given::default());
        assert_eq!(outcome.violation, None, "seed {seed}");
    }
}

/// Each of these violated something once: replicas took roles from a table of before their disk went back
/// (1848); a master relied on what a node had said before its folder was put back (29, 1886, 8462); another one
/// on what a node had said of an earlier epoch (9102); nobody could be elected, since a table that many had heard
/// of was on no disk any more (1420).
#[test]
fn folders_that_are_put_back_do_no_harm() {
    for seed in [29, 1420, 1848, 1886, 8462, 9102] {
        let outcome = explore::<Cluster>(seed, &Given::default());
        assert_eq!(outcome.violation, None, "seed {seed}");
    }
}

#[test]
fn a_seed_replays_a_run_to_the_byte() {
    for seed in 0..10 {
        let (first, story) = explore_aloud::<Cluster>(seed, &Given::default());
        let (second, again) = explore_aloud::<Cluster>(seed, &Given::default());
        assert_eq!(first.figures, second.figures);
        assert!(story == again, "the stories of seed {seed} differ");
        // What is told of a run has no influence on it.
        assert_eq!(
            explore::<Cluster>(seed, &Given::default()).figures,
            first.figures
        );
    }
}

/// Evidence that the invariants see what goes wrong between the nodes of a cluster.
#[cfg(feature = "break-rules")]
#[test]
fn broken_rules_about_master_and_table_are_caught() {
    use kensho_protocol::rule::Rule;

    use crate::broken::{rules, violated};
    use crate::invariants::Invariant;

    let broken = [
        (Rule::VoteTwice, Invariant::OneMaster),
        (Rule::TokenAfterRestart, Invariant::OneMaster),
        (Rule::WeakestWins, Invariant::TableChain),
        (Rule::ActOnAccepted, Invariant::CommittedTableOnly),
        (Rule::SkipRecommit, Invariant::CommittedTableOnly),
        (Rule::PromoteUnclean, Invariant::TableChain),
        (Rule::CountByCommittedMembers, Invariant::CommittedTableOnly),
        (Rule::KeepRoomless, Invariant::Recovers),
    ];
    for (rule, invariant) in broken {
        let given = Given {
            rules: rules(Some(rule)),
            ..Given::default()
        };
        // Some seeds show it otherwise first: as a cluster that does not recover, for one.
        let caught = (0..200).any(|seed| violated::<Cluster>(seed, &given) == Some(invariant));
        assert!(caught, "{rule} is not caught by {invariant:?}");
    }
}

/// A member that had said goodbye was left alone by a master that left, and went through terms without a pause.
#[test]
fn one_that_stops_and_is_left_alone_keeps_quiet() {
    let outcome = explore::<Cluster>(1_201, &Given::default());
    assert_eq!(outcome.violation, None);
}
