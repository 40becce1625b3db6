//! Data images that are not needed any more when they arrive.

use super::*;
use crate::log::Entry;

fn entry(lsn: u64, text: &'static str) -> Entry {
    let at = Position {
        epoch: Epoch(1),
        lsn: Lsn(lsn),
    };
    Entry {
        at,
        request: None,
        statement: Bytes::from_static(text.as_bytes()),
    }
}

fn round(world: &World) -> Round {
    Round {
        barrier: 0,
        sent: world.now,
    }
}

/// A world in which the catch-up `N3` has taken over `a`, `b` and `c` and knows none of them to be
/// committed, and the image of the owner's data as they were after `b`.
fn with_an_old_image() -> (World, Position, Bytes) {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.write(N1, "a");
    world.write(N1, "b");
    let (at, image) = world.nodes.get_mut(&N1).unwrap().replica.image();
    world.write(N1, "c");
    world.assign(1, N1, &[N1, N2], &[]);
    let message = Message::Append {
        epoch: Epoch(1),
        round: round(&world),
        previous: Position::default(),
        entries: vec![entry(1, "a"), entry(2, "b"), entry(3, "c")],
        end: Lsn(3),
        commit: Lsn(0),
    };
    world.give(N3, Event::Message { from: N1, message });
    world.drive();
    assert_eq!(world.replica(N3).log().end(), Lsn(3));
    (world, at, image)
}

fn give_image(world: &mut World, epoch: u64, at: Position, image: &Bytes) -> Vec<Message> {
    let message = Message::Image {
        epoch: Epoch(epoch),
        round: round(world),
        at,
        offset: 0,
        total: image.len() as u64,
        bytes: image.clone(),
    };
    world.give(N3, Event::Message { from: N1, message });
    let answers = world.network.iter().filter(|(from, ..)| *from == N3);
    answers.map(|(_, _, message)| message.clone()).collect()
}

fn assert_answered_as_received(answers: &[Message], whole: &Bytes) {
    let done = |message: &Message| {
        let total = whole.len() as u64;
        matches!(message, Message::ImageAck { received, .. } if *received == total)
    };
    assert!(answers.iter().any(done), "{answers:?}");
}

/// It has acknowledged `c`, perhaps as one that counts already: the image would take that back.
#[test]
fn what_was_acknowledged_behind_an_image_stays() {
    let (mut world, at, image) = with_an_old_image();
    let answers = give_image(&mut world, 1, at, &image);
    assert_eq!(world.replica(N3).log().end(), Lsn(3));
    assert!(world.cut_off.is_empty(), "{:?}", world.cut_off);
    assert_answered_as_received(&answers, &image);
}

/// In the next epoch nothing was compared yet, but it may be in sync for what it acknowledged before.
#[test]
fn in_the_next_epoch_too() {
    let (mut world, at, image) = with_an_old_image();
    let answers = give_image(&mut world, 2, at, &image);
    assert_eq!(world.replica(N3).log().end(), Lsn(3));
    assert!(world.cut_off.is_empty(), "{:?}", world.cut_off);
    assert_answered_as_received(&answers, &image);
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
    let sent = round(&world);
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
