//! What a data image takes the place of, and what is gone from the log in memory.

use super::*;

/// An owner sends an image since it takes a late answer for a new one; what makes it superfluous is under
/// way already, and is acknowledged before the image is whole.
#[test]
fn an_image_does_not_replace_a_log_that_holds_its_last_entry() {
    let mut world = World::new(Mode::SemiSync, &[N1]);
    world.isolate(N2);
    world.assign(1, N1, &[N1], &[N2]);
    world.give(N2, Event::Assign(world.table.clone()));
    world.write(N1, "a");
    let (at, image) = world.nodes.get_mut(&N1).unwrap().replica.image();
    world.write(N1, "b");
    world.drive();
    let (epoch, round) = (Epoch(1), Round::default());
    let log = world.replica(N1).log();
    let entries: Vec<Entry> = log.above(Lsn(0)).cloned().collect();
    let total = image.len() as u64;
    let append = Message::Append {
        epoch,
        round,
        previous: Position::default(),
        entries,
        end: Lsn(2),
        commit: Lsn(0),
    };
    let image = Message::Image {
        epoch,
        round,
        at,
        offset: 0,
        total,
        bytes: image,
    };
    for message in [append, image] {
        world.give(N2, Event::Message { from: N1, message });
        world.network.clear();
        world.drive();
    }
    assert_eq!(world.log(N2), [b"a", b"b"]);
}

/// After a loss that was told, an owner may have less than what was committed here. What was forgotten of
/// the log must not be taken for a part of the owner's.
#[test]
fn who_holds_more_that_is_committed_than_the_owner_does_not_say_that_their_logs_are_equal() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    for text in ["a", "b"] {
        world.write(N1, text);
    }
    world.wait_ms(200);
    world.give(N2, Event::Forget(0));
    assert_eq!(world.replica(N2).log().base().lsn, Lsn(2));
    world.isolate(N2);
    world.wait_ms(300);
    let append = Message::Append {
        epoch: Epoch(2),
        round: Round::default(),
        previous: Position::default(),
        entries: Vec::new(),
        end: Lsn(0),
        commit: Lsn(0),
    };
    world.assign(2, N3, &[N3], &[N2]);
    world.give(N2, Event::Assign(world.table.clone()));
    world.network.clear();
    for _ in 0..2 {
        let message = append.clone();
        world.give(N2, Event::Message { from: N3, message });
    }
    assert_eq!(world.replica(N2).promised(), Epoch(2));
    let acknowledged = |(from, _, message): &(NodeId, NodeId, Message)| {
        *from == N2 && matches!(message, Message::Ack { .. })
    };
    world.isolate(N3);
    let said = |world: &mut World| {
        let answers = world.network.iter().any(acknowledged);
        world.network.clear();
        answers
    };
    assert!(!said(&mut world));
    while let Some((ticket, record)) = world.nodes.get_mut(&N2).unwrap().writing.pop_front() {
        world
            .nodes
            .get_mut(&N2)
            .unwrap()
            .disk
            .replay(record)
            .unwrap();
        world.give(N2, Event::Durable(ticket));
        assert!(!said(&mut world));
    }
}

/// Commits wait for one that counts, and must not wait for an image that it does not need.
#[test]
fn an_owner_gives_up_an_image_when_more_is_acknowledged() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    for text in ["a", "b", "c"] {
        world.write(N1, text);
    }
    world.give(N1, Event::Forget(0));
    world.isolate(N3);
    world.assign(1, N1, &[N1, N2], &[N3]);
    let sent = Round {
        barrier: 0,
        sent: world.now,
    };
    let lacks = Message::Mismatch {
        epoch: Epoch(1),
        round: sent,
        hint: Position::default(),
    };
    let message = lacks;
    world.give(N1, Event::Message { from: N3, message });
    let images = |world: &World| {
        let to = |message: &Message| matches!(message, Message::Image { .. });
        world.network.iter().filter(|(_, _, m)| to(m)).count()
    };
    assert_eq!(images(&world), 1, "an image is on its way");
    world.drive();
    let message = Message::Ack {
        epoch: Epoch(1),
        round: sent,
        matched: Lsn(3),
        incarnation: Incarnation(7),
        whole: true,
    };
    world.give(N1, Event::Message { from: N3, message });
    world.give(
        N1,
        Event::Execute(Execute {
            token: Token(99),
            request: None,
            as_of: Position::default(),
            statement: Bytes::from_static(b"d"),
            deadline: world.now + Duration::from_secs(10),
        }),
    );
    let streamed = world.network.iter().any(|(_, to, message)| {
        *to == N3 && matches!(message, Message::Append { entries, .. } if !entries.is_empty())
    });
    assert!(streamed, "{:?}", world.network);
}
