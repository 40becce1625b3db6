//! Nodes that stop in order (rule M7).

use std::time::Duration;

use super::network::{Cluster, HEARTBEAT, node};
use crate::coordinator::{Event, Note};
use crate::ids::NodeId;
use crate::table::Assignment;

fn owned(cluster: &Cluster, id: NodeId) -> usize {
    let partitions = cluster.newest().partitions.iter();
    partitions.filter(|a| a.owner == id).count()
}

fn missed(cluster: &Cluster) -> bool {
    cluster.notes.iter().any(|(_, _, note)| {
        matches!(
            note,
            Note::MasterMissed { .. } | Note::FollowerMissed { .. }
        )
    })
}

/// A cluster whose nodes have said that they hold all partitions.
fn reported(nodes: u32, seed: u64) -> Cluster {
    let mut cluster = Cluster::born(nodes, seed);
    cluster.report_all();
    cluster.run_for(HEARTBEAT * 3);
    cluster
}

/// A node says goodbye; how long that took.
fn stop(cluster: &mut Cluster, id: NodeId) -> Duration {
    let began = cluster.now;
    cluster.stopped.clear();
    cluster.hand(id, Event::Goodbye);
    if cluster.stopped.is_empty() {
        cluster.run_until("it may stop", |c| c.stopped.contains(&id));
    }
    cluster.now.since(began)
}

#[test]
fn all_nodes_are_restarted_one_by_one_and_nobody_is_missed() {
    for (nodes, seed) in [(3, 0), (3, 1), (3, 2), (5, 3), (5, 4), (5, 5)] {
        let mut cluster = reported(nodes, seed);
        cluster.notes.clear();
        for id in cluster.ids() {
            let was_master = cluster.master() == Some(id);
            let took = stop(&mut cluster, id);
            assert!(took < HEARTBEAT * 3, "{id:?} took {took:?}");
            assert_eq!(owned(&cluster, id), 0, "{id:?} owns something");
            let left = |a: &Assignment| !a.in_sync.contains_key(&id) && a.in_sync.len() == 2;
            let kept = |a: &Assignment| left(a) || !a.names(id);
            assert!(cluster.newest().partitions.iter().all(kept), "{id:?}");
            assert!(
                cluster.master().is_some_and(|m| m != id),
                "{id:?}, {was_master}"
            );
            cluster.start(id);
            cluster.run_until("it catches up", |c| {
                c.newest()
                    .partitions
                    .iter()
                    .all(|a| a.in_sync.len() + a.catch_ups.len() == 3)
            });
            cluster.catch_up();
            cluster.run_until("all in sync", |c| {
                c.all_serve() && c.newest().partitions.iter().all(|a| a.in_sync.len() == 3)
            });
        }
        assert!(!missed(&cluster), "{:?}", cluster.notes);
    }
}

/// Where one copy would be left, updates wait for the node; but not for ever.
#[test]
fn of_two_copies_none_is_given_up_for_a_while() {
    let mut cluster = reported(2, 1);
    let first = cluster.ids()[0];
    let both = |c: &Cluster| c.newest().partitions.iter().all(|a| a.in_sync.len() == 2);
    assert!(both(&cluster));
    // Of two nodes no majority stays.
    stop(&mut cluster, first);
    assert!(both(&cluster));
}

#[test]
fn a_backup_that_is_expected_back_stays_in_sync_until_it_is_late() {
    let mut cluster = reported(3, 4);
    let gone = cluster
        .ids()
        .into_iter()
        .find(|id| cluster.master() != Some(*id))
        .expect("one");
    // One copy of each is lost first.
    cluster.kill(gone);
    cluster.run_until("it has left", |c| {
        c.newest()
            .partitions
            .iter()
            .all(|a| !a.in_sync.contains_key(&gone))
    });
    let second = |c: &Cluster| c.newest().partitions.iter().all(|a| a.in_sync.len() == 2);
    assert!(second(&cluster));
    cluster.start(gone);
    cluster.run_until("it is there", Cluster::all_serve);
    let other = cluster
        .ids()
        .into_iter()
        .find(|id| *id != gone && cluster.master() != Some(*id));
    let other = other.expect("one");
    stop(&mut cluster, other);
    let copies = |c: &Cluster| c.newest().partitions.iter().map(|a| a.in_sync.len()).min();
    assert_eq!(
        copies(&cluster),
        Some(2),
        "{:?}",
        cluster.newest().partitions
    );
    cluster.run_for(HEARTBEAT * 20);
    assert_eq!(copies(&cluster), Some(2), "it is expected back");
    cluster.run_until("it is late", |c| copies(c) == Some(1));
}

/// When all stop there is nobody to take over; nobody is taken out.
#[test]
fn a_cluster_that_stops_loses_nobody() {
    for seed in 0..10 {
        let mut cluster = reported(5, seed);
        let before = cluster.newest().clone();
        let ids = cluster.ids();
        let master = cluster.master().expect("there is one");
        let followers = ids.iter().filter(|id| **id != master);
        for id in followers.chain([&master]) {
            cluster.hand(*id, Event::Goodbye);
        }
        cluster.run_until("all have stopped", |c| c.stopped.len() == ids.len());
        let changed = |(a, b): &(&Assignment, &Assignment)| a.in_sync != b.in_sync;
        let after = cluster.newest().clone();
        let pairs = before.partitions.iter().zip(&after.partitions);
        assert_eq!(pairs.filter(changed).count(), 0, "{:?}", after.partitions);
        for id in ids {
            cluster.start(id);
        }
        cluster.run_until("service", Cluster::all_serve);
    }
}

/// One that is about to stop elects nobody, and if it is the only member there is nobody else: it does not enter
/// one term after the other.
#[test]
fn the_only_member_does_not_hurry_through_terms_while_it_stops() {
    let mut cluster = Cluster::born(1, 7);
    cluster.kill(node(1));
    cluster.start(node(1));
    let before = cluster.saved(node(1)).term.0;
    cluster.hand(node(1), Event::Goodbye);
    cluster.run_for(HEARTBEAT * 5);
    let terms = cluster.saved(node(1)).term.0 - before;
    assert!(terms <= 10, "{terms} terms");
}
