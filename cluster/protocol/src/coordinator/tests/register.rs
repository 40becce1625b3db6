//! The table: changes, failover, catch-up (rules M2-M4, R5).

use std::collections::BTreeSet;

use super::network::{Cluster, HEARTBEAT};
use crate::coordinator::Note;
use crate::ids::{Epoch, NodeId, PartitionId};
use crate::table::{Assignment, What};

fn others(cluster: &Cluster, id: NodeId) -> Vec<NodeId> {
    cluster
        .ids()
        .into_iter()
        .filter(|other| *other != id)
        .collect()
}

fn first(cluster: &Cluster) -> Assignment {
    cluster.newest().partitions[0].clone()
}

#[test]
fn an_owners_change_is_committed_and_told_to_all() {
    let mut cluster = Cluster::born(3, 1);
    let before = first(&cluster);
    let backup = *before
        .in_sync
        .keys()
        .find(|id| **id != before.owner)
        .expect("backups");
    cluster.ask(
        before.owner,
        0,
        before.epoch,
        What::Shrink(BTreeSet::from([backup])),
    );
    let took = cluster.run_until("shrink", |c| {
        c.agreed_on_table() && !first(c).in_sync.contains_key(&backup)
    });
    assert!(
        took < HEARTBEAT / 5,
        "a commit does not wait for a heartbeat: {took:?}"
    );
    let after = first(&cluster);
    assert_eq!(after.epoch, before.epoch.next());
    assert_eq!(after.owner, before.owner);

    // It is alive and has data, so it is brought back at once.
    cluster.run_until("catch-up", |c| first(c).catch_ups.contains(&backup));
    let epoch = first(&cluster).epoch;
    assert_eq!(
        epoch, after.epoch,
        "naming a catch-up is no change of epoch"
    );
    let incarnation = before.in_sync[&backup];
    cluster.ask(before.owner, 0, epoch, What::Grow(backup, incarnation));
    cluster.run_until("growth", |c| first(c).in_sync == before.in_sync);
    assert!(first(&cluster).catch_ups.is_empty());
}

#[test]
fn a_change_for_a_past_epoch_or_by_a_stranger_changes_nothing() {
    let mut cluster = Cluster::born(3, 2);
    let before = first(&cluster);
    let backup = *before
        .in_sync
        .keys()
        .find(|id| **id != before.owner)
        .expect("backups");
    cluster.ask(before.owner, 0, Epoch(0), What::Renew);
    cluster.ask(backup, 0, before.epoch, What::Renew);
    cluster.run_for(HEARTBEAT * 5);
    assert_eq!(first(&cluster), before);
    cluster.ask(before.owner, 0, before.epoch, What::Renew);
    cluster.run_until("renewal", |c| first(c).epoch == before.epoch.next());
}

#[test]
fn many_changes_share_few_tables() {
    let mut cluster = Cluster::born(3, 3);
    let before = cluster.newest().clone();
    for (partition, assignment) in (0..).zip(&before.partitions) {
        cluster.ask(assignment.owner, partition, assignment.epoch, What::Renew);
    }
    cluster.run_until("renewal", |c| {
        c.newest().partitions.iter().all(|a| a.epoch == Epoch(2))
    });
    let tables = cluster.newest().stamp.revision.0 - before.stamp.revision.0;
    assert!(tables <= 3, "{tables} tables for six changes");
}

#[test]
fn a_failed_node_loses_its_roles_and_returns_as_catch_up() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        cluster.run_for(HEARTBEAT * 3);
        let before = cluster.newest().clone();
        let master = cluster.master().expect("there is one");
        let failed = others(&cluster, master)[0];
        cluster.kill(failed);
        let without = |a: &Assignment| a.owner != failed && !a.in_sync.contains_key(&failed);
        let took = cluster.run_until("failover", |c| c.newest().partitions.iter().all(without));
        assert!(took < HEARTBEAT * 5, "{took:?}");
        let after = cluster.newest().clone();
        for (old, new) in before.partitions.iter().zip(&after.partitions) {
            assert_eq!(new.epoch, old.epoch.next(), "one change each");
            assert!(new.in_sync.keys().all(|id| old.in_sync.contains_key(id)));
        }
        let owners: BTreeSet<_> = after.partitions.iter().map(|a| a.owner).collect();
        assert_eq!(owners.len(), 2, "the failed one's partitions are spread");

        cluster.start(failed);
        cluster.run_until("return", |c| {
            c.newest()
                .partitions
                .iter()
                .all(|a| a.catch_ups.contains(&failed))
        });
        let epochs = |t: &crate::table::Table| -> Vec<Epoch> {
            t.partitions.iter().map(|a| a.epoch).collect()
        };
        assert_eq!(epochs(cluster.newest()), epochs(&after));
    }
}

#[test]
fn a_failed_masters_roles_pass_on_soon_after_its_office() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        cluster.run_for(HEARTBEAT * 3);
        let master = cluster.master().expect("there is one");
        cluster.kill(master);
        let took = cluster.run_until("failover", |c| {
            c.newest().partitions.iter().all(|a| a.owner != master)
        });
        assert!(took < HEARTBEAT * 8, "{took:?}");
    }
}

#[test]
fn the_backup_with_the_longest_log_becomes_owner() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        let master = cluster.master().expect("there is one");
        let owner = others(&cluster, master)[0];
        let partition = cluster
            .newest()
            .partitions
            .iter()
            .position(|a| a.owner == owner)
            .expect("it owns some");
        let ahead = others(&cluster, owner)[seed as usize % 2];
        let id = PartitionId(partition as u16);
        cluster.set_held(ahead, id, 1, 50);
        cluster.run_for(HEARTBEAT * 3);
        cluster.kill(owner);
        cluster.run_until("failover", |c| {
            c.newest().partitions[partition].owner != owner
        });
        assert_eq!(cluster.newest().partitions[partition].owner, ahead);
    }
}

#[test]
fn nobody_is_promoted_while_the_in_sync_set_is_away() {
    let mut cluster = Cluster::born(5, 7);
    cluster.run_for(HEARTBEAT * 3);
    let before = first(&cluster);
    let holders: Vec<_> = before.in_sync.keys().copied().collect();
    // Two of the three holders go; the partition lives on with the last one.
    for id in &holders[..2] {
        cluster.kill(*id);
    }
    cluster.run_until("failover", |c| first(c).in_sync.len() == 1);
    cluster.run_for(HEARTBEAT * 10);
    let last = first(&cluster);
    assert_eq!(last.owner, holders[2]);
    // Now the last one goes and one of the others returns: a majority, but nobody clean.
    cluster.start(holders[0]);
    cluster.run_for(HEARTBEAT * 10);
    cluster.kill(holders[2]);
    cluster.run_for(HEARTBEAT * 30);
    let after = first(&cluster);
    assert_eq!(
        (after.epoch, after.owner),
        (last.epoch, last.owner),
        "{cluster:?}"
    );
    let noted = cluster.notes.iter().any(|(_, _, note)| {
        matches!(note, Note::PartitionUnavailable { partition } if *partition == PartitionId(0))
    });
    assert!(noted, "it says so: {cluster:?}");
    // The last one returns, and so does the partition.
    cluster.start(holders[2]);
    cluster.run_for(HEARTBEAT * 10);
    let returned = first(&cluster);
    assert_eq!((returned.epoch, returned.owner), (last.epoch, last.owner));
    assert!(!returned.catch_ups.is_empty());
}

#[test]
fn data_that_may_have_lost_something_do_not_count() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        cluster.run_for(HEARTBEAT * 3);
        let master = cluster.master().expect("there is one");
        let unclean = others(&cluster, master)[0];
        cluster.kill(unclean);
        cluster.spoil(unclean);
        cluster.start(unclean);
        cluster.run_until("detachment", |c| {
            c.newest()
                .partitions
                .iter()
                .all(|a| !a.in_sync.contains_key(&unclean))
        });
        cluster.run_until("catch-up", |c| {
            c.newest()
                .partitions
                .iter()
                .all(|a| a.catch_ups.contains(&unclean))
        });
    }
}

#[test]
fn when_all_restarted_uncleanly_the_furthest_goes_on_and_the_loss_is_told() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        cluster.run_for(HEARTBEAT * 3);
        let ids = cluster.ids();
        let furthest = ids[seed as usize % 3];
        for id in &ids {
            cluster.kill(*id);
            cluster.spoil(*id);
        }
        cluster.set_held(furthest, PartitionId(0), 1, 70);
        // Two are a quorum of nodes, but the third may have more.
        let late = ids[(seed as usize + 1) % 3];
        for id in ids.iter().filter(|id| **id != late) {
            cluster.start(*id);
        }
        cluster.run_for(HEARTBEAT * 20);
        assert_eq!(first(&cluster).epoch, Epoch(1), "it waits for all of them");
        cluster.start(late);
        cluster.run_until("promotion", |c| first(c).epoch > Epoch(1));
        let after = first(&cluster);
        assert_eq!(after.owner, furthest);
        assert_eq!(after.in_sync.len(), 1);
        let told = cluster.notes.iter().any(|(_, _, note)| {
            matches!(note, Note::PossibleLoss { partition, .. } if *partition == PartitionId(0))
        });
        assert!(told);
        cluster.run_until("catch-up", |c| first(c).catch_ups.len() == 2);
    }
}

#[test]
fn a_change_and_a_failover_race_and_one_wins() {
    let (mut owner_won, mut master_won) = (0, 0);
    for seed in 0..40 {
        let mut cluster = Cluster::born(3, seed);
        cluster.run_for(HEARTBEAT * 3);
        let before = first(&cluster);
        let owner = before.owner;
        let backup = *before
            .in_sync
            .keys()
            .find(|id| **id != owner)
            .expect("backups");
        if cluster.master() == Some(owner) {
            continue;
        }
        cluster.isolate(owner);
        cluster.run_for(HEARTBEAT * 2 + HEARTBEAT / 40 * (seed as u32));
        cluster.heal();
        cluster.ask(
            owner,
            0,
            before.epoch,
            What::Shrink(BTreeSet::from([backup])),
        );
        cluster.run_for(HEARTBEAT * 2);
        let chain: Vec<_> = cluster
            .chain
            .values()
            .map(|t| t.partitions[0].clone())
            .collect();
        let next = chain.iter().find(|a| a.epoch == before.epoch.next());
        match next {
            Some(next) if next.owner == owner => {
                assert!(!next.in_sync.contains_key(&backup));
                owner_won += 1;
            }
            Some(next) => {
                assert!(!next.in_sync.contains_key(&owner));
                master_won += 1;
            }
            None => {}
        }
    }
    assert!(
        owner_won > 0 && master_won > 0,
        "{owner_won} and {master_won}"
    );
}

#[test]
fn a_table_that_only_the_old_master_had_never_takes_effect_alone() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        cluster.run_for(HEARTBEAT * 3);
        let old = cluster.master().expect("there is one");
        let owned = cluster
            .newest()
            .partitions
            .iter()
            .position(|a| a.owner == old)
            .expect("it owns some");
        let before = cluster.newest().partitions[owned].clone();
        cluster.isolate(old);
        cluster.ask(old, owned as u16, before.epoch, What::Renew);
        cluster.run_for(HEARTBEAT);
        let ahead = cluster
            .running(old)
            .and_then(|n| n.accepted())
            .expect("a table")
            .stamp;
        assert!(ahead > cluster.newest().stamp, "proposed, not committed");
        cluster.run_until("new master", |c| c.master().is_some_and(|m| m != old));
        cluster.heal();
        cluster.run_until("return", |c| c.all_serve() && c.agreed_on_table());
        assert!(!cluster.chain.contains_key(&ahead));
    }
}
