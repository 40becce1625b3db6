//! Two data planes, an owner and its backup, whose disks and network do what a test says.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kensho_protocol::apply::{Apply, ImageError};
use kensho_protocol::ids::{Epoch, Incarnation, Lsn, NodeId, PartitionId, Position};
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::record::Recovered;
use kensho_protocol::replica::{Message, Replica};
use kensho_protocol::request::{Refusal, Reply};
use kensho_protocol::settings::Settings as ProtocolSettings;
use kensho_protocol::table::{Assignment, Identity, Stamp, Table};
use kensho_protocol::time::Time;

use super::*;
use crate::View;

const P: PartitionId = PartitionId(0);
const HEARTBEAT: Duration = Duration::from_millis(200);

/// What was written last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Last(Bytes);

impl Apply for Last {
    type Undo = Bytes;

    fn apply(&mut self, _: Position, statement: &Bytes) -> (Bytes, Bytes) {
        let before = std::mem::replace(&mut self.0, statement.clone());
        (Bytes::new(), before)
    }

    fn undo(&mut self, before: Bytes) {
        self.0 = before;
    }

    fn read(&self, _: &Bytes) -> Bytes {
        self.0.clone()
    }

    fn image(&self) -> Bytes {
        self.0.clone()
    }

    fn restore(image: &Bytes) -> Result<Self, ImageError> {
        Ok(Last(image.clone()))
    }
}

/// A client goes by a word.
type Client = &'static str;

/// A plane, its log, and what left it.
struct Node {
    id: NodeId,
    plane: DataPlane<Last, Client>,
    /// Records that were given out, and those that are safe.
    records: (u64, u64),
    log: LogState,
    /// In the order in which they leave.
    answers: VecDeque<Answer>,
    sent: Vec<Message>,
    told: BTreeMap<Client, Told>,
    checkpoints: usize,
    /// What one flush gave out.
    kinds: Vec<Vec<u8>>,
}

/// In which order outputs of a flush have to stand.
fn kind(output: &Output) -> u8 {
    match output {
        Output::Record { .. } => 0,
        Output::Checkpoint { .. } => 1,
        Output::WriteLog { .. } => 2,
        Output::Send { .. } => 3,
        Output::SendAll => 4,
        _ => 5,
    }
}

impl Node {
    fn new(id: u32, limits: Limits) -> Self {
        let protocol = ProtocolSettings {
            replicas: 2,
            ..ProtocolSettings::with_heartbeat(HEARTBEAT)
        };
        let settings = Settings {
            protocol,
            statement_deadline: HEARTBEAT * 10,
            statements: 3,
            log_memory_bytes: 1 << 20,
            checkpoint_after_bytes: 1_000,
            limits,
        };
        let empty = Recovered::empty(Incarnation(1));
        let replica = Replica::recover(NodeId(id), P, protocol, empty, Time(0));
        let replicas = vec![replica.expect("nothing is there")];
        Node {
            id: NodeId(id),
            plane: DataPlane::new(settings, replicas, None, Time(0)),
            records: (0, 0),
            log: LogState {
                backlog_bytes: 0,
                room_bytes: 1 << 20,
            },
            answers: VecDeque::new(),
            sent: Vec::new(),
            told: BTreeMap::new(),
            checkpoints: 0,
            kinds: Vec::new(),
        }
    }

    fn carry_out(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Record { .. } => self.records.0 += 1,
                Output::Checkpoint { .. } => self.checkpoints += 1,
                Output::Send { message, .. } => self.sent.push(message),
                Output::Answer(answer) => self.answers.push_back(answer),
                _ => {}
            }
        }
    }

    fn handle(&mut self, now: Time, input: Input<Client>) {
        let mut outputs = Vec::new();
        self.plane.handle(now, input, &mut outputs);
        self.carry_out(outputs);
    }

    fn flush(&mut self, now: Time) {
        let mut outputs = Vec::new();
        if self.plane.looks_for_checkpoints(now) {
            self.handle(now, Input::DueCheckpoints(vec![P]));
        }
        self.plane.flush(now, &mut outputs);
        self.kinds.push(outputs.iter().map(kind).collect());
        self.carry_out(outputs);
        self.handle(now, Input::Log(self.log));
    }

    /// Answers leave.
    fn release(&mut self, now: Time) {
        while let Some(answer) = self.answers.pop_front() {
            let mut outputs = Vec::new();
            if let Some((client, told)) = self.plane.release(now, answer, &mut outputs) {
                self.told.insert(client, told);
            }
            self.carry_out(outputs);
        }
    }

    fn ask(&mut self, now: Time, client: Client, ask: Ask) {
        let partition = P;
        self.handle(
            now,
            Input::Ask {
                client,
                partition,
                ask,
            },
        );
    }

    fn hear(&mut self, now: Time, from: NodeId, messages: Vec<Message>) {
        let partition = P;
        for message in messages {
            self.handle(
                now,
                Input::Message {
                    from,
                    partition,
                    message,
                },
            );
        }
    }

    fn update(&mut self, now: Time, client: Client) {
        let update = Ask::Update {
            request: None,
            as_of: Position::default(),
            statement: Bytes::from_static(client.as_bytes()),
        };
        self.ask(now, client, update);
    }
}

/// Owner and backup, at one time.
struct Pair {
    now: Time,
    owner: Node,
    backup: Node,
}

impl Pair {
    /// They are in sync, and the owner serves.
    fn serving(limits: Limits) -> Self {
        let assignment = Assignment {
            epoch: Epoch(1),
            owner: NodeId(1),
            in_sync: [1, 2].map(|id| (NodeId(id), Incarnation(1))).into(),
            ..Assignment::default()
        };
        let table = Arc::new(Table {
            stamp: Stamp::default(),
            born: true,
            identity: Identity {
                cluster: "test".to_owned(),
                partitions: 1,
                replicas: 2,
                outcomes: OutcomeLimits::default(),
            },
            members: BTreeMap::new(),
            partitions: vec![assignment],
            levelling: kensho_protocol::settings::Levelling::default(),
        });
        let mut pair = Pair {
            now: Time(0) + HEARTBEAT,
            owner: Node::new(1, limits),
            backup: Node::new(2, limits),
        };
        for node in [&mut pair.owner, &mut pair.backup] {
            let view = View {
                table: Some(Arc::clone(&table)),
                service: true,
                ..View::default()
            };
            node.handle(pair.now, Input::View(view));
        }
        pair.settle();
        assert!(pair.owner.plane.replica(P).serves());
        pair
    }

    /// All that is under way arrives.
    fn settle(&mut self) {
        loop {
            for node in [&mut self.owner, &mut self.backup] {
                node.handle(self.now, Input::Tick);
                node.flush(self.now);
                if node.records.1 < node.records.0 {
                    node.records.1 = node.records.0;
                    node.handle(self.now, Input::Durable(node.records.0));
                }
            }
            let (asked, answered) = (
                std::mem::take(&mut self.owner.sent),
                std::mem::take(&mut self.backup.sent),
            );
            let quiet = asked.is_empty() && answered.is_empty();
            self.backup.hear(self.now, self.owner.id, asked);
            self.owner.hear(self.now, self.backup.id, answered);
            let busy = self.owner.plane.has_batch() || self.backup.plane.has_batch();
            if quiet && !busy {
                return;
            }
        }
    }
}

fn answer(told: Option<&Told>) -> &[u8] {
    match told {
        Some(Told::Reply(Reply::Answer { answer, .. })) => answer,
        told => panic!("{told:?}"),
    }
}

#[test]
fn records_come_before_messages_and_messages_before_answers() {
    let mut pair = Pair::serving(Limits::default());
    for client in ["a", "b", "c", "d"] {
        let now = pair.now;
        pair.owner.update(now, client);
        // Its records and messages go with what answers the one before.
        pair.owner.flush(now);
        pair.settle();
        pair.owner.release(now);
    }
    assert_eq!(pair.owner.told.len(), 4);
    let kinds = &pair.owner.kinds;
    assert!(kinds.iter().all(|kinds| kinds.is_sorted()), "{kinds:?}");
    let starts = |kinds: &Vec<u8>| kinds.starts_with(&[0, 2, 3, 4]);
    assert!(kinds.iter().any(starts), "{kinds:?}");
}

#[test]
fn a_checkpoint_follows_all_records_of_its_batch() {
    let limits = Limits {
        checkpoint_interval: Duration::ZERO,
        ..Limits::default()
    };
    let mut pair = Pair::serving(limits);
    let now = pair.now;
    pair.owner.update(now, "a");
    pair.settle();
    assert_eq!(pair.owner.checkpoints, 1, "one at a time");
    // It was made before anything was written.
    pair.owner.handle(now, Input::Checkpointed(P, Lsn(0)));
    pair.owner.update(now, "b");
    pair.owner.flush(now);
    assert_eq!(pair.owner.checkpoints, 2);
    let last = pair.owner.kinds.last().expect("a flush");
    assert_eq!(last[..3], [0, 1, 2]);
}

#[test]
fn a_read_that_is_late_for_its_lease_is_answered_anew() {
    let mut pair = Pair::serving(Limits::default());
    let now = pair.now;
    pair.owner.update(now, "a");
    pair.settle();
    pair.owner
        .ask(now, "reader", Ask::Read(Bytes::new().into()));
    assert_eq!(
        pair.owner.answers.len(),
        2,
        "what relies on no message is given out at once"
    );
    let limit = pair.owner.answers[1].not_after.expect("it has a lease");
    // The process was stopped meanwhile.
    pair.now = limit;
    pair.owner.release(pair.now);
    assert!(pair.owner.told.contains_key("a") && !pair.owner.told.contains_key("reader"));
    assert!(pair.owner.plane.has_batch(), "it was handed in again");
    pair.settle();
    pair.owner.release(pair.now);
    assert_eq!(answer(pair.owner.told.get("reader")), b"a");
    assert_eq!(pair.owner.plane.figures().late_answers, 1);
}

#[test]
fn a_read_that_is_late_for_its_client_is_refused() {
    let mut pair = Pair::serving(Limits::default());
    let now = pair.now;
    pair.owner
        .ask(now, "reader", Ask::Read(Bytes::new().into()));
    pair.owner.release(now + HEARTBEAT * 10);
    let timed_out = Told::Reply(Reply::Refused(Refusal::TimedOut));
    assert_eq!(pair.owner.told.get("reader"), Some(&timed_out));
}

#[test]
fn who_is_faster_than_the_disk_waits_and_is_refused_only_in_the_end() {
    let mut pair = Pair::serving(Limits::default());
    let now = pair.now;
    pair.owner.log.backlog_bytes = Limits::default().backlog_bytes + 1;
    pair.owner.handle(now, Input::Log(pair.owner.log));
    for client in ["a", "b", "c", "d"] {
        pair.owner.update(now, client);
    }
    pair.owner.release(now);
    let refused = Told::Overloaded("too many statements wait");
    assert_eq!(pair.owner.told, BTreeMap::from([("d", refused)]));
    assert!(pair.owner.plane.deadline() <= now + Limits::default().look_interval);
    // There is room for one of them.
    pair.owner.log = LogState {
        backlog_bytes: 0,
        room_bytes: 1,
    };
    pair.owner.handle(now, Input::Log(pair.owner.log));
    pair.owner.handle(now, Input::Tick);
    pair.owner.log.room_bytes = 0;
    pair.owner.flush(now);
    pair.settle();
    pair.owner.release(now);
    assert!(matches!(
        pair.owner.told.get("a"),
        Some(Told::Reply(Reply::Done { .. }))
    ));
    pair.owner.handle(now + HEARTBEAT * 10, Input::Tick);
    pair.owner.release(now + HEARTBEAT * 10);
    let refused = |client| match pair.owner.told.get(client) {
        Some(Told::Overloaded(reason)) => *reason,
        _ => "",
    };
    assert_eq!(
        ["b", "c"].map(refused),
        ["the log on disk must be cut first"; 2]
    );
}

#[test]
fn entries_wait_for_room_in_the_log_and_their_owner_hears_of_the_backup() {
    let mut pair = Pair::serving(Limits::default());
    let now = pair.now;
    pair.backup.log.room_bytes = 0;
    pair.backup.handle(now, Input::Log(pair.backup.log));
    pair.owner.update(now, "a");
    pair.settle();
    pair.owner.release(now);
    assert!(pair.owner.told.is_empty());
    assert_eq!(pair.backup.plane.figures().put_off, 1);
    // The backup stands by its owner all the same.
    pair.now = now + HEARTBEAT * 3 / 2;
    pair.settle();
    assert!(pair.owner.plane.replica(P).lease_until() > Some(pair.now));
    pair.backup.log.room_bytes = 1 << 20;
    pair.backup.handle(pair.now, Input::Log(pair.backup.log));
    pair.settle();
    pair.owner.release(pair.now);
    assert!(pair.owner.told.contains_key("a"));
}

#[test]
fn a_log_that_cannot_be_cut_lets_one_update_after_the_other_pass() {
    let limits = Limits {
        checkpoint_interval: Duration::ZERO,
        ..Limits::default()
    };
    let mut pair = Pair::serving(limits);
    let now = pair.now;
    // The log is kept by an update that the backup, which is not heard, does not confirm.
    let lsn = pair.owner.plane.replica(P).commit();
    pair.owner.handle(now, Input::Checkpointed(P, lsn));
    pair.owner.log.room_bytes = 0;
    pair.owner.update(now, "a");
    pair.owner.flush(now);
    pair.owner.update(now, "b");
    assert_eq!(pair.owner.plane.figures().held_back, 1);
    pair.owner.handle(now, Input::Tick);
    pair.owner.flush(now);
    assert_eq!(pair.owner.plane.figures().updates, 2);
}
