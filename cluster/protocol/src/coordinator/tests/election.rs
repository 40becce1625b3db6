//! The bully tournament (requirement A2, A4; rule M1).

use super::network::{Cluster, HEARTBEAT, node};
use crate::coordinator::Note;
use crate::ids::Term;
use crate::rule::Rule;

#[test]
fn a_killed_master_is_followed_by_another() {
    for nodes in [3, 5, 7] {
        for seed in 0..30 {
            let mut cluster = Cluster::born(nodes, seed);
            let old = cluster.master().expect("a born cluster has one");
            cluster.kill(old);
            let took = cluster.run_until("new master", |c| c.master().is_some_and(|m| m != old));
            assert!(took < HEARTBEAT * 8, "{nodes} nodes, seed {seed}: {took:?}");
        }
    }
}

#[test]
fn the_preferred_node_wins_among_equals() {
    for seed in 0..20 {
        let mut cluster = Cluster::new(5, seed);
        cluster.set_priority(node(2), 7);
        cluster.run_until("birth", Cluster::all_serve);
        let took_part = |c: &Cluster| c.masters.values().next_back() == Some(&node(2));
        // It may come too late for the first election, when others already are a majority.
        if !took_part(&cluster) {
            let master = cluster.master().expect("there is one");
            cluster.run_for(HEARTBEAT * 3);
            cluster.kill(master);
            cluster.run_until("new master", |c| c.master().is_some_and(|m| m != master));
        }
        cluster.run_for(HEARTBEAT);
    }
}

#[test]
fn the_one_who_knows_the_newest_table_wins_whatever_others_prefer() {
    for seed in 0..30 {
        let mut cluster = Cluster::born(3, seed);
        let master = cluster.master().expect("there is one");
        let others: Vec<_> = cluster
            .ids()
            .into_iter()
            .filter(|id| *id != master)
            .collect();
        // One follower misses a change of the table, and is preferred afterwards.
        cluster.isolate(others[0]);
        cluster.run_until("failover", |c| {
            c.newest()
                .partitions
                .iter()
                .all(|a| !a.in_sync.contains_key(&others[0]))
        });
        cluster.run_for(HEARTBEAT);
        cluster.set_priority(others[0], 100);
        cluster.kill(master);
        cluster.heal();
        cluster.run_until("new master", |c| c.master().is_some());
        assert_eq!(cluster.master(), Some(others[1]));
    }
}

#[test]
fn an_isolated_master_gives_up_and_follows_when_it_returns() {
    for seed in 0..30 {
        let mut cluster = Cluster::born(3, seed);
        let old = cluster.master().expect("there is one");
        cluster.isolate(old);
        cluster.run_until("new master", |c| c.master().is_some_and(|m| m != old));
        cluster.run_for(HEARTBEAT * 5);
        assert!(!cluster.serves(old), "no quorum, no service");
        let new = cluster.master();
        let terms = cluster.masters.len();
        cluster.heal();
        cluster.run_until("its return", Cluster::all_serve);
        cluster.run_for(HEARTBEAT * 5);
        assert_eq!(cluster.master(), new, "the old one disturbs nobody");
        assert_eq!(cluster.masters.len(), terms);
    }
}

#[test]
fn a_follower_with_a_broken_link_deposes_nobody() {
    for seed in 0..30 {
        let mut cluster = Cluster::born(3, seed);
        let master = cluster.master().expect("there is one");
        let term = cluster.running(master).expect("runs").term();
        let follower = cluster
            .ids()
            .into_iter()
            .find(|id| *id != master)
            .expect("others");
        cluster.cut_one_way(master, follower);
        cluster.run_for(HEARTBEAT * 50);
        assert_eq!(cluster.running(master).expect("runs").term(), term);
        assert!(!cluster.serves(follower));
    }
}

#[test]
fn a_master_that_hears_nobody_is_replaced_though_all_hear_it() {
    for seed in 0..30 {
        let mut cluster = Cluster::born(3, seed);
        let old = cluster.master().expect("there is one");
        for other in cluster.ids() {
            if other != old {
                cluster.cut_one_way(other, old);
            }
        }
        cluster.run_until("new master", |c| c.master().is_some_and(|m| m != old));
    }
}

#[test]
fn lost_votes_cost_a_retry() {
    for seed in 0..50 {
        let mut cluster = Cluster::born(5, seed);
        let old = cluster.master().expect("there is one");
        cluster.kill(old);
        let began = |c: &Cluster, since: usize| {
            let mut notes = c.notes[since..].iter();
            notes.any(|(_, _, note)| matches!(note, Note::Yielded { .. }))
        };
        let since = cluster.notes.len();
        cluster.run_until("first vote", |c| began(c, since));
        // All that was handed over so far is lost with those who took it.
        for id in cluster.ids() {
            if id != old {
                cluster.restart(id);
            }
        }
        cluster.run_until("new master", |c| c.master().is_some());
    }
}

#[test]
fn nobody_is_master_of_a_term_that_it_knew_before_a_restart() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(1, seed);
        for _ in 0..5 {
            let known = cluster.saved(node(1)).term;
            cluster.restart(node(1));
            cluster.run_until("new master", Cluster::all_serve);
            assert!(cluster.running(node(1)).expect("runs").term() > known);
        }
    }
}

#[test]
fn two_nodes_need_each_other() {
    let mut cluster = Cluster::born(2, 1);
    let master = cluster.master().expect("there is one");
    cluster.kill(master);
    let terms = cluster.masters.len();
    cluster.run_for(HEARTBEAT * 40);
    assert_eq!(cluster.masters.len(), terms);
    cluster.start(master);
    cluster.run_until("return", Cluster::all_serve);
}

#[test]
fn a_quiet_cluster_stays_in_its_term() {
    let mut cluster = Cluster::born(5, 6);
    let terms = cluster.masters.clone();
    let messages = cluster.election_messages;
    cluster.run_for(HEARTBEAT * 1000);
    assert_eq!(cluster.masters, terms);
    assert_eq!(cluster.election_messages, messages);
    assert!(terms.keys().next_back() <= Some(&Term(2)));
}

#[test]
fn the_rules_of_election_have_names() {
    let named = [
        "vote-twice",
        "vote-not-persisted",
        "master-yields",
        "token-after-restart",
    ];
    assert!(named.iter().all(|name| name.parse::<Rule>().is_ok()));
}
