//! What a node waits for before it takes its part again, for those who look after it.

use std::collections::BTreeSet;

use super::Coordinator;
use super::state::Role;
use crate::ids::NodeId;
use crate::table::Stamp;

/// What a member waits for. Each is over in a moment where a majority of members is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It started anew, and neither votes nor accepts a table before it has heard others (rule R14).
    ToHear {
        /// Who has not answered yet.
        silent: BTreeSet<NodeId>,
        /// How many of them have to.
        needed: usize,
        /// It waits for them however long that takes, since it distrusts disks.
        for_ever: bool,
    },
    /// It has heard of a newer table than its own, and takes no role before it has that (rule R14).
    ForTable {
        /// Which one.
        stamp: Stamp,
    },
    /// It is master, and its table takes effect once a majority has it on disk (rule M2); the first one, once all
    /// have (rule M5).
    ForAccepts {
        /// Which table.
        stamp: Stamp,
        /// Who has not accepted it yet.
        missing: BTreeSet<NodeId>,
        /// How many of them have to.
        needed: usize,
    },
}

impl Coordinator {
    /// What it waits for, if it is a member and waits.
    #[must_use]
    pub fn waits_for(&self) -> Option<Waiting> {
        let me = self.id();
        let mut voters = self.voters();
        let majority = voters.len() / 2 + 1;
        let all = voters.len();
        if !voters.remove(&me) {
            return None;
        }
        if let Some(heard) = self.heard_since_start() {
            let silent: BTreeSet<NodeId> = voters.difference(heard).copied().collect();
            let needed = (all - majority + 1).saturating_sub(all - 1 - silent.len());
            let for_ever = self.fixed.settings.distrust_disks;
            return Some(Waiting::ToHear {
                silent,
                needed,
                for_ever,
            });
        }
        if let Some(stamp) = self.lacking() {
            return Some(Waiting::ForTable { stamp });
        }
        let Role::Reigning(reign) = &self.role else {
            return None;
        };
        let table = self.accepted()?;
        let stamp = table.stamp;
        if stamp <= self.committed_stamp() {
            return None;
        }
        let holders = reign.holders(stamp);
        let missing: BTreeSet<NodeId> = voters.difference(&holders).copied().collect();
        let have = all - missing.len();
        let wanted = if table.born { majority } else { all };
        Some(Waiting::ForAccepts {
            stamp,
            missing,
            needed: wanted.saturating_sub(have),
        })
    }
}
