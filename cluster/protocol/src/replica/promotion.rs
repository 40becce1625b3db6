//! Becoming owner, and ceasing to be: what a committed table says of this replica.

use super::note::Note;
use super::owner::Owner;
use super::trust::Comparing;
use super::{Follower, Output, Replica, Role};
use crate::apply::Apply;
use crate::ids::Epoch;
use crate::request::Refusal;
use crate::rule::Rule;
use crate::table::{Assignment, Change, What};
use crate::time::Time;

/// The wish for another epoch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Renewal {
    epoch: Epoch,
    ask_at: Time,
}

impl Renewal {
    /// When the master is to be asked, again or for the first time.
    pub(super) fn ask_at(&self) -> Time {
        self.ask_at
    }
}

impl<A: Apply> Replica<A> {
    /// A committed table names the partition's owner and backups.
    pub(super) fn assign(&mut self, now: Time, assignment: Assignment, out: &mut Vec<Output>) {
        if assignment.epoch < self.assigned.epoch {
            return;
        }
        let epoch = assignment.epoch;
        self.learn_of(epoch, assignment.owner);
        let mine = assignment.owner == self.me && self.holds_recorded_data(&assignment);
        if epoch > self.assigned.epoch {
            self.doubt.of_another_epoch();
            self.ask_owner_at = Time(0);
        }
        self.assigned = assignment;
        let must_compare = mine && self.must_compare(out);
        let giving_back = self.gives_back(self.assigned.owner, epoch);
        let may_enter = self.may_enter(epoch);
        match &mut self.role {
            Role::Owner(owner) if owner.epoch() == epoch => {
                owner.set_catch_ups(&self.assigned.catch_ups, self.log.last(), now);
            }
            // Only from one epoch to the next: in between, another one may have been owner.
            Role::Owner(owner)
                if mine && owner.epoch().next() == epoch && self.promised < epoch =>
            {
                self.continue_into(epoch, now);
                self.end_or_go_on(now, out);
            }
            Role::Comparing(comparing) if must_compare && comparing.epoch() == epoch => {}
            _ if must_compare => {
                self.step_down(out);
                self.role = Role::Comparing(Comparing::in_epoch(epoch, now));
                self.ask_witnesses(now, out);
            }
            Role::Entering(current) if mine && *current == epoch => {}
            Role::Renewing(renewal) if mine && renewal.epoch == epoch => {}
            _ if mine => {
                self.step_down(out);
                self.begin_to_own(now, epoch, may_enter, out);
            }
            _ => self.step_down(out),
        }
        if let Some(giving_back) = giving_back {
            self.begin_to_give_back(giving_back);
        }
    }

    /// R8: enters `epoch`, or asks for the next one if it must not.
    fn begin_to_own(&mut self, now: Time, epoch: Epoch, may_enter: bool, out: &mut Vec<Output>) {
        if may_enter {
            self.role = Role::Entering(epoch);
            self.try_to_enter(now, epoch, out);
        } else {
            self.role = Role::Renewing(Renewal { epoch, ask_at: now });
            self.ask_for_renewal(now, out);
        }
    }

    /// R14: nothing is missing on the disk, so that the epoch can be owned that the table gives.
    pub(super) fn own_after_comparing(&mut self, now: Time, out: &mut Vec<Output>) {
        let epoch = self.assigned.epoch;
        self.forgotten = epoch;
        let may_enter = self.may_enter(epoch);
        self.step_down(out);
        self.begin_to_own(now, epoch, may_enter, out);
    }

    /// R5: whether the data are still those that the table counts on. In another life they may lack
    /// what was acknowledged, and even the promise: this replica may have owned the epoch before.
    pub(super) fn holds_recorded_data(&self, assignment: &Assignment) -> bool {
        let recorded = assignment.in_sync.get(&self.me);
        recorded == Some(&self.incarnation)
            || self.settings.rules.broken(Rule::RejoinWithoutCatchUp)
    }

    /// R8: an epoch is entered once, by a node that has promised nothing at or above it; after a
    /// restart that is not known of the epoch that was promised.
    fn may_enter(&self, epoch: Epoch) -> bool {
        let rules = self.settings.rules;
        epoch > self.promised.max(self.forgotten)
            || rules.broken(Rule::ReEnterEpoch) && epoch != self.restarted_in
            || rules.broken(Rule::ResumeAfterRestart) && epoch == self.restarted_in
    }

    /// Enters `epoch` as its owner, unless a promise to another owner is still in force (rule R10:
    /// the promise binds promotion too).
    pub(super) fn try_to_enter(&mut self, now: Time, epoch: Epoch, out: &mut Vec<Output>) {
        if !self.free_for(now, self.me) {
            return;
        }
        if self.settings.rules.broken(Rule::CutToCommitMark) {
            self.log.cut(self.data.commit);
            self.written.cut(self.data.commit);
        }
        self.promised = self.promised.max(epoch);
        // R6: the whole log is kept, and is the log of this epoch from now on.
        self.log_epoch = self.promised;
        let sync_target = self.log.end();
        let owner = Owner::new(self.me, &self.assigned, self.log.last(), sync_target, now);
        self.role = Role::Owner(Box::new(
            owner.with_open_requests(&self.log, self.data.applied),
        ));
        out.push(Output::Note(Note::SyncBegan {
            epoch,
            end: sync_target,
        }));
    }

    /// The owner goes on in the next epoch, with another in-sync set (rule R4).
    fn continue_into(&mut self, epoch: Epoch, now: Time) {
        self.promised = epoch;
        self.log_epoch = epoch;
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        owner.continue_into(self.me, &self.assigned, self.log.last(), now);
    }

    pub(super) fn ask_for_renewal(&mut self, now: Time, out: &mut Vec<Output>) {
        let Role::Renewing(renewal) = &mut self.role else {
            return;
        };
        if now < renewal.ask_at {
            return;
        }
        renewal.ask_at = now + self.settings.heartbeat;
        out.push(Output::Ask(Change {
            partition: self.partition,
            base: renewal.epoch,
            what: What::Renew,
        }));
    }

    /// Ceases to be owner, or to be about to become it. Who waits for an answer gets one.
    pub(super) fn step_down(&mut self, out: &mut Vec<Output>) {
        if matches!(self.role, Role::Follower(_)) {
            return;
        }
        let former = std::mem::replace(&mut self.role, Role::Follower(Follower::default()));
        if let Role::Owner(mut owner) = former {
            out.push(Output::Note(Note::SteppedDown {
                epoch: owner.epoch(),
            }));
            owner.waiting.abandon(Refusal::NotOwner, out);
            if let Some(ending) = &mut owner.ending {
                ending.abandon(Refusal::NotOwner, out);
            }
        }
    }
}
