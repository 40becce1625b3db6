//! The replicas of a node, and what they act through.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kensho_protocol::ids::{Incarnation, Lsn, NodeId, PartitionId, Position, Ticket, Token};
use kensho_protocol::replica::{self, Event, LogMemory, Note, Output, Replica};
use kensho_protocol::request::{Execute, Numbered, Read, Refusal, Reply};
use kensho_protocol::settings::Mode;
use kensho_protocol::table::{Member, Table};
use kensho_protocol::time::Time;
use kensho_storage::disk::RealDisk;
use kensho_storage::error::StorageError;
use kensho_storage::folder;
use kensho_storage::log::{Checkpoint, LogAppender, Progress, RecordNumber};
use kensho_storage::tables::Tables;
use tokio::sync::mpsc;

use super::put_off::PutOff;
use super::waiting::WaitingClients;
use super::{Answered, Message, lost, notes, put_off};
use crate::clock;
use crate::control::{Report, View};
use crate::failure;
use crate::peer::{Hello, Met, Peers, Received};
use crate::recording::Recorder;
use crate::settings::Settings;

/// Updates are held back while this much waits for the disk.
const BACKLOG_LIMIT_BYTES: usize = 64 << 20;
/// At most so much is held back; more is refused.
const HELD_BACK_LIMIT_BYTES: usize = 64 << 20;
/// Updates are held back while the logs of all partitions hold this much that is not committed.
const UNCOMMITTED_LIMIT_BYTES: u64 = 256 << 20;
/// No more statements are taken at once than this, in bytes, but for a single one: a record of the log
/// holds all of a partition.
const FRESH_LIMIT_BYTES: usize = 64 << 20;
/// How often it is looked whether a checkpoint is due, if none has just taken effect.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(500);
/// One for which there was no room is tried again after this long: its image takes time to make.
const CHECKPOINT_RETRY: Duration = Duration::from_secs(10);
/// No more images than this are made at once, in bytes, but for a single one: they take the time of this
/// thread.
const IMAGES_BYTES: usize = 4 << 20;
/// While the log is far too long, no more images than this wait for the disk, in bytes: more of them share
/// what it costs to make them count.
const WAITING_IMAGES_BYTES: usize = 32 << 20;
/// How often it is looked whether there is room again for what waits for it.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// What a data plane is made of.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) me: Member,
    pub(crate) replicas: Vec<Replica<Tables>>,
    pub(crate) log: LogAppender,
    pub(crate) disk: RealDisk,
    pub(crate) peers: Peers,
    pub(crate) reports: mpsc::Sender<Report>,
    pub(crate) recorder: Recorder,
}

/// The replicas of a node, and what they act through.
pub(crate) struct DataPlane {
    settings: Settings,
    me: Member,
    /// One for each partition, in order.
    slots: Vec<Slot>,
    touched: Vec<PartitionId>,
    log_memory: LogMemory,
    waiting: WaitingClients,
    log: LogAppender,
    disk: RealDisk,
    /// Bytes of the statements that were handed in since the log was given any.
    fresh_bytes: usize,
    /// The same, of the entries that other nodes sent.
    sent_bytes: usize,
    /// How much may be appended before the log has to be cut, when it was last looked.
    log_room_bytes: u64,
    put_off: PutOff,
    /// The log cannot be cut before other nodes hold what stands at its beginning.
    pinned: bool,
    /// No earlier is it looked again.
    next_look: Time,
    /// There was no room on the disk for the last checkpoint.
    checkpoint_refused: bool,
    /// Too much waits for the disk.
    disk_busy: bool,
    /// Why there is no room for updates on the disk, if there is none (rule M6).
    full: Option<Arc<StorageError>>,
    held_back: HeldBack,
    unsynced: VecDeque<(RecordNumber, PartitionId, Ticket)>,
    /// Replicas wait for what was appended to the log since it was last handed over.
    disk_awaited: bool,
    peers: Peers,
    reports: mpsc::Sender<Report>,
    view: View,
    next_holds: Time,
    next_checkpoint: Time,
    /// After the last checkpoints were begun, no others are before this.
    checkpoint_rest: Time,
    outputs: Vec<Output>,
    /// What clients are to be told next.
    answers: Vec<(Token, Reply)>,
    figures: Figures,
    recorder: Recorder,
}

struct Slot {
    replica: Replica<Tables>,
    deadline: Time,
    touched: bool,
    /// The size of the checkpoint that is being written, in bytes.
    checkpointing: Option<usize>,
    /// What the last one knows.
    checkpointed: Option<Lsn>,
}

/// Updates that wait until they can be handed in.
#[derive(Default)]
struct HeldBack {
    updates: usize,
    bytes: usize,
}

/// What the data plane did, counted from the node's start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) reads: u64,
    pub(crate) updates: u64,
    pub(crate) refused_busy: u64,
    /// Entries that were cut off a log and written to `lost-…` files.
    pub(crate) lost_entries: u64,
    pub(crate) checkpoints: u64,
    /// How often there was no room any more on the disk.
    pub(crate) full_disk: u64,
    /// How often it was found out that the data folder had gone back in time (rule R14).
    pub(crate) rolled_back: u64,
    /// Partitions that this node owns since its start although nobody could tell whether its data folder
    /// had gone back in time (rule R14).
    pub(crate) unwitnessed: u64,
}

impl DataPlane {
    pub(crate) fn new(parts: Parts) -> Self {
        let slot = |replica| Slot {
            replica,
            deadline: Time::MAX,
            touched: false,
            checkpointing: None,
            checkpointed: None,
        };
        let retained = parts.settings.protocol.log_retention_bytes;
        let mut plane = DataPlane {
            log_memory: LogMemory::new(retained, parts.replicas.len()),
            settings: parts.settings,
            me: parts.me,
            slots: parts.replicas.into_iter().map(slot).collect(),
            touched: Vec::new(),
            waiting: WaitingClients::default(),
            log: parts.log,
            disk: parts.disk,
            fresh_bytes: 0,
            sent_bytes: 0,
            log_room_bytes: u64::MAX,
            put_off: PutOff::default(),
            pinned: false,
            next_look: Time(0),
            checkpoint_refused: false,
            disk_busy: false,
            full: None,
            held_back: HeldBack::default(),
            unsynced: VecDeque::new(),
            disk_awaited: false,
            peers: parts.peers,
            reports: parts.reports,
            view: View::default(),
            next_holds: Time(0),
            next_checkpoint: clock::now() + CHECKPOINT_INTERVAL,
            checkpoint_rest: Time(0),
            outputs: Vec::new(),
            answers: Vec::new(),
            figures: Figures::default(),
            recorder: parts.recorder,
        };
        for member in plane.settings.members.clone() {
            plane.peers.link(&member.name, &member.peer);
        }
        plane
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn me(&self) -> &Member {
        &self.me
    }

    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// What this node goes by when it meets others.
    pub(crate) fn hello(&self) -> &Hello {
        self.peers.hello()
    }

    pub(crate) fn figures(&self) -> Figures {
        self.figures
    }

    /// How much memory the logs of all partitions take, in bytes.
    pub(crate) fn log_memory_bytes(&self) -> u64 {
        self.log_memory.bytes()
    }

    /// See [`Peers::figures`].
    pub(crate) fn peer_figures(&self) -> Vec<(String, bool, u64)> {
        self.peers.figures()
    }

    /// How the coordinator is told something.
    pub(crate) fn reports(&self) -> mpsc::Sender<Report> {
        self.reports.clone()
    }

    /// All replicas, in the order of their partitions.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = &Replica<Tables>> {
        self.slots.iter().map(|slot| &slot.replica)
    }

    /// Why no read is taken at the moment, if so. To be asked before one is handed in.
    pub(crate) fn too_busy_to_read(&mut self) -> Option<&'static str> {
        let waiting = self.waiting.len() + self.held_back.updates;
        let busy = waiting >= self.settings.limits.statements;
        self.figures.refused_busy += u64::from(busy);
        busy.then_some("too many statements wait")
    }

    /// Why no update of so many bytes is taken at the moment, if so. To be asked before one is handed in.
    pub(crate) fn too_busy_to_update(&mut self, bytes: usize) -> Option<&'static str> {
        let busy = self.too_busy_to_read();
        if busy.is_some() {
            return busy;
        }
        let busy = self.fresh_bytes > 0 && self.fresh_bytes + bytes > FRESH_LIMIT_BYTES;
        self.figures.refused_busy += u64::from(busy);
        busy.then_some("too much was sent at once")
    }

    /// Why there is no room for updates on the disk, if there is none.
    pub(crate) fn full(&self) -> Option<&StorageError> {
        self.full.as_deref()
    }

    /// The data folder.
    pub(crate) fn disk(&self) -> &RealDisk {
        &self.disk
    }

    /// What an update of so many bytes of `partition` has to wait for before it may be handed in, if for anything. It is
    /// no reason to refuse it at once: nobody should be told to try again who sends one update after the
    /// other, and is only faster than the disk.
    pub(crate) fn held_up(&self, partition: PartitionId, bytes: usize) -> Option<&'static str> {
        let protocol = &self.settings.protocol;
        let log = self.slots[usize::from(partition.0)].replica.log();
        if self.full.is_some() {
            // It is refused by name.
            None
        } else if self.disk_busy {
            Some("the disk is too slow")
        } else if !self.log_has_room(bytes) {
            Some("the log on disk must be cut first")
        } else if self.log_memory.uncommitted_bytes() >= UNCOMMITTED_LIMIT_BYTES
            || log.uncommitted_bytes() >= protocol.uncommitted_limit_bytes
        {
            Some("too much waits for other nodes")
        } else {
            None
        }
    }

    /// Whether so many bytes more keep the log on disk within twice its setting. A single piece does,
    /// however long it is.
    fn log_has_room(&self, bytes: usize) -> bool {
        let before = self.fresh_bytes + self.sent_bytes;
        let fits = (before + bytes) as u64 <= self.log_room_bytes;
        fits || before == 0 && self.log_room_bytes > 0
    }

    /// Looks whether too much waits for the disk, and whether the log on it is too long.
    fn look_at_disk(&mut self) {
        self.next_look = clock::now() + LOOK_INTERVAL;
        self.disk_busy = self.log.backlog_bytes() > BACKLOG_LIMIT_BYTES;
        self.log_room_bytes = match self.checkpoint_refused {
            // It cannot be cut; that the disk is full is said elsewhere, as soon as it is.
            true => u64::MAX,
            false => self.log.room_bytes(),
        };
    }

    /// Looks again, if it was not done just now. That is done with each batch, but there may be none
    /// while everybody waits.
    pub(crate) fn look_at_disk_again(&mut self) {
        if self.next_look <= clock::now() {
            self.look_at_disk();
        }
    }

    /// Whether an update of so many bytes may wait until it can be handed in. If so it has to be
    /// [released](DataPlane::release) then, or when it is given up.
    pub(crate) fn hold_back(&mut self, bytes: usize) -> bool {
        let HeldBack {
            updates,
            bytes: all,
        } = &mut self.held_back;
        let may = *updates == 0 || *all + bytes <= HELD_BACK_LIMIT_BYTES;
        if may {
            *updates += 1;
            *all += bytes;
        } else {
            self.figures.refused_busy += 1;
        }
        may
    }

    /// An update that was held back waits no more.
    pub(crate) fn release(&mut self, bytes: usize) {
        self.held_back.updates -= 1;
        self.held_back.bytes -= bytes;
    }

    /// Hands in an update. The caller has to wake the data plane's task.
    pub(crate) fn execute(
        &mut self,
        partition: PartitionId,
        request: Option<Numbered>,
        as_of: Position,
        statement: Bytes,
    ) -> Answered {
        self.figures.updates += 1;
        self.fresh_bytes += statement.len();
        let now = clock::now();
        let deadline = now + self.settings.statement_deadline;
        let (token, answered) = self.waiting.insert(None, deadline);
        let execute = Execute {
            token,
            request,
            as_of,
            statement,
            deadline,
        };
        self.handle(now, partition, Event::Execute(execute));
        answered
    }

    /// Hands in a read. The caller has to wake the data plane's task.
    pub(crate) fn read(&mut self, partition: PartitionId, query: Bytes) -> Answered {
        self.figures.reads += 1;
        let now = clock::now();
        let deadline = now + self.settings.statement_deadline;
        let (token, answered) = self.waiting.insert(Some(query.clone()), deadline);
        let read = Read {
            token,
            query,
            deadline,
        };
        self.handle(now, partition, Event::Read(read));
        answered
    }

    /// Takes messages of another node's replicas.
    pub(super) fn receive(&mut self, received: Received<Message>) {
        let now = clock::now();
        let from = received.from;
        for (partition, message) in received.messages {
            // All nodes have the same number of partitions, or would not have been let in.
            if let Some(slot) = self.slots.get(usize::from(partition.0)) {
                let bytes = put_off::size_bytes(&message);
                let waits = bytes > 0 && !self.log_has_room(bytes);
                let message = match waits || self.put_off.waits(partition) {
                    true => self
                        .put_off
                        .put_off(from, partition, message, slot.replica.log()),
                    false => message,
                };
                self.take(now, partition, from, message);
            }
        }
    }

    fn take(&mut self, now: Time, partition: PartitionId, from: NodeId, message: replica::Message) {
        self.sent_bytes += put_off::size_bytes(&message);
        self.handle(now, partition, Event::Message { from, message });
    }

    /// Hands in what was put off, as far as the log on disk has room for it now. One after the other is
    /// handed in without room if the log cannot be cut: the other node may wait for just that, so that its
    /// log cannot be cut either, and this node's again waits for that one.
    fn take_what_was_put_off(&mut self, now: Time) {
        if self.put_off.is_empty() {
            return;
        }
        self.look_at_disk_again();
        while let Some(bytes) = self.put_off.next_bytes()
            && (self.log_has_room(bytes) || self.pinned && self.fresh_bytes + self.sent_bytes == 0)
            && let Some((partition, from, message)) = self.put_off.next()
        {
            self.take(now, partition, from, message);
        }
    }

    pub(super) fn meet(&mut self, met: Met) {
        self.peers.meet(met);
    }

    /// Takes what the log says.
    pub(super) fn progress(&mut self, progress: Progress) {
        let now = clock::now();
        while let Some((_, partition, ticket)) = self
            .unsynced
            .pop_front_if(|(number, _, _)| *number <= progress.durable)
        {
            self.handle(now, partition, Event::Durable(ticket));
        }
        for (partition, lsn) in progress.checkpointed {
            self.figures.checkpoints += 1;
            let slot = &mut self.slots[usize::from(partition.0)];
            (slot.checkpointing, slot.checkpointed) = (None, Some(lsn));
            self.checkpoint_refused = false;
            // There may be more of them.
            self.next_checkpoint = self.next_checkpoint.min(self.checkpoint_rest);
        }
        for (partition, why) in progress.refused {
            self.slots[usize::from(partition.0)].checkpointing = None;
            self.checkpoint_refused = true;
            self.next_checkpoint = now + CHECKPOINT_RETRY;
            tracing::warn!(partition = partition.0, "no checkpoint: {why}");
        }
        self.look_for_room(now);
    }

    /// Tells replicas and coordinator whether there is room for updates on the disk (rule M6).
    fn look_for_room(&mut self, now: Time) {
        let before = std::mem::replace(&mut self.full, self.log.full());
        match (&before, &self.full) {
            (None, Some(why)) => {
                self.figures.full_disk += 1;
                tracing::warn!(
                    "{why}; until then this node takes no updates, and owns and holds nothing that a \
                     node with room can take over; reads go on"
                );
            }
            (Some(_), None) => tracing::warn!("the disk has room again: the node takes part again"),
            _ => return,
        }
        let room = self.full.is_none();
        self.handle_all(now, |_| Some(Event::Room(room)));
        self.report_holds();
    }

    /// Tells the coordinator what the replicas hold, and whether there is room for more.
    fn report_holds(&self) {
        let held = self.slots.iter().map(|slot| slot.replica.held()).collect();
        self.report(Report::Holds(held));
        self.report(Report::Room(self.full.is_none()));
    }

    /// Takes what the coordinator says.
    pub(super) fn follow(&mut self, view: View) {
        let now = clock::now();
        let before = std::mem::replace(&mut self.view, view);
        if self.view.service != before.service {
            let service = self.view.service;
            self.handle_all(now, |_| Some(Event::Service(service)));
        }
        let Some(table) = self.view.table.clone() else {
            return;
        };
        if before
            .table
            .is_some_and(|before| before.stamp == table.stamp)
        {
            return;
        }
        self.peers.link_members(&table);
        if table.born {
            self.assign(now, &table);
        }
    }

    fn assign(&mut self, now: Time, table: &Arc<Table>) {
        // Whoever has another role from now on is to have all that was sent to it.
        for (partition, from, message) in self.put_off.take_all() {
            self.take(now, partition, from, message);
        }
        self.handle_all(now, |replica| {
            let assignment = table.assignment(replica.partition());
            (replica.assigned() != assignment).then(|| Event::Assign(assignment.clone()))
        });
    }

    /// When something has to be done at the latest.
    pub(super) fn deadline(&self) -> Time {
        let replicas = self.slots.iter().map(|slot| slot.deadline).min();
        replicas
            .unwrap_or(Time::MAX)
            .min(self.next_holds)
            .min(self.next_checkpoint)
            .min(match self.put_off.is_empty() {
                true => Time::MAX,
                false => self.next_look,
            })
    }

    /// Carries out what follows from all that was handed in.
    pub(super) fn finish_batch(&mut self) {
        let now = clock::now();
        self.tick(now);
        self.take_what_was_put_off(now);
        // A late read is handed in again, so that there may be something to flush once more.
        while !self.touched.is_empty() {
            let now = clock::now();
            for partition in std::mem::take(&mut self.touched) {
                let slot = &mut self.slots[usize::from(partition.0)];
                slot.touched = false;
                slot.replica.flush(now, &mut self.outputs);
                if let Some(transcript) = self.recorder.transcript() {
                    transcript.flushed(now, &self.outputs, &slot.replica);
                }
                slot.deadline = slot.replica.deadline().unwrap_or(Time::MAX);
                self.log_memory.note(partition, slot.replica.log());
                self.carry_out(partition);
            }
            self.forget(now);
        }
        // Nothing of this batch has reached the disk or another node yet.
        self.recorder.write();
        // Now no record is missing in the log that a checkpoint takes the place of.
        let now = clock::now();
        let long = self.log_room_bytes < self.settings.update_log.checkpoint_after_bytes / 2;
        if self.next_checkpoint <= now || long && self.checkpoint_rest <= now {
            self.next_checkpoint = now + CHECKPOINT_INTERVAL;
            self.checkpoint();
        }
        if std::mem::take(&mut self.disk_awaited) {
            self.log.commit_at_once();
        } else {
            self.log.commit();
        }
        // Before clients are answered, which takes a while when there are many: what has to be done
        // on other nodes is done meanwhile.
        self.peers.flush();
        self.answer_clients();
        (self.fresh_bytes, self.sent_bytes) = (0, 0);
        self.look_at_disk();
    }

    /// Shortens the logs in memory as long as they take too much together.
    fn forget(&mut self, now: Time) {
        while let Some((partition, keep_bytes)) = self.log_memory.over() {
            let before = self.log_memory.bytes();
            self.handle(now, partition, Event::Forget(keep_bytes));
            let replica = &self.slots[usize::from(partition.0)].replica;
            self.log_memory.note(partition, replica.log());
            if self.log_memory.bytes() == before {
                return;
            }
        }
    }

    fn tick(&mut self, now: Time) {
        for index in 0..self.slots.len() {
            if self.slots[index].deadline <= now {
                let partition = self.slots[index].replica.partition();
                self.handle(now, partition, Event::Tick);
            }
        }
        if self.next_holds <= now {
            self.next_holds = now + self.settings.protocol.heartbeat;
            self.report_holds();
        }
    }

    /// Begins checkpoints if some are due, those that keep the oldest part of the log first. One group
    /// after the other, so that the log is shortened as fast as the disk allows; but images take this
    /// thread's time, so that a group is small, and as much time is left for everything else. If the log
    /// is still much longer than it should be, the next ones are made while others are written: what waits
    /// for the disk then takes effect together.
    fn checkpoint(&mut self) {
        let under_way = self.slots.iter().filter_map(|slot| slot.checkpointing);
        let waiting: usize = under_way.clone().sum();
        let far_too_long =
            self.log_room_bytes < self.settings.update_log.checkpoint_after_bytes / 4;
        if under_way.count() > 0 && !(far_too_long && waiting < WAITING_IMAGES_BYTES) {
            return;
        }
        let began = clock::now();
        let mut bytes = 0;
        let mut more = false;
        let due = self.log.due_checkpoints();
        self.pinned = due.first().is_some_and(|first| self.is_pinned(*first));
        for partition in due {
            let under_way = self.slots[usize::from(partition.0)].checkpointing.is_some();
            if under_way || self.is_pinned(partition) {
                continue;
            }
            more = bytes >= IMAGES_BYTES;
            if more {
                break;
            }
            bytes += self.checkpoint_one(partition);
        }
        let now = clock::now();
        self.checkpoint_rest = now + now.since(began);
        if more {
            self.next_checkpoint = self.checkpoint_rest;
        }
    }

    /// Whether a checkpoint of this partition would say no more than the last one, and the log is needed for
    /// what is not committed.
    fn is_pinned(&self, partition: PartitionId) -> bool {
        let slot = &self.slots[usize::from(partition.0)];
        let commit = slot.replica.commit();
        slot.checkpointed == Some(commit) && slot.replica.log().end() > commit
    }

    /// Begins a checkpoint; how large it is, in bytes.
    fn checkpoint_one(&mut self, partition: PartitionId) -> usize {
        let slot = &mut self.slots[usize::from(partition.0)];
        let image = slot.replica.image();
        if let Some(transcript) = self.recorder.transcript() {
            transcript.image(partition, &image);
        }
        let (at, image) = image;
        let checkpoint = Checkpoint {
            promised: slot.replica.promised(),
            log_epoch: slot.replica.log_epoch(),
            at,
            image,
        };
        tracing::debug!(
            partition = partition.0,
            lsn = at.lsn.0,
            "a checkpoint begins"
        );
        let bytes = checkpoint.image.len();
        slot.checkpointing = Some(bytes);
        self.log.checkpoint(partition, checkpoint);
        bytes
    }

    fn handle_all(&mut self, now: Time, event: impl Fn(&Replica<Tables>) -> Option<Event>) {
        for index in 0..self.slots.len() {
            let replica = &self.slots[index].replica;
            let partition = replica.partition();
            if let Some(event) = event(replica) {
                self.handle(now, partition, event);
            }
        }
    }

    fn handle(&mut self, now: Time, partition: PartitionId, event: Event) {
        let slot = &mut self.slots[usize::from(partition.0)];
        if let Some(transcript) = self.recorder.transcript() {
            transcript.replica_event(partition, now, &event);
        }
        slot.replica.handle(now, event, &mut self.outputs);
        if let Some(transcript) = self.recorder.transcript() {
            transcript.replica_gave(&self.outputs);
        }
        if !slot.touched {
            slot.touched = true;
            self.touched.push(partition);
        }
        self.carry_out(partition);
        self.answer_clients();
    }

    fn answer_clients(&mut self) {
        for (token, reply) in self.answers.drain(..) {
            self.waiting.answer(token, reply);
        }
    }

    fn carry_out(&mut self, partition: PartitionId) {
        if self.outputs.is_empty() {
            return;
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Persist { ticket, record } => {
                    let number = self.log.append(partition, &record);
                    if self.slots[usize::from(partition.0)]
                        .replica
                        .waits_for_disk()
                    {
                        self.unsynced.push_back((number, partition, ticket));
                        self.disk_awaited = true;
                    }
                }
                Output::Send { to, message } => self.peers.send(to, &(partition, message)),
                Output::Reply {
                    token,
                    reply,
                    not_after,
                } => self.reply(partition, token, reply, not_after),
                Output::Ask(change) => self.report(Report::Ask(change)),
                Output::CutOff { entries } => {
                    // In semi-sync nothing of it was ever acknowledged.
                    if self.settings.protocol.mode == Mode::Async {
                        self.figures.lost_entries += entries.len() as u64;
                        lost::keep(&self.disk, partition, entries);
                    }
                }
                Output::RolledBack(incarnation) => self.begin_another_life(partition, incarnation),
                Output::Note(note) => {
                    match note {
                        // The master is to hear of it at once.
                        Note::Behind { .. } => self.next_holds = Time(0),
                        Note::Unwitnessed { .. } => self.figures.unwitnessed += 1,
                        _ => {}
                    }
                    notes::log(partition, &note, self.view.table.as_deref(), &self.me);
                }
            }
        }
        // Handing a late read in again may have left new outputs.
        if self.outputs.is_empty() {
            self.outputs = outputs;
        } else {
            self.carry_out(partition);
        }
    }

    /// R14: the data folder was put back from an older copy, as one replica has found out. None of them
    /// counts any more, and after the next start none does either.
    fn begin_another_life(&mut self, found_by: PartitionId, incarnation: Incarnation) {
        self.figures.rolled_back += 1;
        if let Err(error) = folder::begin_another_life(&mut self.disk.clone(), incarnation) {
            failure::stop_at_once(&error);
        }
        let now = clock::now();
        self.handle_all(now, |replica| {
            let other = replica.partition() != found_by;
            other.then_some(Event::RolledBack(incarnation))
        });
        self.next_holds = Time(0);
    }

    /// Answers a client, unless the lease that the answer relies on is over (rule R10).
    fn reply(
        &mut self,
        partition: PartitionId,
        token: Token,
        reply: Reply,
        not_after: Option<Time>,
    ) {
        let Some(limit) = not_after else {
            return self.answers.push((token, reply));
        };
        let now = clock::now();
        let leaves = now < limit;
        if let Some(transcript) = self.recorder.transcript() {
            transcript.leaves(partition, now, token, leaves);
        }
        if leaves {
            return self.answers.push((token, reply));
        }
        let Some(waiting) = self.waiting.get(token) else {
            return;
        };
        match waiting.query.clone() {
            None => {
                let unknown = Reply::Refused(Refusal::OutcomeUnknown);
                self.answers.push((token, unknown));
            }
            Some(_) if waiting.deadline <= now => {
                let late = Reply::Refused(Refusal::TimedOut);
                self.answers.push((token, late));
            }
            Some(query) => {
                let read = Read {
                    token,
                    query,
                    deadline: waiting.deadline,
                };
                self.handle(now, partition, Event::Read(read));
            }
        }
    }

    /// What the coordinator does not get, it is told again.
    fn report(&self, report: Report) {
        let _ = self.reports.try_send(report);
    }
}
