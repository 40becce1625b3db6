//! Suspicion by evidence (rule M8).

use std::time::Duration;

use super::network::{Cluster, HEARTBEAT};
use crate::coordinator::{Event, Note};
use crate::ids::NodeId;
use crate::settings::Settings;

/// The default heartbeat.
const SLOW: Duration = Duration::from_secs(5);

/// A cluster with the default heartbeat that serves, and has been quiet for a while.
fn slow(nodes: u32, seed: u64) -> Cluster {
    let mut cluster = Cluster::with_settings(nodes, seed, Settings::with_heartbeat(SLOW));
    cluster.run_until("birth", Cluster::all_serve);
    cluster.report_all();
    cluster.run_for(SLOW * 3);
    cluster.notes.clear();
    cluster
}

/// The process is gone, and all others find that nobody listens there, again and again.
fn kill(cluster: &mut Cluster, id: NodeId) {
    cluster.kill(id);
    for other in cluster.ids() {
        cluster.hand(other, Event::NobodyListens(id));
    }
}

fn is_gone(cluster: &Cluster, id: NodeId) -> bool {
    let partitions = &cluster.newest().partitions;
    partitions.iter().all(|a| !a.in_sync.contains_key(&id))
}

#[test]
fn a_dead_follower_is_replaced_at_once_at_the_default_heartbeat() {
    for (nodes, seed) in [(3, 0), (3, 1), (5, 2), (5, 3)] {
        let mut cluster = slow(nodes, seed);
        let master = cluster.master().expect("there is one");
        let dead = cluster
            .ids()
            .into_iter()
            .find(|id| *id != master)
            .expect("one");
        let began = cluster.now;
        kill(&mut cluster, dead);
        while !is_gone(&cluster, dead) {
            cluster.run_for(Duration::from_millis(1));
            assert!(
                cluster.now.since(began) < Duration::from_millis(100),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn a_dead_master_is_replaced_within_a_second_at_the_default_heartbeat() {
    for (nodes, seed) in [(3, 0), (3, 1), (3, 2), (5, 3), (5, 4), (5, 5)] {
        let mut cluster = slow(nodes, seed);
        let dead = cluster.master().expect("there is one");
        let began = cluster.now;
        kill(&mut cluster, dead);
        while cluster.master().is_none_or(|master| master == dead) || !is_gone(&cluster, dead) {
            cluster.run_for(Duration::from_millis(1));
            assert!(
                cluster.now.since(began) < Duration::from_secs(1),
                "seed {seed}"
            );
        }
    }
}

/// A node alone says so again and again, of anybody: its own way may be what is broken.
#[test]
fn the_word_of_one_is_not_enough() {
    for seed in 0..10 {
        let mut cluster = slow(3, seed);
        let before = cluster.newest().clone();
        let ids = cluster.ids();
        let liar = ids[seed as usize % 3];
        for _ in 0..100 {
            for other in &ids {
                cluster.hand(liar, Event::NobodyListens(*other));
            }
            cluster.run_for(SLOW / 20);
        }
        cluster.run_for(SLOW * 4);
        assert_eq!(
            cluster.newest().stamp.term,
            before.stamp.term,
            "seed {seed}"
        );
        assert_eq!(
            cluster.newest().partitions,
            before.partitions,
            "seed {seed}"
        );
        let failed = |(_, _, note): &(_, _, Note)| matches!(note, Note::FollowerMissed { .. });
        assert!(!cluster.notes.iter().any(failed), "seed {seed}");
        assert!(cluster.all_serve());
    }
}

/// What was said before a node is heard again counts no more.
#[test]
fn who_is_heard_is_there() {
    let mut cluster = Cluster::born(3, 1);
    let master = cluster.master().expect("there is one");
    let others: Vec<NodeId> = cluster
        .ids()
        .into_iter()
        .filter(|id| *id != master)
        .collect();
    cluster.notes.clear();
    cluster.hand(master, Event::NobodyListens(others[0]));
    cluster.run_for(HEARTBEAT * 3);
    cluster.hand(others[1], Event::NobodyListens(others[0]));
    cluster.run_for(HEARTBEAT * 3);
    let failed = |(_, _, note): &(_, _, Note)| matches!(note, Note::FollowerMissed { .. });
    assert!(!cluster.notes.iter().any(failed));
}
