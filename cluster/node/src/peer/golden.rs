//! Messages as they go over the wire. Nodes of two versions that write them in different ways must not take
//! each other for ones that understand them: when this fails, [`FORMAT`] is raised, and the file is written anew by
//! `KENSHO_WRITE_GOLDEN=1 cargo test -p kensho-node golden`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kensho_protocol::coordinator;
use kensho_protocol::ids::{
    ClientId, Epoch, Incarnation, Life, Lsn, NodeId, PartitionId, Position, Revision, Sequence,
    Term,
};
use kensho_protocol::log::Entry;
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::replica::{self, Held, Round, Trust};
use kensho_protocol::request::{Digest, Numbered, RequestId};
use kensho_protocol::table::{Assignment, Change, Identity, Member, Stamp, Table, What, Witness};
use kensho_protocol::time::Time;

use super::frame::Encoder;
use super::hello::FORMAT;

const LIFE: Life = Life {
    counter: 3,
    nonce: 0x0123_4567_89ab_cdef,
};
const AT: Position = Position {
    epoch: Epoch(7),
    lsn: Lsn(300),
};
const ROUND: Round = Round {
    barrier: 2,
    sent: Time(1_000),
};

fn stamp() -> Stamp {
    Stamp {
        term: Term(4),
        revision: Revision(9),
        life: LIFE,
    }
}

fn table() -> Arc<Table> {
    let member = Member {
        id: NodeId(1),
        name: "n1".to_owned(),
        client_address: "h:1".to_owned(),
        peer_address: "h:2".to_owned(),
    };
    let witness = Witness {
        life: Incarnation(6),
        until: Epoch(5),
    };
    Arc::new(Table {
        stamp: stamp(),
        born: true,
        identity: Identity {
            cluster: "c".to_owned(),
            partitions: 1,
            replicas: 2,
            outcomes: OutcomeLimits::default(),
        },
        members: BTreeMap::from([(NodeId(1), member)]),
        partitions: vec![Assignment {
            epoch: Epoch(6),
            owner: NodeId(1),
            in_sync: BTreeMap::from([(NodeId(1), Incarnation(5))]),
            catch_ups: BTreeSet::from([NodeId(2)]),
            witnesses: BTreeMap::from([(NodeId(3), witness)]),
        }],
    })
}

fn control() -> Vec<coordinator::Message> {
    use coordinator::Message;
    let held = Held {
        partition: PartitionId(0),
        incarnation: Incarnation(5),
        log_epoch: Epoch(6),
        end: AT,
        trust: Trust::Behind(NodeId(2)),
        epoch: Epoch(6),
    };
    vec![
        Message::Heartbeat {
            term: Term(4),
            life: LIFE,
            sequence: 12,
            contact_age: Duration::from_millis(20),
            committed: stamp(),
            proposal: Some(table()),
        },
        Message::HeartbeatAck {
            term: Term(4),
            sequence: 12,
            life: LIFE,
            accepted: stamp(),
            held: Some(vec![held]),
            room: true,
        },
        Message::Change(Change {
            partition: PartitionId(0),
            base: Epoch(6),
            what: What::Grow(NodeId(2), Incarnation(8)),
        }),
        Message::Recall { life: LIFE },
        Message::Recalled {
            life: LIFE,
            term: Term(4),
            accepted: stamp(),
        },
        Message::Room {
            term: Term(4),
            room: false,
            held: Some(vec![held]),
        },
        Message::Dismissed(table()),
    ]
}

fn data() -> Vec<replica::Message> {
    use replica::Message;
    let id = RequestId {
        client: ClientId(300),
        sequence: Sequence(2),
    };
    let entry = Entry {
        at: AT,
        request: Some(Numbered {
            id,
            digest: Digest::of(&[b"statement"]),
        }),
        statement: Bytes::from_static(b"statement"),
    };
    vec![
        Message::Append {
            epoch: Epoch(7),
            round: ROUND,
            previous: AT,
            entries: vec![entry],
            end: Lsn(301),
            commit: Lsn(299),
        },
        Message::Ack {
            epoch: Epoch(7),
            round: ROUND,
            matched: Lsn(300),
            incarnation: Incarnation(5),
            whole: true,
        },
        Message::Returned {
            epoch: Epoch(7),
            life: LIFE,
            incarnation: Incarnation(5),
        },
        Message::Witness {
            epoch: Epoch(7),
            life: LIFE,
            incarnation: Incarnation(5),
            log_epoch: Epoch(6),
            floor: AT,
            reach: AT,
            confirmed: true,
        },
    ]
}

#[test]
fn messages_are_what_this_version_of_the_format_says() {
    let mut text = String::new();
    let mut line = |name: &str, mut encoder: Encoder| {
        let bytes = encoder.take();
        write!(text, "{name} ").expect("text takes all");
        for byte in &bytes {
            write!(text, "{byte:02x}").expect("text takes all");
        }
        text.push('\n');
    };
    let name = |debug: String| {
        let end = debug.find(|letter: char| !letter.is_alphanumeric());
        debug[..end.unwrap_or(debug.len())].to_owned()
    };
    for message in control() {
        let mut encoder = Encoder::default();
        encoder.push(&message);
        line(&name(format!("{message:?}")), encoder);
    }
    for message in data() {
        let mut encoder = Encoder::default();
        encoder.push(&message);
        line(&name(format!("{message:?}")), encoder);
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/peer");
    let file = folder.join(format!("messages-{FORMAT}.golden"));
    if std::env::var_os("KENSHO_WRITE_GOLDEN").is_some() {
        std::fs::write(&file, &text).expect("the file can be written");
    }
    let golden = std::fs::read_to_string(&file);
    let golden = golden.expect("there is a file for this version of the format");
    assert_eq!(text, golden);
}
