//! What must hold in every state, one file each with its source. [`Witness`] is what they remember
//! of the history; it is part of the state, so it holds no more than they need.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kensho_protocol::ids::{Incarnation, NodeId, Term};
use kensho_protocol::replica::Held;
use kensho_protocol::table::{Change, Stamp, Table};

use super::sight::Sight;
use crate::world::table_service::FIRST_LIFE;

mod birth;
mod clean_promotion;
mod committed_table_only;
mod compare_and_set;
mod copies_kept;
mod one_master;
mod table_chain;
mod undisturbed;

/// The invariants of this model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// At most one master per term.
    OneMaster,
    /// Committed tables form one sequence.
    TableChain,
    /// Nobody acts on a table that is not committed.
    CommittedTableOnly,
    /// A configuration changes only as somebody entitled asked, knowing the one before.
    CompareAndSet,
    /// Only data that are known to be complete count.
    CleanPromotion,
    /// A term is raised only after a majority has missed the master.
    Undisturbed,
    /// The first table is accepted by all before it takes effect.
    Birth,
    /// No wanted copy is given up while nobody fails.
    CopiesKept,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Invariant; 8] = [
        Invariant::OneMaster,
        Invariant::TableChain,
        Invariant::CommittedTableOnly,
        Invariant::CompareAndSet,
        Invariant::CleanPromotion,
        Invariant::Undisturbed,
        Invariant::Birth,
        Invariant::CopiesKept,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Invariant::OneMaster => "one-master",
            Invariant::TableChain => "table-chain",
            Invariant::CommittedTableOnly => "committed-table-only",
            Invariant::CompareAndSet => "compare-and-set",
            Invariant::CleanPromotion => "clean-promotion",
            Invariant::Undisturbed => "undisturbed",
            Invariant::Birth => "birth",
            Invariant::CopiesKept => "copies-kept",
        }
    }
}

/// An invariant was broken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// What was seen.
    pub what: String,
}

impl Violation {
    fn new(invariant: Invariant, what: String) -> Self {
        Violation { invariant, what }
    }
}

/// What the invariants remember.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Witness {
    masters: BTreeMap<Term, NodeId>,
    /// Who has ever had a table on disk; a majority has committed it, whether it knows or not.
    holders: BTreeMap<Stamp, BTreeSet<NodeId>>,
    committed: BTreeMap<Stamp, Arc<Table>>,
    /// Who has ever had a first table on disk that was marked as unborn.
    knew_of_birth: BTreeSet<NodeId>,
    asked: BTreeSet<(NodeId, Change)>,
    /// What each master was told last about each node's data, unless it is the first life.
    reported: BTreeMap<(NodeId, NodeId), Incarnation>,
    /// Whether nobody fails, and nobody leaves.
    undisturbed: bool,
    /// Who has missed the master, or restarted.
    missed: BTreeSet<NodeId>,
    violation: Option<Violation>,
}

impl Witness {
    /// What was broken first.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// The table that was committed last.
    pub(crate) fn committed(&self) -> Option<&Arc<Table>> {
        self.committed.values().next_back()
    }

    fn report(&mut self, found: Option<Violation>) {
        if self.violation.is_none() {
            self.violation = found;
        }
    }

    /// `node` became master of `term`.
    pub(super) fn won(&mut self, term: Term, node: NodeId) {
        let found = one_master::check(&self.masters, term, node);
        self.masters.insert(term, node);
        self.report(found);
    }

    /// Nobody fails in this model, and nobody leaves.
    pub(super) fn nobody_fails(&mut self) {
        self.undisturbed = true;
    }

    /// The cluster was born before the model begins, with `table`.
    pub(super) fn was_born(&mut self, table: &Arc<Table>) {
        self.knew_of_birth = table.members.keys().copied().collect();
    }

    /// `node` has `table` on disk. True if that commits it.
    pub(super) fn has_on_disk(&mut self, node: NodeId, table: &Arc<Table>) -> bool {
        if !table.born {
            self.knew_of_birth.insert(node);
            return false;
        }
        if !table.members.contains_key(&node) {
            return false;
        }
        let holders = self.holders.entry(table.stamp).or_default();
        holders.insert(node);
        let majority = holders.len() >= table.quorum();
        if !majority || self.committed.get(&table.stamp) == Some(table) {
            return false;
        }
        let chain = table_chain::check(&self.committed, table);
        let steps = compare_and_set::check(&self.committed, table, &self.asked);
        let copies = match self.undisturbed {
            true => copies_kept::check(&self.committed, table, &self.asked),
            false => None,
        };
        let birth = birth::check(table, &self.knew_of_birth);
        let first = self.committed.is_empty();
        self.committed.insert(table.stamp, table.clone());
        self.report(chain);
        self.report(steps);
        self.report(copies);
        if first {
            self.report(birth);
        }
        true
    }

    /// `node` has accepted `table` and written it.
    pub(super) fn accepted(
        &mut self,
        node: NodeId,
        before: Option<&Table>,
        table: &Arc<Table>,
    ) -> Vec<Sight> {
        let mut sights = Vec::new();
        if self.masters.get(&table.stamp.term) == Some(&node)
            && let Some(before) = before
        {
            let found = clean_promotion::check(node, before, table, &self.reported);
            self.report(found);
        }
        let older = |before: &Table| {
            let pairs = before.partitions.iter().zip(&table.partitions);
            pairs
                .into_iter()
                .any(|(before, after)| before.epoch > after.epoch)
        };
        let back = |before: &Table| before.stamp.revision > table.stamp.revision;
        if before.is_some_and(|before| older(before) || back(before)) {
            sights.push(Sight::TableAbandoned);
        }
        let before = self.committed.values().next_back().cloned();
        if self.has_on_disk(node, table) {
            match before {
                None => sights.push(Sight::Born),
                Some(before) if before.stamp.revision == table.stamp.revision => {
                    sights.push(Sight::Recommitted);
                }
                Some(before) if before.members.len() < table.members.len() => {
                    sights.push(Sight::MemberAdded);
                }
                Some(before) if before.members.len() > table.members.len() => {
                    sights.push(Sight::MemberRemoved);
                }
                Some(before) => {
                    for (old, new) in before.partitions.iter().zip(&table.partitions) {
                        if old.owner != new.owner && old.in_sync == new.in_sync {
                            sights.push(Sight::HandedOver);
                        } else if old.owner != new.owner {
                            sights.push(Sight::FailedOver);
                        }
                        if old.owner == new.owner && old.in_sync.len() > new.in_sync.len() {
                            sights.push(Sight::CopyGivenUp);
                        }
                        if old.in_sync.len() < new.in_sync.len() {
                            sights.push(Sight::Grown);
                        }
                    }
                }
            }
        }
        sights
    }

    /// `node` lets its roles follow `table`.
    pub(super) fn announced(&mut self, node: NodeId, table: &Arc<Table>) {
        let found = committed_table_only::check(&self.committed, node, table);
        self.report(found);
    }

    /// `node` asks for a change.
    pub(super) fn asked(&mut self, node: NodeId, change: &Change) {
        self.asked.insert((node, change.clone()));
    }

    /// `node` tells `master` what it holds.
    pub(super) fn reported(&mut self, master: NodeId, node: NodeId, held: &[Held]) {
        for held in held {
            if held.incarnation > FIRST_LIFE {
                self.reported.insert((master, node), held.incarnation);
            }
        }
    }

    /// `node` has missed the master.
    pub(super) fn missed(&mut self, node: NodeId) {
        self.missed.insert(node);
    }

    /// `node` has lost its memory.
    pub(super) fn restarted(&mut self, node: NodeId) {
        self.missed.insert(node);
        self.reported.retain(|(master, _), _| *master != node);
    }

    /// A node is in `term`, told by others or on its own.
    pub(super) fn in_term(&mut self, term: Term, nodes: u32) {
        let found = undisturbed::check(&self.masters, term, &self.missed, nodes);
        self.report(found);
    }
}
