//! Suspicion by evidence (rule M8): at the address of a node that was there, nobody listens any more. That
//! starts sooner what silence starts in the end, and shortens no promise.
//!
//! The driver says so of a node whose connection broke, and where the next one was refused. A node that is
//! alive, but takes no more connections, accepts them and closes them, or lets them wait; so that is no
//! evidence. Nor is the word of one node alone: its way to the other may be what is broken. A follower is
//! counted as failed when the master and somebody else say so; a master is missed by each that says so, and
//! a new term needs a majority of those (rule M1, "no disturbance").

use std::collections::{BTreeMap, BTreeSet};

use super::reign::Reign;
use super::state::Role;
use super::{Coordinator, Message, Note};
use crate::ids::{NodeId, Term};
use crate::rule::{Rule, Rules};
use crate::time::Time;

/// Who says of whom that nobody listens there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Witnesses(BTreeMap<NodeId, BTreeSet<NodeId>>);

impl Witnesses {
    fn say(&mut self, of: NodeId, by: NodeId) {
        self.0.entry(of).or_default().insert(by);
    }

    /// `node` is heard: what was said of it was wrong, or is past.
    fn heard(&mut self, node: NodeId) {
        self.0.remove(&node);
    }

    /// Whether `me` and somebody else say so of `node`.
    fn agree(&self, node: NodeId, me: NodeId, rules: Rules) -> bool {
        let alone = rules.broken(Rule::SuspectAlone);
        let by = self.0.get(&node);
        by.is_some_and(|by| by.contains(&me) && (alone || by.len() > 1))
    }
}

impl Coordinator {
    /// This node was connected to `node`, and nobody listens there any more. It comes again as long as
    /// that is so.
    pub(super) fn nobody_listens(&mut self, now: Time, node: NodeId) {
        if node == self.fixed.me.id || !self.voters().contains(&node) {
            return;
        }
        self.gone.insert(node);
        let term = self.term();
        match self.role {
            Role::Electing(_) => {}
            Role::Following(following) if following.master == node => {
                self.miss_master(now, following);
            }
            Role::Following(following) => {
                self.send(following.master, Message::NobodyListens { term, node });
            }
            Role::Reigning(_) => self.told_that_nobody_listens(now, self.fixed.me.id, term, node),
        }
    }

    /// Somebody says that nobody listens at `node`.
    pub(super) fn told_that_nobody_listens(
        &mut self,
        now: Time,
        from: NodeId,
        term: Term,
        node: NodeId,
    ) {
        let (me, current) = (self.fixed.me.id, self.term());
        let rules = self.fixed.settings.rules;
        let Role::Reigning(reign) = &mut self.role else {
            return;
        };
        if term != current || node == me {
            return;
        }
        reign.witnesses.say(node, from);
        if reign.witnesses.agree(node, me, rules) && reign.fail(node) {
            // Nobody misses one that has said goodbye.
            if !reign.parting.nodes().contains(&node) {
                self.note(Note::FollowerMissed { node });
            }
            self.propose_next(now);
        }
    }

    /// `node` says something: it is there.
    pub(super) fn is_there(&mut self, node: NodeId) {
        self.gone.remove(&node);
        if let Role::Reigning(reign) = &mut self.role {
            reign.witnesses.heard(node);
        }
    }

    /// This node has just been elected, since a majority missed the former master. If it says itself that
    /// nobody listens there, they are two.
    pub(super) fn fail_former_master(&mut self) {
        let Some((node, _)) = self.suspect.filter(|(node, _)| self.gone.contains(node)) else {
            return;
        };
        if let Role::Reigning(reign) = &mut self.role
            && reign.fail(node)
        {
            self.note(Note::FollowerMissed { node });
        }
    }
}

impl Reign {
    /// Counts `node` as failed, until it is heard again; whether that is news.
    fn fail(&mut self, node: NodeId) -> bool {
        let follower = self.followers.get_mut(&node);
        follower.is_some_and(|follower| !std::mem::replace(&mut follower.failed, true))
    }
}
