//! A budgeted sample of runs of the replication world.

use kensho_protocol::settings::{Durability, Mode};

use super::World;
use super::sights::Sight;
use crate::run::{Given, explore, explore_aloud};
use crate::sample::{Sample, sample};

#[test]
fn replicas_keep_their_promises_and_recover() {
    for mode in [Mode::SemiSync, Mode::Async] {
        let wanted = Sample {
            seeds: 0..1_500,
            step: 1,
            given: Given {
                mode: Some(mode),
                ..Given::default()
            },
            threads: 2,
            keep_going: false,
        };
        let total = sample::<World>(&wanted, |outcome, _| {
            assert_eq!(outcome.violation, None, "seed {} in {mode:?}", outcome.seed);
        });
        let never: Vec<Sight> = total.sometimes.never().collect();
        let expected = match mode {
            Mode::SemiSync => vec![Sight::SeenLost, Sight::AcknowledgedLost],
            Mode::Async => vec![],
        };
        assert_eq!(never, expected, "{mode:?}");
    }
}

/// Rule R16: two attempts of one read are told that what its session had seen is lost.
#[test]
fn a_session_that_began_anew_may_be_told_once_more_why() {
    let given = Given {
        mode: Some(Mode::Async),
        ..Given::default()
    };
    assert_eq!(explore::<World>(9_963, &given).violation, None);
}

/// Rule R5: crashes take what was acknowledged and not flushed, and nobody misses it.
#[test]
fn with_delayed_durability_what_a_crash_takes_is_not_missed() {
    for mode in [Mode::SemiSync, Mode::Async] {
        let wanted = Sample {
            seeds: 0..750,
            step: 1,
            given: Given {
                mode: Some(mode),
                durability: Durability::Delayed,
                ..Given::default()
            },
            threads: 2,
            keep_going: false,
        };
        let total = sample::<World>(&wanted, |outcome, _| {
            assert_eq!(outcome.violation, None, "seed {} in {mode:?}", outcome.seed);
        });
        assert!(
            total
                .sometimes
                .never()
                .all(|sight| sight != Sight::RecordsLost)
        );
    }
}

/// Evidence that this would be seen: a node that counts as if it had lost nothing.
#[cfg(feature = "break-rules")]
#[test]
fn with_delayed_durability_a_node_that_rejoins_without_catching_up_is_caught() {
    use kensho_protocol::rule::Rule;

    use crate::broken::{rules, violated};
    use crate::invariants::Invariant;

    let given = Given {
        durability: Durability::Delayed,
        rules: rules(Some(Rule::RejoinWithoutCatchUp)),
        ..Given::default()
    };
    let caught = |seed| {
        let by = violated::<World>(seed, &given);
        by.is_some_and(|invariant| invariant != Invariant::Assertion)
    };
    assert!((0..500).any(caught));
}

/// A backup hears at once that thousands of entries are committed, while outcomes of few clients are
/// kept: what was executed ahead of the commit mark was looked at for each client that was forgotten.
#[test]
fn a_long_way_to_catch_up_is_no_endless_one() {
    let given = Given {
        mode: Some(Mode::SemiSync),
        turbulent_ns: Some(300_000_000_000),
        ..Given::default()
    };
    for seed in [1200, 1600, 1637] {
        let outcome = explore::<World>(seed, &given);
        assert_eq!(outcome.violation, None, "seed {seed}");
    }
}

/// A former owner appends something just before it hears of its successor, and is added to the
/// successor's in-sync set with that. Nothing was committed when it was added, but in async something
/// was acknowledged: what stood behind in its log came back with the next failover.
#[test]
fn in_async_nobody_is_added_with_a_tail_of_an_earlier_owner() {
    let outcome = explore::<World>(22_721, &Given::default());
    assert_eq!(outcome.violation, None);
}

/// In async a folder was put back that still had a tail which its owner's successor had cut: its last entry is
/// younger than that of the others, and it came back in the place of what had been acknowledged since. In the
/// others, what was acknowledged was with those that an owner had left out before its disk went back.
#[test]
fn folders_that_are_put_back_bring_nothing_back_and_lose_nothing() {
    for seed in [767, 7609, 8252] {
        let outcome = explore::<World>(seed, &Given::default());
        assert_eq!(outcome.violation, None, "seed {seed}");
    }
}

#[test]
fn a_seed_replays_a_run_to_the_byte() {
    for seed in 0..20 {
        let (first, story) = explore_aloud::<World>(seed, &Given::default());
        let (second, again) = explore_aloud::<World>(seed, &Given::default());
        assert_eq!(first.figures, second.figures);
        assert!(story == again, "the stories of seed {seed} differ");
        // What is told of a run has no influence on it.
        let silent = explore::<World>(seed, &Given::default());
        assert_eq!(silent.figures, first.figures);
    }
}
