//! No quorum, no service (requirement A5, rule R13): a node stops serving when its last sign of a
//! master that is in contact with a majority is too old. Heartbeats carry the age of that contact,
//! so that the follower of a master that has lost the others stops too. Nothing relies on this for
//! safety.

use std::sync::Arc;

use super::Coordinator;
use super::Output;
use super::rebase::Shift;
use super::state::Role;
use crate::table::Table;
use crate::time::Time;

/// Whether the node may serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Service {
    /// What is known of a quorum is good until then.
    until: Time,
    /// What the replicas were told last.
    told: bool,
}

impl Service {
    /// There is a quorum, and this is known to last until `until`.
    pub(super) fn extend(&mut self, until: Time) {
        self.until = self.until.max(until);
    }

    pub(super) fn rebase(&mut self, shift: Shift) {
        shift.ahead(&mut self.until);
    }

    pub(super) fn told(&self) -> bool {
        self.told
    }

    pub(super) fn deadline(&self) -> Time {
        if self.told { self.until } else { Time::MAX }
    }
}

impl Coordinator {
    /// Tells the replicas when it changes whether they may serve. Before a table is committed there
    /// is nothing to serve, and one that is no member is part of no quorum.
    pub(super) fn update_service(&mut self, now: Time) {
        if let Role::Reigning(reign) = &self.role {
            let contact = reign.contact(&self.voters());
            self.service
                .extend(contact + self.fixed.settings.service_limit());
        }
        let me = self.fixed.me.id;
        let member = |table: &Arc<Table>| table.members.contains_key(&me);
        let may_serve = now < self.service.until && self.committed.as_ref().is_some_and(member);
        if may_serve != self.service.told {
            self.service.told = may_serve;
            self.disk.say(Output::Service(may_serve));
        }
    }
}
