//! What is written can be read again.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::coordinator::Coordinator;
use crate::ids::{Epoch, Incarnation, Lsn, NodeId, Position, Term};
use crate::log::Entry;
use crate::outcomes::OutcomeLimits;
use crate::replica::Replica;
use crate::request::{Read, ReadFrom};

/// Remembers nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Forgetful;

impl crate::apply::Apply for Forgetful {
    type Undo = ();
    fn apply(&mut self, _: Position, statement: &Bytes) -> (Bytes, ()) {
        (statement.clone(), ())
    }
    fn undo(&mut self, (): ()) {}
    fn read(&self, query: &Bytes) -> Bytes {
        query.clone()
    }
    fn image(&self) -> Bytes {
        Bytes::new()
    }
    fn restore(_: &Bytes) -> Result<Self, crate::apply::ImageError> {
        Ok(Forgetful)
    }
}

const LIFE: Life = Life {
    counter: 3,
    nonce: 1 << 100,
};

fn head() -> Head {
    Head {
        plane: Plane::Data,
        node: Member {
            id: NodeId(7),
            name: "n1".to_owned(),
            client_address: "a:1".to_owned(),
            peer_address: "a:2".to_owned(),
        },
        life: 3,
        boot: "one".to_owned(),
        began: Time(5),
        began_utc_ms: 6,
        program: "0.1.0".to_owned(),
        identity: Identity {
            cluster: "c".to_owned(),
            partitions: 2,
            replicas: 3,
            outcomes: OutcomeLimits::default(),
        },
        settings: Settings::with_heartbeat(Duration::from_millis(100)),
    }
}

fn chunk(transcript: &mut Transcript) -> Vec<u8> {
    let bytes = transcript.chunk().expect("something is in it").to_vec();
    transcript.written();
    assert_eq!(transcript.chunk(), None);
    bytes
}

fn body(chunk: &[u8]) -> &[u8] {
    let (head, body) = chunk.split_at(CHUNK_HEAD_BYTES);
    let head = ChunkHead::read(head.try_into().expect("it is so long"));
    assert!(head.is_some_and(|head| head.fits(body)));
    body
}

#[test]
fn whose_inputs_they_are_stands_first() {
    let bytes = chunk(&mut Transcript::new(&head()));
    let (magic, rest) = bytes.split_at(MAGIC.len());
    let (version, rest) = rest.split_at(4);
    assert!(read_head(&[body(rest), &[0]].concat()).is_err());
    assert_eq!((magic, version), (&MAGIC[..], &VERSION.to_le_bytes()[..]));
    assert_eq!(read_head(body(rest)), Ok(head()));
}

#[test]
fn replicas_inputs_are_read_as_they_were_written() {
    let mut transcript = Transcript::new(&head());
    chunk(&mut transcript);
    let partition = PartitionId(1);
    let mut recovered = Recovered::empty(Incarnation(2));
    recovered.entries.push(Entry {
        at: Position {
            epoch: Epoch(1),
            lsn: Lsn(1),
        },
        request: None,
        statement: Bytes::from_static(b"statement"),
    });
    transcript.replica(partition, Time(10), &recovered);
    let settings = head().settings;
    let mut replica: Replica<Forgetful> =
        Replica::recover(NodeId(7), partition, settings, recovered.clone(), Time(10))
            .expect("there is no image");
    let event = replica::Event::Read(Read {
        token: Token(4),
        query: Bytes::from_static(b"query"),
        from: ReadFrom::Owner,
        seen: Position::default(),
        deadline: Time(90),
    });
    transcript.replica_event(partition, Time(11), &event);
    let mut outputs = Vec::new();
    replica.handle(Time(11), event.clone(), &mut outputs);
    transcript.replica_gave(&outputs);
    assert_eq!(outputs.len(), 1, "it is no owner: {outputs:?}");
    let mut scratch = Vec::new();
    let refused: Vec<Given> = replica_gave(&outputs, &mut scratch).collect();
    outputs.clear();
    replica.flush(Time(12), &mut outputs);
    transcript.flushed(Time(12), &outputs, &replica);
    transcript.leaves(partition, Time(13), Token(4), true);
    let image = (Position::default(), Bytes::from_static(b"image"));
    transcript.image(partition, &image);

    let state = replica_state(&replica, &mut scratch);
    let expected = [
        Item::Replica {
            partition,
            now: Time(10),
            recovered,
        },
        Item::ReplicaEvent {
            partition,
            now: Time(11),
            event,
            gave: refused,
        },
        Item::Flush {
            partition,
            now: Time(12),
            gave: vec![state],
        },
        Item::Leaves {
            partition,
            now: Time(13),
            token: Token(4),
            left: true,
        },
        Item::Image {
            partition,
            gave: vec![image_gave(&image, &mut scratch)],
        },
    ];
    assert_eq!(
        read_items(body(&chunk(&mut transcript))).as_deref(),
        Ok(&expected[..])
    );
}

#[test]
fn a_coordinators_inputs_are_read_as_they_were_written() {
    let mut transcript = Transcript::new(&head());
    chunk(&mut transcript);
    let birth = Birth {
        identity: head().identity,
        members: BTreeMap::new(),
    };
    let saved = Saved {
        term: Term(3),
        accepted: None,
    };
    transcript.coordinator(Time(1), 2, &birth, &saved, (LIFE, 9));
    let mut coordinator = Coordinator::new(
        head().settings,
        head().node,
        2,
        birth.clone(),
        saved.clone(),
        LIFE,
        9,
        Time(1),
    );
    let mut expected = vec![Item::Coordinator {
        now: Time(1),
        priority: 2,
        birth,
        saved,
        life: LIFE,
        seed: 9,
    }];
    let through = [NodeId(3)].into();
    let events = [
        coordinator::Event::Roster(BTreeMap::from([(NodeId(7), head().node)])),
        coordinator::Event::Join { through },
        coordinator::Event::Remove(NodeId(3)),
    ];
    for (now, event) in (2..).map(Time).zip(events) {
        transcript.coordinator_event(now, &event);
        let mut outputs = Vec::new();
        coordinator.handle(now, event.clone(), &mut outputs);
        transcript.coordinator_gave(&outputs, &coordinator);
        let gave = coordinator_gave(&outputs, &coordinator, &mut Vec::new()).collect();
        expected.push(Item::CoordinatorEvent { now, event, gave });
    }
    assert_eq!(
        read_items(body(&chunk(&mut transcript))).as_deref(),
        Ok(&expected[..])
    );
}

#[test]
fn any_changed_byte_is_noticed() {
    let mut transcript = Transcript::new(&head());
    chunk(&mut transcript);
    transcript.leaves(PartitionId(1), Time(13), Token(4), true);
    let whole = chunk(&mut transcript);
    for index in 0..whole.len() {
        let mut changed = whole.clone();
        changed[index] ^= 0x10;
        let (head, body) = changed.split_at(CHUNK_HEAD_BYTES);
        let head = ChunkHead::read(head.try_into().expect("it is so long"));
        let fits = head.is_some_and(|head| head.fits(body));
        assert!(!fits, "byte {index}");
    }
    assert!(read_items(&[99]).is_err());
    assert!(read_head(&[1, 2, 3]).is_err());
}
