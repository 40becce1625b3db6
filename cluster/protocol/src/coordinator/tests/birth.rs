//! The birth of a cluster (rule M5).

use std::collections::BTreeMap;

use super::network::{Cluster, HEARTBEAT, node};
use crate::coordinator::{Event, Refusal};
use crate::ids::Epoch;

#[test]
fn one_two_three_and_five_nodes_are_born() {
    for nodes in [1, 2, 3, 5] {
        for seed in 0..20 {
            let mut cluster = Cluster::new(nodes, seed);
            cluster.run_until("birth", Cluster::all_serve);
            cluster.run_until("agreement", Cluster::agreed_on_table);
            let table = cluster.newest();
            assert!(table.born);
            assert_eq!(table.members.len(), nodes as usize);
            assert!(table.partitions.iter().all(|a| a.epoch == Epoch(1)));
        }
    }
}

#[test]
fn a_node_alone_needs_no_time() {
    let mut cluster = Cluster::new(1, 0);
    let took = cluster.run_until("birth", Cluster::all_serve);
    assert!(took < HEARTBEAT / 10, "{took:?}");
}

#[test]
fn no_cluster_is_born_while_a_node_of_the_list_is_away() {
    let mut cluster = Cluster::new(3, 1);
    cluster.kill(node(3));
    cluster.run_for(HEARTBEAT * 30);
    assert!(
        cluster.chain.is_empty(),
        "roles before all knew of the cluster"
    );
    cluster.start(node(3));
    cluster.run_until("birth", Cluster::all_serve);
}

#[test]
fn a_birth_survives_the_loss_of_each_master_in_it() {
    for seed in 0..50 {
        let mut cluster = Cluster::new(3, seed);
        for _ in 0..3 {
            cluster.run_until("master", |c| c.master().is_some());
            let master = cluster.master().expect("there is one");
            cluster.restart(master);
        }
        cluster.run_until("birth", Cluster::all_serve);
    }
}

#[test]
fn nothing_is_decided_before_the_list_is_known() {
    let mut cluster = Cluster::new(3, 2);
    for id in cluster.ids() {
        cluster.kill(id);
        cluster.start_with_roster(id, BTreeMap::new());
    }
    cluster.run_for(HEARTBEAT * 20);
    assert!(cluster.masters.is_empty());
}

#[test]
fn nodes_may_learn_of_each_other_one_by_one() {
    for seed in 0..30 {
        let mut cluster = Cluster::new(3, seed);
        let roster: BTreeMap<_, _> = cluster
            .ids()
            .into_iter()
            .map(|id| (id, cluster.member(id)))
            .collect();
        for id in cluster.ids() {
            cluster.kill(id);
            cluster.start_with_roster(id, BTreeMap::new());
        }
        for id in cluster.ids() {
            let wait = HEARTBEAT * u32::try_from(cluster.draw() % 8).expect("below 8");
            cluster.run_for(wait);
            cluster.hand(id, Event::Roster(roster.clone()));
        }
        cluster.run_until("birth", Cluster::all_serve);
    }
}

#[test]
fn wiped_nodes_do_not_make_a_second_cluster_out_of_one_that_holds_the_first() {
    let mut cluster = Cluster::born(3, 3);
    let before = cluster.chain.clone();
    for (old, new) in [(1, 11), (2, 12)] {
        cluster.wipe(node(old), node(new));
    }
    cluster.kill(node(3));
    // They are a majority of what would be another cluster, which has terms of its own.
    cluster.masters.clear();
    for id in cluster.ids() {
        cluster.start(id);
    }
    cluster.run_for(HEARTBEAT * 50);
    assert_eq!(cluster.chain, before);
    assert!(cluster.ids().iter().all(|id| !cluster.serves(*id)));
    let survivor = cluster.running(node(3)).expect("runs");
    assert_eq!(survivor.accepted().map(|table| table.born), Some(true));
    assert_eq!(survivor.master(), None, "it follows no stranger");
}

#[test]
fn an_empty_node_waits_while_the_cluster_does_without_it() {
    let mut cluster = Cluster::born(3, 4);
    cluster.wipe(node(2), node(12));
    cluster.start(node(12));
    let (term, before) = (cluster.masters.len(), cluster.now);
    cluster.run_for(HEARTBEAT * 40);
    assert_eq!(
        cluster
            .running(node(12))
            .map(crate::coordinator::Coordinator::deadline),
        Some(None)
    );
    assert!(!cluster.serves(node(12)));
    let later = cluster
        .notes
        .iter()
        .filter(|(at, id, _)| *at > before && *id == node(12));
    assert_eq!(later.count(), 0, "it says nothing");
    assert!(cluster.masters.len() <= term + 1, "it disturbs nobody");
}

#[test]
fn a_node_of_another_cluster_is_refused_by_name() {
    let mut cluster = Cluster::new(3, 5);
    cluster.rename_cluster_of(node(2), "other");
    cluster.run_for(HEARTBEAT * 30);
    assert!(cluster.chain.is_empty());
    let differs = cluster.refusals().into_iter().any(|(_, why)| match why {
        Refusal::Identity { theirs, ours } => theirs.cluster != ours.cluster,
        _ => false,
    });
    assert!(differs, "{cluster:?}");
}
