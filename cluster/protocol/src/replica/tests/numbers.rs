//! A client that gives one number to two different statements (rule R11): the second one is refused,
//! wherever the first one stands by then.

use super::*;

#[track_caller]
fn assert_refused(world: &mut World, node: NodeId) {
    let before = world.replica(node).log().end();
    let other = world.write_as(node, Some(1), "other");
    assert_eq!(world.refusal(other), Some(Refusal::NumberUsed));
    assert!(Refusal::NumberUsed.definite());
    assert_eq!(world.replica(node).log().end(), before);
}

#[test]
fn while_the_first_one_waits_for_a_backup() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.slow_disks.insert(N2);
    let first = world.write_as(N1, Some(1), "first");
    assert_refused(&mut world, N1);
    let again = world.write_as(N1, Some(1), "first");
    world.slow_disks.clear();
    world.drive();
    assert!(world.done(first) && world.done(again));
}

#[test]
fn while_the_first_one_is_executed_and_not_committed() {
    let mut world = World::new(Mode::Async, &[N1, N2]);
    world.wait_ms(100);
    world.slow_disks.insert(N2);
    let first = world.write_as(N1, Some(1), "first");
    assert!(world.done(first));
    assert!(world.replica(N1).commit() < world.replica(N1).applied());
    assert_refused(&mut world, N1);
}

#[test]
fn when_the_first_one_is_done_and_after_a_failover_and_a_data_image() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    let first = world.write_as(N1, Some(1), "first");
    assert!(world.done(first));
    assert_refused(&mut world, N1);
    world.give(N1, Event::Forget(0));
    world.assign(1, N1, &[N1, N2], &[N3]);
    world.wait_ms(200);
    assert_eq!(world.replica(N3).log().base().lsn, Lsn(1), "by an image");
    world.assign(2, N1, &[N1, N2, N3], &[]);
    world.wait_ms(100);
    for (epoch, owner) in [(3, N2), (5, N3)] {
        world.assign(epoch, owner, &[N2, N3], &[]);
        world.wait_ms(500);
        assert_refused(&mut world, owner);
        let again = world.write_as(owner, Some(1), "first");
        assert!(world.done(again));
    }
}
