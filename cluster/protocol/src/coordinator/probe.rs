//! No disturbance (rule M1): a node that misses the master raises the term only after a majority
//! has answered that it missed the master too. One whose own link is broken can ask as long as it
//! likes; it deposes nobody.

use std::collections::BTreeSet;
use std::time::Duration;

use super::rebase::Shift;
use super::state::Role;
use super::{Coordinator, Message, Probing};
use crate::ids::{NodeId, Term};
use crate::rule::Rule;
use crate::time::Time;

/// A node that knows no master.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Electing {
    /// Before this the node gives an election, or the master, a chance, and does not say that it
    /// has missed the master.
    patient_until: Time,
    /// When to ask the others.
    ask_at: Time,
    /// Counts the questions.
    attempt: u32,
    /// The question that is open.
    probe: Option<Probe>,
}

/// A question to all: have you missed the master too?
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Probe {
    /// Those who have, the node itself included.
    missed: BTreeSet<NodeId>,
    /// The highest term that anybody mentioned.
    highest: Term,
    /// When to give up.
    until: Time,
}

impl Electing {
    /// Knows no master, but waits for one, or for the end of an election, for `patience`.
    pub(super) fn after(now: Time, patience: Duration) -> Self {
        Electing {
            patient_until: now + patience,
            ask_at: Time::MAX,
            attempt: 0,
            probe: None,
        }
    }

    pub(super) fn deadline(&self) -> Time {
        match &self.probe {
            Some(probe) => probe.until,
            None => self.ask_at,
        }
    }
}

pub(super) fn rebase(electing: &mut Electing, shift: Shift) {
    shift.ahead(&mut electing.patient_until);
    shift.ahead(&mut electing.ask_at);
    if let Some(probe) = &mut electing.probe {
        shift.ahead(&mut probe.until);
    }
}

impl Coordinator {
    /// Asks the others after `at_least` and a drawn time: mostly one node is first, and the others
    /// need not ask.
    pub(super) fn wait_before_probe(&mut self, now: Time, at_least: Duration) {
        let voters = self.voters();
        let takes_part = self.takes_part();
        let electable = self.stays() && self.may_be_elected(self.disk.stamp());
        let term = self.term();
        let Role::Electing(electing) = &mut self.role else {
            return;
        };
        electing.ask_at = if !takes_part {
            // It asks to be made a member, if that is wanted.
            if self.asks.is_empty() {
                Time::MAX
            } else {
                now + at_least
            }
        } else if voters.iter().all(|voter| *voter == self.fixed.me.id) {
            // Nobody else could be elected; what keeps this one from it takes its time.
            match electable {
                true => now,
                false => now + at_least.max(self.fixed.settings.election_pace()),
            }
        } else {
            let limit = self.fixed.settings.election_pace();
            // After a failed election or question nodes must get out of step; a first question only
            // needs one of them to be first.
            let limit = if at_least >= self.fixed.settings.election_pace() || electing.attempt > 0 {
                limit
            } else {
                limit / 2
            };
            let wait = self
                .fixed
                .draw
                .wait(limit, voters.len(), term, electing.attempt);
            now + at_least + wait
        };
    }

    /// A question was open for too long, or it is time for one.
    pub(super) fn probe_timeout(&mut self, now: Time) {
        let Role::Electing(electing) = &mut self.role else {
            return;
        };
        match &electing.probe {
            Some(probe) if now >= probe.until => {
                electing.probe = None;
                electing.attempt += 1;
                self.wait_before_probe(now, Duration::ZERO);
            }
            None if now >= electing.ask_at => self.ask_others(now),
            _ => {}
        }
    }

    /// Asks others: a member, whether they have missed the master; another node, to be made a member.
    fn ask_others(&mut self, now: Time) {
        // R14: one that has not heard enough yet has no vote.
        if self.hearing.is_some() {
            return self.wait_before_probe(now, self.fixed.settings.election_pace() / 2);
        }
        if self.takes_part() {
            self.ask_who_missed(now);
        } else {
            self.ask_to_join();
            self.wait_before_probe(now, self.fixed.settings.heartbeat);
        }
    }

    fn ask_who_missed(&mut self, now: Time) {
        let voters = self.voters();
        let term = self.term();
        let me = self.fixed.me.id;
        let until = now + self.fixed.settings.election_pace() / 2;
        let Role::Electing(electing) = &mut self.role else {
            return;
        };
        electing.probe = Some(Probe {
            missed: BTreeSet::from([me]),
            highest: term,
            until,
        });
        let probing = Probing {
            term,
            attempt: electing.attempt,
        };
        if self.fixed.settings.rules.broken(Rule::Disturb) {
            self.raise_term(now, term, &BTreeSet::new());
            return;
        }
        for other in voters {
            if other != me {
                self.send(other, Message::Missed(probing));
            }
        }
        self.raise_if_majority_missed(now);
    }

    /// Another node asks.
    pub(super) fn answer_probe(&mut self, now: Time, from: NodeId, probing: Probing) {
        let votes = self.may_vote();
        let next = now + self.fixed.settings.election_pace() / 2;
        let missed = match &mut self.role {
            Role::Electing(electing) => {
                let missed = votes && now >= electing.patient_until;
                if missed && electing.ask_at < Time::MAX {
                    // It is being taken care of.
                    electing.ask_at = electing.ask_at.max(next);
                }
                missed
            }
            Role::Following(_) | Role::Reigning(_) => false,
        };
        let answer = Message::MissedAnswer {
            probing,
            term: self.term(),
            missed,
            born: self.accepted().is_some_and(|table| table.born),
        };
        self.send(from, answer);
        self.tell_if_no_member(from);
    }

    /// `from` takes itself for a member: tells it if it is none (any more).
    pub(super) fn tell_if_no_member(&mut self, from: NodeId) {
        if let Some(table) = self.committed()
            && !table.members.contains_key(&from)
        {
            self.send(from, Message::Dismissed(table.clone()));
        }
    }

    /// Another node answers.
    pub(super) fn probe_answered(
        &mut self,
        now: Time,
        from: NodeId,
        probing: Probing,
        term: Term,
        missed: bool,
        born: bool,
    ) {
        if born && self.accepted().is_none() && !self.joiner {
            self.become_joiner();
        }
        let asked_in = self.term();
        let Role::Electing(electing) = &mut self.role else {
            return;
        };
        if probing.term != asked_in || probing.attempt != electing.attempt {
            return;
        }
        let Some(probe) = &mut electing.probe else {
            return;
        };
        probe.highest = probe.highest.max(term);
        if missed {
            probe.missed.insert(from);
        }
        self.raise_if_majority_missed(now);
    }

    fn raise_if_majority_missed(&mut self, now: Time) {
        let Role::Electing(electing) = &self.role else {
            return;
        };
        let Some(probe) = &electing.probe else {
            return;
        };
        if self.is_majority(&probe.missed) {
            let absent = self.voters().difference(&probe.missed).copied().collect();
            self.raise_term(now, probe.highest, &absent);
        }
    }

    /// Opens a new term above all that were heard of.
    pub(super) fn raise_term(&mut self, now: Time, highest: Term, absent: &BTreeSet<NodeId>) {
        let term = highest.max(self.term()).next();
        self.enter(now, term);
        self.contact_last(absent.clone());
        self.campaign(now);
        let contact = self.vote.contact();
        for other in self.voters() {
            // The one who is challenged learns of the term by that.
            if other != self.fixed.me.id && Some(other) != contact {
                let absent = absent.clone();
                self.send(other, Message::Begin { term, absent });
            }
        }
    }

    /// A majority has missed the master, and a tournament was opened.
    pub(super) fn begin(&mut self, now: Time, from: NodeId, term: Term, absent: BTreeSet<NodeId>) {
        if term < self.term() {
            let term = self.term();
            self.send(from, Message::HigherTerm { term });
            return;
        }
        if term > self.term() {
            self.enter(now, term);
        }
        // A challenge may have opened the term here before this came.
        self.contact_last(absent);
        self.campaign(now);
    }

    /// Forgets the question that is open, and asks none: this node has no vote.
    pub(super) fn ask_nobody(&mut self) {
        if let Role::Electing(electing) = &mut self.role {
            electing.probe = None;
            electing.ask_at = Time::MAX;
        }
    }
}
