//! The machine itself: its state, the dispatch of events, terms, and what may be read from it.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::disk::Disk;
use super::draw::{Draw, Purpose};
use super::goodbye::Goodbye;
use super::hearing::Hearing;
use super::probe::Electing;
use super::reign::Reign;
use super::service::Service;
use super::tournament::Vote;
use super::{Birth, Event, Message, Note, Output, Saved, Standing, Strength};
use crate::ids::{Life, NodeId, Term};
use crate::replica::Held;
use crate::rule::Rule;
use crate::settings::Settings;
use crate::table::{Member, Stamp, Table};
use crate::time::Time;

/// The control plane of one node. See the [module](super) for its parts.
///
/// What it gives out is never ahead of the disk; what may be read from it (`standing`, `term`,
/// `accepted`, …) can be, by the writes that are not yet reported as done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coordinator {
    pub(super) fixed: Arc<Fixed>,
    pub(super) birth: Arc<Birth>,
    pub(super) disk: Disk,
    /// Frozen on entering the term.
    pub(super) strength: Strength,
    pub(super) vote: Vote,
    pub(super) role: Role,
    /// The master that this node missed last, and when it last heard it.
    pub(super) suspect: Option<(NodeId, Time)>,
    /// The newest table that is known to be committed.
    pub(super) committed: Option<Arc<Table>>,
    /// What this node's replicas hold; `None` until it was told.
    pub(super) held: Option<Vec<Held>>,
    /// Whether this node has room for updates on its disk.
    pub(super) room: bool,
    pub(super) service: Service,
    /// A node without a table that has heard of a cluster that is born (rule M5).
    pub(super) joiner: bool,
    /// Whom it asks to be made a member; nobody, unless it is to become one.
    pub(super) asks: BTreeSet<NodeId>,
    /// What it hears before it votes again after a start (rule R14); `None`: it has heard enough.
    pub(super) hearing: Option<Hearing>,
    /// What it hears again, while nobody can be elected for want of what it has heard (rule R14).
    pub(super) hearing_anew: Option<Hearing>,
    /// Who has an older table than this is not elected (rule R14).
    pub(super) floor: Stamp,
    /// The second master of a term that was refused last (rule R14).
    pub(super) told_of_two: Option<(Term, NodeId)>,
    /// It is about to stop (rule M7).
    pub(super) goodbye: Option<Goodbye>,
    /// Where nobody listens any more, as far as this node knows (rule M8).
    pub(super) gone: BTreeSet<NodeId>,
}

/// What never changes in a node's life. Copies of a node share it, and its hash is the node's
/// identity alone, so that it costs nothing to explore many states.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fixed {
    pub(super) settings: Settings,
    pub(super) me: Member,
    pub(super) priority: u32,
    /// Which start of the node this is (rule R14).
    pub(super) life: Life,
    pub(super) draw: Draw,
}

impl Hash for Fixed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.me.id.hash(state);
    }
}

/// What a node does at present.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// It knows no master.
    Electing(Electing),
    /// Another node is master.
    Following(Following),
    /// It is master.
    Reigning(Box<Reign>),
}

/// A follower's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Following {
    pub(super) master: NodeId,
    /// The master's life (rule R14).
    pub(super) life: Life,
    /// When it was last heard.
    pub(super) heard: Time,
}

impl Coordinator {
    /// A node that starts at `now` with what it finds on disk. `priority` prefers it as master among
    /// those that know the same table; `life` is this start of the node (rule R14), and `seed` makes nodes and runs differ.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "they are what a node is")]
    pub fn new(
        settings: Settings,
        me: Member,
        priority: u32,
        birth: Birth,
        saved: Saved,
        life: Life,
        seed: u64,
        now: Time,
    ) -> Self {
        let disk = Disk::new(saved);
        let strength = Strength {
            accepted: disk.stamp(),
            stays: true,
            priority,
            id: me.id,
        };
        // The master, if there is one, needs a heartbeat's time to be heard by one who comes back.
        let patience = if disk.accepted().is_some() {
            settings.heartbeat
        } else {
            Duration::ZERO
        };
        let fixed = Fixed {
            draw: Draw::new(seed, me.id),
            settings,
            me,
            priority,
            life,
        };
        let mut node = Coordinator {
            fixed: Arc::new(fixed),
            birth: Arc::new(birth),
            strength,
            vote: Vote::Spent,
            role: Role::Electing(Electing::after(now, patience)),
            suspect: None,
            committed: None,
            held: None,
            room: true,
            service: Service::default(),
            joiner: false,
            asks: BTreeSet::new(),
            hearing: None,
            hearing_anew: None,
            floor: Stamp::default(),
            told_of_two: None,
            goodbye: None,
            gone: BTreeSet::new(),
            disk,
        };
        if node.fixed.settings.rules.broken(Rule::TokenAfterRestart) && node.term() > Term(0) {
            node.vote = Vote::own(node.fixed.me.id);
        }
        node.begin_hearing(now);
        node.wait_before_probe(now, patience);
        node
    }

    /// Takes one event, and appends what is to be done, in order, to `out`.
    pub fn handle(&mut self, now: Time, event: Event, out: &mut Vec<Output>) {
        match event {
            Event::Roster(members) => self.know_roster(now, members),
            Event::Message { from, message } => self.receive(now, from, message),
            Event::Saved(ticket) => self.disk.written(ticket),
            Event::Ask(change) => self.ask(now, change),
            Event::Join { through } => self.join(now, through),
            Event::Remove(node) => self.asked_to_remove(now, node),
            Event::Holds(held) => self.hold(now, held),
            Event::Room(room) => self.set_room(now, room),
            Event::Force => self.force(now),
            Event::Goodbye => self.say_goodbye(now),
            Event::NobodyListens(node) => self.nobody_listens(now, node),
            Event::Level(levelling) => self.asked_to_level(now, levelling),
            Event::Move { partition, to } => self.asked_to_move(now, partition, to),
            Event::Tick => self.tick(now),
        }
        self.update_service(now);
        let unsafely = self.fixed.settings.rules.broken(Rule::VoteNotPersisted);
        self.disk.flush(unsafely, out);
    }

    /// When it wants to be handed [`Event::Tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let role = match &self.role {
            Role::Electing(electing) => electing.deadline().min(self.vote.deadline()),
            Role::Following(following) => following.heard + self.fixed.settings.missed_after(),
            Role::Reigning(reign) => reign.deadline(&self.fixed.settings),
        };
        let hearing = self.hearing.as_ref().or(self.hearing_anew.as_ref());
        let hearing = hearing.map_or(Time::MAX, Hearing::deadline);
        let goodbye = self.goodbye.map_or(Time::MAX, |goodbye| goodbye.deadline());
        let deadline = role.min(self.service.deadline()).min(hearing).min(goodbye);
        (deadline < Time::MAX).then_some(deadline)
    }

    fn receive(&mut self, now: Time, from: NodeId, message: Message) {
        if from == self.fixed.me.id || self.is_stranger(from, &message) {
            return;
        }
        self.is_there(from);
        match message {
            Message::Missed(probing) => self.answer_probe(now, from, probing),
            Message::MissedAnswer {
                probing,
                term,
                missed,
                born,
            } => self.probe_answered(now, from, probing, term, missed, born),
            Message::Begin { term, absent } => self.begin(now, from, term, absent),
            Message::Challenge { term, strength, .. } => {
                self.challenged(now, from, term, strength);
            }
            Message::Yield { term, tokens } => self.take_votes(now, from, term, tokens),
            Message::Redirect { term, to } => self.redirected(now, from, term, to),
            Message::HigherTerm { term } => self.told_of_term(now, term),
            Message::Heartbeat {
                term,
                life,
                sequence,
                contact_age,
                committed,
                proposal,
            } => {
                let beat = super::register::Beat {
                    term,
                    life,
                    sequence,
                    contact_age,
                    committed,
                };
                self.heartbeat(now, from, beat, proposal);
            }
            Message::HeartbeatAck {
                term,
                sequence,
                life,
                accepted,
                held,
                room,
            } => {
                let answer = super::reign::Answer {
                    term,
                    sequence,
                    life,
                    accepted,
                    report: super::reign::Report { held, room },
                };
                self.heartbeat_answered(now, from, answer);
            }
            Message::Change(change) => self.asked(now, from, change),
            Message::Join { member, identity } => self.asked_to_join(now, from, member, identity),
            Message::Remove(node) => self.asked_to_remove(now, node),
            Message::Dismissed(table) => self.dismissed(now, table),
            Message::NobodyListens { term, node } => {
                self.told_that_nobody_listens(now, from, term, node);
            }
            Message::Goodbye { term, life } => self.hear_goodbye(now, from, term, life),
            Message::Parting {
                term,
                life,
                wishes,
                done,
            } => self.goodbye_answered(now, (term, life), wishes, done),
            Message::Wishes { term, wishes } => self.wished(from, term, wishes),
            Message::Level(levelling) => self.asked_to_level(now, levelling),
            Message::Move { partition, to } => self.asked_to_move(now, partition, to),
            Message::Room { term, room, held } => {
                let report = super::reign::Report { held, room };
                self.room_told(now, from, term, report);
            }
            Message::NotTaken(why) => {
                if !self.asks.is_empty() {
                    self.note(Note::NotTaken { why });
                }
            }
            Message::Recall { life } => self.recall(now, from, life),
            Message::Recalled {
                life,
                term,
                accepted,
            } => self.recalled(now, from, life, term, accepted),
        }
    }

    /// Whether `from` belongs to the attempt to make another cluster with this node, which has one
    /// already (rule M5). Its questions are answered, so that it learns so; nothing else of it
    /// counts, and in particular not its terms. A member that this node does not know yet is
    /// recognized by the newer table that it brings, which lists this node, or because a member sent this node to it. A
    /// master that leaves is followed until the table without it is committed.
    fn is_stranger(&self, from: NodeId, message: &Message) -> bool {
        let Some(table) = self.accepted() else {
            return false;
        };
        let follows = matches!(&self.role, Role::Following(f) if f.master == from);
        let known = table.members.contains_key(&from) || follows;
        if known || self.vote.contact() == Some(from) {
            return false;
        }
        match message {
            Message::Missed(_) | Message::Join { .. } | Message::Recall { .. } => false,
            Message::Heartbeat {
                proposal: Some(newer),
                ..
            }
            | Message::Challenge {
                table: Some(newer), ..
            } => {
                let lists_me = newer.members.contains_key(&self.fixed.me.id);
                !(newer.born && lists_me && newer.stamp > table.stamp)
            }
            // One that was removed, and asks to be a member again, knows of former members only.
            Message::Challenge { strength, .. } => {
                self.asks.is_empty() || strength.accepted <= table.stamp
            }
            _ => true,
        }
    }

    fn tick(&mut self, now: Time) {
        self.hear_on(now);
        match &self.role {
            Role::Electing(_) => {
                self.contact_timeout(now);
                self.probe_timeout(now);
            }
            Role::Following(following) => {
                if now >= following.heard + self.fixed.settings.missed_after() {
                    self.miss_master(now, *following);
                }
            }
            Role::Reigning(_) => self.reign_on(now),
        }
        self.go_on_with_goodbye(now);
    }

    pub(super) fn miss_master(&mut self, now: Time, following: Following) {
        self.suspect = Some((following.master, following.heard));
        self.note(Note::MasterMissed {
            master: Some(following.master),
        });
        self.role = Role::Electing(Electing::after(now, Duration::ZERO));
        // Others miss it a little earlier or later; asked too early, they would say no.
        self.wait_before_probe(now, self.fixed.settings.election_pace() / 10);
    }

    /// Enters a higher term: by its own decision, or because a message came from it. It is on disk
    /// before the node says anything in it, and from now on only tables of this term or a higher one
    /// are accepted (rule M1).
    pub(super) fn enter(&mut self, now: Time, term: Term) {
        self.disk.enter(term);
        self.strength = Strength {
            accepted: self.disk.stamp(),
            stays: self.stays(),
            priority: self.fixed.priority,
            id: self.fixed.me.id,
        };
        self.vote = if self.may_vote() {
            Vote::own(self.fixed.me.id)
        } else {
            Vote::Spent
        };
        let patience = self.fixed.settings.election_pace();
        self.role = Role::Electing(Electing::after(now, patience));
        self.wait_before_probe(now, patience);
        self.note(Note::ElectionBegan { term });
    }

    /// Someone is in a higher term: take part in it.
    fn told_of_term(&mut self, now: Time, term: Term) {
        if term > self.term() {
            self.enter(now, term);
            self.campaign(now);
        }
    }

    /// Follows the master of the present term. The vote is of no use any more: the term is decided.
    pub(super) fn follow(&mut self, now: Time, master: NodeId, life: Life) {
        assert_ne!(master, self.fixed.me.id);
        let known = matches!(&self.role, Role::Following(f) if f.master == master);
        if !known {
            self.vote = Vote::Spent;
            let term = self.term();
            self.note(Note::Follows { term, master });
        }
        self.role = Role::Following(Following {
            master,
            life,
            heard: now,
        });
    }

    /// The members whose votes this node counts: those of its newest accepted table (rule M2), or of
    /// the initial list before there is one (rule M5). Empty: none are known, so nothing can be
    /// decided.
    pub(super) fn voters(&self) -> BTreeSet<NodeId> {
        let committed = self.committed.as_ref();
        let broken = self
            .fixed
            .settings
            .rules
            .broken(Rule::CountByCommittedMembers);
        match committed.filter(|_| broken).or(self.disk.accepted()) {
            Some(table) => table.members.keys().copied().collect(),
            None if self.joiner => BTreeSet::new(),
            None => self.birth.members.keys().copied().collect(),
        }
    }

    /// Whether `votes` are those of a majority.
    pub(super) fn is_majority(&self, votes: &BTreeSet<NodeId>) -> bool {
        let voters = self.voters();
        let quorum = if self.fixed.settings.rules.broken(Rule::NoQuorum) {
            voters.len() / 2
        } else {
            voters.len() / 2 + 1
        };
        !voters.is_empty() && votes.intersection(&voters).count() >= quorum
    }

    pub(super) fn send(&mut self, to: NodeId, message: Message) {
        assert_ne!(to, self.fixed.me.id, "nobody talks to itself: {message:?}");
        self.disk.say(Output::Send { to, message });
    }

    pub(super) fn note(&mut self, note: Note) {
        self.disk.say(Output::Note(note));
    }

    /// The order in which this node contacts `others`: drawn, so that not all contact the same one;
    /// the master that was missed comes last.
    pub(super) fn contact_order(&self, node: NodeId) -> (bool, u64, NodeId) {
        let suspected = self.suspect.is_some_and(|(suspect, _)| suspect == node);
        let number = self
            .fixed
            .draw
            .number(Purpose::Contact(node), self.term(), 0);
        (suspected, number, node)
    }

    /// Whether it has heard of a cluster that is born without it.
    #[must_use]
    pub fn is_joiner(&self) -> bool {
        self.joiner
    }

    /// Where the node stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match &self.role {
            Role::Electing(_) => Standing::Electing,
            Role::Following(following) => Standing::Follower(following.master),
            Role::Reigning(_) => Standing::Master,
        }
    }

    /// The members that do not count as failed, if this node is master; nobody otherwise.
    #[must_use]
    pub fn alive(&self) -> BTreeSet<NodeId> {
        match (&self.role, &self.committed) {
            (Role::Reigning(reign), Some(table)) => reign.alive(self.fixed.me.id, table),
            _ => BTreeSet::new(),
        }
    }

    /// The master that the node knows, possibly itself.
    #[must_use]
    pub fn master(&self) -> Option<NodeId> {
        match self.standing() {
            Standing::Electing => None,
            Standing::Follower(master) => Some(master),
            Standing::Master => Some(self.fixed.me.id),
        }
    }

    /// The node that this candidate challenges at present, if it is one.
    #[must_use]
    pub fn contacted(&self) -> Option<NodeId> {
        match &self.role {
            Role::Electing(_) => self.vote.contact(),
            Role::Following(_) | Role::Reigning(_) => None,
        }
    }

    /// Whether the node is an unbeaten candidate in its term.
    #[must_use]
    pub fn is_candidate(&self) -> bool {
        matches!(self.role, Role::Electing(_)) && matches!(self.vote, Vote::Held(_))
    }

    /// The node that this one yielded to in its term.
    #[must_use]
    pub fn yielded_to(&self) -> Option<NodeId> {
        match &self.vote {
            Vote::Yielded { to, .. } => Some(*to),
            Vote::Spent | Vote::Held(_) => None,
        }
    }

    /// The node's identity.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.fixed.me.id
    }

    /// The term that the node is in.
    #[must_use]
    pub fn term(&self) -> Term {
        self.disk.term()
    }

    /// The newest table that the node knows to be committed.
    #[must_use]
    pub fn committed(&self) -> Option<&Arc<Table>> {
        self.committed.as_ref()
    }

    /// What the node keeps on disk, with the writes that were asked for and are not done yet.
    #[must_use]
    pub fn saved(&self) -> &Saved {
        self.disk.saved()
    }

    /// The newest table that the node has accepted, committed or not.
    #[must_use]
    pub fn accepted(&self) -> Option<&Arc<Table>> {
        self.disk.accepted()
    }

    /// The stamp of the newest table that the node knows to be committed; the default if none.
    pub(super) fn committed_stamp(&self) -> Stamp {
        self.committed()
            .map_or_else(Stamp::default, |table| table.stamp)
    }

    /// Whether the node is part of a quorum, as last told to its replicas (rule R13).
    #[must_use]
    pub fn in_service(&self) -> bool {
        self.service.told()
    }
}
