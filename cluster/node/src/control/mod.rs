//! The control plane's thread: it drives the control plane's machine ([`kensho_kernel::control`]). Nothing here waits for a disk or for
//! clients, so that a busy node still answers heartbeats.

mod absence;
pub(crate) mod notes;
mod saver;

use std::sync::Arc;
use std::time::Duration;

use kensho_kernel::control::{ControlPlane, Input, Output};
use kensho_kernel::{Report, View};
use kensho_protocol::coordinator::plan::Step;
use kensho_protocol::coordinator::{Coordinator, Kept, Message, Note};
use kensho_protocol::ids::{NodeId, PartitionId, Ticket};
use kensho_protocol::rule::Rules;
use kensho_protocol::settings::Levelling;
use kensho_protocol::table::Member;
use kensho_protocol::time::Time;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock;
use crate::peer::{Hello, Met, Peers, Received, Seen};
use crate::recording::Recorder;
use crate::settings::MemberSetting;

pub(crate) use absence::Why;

use absence::Absence;
pub(crate) use saver::Saver;

/// At most this many messages are taken at once before what follows from them is sent.
const BATCH_MAX: usize = 256;
/// How often a thread that is late looks whether more has arrived.
const CATCH_UP_ROUNDS: usize = 16;

/// How a node without a table comes to one.
#[derive(Debug)]
pub(crate) enum Begin {
    /// It waits for the initial members.
    WithMembers,
    /// It joins the cluster that these belong to.
    Joining(Vec<MemberSetting>),
    /// It joins when it is told of members.
    WhenFound,
}

/// What the coordinator hears from the rest of its node.
#[derive(Debug)]
pub(crate) enum Heard {
    /// From the data plane.
    Report(Report),
    /// This node is to become a member of the cluster that these belong to.
    Join(Vec<MemberSetting>),
    /// The node is to be a member no longer; only a master can tell whether that is possible.
    Remove {
        /// Which.
        node: NodeId,
        /// Takes the answer: why it is kept, if it is.
        answer: oneshot::Sender<Option<Kept>>,
    },
    /// Partitions are to go on without nodes that may have more (rule R14).
    Force,
    /// This is how roles are to be levelled from now on (rule M9).
    Level(Levelling),
    /// A node is to own a partition (rule M9).
    Move {
        /// Which partition.
        partition: PartitionId,
        /// Who is to own it.
        to: NodeId,
    },
    /// Somebody wants to know what a master is going to do so that roles are level.
    Plan(oneshot::Sender<Vec<Step>>),
    /// The node is about to stop (rule M7).
    Goodbye,
}

/// What the rest of the node sees of the control plane.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// What the coordinator shows.
    pub(crate) view: View,
    /// Why the node takes no part, if it takes none.
    pub(crate) absent: Option<Why>,
}

/// What comes in.
pub(crate) struct Inputs {
    /// From other coordinators.
    pub(crate) messages: mpsc::Receiver<Received<Message>>,
    /// From this node's replicas.
    pub(crate) reports: mpsc::Receiver<Heard>,
    /// From the disk.
    pub(crate) saved: mpsc::UnboundedReceiver<Ticket>,
    /// Nodes that answer, or do so no more.
    pub(crate) seen: mpsc::UnboundedReceiver<Seen>,
}

/// The control plane's machine, and what it acts through.
pub(crate) struct Control {
    machine: ControlPlane,
    peers: Peers,
    saver: Saver,
    shown: watch::Sender<Shown>,
    initial: Vec<MemberSetting>,
    outputs: Vec<Output>,
    recorder: Recorder,
    hello: Arc<Hello>,
    absence: Absence,
}

impl Control {
    pub(crate) fn new(
        (coordinator, mut recorder): (Coordinator, Recorder),
        (me, hello): (Member, Arc<Hello>),
        (initial, rules): (Vec<MemberSetting>, Rules),
        peers: Peers,
        saver: Saver,
        shown: watch::Sender<Shown>,
    ) -> Self {
        let names = initial.iter().map(|member| member.name.clone()).collect();
        let transcript = recorder.take_transcript();
        Control {
            machine: ControlPlane::new(coordinator, me, names, rules, transcript),
            peers,
            saver,
            shown,
            initial,
            outputs: Vec::new(),
            recorder,
            hello,
            absence: Absence::from(clock::now()),
        }
    }

    /// Runs until the node stops.
    pub(crate) async fn run(mut self, mut inputs: Inputs, begin: Begin) {
        for member in &self.initial {
            self.peers.link(&member.name, &member.peer);
        }
        let accepted = self.machine.coordinator().accepted();
        if let Some(table) = accepted {
            self.peers.link_members(table);
        }
        match begin {
            Begin::WithMembers => self.handle(Input::Found),
            Begin::Joining(through) if accepted.is_none() => self.join(through),
            Begin::Joining(_) | Begin::WhenFound => {}
        }
        let mut timer = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
        let mut planned = Time(0);
        loop {
            let deadline = self.machine.deadline().unwrap_or(Time::MAX);
            let deadline = deadline.min(self.absence.look_at());
            if deadline != planned {
                planned = deadline;
                timer.as_mut().reset(clock::instant_of(deadline));
            }
            tokio::select! {
                biased;
                Some(ticket) = inputs.saved.recv() => self.handle(Input::Saved(ticket)),
                Some(seen) = inputs.seen.recv() => match seen {
                    Seen::Met(met) => self.meet(met),
                    Seen::Gone(name) => self.handle(Input::NobodyListens(name)),
                },
                Some(received) = inputs.messages.recv() => {
                    self.receive(received);
                    self.drain(&mut inputs.messages);
                }
                Some(heard) = inputs.reports.recv() => self.hear(heard),
                () = &mut timer => planned = Time(0),
            }
            // Whoever was held up must hear what others said meanwhile before it judges them silent.
            for _ in 0..CATCH_UP_ROUNDS {
                if !self.is_due() {
                    break;
                }
                tokio::task::yield_now().await;
                if !self.drain(&mut inputs.messages) {
                    break;
                }
            }
            if self.is_due() {
                self.handle(Input::Tick);
            }
            self.look_for_absence();
            self.peers.flush();
            self.machine.flush(&mut self.outputs);
            self.carry_out();
        }
    }

    fn is_due(&self) -> bool {
        let now = clock::now();
        self.machine
            .deadline()
            .is_some_and(|deadline| deadline <= now)
    }

    /// Takes what has arrived from other nodes; whether there was anything.
    fn drain(&mut self, messages: &mut mpsc::Receiver<Received<Message>>) -> bool {
        for taken in 0..BATCH_MAX {
            match messages.try_recv() {
                Ok(received) => self.receive(received),
                Err(_) => return taken > 0,
            }
        }
        true
    }

    fn receive(&mut self, received: Received<Message>) {
        let from = received.from;
        for message in received.messages {
            if let Message::Join { member, .. } = &message {
                self.peers.link_member(member);
            }
            self.handle(Input::Message { from, message });
        }
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Report(report) => self.handle(Input::Report(report)),
            Heard::Join(through) => self.join(through),
            Heard::Remove { node, answer } => {
                // Nobody waits for it any more if the client has gone.
                let _ = answer.send(self.machine.coordinator().why_kept(node));
                self.handle(Input::Remove(node));
            }
            Heard::Force => self.handle(Input::Force),
            Heard::Level(levelling) => self.handle(Input::Level(levelling)),
            Heard::Move { partition, to } => self.handle(Input::Move { partition, to }),
            Heard::Plan(answer) => {
                let steps = self.machine.coordinator().outlook(clock::now());
                // Nobody waits for it any more if the client has gone.
                let _ = answer.send(steps);
            }
            Heard::Goodbye => self.handle(Input::Goodbye),
        }
    }

    fn meet(&mut self, met: Met) {
        let member = met.member.clone();
        self.peers.meet(met);
        self.handle(Input::Met(member));
    }

    /// Joins the cluster that these belong to.
    fn join(&mut self, through: Vec<MemberSetting>) {
        for member in &through {
            self.peers.link(&member.name, &member.peer);
        }
        let names = through.into_iter().map(|member| member.name);
        self.handle(Input::Join(names.collect()));
    }

    fn handle(&mut self, input: Input) {
        self.machine.handle(clock::now(), input, &mut self.outputs);
        self.recorder.write(self.machine.transcript());
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Save { ticket, saved } => {
                    // A table may have to be brought to new members before it is committed.
                    if let Some(table) = &saved.accepted {
                        self.peers.link_members(table);
                    }
                    self.saver.save(ticket, saved);
                }
                Output::Send { to, message } => self.peers.send(to, &message),
                Output::Show(view) => self.show(view),
                Output::Note(note) => {
                    let table = self.machine.coordinator().committed();
                    notes::log(&note, table.map(|table| &**table), self.machine.me());
                    if let Note::NotTaken { why } = note {
                        self.absence.refused(clock::now(), &why);
                    }
                }
            }
        }
        self.outputs = outputs;
    }

    /// Shows the rest of the node where the coordinator stands.
    fn show(&mut self, view: View) {
        let service = view.service;
        if service != self.shown.borrow().view.service {
            tracing::info!(
                service,
                "the node {}",
                if service {
                    "is part of a quorum"
                } else {
                    "is not part of a quorum: it serves nothing"
                }
            );
        }
        let mut member = false;
        if let Some(table) = &view.table {
            self.hello.know_members(table);
            member = table.members.contains_key(&self.machine.me().id);
        }
        self.shown.send_modify(|shown| {
            shown
                .absent
                .take_if(|why| member && matches!(why, Why::NoMember(_)));
            shown.view = view;
        });
    }
}
