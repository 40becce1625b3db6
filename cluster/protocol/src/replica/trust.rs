//! R14: a disk may go back in time. Somebody may have put the data folder back from an older copy, and
//! nothing on the disk itself can tell. So after a start a replica is in doubt until a witness has
//! compared: the owner, or another member of the in-sync set, each of which holds all that was
//! acknowledged (R1) unless its own disk went back.
//!
//! As a backup, it asks its owner before it acknowledges anything. The owner names the last entry that
//! it knows this replica to hold: if that is missing, the disk went back, and its data begin another life
//! (R5), which counts only once the table names it. If it is there, the replica follows; the doubt is over
//! when it has acknowledged all that may have been acknowledged before.
//!
//! As owner, it asks the other members of the in-sync set before it goes on. One of them that is in no
//! doubt itself, and has no more of the log, is enough; of those that started anew as well, all are
//! needed. If one has more, the partition is left to that one: the master promotes it.
//!
//! The table may have been changed for what this replica was before its disk went back: the others were
//! left out since this one had everything. So who leaves an in-sync set stays its witness until the owner
//! has entered the epoch in which they are left out; until then all of them are needed as well.
//!
//! A driver must not hand in a message from an earlier start of a node after one from a later start: an
//! acknowledgement that comes late would count for a disk that may not hold it any more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::message::Message;
use super::note::Note;
use super::peer::{Peer, Standing};
use super::reach::Reach;
use super::{Output, Replica, Role};
use crate::apply::Apply;
use crate::ids::{Epoch, Incarnation, Life, Lsn, NodeId, Position};
use crate::rule::{Rule, Rules};
use crate::time::Time;

/// Whether a replica's disk may have gone back in time, as others are told.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Trust {
    /// It has not, since it was last compared with another one.
    #[default]
    Confirmed,
    /// Nobody has compared since the node started.
    Unconfirmed,
    /// This node has more of the log, so that this one must not own it.
    Behind(NodeId),
}

/// The same, as the replica itself needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Doubt {
    /// There is none.
    Over,
    /// Nobody has compared since the start.
    Open,
    /// The owner found all there that it knows of; what else may have been acknowledged ends here.
    Until(Lsn),
    /// This node has more.
    Behind(NodeId),
}

impl Doubt {
    pub(super) fn after_start(life: Life, rules: Rules) -> Self {
        if life.is_first() || rules.broken(Rule::RolledBackDisk) {
            Doubt::Over
        } else {
            Doubt::Open
        }
    }

    pub(super) fn trust(self) -> Trust {
        match self {
            Doubt::Over => Trust::Confirmed,
            Doubt::Open | Doubt::Until(_) => Trust::Unconfirmed,
            Doubt::Behind(than) => Trust::Behind(than),
        }
    }

    /// What was compared was the log of another owner.
    pub(super) fn of_another_epoch(&mut self) {
        if *self != Doubt::Over {
            *self = Doubt::Open;
        }
    }

    /// Whether an owner may be followed.
    pub(super) fn may_follow(self) -> bool {
        matches!(self, Doubt::Over | Doubt::Until(_))
    }

    /// The prefix up to `matched` is known to equal the owner's, and on disk.
    pub(super) fn acknowledged(&mut self, matched: Lsn) {
        if let Doubt::Until(end) = *self
            && matched >= end
        {
            *self = Doubt::Over;
        }
    }
}

/// The one that is to be owner compares with others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Comparing {
    epoch: Epoch,
    ask_at: Time,
    /// How far the logs of the others reach, and whether they are in no doubt themselves.
    heard: BTreeMap<NodeId, (Reach, bool)>,
}

impl Comparing {
    pub(super) fn in_epoch(epoch: Epoch, now: Time) -> Self {
        Comparing {
            epoch,
            ask_at: now,
            heard: BTreeMap::new(),
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// When the others are to be asked, again or for the first time.
    pub(super) fn ask_at(&self) -> Time {
        self.ask_at
    }
}

/// What a witness says; see [`Message::Witness`].
#[derive(Clone, Copy)]
pub(super) struct Testimony {
    pub(super) incarnation: Incarnation,
    pub(super) log_epoch: Epoch,
    pub(super) floor: Position,
    pub(super) reach: Position,
    pub(super) confirmed: bool,
}

/// As the one that started anew.
impl<A: Apply> Replica<A> {
    /// Whether it has to compare before it owns what the table gives it. If there is nobody to compare
    /// with, that is told.
    pub(super) fn must_compare(&mut self, out: &mut Vec<Output>) -> bool {
        if self.doubt != Doubt::Over && self.others().next().is_none() {
            self.doubt = Doubt::Over;
            let epoch = self.assigned.epoch;
            self.forgotten = epoch;
            out.push(Output::Note(Note::Unwitnessed { epoch }));
        }
        self.doubt != Doubt::Over
    }

    /// Those who may hold what this one should: the other members of the in-sync set; and, until this one
    /// has entered its epoch, those who left it.
    fn others(&self) -> impl Iterator<Item = (NodeId, Incarnation)> {
        let in_sync = self.assigned.in_sync.iter();
        let in_sync = in_sync.map(|(node, life)| (*node, *life));
        let others = in_sync.chain(self.left_in_sync());
        others.filter(|(node, _)| *node != self.me)
    }

    fn left_in_sync(&self) -> impl Iterator<Item = (NodeId, Incarnation)> {
        let left = self.assigned.witnesses_of(self.log_epoch);
        left.map(|(node, witness)| (*node, witness.life))
    }

    /// Asks all others, again and again.
    pub(super) fn ask_witnesses(&mut self, now: Time, out: &mut Vec<Output>) {
        let Role::Comparing(comparing) = &mut self.role else {
            return;
        };
        if now < comparing.ask_at {
            return;
        }
        comparing.ask_at = now + self.settings.replication_interval();
        let message = Message::Returned {
            epoch: comparing.epoch,
            life: self.life,
            incarnation: self.incarnation,
        };
        out.extend(self.others().map(|(to, _)| Output::Send {
            to,
            message: message.clone(),
        }));
    }

    /// Asks its owner, once in a while: each message of the owner's brings it to that. An owner that the
    /// table does not name is no witness.
    pub(super) fn ask_owner(
        &mut self,
        now: Time,
        owner: NodeId,
        epoch: Epoch,
        out: &mut Vec<Output>,
    ) {
        let named = (self.assigned.epoch, self.assigned.owner) == (epoch, owner);
        if !named || now < self.ask_owner_at {
            return;
        }
        self.ask_owner_at = now + self.settings.replication_interval() / 2;
        out.push(Output::Send {
            to: owner,
            message: Message::Returned {
                epoch,
                life: self.life,
                incarnation: self.incarnation,
            },
        });
    }

    /// A witness answers.
    pub(super) fn hear_witness(
        &mut self,
        now: Time,
        from: NodeId,
        epoch: Epoch,
        testimony: Testimony,
        out: &mut Vec<Output>,
    ) {
        if epoch != self.assigned.epoch || self.doubt == Doubt::Over {
            return;
        }
        let owner = self.assigned.owner;
        let counts = self
            .others()
            .any(|other| other == (from, testimony.incarnation));
        match &self.role {
            Role::Comparing(_) if counts => {
                if self.is_missing(testimony.floor) {
                    self.roll_back(from, testimony.floor, out);
                } else {
                    self.compare(now, from, testimony, out);
                }
            }
            Role::Follower(_) if from == owner && self.doubt == Doubt::Open => {
                if self.is_missing(testimony.floor) {
                    self.roll_back(from, testimony.floor, out);
                } else {
                    self.doubt = Doubt::Until(testimony.reach.lsn);
                }
            }
            _ => {}
        }
    }

    /// As owner-to-be, it holds what the witness knows to be committed. Whether anybody has more?
    fn compare(&mut self, now: Time, from: NodeId, testimony: Testimony, out: &mut Vec<Output>) {
        let mode = self.settings.mode;
        let theirs = Reach::of(mode, testimony.log_epoch, testimony.reach);
        let Role::Comparing(comparing) = &mut self.role else {
            return;
        };
        comparing.heard.insert(from, (theirs, testimony.confirmed));
        let Role::Comparing(comparing) = &self.role else {
            return;
        };
        // What is in memory only may be gone after a crash.
        let mine = self.held().reach(mode);
        let heard = |node: NodeId| comparing.heard.get(&node).copied();
        let all = self.others().all(|(node, _)| heard(node).is_some());
        let sure = |node: &NodeId| heard(*node).is_some_and(|(_, confirmed)| confirmed);
        let in_sync = self.assigned.in_sync.keys().copied();
        let sure: Vec<NodeId> = in_sync.filter(sure).collect();
        let furthest = |nodes: &mut dyn Iterator<Item = NodeId>| {
            let reach = nodes.filter_map(|node| Some((heard(node)?.0, node))).max();
            reach.filter(|(reach, _)| *reach > mine)
        };
        // One that is in sync and in no doubt has everything. Those who left were in other in-sync sets:
        // each of these may be the last one that was served.
        let one = !sure.is_empty() && self.left_in_sync().next().is_none();
        let ahead = furthest(&mut sure.iter().copied());
        let ahead =
            ahead.or_else(|| furthest(&mut self.others().map(|(node, _)| node)).filter(|_| all));
        // Others are told that it is behind, and what it has said of an epoch it stands by.
        let said = matches!(self.doubt, Doubt::Behind(_));
        if let Some((_, node)) = ahead {
            if self.doubt != Doubt::Behind(node) {
                self.doubt = Doubt::Behind(node);
                let theirs = testimony.reach;
                out.push(Output::Note(Note::Behind { node, theirs }));
            }
        } else if (one || all) && !said {
            self.doubt = Doubt::Over;
            self.own_after_comparing(now, out);
        }
    }

    fn is_missing(&self, floor: Position) -> bool {
        // What is at or below the base was committed, so it is there.
        floor.lsn > self.log.base().lsn && !self.log.holds(floor)
    }

    /// The disk went back in time. All of the node's data begin another life (R5).
    fn roll_back(&mut self, witness: NodeId, missing: Position, out: &mut Vec<Output>) {
        out.push(Output::Note(Note::RolledBack {
            witness,
            missing,
            end: self.log.last(),
        }));
        let incarnation = self.life.incarnation_after(self.incarnation);
        self.begin_another_life(incarnation, out);
        out.push(Output::RolledBack(incarnation));
    }

    /// From now on nothing counts that was acknowledged before.
    pub(super) fn begin_another_life(&mut self, incarnation: Incarnation, out: &mut Vec<Output>) {
        self.incarnation = incarnation;
        self.doubt = Doubt::Over;
        self.backup.forget_age();
        self.step_down(out);
    }
}

/// As a witness.
impl<A: Apply> Replica<A> {
    /// `from` started anew: says what it must hold.
    pub(super) fn testify(
        &mut self,
        now: Time,
        from: NodeId,
        epoch: Epoch,
        (life, incarnation): (Life, Incarnation),
        out: &mut Vec<Output>,
    ) {
        if let Role::Owner(owner) = &self.role
            && owner.epoch() == epoch
        {
            return self.testify_as_owner(now, from, (life, incarnation), out);
        }
        if let Some(promised) = self.fence(from, epoch) {
            let message = Message::Fenced { promised };
            return out.push(Output::Send { to: from, message });
        }
        // The others of an in-sync set hold what this one knows to be committed, and what is on its own
        // disk is all that can have been.
        let durable = self.written.durable();
        let floor = self.log.position(self.data.commit);
        let message = Message::Witness {
            epoch,
            life,
            incarnation: self.incarnation,
            log_epoch: durable.log_epoch,
            floor: floor.unwrap_or_default(),
            reach: self.log.position(durable.end).unwrap_or(self.log.base()),
            confirmed: self.doubt == Doubt::Over,
        };
        out.push(Output::Send { to: from, message });
    }

    fn testify_as_owner(
        &mut self,
        now: Time,
        from: NodeId,
        (life, theirs): (Life, Incarnation),
        out: &mut Vec<Output>,
    ) {
        if !self.epoch_is_durable() {
            return;
        }
        let commit = self.data.commit;
        let last = self.log.last();
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        let (epoch, unsynced) = (owner.epoch(), owner.unsynced_end());
        let Some(peer) = owner.peer_mut(from) else {
            return;
        };
        peer.heard = now;
        let held = must_hold(peer, theirs, commit);
        // What was sent to its former life is gone with that.
        peer.probe(last, now);
        let message = Message::Witness {
            epoch,
            life,
            incarnation: self.incarnation,
            log_epoch: epoch,
            floor: self.log.position(held).unwrap_or_default(),
            reach: Position {
                epoch,
                lsn: held.max(commit).max(unsynced),
            },
            confirmed: true,
        };
        out.push(Output::Send { to: from, message });
        self.send_to(from, now, out);
    }
}

/// What a replica has acknowledged, or must have: in the same life of its data only.
fn must_hold(peer: &Peer, theirs: Incarnation, commit: Lsn) -> Lsn {
    let acknowledged = peer.matched.unwrap_or_default();
    match peer.standing {
        Standing::InSync(recorded) if recorded == theirs => acknowledged.max(commit),
        _ if peer.incarnation == Some(theirs) => acknowledged,
        _ => Lsn(0),
    }
}
