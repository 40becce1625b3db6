//! R14: disks that go back in time.

use super::*;
use crate::ids::Life;
use crate::replica::Trust;
use crate::table::Witness;

impl World {
    /// The node crashes, and starts from `disk` in its life number `counter`.
    fn put_back(&mut self, id: NodeId, disk: Recovered, counter: u64) {
        self.network
            .retain(|(from, to, _)| *from != id && *to != id);
        let life = Life {
            counter,
            nonce: u128::from(counter) << 64 | u128::from(id.0),
        };
        self.start(id, Recovered { life, ..disk });
        let table = self.table.clone();
        self.give(id, Event::Assign(table));
        self.drive();
    }

    /// The next table lists these as those who have left the in-sync set, each after an epoch.
    fn with_witnesses(&mut self, witnesses: &[(NodeId, u64)]) {
        let witness = |until: u64| Witness {
            life: Incarnation(7),
            until: Epoch(until),
        };
        let witnesses = witnesses.iter().map(|(id, until)| (*id, witness(*until)));
        self.table.witnesses = witnesses.collect();
    }

    fn disk(&self, id: NodeId) -> Recovered {
        self.nodes[&id].disk.clone()
    }

    fn trust(&self, id: NodeId) -> Trust {
        self.replica(id).trust()
    }
}

#[test]
fn a_backup_that_lacks_what_it_acknowledged_begins_another_life() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.write(N1, "a");
    let copy = world.disk(N2);
    world.write(N1, "b");
    world.put_back(N2, copy, 2);
    world.wait_ms(100);
    assert_ne!(world.replica(N2).incarnation(), Incarnation(7));
    assert_eq!(world.disk(N2).incarnation, world.replica(N2).incarnation());
    // What it acknowledges now counts for nobody: the table speaks of its former life.
    let update = world.write(N1, "c");
    world.wait_ms(1_000);
    assert!(!world.done(update));
}

#[test]
fn a_backup_that_lacks_nothing_is_confirmed_by_its_owner() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.write(N1, "a");
    let disk = world.disk(N2);
    world.put_back(N2, disk, 2);
    assert_eq!(world.trust(N2), Trust::Unconfirmed, "nobody has asked yet");
    world.wait_ms(100);
    assert_eq!(world.trust(N2), Trust::Confirmed);
    assert_eq!(world.replica(N2).incarnation(), Incarnation(7));
    let update = world.write(N1, "b");
    assert!(world.done(update));
}

/// Its predecessor may have acknowledged all that the new owner has in its log, and not told it.
#[test]
fn a_backup_is_confirmed_only_when_it_holds_all_that_a_new_owner_came_with() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2, N3]);
    world.write(N1, "a");
    let copy = world.disk(N3);
    world.cut.insert((N1, N2));
    // N2 holds it, and does not know that it is committed.
    world.cut.clear();
    let update = world.write(N1, "b");
    assert!(world.done(update));
    world.isolate(N1);
    world.slow_disks.insert(N3);
    world.wait_ms(300);
    world.put_back(N3, copy, 2);
    world.assign(2, N2, &[N2, N3], &[]);
    world.wait_ms(300);
    assert_eq!(world.trust(N3), Trust::Unconfirmed);
    world.slow_disks.clear();
    world.wait_ms(300);
    assert_eq!(world.trust(N3), Trust::Confirmed);
    assert_eq!(world.log(N3), [&b"a"[..], b"b"]);
}

#[test]
fn an_owner_leaves_the_partition_to_whom_has_more() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.write(N1, "a");
    world.wait_ms(100);
    let copy = world.disk(N1);
    world.write(N1, "b");
    world.put_back(N1, copy, 2);
    world.wait_ms(1_000);
    assert_eq!(world.trust(N1), Trust::Behind(N2));
    assert_eq!(world.asked, [], "it wants to own nothing");
    assert_eq!(world.log(N2), [&b"a"[..], b"b"], "nothing is cut");
    // The master promotes the other one, which brings it what it lacks.
    world.assign(2, N2, &[N1, N2], &[]);
    world.wait_ms(1_000);
    assert_eq!(world.log(N1), [&b"a"[..], b"b"]);
    assert_eq!(world.trust(N1), Trust::Confirmed);
}

#[test]
fn an_owner_goes_on_when_one_who_has_everything_has_no_more() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2, N3]);
    world.write(N1, "a");
    world.isolate(N3);
    let disk = world.disk(N1);
    world.put_back(N1, disk, 2);
    assert_eq!(world.trust(N1), Trust::Confirmed);
    assert_eq!(world.asked[0].1.what, What::Renew);
}

#[test]
fn when_all_started_anew_each_of_them_must_be_heard() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2, N3]);
    world.write(N1, "a");
    let copy = world.disk(N1);
    world.write(N1, "b");
    let (second, third) = (world.disk(N2), world.disk(N3));
    world.isolate(N3);
    world.put_back(N2, copy.clone(), 2);
    world.put_back(N3, third, 2);
    world.put_back(N1, copy, 2);
    world.wait_ms(1_000);
    assert_eq!(world.trust(N1), Trust::Unconfirmed, "N3 is not heard");
    world.cut.clear();
    world.wait_ms(1_000);
    assert_eq!(world.trust(N1), Trust::Behind(N3));
    world.put_back(N2, second.clone(), 3);
    world.put_back(N1, second, 3);
    world.wait_ms(1_000);
    assert_eq!(world.trust(N1), Trust::Confirmed);
}

#[test]
fn what_one_replica_finds_out_is_true_of_all_of_the_node() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.write(N1, "a");
    world.give(N1, Event::RolledBack(Incarnation(99)));
    assert_eq!(world.replica(N1).role(), RoleKind::Follower);
    assert_eq!(world.replica(N1).held().incarnation, Incarnation(99));
}

/// The table was changed for what the node was before its disk went back: the other one left since this one
/// had everything.
#[test]
fn who_left_the_in_sync_set_is_asked_before_the_epoch_is_entered() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.write(N1, "a");
    let copy = world.disk(N2);
    world.write(N1, "b");
    world.isolate(N2);
    world.assign(2, N2, &[N2], &[]);
    world.with_witnesses(&[(N1, 1)]);
    world.put_back(N2, copy, 2);
    world.wait_ms(300);
    assert_eq!(world.trust(N2), Trust::Unconfirmed, "N1 is not heard");
    world.cut.clear();
    world.wait_ms(300);
    let another = world.replica(N2).incarnation();
    assert_ne!(another, Incarnation(7), "N1 knows what it had acknowledged");
}

#[test]
fn all_who_left_one_after_the_other_are_needed() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2, N3]);
    world.write(N1, "a");
    let disk = world.disk(N3);
    world.isolate(N1);
    world.assign(3, N3, &[N3], &[]);
    world.with_witnesses(&[(N1, 2), (N2, 1)]);
    world.put_back(N3, disk, 2);
    world.wait_ms(300);
    assert_eq!(
        world.trust(N3),
        Trust::Unconfirmed,
        "N2 was left out earlier"
    );
    world.cut.clear();
    world.wait_ms(300);
    assert_eq!(world.trust(N3), Trust::Confirmed);
}

#[test]
fn who_left_before_a_later_epoch_was_entered_is_not_asked() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.write(N1, "a");
    world.isolate(N1);
    world.assign(2, N2, &[N2], &[]);
    world.wait_ms(1_000);
    assert_eq!(world.replica(N2).role(), RoleKind::Serving);
    world.with_witnesses(&[(N1, 1)]);
    let disk = world.disk(N2);
    world.put_back(N2, disk, 2);
    world.wait_ms(300);
    assert_eq!(
        world.trust(N2),
        Trust::Confirmed,
        "nobody else knows anything"
    );
    assert_eq!(world.asked.last().unwrap().1.what, What::Renew);
}

/// What it has said of an epoch, the master may act upon at any time.
#[test]
fn who_is_behind_stays_behind_in_that_epoch() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.write(N1, "a");
    let copy = world.disk(N1);
    world.write(N1, "b");
    world.put_back(N1, copy.clone(), 2);
    world.wait_ms(300);
    assert_eq!(world.trust(N1), Trust::Behind(N2));
    world.put_back(N2, copy, 2);
    world.wait_ms(300);
    assert_eq!(world.trust(N1), Trust::Behind(N2));
    assert_eq!(world.asked, []);
}

/// In async a later owner has cut what a disk that is put back still has: nobody else could tell it from an
/// update that was acknowledged.
#[test]
fn in_async_a_tail_that_was_cut_does_not_come_back_with_a_folder() {
    let mut world = World::new(Mode::Async, &[N1, N2]);
    world.write(N1, "a");
    world.wait_ms(100);
    world.isolate(N1);
    world.write(N1, "tail");
    let copy = world.disk(N1);
    world.assign(2, N2, &[N1, N2], &[]);
    world.cut.clear();
    world.give(N1, Event::Assign(world.table.clone()));
    world.wait_ms(1_000);
    assert_eq!(world.log(N1), [&b"a"[..]], "N2 had cut it");
    world.assign(3, N1, &[N1, N2], &[]);
    world.put_back(N1, copy, 2);
    world.wait_ms(300);
    assert_eq!(world.trust(N1), Trust::Behind(N2));
}
