//! One message of each kind, with all that may be in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kensho_protocol::coordinator::{Message as Control, Probing, Refusal, Strength, Wish};
use kensho_protocol::ids::{
    ClientId, Epoch, Incarnation, Life, Lsn, NodeId, PartitionId, Position, Revision, Sequence,
    Term,
};
use kensho_protocol::log::Entry;
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::replica::{Held, Message as Data, Round, Trust};
use kensho_protocol::request::{Digest, Numbered, RequestId};
use kensho_protocol::settings::Levelling;
use kensho_protocol::table::{Assignment, Change, Identity, Member, Stamp, Table, What, Witness};
use kensho_protocol::time::Time;

/// One line for each kind: a kind without a name does not compile, and one without a sample is missed.
macro_rules! kinds {
    ($all:ident, $of:ident, $message:ident, $count:literal, $($kind:ident),+ $(,)?) => {
        pub(super) const $all: [&str; $count] = [$(stringify!($kind)),+];

        pub(super) fn $of(message: &$message) -> &'static str {
            match message {
                $($message::$kind { .. } => stringify!($kind),)+
            }
        }
    };
}

kinds!(
    CONTROL_KINDS,
    control_kind,
    Control,
    23,
    Missed,
    MissedAnswer,
    Begin,
    Challenge,
    Yield,
    Redirect,
    HigherTerm,
    Heartbeat,
    HeartbeatAck,
    Change,
    Join,
    Remove,
    NotTaken,
    Recall,
    Recalled,
    Dismissed,
    NobodyListens,
    Goodbye,
    Parting,
    Room,
    Wishes,
    Level,
    Move,
);

kinds!(
    DATA_KINDS, data_kind, Data, 11, Append, Image, Ack, Mismatch, ImageAck, Fenced, Released,
    Returned, Witness, Inquiry, Vouched,
);

const NODE: NodeId = NodeId(70_000);
const OTHER: NodeId = NodeId(3);
const LIFE: Life = Life {
    counter: 300,
    nonce: 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
};
const TERM: Term = Term(4);
const STAMP: Stamp = Stamp {
    term: TERM,
    revision: Revision(1_000),
    life: LIFE,
};
const PARTITION: PartitionId = PartitionId(130);

const fn at(epoch: u64, lsn: u64) -> Position {
    Position {
        epoch: Epoch(epoch),
        lsn: Lsn(lsn),
    }
}

const ROUND: Round = Round {
    barrier: 200,
    sent: Time(5_000_000_000),
};

const LEVELLING: Levelling = Levelling {
    on: false,
    copies_at_once: 7,
    hand_overs_at_once: 300,
};

fn member() -> Member {
    Member {
        id: NODE,
        name: "n1".to_owned(),
        client_address: "host:1".to_owned(),
        peer_address: "host:2".to_owned(),
    }
}

fn identity() -> Identity {
    Identity {
        cluster: "golden".to_owned(),
        partitions: 1,
        replicas: 2,
        outcomes: OutcomeLimits::default(),
    }
}

fn table() -> Arc<Table> {
    let witness = Witness {
        life: Incarnation(6),
        until: Epoch(3),
    };
    Arc::new(Table {
        stamp: STAMP,
        born: true,
        identity: identity(),
        members: BTreeMap::from([(NODE, member())]),
        partitions: vec![Assignment {
            epoch: Epoch(4),
            owner: NODE,
            in_sync: BTreeMap::from([(NODE, Incarnation(5))]),
            catch_ups: BTreeSet::from([OTHER]),
            witnesses: BTreeMap::from([(NodeId(4), witness)]),
        }],
        levelling: LEVELLING,
    })
}

fn held() -> Option<Vec<Held>> {
    let trusts = [Trust::Confirmed, Trust::Unconfirmed, Trust::Behind(OTHER)];
    let held = trusts.map(|trust| Held {
        partition: PARTITION,
        incarnation: Incarnation(5),
        log_epoch: Epoch(3),
        end: at(3, 900),
        trust,
        epoch: Epoch(4),
    });
    Some(held.into())
}

fn changes() -> [What; 4] {
    [
        What::Shrink([OTHER].into()),
        What::Grow(OTHER, Incarnation(7)),
        What::Renew,
        What::HandOver(OTHER),
    ]
}

fn refusals() -> [Refusal; 4] {
    let theirs = Identity {
        partitions: 2,
        ..identity()
    };
    [
        Refusal::Identity {
            theirs,
            ours: identity(),
        },
        Refusal::Members,
        Refusal::NotListed,
        Refusal::NameTaken { holder: OTHER },
    ]
}

pub(super) fn control() -> Vec<Control> {
    let probing = Probing {
        term: TERM,
        attempt: 2,
    };
    let strength = Strength {
        accepted: STAMP,
        stays: true,
        priority: 9,
        id: NODE,
    };
    let wish = Wish {
        partition: PARTITION,
        epoch: Epoch(4),
        to: OTHER,
    };
    let mut messages = vec![
        Control::Missed(probing),
        Control::MissedAnswer {
            probing,
            term: TERM,
            missed: true,
            born: false,
        },
        Control::Begin {
            term: TERM,
            absent: [OTHER, NODE].into(),
        },
        Control::Challenge {
            term: TERM,
            strength,
            table: Some(table()),
        },
        Control::Yield {
            term: TERM,
            tokens: [OTHER, NODE].into(),
        },
        Control::Redirect {
            term: TERM,
            to: NODE,
        },
        Control::HigherTerm { term: TERM },
        Control::Heartbeat {
            term: TERM,
            life: LIFE,
            sequence: 500,
            contact_age: Duration::from_millis(1_234),
            committed: STAMP,
            proposal: Some(table()),
        },
        Control::HeartbeatAck {
            term: TERM,
            sequence: 500,
            life: LIFE,
            accepted: STAMP,
            held: held(),
            room: true,
        },
        Control::Join {
            member: member(),
            identity: identity(),
        },
        Control::Remove(NODE),
        Control::Recall { life: LIFE },
        Control::Recalled {
            life: LIFE,
            term: TERM,
            accepted: STAMP,
        },
        Control::Dismissed(table()),
        Control::NobodyListens {
            term: TERM,
            node: NODE,
        },
        Control::Goodbye {
            term: TERM,
            life: LIFE,
        },
        Control::Parting {
            term: TERM,
            life: LIFE,
            wishes: vec![wish],
            done: false,
        },
        Control::Room {
            term: TERM,
            room: false,
            held: None,
        },
        Control::Wishes {
            term: TERM,
            wishes: vec![wish],
        },
        Control::Level(LEVELLING),
        Control::Move {
            partition: PARTITION,
            to: OTHER,
        },
    ];
    messages.extend(refusals().map(Control::NotTaken));
    let change = |what| Change {
        partition: PARTITION,
        base: Epoch(4),
        what,
    };
    messages.extend(changes().map(change).map(Control::Change));
    messages
}

pub(super) fn data() -> Vec<(PartitionId, Data)> {
    let epoch = Epoch(4);
    let request = Numbered {
        id: RequestId {
            client: ClientId(300),
            sequence: Sequence(17),
        },
        digest: Digest::of(&[b"statement"]),
    };
    let entry = |lsn, request| Entry {
        at: at(4, lsn),
        request,
        statement: Bytes::from_static(b"statement"),
    };
    let messages = [
        Data::Append {
            epoch,
            round: ROUND,
            previous: at(3, 900),
            entries: vec![entry(901, Some(request)), entry(902, None)],
            end: Lsn(902),
            commit: Lsn(899),
        },
        Data::Image {
            epoch,
            round: ROUND,
            at: at(3, 900),
            offset: 65_536,
            total: 1 << 20,
            bytes: Bytes::from_static(b"a part"),
        },
        Data::Ack {
            epoch,
            round: ROUND,
            matched: Lsn(902),
            incarnation: Incarnation(5),
            whole: true,
        },
        Data::Mismatch {
            epoch,
            round: ROUND,
            hint: at(2, 700),
        },
        Data::ImageAck {
            epoch,
            round: ROUND,
            at: at(3, 900),
            received: 65_536,
        },
        Data::Fenced { promised: Epoch(5) },
        Data::Released {
            ended: epoch,
            next: Epoch(5),
            owner: OTHER,
        },
        Data::Returned {
            epoch,
            life: LIFE,
            incarnation: Incarnation(5),
        },
        Data::Witness {
            epoch,
            life: LIFE,
            incarnation: Incarnation(5),
            log_epoch: Epoch(3),
            floor: at(3, 890),
            reach: at(3, 900),
            confirmed: true,
        },
        Data::Inquiry {
            epoch,
            life: LIFE,
            asked: ROUND.sent,
        },
        Data::Vouched {
            epoch,
            life: LIFE,
            asked: ROUND.sent,
            at: Lsn(902),
            commit: Lsn(899),
        },
    ];
    messages.map(|message| (PARTITION, message)).into()
}
