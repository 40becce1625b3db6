//! Replicas of one partition around a network and disks that obey at once, unless told otherwise.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::{Event, Message, Output, Replica, RoleKind, Round};
use crate::apply::{Apply, ImageError};
use crate::ids::{
    ClientId, Epoch, Incarnation, Lsn, NodeId, PartitionId, Position, Sequence, Ticket, Token,
};
use crate::log::Entry;
use crate::record::{Record, Recovered};
use crate::request::{Digest, Execute, Numbered, Read, ReadFrom, Refusal, Reply, RequestId};
use crate::settings::{Mode, Settings};
use crate::table::{Assignment, Change, What};
use crate::time::Time;

mod backup;
mod bounds;
mod images;
mod numbers;
mod reigns;

/// A list of the statements applied; its outcome is how many there were before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Journal(Vec<Bytes>);

impl Apply for Journal {
    type Undo = ();
    fn apply(&mut self, _: Position, statement: &Bytes) -> (Bytes, ()) {
        self.0.push(statement.clone());
        (Bytes::from((self.0.len() - 1).to_string()), ())
    }
    fn undo(&mut self, (): ()) {
        self.0.pop();
    }
    fn read(&self, _: &Bytes) -> Bytes {
        self.0.join(&b","[..]).into()
    }
    fn image(&self) -> Bytes {
        postcard::to_stdvec(&self.0).unwrap().into()
    }
    fn restore(image: &Bytes) -> Result<Self, ImageError> {
        postcard::from_bytes(image)
            .map(Journal)
            .map_err(|e| ImageError(e.to_string()))
    }
}

struct Node {
    replica: Replica<Journal>,
    disk: Recovered,
    /// Records handed over that did not reach the disk yet.
    writing: VecDeque<(Ticket, Record)>,
}

struct World {
    now: Time,
    settings: Settings,
    nodes: BTreeMap<NodeId, Node>,
    network: VecDeque<(NodeId, NodeId, Message)>,
    cut: BTreeSet<(NodeId, NodeId)>,
    slow_disks: BTreeSet<NodeId>,
    replies: BTreeMap<Token, Reply>,
    asked: Vec<(NodeId, Change)>,
    cut_off: Vec<Bytes>,
    table: Assignment,
    tokens: u64,
}

const N1: NodeId = NodeId(1);
const N2: NodeId = NodeId(2);
const N3: NodeId = NodeId(3);

impl World {
    /// Nodes 1 to 3; `in_sync` of them, owned by the first.
    fn new(mode: Mode, in_sync: &[NodeId]) -> Self {
        World::with(in_sync, |settings| settings.mode = mode)
    }

    /// The same with other settings.
    fn with(in_sync: &[NodeId], change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::with_heartbeat(Duration::from_millis(100));
        // More than there are: no entry is spare.
        settings.replicas = 4;
        settings.image_chunk_bytes = 3;
        change(&mut settings);
        let mut world = World {
            now: Time(1_000_000_000),
            settings,
            nodes: BTreeMap::new(),
            network: VecDeque::new(),
            cut: BTreeSet::new(),
            slow_disks: BTreeSet::new(),
            replies: BTreeMap::new(),
            asked: Vec::new(),
            cut_off: Vec::new(),
            table: Assignment::default(),
            tokens: 0,
        };
        for id in [N1, N2, N3] {
            world.start(id, Recovered::empty(Incarnation(7)));
        }
        world.assign(1, in_sync[0], in_sync, &[]);
        world
    }

    fn start(&mut self, id: NodeId, disk: Recovered) {
        let partition = PartitionId(0);
        let replica =
            Replica::recover(id, partition, self.settings, disk.clone(), self.now).unwrap();
        self.nodes.insert(
            id,
            Node {
                replica,
                disk,
                writing: VecDeque::new(),
            },
        );
        self.give(id, Event::Service(true));
    }

    fn restart(&mut self, id: NodeId) {
        let disk = self.nodes.remove(&id).unwrap().disk;
        self.start(id, disk);
        let table = self.table.clone();
        self.give(id, Event::Assign(table));
    }

    fn assign(&mut self, epoch: u64, owner: NodeId, in_sync: &[NodeId], catch_ups: &[NodeId]) {
        self.table = Assignment {
            epoch: Epoch(epoch),
            owner,
            in_sync: in_sync.iter().map(|id| (*id, Incarnation(7))).collect(),
            catch_ups: catch_ups.iter().copied().collect(),
            witnesses: BTreeMap::new(),
        };
        for id in [N1, N2, N3] {
            if !self.is_isolated(id) {
                self.give(id, Event::Assign(self.table.clone()));
            }
        }
        self.drive();
    }

    fn is_isolated(&self, id: NodeId) -> bool {
        [N1, N2, N3]
            .iter()
            .all(|other| *other == id || self.cut.contains(&(id, *other)))
    }

    fn isolate(&mut self, id: NodeId) {
        for other in [N1, N2, N3] {
            self.cut.extend([(id, other), (other, id)]);
        }
    }

    fn give(&mut self, id: NodeId, event: Event) {
        let mut out = Vec::new();
        let node = self.nodes.get_mut(&id).unwrap();
        node.replica.handle(self.now, event, &mut out);
        node.replica.flush(self.now, &mut out);
        for output in out {
            match output {
                Output::Persist { ticket, record } => {
                    self.nodes
                        .get_mut(&id)
                        .unwrap()
                        .writing
                        .push_back((ticket, record));
                }
                Output::Send { to, message } => self.network.push_back((id, to, message)),
                Output::Reply { token, reply, .. } => {
                    assert!(
                        self.replies.insert(token, reply).is_none(),
                        "answered twice"
                    );
                }
                Output::Ask(change) => self.asked.push((id, change)),
                Output::CutOff { entries } => {
                    self.cut_off
                        .extend(entries.into_iter().map(|entry| entry.statement));
                }
                Output::Note(_) => {}
                Output::RolledBack(incarnation) => {
                    self.nodes.get_mut(&id).unwrap().disk.incarnation = incarnation;
                }
            }
        }
    }

    /// Lets disks and network work until nothing is left to do at this time.
    fn drive(&mut self) {
        for _ in 0..10_000 {
            let writer = self
                .nodes
                .iter()
                .find(|(id, node)| !node.writing.is_empty() && !self.slow_disks.contains(*id));
            if let Some(id) = writer.map(|(id, _)| *id) {
                let node = self.nodes.get_mut(&id).unwrap();
                let (ticket, record) = node.writing.pop_front().unwrap();
                node.disk.replay(record).unwrap();
                self.give(id, Event::Durable(ticket));
            } else if let Some((from, to, message)) = self.network.pop_front() {
                if !self.cut.contains(&(from, to)) {
                    self.give(to, Event::Message { from, message });
                }
            } else {
                return;
            }
        }
        panic!("the replicas never come to rest");
    }

    /// Lets time pass, and all timers fire.
    fn wait_ms(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.now = self.now + Duration::from_millis(10);
            for id in [N1, N2, N3] {
                let due = self.nodes[&id].replica.deadline();
                if due.is_some_and(|due| due <= self.now) {
                    self.give(id, Event::Tick);
                }
            }
            self.drive();
        }
    }

    fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    fn write_as(&mut self, id: NodeId, request: Option<u64>, text: &'static str) -> Token {
        let token = self.token();
        let numbered = |sequence| Numbered {
            id: RequestId {
                client: ClientId(9),
                sequence: Sequence(sequence),
            },
            digest: Digest::of(&[text.as_bytes()]),
        };
        let execute = Execute {
            token,
            request: request.map(numbered),
            as_of: Position::default(),
            statement: Bytes::from_static(text.as_bytes()),
            deadline: self.now + Duration::from_secs(10),
        };
        self.give(id, Event::Execute(execute));
        self.drive();
        token
    }

    fn write(&mut self, id: NodeId, text: &'static str) -> Token {
        self.write_as(id, None, text)
    }

    fn read(&mut self, id: NodeId) -> Token {
        self.read_from(id, ReadFrom::Owner, Position::default())
    }

    fn read_from(&mut self, id: NodeId, from: ReadFrom, seen: Position) -> Token {
        let token = self.token();
        let deadline = self.now + Duration::from_secs(10);
        self.give(
            id,
            Event::Read(Read {
                token,
                query: Bytes::new(),
                from,
                seen,
                deadline,
            }),
        );
        self.drive();
        token
    }

    fn done(&self, token: Token) -> bool {
        matches!(self.replies.get(&token), Some(Reply::Done { .. }))
    }

    fn answer(&self, token: Token) -> Option<&[u8]> {
        match self.replies.get(&token) {
            Some(Reply::Answer { answer, .. }) => Some(answer),
            _ => None,
        }
    }

    fn refusal(&self, token: Token) -> Option<Refusal> {
        match self.replies.get(&token) {
            Some(Reply::Refused(refusal)) => Some(*refusal),
            _ => None,
        }
    }

    fn replica(&self, id: NodeId) -> &Replica<Journal> {
        &self.nodes[&id].replica
    }

    fn log(&self, id: NodeId) -> Vec<&[u8]> {
        let log = self.replica(id).log();
        log.above(log.base().lsn)
            .map(|entry| &entry.statement[..])
            .collect()
    }
}

#[test]
fn an_update_is_answered_when_all_backups_hold_it() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2, N3]);
    world.slow_disks.insert(N3);
    let update = world.write(N1, "a");
    assert!(!world.done(update), "one backup has it in memory only");
    world.slow_disks.clear();
    world.drive();
    assert!(world.done(update));
    let read = world.read(N1);
    assert_eq!(world.answer(read), Some(&b"a"[..]));
}

#[test]
fn only_the_owner_answers() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    let update = world.write(N2, "a");
    assert_eq!(world.refusal(update), Some(Refusal::NotOwner));
}

#[test]
fn a_silent_backup_counts_until_the_table_without_it_is_committed() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.isolate(N2);
    let update = world.write(N1, "a");
    world.wait_ms(1_000);
    assert!(!world.done(update));
    let without: BTreeSet<NodeId> = [N2].into();
    assert_eq!(world.asked[0].1.what, What::Shrink(without));
    world.assign(2, N1, &[N1], &[]);
    assert!(world.done(update));
}

#[test]
fn a_read_is_answered_under_a_lease_and_not_without() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.wait_ms(100);
    world.isolate(N2);
    let leased = world.read(N1);
    assert!(world.answer(leased).is_some());
    world.now = world.now + world.settings.lease();
    let late = world.read(N1);
    assert!(world.answer(late).is_none(), "the lease is over");
    world.cut.clear();
    world.wait_ms(100);
    assert!(world.answer(late).is_some(), "a barrier answers it");
}

#[test]
fn a_new_owner_waits_until_it_is_free_of_its_promise() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.wait_ms(100);
    world.isolate(N1);
    world.assign(2, N2, &[N2], &[]);
    assert_eq!(world.replica(N2).role(), RoleKind::Entering);
    let refused = world.write(N2, "b");
    assert_eq!(world.refusal(refused), Some(Refusal::NotServing));
    world.wait_ms(200);
    assert_eq!(world.replica(N2).role(), RoleKind::Serving);
    let old = world.write(N1, "a");
    let new = world.write(N2, "b");
    assert!(!world.done(old) && world.done(new));
    world.cut.clear();
    world.wait_ms(100);
    assert_eq!(
        world.refusal(old),
        Some(Refusal::OutcomeUnknown),
        "the old owner is fenced"
    );
}

#[test]
fn a_divergent_tail_gives_way_and_no_acknowledged_update_is_lost() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2, N3]);
    let kept = world.write(N1, "a");
    world.isolate(N1);
    let open = world.write(N1, "b");
    world.wait_ms(300);
    world.assign(2, N2, &[N2, N3], &[]);
    let later = world.write(N2, "c");
    assert!(world.done(kept) && !world.done(open) && world.done(later));
    world.cut.clear();
    world.assign(2, N2, &[N2, N3], &[N1]);
    world.wait_ms(200);
    assert_eq!(world.log(N1), [b"a", b"c"]);
    assert_eq!(world.cut_off, ["b"]);
    let (_, growth) = world.asked.last().unwrap();
    assert_eq!(growth.what, What::Grow(N1, Incarnation(7)));
    world.assign(3, N2, &[N1, N2, N3], &[]);
    let all = world.write(N2, "d");
    assert!(world.done(all));
    assert_eq!(world.log(N1), [b"a", b"c", b"d"]);
}

#[test]
fn a_new_owner_keeps_its_whole_log() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2, N3]);
    world.cut.insert((N1, N3));
    let open = world.write(N1, "a");
    assert!(!world.done(open));
    world.isolate(N1);
    world.wait_ms(300);
    world.assign(2, N2, &[N2, N3], &[]);
    world.wait_ms(100);
    assert_eq!(
        world.log(N3),
        [b"a"],
        "short-term sync brings all of the in-sync set to it"
    );
    let read = world.read(N2);
    assert_eq!(world.answer(read), Some(&b"a"[..]));
}

#[test]
fn who_lacks_more_than_the_log_holds_gets_a_data_image_and_what_follows() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    for text in ["a", "b", "c"] {
        world.write_as(N1, Some(text.as_bytes()[0].into()), text);
    }
    world.give(N1, Event::Forget(0));
    assert_eq!(world.replica(N1).log().base().lsn, Lsn(3));
    world.write(N1, "d");
    world.assign(1, N1, &[N1, N2], &[N3]);
    world.wait_ms(200);
    assert_eq!(
        world.replica(N3).log().base().lsn,
        Lsn(4),
        "it came as an image"
    );
    world.write(N1, "e");
    world.wait_ms(100);
    assert_eq!(world.log(N3), [b"e"]);
    assert_eq!(world.replica(N3).state(), world.replica(N1).state());
    assert_eq!(
        world.replica(N3).outcomes(),
        3,
        "outcomes are part of the image"
    );
    world.restart(N3);
    world.wait_ms(300);
    assert_eq!(
        world.replica(N3).log().last(),
        world.replica(N1).log().last()
    );
    assert_eq!(world.replica(N3).state(), world.replica(N1).state());
}

#[test]
fn a_retry_takes_effect_once_over_a_failover() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    let first = world.write_as(N1, Some(1), "a");
    let again = world.write_as(N1, Some(1), "a");
    assert_eq!(world.replies[&first], world.replies[&again]);
    world.isolate(N1);
    world.wait_ms(300);
    world.assign(2, N2, &[N2], &[]);
    let retry = world.write_as(N2, Some(1), "a");
    assert_eq!(world.replies[&first], world.replies[&retry]);
    assert_eq!(world.log(N2), [b"a"]);
}

#[test]
fn a_retry_waits_for_the_entry_that_is_in_the_log() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.slow_disks.insert(N2);
    let first = world.write_as(N1, Some(1), "a");
    let retry = world.write_as(N1, Some(1), "a");
    assert!(!world.done(first) && !world.done(retry));
    world.slow_disks.clear();
    world.drive();
    assert_eq!(world.replies[&first], world.replies[&retry]);
    assert_eq!(world.log(N1), [b"a"]);
}

#[test]
fn a_restarted_owner_asks_for_the_next_epoch() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    let update = world.write(N1, "a");
    assert!(world.done(update));
    world.restart(N1);
    world.drive();
    assert_eq!(world.replica(N1).role(), RoleKind::Renewing);
    let (who, change) = world.asked.last().unwrap();
    assert_eq!(
        (*who, change.base, &change.what),
        (N1, Epoch(1), &What::Renew)
    );
    world.assign(2, N1, &[N1, N2], &[]);
    world.wait_ms(300);
    let read = world.read(N1);
    assert_eq!(world.answer(read), Some(&b"a"[..]));
}

#[test]
fn async_answers_before_the_backup_holds_it_and_may_lose_that() {
    let mut world = World::new(Mode::Async, &[N1, N2]);
    world.wait_ms(100);
    let safe = world.write(N1, "a");
    world.slow_disks.insert(N2);
    world.isolate(N2);
    let lost = world.write(N1, "b");
    assert!(world.done(safe) && world.done(lost));
    world.now = world.now + world.settings.lease();
    let unleased = world.write(N1, "c");
    assert!(!world.done(unleased), "no async answer without a lease");
    world.cut.clear();
    world.isolate(N1);
    world.slow_disks.clear();
    world.wait_ms(300);
    world.assign(2, N2, &[N2], &[N1]);
    world.wait_ms(300);
    let new = world.write(N2, "d");
    assert!(world.done(new));
    world.cut.clear();
    let table = world.table.clone();
    world.give(N1, Event::Assign(table));
    world.wait_ms(300);
    assert_eq!(world.log(N1), [b"a", b"d"]);
    assert_eq!(world.cut_off, ["b", "c"], "the loss is seen");
    assert_eq!(world.replica(N1).state(), world.replica(N2).state());
}

#[test]
fn without_a_quorum_nothing_is_answered() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.slow_disks.insert(N2);
    let open = world.write(N1, "a");
    world.give(N1, Event::Service(false));
    assert_eq!(world.refusal(open), Some(Refusal::OutcomeUnknown));
    let read = world.read(N1);
    assert_eq!(world.refusal(read), Some(Refusal::NotServing));
}

#[test]
fn a_lost_message_is_sent_again() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.cut.insert((N1, N2));
    let update = world.write(N1, "a");
    world.cut.clear();
    world.wait_ms(200);
    assert!(world.done(update));
}

#[test]
fn an_update_past_its_deadline_is_unknown() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.cut.insert((N2, N1));
    let update = world.write(N1, "a");
    world.wait_ms(11_000);
    assert_eq!(world.refusal(update), Some(Refusal::OutcomeUnknown));
}

// What follows was found in the artificial worlds; see models/FINDINGS.md.

#[test]
fn a_new_owner_asks_for_no_growth_before_it_has_synced() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    let update = world.write(N1, "a");
    assert!(world.done(update) && world.replica(N2).commit() == Lsn(0));
    world.isolate(N1);
    world.wait_ms(300);
    // The old owner is still in sync, and silent: the new one cannot know what was committed.
    world.assign(2, N2, &[N1, N2], &[N3]);
    world.wait_ms(300);
    assert_eq!(world.replica(N2).role(), RoleKind::Syncing);
    let grows = |change: &Change| matches!(change.what, What::Grow(..));
    assert!(!world.asked.iter().any(|(_, change)| grows(change)));
    world.assign(3, N2, &[N2], &[N3]);
    world.wait_ms(300);
    assert!(world.asked.iter().any(|(_, change)| grows(change)));
}

#[test]
fn an_answer_to_what_was_sent_before_begins_nothing_anew() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    world.write(N1, "a");
    let message = Message::Mismatch {
        epoch: Epoch(1),
        round: Round {
            barrier: 0,
            sent: Time(999_999_999),
        },
        hint: Position::default(),
    };
    world.give(N1, Event::Message { from: N2, message });
    assert!(world.network.is_empty(), "{:?}", world.network);
}

#[test]
fn a_catch_up_that_counts_gets_an_image_when_the_log_was_trimmed_below_it() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    for text in ["a", "b", "c"] {
        world.write(N1, text);
    }
    world.isolate(N3);
    world.assign(1, N1, &[N1, N2], &[N3]);
    let (epoch, round) = (
        Epoch(1),
        Round {
            barrier: 0,
            sent: world.now,
        },
    );
    let answers = [
        Message::Mismatch {
            epoch,
            round,
            hint: Position::default(),
        },
        Message::Ack {
            epoch,
            round,
            matched: Lsn(0),
            incarnation: Incarnation(7),
            whole: true,
        },
    ];
    for message in answers {
        world.give(N1, Event::Message { from: N3, message });
    }
    assert!(world.replica(N1).required().any(|node| node == N3));
    world.drive();
    world.give(N1, Event::Forget(0));
    world.cut.clear();
    world.wait_ms(300);
    assert_eq!(world.replica(N3).log().base().lsn, Lsn(3));
    let (_, growth) = world.asked.last().unwrap();
    assert_eq!(growth.what, What::Grow(N3, Incarnation(7)));
}

#[test]
fn what_nobody_lacks_is_forgotten_while_all_are_in_sync() {
    let all = [N1, N2, N3];
    let mut world = World::new(Mode::SemiSync, &all);
    let two_entries = 2 * 129;
    world.settings.log_spare_bytes = two_entries;
    world.settings.replicas = 3;
    for node in all {
        world.restart(node);
    }
    world.assign(2, N1, &all, &[]);
    world.wait_ms(500);
    for text in ["a", "b", "c", "d"] {
        let update = world.write(N1, text);
        assert!(world.done(update));
    }
    world.wait_ms(100);
    for node in all {
        let log = world.replica(node).log();
        assert_eq!((log.base().lsn, log.end()), (Lsn(2), Lsn(4)), "{node}");
    }
    world.isolate(N3);
    world.assign(3, N1, &[N1, N2], &[N3]);
    for text in ["e", "f", "g", "h"] {
        let update = world.write(N1, text);
        assert!(world.done(update));
    }
    let log = world.replica(N1).log();
    assert_eq!((log.base().lsn, log.end()), (Lsn(2), Lsn(8)));
    assert!(log.position(world.replica(N3).log().end()).is_some());
}

#[test]
fn a_growth_is_withdrawn_when_the_table_names_another_catch_up() {
    let mut world = World::new(Mode::SemiSync, &[N1]);
    world.assign(1, N1, &[N1], &[N3]);
    world.wait_ms(100);
    let (_, growth) = world.asked.last().unwrap();
    assert_eq!(growth.what, What::Grow(N3, Incarnation(7)));
    world.assign(1, N1, &[N1], &[N2]);
    world.wait_ms(200);
    let (_, withdrawal) = world.asked.last().unwrap();
    assert_eq!(withdrawal.what, What::Renew);
}

#[test]
fn another_life_of_the_owners_data_owns_nothing() {
    let mut world = World::new(Mode::SemiSync, &[N1, N2]);
    let update = world.write(N1, "a");
    assert!(world.done(update));
    // It has forgotten that it was owner of this epoch, and what it acknowledged.
    world.nodes.remove(&N1);
    world.start(N1, Recovered::empty(Incarnation(8)));
    let table = world.table.clone();
    world.give(N1, Event::Assign(table));
    world.drive();
    assert_eq!(world.replica(N1).role(), RoleKind::Follower);
    world.assign(2, N2, &[N2], &[N1]);
    world.wait_ms(300);
    assert_eq!(world.replica(N1).log().end(), Lsn(1));
}

#[test]
fn a_catch_up_that_begins_another_life_is_not_added_for_what_it_held_in_the_last_one() {
    let mut world = World::new(Mode::SemiSync, &[N1]);
    assert!({
        let update = world.write(N1, "a");
        world.done(update)
    });
    world.assign(1, N1, &[N1], &[N3]);
    world.wait_ms(100);
    let (_, growth) = world.asked.last().unwrap();
    assert_eq!(growth.what, What::Grow(N3, Incarnation(7)));
    // The master has not heard of it; meanwhile the catch-up loses everything.
    world.nodes.remove(&N3);
    world.start(N3, Recovered::empty(Incarnation(8)));
    world.slow_disks.insert(N3);
    let table = world.table.clone();
    world.give(N3, Event::Assign(table));
    world.wait_ms(200);
    let other_life = What::Grow(N3, Incarnation(8));
    assert!(
        world
            .asked
            .iter()
            .all(|(_, change)| change.what != other_life)
    );
}

mod trust;
