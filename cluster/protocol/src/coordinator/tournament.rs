//! The bully tournament (requirement A2, rule M1): one master per term.
//!
//! A vote is a token. A beaten candidate hands over all tokens that it holds, its own included, to
//! the one that beat it, and is beaten for the rest of the term. So each token travels along one
//! path from each node to at most one other, always to a stronger one, and only the end of the path,
//! an unbeaten node, counts it. Who counts a majority is master, and never yields in that term: no
//! other node can count any of those tokens. A token lives in memory only; a restarted node drops
//! what it held and whatever still comes in, and thus is no end of a path.
//!
//! Each unbeaten candidate contacts one node at a time. A beaten node tells whom it yielded to, so
//! that candidates climb to the unbeaten ones; about half of these are beaten in each round, hence
//! the logarithmic number of rounds and the linear number of messages.
//!
//! Since strength begins with the stamp of the accepted table and each token was given up to a
//! stronger one, the master has accepted the newest table among a majority (rule M2).

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::rebase::Shift;
use super::state::Role;
use super::{Coordinator, Message, Note, Strength};
use crate::ids::{NodeId, Term};
use crate::rule::Rule;
use crate::time::Time;

/// Where this node's vote of the present term is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Vote {
    /// It is of no use: the node restarted in this term, follows its master, is or was its master,
    /// or has no vote at all.
    Spent,
    /// The node is an unbeaten candidate.
    Held(Candidacy),
    /// The node was beaten.
    Yielded {
        /// By whom.
        to: NodeId,
        /// The tokens that were handed over; the same ones go there again if the message got lost.
        tokens: BTreeSet<NodeId>,
    },
}

/// An unbeaten candidate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Candidacy {
    /// Whose votes it holds.
    tokens: BTreeSet<NodeId>,
    /// Those who have no token to give any more.
    settled: BTreeSet<NodeId>,
    /// Those who did not answer; they are asked again when all others were.
    silent: BTreeSet<NodeId>,
    /// Those who did not answer at some time: they may not know this node, and are shown its table.
    unanswered: BTreeSet<NodeId>,
    /// Those who had not answered the one that opened the term: probably dead, and contacted after
    /// the others, unless somebody has yielded to them.
    absent: BTreeSet<NodeId>,
    /// The node that is asked, and when it counts as silent.
    contact: Option<(NodeId, Time)>,
    /// How many nodes it has contacted.
    rounds: Figure,
}

/// A figure for people. It has no influence on what the node does, so it is no part of its state.
#[derive(Clone, Copy, Default)]
struct Figure(u32);

impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for Figure {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Figure {}

impl Hash for Figure {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Vote {
    /// A candidate that holds its own vote.
    pub(super) fn own(me: NodeId) -> Self {
        Vote::Held(Candidacy {
            tokens: BTreeSet::from([me]),
            settled: BTreeSet::new(),
            silent: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            absent: BTreeSet::new(),
            contact: None,
            rounds: Figure(0),
        })
    }

    /// The node that is asked at present.
    pub(super) fn contact(&self) -> Option<NodeId> {
        match self {
            Vote::Held(candidacy) => candidacy.contact.map(|(node, _)| node),
            Vote::Spent | Vote::Yielded { .. } => None,
        }
    }

    pub(super) fn deadline(&self) -> Time {
        match self {
            Vote::Held(candidacy) => candidacy.contact.map_or(Time::MAX, |(_, until)| until),
            Vote::Spent | Vote::Yielded { .. } => Time::MAX,
        }
    }
}

impl Candidacy {
    pub(super) fn rebase(&mut self, shift: Shift) {
        if let Some((_, until)) = &mut self.contact {
            shift.ahead(until);
        }
    }

    /// `node` needs no further contact, or none for now.
    fn done_with(&mut self, node: NodeId) {
        if self.contact.is_some_and(|(contact, _)| contact == node) {
            self.contact = None;
        }
    }
}

impl Coordinator {
    /// Wins if it holds enough votes; contacts the next node if none is contacted.
    pub(super) fn campaign(&mut self, now: Time) {
        if !matches!(self.role, Role::Electing(_)) {
            return;
        }
        // One that asks to be a member hands its vote over; it gets none. Nor does one that has forgotten
        // the newest table that it knows of (R14), nor one that is about to stop (M7).
        if !self.takes_part() || !self.strength.stays || !self.may_be_elected(self.disk.stamp()) {
            return;
        }
        let Vote::Held(candidacy) = &self.vote else {
            return;
        };
        if self.is_majority(&candidacy.tokens) {
            let (votes, rounds) = (candidacy.tokens.clone(), candidacy.rounds.0);
            self.win(now, votes, rounds);
        } else if candidacy.contact.is_none() {
            self.contact_next(now);
        }
    }

    /// These are probably dead: a candidate contacts all others before them.
    pub(super) fn contact_last(&mut self, absent: BTreeSet<NodeId>) {
        if let Vote::Held(candidacy) = &mut self.vote {
            candidacy.absent = absent;
        }
    }

    fn contact_next(&mut self, now: Time) {
        let voters = self.voters();
        let Vote::Held(candidacy) = &self.vote else {
            return;
        };
        let open =
            |node: &&NodeId| !candidacy.tokens.contains(node) && !candidacy.settled.contains(node);
        let next = voters.iter().filter(open).min_by_key(|node| {
            let dead = (
                candidacy.silent.contains(node),
                candidacy.absent.contains(node),
            );
            (dead, self.contact_order(**node))
        });
        if let Some(node) = next.copied() {
            self.contact(now, node);
        }
    }

    fn contact(&mut self, now: Time, node: NodeId) {
        assert_ne!(node, self.fixed.me.id);
        let until = now + self.fixed.settings.election_pace() / 4;
        let Vote::Held(candidacy) = &mut self.vote else {
            return;
        };
        // When only silent ones are left, each gets its turn again.
        if candidacy.silent.remove(&node) {
            candidacy.silent.clear();
        }
        candidacy.contact = Some((node, until));
        candidacy.rounds.0 += 1;
        self.challenge(node);
    }

    fn challenge(&mut self, node: NodeId) {
        let unanswered = match &self.vote {
            Vote::Held(candidacy) => candidacy.unanswered.contains(&node),
            Vote::Spent | Vote::Yielded { .. } => false,
        };
        let table = self
            .accepted()
            .filter(|table| unanswered && table.born && table.members.contains_key(&node));
        let message = Message::Challenge {
            term: self.term(),
            strength: self.strength,
            table: table.cloned(),
        };
        self.send(node, message);
    }

    /// The contacted node did not answer in time.
    pub(super) fn contact_timeout(&mut self, now: Time) {
        let Vote::Held(candidacy) = &mut self.vote else {
            return;
        };
        if let Some((node, until)) = candidacy.contact
            && now >= until
        {
            candidacy.silent.insert(node);
            candidacy.unanswered.insert(node);
            candidacy.contact = None;
            self.campaign(now);
        }
    }

    /// A candidate says how strong it is.
    pub(super) fn challenged(&mut self, now: Time, from: NodeId, term: Term, theirs: Strength) {
        if term < self.term() {
            let term = self.term();
            self.send(from, Message::HigherTerm { term });
            return;
        }
        if term > self.term() {
            self.enter(now, term);
        }
        let stronger = if self.fixed.settings.rules.broken(Rule::WeakestWins) {
            theirs < self.strength
        } else {
            theirs > self.strength
        };
        match &self.role {
            Role::Electing(_) => {}
            Role::Following(following) => {
                let to = following.master;
                // From the master itself it is a late one: it has won since.
                if to != from {
                    self.send(from, Message::Redirect { term, to });
                }
                return;
            }
            Role::Reigning(reign) => {
                if stronger && self.fixed.settings.rules.broken(Rule::MasterYields) {
                    let tokens = reign.votes().clone();
                    self.give_up_to(now, from, tokens);
                } else {
                    self.beat_for(now, from);
                }
                return;
            }
        }
        if !self.may_be_elected(theirs.accepted) {
            // R14: it lacks a table that this node knows of, and may have forgotten.
            let tokens = BTreeSet::new();
            return self.send(from, Message::Yield { term, tokens });
        }
        match &self.vote {
            Vote::Spent => {
                let tokens = BTreeSet::new();
                self.send(from, Message::Yield { term, tokens });
            }
            Vote::Yielded { to, tokens } => {
                let (to, tokens) = (*to, tokens.clone());
                if to == from || self.fixed.settings.rules.broken(Rule::VoteTwice) {
                    self.send(from, Message::Yield { term, tokens });
                } else {
                    self.send(from, Message::Redirect { term, to });
                }
            }
            Vote::Held(candidacy) => {
                if stronger {
                    let tokens = candidacy.tokens.clone();
                    self.give_up_to(now, from, tokens);
                } else if candidacy.contact.is_none() {
                    self.contact(now, from);
                } else if self.vote.contact() != Some(from) {
                    self.challenge(from);
                }
            }
        }
    }

    /// Elects `winner`, and stops taking part (requirement A2).
    fn give_up_to(&mut self, now: Time, winner: NodeId, tokens: BTreeSet<NodeId>) {
        let term = self.term();
        if matches!(self.role, Role::Reigning(_)) {
            assert!(self.fixed.settings.rules.broken(Rule::MasterYields));
            self.stop_reigning(now);
        }
        self.vote = Vote::Yielded {
            to: winner,
            tokens: tokens.clone(),
        };
        self.note(Note::Yielded { term, to: winner });
        self.send(winner, Message::Yield { term, tokens });
    }

    /// Another node hands over its votes.
    pub(super) fn take_votes(
        &mut self,
        now: Time,
        from: NodeId,
        term: Term,
        tokens: BTreeSet<NodeId>,
    ) {
        let stale = term < self.term() && !self.fixed.settings.rules.broken(Rule::StaleVoteCounted);
        if stale || term > self.term() {
            return;
        }
        match &mut self.vote {
            Vote::Spent => {}
            Vote::Held(candidacy) => {
                candidacy.tokens.extend(tokens);
                candidacy.settled.insert(from);
                candidacy.done_with(from);
                self.campaign(now);
            }
            // They come late, and belong to the one that this node was beaten by.
            Vote::Yielded { to, tokens: given } => {
                let to = *to;
                given.extend(tokens.iter().copied());
                if to != from {
                    self.send(to, Message::Yield { term, tokens });
                }
            }
        }
    }

    /// A beaten node, or a follower, says who has its vote.
    pub(super) fn redirected(&mut self, now: Time, from: NodeId, term: Term, to: NodeId) {
        if term != self.term() || !matches!(self.role, Role::Electing(_)) {
            return;
        }
        let Vote::Held(candidacy) = &mut self.vote else {
            return;
        };
        candidacy.settled.insert(from);
        candidacy.done_with(from);
        let known = candidacy.tokens.contains(&to)
            || candidacy.settled.contains(&to)
            || candidacy.silent.contains(&to);
        if candidacy.contact.is_none() && !known && to != self.fixed.me.id {
            self.contact(now, to);
        } else {
            self.campaign(now);
        }
    }
}
