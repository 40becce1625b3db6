//! The control plane: the coordinator of a node, and what it has to know before it can act: who the
//! initial members are (rule M5), and under which identity those answer that it asks to be made a member.

use std::collections::{BTreeMap, BTreeSet};

use kensho_protocol::coordinator::{self, Coordinator, Event, Message, Note, Saved};
use kensho_protocol::ids::{NodeId, PartitionId, Ticket};
use kensho_protocol::inputs::Transcript;
use kensho_protocol::rule::{Rule, Rules};
use kensho_protocol::settings::Levelling;
use kensho_protocol::table::Member;
use kensho_protocol::time::Time;

use crate::{Report, View};

#[cfg(test)]
mod tests;

/// What happens to a control plane.
#[derive(Clone, Debug)]
pub enum Input {
    /// The node starts without being told whom to join: the initial members found a cluster, unless there
    /// is one already.
    Found,
    /// This node is to become a member of the cluster that the nodes of these names belong to.
    Join(BTreeSet<String>),
    /// This node is to be a member no longer (any member may be told so).
    Remove(NodeId),
    /// Partitions are to be served although nobody can tell whether something is lost (rule R14).
    Force,
    /// This is how roles are to be levelled from now on (rule M9); any member may be told so.
    Level(Levelling),
    /// This node is to own this partition (rule M9); any member may be told so.
    Move {
        /// Which partition.
        partition: PartitionId,
        /// Who is to own it.
        to: NodeId,
    },
    /// The node is about to stop (rule M7). It goes on until the [`View`] says that it may.
    Goodbye,
    /// Where a node of this name was connected to, nobody listens any more (rule M8).
    NobodyListens(String),
    /// A node answers under this identity.
    Met(Member),
    /// A message came from another coordinator.
    Message {
        /// The other node.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// The data plane says something.
    Report(Report),
    /// Everything up to this ticket is on disk.
    Saved(Ticket),
    /// The [deadline](ControlPlane::deadline) has come.
    Tick,
}

/// What is to be done for a control plane.
#[derive(Clone, Debug)]
pub enum Output {
    /// Write this to disk, replacing what was there, and say so with [`Input::Saved`].
    Save {
        /// Names the write.
        ticket: Ticket,
        /// What to write.
        saved: Saved,
    },
    /// Send this to another node's coordinator. It may get lost.
    Send {
        /// The other node.
        to: NodeId,
        /// What to say.
        message: Message,
    },
    /// The rest of the node is to see this.
    Show(View),
    /// Something that a person who reads the node's log wants to know.
    Note(Note),
}

/// See the [module](self).
#[derive(Debug)]
pub struct ControlPlane {
    coordinator: Coordinator,
    me: Member,
    /// The names of the initial members.
    initial: BTreeSet<String>,
    /// Those of them that have answered, by name; this node is one of them.
    known: BTreeMap<String, Member>,
    /// Under which identity nodes answered last, by name.
    met: BTreeMap<String, NodeId>,
    /// The names of those that this node asks to be made a member.
    through: BTreeSet<String>,
    view: View,
    /// The view was shown as it is.
    shown: bool,
    /// What the coordinator gave just now; reused.
    gave: Vec<coordinator::Output>,
    rules: Rules,
    transcript: Option<Box<Transcript>>,
}

impl ControlPlane {
    /// A control plane around this coordinator. What is handed to it is written to `transcript`, if there
    /// is one.
    #[must_use]
    pub fn new(
        coordinator: Coordinator,
        me: Member,
        initial: BTreeSet<String>,
        rules: Rules,
        transcript: Option<Box<Transcript>>,
    ) -> Self {
        ControlPlane {
            coordinator,
            known: BTreeMap::from([(me.name.clone(), me.clone())]),
            me,
            initial,
            met: BTreeMap::new(),
            through: BTreeSet::new(),
            view: View::default(),
            shown: false,
            gave: Vec::new(),
            rules,
            transcript,
        }
    }

    /// The state machine.
    #[must_use]
    pub fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    /// This node.
    #[must_use]
    pub fn me(&self) -> &Member {
        &self.me
    }

    /// The names of those that this node asks to be made a member.
    #[must_use]
    pub fn through(&self) -> &BTreeSet<String> {
        &self.through
    }

    /// The names of the initial members.
    #[must_use]
    pub fn initial(&self) -> &BTreeSet<String> {
        &self.initial
    }

    /// What was handed to the coordinator, as far as it was not taken to a file. To be taken there before
    /// outputs are carried out.
    pub fn transcript(&mut self) -> &mut Option<Box<Transcript>> {
        &mut self.transcript
    }

    /// When [`Input::Tick`] is due at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.coordinator.deadline()
    }

    /// Takes something into account, and gives out what is to be done for it, in order.
    pub fn handle(&mut self, now: Time, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Found => self.complete_roster(now, out),
            Input::Join(through) => {
                self.through.extend(through);
                self.ask_to_join(now, out);
            }
            Input::Remove(node) => self.hand_in(now, Event::Remove(node), out),
            Input::Force => self.hand_in(now, Event::Force, out),
            Input::Level(levelling) => self.hand_in(now, Event::Level(levelling), out),
            Input::Move { partition, to } => {
                self.hand_in(now, Event::Move { partition, to }, out);
            }
            Input::Goodbye => self.hand_in(now, Event::Goodbye, out),
            Input::NobodyListens(name) => {
                if let Some(node) = self.met.get(&name).copied() {
                    self.hand_in(now, Event::NobodyListens(node), out);
                }
            }
            Input::Met(member) => self.meet(now, &member, out),
            Input::Message { from, message } => {
                self.hand_in(now, Event::Message { from, message }, out);
            }
            Input::Report(Report::Ask(change)) => self.hand_in(now, Event::Ask(change), out),
            Input::Report(Report::Holds(held)) => self.hand_in(now, Event::Holds(held), out),
            Input::Report(Report::Room(room)) => self.hand_in(now, Event::Room(room), out),
            Input::Saved(ticket) => self.hand_in(now, Event::Saved(ticket), out),
            Input::Tick => self.hand_in(now, Event::Tick, out),
        }
    }

    /// Shows the rest of the node where the coordinator stands, if that has changed. To be called when
    /// there is nothing more to hand in for the moment.
    pub fn flush(&mut self, out: &mut Vec<Output>) {
        let (standing, term) = (self.coordinator.standing(), self.coordinator.term());
        let alive = self.coordinator.alive();
        let view = &mut self.view;
        self.shown &= (view.standing, view.term) == (standing, term) && view.alive == alive;
        if !std::mem::replace(&mut self.shown, true) {
            (view.standing, view.term, view.alive) = (standing, term, alive);
            out.push(Output::Show(view.clone()));
        }
    }

    fn meet(&mut self, now: Time, member: &Member, out: &mut Vec<Output>) {
        self.met.insert(member.name.clone(), member.id);
        if self.through.contains(&member.name) {
            self.ask_to_join(now, out);
        }
        if self.initial.contains(&member.name) {
            let before = self.known.insert(member.name.clone(), member.clone());
            if before.as_ref() != Some(member) {
                self.complete_roster(now, out);
            }
        }
    }

    /// Once all initial members have answered the coordinator is told who they are (rule M5).
    fn complete_roster(&mut self, now: Time, out: &mut Vec<Output>) {
        let mut initial = self.initial.iter();
        let all = initial.all(|name| self.known.contains_key(name));
        if all || self.rules.broken(Rule::RosterIncomplete) {
            let members = self.known.values().map(|m| (m.id, m.clone()));
            let roster = Event::Roster(members.collect());
            self.hand_in(now, roster, out);
        }
    }

    /// Asks those that have answered to be made a member.
    fn ask_to_join(&mut self, now: Time, out: &mut Vec<Output>) {
        let met = |name: &String| self.met.get(name).copied();
        let through: BTreeSet<NodeId> = self.through.iter().filter_map(met).collect();
        if !through.is_empty() {
            self.hand_in(now, Event::Join { through }, out);
        }
    }

    fn hand_in(&mut self, now: Time, event: Event, out: &mut Vec<Output>) {
        if let Some(transcript) = &mut self.transcript {
            transcript.coordinator_event(now, &event);
        }
        self.coordinator.handle(now, event, &mut self.gave);
        if let Some(transcript) = &mut self.transcript {
            transcript.coordinator_gave(&self.gave, &self.coordinator);
        }
        let mut gave = std::mem::take(&mut self.gave);
        for output in gave.drain(..) {
            self.absorb(now, output, out);
        }
        self.gave = gave;
    }

    fn absorb(&mut self, now: Time, output: coordinator::Output, out: &mut Vec<Output>) {
        match output {
            coordinator::Output::Save { ticket, saved } => {
                if self.rules.broken(Rule::AcceptedTableShown) && saved.accepted.is_some() {
                    self.view.table.clone_from(&saved.accepted);
                    self.shown = false;
                }
                out.push(Output::Save { ticket, saved });
                // M1: what relies on it waits until the disk has it.
                if self.rules.broken(Rule::SavedWhenWritten) {
                    self.hand_in(now, Event::Saved(ticket), out);
                }
            }
            coordinator::Output::Send { to, message } => out.push(Output::Send { to, message }),
            coordinator::Output::Committed(table) => {
                if table.members.contains_key(&self.me.id) {
                    self.through.clear();
                }
                self.view.table = Some(table);
                self.shown = false;
            }
            coordinator::Output::Service(service) => {
                self.view.service = service;
                self.shown = false;
            }
            coordinator::Output::HandOver(wishes) => {
                self.view.wishes = wishes.into();
                self.view.wished += 1;
                self.shown = false;
            }
            coordinator::Output::MayStop => {
                self.view.may_stop = true;
                self.shown = false;
            }
            coordinator::Output::Note(note) => {
                let count = match &note {
                    Note::PossibleLoss { .. } => Some(&mut self.view.possible_losses),
                    Note::UnconfirmedPromotion { .. } => {
                        Some(&mut self.view.unconfirmed_promotions)
                    }
                    Note::TwoMasters { .. } => Some(&mut self.view.second_masters),
                    _ => None,
                };
                if let Some(count) = count {
                    *count += 1;
                    self.shown = false;
                }
                out.push(Output::Note(note));
            }
        }
    }
}
