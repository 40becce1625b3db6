//! Acknowledgements that come in another reign of their owner (rule R4).

use super::*;

/// Node 1 owns, is replaced by node 3, which lacks its last entry, and owns again. Only then what node 2
/// acknowledged in its first reign arrives. Whether an update is acknowledged then that node 2 lacks.
fn is_acknowledged_by_what_is_late(settings: impl FnOnce(&mut Settings)) -> bool {
    let all = [N1, N2, N3];
    let mut world = World::with(&all, settings);
    world.write(N1, "kept");
    world.cut.extend([(N1, N3), (N2, N1)]);
    let late = Message::Ack {
        epoch: Epoch(1),
        round: Round {
            barrier: 0,
            sent: world.now,
        },
        matched: Lsn(2),
        incarnation: Incarnation(7),
        whole: true,
    };
    let lost = world.write(N1, "lost");
    assert_eq!(world.log(N2), [b"kept", b"lost"], "so it acknowledges two");
    world.cut.clear();
    for (epoch, owner) in [(2, N3), (3, N1)] {
        world.assign(epoch, owner, &all, &[]);
        world.wait_ms(1_000);
        assert_eq!(world.log(N2), [b"kept"]);
    }
    assert!(!world.done(lost));
    world.isolate(N2);
    let update = world.write(N1, "new");
    world.give(
        N1,
        Event::Message {
            from: N2,
            message: late,
        },
    );
    world.drive();
    assert_eq!(world.log(N2), [b"kept"]);
    world.done(update)
}

#[test]
fn an_acknowledgement_of_an_earlier_reign_counts_for_nothing() {
    assert!(!is_acknowledged_by_what_is_late(|_| {}));
}

#[cfg(feature = "break-rules")]
#[test]
fn an_acknowledgement_of_any_epoch_stands_for_an_entry_that_its_sender_lacks() {
    use crate::rule::{Rule, Rules};
    assert!(is_acknowledged_by_what_is_late(|settings| {
        settings.rules = Rules::sound().without(Rule::AckAnyEpoch);
    }));
}
