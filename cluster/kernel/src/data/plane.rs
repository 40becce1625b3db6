//! The replicas of a node, and what they want.

use std::collections::VecDeque;
use std::sync::Arc;

use kensho_protocol::apply::Apply;
use kensho_protocol::ids::{Incarnation, NodeId, PartitionId, Ticket};
use kensho_protocol::inputs::Transcript;
use kensho_protocol::record::Record;
use kensho_protocol::replica::{self, Event, LogMemory, Message, Note, Replica};
use kensho_protocol::rule::Rule;
use kensho_protocol::settings::Mode;
use kensho_protocol::table::Table;
use kensho_protocol::time::Time;

use super::admission::{HeldBack, LogRoom};
use super::answers::WaitingClients;
use super::checkpoints::Checkpoints;
use super::put_off::{self, PutOff};
use super::{Answer, Figures, Input, Output, Settings, Told};
use crate::{Report, View};

/// See the [module](super). `A` is what the replicas hold, `C` is how a client is reached.
#[derive(Debug)]
pub struct DataPlane<A: Apply, C> {
    pub(super) settings: Settings,
    /// One for each partition, in order.
    pub(super) slots: Vec<Slot<A>>,
    touched: Vec<PartitionId>,
    pub(super) log_memory: LogMemory,
    view: View,
    pub(super) waiting: WaitingClients<C>,
    pub(super) log: LogRoom,
    pub(super) held_back: HeldBack,
    put_off: PutOff,
    pub(super) checkpoints: Checkpoints,
    /// There is room for updates on the disk (rule M6).
    pub(super) room: bool,
    next_holds: Time,
    /// How many records were given out, with those that are about to be.
    records: u64,
    /// Which of them replicas wait for.
    unsynced: VecDeque<(u64, PartitionId, Ticket)>,
    /// What leaves when the batch ends.
    batch: Batch,
    /// What a replica gave just now; reused.
    gave: Vec<replica::Output>,
    /// What leaves last when a batch ends; reused.
    last: Vec<Output>,
    pub(super) figures: Figures,
    pub(super) transcript: Option<Box<Transcript>>,
}

#[derive(Debug)]
pub(super) struct Slot<A: Apply> {
    pub(super) replica: Replica<A>,
    deadline: Time,
    touched: bool,
    /// The size of the checkpoint that is being written, in bytes.
    pub(super) checkpointing: Option<usize>,
    /// The last entry that the last one knows.
    pub(super) checkpointed: Option<kensho_protocol::ids::Lsn>,
}

/// What leaves together when a batch ends.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<(PartitionId, Record)>,
    /// Somebody waits for a record to be safe.
    awaited: bool,
    messages: Vec<(NodeId, PartitionId, Message)>,
}

impl<A: Apply, C> DataPlane<A, C> {
    /// A data plane with these replicas, one for each partition, in order. What is handed to them is
    /// written to `transcript`, if there is one.
    #[must_use]
    pub fn new(
        settings: Settings,
        replicas: Vec<Replica<A>>,
        transcript: Option<Box<Transcript>>,
        now: Time,
    ) -> Self {
        let slot = |replica| Slot {
            replica,
            deadline: Time::MAX,
            touched: false,
            checkpointing: None,
            checkpointed: None,
        };
        DataPlane {
            log_memory: LogMemory::new(settings.log_memory_bytes, replicas.len()),
            slots: replicas.into_iter().map(slot).collect(),
            touched: Vec::new(),
            view: View::default(),
            waiting: WaitingClients::default(),
            log: LogRoom::default(),
            held_back: HeldBack::default(),
            put_off: PutOff::new(settings.limits.put_off_bytes),
            checkpoints: Checkpoints::from(now, &settings.limits),
            room: true,
            next_holds: Time(0),
            records: 0,
            unsynced: VecDeque::new(),
            batch: Batch::default(),
            gave: Vec::new(),
            last: Vec::new(),
            figures: Figures::default(),
            transcript,
            settings,
        }
    }

    /// What the coordinator showed last.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// What it did so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// How much memory the logs of all partitions take, in bytes.
    #[must_use]
    pub fn log_memory_bytes(&self) -> u64 {
        self.log_memory.bytes()
    }

    /// All replicas, in the order of their partitions.
    pub fn replicas(&self) -> impl Iterator<Item = &Replica<A>> {
        self.slots.iter().map(|slot| &slot.replica)
    }

    /// The replica of a partition.
    #[must_use]
    pub fn replica(&self, partition: PartitionId) -> &Replica<A> {
        &self.slots[usize::from(partition.0)].replica
    }

    /// What was handed to the replicas, as far as it was not taken to a file. To be taken there after each
    /// flush, before its outputs are carried out.
    pub fn transcript(&mut self) -> &mut Option<Box<Transcript>> {
        &mut self.transcript
    }

    /// Takes something into account. What needs no record and no message is given out at once, the rest by
    /// the next [`flush`](DataPlane::flush).
    pub fn handle(&mut self, now: Time, input: Input<C>, out: &mut Vec<Output>) {
        match input {
            Input::Ask {
                client,
                partition,
                ask,
            } => self.ask(now, client, partition, ask, out),
            Input::Message {
                from,
                partition,
                message,
            } => self.receive(now, from, partition, message, out),
            Input::View(view) => self.follow(now, view, out),
            Input::Durable(records) => {
                while let Some((_, partition, ticket)) = self
                    .unsynced
                    .pop_front_if(|(number, ..)| *number <= records)
                {
                    self.hand_in(now, partition, Event::Durable(ticket), out);
                }
            }
            Input::Checkpointed(partition, lsn) => {
                self.figures.checkpoints += 1;
                let slot = &mut self.slots[usize::from(partition.0)];
                (slot.checkpointing, slot.checkpointed) = (None, Some(lsn));
                self.checkpoints.took_effect();
            }
            Input::CheckpointRefused(partition) => {
                self.slots[usize::from(partition.0)].checkpointing = None;
                self.checkpoints.refuse(now, &self.settings.limits);
            }
            Input::Room(room) => self.set_room(now, room, out),
            Input::Log(state) => {
                self.checkpoints.images_are_made(now);
                self.look_at_log(now, state);
            }
            Input::DueCheckpoints(due) => {
                self.checkpoints.are_due(now, due, &self.settings.limits);
            }
            Input::Tick => self.tick(now, out),
        }
    }

    /// When [`Input::Tick`] is due at the latest, and a flush after it.
    #[must_use]
    pub fn deadline(&self) -> Time {
        let replicas = self.slots.iter().map(|slot| slot.deadline).min();
        let waits = !self.put_off.is_empty() || !self.held_back.is_empty();
        replicas
            .unwrap_or(Time::MAX)
            .min(self.next_holds)
            .min(self.checkpoints.next())
            .min(match waits {
                true => self.log.next_look,
                false => Time::MAX,
            })
    }

    /// Whether something waits for room in the log, so that [`Input::Log`] is to be said before the next
    /// tick.
    #[must_use]
    pub fn waits_for_log(&self, now: Time) -> bool {
        let waits = !self.put_off.is_empty() || !self.held_back.is_empty();
        waits && self.log.next_look <= now
    }

    /// The partitions whose replicas were handed something since the last flush.
    #[must_use]
    pub fn touched(&self) -> &[PartitionId] {
        &self.touched
    }

    /// Whether there is something to [`flush`](DataPlane::flush).
    #[must_use]
    pub fn has_batch(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Gives out what follows from all that was handed in: records, messages, then answers.
    pub fn flush(&mut self, now: Time, out: &mut Vec<Output>) {
        let rules = self.settings.protocol.rules;
        let mut answers = std::mem::take(&mut self.last);
        while !self.touched.is_empty() {
            for partition in std::mem::take(&mut self.touched) {
                let slot = &mut self.slots[usize::from(partition.0)];
                slot.touched = false;
                slot.replica.flush(now, &mut self.gave);
                if let Some(transcript) = &mut self.transcript {
                    transcript.flushed(now, &self.gave, &slot.replica);
                }
                slot.deadline = slot.replica.deadline().unwrap_or(Time::MAX);
                self.log_memory.note(partition, slot.replica.log());
                self.absorb(now, partition, &mut answers);
            }
            self.forget(now, &mut answers);
            if rules.broken(Rule::DurableWhenWritten) {
                self.durable(now, self.records, &mut answers);
            }
        }
        let before = out.len();
        let records = self.batch.records.drain(..);
        out.extend(records.map(|(partition, record)| Output::Record { partition, record }));
        // Now no record is missing in the log that a checkpoint takes the place of.
        self.begin_checkpoints(now, out);
        let awaited = std::mem::take(&mut self.batch.awaited);
        if out.len() > before {
            out.push(Output::WriteLog { awaited });
        }
        // Before clients are answered, which takes a while when there are many: what has to be done on
        // other nodes is done meanwhile.
        if !self.batch.messages.is_empty() {
            let messages = self.batch.messages.drain(..);
            out.extend(messages.map(|(to, partition, message)| Output::Send {
                to,
                partition,
                message,
            }));
            out.push(Output::SendAll);
        }
        out.append(&mut answers);
        self.last = answers;
        self.begin_batch();
    }

    /// So many of all records are on disk (rule R5).
    fn durable(&mut self, now: Time, records: u64, out: &mut Vec<Output>) {
        while let Some((_, partition, ticket)) =
            (self.unsynced).pop_front_if(|(number, ..)| *number <= records)
        {
            self.hand_in(now, partition, Event::Durable(ticket), out);
        }
    }

    /// Takes a message of another node's replica.
    fn receive(
        &mut self,
        now: Time,
        from: NodeId,
        partition: PartitionId,
        message: Message,
        out: &mut Vec<Output>,
    ) {
        // All nodes have the same number of partitions, or would not have been let in.
        let Some(slot) = self.slots.get(usize::from(partition.0)) else {
            return;
        };
        let bytes = put_off::size_bytes(&message);
        let waits = bytes > 0 && !self.log.has(bytes);
        let message = match waits || self.put_off.waits(partition) {
            true => {
                self.figures.put_off += u64::from(bytes > 0);
                let log = slot.replica.log();
                self.put_off.put_off(from, partition, message, log)
            }
            false => message,
        };
        self.take(now, partition, from, message, out);
    }

    fn take(
        &mut self,
        now: Time,
        partition: PartitionId,
        from: NodeId,
        message: Message,
        out: &mut Vec<Output>,
    ) {
        self.log.sent_bytes += put_off::size_bytes(&message);
        self.hand_in(now, partition, Event::Message { from, message }, out);
    }

    /// Hands in what was put off, as far as the log on disk has room for it now. One after the other is
    /// handed in without room if the log cannot be cut: the other node may wait for just that, so that its
    /// log cannot be cut either, and this node's again waits for that one.
    fn take_what_was_put_off(&mut self, now: Time, out: &mut Vec<Output>) {
        while let Some(bytes) = self.put_off.next_bytes()
            && (self.log.has(bytes) || self.checkpoints.pinned && self.log.is_fresh())
            && let Some((partition, from, message)) = self.put_off.next()
        {
            self.take(now, partition, from, message, out);
        }
    }

    /// Tells replicas and coordinator whether there is room for updates on the disk (rule M6).
    fn set_room(&mut self, now: Time, room: bool, out: &mut Vec<Output>) {
        if std::mem::replace(&mut self.room, room) == room {
            return;
        }
        self.figures.full_disk += u64::from(!room);
        self.hand_in_all(now, |_| Some(Event::Room(room)), out);
        self.report_holds(out);
    }

    /// Tells the coordinator what the replicas hold, and whether there is room for more.
    fn report_holds(&self, out: &mut Vec<Output>) {
        let held = self.slots.iter().map(|slot| slot.replica.held()).collect();
        out.push(Output::Report(Report::Holds(held)));
        out.push(Output::Report(Report::Room(self.room)));
    }

    /// Takes what the coordinator shows.
    fn follow(&mut self, now: Time, view: View, out: &mut Vec<Output>) {
        let before = std::mem::replace(&mut self.view, view);
        let service = self.view.service;
        if service != before.service {
            self.hand_in_all(now, |_| Some(Event::Service(service)), out);
        }
        let Some(table) = self.view.table.clone() else {
            return;
        };
        let known = before.table.map(|before| before.stamp);
        if known != Some(table.stamp) && table.born {
            self.assign(now, &table, out);
        }
        if self.view.wished != before.wished {
            for wish in Arc::clone(&self.view.wishes).iter() {
                let (epoch, to) = (wish.epoch, wish.to);
                let event = Event::HandOver { epoch, to };
                self.hand_in(now, wish.partition, event, out);
            }
        }
    }

    fn assign(&mut self, now: Time, table: &Arc<Table>, out: &mut Vec<Output>) {
        // Whoever has another role from now on is to have all that was sent to it.
        for (partition, from, message) in self.put_off.take_all() {
            self.take(now, partition, from, message, out);
        }
        let news = |replica: &Replica<A>| {
            let assignment = table.assignment(replica.partition());
            (replica.assigned() != assignment).then(|| Event::Assign(assignment.clone()))
        };
        self.hand_in_all(now, news, out);
    }

    /// Shortens the logs in memory as long as they take too much together.
    fn forget(&mut self, now: Time, out: &mut Vec<Output>) {
        while let Some((partition, keep_bytes)) = self.log_memory.over() {
            self.hand_in(now, partition, Event::Forget(keep_bytes), out);
            let replica = &self.slots[usize::from(partition.0)].replica;
            self.log_memory.note(partition, replica.log());
            self.figures.forgotten += 1;
        }
    }

    fn tick(&mut self, now: Time, out: &mut Vec<Output>) {
        for index in 0..self.slots.len() {
            if self.slots[index].deadline <= now {
                let partition = self.slots[index].replica.partition();
                self.hand_in(now, partition, Event::Tick, out);
            }
        }
        if self.next_holds <= now {
            self.next_holds = now + self.settings.protocol.heartbeat;
            self.report_holds(out);
        }
        self.take_what_was_put_off(now, out);
        self.take_what_was_held_back(now, out);
    }

    fn hand_in_all(
        &mut self,
        now: Time,
        event: impl Fn(&Replica<A>) -> Option<Event>,
        out: &mut Vec<Output>,
    ) {
        for index in 0..self.slots.len() {
            let replica = &self.slots[index].replica;
            let partition = replica.partition();
            if let Some(event) = event(replica) {
                self.hand_in(now, partition, event, out);
            }
        }
    }

    /// Hands an event to a replica.
    pub(super) fn hand_in(
        &mut self,
        now: Time,
        partition: PartitionId,
        event: Event,
        out: &mut Vec<Output>,
    ) {
        let slot = &mut self.slots[usize::from(partition.0)];
        if let Some(transcript) = &mut self.transcript {
            transcript.replica_event(partition, now, &event);
        }
        slot.replica.handle(now, event, &mut self.gave);
        if let Some(transcript) = &mut self.transcript {
            transcript.replica_gave(&self.gave);
        }
        if !slot.touched {
            slot.touched = true;
            self.touched.push(partition);
        }
        self.absorb(now, partition, out);
    }

    /// Takes what a replica gave: what waits for the end of the batch, and what is given out now.
    fn absorb(&mut self, now: Time, partition: PartitionId, out: &mut Vec<Output>) {
        if self.gave.is_empty() {
            return;
        }
        let mut gave = std::mem::take(&mut self.gave);
        for output in gave.drain(..) {
            match output {
                replica::Output::Persist { ticket, record } => {
                    self.persist(partition, ticket, record);
                }
                replica::Output::Send { to, message } => {
                    self.batch.messages.push((to, partition, message));
                }
                replica::Output::Reply {
                    token,
                    reply,
                    not_after,
                } => out.push(Output::Answer(Answer {
                    token,
                    told: Told::Reply(reply),
                    not_after,
                    epoch: self.replica(partition).owned_epoch(),
                })),
                replica::Output::Ask(change) => {
                    if !self.settings.protocol.rules.broken(Rule::AskNotPassedOn) {
                        out.push(Output::Report(Report::Ask(change)));
                    }
                }
                replica::Output::CutOff { entries } => {
                    // In semi-sync nothing of it was ever acknowledged.
                    if self.settings.protocol.mode == Mode::Async {
                        self.figures.lost_entries += entries.len() as u64;
                        out.push(Output::Lost { partition, entries });
                    }
                }
                replica::Output::RolledBack(incarnation) => {
                    self.begin_another_life(now, partition, incarnation, out);
                }
                replica::Output::Note(note) => {
                    match note {
                        // The master is to hear of it at once.
                        Note::Behind { .. } => self.next_holds = Time(0),
                        Note::Unwitnessed { .. } => self.figures.unwitnessed += 1,
                        _ => {}
                    }
                    out.push(Output::Note(partition, note));
                }
            }
        }
        self.gave = gave;
    }

    fn persist(&mut self, partition: PartitionId, ticket: Ticket, record: Record) {
        self.records += 1;
        self.batch.records.push((partition, record));
        if self.replica(partition).waits_for_disk() {
            self.unsynced.push_back((self.records, partition, ticket));
            self.batch.awaited = true;
        }
    }

    /// R14: the data folder was put back from an older copy, as one replica has found out. None of them
    /// counts any more, and after the next start none does either.
    fn begin_another_life(
        &mut self,
        now: Time,
        found_by: PartitionId,
        incarnation: Incarnation,
        out: &mut Vec<Output>,
    ) {
        self.figures.rolled_back += 1;
        out.push(Output::BeginAnotherLife(incarnation));
        let others = |replica: &Replica<A>| {
            let other = replica.partition() != found_by;
            other.then_some(Event::RolledBack(incarnation))
        };
        self.hand_in_all(now, others, out);
        self.next_holds = Time(0);
    }
}
