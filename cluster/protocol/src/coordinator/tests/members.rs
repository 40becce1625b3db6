//! Members that come and go (rule M2, requirement A12).

use std::collections::BTreeSet;

use super::network::{Cluster, HEARTBEAT, node};
use crate::coordinator::{Kept, Note};
use crate::ids::{NodeId, PartitionId};
use crate::table::Table;

fn members(table: &Table) -> Vec<u32> {
    table.members.keys().map(|id| id.0).collect()
}

/// From one committed table to the next, the members differ by one node at most.
fn assert_one_at_a_time(cluster: &Cluster) {
    let tables: Vec<_> = cluster.chain.values().collect();
    for pair in tables.windows(2) {
        let ids = |table: &Table| -> BTreeSet<NodeId> { table.members.keys().copied().collect() };
        let (before, after) = (ids(pair[0]), ids(pair[1]));
        let differ = before.symmetric_difference(&after).count();
        assert!(differ <= 1, "from {before:?} to {after:?}");
    }
}

/// Why members were not removed.
fn kept(cluster: &Cluster) -> Vec<Kept> {
    let notes = cluster.notes.iter();
    let why = |(_, _, note): &(_, _, Note)| match note {
        Note::MemberKept { why, .. } => Some(*why),
        _ => None,
    };
    notes.filter_map(why).collect()
}

fn follower(cluster: &Cluster) -> NodeId {
    let master = cluster.master().expect("there is one");
    let mut ids = cluster.ids().into_iter();
    ids.find(|id| *id != master).expect("there are others")
}

#[test]
fn a_new_node_joins_by_itself_whomever_it_asks() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        let through = node(1 + seed as u32 % 3);
        cluster.join(node(4), &[through]);
        let took = cluster.run_until("addition", |c| c.serves(node(4)) && c.agreed_on_table());
        assert!(took < HEARTBEAT * 3, "{took:?}");
        assert_eq!(members(cluster.newest()), [1, 2, 3, 4]);
        // It votes: two of four are no quorum.
        let others: Vec<_> = cluster.ids().into_iter().filter(|id| id.0 != 4).collect();
        cluster.kill(others[seed as usize % 3]);
        cluster.run_until("quorum with the new one", |c| c.master().is_some());
        cluster.kill(others[(seed as usize + 1) % 3]);
        cluster.run_for(HEARTBEAT * 20);
        assert!(cluster.ids().iter().all(|id| !cluster.serves(*id)));
        assert_one_at_a_time(&cluster);
    }
}

#[test]
fn a_cluster_grows_from_one_node_to_five() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(1, seed);
        for n in 2..=5 {
            cluster.join(node(n), &[node(1)]);
        }
        cluster.run_until("five members", |c| {
            c.newest().members.len() == 5 && c.all_serve()
        });
        assert_one_at_a_time(&cluster);
        // Partitions that have fewer nodes than they should get the new ones.
        cluster.run_until("catch-ups", |c| {
            let named = |a: &crate::table::Assignment| a.catch_ups.len() == 2;
            c.newest().partitions.iter().all(named)
        });
    }
}

#[test]
fn the_master_may_fail_at_any_time_of_an_addition() {
    for seed in 0..60 {
        let mut cluster = Cluster::born(1 + seed as u32 % 3, seed);
        cluster.run_for(HEARTBEAT * 2);
        let master = cluster.master().expect("there is one");
        cluster.join(node(4), &[master]);
        cluster.run_for(HEARTBEAT / 200 * (seed as u32 / 3));
        cluster.kill(master);
        cluster.run_for(HEARTBEAT * (seed as u32 % 7));
        cluster.start(master);
        cluster.run_until("addition", |c| c.all_serve() && c.agreed_on_table());
        assert!(cluster.newest().members.contains_key(&node(4)));
        assert_one_at_a_time(&cluster);
    }
}

/// The table that lists it may have come to nobody but the master that made it.
#[test]
fn a_node_that_was_listed_in_vain_asks_again() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        cluster.run_for(HEARTBEAT * 2);
        let master = cluster.master().expect("there is one");
        for id in cluster.ids() {
            if id != master {
                cluster.cut(id, master);
            }
        }
        cluster.join(node(4), &[master]);
        cluster.run_until("table", |c| {
            c.running(node(4)).is_some_and(|n| n.accepted().is_some())
        });
        cluster.kill(master);
        cluster.heal();
        cluster.run_until("another master", |c| c.masters.len() == 2);
        cluster.run_for(HEARTBEAT);
        assert_eq!(members(cluster.newest()), [1, 2, 3]);
        cluster.start(master);
        cluster.run_until("addition", |c| c.all_serve() && c.agreed_on_table());
        assert_eq!(members(cluster.newest()), [1, 2, 3, 4]);
    }
}

#[test]
fn a_member_loses_its_roles_and_then_leaves() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(4, seed);
        cluster.run_for(HEARTBEAT * 3);
        let leaving = follower(&cluster);
        cluster.remove(cluster.ids()[seed as usize % 4], leaving);
        for _ in 0..20 {
            cluster.run_for(HEARTBEAT);
            cluster.catch_up();
        }
        let table = cluster.newest().clone();
        assert!(!table.members.contains_key(&leaving), "{cluster:?}");
        for assignment in &table.partitions {
            assert!(!assignment.names(leaving));
            assert_eq!(assignment.in_sync.len(), 3, "others took its place first");
        }
        for pair in cluster.chain.values().collect::<Vec<_>>().windows(2) {
            let all = pair[0].partitions.iter().zip(&pair[1].partitions);
            for (before, after) in all {
                let least = before.in_sync.len().min(3);
                assert!(after.in_sync.len() >= least, "never fewer copies");
            }
        }
        // It knows, and neither asks nor serves.
        let known = cluster
            .running(leaving)
            .and_then(|n| n.committed().cloned());
        assert_eq!(known.map(|t| t.members.contains_key(&leaving)), Some(false));
        assert!(!cluster.serves(leaving));
        let masters = cluster.masters.len();
        cluster.run_for(HEARTBEAT * 30);
        assert_eq!(cluster.masters.len(), masters, "it disturbs nobody");
        assert_one_at_a_time(&cluster);
    }
}

#[test]
fn a_master_that_leaves_is_replaced_at_once() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        cluster.run_for(HEARTBEAT * 3);
        let leaving = cluster.master().expect("there is one");
        cluster.remove(leaving, leaving);
        cluster.run_until("end of office", |c| {
            !c.newest().members.contains_key(&leaving)
        });
        let took = cluster.run_until("next master", |c| {
            c.master().is_some_and(|master| master != leaving)
        });
        assert!(took < HEARTBEAT * 2, "{took:?}");
        cluster.run_for(HEARTBEAT * 20);
        assert!(!cluster.serves(leaving));
        assert_one_at_a_time(&cluster);
    }
}

/// Its newest table, without itself, has come to nobody else: the other one needs its vote, and it is
/// the stronger of the two.
#[test]
fn a_master_that_fails_before_it_has_left_takes_part_once_more() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(2, seed);
        cluster.run_for(HEARTBEAT * 3);
        let leaving = cluster.master().expect("there is one");
        let other = follower(&cluster);
        cluster.remove(leaving, leaving);
        cluster.run_until("proposal", |c| {
            let accepted = c.running(leaving).and_then(|n| n.accepted());
            accepted.is_some_and(|table| !table.members.contains_key(&leaving))
        });
        cluster.cut(leaving, other);
        cluster.run_for(HEARTBEAT * 5);
        assert_eq!(cluster.newest().members.len(), 2, "it was not committed");
        if seed % 2 == 0 {
            cluster.restart(leaving);
        }
        cluster.heal();
        cluster.run_until("end", |c| {
            c.serves(other) && members(c.newest()) == [other.0] && !c.serves(leaving)
        });
        assert_one_at_a_time(&cluster);
    }
}

#[test]
fn when_all_are_to_leave_somebody_stays() {
    let mut cluster = Cluster::born(3, 1);
    cluster.run_for(HEARTBEAT * 3);
    let master = cluster.master().expect("there is one");
    for id in cluster.ids() {
        cluster.remove(master, id);
    }
    cluster.run_until("the last one alone", |c| {
        members(c.newest()) == [3] && c.serves(node(3))
    });
    assert_eq!(kept(&cluster), [Kept::NoQuorum]);
    cluster.run_for(HEARTBEAT * 10);
    assert!(cluster.serves(node(3)));
    assert_one_at_a_time(&cluster);
}

#[test]
fn a_node_that_was_down_learns_that_it_is_no_member_and_may_join_again() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        cluster.run_for(HEARTBEAT * 3);
        let away = follower(&cluster);
        cluster.kill(away);
        cluster.run_for(HEARTBEAT * 10);
        let asked = cluster.master().expect("there is one");
        cluster.remove(asked, away);
        cluster.run_until("removal", |c| !c.newest().members.contains_key(&away));
        cluster.start(away);
        cluster.run_until("news", |c| {
            c.table(away)
                .is_some_and(|t| !t.members.contains_key(&away))
        });
        cluster.run_for(HEARTBEAT * 20);
        assert_eq!(
            cluster.newest().members.len(),
            2,
            "it does not come by itself"
        );
        // Impatience does not keep it from finding out that it is no member.
        cluster.restart(away);
        for _ in 0..20 {
            let through = [asked].into();
            cluster.hand(away, crate::coordinator::Event::Join { through });
            cluster.run_for(HEARTBEAT / 4);
        }
        cluster.run_until("addition", |c| c.all_serve() && c.agreed_on_table());
        assert_eq!(members(cluster.newest()), [1, 2, 3]);
        assert_one_at_a_time(&cluster);
    }
}

#[test]
fn who_is_needed_is_kept() {
    let mut cluster = Cluster::born(1, 1);
    cluster.remove(node(1), node(1));
    assert_eq!(kept(&cluster), [Kept::NoQuorum], "the last member");
    cluster.remove(node(1), node(7));
    assert_eq!(kept(&cluster), [Kept::NoQuorum, Kept::NoMember]);

    let mut cluster = Cluster::born(3, 2);
    cluster.run_for(HEARTBEAT * 3);
    let (master, down) = (cluster.master().expect("there is one"), follower(&cluster));
    cluster.kill(down);
    cluster.run_for(HEARTBEAT * 10);
    let other = cluster.ids().into_iter();
    let mut other = other.filter(|id| *id != master && *id != down);
    cluster.remove(master, other.next().expect("three nodes"));
    assert_eq!(kept(&cluster), [Kept::NoQuorum]);
    cluster.run_for(HEARTBEAT * 10);
    assert_eq!(cluster.newest().members.len(), 3);

    // The only one in sync has failed.
    let mut cluster = Cluster::born(4, 3);
    cluster.run_for(HEARTBEAT * 3);
    let master = cluster.master().expect("there is one");
    let owner = |c: &Cluster| c.newest().partitions.iter().position(|a| a.owner != master);
    let partition = owner(&cluster).expect("others own some");
    let assignment = cluster.newest().partitions[partition].clone();
    let mut silent: BTreeSet<NodeId> = assignment.in_sync.keys().copied().collect();
    silent.remove(&assignment.owner);
    let number = u16::try_from(partition).expect("few");
    let shrink = crate::table::What::Shrink(silent);
    cluster.ask(assignment.owner, number, assignment.epoch, shrink);
    cluster.run_until("shrink", |c| {
        c.newest().partitions[partition].in_sync.len() == 1
    });
    cluster.kill(assignment.owner);
    cluster.run_for(HEARTBEAT * 10);
    cluster.remove(master, assignment.owner);
    let partition = PartitionId(number);
    assert!(
        kept(&cluster).contains(&Kept::LastCopy { partition }),
        "{cluster:?}"
    );
}

#[test]
fn a_node_of_another_identity_does_not_join() {
    let mut cluster = Cluster::born(3, 5);
    cluster.join(node(4), &[node(1)]);
    cluster.rename_cluster_of(node(4), "other");
    cluster.run_for(HEARTBEAT * 30);
    assert_eq!(members(cluster.newest()), [1, 2, 3]);
    let refused = |(_, _, note): &(_, _, Note)| matches!(note, Note::JoinRefused { .. });
    assert!(cluster.notes.iter().any(refused));
}

/// One of two members misses the addition of a third one, and then the one that it knows fails. The two that
/// are left are a majority, and do not know of each other.
#[test]
fn a_member_elects_one_that_it_has_never_heard_of_and_that_lists_it() {
    for seed in 0..40 {
        let mut cluster = Cluster::born(2, seed);
        cluster.run_for(HEARTBEAT * 2);
        let (master, deaf) = (cluster.master().expect("there is one"), follower(&cluster));
        cluster.cut(master, deaf);
        cluster.join(node(4), &[master]);
        cluster.run_until("addition", |c| c.newest().members.len() == 3);
        let knows = |c: &Cluster| c.saved(deaf).accepted.as_ref().map(|t| t.members.len());
        assert_eq!(knows(&cluster), Some(2));
        cluster.kill(master);
        cluster.heal();
        cluster.run_until("another master", |c| {
            c.master() == Some(node(4)) && c.serves(deaf)
        });
        assert_eq!(knows(&cluster), Some(3));
        cluster.start(master);
        cluster.run_until("the end", |c| c.all_serve() && c.agreed_on_table());
    }
}
