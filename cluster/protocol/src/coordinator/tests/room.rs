//! Disks that are full (rule M6).

use std::collections::{BTreeMap, BTreeSet};

use super::network::{Cluster, HEARTBEAT, node};
use crate::coordinator::failover::{Load, Verdict, View};
use crate::coordinator::{Event, Note};
use crate::ids::{Epoch, Incarnation, Lsn, NodeId, PartitionId, Position};
use crate::replica::{Held, Trust};
use crate::rule::Rules;
use crate::settings::Mode;
use crate::table::Assignment;

fn roles_of(cluster: &Cluster, id: NodeId) -> usize {
    let partitions = cluster.newest().partitions.iter();
    partitions.filter(|a| a.names(id)).count()
}

#[test]
fn who_has_no_room_gives_up_its_roles_at_once_and_gets_some_again() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        let full = cluster.newest().partitions[seed as usize % 6].owner;
        cluster.hand(full, Event::Room(false));
        let took = cluster.run_until("its roles are gone", |c| {
            roles_of(c, full) == 0 && c.agreed_on_table()
        });
        assert!(took < HEARTBEAT * 2, "{took:?}");
        assert!(cluster.all_serve(), "it votes, and is part of the quorum");
        cluster.run_for(HEARTBEAT * 100);
        assert_eq!(roles_of(&cluster, full), 0);
        cluster.hand(full, Event::Room(true));
        cluster.run_until("it catches up", |c| {
            let named = |a: &Assignment| a.catch_ups.contains(&full);
            c.newest().partitions.iter().all(named)
        });
        let notes: Vec<&Note> = cluster.notes.iter().map(|(_, _, note)| note).collect();
        assert!(notes.contains(&&Note::RoomLost { node: full }));
        assert!(notes.contains(&&Note::RoomFound { node: full }));
    }
}

#[test]
fn where_nobody_has_room_roles_stay_until_somebody_has() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(3, seed);
        for id in cluster.ids() {
            cluster.hand(id, Event::Room(false));
        }
        cluster.run_for(HEARTBEAT * 3);
        let before = cluster.newest().clone();
        assert!(before.partitions.iter().all(|a| !a.in_sync.is_empty()));
        cluster.run_for(HEARTBEAT * 50);
        assert_eq!(cluster.newest().partitions, before.partitions);
        let first = cluster.ids()[seed as usize % 3];
        cluster.hand(first, Event::Room(true));
        cluster.run_until("it has all that it can have", |c| {
            let alone = |a: &Assignment| a.owner == first && a.in_sync.len() == 1;
            let held = |a: &Assignment| alone(a) || a.catch_ups.contains(&first);
            c.newest().partitions.iter().all(held)
        });
    }
}

/// A new master learns of it, and a message that is lost is made up for.
#[test]
fn a_full_disk_is_told_again() {
    for seed in 0..20 {
        let mut cluster = Cluster::born(5, seed);
        let master = cluster.master().expect("there is one");
        let full = cluster.ids().into_iter().find(|id| *id != master);
        let full = full.expect("there are others");
        cluster.isolate(full);
        cluster.hand(full, Event::Room(false));
        cluster.heal();
        cluster.kill(master);
        cluster.run_until("another master, and no roles", |c| {
            c.master().is_some_and(|other| other != master) && roles_of(c, full) == 0
        });
    }
}

/// One partition whose owner, node 1, has no room, and has not handed over for long. Its log ends at 10, that of
/// its backup at `end`.
fn decided(mode: Mode, end: u64) -> (Verdict, Assignment) {
    decided_after(mode, end, true)
}

fn decided_after(mode: Mode, end: u64, overdue: bool) -> (Verdict, Assignment) {
    let held = |id: u32, end: u64| {
        let held = Held {
            partition: PartitionId(0),
            incarnation: Incarnation(0),
            log_epoch: Epoch(4),
            end: Position {
                epoch: Epoch(4),
                lsn: Lsn(end),
            },
            trust: Trust::Confirmed,
            epoch: Epoch(0),
        };
        ((PartitionId(0), node(id)), held)
    };
    let both = BTreeSet::from([node(1), node(2)]);
    let view = View {
        alive: both.clone(),
        leaving: BTreeSet::new(),
        parting: BTreeSet::new(),
        expected: BTreeSet::new(),
        min_in_sync: 1,
        roomless: BTreeSet::from([node(1)]),
        overdue: BTreeSet::new(),
        distrust: false,
        forced: false,
        reported: both,
        held: BTreeMap::from([held(1, 10), held(2, end)]),
        answered: BTreeMap::new(),
        compare_after: BTreeMap::new(),
        replaceable: BTreeSet::new(),
        replicas: 2,
        mode,
        rules: Rules::sound(),
        overdue_hand_overs: overdue.then_some(PartitionId(0)).into_iter().collect(),
    };
    let mut assignment = Assignment {
        epoch: Epoch(4),
        owner: node(1),
        in_sync: [(node(1), Incarnation(0)), (node(2), Incarnation(0))].into(),
        catch_ups: BTreeSet::new(),
        witnesses: BTreeMap::new(),
    };
    let mut load = Load::of(std::slice::from_ref(&assignment));
    let verdict = view.decide(PartitionId(0), &mut assignment, &mut load);
    (verdict, assignment)
}

/// It is there, and hands over itself.
#[test]
fn an_owner_without_room_is_given_time_to_hand_over() {
    let (verdict, stays) = decided_after(Mode::SemiSync, 9, false);
    assert_eq!(verdict, Verdict::Served);
    assert_eq!((stays.owner, stays.epoch), (node(1), Epoch(4)));
}

/// In async an owner has acknowledged what is under way to its backups: it stays until they have it.
#[test]
fn nothing_is_lost_for_want_of_room() {
    let (verdict, stays) = decided(Mode::Async, 9);
    assert_eq!(verdict, Verdict::Served);
    assert_eq!((stays.owner, stays.epoch), (node(1), Epoch(4)));
    for (mode, end) in [(Mode::Async, 10), (Mode::SemiSync, 9)] {
        let (verdict, moved) = decided(mode, end);
        assert_eq!(verdict, Verdict::Served);
        assert_eq!((moved.owner, moved.epoch), (node(2), Epoch(5)));
        assert_eq!(moved.in_sync, [(node(2), Incarnation(0))].into());
    }
}
