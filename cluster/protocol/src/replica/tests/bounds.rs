//! What a replica keeps in memory is bounded by bytes.

use super::*;

/// Statements of a megabyte.
fn large(world: &mut World, node: NodeId) -> Token {
    const TEXT: &[u8] = &[b'x'; 1 << 20];
    world.write(node, std::str::from_utf8(TEXT).unwrap())
}

#[test]
fn a_log_of_large_statements_takes_no_more_than_one_of_small_ones() {
    let all = [N1, N2, N3];
    let mut world = World::new(Mode::SemiSync, &all);
    world.settings.replicas = 3;
    for node in all {
        world.restart(node);
    }
    world.assign(2, N1, &all, &[]);
    world.wait_ms(500);
    for _ in 0..8 {
        let update = large(&mut world, N1);
        assert!(world.done(update));
    }
    world.wait_ms(100);
    for node in all {
        let log = world.replica(node).log();
        assert!(log.bytes() <= world.settings.log_spare_bytes, "{node}");
    }
}

#[test]
fn while_one_is_missing_the_log_takes_no_more_than_it_may() {
    let mut world = World::new(Mode::SemiSync, &[N1]);
    world.settings.log_retention_bytes = 3 << 20;
    world.restart(N1);
    world.assign(2, N1, &[N1], &[]);
    world.wait_ms(500);
    for _ in 0..8 {
        let update = large(&mut world, N1);
        assert!(world.done(update));
    }
    let log = world.replica(N1).log();
    assert!((2 << 20..3 << 20).contains(&log.bytes()), "{}", log.bytes());
}

#[test]
fn who_is_being_caught_up_finds_what_follows_its_image() {
    let mut world = World::new(Mode::SemiSync, &[N1]);
    world.settings.log_retention_bytes = 0;
    world.restart(N1);
    world.assign(2, N1, &[N1], &[]);
    world.wait_ms(500);
    world.write(N1, "a");
    assert_eq!(world.replica(N1).log().bytes(), 0);
    // It is sent an image, in pieces of which each takes a while, and the owner goes on.
    world.slow_disks.insert(N3);
    world.assign(2, N1, &[N1], &[N3]);
    for text in ["b", "c", "d"] {
        let update = world.write(N1, text);
        assert!(world.done(update));
    }
    assert_eq!(world.replica(N1).log().base().lsn, Lsn(1));
    world.slow_disks.clear();
    world.wait_ms(200);
    assert_eq!(world.log(N3), [b"b", b"c", b"d"]);
    // One that is silent may be away for long.
    world.isolate(N3);
    world.assign(3, N1, &[N1], &[N3]);
    world.wait_ms(1_000);
    let update = world.write(N1, "e");
    assert!(world.done(update));
    assert_eq!(world.replica(N1).log().bytes(), 0);
}

#[test]
fn an_owner_refuses_updates_when_too_many_bytes_are_not_committed() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.settings.uncommitted_limit_bytes = 2 << 20;
    world.restart(N1);
    world.assign(2, N1, &[N1, N2], &[]);
    world.wait_ms(500);
    world.slow_disks.insert(N2);
    let first = large(&mut world, N1);
    let second = large(&mut world, N1);
    let third = large(&mut world, N1);
    assert_eq!(world.refusal(third), Some(Refusal::Overloaded));
    world.slow_disks.clear();
    world.drive();
    assert!(world.done(first) && world.done(second));
    let fourth = large(&mut world, N1);
    assert!(world.done(fourth));
}
