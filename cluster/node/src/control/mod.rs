//! The control plane's thread: it drives the coordinator. Nothing here waits for a disk or for
//! clients, so that a busy node still answers heartbeats.

mod absence;
pub(crate) mod notes;
mod saver;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kensho_kernel::Report;
use kensho_protocol::coordinator::{Coordinator, Event, Kept, Message, Note, Output, Standing};
use kensho_protocol::ids::{NodeId, Term, Ticket};
use kensho_protocol::table::{Member, Table};
use kensho_protocol::time::Time;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock;
use crate::peer::{Hello, Met, Peers, Received};
use crate::recording::Recorder;
use crate::settings::MemberSetting;

use absence::Absence;
pub(crate) use saver::Saver;

/// At most this many messages are taken at once before what follows from them is sent.
const BATCH_MAX: usize = 256;
/// How often a thread that is late looks whether more has arrived.
const CATCH_UP_ROUNDS: usize = 16;

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
}

/// What the rest of the node sees of the coordinator.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// The last committed table.
    pub(crate) table: Option<Arc<Table>>,
    /// Whether the node is part of a quorum.
    pub(crate) service: bool,
    /// What the node is in the cluster.
    pub(crate) standing: Standing,
    /// The members that do not count as failed, if this node is master.
    pub(crate) alive: BTreeSet<NodeId>,
    /// The present term.
    pub(crate) term: Term,
    /// How often this node, as master, made a node owner although acknowledged updates may be lost
    /// (rule R5), counted by partition since the node's start.
    pub(crate) possible_losses: u64,
    /// How often this node, as master, let a partition go on although nobody could tell whether
    /// something is lost (rule R14).
    pub(crate) unconfirmed_promotions: u64,
    /// How often a second master of a term was refused (rule R14).
    pub(crate) second_masters: u64,
    /// Why the node is no member of its cluster, if it is none.
    pub(crate) no_member: Option<String>,
}

impl Default for View {
    fn default() -> Self {
        View {
            table: None,
            service: false,
            standing: Standing::Electing,
            alive: BTreeSet::new(),
            term: Term(0),
            possible_losses: 0,
            unconfirmed_promotions: 0,
            second_masters: 0,
            no_member: None,
        }
    }
}

/// What comes in.
pub(crate) struct Inputs {
    /// From other coordinators.
    pub(crate) messages: mpsc::Receiver<Received<Message>>,
    /// From this node's replicas.
    pub(crate) reports: mpsc::Receiver<Heard>,
    /// From the disk.
    pub(crate) saved: mpsc::UnboundedReceiver<Ticket>,
    /// Nodes that answer.
    pub(crate) met: mpsc::UnboundedReceiver<Met>,
}

/// The coordinator and what it acts through.
pub(crate) struct Control {
    coordinator: Coordinator,
    me: Member,
    peers: Peers,
    saver: Saver,
    view: watch::Sender<View>,
    /// The initial members that have answered, by name; this node is one of them.
    known: BTreeMap<String, Member>,
    initial: Vec<MemberSetting>,
    /// Under which identity nodes answered last, by name.
    met: BTreeMap<String, NodeId>,
    /// The names of those that this node asks to be made a member.
    through: BTreeSet<String>,
    outputs: Vec<Output>,
    recorder: Recorder,
    hello: Arc<Hello>,
    absence: Absence,
}

impl Control {
    pub(crate) fn new(
        (coordinator, recorder): (Coordinator, Recorder),
        (me, hello): (Member, Arc<Hello>),
        initial: Vec<MemberSetting>,
        peers: Peers,
        saver: Saver,
        view: watch::Sender<View>,
    ) -> Self {
        Control {
            coordinator,
            known: BTreeMap::from([(me.name.clone(), me.clone())]),
            me,
            peers,
            saver,
            view,
            initial,
            met: BTreeMap::new(),
            through: BTreeSet::new(),
            outputs: Vec::new(),
            recorder,
            hello,
            absence: Absence::from(clock::now()),
        }
    }

    /// Runs until the node stops. A node without a table joins the cluster of `join`, if those are given;
    /// otherwise it waits for the initial members.
    pub(crate) async fn run(mut self, mut inputs: Inputs, join: Vec<MemberSetting>) {
        for member in &self.initial {
            self.peers.link(&member.name, &member.peer);
        }
        if let Some(table) = self.coordinator.accepted() {
            self.peers.link_members(table);
        }
        if join.is_empty() {
            self.complete_roster();
        } else if self.coordinator.accepted().is_none() {
            self.join(join);
        }
        let mut timer = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
        let mut planned = Time(0);
        loop {
            let deadline = self.coordinator.deadline().unwrap_or(Time::MAX);
            let deadline = deadline.min(self.absence.look_at());
            if deadline != planned {
                planned = deadline;
                timer.as_mut().reset(clock::instant_of(deadline));
            }
            tokio::select! {
                biased;
                Some(ticket) = inputs.saved.recv() => self.handle(Event::Saved(ticket)),
                Some(met) = inputs.met.recv() => self.meet(met),
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
                self.handle(Event::Tick);
            }
            self.look_for_absence();
            self.peers.flush();
            self.publish();
        }
    }

    fn is_due(&self) -> bool {
        let now = clock::now();
        self.coordinator
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
            self.handle(Event::Message { from, message });
        }
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Report(Report::Ask(change)) => self.handle(Event::Ask(change)),
            Heard::Report(Report::Holds(held)) => self.handle(Event::Holds(held)),
            Heard::Report(Report::Room(room)) => self.handle(Event::Room(room)),
            Heard::Join(through) => self.join(through),
            Heard::Remove { node, answer } => {
                // Nobody waits for it any more if the client has gone.
                let _ = answer.send(self.coordinator.why_kept(node));
                self.handle(Event::Remove(node));
            }
            Heard::Force => self.handle(Event::Force),
        }
    }

    fn meet(&mut self, met: Met) {
        let member = met.member.clone();
        self.peers.meet(met);
        self.met.insert(member.name.clone(), member.id);
        if self.through.contains(&member.name) {
            self.ask_to_join();
        }
        if self
            .initial
            .iter()
            .any(|initial| initial.name == member.name)
        {
            let before = self.known.insert(member.name.clone(), member.clone());
            if before.as_ref() != Some(&member) {
                self.complete_roster();
            }
        }
    }

    /// Once all initial members have answered the coordinator is told who they are (rule M5).
    fn complete_roster(&mut self) {
        let all = self
            .initial
            .iter()
            .all(|initial| self.known.contains_key(&initial.name));
        if all {
            let members = self
                .known
                .values()
                .map(|member| (member.id, member.clone()));
            self.handle(Event::Roster(members.collect()));
        }
    }

    /// Joins the cluster that these belong to.
    fn join(&mut self, through: Vec<MemberSetting>) {
        for member in through {
            self.peers.link(&member.name, &member.peer);
            self.through.insert(member.name);
        }
        self.ask_to_join();
    }

    /// Asks those that have answered to be made a member.
    fn ask_to_join(&mut self) {
        let met = |name: &String| self.met.get(name).copied();
        let through: BTreeSet<NodeId> = self.through.iter().filter_map(met).collect();
        if !through.is_empty() {
            self.handle(Event::Join { through });
        }
    }

    fn handle(&mut self, event: Event) {
        let mut outputs = std::mem::take(&mut self.outputs);
        let now = clock::now();
        if let Some(transcript) = self.recorder.transcript() {
            transcript.coordinator_event(now, &event);
        }
        self.coordinator.handle(now, event, &mut outputs);
        if let Some(transcript) = self.recorder.transcript() {
            transcript.coordinator_gave(&outputs, &self.coordinator);
        }
        self.recorder.write_begun();
        for output in outputs.drain(..) {
            self.carry_out(output);
        }
        self.outputs = outputs;
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Save { ticket, saved } => {
                // A table may have to be brought to new members before it is committed.
                if let Some(table) = &saved.accepted {
                    self.peers.link_members(table);
                }
                self.saver.save(ticket, saved);
            }
            Output::Send { to, message } => self.peers.send(to, &message),
            Output::Committed(table) => {
                let member = table.members.contains_key(&self.me.id);
                if member {
                    self.through.clear();
                }
                self.hello.know_members(&table);
                self.view.send_modify(|view| {
                    view.no_member.take_if(|_| member);
                    view.table = Some(table);
                });
            }
            Output::Service(service) => {
                tracing::info!(
                    service,
                    "the node {}",
                    if service {
                        "is part of a quorum"
                    } else {
                        "is not part of a quorum: it serves nothing"
                    }
                );
                self.view.send_modify(|view| view.service = service);
            }
            Output::Note(note) => {
                notes::log(&note, self.view.borrow().table.as_deref(), &self.me);
                match note {
                    Note::PossibleLoss { .. } => {
                        self.view.send_modify(|view| view.possible_losses += 1);
                    }
                    Note::UnconfirmedPromotion { .. } => {
                        self.view
                            .send_modify(|view| view.unconfirmed_promotions += 1);
                    }
                    Note::TwoMasters { .. } => {
                        self.view.send_modify(|view| view.second_masters += 1);
                    }
                    Note::NotTaken { why } => self.absence.refused(&why),
                    _ => {}
                }
            }
        }
    }

    /// Shows the rest of the node where the coordinator stands.
    fn publish(&self) {
        let (standing, term) = (self.coordinator.standing(), self.coordinator.term());
        let alive = self.coordinator.alive();
        self.view.send_if_modified(|view| {
            let changed = view.standing != standing || view.term != term || view.alive != alive;
            (view.standing, view.term, view.alive) = (standing, term, alive);
            changed
        });
    }
}
