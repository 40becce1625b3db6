//! Roles are levelled (rule M9).

use std::collections::{BTreeMap, BTreeSet};

use super::network::{Cluster, HEARTBEAT, node};
use crate::coordinator::{Event, Note};
use crate::ids::{NodeId, PartitionId};
use crate::settings::Levelling;
use crate::table::Assignment;

fn count(cluster: &Cluster, counts: impl Fn(&Assignment) -> bool) -> usize {
    let partitions = &cluster.newest().partitions;
    partitions.iter().filter(|a| counts(a)).count()
}

fn owned(cluster: &Cluster, id: NodeId) -> usize {
    count(cluster, |a| a.owner == id)
}

fn held(cluster: &Cluster, id: NodeId) -> usize {
    count(cluster, |a| a.in_sync.contains_key(&id))
}

fn spread(cluster: &Cluster, of: impl Fn(&Cluster, NodeId) -> usize) -> usize {
    let counts: Vec<usize> = cluster.ids().iter().map(|id| of(cluster, *id)).collect();
    counts.iter().max().expect("nodes") - counts.iter().min().expect("nodes")
}

fn level(cluster: &Cluster) -> bool {
    let whole = |a: &Assignment| a.in_sync.len() == 3 && a.catch_ups.is_empty();
    let whole = cluster.newest().partitions.iter().all(whole);
    whole && spread(cluster, owned) <= 1 && spread(cluster, held) <= 1
}

/// Goes on until `reached`; owners bring catch-ups in sync meanwhile. At no time is a wanted copy missing, if
/// there were enough at first.
fn run_until(cluster: &mut Cluster, what: &str, reached: impl Fn(&Cluster) -> bool) {
    let least = |c: &Cluster| c.newest().partitions.iter().map(|a| a.in_sync.len()).min();
    let before = least(cluster);
    for _ in 0..200 {
        if reached(cluster) {
            return;
        }
        cluster.run_for(HEARTBEAT / 4);
        cluster.catch_up();
        assert!(least(cluster) >= before, "{:?}", cluster.newest());
    }
    panic!("no {what}: {:?}\n{cluster:?}", cluster.newest().partitions);
}

fn reported(nodes: u32, seed: u64) -> Cluster {
    let mut cluster = Cluster::born(nodes, seed);
    cluster.report_all();
    cluster.run_for(HEARTBEAT * 3);
    cluster
}

#[test]
fn a_node_that_joins_gets_its_share() {
    for seed in 0..20 {
        let mut cluster = reported(3, seed);
        let fourth = node(4);
        cluster.join(fourth, &[node(1)]);
        run_until(&mut cluster, "like shares", |c| {
            c.newest().members.contains_key(&fourth) && level(c)
        });
        assert!(owned(&cluster, fourth) >= 1 && held(&cluster, fourth) >= 4);
        // It ends.
        let stamp = cluster.newest().stamp;
        cluster.run_for(HEARTBEAT * 20);
        assert_eq!(cluster.newest().stamp, stamp);
    }
}

#[test]
fn a_node_that_comes_back_owns_partitions_again() {
    for seed in 0..20 {
        let mut cluster = reported(3, seed);
        let killed = node(1 + u32::try_from(seed % 3).expect("small"));
        cluster.kill(killed);
        cluster.run_until("it owns nothing", |c| owned(c, killed) == 0);
        cluster.start(killed);
        run_until(&mut cluster, "like shares", |c| {
            owned(c, killed) == 2 && level(c)
        });
    }
}

#[test]
fn nothing_is_levelled_while_that_is_paused_and_what_was_set_outlives_the_master() {
    for seed in 0..20 {
        let mut cluster = reported(3, seed);
        // Any member may be told.
        cluster.hand(node(1), Event::Level(Levelling::paused()));
        cluster.run_until("it is paused", |c| !c.newest().levelling.on);
        let fourth = node(4);
        cluster.join(fourth, &[node(2)]);
        cluster.run_until("it is a member", |c| {
            c.newest().members.contains_key(&fourth) && c.all_serve()
        });
        let master = cluster.master().expect("there is one");
        cluster.restart(master);
        cluster.run_until("service", |c| c.master().is_some() && c.all_serve());
        cluster.run_for(HEARTBEAT * 20);
        assert_eq!(held(&cluster, fourth), 0);
        cluster.hand(fourth, Event::Level(Levelling::default()));
        run_until(&mut cluster, "like shares", level);
    }
}

#[test]
fn a_partition_is_moved_to_whom_a_person_names() {
    for seed in 0..20 {
        let mut cluster = reported(3, seed);
        cluster.hand(node(2), Event::Level(Levelling::paused()));
        let fourth = node(4);
        cluster.join(fourth, &[node(2)]);
        cluster.run_until("it is a member", |c| {
            c.newest().members.contains_key(&fourth) && !c.newest().levelling.on && c.all_serve()
        });
        cluster.run_for(HEARTBEAT * 3);
        let (partition, to) = (PartitionId(3), fourth);
        cluster.hand(node(1), Event::Move { partition, to });
        run_until(&mut cluster, "it is moved", |c| {
            let moved = c.newest().assignment(partition);
            moved.owner == to && moved.in_sync.len() == 3
        });
        assert_eq!(held(&cluster, fourth), 1);
        // Nobody moves it to one that is not there.
        let to = node(9);
        cluster.hand(node(1), Event::Move { partition, to });
        cluster.run_until("it is said", |c| {
            let said = |note: &Note| matches!(note, Note::NotMoved { .. });
            c.notes.iter().any(|(_, _, note)| said(note))
        });
    }
}

/// Owners of all epochs.
fn owners(cluster: &Cluster) -> BTreeMap<(PartitionId, u64), NodeId> {
    let tables = cluster.chain.values();
    let owners = tables.flat_map(|table| {
        let numbered = (0..).map(PartitionId).zip(&table.partitions);
        numbered.map(|(partition, a)| ((partition, a.epoch.0), a.owner))
    });
    owners.collect()
}

/// A member that leaves hands over (rule R15): it is still in sync when another one owns the partition.
#[test]
fn a_member_that_leaves_hands_over_and_nobody_takes_over_from_it() {
    for seed in 0..20 {
        let mut cluster = reported(4, seed);
        let leaves = node(1 + u32::try_from(seed % 4).expect("small"));
        cluster.remove(node(1), leaves);
        run_until(&mut cluster, "it is gone", |c| {
            !c.newest().members.contains_key(&leaves)
        });
        let owners = owners(&cluster);
        let handed: BTreeSet<_> = owners
            .iter()
            .filter(|(_, owner)| **owner == leaves)
            .map(|((partition, epoch), _)| (*partition, epoch + 1))
            .filter(|key| owners.get(key).is_some_and(|owner| *owner != leaves))
            .collect();
        assert!(!handed.is_empty());
        for (partition, epoch) in handed {
            let mut tables = cluster.chain.values();
            let after = tables.find(|table| table.assignment(partition).epoch.0 == epoch);
            let after = after.expect("there is one").assignment(partition);
            assert!(after.in_sync.contains_key(&leaves), "{after:?}");
        }
    }
}
