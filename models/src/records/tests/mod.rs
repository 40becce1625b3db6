//! What is as it should be is found to be so; and each thing that is not is noticed.

mod driver;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use kensho_protocol::ids::{Epoch, Incarnation};
use kensho_protocol::replica::{Event, Message};
use kensho_protocol::table::Assignment;

use super::*;
use crate::invariants::{Invariant, Violation};
use driver::{Cluster, settings};

fn replayed(cluster: &Cluster) -> Outcome {
    replay(&[cluster.path()]).expect("there are records")
}

/// A run with a failover, and the former owner back as a backup.
fn failed_over() -> Cluster {
    let mut cluster = Cluster::serving();
    cluster.run_until(|cluster| cluster.in_sync() == 3);
    cluster.work(1..6);
    let first = cluster.owner().expect("somebody serves");
    cluster.kill(first);
    cluster.run_until(|cluster| cluster.owner().is_some());
    cluster.work(6..9);
    cluster.start(first);
    cluster.run_until(|cluster| cluster.in_sync() == 3);
    cluster.work(9..12);
    cluster
}

#[test]
fn a_run_with_a_failover_and_a_restart_is_valid() {
    let outcome = replayed(&failed_over());
    assert_eq!(outcome.validity(), Validity::Holds, "{outcome}");
    let Counts {
        nodes,
        lives,
        files,
        served,
        replies,
        matched,
        ..
    } = outcome.counts;
    assert_eq!((nodes, lives, files), (3, 4, 8));
    assert!(served >= 2 && replies >= 22 && matched > 100, "{outcome}");
    assert_eq!((outcome.ended.len(), outcome.why_not_all.len()), (0, 0));
    for invariant in [
        Invariant::OneMaster,
        Invariant::LogMatch,
        Invariant::DurableAck,
        Invariant::Linearizable,
    ] {
        assert!(outcome.checked.contains(&invariant), "{outcome}");
    }
}

#[test]
fn a_torn_end_is_told_and_what_is_whole_counts() {
    let cluster = failed_over();
    let path = cluster.data_file(0, 1);
    let mut bytes = fs::read(&path).expect("a record");
    let whole = bytes.len() as u64;
    // A write that the process did not live to finish.
    bytes.extend_from_slice(&[50, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
    fs::write(&path, bytes).expect("it can be written");
    let outcome = replayed(&cluster);
    assert_eq!(outcome.validity(), Validity::Holds, "{outcome}");
    let ending = Ending::Torn { at: whole };
    assert_eq!(outcome.ended, [Ended { path, ending }]);
    assert!(outcome.to_string().contains("in the middle of a write"));
    assert!(!outcome.checked.contains(&Invariant::LogMatch), "{outcome}");
}

#[test]
fn a_record_may_be_cut_anywhere() {
    let mut cluster = Cluster::new(1, settings());
    cluster.start(0);
    cluster.run_until(|cluster| cluster.owner().is_some());
    let path = cluster.data_file(0, 1);
    let bytes = fs::read(&path).expect("a record");
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).expect("it can be written");
        let outcome = replay(std::slice::from_ref(&path));
        match RecordFile::open(&path).expect("nothing is wrong with its beginning") {
            None => assert!(outcome.is_err(), "no head, no record"),
            Some(_) => assert_eq!(outcome.map(|o| o.validity()), Ok(Validity::Holds)),
        }
    }
}

#[test]
fn damage_is_told_and_leaves_open_what_follows() {
    let cluster = failed_over();
    let path = cluster.data_file(1, 1);
    let mut bytes = fs::read(&path).expect("a record");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    fs::write(&path, bytes).expect("it can be written");
    let outcome = replayed(&cluster);
    assert_eq!(outcome.validity(), Validity::Unknown, "{outcome}");
    let [Ended { ending, .. }] = &outcome.ended[..] else {
        panic!("{outcome}");
    };
    assert!(matches!(ending, Ending::Damaged { .. }), "{outcome}");
    assert!(!outcome.checked.contains(&Invariant::LogMatch), "{outcome}");
    assert!(outcome.to_string().contains("all that n1 did"), "{outcome}");
}

#[test]
fn an_output_that_differs_is_noticed() {
    let mut cluster = Cluster::serving();
    cluster.falsified = Some(kensho_protocol::ids::Token(4));
    cluster.work(1..4);
    let outcome = replayed(&cluster);
    assert_eq!(outcome.validity(), Validity::Violated, "{outcome}");
    let (place, difference) = outcome.difference.expect("it differs");
    let owner = cluster.owner().expect("it still serves");
    assert!(place.starts_with(&format!("n{owner}, life 1, replicas, input ")));
    assert!(difference.what.contains("expected Persist"), "{difference}");
    assert!(difference.what.contains("got Persist"), "{difference}");
}

#[test]
fn a_message_that_nobody_sent_is_noticed() {
    let mut cluster = Cluster::serving();
    let from = cluster.id(1);
    let message = Message::Fenced { promised: Epoch(0) };
    cluster.data(0, Event::Message { from, message });
    let outcome = replayed(&cluster);
    assert_eq!(outcome.validity(), Validity::Violated, "{outcome}");
    assert_eq!(outcome.counts.messages_from_nowhere, 1);
    assert!(outcome.from_nowhere[0].contains("Fenced"), "{outcome}");
}

#[test]
fn a_disk_that_forgot_what_was_safe_is_noticed() {
    let mut cluster = Cluster::serving();
    cluster.run_until(|cluster| cluster.in_sync() == 3);
    cluster.work(1..4);
    let backup = (cluster.owner().expect("somebody serves") + 1) % 3;
    cluster.kill(backup);
    cluster.nodes[backup].disk.entries.pop();
    cluster.start(backup);
    let outcome = replayed(&cluster);
    assert_eq!(outcome.validity(), Validity::Violated, "{outcome}");
    let node = cluster.id(backup);
    let partition = Some(kensho_protocol::ids::PartitionId(0));
    let differs = DiskDiffers {
        node,
        life: 2,
        partition,
    };
    assert_eq!(outcome.disks_differ, [differs]);
}

/// Each of the two records is right in itself.
#[test]
fn two_owners_of_one_epoch_are_noticed_in_the_records_together() {
    let mut cluster = Cluster::new(2, settings());
    for node in 0..2 {
        cluster.start(node);
        let owner = cluster.id(node);
        cluster.data(node, Event::Service(true));
        let assignment = Assignment {
            epoch: Epoch(1),
            owner,
            in_sync: BTreeMap::from([(owner, Incarnation(0))]),
            catch_ups: BTreeSet::new(),
            witnesses: BTreeMap::new(),
        };
        cluster.data(node, Event::Assign(assignment));
    }
    let serves = |node: &driver::Node| node.up.as_ref().is_some_and(|up| up.replica.serves());
    cluster.run_until(|cluster| cluster.nodes.iter().all(serves));
    let outcome = replayed(&cluster);
    assert_eq!(outcome.difference, None, "{outcome}");
    let twice = |violation: &Violation| matches!(violation, Violation::EpochEnteredTwice { .. });
    assert!(outcome.violations.iter().any(twice), "{outcome}");
    for node in ["n0", "n1"] {
        let alone = replay(&[cluster.path().join(node)]).expect("there are records");
        assert!(!alone.violations.iter().any(twice), "{alone}");
    }
}

#[test]
fn records_of_some_nodes_are_replayed_and_what_needs_all_is_not_claimed() {
    let cluster = failed_over();
    let outcome = replay(&[cluster.path().join("n1")]).expect("there are records");
    assert_eq!(outcome.validity(), Validity::Holds, "{outcome}");
    let expected = [
        Invariant::OneMaster,
        Invariant::OneServer,
        Invariant::PromiseOrder,
    ];
    assert_eq!(outcome.checked, expected);
    assert_eq!(outcome.why_not_all, ["there is no record of n0, n2"]);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let refused = |paths: &[PathBuf]| replay(paths).expect_err("it is refused").to_string();
    let empty = tempfile::tempdir().expect("a folder");
    assert!(refused(&[empty.path().to_owned()]).contains("kensho test with --record"));
    let mut cluster = Cluster::new(1, settings());
    cluster.start(0);
    let path = cluster.data_file(0, 1);
    let copy = empty.path().join("copy.inputs");
    fs::copy(&path, &copy).expect("it can be copied");
    assert!(refused(&[path.clone(), copy.clone()]).contains("same life"));
    let mut bytes = fs::read(&path).expect("a record");
    bytes[8] = 99;
    fs::write(&copy, bytes).expect("it can be written");
    assert!(refused(std::slice::from_ref(&copy)).contains("version 99"));
    fs::write(&copy, "{}").expect("it can be written");
    assert!(refused(&[copy]).contains("no record of inputs"));
}

/// The real thing end to end: a rule is broken in the nodes that record, and the records tell.
#[cfg(feature = "break-rules")]
#[test]
fn a_broken_rule_is_caught_in_the_records() {
    use kensho_protocol::rule::Rule;
    for (broken, executions) in [(false, 1), (true, 2)] {
        let mut settings = settings();
        if broken {
            settings.rules = settings.rules.without(Rule::RetryAppliedTwice);
        }
        let mut cluster = Cluster::new(1, settings);
        cluster.start(0);
        cluster.run_until(|cluster| cluster.owner().is_some());
        cluster.execute(1, 1);
        cluster.execute(2, 1);
        let entries = cluster.nodes[0].disk.entries.len();
        assert_eq!(entries, executions);
        let outcome = replayed(&cluster);
        assert_eq!(outcome.difference, None, "{outcome}");
        let violated = outcome.violations.first().map(Violation::invariant);
        assert_eq!(violated, broken.then_some(Invariant::Once), "{outcome}");
    }
}
