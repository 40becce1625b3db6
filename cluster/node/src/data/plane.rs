//! The replicas of a node, and what they act through.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kensho_protocol::ids::{PartitionId, Position, Ticket, Token};
use kensho_protocol::replica::{Event, Output, Replica};
use kensho_protocol::request::{Execute, Read, Refusal, Reply, RequestId};
use kensho_protocol::settings::Mode;
use kensho_protocol::table::{Member, Table};
use kensho_protocol::time::Time;
use kensho_storage::disk::RealDisk;
use kensho_storage::log::{Checkpoint, LogAppender, Progress, RecordNumber};
use kensho_storage::tables::Tables;
use tokio::sync::mpsc;

use super::waiting::WaitingClients;
use super::{Answered, Message, lost, notes};
use crate::clock;
use crate::control::{Report, View};
use crate::peer::{Met, Peers, Received};
use crate::recording::Recorder;
use crate::settings::Settings;

/// No more statements are taken while this much waits for the disk.
const BACKLOG_LIMIT_BYTES: usize = 64 << 20;
/// How often it is looked whether a checkpoint is due.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(500);

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
    waiting: WaitingClients,
    log: LogAppender,
    disk: RealDisk,
    /// Too much waits for the disk, or there is no room on it.
    disk_busy: Option<&'static str>,
    unsynced: VecDeque<(RecordNumber, PartitionId, Ticket)>,
    /// Replicas wait for what was appended to the log since it was last handed over.
    disk_awaited: bool,
    peers: Peers,
    reports: mpsc::Sender<Report>,
    view: View,
    next_holds: Time,
    next_checkpoint: Time,
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
    /// A checkpoint is being written.
    checkpointing: bool,
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
}

impl DataPlane {
    pub(crate) fn new(parts: Parts) -> Self {
        let slot = |replica| Slot {
            replica,
            deadline: Time::MAX,
            touched: false,
            checkpointing: false,
        };
        let mut plane = DataPlane {
            settings: parts.settings,
            me: parts.me,
            slots: parts.replicas.into_iter().map(slot).collect(),
            touched: Vec::new(),
            waiting: WaitingClients::default(),
            log: parts.log,
            disk: parts.disk,
            disk_busy: None,
            unsynced: VecDeque::new(),
            disk_awaited: false,
            peers: parts.peers,
            reports: parts.reports,
            view: View::default(),
            next_holds: Time(0),
            next_checkpoint: clock::now() + CHECKPOINT_INTERVAL,
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

    pub(crate) fn figures(&self) -> Figures {
        self.figures
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

    /// Why no statement is taken at the moment, if so. To be asked before a statement is handed in.
    pub(crate) fn overload(&mut self) -> Option<&'static str> {
        let reason = if self.waiting.len() >= self.settings.limits.statements {
            Some("too many statements wait")
        } else {
            self.disk_busy
        };
        self.figures.refused_busy += u64::from(reason.is_some());
        reason
    }

    /// Hands in an update. The caller has to wake the data plane's task.
    pub(crate) fn execute(
        &mut self,
        partition: PartitionId,
        id: Option<RequestId>,
        as_of: Position,
        statement: Bytes,
    ) -> Answered {
        self.figures.updates += 1;
        let now = clock::now();
        let deadline = now + self.settings.statement_deadline;
        let (token, answered) = self.waiting.insert(None, deadline);
        let execute = Execute {
            token,
            id,
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
            if usize::from(partition.0) < self.slots.len() {
                self.handle(now, partition, Event::Message { from, message });
            }
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
            self.slots[usize::from(partition.0)].checkpointing = false;
            self.handle(now, partition, Event::Checkpointed(lsn));
        }
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
    }

    /// Carries out what follows from all that was handed in.
    pub(super) fn finish_batch(&mut self) {
        self.tick(clock::now());
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
                self.carry_out(partition);
            }
        }
        // Nothing of this batch has reached the disk or another node yet.
        self.recorder.write();
        // Now no record is missing in the log that a checkpoint takes the place of.
        let now = clock::now();
        if self.next_checkpoint <= now {
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
        self.disk_busy = if self.log.full().is_some() {
            Some("the disk is full")
        } else if self.log.backlog_bytes() > BACKLOG_LIMIT_BYTES {
            Some("the disk is too slow")
        } else {
            None
        };
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
            let held = self.slots.iter().map(|slot| slot.replica.held()).collect();
            self.report(Report::Holds(held));
        }
    }

    /// Begins one checkpoint if some are due: one at a time, since an image takes this thread's time.
    fn checkpoint(&mut self) {
        if self.slots.iter().any(|slot| slot.checkpointing) {
            return;
        }
        let Some(&partition) = self.log.due_checkpoints().first() else {
            return;
        };
        let slot = &mut self.slots[usize::from(partition.0)];
        slot.checkpointing = true;
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
        self.log.checkpoint(partition, checkpoint);
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
                Output::Note(note) => {
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
