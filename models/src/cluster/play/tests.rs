//! Workloads in virtual time: few seeds here, many with `kensho simulate --workload`.

use kensho_checker::history::{Event, Process};

use super::Play;
use crate::asked_for::Nemesis;
use crate::cluster::Cluster;
use crate::run::{Figures, Given, Outcome, Run, explore, run_aloud, story};

fn given(nemesis: &[&str]) -> Given {
    let names: Vec<String> = nemesis.iter().map(ToString::to_string).collect();
    Given {
        workload: kensho_workloads::find("register").ok(),
        nemesis: (!names.is_empty()).then(|| Nemesis::of(&names).expect("they are names")),
        turbulent_ns: Some(10_000_000_000),
        ..Given::default()
    }
}

fn total<S>(outcomes: &[Outcome<S>]) -> Figures {
    let mut total = Figures::default();
    for outcome in outcomes {
        total.add(&outcome.figures);
    }
    total
}

#[test]
fn clients_see_one_register_each_whatever_strikes_and_the_cluster_recovers() {
    let play = |seed| {
        let outcome = explore::<Cluster<Play>>(seed, &given(&[]));
        assert_eq!(outcome.violation, None, "seed {seed}");
        outcome
    };
    let outcomes: Vec<_> = (0..12).map(play).collect();
    let total = total(&outcomes);
    assert!(total.reads > 1_000 && total.updates > 1_000, "{total:?}");
    assert!(total.faults >= 12 && total.unknown > 0, "{total:?}");
}

#[test]
fn a_seed_plays_the_same_history_to_the_byte() {
    for seed in 0..3 {
        let (_, first) = run_aloud::<Cluster<Play>>(seed, &given(&[]));
        let (_, second) = run_aloud::<Cluster<Play>>(seed, &given(&[]));
        assert!(first.history().len() > 100);
        assert_eq!(first.history(), second.history(), "seed {seed}");
        assert!(
            story(&first) == story(&second),
            "the stories of {seed} differ"
        );
    }
}

#[test]
fn a_history_tells_of_the_faults_that_were_asked_for_and_of_no_others() {
    let faults = |nemesis: &[&str]| -> Vec<Event> {
        let (_, world) = run_aloud::<Cluster<Play>>(1, &given(nemesis));
        let events = world.history().iter();
        let of_nemesis = |event: &&Event| event.process == Process::Nemesis;
        events.filter(of_nemesis).cloned().collect()
    };
    assert!(faults(&["none"]).is_empty());
    let kills = faults(&["kill"]);
    let is_kill = |event: &Event| event.f.contains("kill") || event.f == "crash-owner";
    assert!(!kills.is_empty() && kills.iter().all(is_kill), "{kills:?}");
    assert!(kills[0].value["injections"][0]["targets"][0].is_string());
}

#[test]
fn every_workload_is_played_and_nothing_is_found_wrong() {
    for &workload in kensho_workloads::ALL {
        let given = Given {
            workload: Some(workload),
            ..given(&[])
        };
        let play = |seed| {
            let outcome = explore::<Cluster<Play>>(seed, &given);
            let name = workload.name();
            assert_eq!(outcome.violation, None, "{name}, seed {seed}");
            outcome
        };
        let outcomes: Vec<_> = (0..6).map(play).collect();
        let total = total(&outcomes);
        assert!(total.updates > 200 && total.faults >= 6, "{total:?}");
    }
}

#[test]
fn a_hundred_nodes_play_a_workload() {
    let given = Given {
        nodes: Some(100),
        turbulent_ns: Some(3_000_000_000),
        ..given(&["kill-owner"])
    };
    let outcome = explore::<Cluster<Play>>(3, &given);
    assert_eq!(outcome.violation, None);
    assert!(outcome.figures.updates > 10);
}

#[cfg(feature = "break-rules")]
mod broken {
    use kensho_protocol::rule::Rule;
    use kensho_protocol::settings::Mode;

    use super::*;
    use crate::broken::rules;
    use crate::invariants::Violation;
    use crate::shrink::shrink;

    /// A semi-sync cluster without a rule.
    fn broken(rule: Rule, nemesis: &[&str]) -> Given {
        Given {
            mode: Some(Mode::SemiSync),
            rules: rules(Some(rule)),
            ..given(nemesis)
        }
    }

    /// The first seed of a run with so many faults whose history the workload's own check finds invalid.
    fn first_invalid(given: &Given, faults_min: u64) -> Option<u64> {
        (0..60).find(|seed| {
            let outcome = explore::<Cluster<Play>>(*seed, given);
            outcome.figures.faults >= faults_min
                && matches!(
                    outcome.violation,
                    Some(Violation::HistoryNotLinearizable { .. })
                )
        })
    }

    #[test]
    fn histories_show_that_rules_are_broken() {
        for (rule, nemesis) in [
            (Rule::LocalRead, "pause"),
            (Rule::AckBeforeBackup, "kill"),
            (Rule::RetryAppliedTwice, "kill"),
        ] {
            let seed = first_invalid(&broken(rule, &[nemesis]), 0);
            println!("{rule} under {nemesis}: seed {seed:?}");
            assert!(seed.is_some(), "no history shows {rule} under {nemesis}");
        }
    }

    #[test]
    fn every_workload_shows_a_broken_rule() {
        for (name, rule, nemesis) in [
            ("counter", Rule::AckBeforeBackup, "kill"),
            ("counter", Rule::RetryAppliedTwice, "kill"),
            ("counter", Rule::LocalRead, "pause"),
            ("set", Rule::AckBeforeBackup, "kill"),
            ("set", Rule::LocalRead, "pause"),
            ("unique-ids", Rule::AckBeforeBackup, "kill"),
            ("queue", Rule::AckBeforeBackup, "kill"),
            ("queue", Rule::RetryAppliedTwice, "kill"),
            ("lock", Rule::AckBeforeBackup, "kill"),
            ("backup-reads", Rule::AckBeforeBackup, "kill"),
            // No other workload can show this: the others read from owners alone.
            ("backup-reads", Rule::SessionGoesBack, "kill"),
        ] {
            let given = Given {
                workload: kensho_workloads::find(name).ok(),
                ..broken(rule, &[nemesis])
            };
            let seed = first_invalid(&given, 0);
            println!("{name} shows {rule} under {nemesis}: seed {seed:?}");
            assert!(seed.is_some(), "{name} never shows {rule} under {nemesis}");
        }
    }

    #[test]
    fn a_failing_workload_shrinks_to_few_faults_and_operations() {
        let given = broken(Rule::AckBeforeBackup, &["kill"]);
        let seed = first_invalid(&given, 7).expect("the rule matters");
        let shrunk = shrink::<Cluster<Play>>(seed, &given, 500).expect("the run fails");
        let (before, kept) = (&shrunk.before, &shrunk.kept);
        assert!(
            kept.faults.len() * 3 < before.faults.len(),
            "{} of {} faults",
            kept.faults.len(),
            before.faults.len()
        );
        assert!(
            kept.operations.len() * 3 < before.operations.len(),
            "{} of {} operations",
            kept.operations.len(),
            before.operations.len()
        );
    }
}
