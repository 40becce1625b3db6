//! What a master does besides proposing tables: heartbeats, and keeping an eye on the followers
//! (requirement A3).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::evidence::Witnesses;
use super::failover::View;
use super::goodbye::Parting;
use super::probe::Electing;
use super::rebase::Shift;
use super::state::Role;
use super::{Coordinator, Message, Note, change};
use crate::ids::{Epoch, Life, NodeId, PartitionId, Position, Term};
use crate::replica::{Held, Trust};
use crate::settings::{Levelling, Settings};
use crate::table::{Change, Stamp, Table};
use crate::time::Time;

/// A master's view of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reign {
    /// Who elected it.
    votes: BTreeSet<NodeId>,
    pub(super) followers: BTreeMap<NodeId, Follower>,
    /// Counts the heartbeats.
    sequence: u64,
    /// When the next one is due.
    beat_at: Time,
    /// What owners asked for since the last proposal.
    pub(super) changes: BTreeSet<(NodeId, Change)>,
    /// Until then somebody takes it upon himself that partitions go on without members of their in-sync sets
    /// that may have more (rule R14).
    forced_until: Time,
    /// Members that are to leave, and have not left.
    pub(super) leaving: BTreeSet<NodeId>,
    /// Members that have said that they stop (rule M7).
    pub(super) parting: Parting,
    /// Who says of whom that nobody listens there (rule M8).
    pub(super) witnesses: Witnesses,
    /// How roles are to be levelled from the next table on (rule M9).
    pub(super) levelling: Option<Levelling>,
    /// Who is to own a partition because a person wishes so (rule M9).
    pub(super) moves: BTreeMap<PartitionId, NodeId>,
    /// Who had a share in the roles when that was last looked at, and before when roles are not levelled (rule
    /// M9).
    pub(super) sharing: BTreeSet<NodeId>,
    pub(super) level_from: Time,
    /// Since when owners are to hand their partitions over, as they leave or have no room.
    pub(super) owed_since: BTreeMap<PartitionId, (NodeId, Time)>,
    /// Since when partitions have had fewer nodes than they should.
    short_since: BTreeMap<PartitionId, Time>,
    /// Since when the owners of partitions have been in doubt of their disks (rule R14).
    doubted_since: BTreeMap<PartitionId, (NodeId, Time)>,
    /// Partitions that are known not to be served.
    unavailable: BTreeSet<PartitionId>,
    /// Partitions of which reports are compared.
    comparing: BTreeMap<PartitionId, Comparing>,
    /// The number of the last heartbeat before this node's own replicas were last looked at.
    own_sequence: u64,
}

/// What the master knows of a follower.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Follower {
    heard: Time,
    /// Whether it counts as failed.
    pub(super) failed: bool,
    /// The youngest heartbeat that it answered.
    sequence: u64,
    /// Its life (rule R14).
    life: Life,
    /// The newest table that it has on disk.
    accepted: Stamp,
    /// What it holds; `None` until it has said so to this master.
    held: Option<Vec<Held>>,
    /// Whether it has room for updates on its disk, as far as it has said (rule M6).
    room: bool,
}

/// Since when reports of a partition are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Comparing {
    epoch: Epoch,
    since: Time,
    /// The last heartbeat before those that ask for what counts.
    after: Option<u64>,
}

/// What a node says of its replicas and its disk.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) held: Option<Vec<Held>>,
    pub(super) room: bool,
}

/// What a follower answers to a heartbeat.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) term: Term,
    pub(super) sequence: u64,
    pub(super) life: Life,
    pub(super) accepted: Stamp,
    pub(super) report: Report,
}

impl Follower {
    /// Takes a report; whether it changes what roles depend on.
    fn take(&mut self, report: Report) -> bool {
        let news =
            self.room != report.room || !same_data(self.held.as_deref(), report.held.as_deref());
        self.room = report.room;
        self.held = report.held.or(self.held.take());
        news
    }

    /// One of whom nothing else is known.
    fn heard_at(heard: Time) -> Self {
        Follower {
            heard,
            failed: false,
            sequence: 0,
            life: Life::default(),
            accepted: Stamp::default(),
            held: None,
            room: true,
        }
    }
}

impl Reign {
    /// The reign of the one that `votes` elected. Each of `others` gets its time to be heard; one
    /// that was `suspect`ed as master before, and last heard then, gets a heartbeat's time only.
    pub(super) fn begin(
        now: Time,
        settings: &Settings,
        votes: BTreeSet<NodeId>,
        others: impl Iterator<Item = NodeId>,
        suspect: Option<(NodeId, Time)>,
    ) -> Self {
        let followers = others.map(|node| {
            let heard = match suspect {
                Some((suspect, heard)) if suspect == node => {
                    heard.max((now + settings.heartbeat) - settings.missed_after())
                }
                _ => now,
            };
            (node, Follower::heard_at(heard))
        });
        Reign {
            votes,
            followers: followers.collect(),
            sequence: 0,
            beat_at: now + settings.heartbeat,
            changes: BTreeSet::new(),
            forced_until: Time(0),
            leaving: BTreeSet::new(),
            parting: Parting::default(),
            witnesses: Witnesses::default(),
            levelling: None,
            moves: BTreeMap::new(),
            sharing: BTreeSet::new(),
            level_from: Time(0),
            owed_since: BTreeMap::new(),
            short_since: BTreeMap::new(),
            doubted_since: BTreeMap::new(),
            unavailable: BTreeSet::new(),
            comparing: BTreeMap::new(),
            own_sequence: 0,
        }
    }

    /// Who elected it.
    pub(super) fn votes(&self) -> &BTreeSet<NodeId> {
        &self.votes
    }

    /// The followers that have the table of this stamp on disk.
    pub(super) fn holders(&self, stamp: Stamp) -> BTreeSet<NodeId> {
        let holders = self.followers.iter().filter(|(_, f)| f.accepted == stamp);
        holders.map(|(node, _)| *node).collect()
    }

    /// When a majority of `voters` was last in contact; the master itself, which is no follower, is
    /// so forever.
    pub(super) fn contact(&self, voters: &BTreeSet<NodeId>) -> Time {
        let heard = |node| self.followers.get(node).map_or(Time::MAX, |f| f.heard);
        let mut heard: Vec<Time> = voters.iter().map(heard).collect();
        heard.sort_unstable_by(|a, b| b.cmp(a));
        heard[voters.len() / 2]
    }

    /// Looks after all of `members` from now on. Each new one gets its time to be heard.
    pub(super) fn expect(&mut self, now: Time, members: impl Iterator<Item = NodeId>, me: NodeId) {
        for node in members.filter(|node| *node != me) {
            let new = || Follower::heard_at(now);
            self.followers.entry(node).or_insert_with(new);
        }
    }

    /// Looks no longer after those that are not in `table`, and returns them.
    pub(super) fn dismiss(&mut self, table: &Table) -> Vec<NodeId> {
        self.leaving.retain(|node| table.members.contains_key(node));
        let gone = |node: &NodeId, _: &mut Follower| !table.members.contains_key(node);
        self.followers
            .extract_if(.., gone)
            .map(|(node, _)| node)
            .collect()
    }

    /// The members of `table` that do not count as failed.
    pub(super) fn alive(&self, me: NodeId, table: &Table) -> BTreeSet<NodeId> {
        let present = self.followers.iter().filter(|(_, f)| !f.failed);
        let nodes = present.map(|(node, _)| *node).chain([me]);
        nodes
            .filter(|node| table.members.contains_key(node))
            .collect()
    }

    pub(super) fn deadline(&self, settings: &Settings) -> Time {
        let present = self.followers.values().filter(|f| !f.failed);
        let first_missed = present.map(|f| f.heard + settings.missed_after()).min();
        self.beat_at.min(first_missed.unwrap_or(Time::MAX))
    }

    /// Notes whether `partition` is unavailable; says whether that is new.
    pub(super) fn is_news(&mut self, partition: PartitionId, unavailable: bool) -> bool {
        if unavailable {
            self.unavailable.insert(partition)
        } else {
            self.unavailable.remove(&partition);
            false
        }
    }

    /// Notes whether the reports of `partition` are to be compared in this epoch. What a node says it holds it
    /// may have been handed two heartbeats before; only then those that count are asked for.
    pub(super) fn compare(
        &mut self,
        now: Time,
        heartbeat: Duration,
        (partition, epoch): (PartitionId, Epoch),
        compares: bool,
    ) {
        if !compares {
            self.comparing.remove(&partition);
            return;
        }
        let begun = Comparing {
            epoch,
            since: now,
            after: None,
        };
        let comparing = self.comparing.entry(partition).or_insert(begun);
        if comparing.epoch != epoch {
            *comparing = begun;
        }
        if comparing.after.is_none() && now.since(comparing.since) >= heartbeat * 2 {
            comparing.after = Some(self.sequence);
        }
    }

    /// What the assignment of roles depends on.
    pub(super) fn view(
        &mut self,
        now: Time,
        me: NodeId,
        (own, room): (Option<&[Held]>, bool),
        table: &Table,
        settings: &Settings,
    ) -> View {
        let followers = self.followers.iter();
        let reports = followers.map(|(node, f)| (*node, f.held.as_deref()));
        let mut reported = BTreeSet::new();
        let mut held = BTreeMap::new();
        for (node, report) in reports.chain([(me, own)]) {
            let Some(report) = report else {
                continue;
            };
            reported.insert(node);
            held.extend(report.iter().map(|h| ((h.partition, node), *h)));
        }
        let lacks_room = self.followers.iter().filter(|(_, f)| !f.room);
        let roomless = lacks_room.map(|(node, _)| *node);
        let roomless = roomless.chain((!room).then_some(me)).collect();
        let replicas = usize::from(table.identity.replicas);
        for (partition, assignment) in (0..).map(PartitionId).zip(&table.partitions) {
            let nodes = assignment.in_sync.len() + assignment.catch_ups.len();
            if nodes < replicas.min(table.members.len()) {
                self.short_since.entry(partition).or_insert(now);
            } else {
                self.short_since.remove(&partition);
            }
        }
        for (partition, assignment) in (0..).map(PartitionId).zip(&table.partitions) {
            let owner = assignment.owner;
            let trust = held.get(&(partition, owner)).map(|held| held.trust);
            let doubted = self.doubted_since.get(&partition);
            if trust.is_none_or(|trust| trust == Trust::Confirmed) {
                self.doubted_since.remove(&partition);
            } else if doubted.is_none_or(|(before, _)| *before != owner) {
                self.doubted_since.insert(partition, (owner, now));
            }
        }
        let answered = self.followers.iter().map(|(node, f)| (*node, f.sequence));
        let comparing = self.comparing.iter();
        let comparing =
            comparing.filter_map(|(partition, comparing)| Some((*partition, comparing.after?)));
        let patience = settings.missed_after();
        let overdue = self.doubted_since.iter();
        let overdue = overdue.filter(|(_, (_, since))| now.since(*since) >= patience);
        let long = |since: &Time| now.since(*since) >= settings.replace_after;
        let replaceable = self.short_since.iter().filter(|(_, since)| long(since));
        self.parting.expire(now);
        // When most of the cluster stops, nobody takes over from anybody.
        let parting = match self.is_enough_without_parting(me, table) {
            true => self.parting.since_a_while(now),
            false => BTreeSet::new(),
        };
        let mut view = View {
            alive: self.alive(me, table),
            leaving: self.leaving.clone(),
            parting,
            expected: self.parting.nodes(),
            min_in_sync: settings.min_in_sync,
            roomless,
            overdue: overdue.map(|(partition, _)| *partition).collect(),
            distrust: settings.distrust_disks,
            forced: now < self.forced_until,
            reported,
            held,
            answered: answered.chain([(me, self.own_sequence)]).collect(),
            compare_after: comparing.collect(),
            replaceable: replaceable.map(|(partition, _)| *partition).collect(),
            replicas,
            mode: settings.mode,
            rules: settings.rules,
            overdue_hand_overs: BTreeSet::new(),
        };
        self.note_owed(now, &mut view, table, settings);
        view
    }
}

pub(super) fn rebase(reign: &mut Reign, shift: Shift, settings: &Settings) {
    shift.ahead(&mut reign.beat_at);
    shift.ahead(&mut reign.forced_until);
    shift.ahead(&mut reign.level_from);
    for (_, since) in reign.owed_since.values_mut() {
        shift.past(since, settings.hand_over_limit());
    }
    for follower in reign.followers.values_mut() {
        shift.past(&mut follower.heard, settings.missed_after());
    }
    reign.parting.rebase(shift);
    for (_, since) in reign.doubted_since.values_mut() {
        shift.past(since, settings.missed_after());
    }
    for comparing in reign.comparing.values_mut() {
        shift.past(&mut comparing.since, settings.heartbeat * 2);
    }
    for since in reign.short_since.values_mut() {
        shift.past(since, settings.replace_after);
    }
}

impl Coordinator {
    /// A master's timers.
    pub(super) fn reign_on(&mut self, now: Time) {
        let voters = self.voters();
        let Role::Reigning(reign) = &mut self.role else {
            return;
        };
        if now >= reign.contact(&voters) + self.fixed.settings.service_limit() {
            let term = self.term();
            self.note(Note::QuorumLost { term });
            self.stop_reigning(now);
            return;
        }
        let mut failed = Vec::new();
        for (node, follower) in &mut reign.followers {
            if !follower.failed && now >= follower.heard + self.fixed.settings.missed_after() {
                follower.failed = true;
                failed.push(*node);
            }
        }
        let beat = now >= reign.beat_at;
        if beat {
            reign.beat_at = now + self.fixed.settings.heartbeat;
        }
        let changed = !failed.is_empty();
        for node in failed {
            self.note(Note::FollowerMissed { node });
        }
        let proposed = (beat || changed) && self.propose_next(now);
        if beat && !proposed {
            self.beat_all(now);
        }
    }

    /// Is no longer master, for the rest of the term.
    pub(super) fn stop_reigning(&mut self, now: Time) {
        assert!(matches!(self.role, Role::Reigning(_)));
        self.role = Role::Electing(Electing::after(now, std::time::Duration::ZERO));
        self.wait_before_probe(now, std::time::Duration::ZERO);
    }

    /// Makes itself heard by all; those who lack the newest table get it.
    pub(super) fn beat_all(&mut self, now: Time) {
        let Role::Reigning(reign) = &mut self.role else {
            return;
        };
        reign.sequence += 1;
        for node in reign.followers.keys().copied().collect::<Vec<_>>() {
            self.beat_for(now, node);
        }
    }

    /// Makes itself heard by `node`.
    pub(super) fn beat_for(&mut self, now: Time, node: NodeId) {
        let Role::Reigning(reign) = &self.role else {
            return;
        };
        let Some(follower) = reign.followers.get(&node) else {
            return;
        };
        let lacks = follower.accepted < self.disk.stamp();
        let newest = self
            .accepted()
            .filter(|table| table.members.contains_key(&node));
        let proposal = newest.filter(|_| lacks).cloned();
        self.send_beat(now, node, proposal);
    }

    /// Tells all at once what is committed. Those who lack the table have it under way.
    pub(super) fn tell_commit(&mut self, now: Time) {
        let Role::Reigning(reign) = &mut self.role else {
            return;
        };
        reign.sequence += 1;
        for node in reign.followers.keys().copied().collect::<Vec<_>>() {
            self.send_beat(now, node, None);
        }
    }

    fn send_beat(&mut self, now: Time, node: NodeId, proposal: Option<std::sync::Arc<Table>>) {
        let Role::Reigning(reign) = &self.role else {
            return;
        };
        let contact = reign.contact(&self.voters());
        let beat = Message::Heartbeat {
            term: self.term(),
            life: self.fixed.life,
            sequence: reign.sequence,
            contact_age: now.since(contact),
            committed: self.committed_stamp(),
            proposal,
        };
        self.send(node, beat);
    }

    /// A follower answers.
    pub(super) fn heartbeat_answered(&mut self, now: Time, from: NodeId, answer: Answer) {
        let Answer {
            term,
            sequence,
            life,
            accepted,
            report,
        } = answer;
        if term != self.term() {
            return;
        }
        let Role::Reigning(reign) = &mut self.role else {
            return;
        };
        let Some(follower) = reign.followers.get_mut(&from) else {
            return;
        };
        // An answer that was overtaken says nothing new.
        if sequence < follower.sequence {
            return;
        }
        follower.sequence = sequence;
        follower.heard = now;
        reign.parting.heard(from, life);
        let returned = std::mem::take(&mut follower.failed);
        if std::mem::replace(&mut follower.life, life) != life {
            // R14: what its disk held then may be there no more.
            follower.held = None;
            follower.accepted = accepted;
            reign.comparing.clear();
        }
        follower.accepted = follower.accepted.max(accepted);
        let had_room = follower.room;
        let has_room = report.room;
        let news = follower.take(report) || returned;
        if returned {
            self.note(Note::FollowerReturned { node: from });
        }
        self.note_room(from, had_room, has_room);
        self.commit_if_majority(now);
        if news {
            self.propose_next(now);
        }
    }

    /// A follower says at once what its next answer would say.
    pub(super) fn room_told(&mut self, now: Time, from: NodeId, term: Term, report: Report) {
        if term != self.term() {
            return;
        }
        let Role::Reigning(reign) = &mut self.role else {
            return;
        };
        // It is in answer to no heartbeat, and may be older than what was compared.
        reign.comparing.clear();
        let Some(follower) = reign.followers.get_mut(&from) else {
            return;
        };
        let (had_room, has_room) = (follower.room, report.room);
        if !follower.take(report) {
            return;
        }
        self.note_room(from, had_room, has_room);
        if !self.propose_next(now) {
            // What the others hold decides as well.
            self.beat_all(now);
        }
    }

    /// Whether this node has room for updates on its disk (rule M6).
    pub(super) fn set_room(&mut self, now: Time, room: bool) {
        let before = std::mem::replace(&mut self.room, room);
        if before == room {
            return;
        }
        match &self.role {
            Role::Electing(_) => {}
            Role::Following(_) => self.tell_master_what_is_held(),
            Role::Reigning(_) => {
                self.note_room(self.fixed.me.id, before, room);
                if !self.propose_next(now) {
                    self.beat_all(now);
                }
            }
        }
    }

    fn tell_master_what_is_held(&mut self) {
        if let Role::Following(following) = &self.role {
            let (master, term) = (following.master, self.term());
            let (room, held) = (self.room, self.held.clone());
            self.send(master, Message::Room { term, room, held });
        }
    }

    fn note_room(&mut self, node: NodeId, before: bool, now: bool) {
        match (before, now) {
            (true, false) => self.note(Note::RoomLost { node }),
            (false, true) => self.note(Note::RoomFound { node }),
            _ => {}
        }
    }

    /// This node's replicas hold this.
    pub(super) fn hold(&mut self, now: Time, held: Vec<Held>) {
        let news = !same_data(self.held.as_deref(), Some(&held));
        let first = self.held.replace(held).is_none();
        match &mut self.role {
            Role::Reigning(reign) => {
                reign.own_sequence = reign.sequence;
                if news {
                    self.propose_next(now);
                }
            }
            // Without it the master does nothing about this node; the next heartbeat may be far.
            Role::Following(_) if first => self.tell_master_what_is_held(),
            Role::Electing(_) | Role::Following(_) => {}
        }
    }

    /// Somebody wants partitions to be served although nobody can tell whether something is lost (rule
    /// R14). That holds until all that is under way is through, and all that are there have reported. Leases
    /// are waited out as after any failover (R10).
    pub(super) fn force(&mut self, now: Time) {
        if let Role::Reigning(reign) = &mut self.role {
            reign.forced_until = now + self.fixed.settings.missed_after();
            self.note(Note::Forced);
            self.propose_next(now);
        }
    }

    /// A replica of this node asks for a change of the table.
    pub(super) fn ask(&mut self, now: Time, change: Change) {
        match &self.role {
            Role::Electing(_) => {}
            Role::Following(following) => {
                let master = following.master;
                self.send(master, Message::Change(change));
            }
            Role::Reigning(_) => self.asked(now, self.fixed.me.id, change),
        }
    }

    /// An owner asks the master for a change of the table.
    pub(super) fn asked(&mut self, now: Time, from: NodeId, change: Change) {
        let rules = self.fixed.settings.rules;
        let index = usize::from(change.partition.0);
        // What could not apply to the newest table never will: epochs only grow. So at most a few
        // wait for each partition.
        let may_apply = self.accepted().is_some_and(|table| {
            let assignment = table.partitions.get(index);
            assignment.is_some_and(|a| change::is_entitled(a, from, &change, rules))
        });
        if let Role::Reigning(reign) = &mut self.role
            && may_apply
        {
            reign.changes.insert((from, change));
            self.propose_next(now);
        }
    }
}

/// Whether two reports say the same as far as roles depend on them; how far logs reach changes all
/// the time.
fn same_data(a: Option<&[Held]>, b: Option<&[Held]>) -> bool {
    let data = |held: &Held| Held {
        end: Position::default(),
        ..*held
    };
    match (a, b) {
        (Some(a), Some(b)) => a.iter().map(data).eq(b.iter().map(data)),
        (None, None) => true,
        _ => false,
    }
}
