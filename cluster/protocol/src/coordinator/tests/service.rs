//! No quorum, no service (requirement A5, rule R13).

use super::network::{Cluster, HEARTBEAT};

#[test]
fn a_minority_serves_nothing() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(5, seed);
        let ids = cluster.ids();
        let (few, many) = ids.split_at(2);
        for a in few {
            for b in many {
                cluster.cut(*a, *b);
            }
        }
        cluster.run_until("new order", |c| {
            c.master().is_some_and(|m| many.contains(&m))
        });
        cluster.run_for(HEARTBEAT * 7);
        assert!(few.iter().all(|id| !cluster.serves(*id)), "{cluster:?}");
        assert!(many.iter().all(|id| cluster.serves(*id)), "{cluster:?}");
        cluster.heal();
        cluster.run_until("service", Cluster::all_serve);
    }
}

#[test]
fn a_follower_of_a_master_without_a_majority_stops_too() {
    let mut cluster = Cluster::born(5, 1);
    let master = cluster.master().expect("there is one");
    let friend = cluster
        .ids()
        .into_iter()
        .find(|id| *id != master)
        .expect("others");
    for other in cluster.ids() {
        if other != master && other != friend {
            cluster.cut(master, other);
            cluster.cut(friend, other);
        }
    }
    // The limit is three heartbeats since the contact, not since the last word of the master.
    cluster.run_for(HEARTBEAT * 3 + HEARTBEAT / 2);
    assert!(!cluster.serves(master));
    assert!(!cluster.serves(friend), "{cluster:?}");
}

#[test]
fn nothing_is_served_before_a_table_is_committed() {
    let mut cluster = Cluster::new(3, 2);
    cluster.kill(crate::ids::NodeId(1));
    cluster.run_until("master", |c| c.master().is_some());
    cluster.run_for(HEARTBEAT * 5);
    assert!(cluster.ids().iter().all(|id| !cluster.serves(*id)));
}

#[test]
fn service_is_restored_after_every_node_was_restarted() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        for id in cluster.ids() {
            cluster.restart(id);
        }
        cluster.run_until("service", Cluster::all_serve);
    }
}
