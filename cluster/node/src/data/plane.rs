//! The data plane's machine, and what it acts through.

use std::sync::Arc;

use kensho_kernel::data::{self as kernel, Ask, Figures, Input, LogState, Output};
use kensho_kernel::{Report, View};
use kensho_protocol::ids::PartitionId;
use kensho_protocol::replica::Replica;
use kensho_protocol::table::Member;
use kensho_protocol::time::Time;
use kensho_storage::disk::RealDisk;
use kensho_storage::error::StorageError;
use kensho_storage::folder;
use kensho_storage::log::{Checkpoint, LogAppender, Progress, RecordNumber};
use kensho_storage::tables::Tables;
use tokio::sync::{mpsc, oneshot};

use super::{Answered, Message, Waiter, lost, notes};
use crate::clock;
use crate::control::{Heard, Shown, Why};
use crate::failure;
use crate::peer::{Hello, Met, Peers, Received};
use crate::recording::Recorder;
use crate::settings::Settings;

/// What a data plane is made of.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) me: Member,
    pub(crate) replicas: Vec<Replica<Tables>>,
    pub(crate) log: LogAppender,
    pub(crate) disk: RealDisk,
    pub(crate) peers: Peers,
    pub(crate) reports: mpsc::Sender<Heard>,
    pub(crate) recorder: Recorder,
}

/// The data plane's machine, and what it acts through: it carries out, and decides nothing.
pub(crate) struct DataPlane {
    machine: kernel::DataPlane<Tables, Waiter>,
    settings: Settings,
    me: Member,
    /// Why the node takes no part, if it takes none.
    absent: Option<Why>,
    log: LogAppender,
    /// The last record that the log had when the node started.
    log_began: RecordNumber,
    disk: RealDisk,
    /// Why there is no room for updates on the disk, if there is none (rule M6).
    full: Option<Arc<StorageError>>,
    peers: Peers,
    reports: mpsc::Sender<Heard>,
    recorder: Recorder,
    outputs: Vec<Output>,
}

impl DataPlane {
    pub(crate) fn new(mut parts: Parts) -> Self {
        let settings = kernel::Settings {
            protocol: parts.settings.protocol,
            statement_deadline: parts.settings.statement_deadline,
            statements: parts.settings.limits.statements,
            log_memory_bytes: parts.settings.protocol.log_retention_bytes,
            checkpoint_after_bytes: parts.settings.update_log.checkpoint_after_bytes,
            limits: kernel::Limits::default(),
        };
        let transcript = parts.recorder.take_transcript();
        for member in &parts.settings.members {
            parts.peers.link(&member.name, &member.peer);
        }
        DataPlane {
            machine: kernel::DataPlane::new(settings, parts.replicas, transcript, clock::now()),
            settings: parts.settings,
            me: parts.me,
            absent: None,
            log_began: parts.log.appended(),
            log: parts.log,
            disk: parts.disk,
            full: None,
            peers: parts.peers,
            reports: parts.reports,
            recorder: parts.recorder,
            outputs: Vec::new(),
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn me(&self) -> &Member {
        &self.me
    }

    /// What the coordinator showed last.
    pub(crate) fn view(&self) -> &View {
        self.machine.view()
    }

    /// Why the node takes no part, if it takes none.
    pub(crate) fn absent(&self) -> Option<&str> {
        self.absent.as_ref().map(Why::text)
    }

    /// What this node goes by when it meets others.
    pub(crate) fn hello(&self) -> &Hello {
        self.peers.hello()
    }

    pub(crate) fn figures(&self) -> Figures {
        self.machine.figures()
    }

    /// How much memory the logs of all partitions take, in bytes.
    pub(crate) fn log_memory_bytes(&self) -> u64 {
        self.machine.log_memory_bytes()
    }

    /// See [`Peers::figures`].
    pub(crate) fn peer_figures(&self) -> Vec<(String, bool, u64)> {
        self.peers.figures()
    }

    /// How the coordinator is told something.
    pub(crate) fn reports(&self) -> mpsc::Sender<Heard> {
        self.reports.clone()
    }

    /// All replicas, in the order of their partitions.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = &Replica<Tables>> {
        self.machine.replicas()
    }

    /// Why there is no room for updates on the disk, if there is none.
    pub(crate) fn full(&self) -> Option<&StorageError> {
        self.full.as_deref()
    }

    /// The data folder.
    pub(crate) fn disk(&self) -> &RealDisk {
        &self.disk
    }

    /// Hands in what a client wants. The caller has to wake the data plane's task.
    pub(crate) fn ask(&mut self, partition: PartitionId, ask: Ask) -> Answered {
        let (client, answered) = oneshot::channel();
        let asked = Input::Ask {
            client,
            partition,
            ask,
        };
        self.handle(clock::now(), asked);
        answered
    }

    /// Takes messages of another node's replicas.
    pub(super) fn receive(&mut self, received: Received<Message>) {
        let (now, from) = (clock::now(), received.from);
        for (partition, message) in received.messages {
            let came = Input::Message {
                from,
                partition,
                message,
            };
            self.handle(now, came);
        }
    }

    pub(super) fn meet(&mut self, met: Met) {
        self.peers.meet(met);
    }

    /// Takes what the log says.
    pub(super) fn progress(&mut self, progress: Progress) {
        let now = clock::now();
        let durable = progress.durable.0 - self.log_began.0;
        self.handle(now, Input::Durable(durable));
        for (partition, lsn) in progress.checkpointed {
            self.handle(now, Input::Checkpointed(partition, lsn));
        }
        for (partition, why) in progress.refused {
            tracing::warn!(partition = partition.0, "no checkpoint: {why}");
            self.handle(now, Input::CheckpointRefused(partition));
        }
        self.look_for_room();
    }

    fn look_for_room(&mut self) {
        let before = std::mem::replace(&mut self.full, self.log.full());
        match (&before, &self.full) {
            (None, Some(why)) => tracing::warn!(
                "{why}; until then this node takes no updates, and owns and holds nothing that a node \
                 with room can take over; reads go on"
            ),
            (Some(_), None) => tracing::warn!("the disk has room again: the node takes part again"),
            _ => return,
        }
        self.handle(clock::now(), Input::Room(self.full.is_none()));
    }

    /// Takes what the control plane shows.
    pub(super) fn follow(&mut self, shown: Shown) {
        if let Some(table) = &shown.view.table {
            self.peers.link_members(table);
        }
        self.absent = shown.absent;
        self.handle(clock::now(), Input::View(shown.view));
    }

    /// When something has to be done at the latest.
    pub(super) fn deadline(&self) -> Time {
        self.machine.deadline()
    }

    /// Carries out what follows from all that was handed in.
    pub(super) fn finish_batch(&mut self) {
        let now = clock::now();
        if self.machine.waits_for_log(now) {
            self.look_at_log();
        }
        self.handle(now, Input::Tick);
        loop {
            let now = clock::now();
            if self.machine.looks_for_checkpoints(now) {
                self.handle(now, Input::DueCheckpoints(self.log.due_checkpoints()));
            }
            self.machine.flush(now, &mut self.outputs);
            // Nothing of this batch has reached the disk or another node yet.
            self.recorder.write(self.machine.transcript());
            self.carry_out();
            // A read that was answered too late was handed in again.
            if !self.machine.has_batch() {
                break;
            }
        }
        self.look_at_log();
    }

    fn look_at_log(&mut self) {
        let state = LogState {
            backlog_bytes: self.log.backlog_bytes(),
            room_bytes: self.log.room_bytes(),
        };
        self.handle(clock::now(), Input::Log(state));
    }

    fn handle(&mut self, now: Time, input: Input<Waiter>) {
        self.machine.handle(now, input, &mut self.outputs);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while !self.outputs.is_empty() {
            let mut outputs = std::mem::take(&mut self.outputs);
            for output in outputs.drain(..) {
                self.carry_out_one(output);
            }
            // To hand in a late read again may have given more.
            if self.outputs.is_empty() {
                self.outputs = outputs;
            }
        }
    }

    fn carry_out_one(&mut self, output: Output) {
        match output {
            Output::BeginAnotherLife(incarnation) => {
                if let Err(error) = folder::begin_another_life(&mut self.disk.clone(), incarnation)
                {
                    failure::stop_at_once(&error);
                }
            }
            Output::Record { partition, record } => {
                self.log.append(partition, &record);
            }
            Output::Checkpoint {
                partition,
                promised,
                log_epoch,
                at,
                image,
            } => {
                tracing::debug!(
                    partition = partition.0,
                    lsn = at.lsn.0,
                    "a checkpoint begins"
                );
                let checkpoint = Checkpoint {
                    promised,
                    log_epoch,
                    at,
                    image,
                };
                self.log.checkpoint(partition, checkpoint);
            }
            Output::WriteLog { awaited: true } => self.log.commit_at_once(),
            Output::WriteLog { awaited: false } => self.log.commit(),
            Output::Send {
                to,
                partition,
                message,
            } => self.peers.send(to, &(partition, message)),
            Output::SendAll => self.peers.flush(),
            Output::Answer(answer) => {
                // Most answers rely on no lease, and a clock costs something to read.
                let now = answer.not_after.map_or(Time::MAX, |_| clock::now());
                let released = self.machine.release(now, answer, &mut self.outputs);
                if let Some((client, told)) = released {
                    // It may be gone.
                    let _ = client.send(told);
                }
            }
            Output::Report(report) => self.report(report),
            Output::Lost { partition, entries } => lost::keep(&self.disk, partition, entries),
            Output::Note(partition, note) => {
                let table = self.machine.view().table.as_deref();
                notes::log(partition, &note, table, &self.me);
            }
        }
    }

    /// What the coordinator does not get, it is told again.
    fn report(&self, report: Report) {
        let _ = self.reports.try_send(Heard::Report(report));
    }
}
