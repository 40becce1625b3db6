//! Reads from backups (rule R16).

use super::*;
use crate::request::Source;

const SOON: ReadFrom = ReadFrom::Any {
    max_age: Duration::from_millis(50),
};

fn at(epoch: u64, lsn: u64) -> Position {
    Position {
        epoch: Epoch(epoch),
        lsn: Lsn(lsn),
    }
}

/// What a backup answered.
fn told(world: &World, token: Token) -> Option<(Position, &[u8], Time)> {
    match world.replies.get(&token)? {
        Reply::Answer {
            at,
            answer,
            source: Source::Backup { as_of },
        } => Some((*at, answer, *as_of)),
        _ => None,
    }
}

#[test]
fn a_backup_shows_what_is_committed_and_says_how_old_that_may_be() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2, N3]);
    world.write(N1, "a");
    world.slow_disks.insert(N3);
    world.write(N1, "b");
    let asked = world.now;
    let read = world.read_from(N2, SOON, Position::default());
    assert_eq!(told(&world, read), Some((at(1, 1), &b"a"[..], asked)));
    // The answer that it got serves for a while.
    world.isolate(N2);
    world.wait_ms(40);
    let read = world.read_from(N2, SOON, Position::default());
    assert_eq!(told(&world, read), Some((at(1, 1), &b"a"[..], asked)));
}

#[test]
fn what_a_session_has_seen_a_backup_shows_as_soon_as_it_can() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.read_from(N2, SOON, Position::default());
    world.write(N1, "a");
    assert_eq!(world.replica(N2).commit(), Lsn(0), "nobody told it yet");
    let read = world.read_from(N2, SOON, at(1, 1));
    let (shown, answer, _) = told(&world, read).expect("it asked its owner");
    assert_eq!((shown, answer), (at(1, 1), &b"a"[..]));
}

#[test]
fn a_backup_that_hears_no_owner_refuses_what_is_too_new_for_it() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.read_from(N2, SOON, Position::default());
    world.isolate(N2);
    let unseen = world.read_from(N2, SOON, at(1, 1));
    world.wait_ms(60);
    let stale = world.read_from(N2, SOON, Position::default());
    assert!(world.refusal(unseen).is_some() && world.refusal(stale).is_none());
    world.wait_ms(60);
    for read in [unseen, stale] {
        assert_eq!(world.refusal(read), Some(Refusal::Behind));
    }
}

#[test]
fn a_catch_up_and_a_node_outside_of_the_quorum_refuse() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    let read = world.read_from(N3, SOON, Position::default());
    assert_eq!(world.refusal(read), Some(Refusal::NotOwner));
    let default = world.read(N2);
    assert_eq!(world.refusal(default), Some(Refusal::NotOwner));
    world.give(N2, Event::Service(false));
    let read = world.read_from(N2, SOON, Position::default());
    assert_eq!(world.refusal(read), Some(Refusal::NotServing));
}

#[test]
fn an_owner_without_its_lease_vouches_for_nothing() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2, N3]);
    world.cut.extend([(N1, N3), (N3, N1)]);
    let read = world.read_from(N2, SOON, Position::default());
    assert!(told(&world, read).is_some(), "the lease lasts");
    world.wait_ms(300);
    let read = world.read_from(N2, SOON, Position::default());
    world.wait_ms(60);
    assert_eq!(world.refusal(read), Some(Refusal::Behind));
}

#[test]
fn what_an_async_failover_cut_off_is_lost_by_name_and_never_compared() {
    let mut world = World::new(Mode::Async, &[N1, N2, N3]);
    world.write(N1, "kept");
    world.wait_ms(100);
    world.isolate(N1);
    world.write(N1, "lost");
    let seen = at(1, 2);
    assert_eq!(world.log(N1), [b"kept", b"lost"]);
    world.wait_ms(1_000);
    world.assign(2, N2, &[N2, N3], &[]);
    world.wait_ms(1_000);
    let early = world.read_from(N2, SOON, seen);
    assert_eq!(
        world.refusal(early),
        Some(Refusal::SeenLost),
        "by the owner"
    );
    world.write(N2, "other");
    world.write(N2, "more");
    for node in [N2, N3] {
        let read = world.read_from(node, SOON, seen);
        assert_eq!(world.refusal(read), Some(Refusal::SeenLost), "{node:?}");
        let read = world.read_from(node, SOON, at(2, 3));
        assert!(world.answer(read).is_some_and(|a| a == b"kept,other,more"));
    }
}

/// The former owner had executed more than is committed.
#[test]
fn a_former_owner_shows_no_more_than_what_is_committed() {
    let mut world = World::new(Mode::Async, &[N1, N2]);
    world.write(N1, "kept");
    world.wait_ms(100);
    world.slow_disks.insert(N2);
    world.write(N1, "ahead");
    assert_eq!(world.replica(N1).applied(), Lsn(2));
    world.assign(2, N2, &[N1, N2], &[]);
    world.slow_disks.clear();
    world.wait_ms(500);
    world.isolate(N2);
    world.cut.clear();
    let read = world.read_from(N1, SOON, Position::default());
    world.wait_ms(30);
    let (shown, answer, _) = told(&world, read).expect("its owner vouches");
    assert_eq!((shown, answer), (at(1, 2), &b"kept,ahead"[..]));
}

/// Node 3 has taken over, and its update is acknowledged; the former owner and its backup hear nobody but
/// each other, and know of no table without them. What the backup tells then.
fn read_behind_a_failover(
    settings: impl FnOnce(&mut Settings),
) -> (Option<Vec<u8>>, Option<Refusal>) {
    let mut world = World::with(&[N1, N2, N3], settings);
    world.write(N1, "old");
    world.isolate(N3);
    world.wait_ms(500);
    let takes_over = Assignment {
        epoch: Epoch(2),
        owner: N3,
        in_sync: BTreeMap::from([(N3, Incarnation(7))]),
        ..Assignment::default()
    };
    world.give(N3, Event::Assign(takes_over));
    world.wait_ms(500);
    let update = world.write(N3, "new");
    assert!(world.done(update), "node 3 owns it alone");
    world.wait_ms(100);
    let read = world.read_from(N2, SOON, Position::default());
    world.wait_ms(100);
    let answer = told(&world, read).map(|(_, answer, _)| answer.to_vec());
    (answer, world.refusal(read))
}

#[test]
fn a_backup_of_an_owner_that_was_replaced_tells_nothing_old() {
    let (answer, refusal) = read_behind_a_failover(|_| {});
    assert_eq!((answer, refusal), (None, Some(Refusal::Behind)));
}

#[cfg(feature = "break-rules")]
#[test]
fn an_owner_that_vouches_without_its_lease_makes_its_backup_tell_what_is_old() {
    use crate::rule::{Rule, Rules};
    let (answer, _) = read_behind_a_failover(|settings| {
        settings.rules = Rules::sound().without(Rule::VouchedWithoutLease);
    });
    assert_eq!(answer.as_deref(), Some(&b"old"[..]));
}
