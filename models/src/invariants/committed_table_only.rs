//! **committed-table-only**: nobody acts on a table that is not committed.
//!
//! Source: rule M2.
//!
//! An owner's epoch must be one that a committed table gave to it; and what a coordinator gives out
//! as committed must be on the disks of a majority.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use kensho_protocol::ids::{Epoch, NodeId, PartitionId};
use kensho_protocol::table::{Stamp, Table};

use super::Violation;
use super::table_chain::Chain;

/// `node` acts as owner of `epoch`.
pub fn check_owner(
    chain: &Chain,
    (partition, node): (PartitionId, NodeId),
    epoch: Epoch,
    violations: &mut Vec<Violation>,
) {
    let configuration = chain.configuration(partition, epoch);
    if configuration.is_none_or(|configuration| configuration.owner != node) {
        violations.push(Violation::ActsUncommitted {
            partition,
            node,
            epoch,
        });
    }
}

/// Who has which table on disk, in worlds with coordinators.
#[derive(Clone, Debug, Default)]
pub struct Accepted {
    /// Who has ever had it.
    by: BTreeMap<Stamp, BTreeSet<NodeId>>,
    /// Who had it, and lost it when the disk went back in time (rule R14).
    forgotten: BTreeMap<Stamp, BTreeSet<NodeId>>,
}

impl Accepted {
    /// `node` has `table` on disk.
    pub fn accepted(&mut self, node: NodeId, table: &Table) {
        self.by.entry(table.stamp).or_default().insert(node);
        if let Some(forgotten) = self.forgotten.get_mut(&table.stamp) {
            forgotten.remove(&node);
        }
    }

    /// The disk of `node` went back in time: it has no table any more that is newer than `accepted`.
    pub fn put_back(&mut self, node: NodeId, accepted: Stamp) {
        let newer = (Bound::Excluded(accepted), Bound::Unbounded);
        for (stamp, by) in self.by.range(newer) {
            if by.contains(&node) {
                self.forgotten.entry(*stamp).or_default().insert(node);
            }
        }
    }

    /// Whether a majority of its own members has `table` on disk.
    #[must_use]
    pub fn is_committed(&self, table: &Table) -> bool {
        let forgotten = self.forgotten.get(&table.stamp);
        let has = |node: &NodeId| forgotten.is_none_or(|forgotten| !forgotten.contains(node));
        self.is_majority(table, has)
    }

    fn is_majority(&self, table: &Table, has: impl Fn(&NodeId) -> bool) -> bool {
        let by = self.by.get(&table.stamp);
        let members = by.into_iter().flatten();
        let votes = members.filter(|node| table.members.contains_key(node) && has(node));
        votes.count() >= table.quorum()
    }

    /// `node` gives `table` out as committed.
    pub fn check(&self, node: NodeId, table: &Arc<Table>, violations: &mut Vec<Violation>) {
        if !self.is_majority(table, |_| true) {
            violations.push(Violation::NotCommitted {
                node,
                stamp: table.stamp,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::table_service::{TableService, first_assignment};
    use kensho_protocol::rule::Rules;

    #[test]
    fn a_majority_of_disks_commits_a_table() {
        let service = TableService::new(3, 2, vec![first_assignment(&[0, 1])], Rules::sound());
        let mut accepted = Accepted::default();
        let mut violations = Vec::new();
        accepted.accepted(NodeId(0), service.table());
        accepted.accepted(NodeId(0), service.table());
        accepted.check(NodeId(0), service.table(), &mut violations);
        assert_eq!(violations.len(), 1);
        accepted.accepted(NodeId(2), service.table());
        accepted.check(NodeId(0), service.table(), &mut violations);
        assert_eq!(violations.len(), 1);
    }

    #[test]
    fn what_a_disk_has_forgotten_commits_nothing() {
        let service = TableService::new(3, 2, vec![first_assignment(&[0, 1])], Rules::sound());
        let table = service.table();
        let mut accepted = Accepted::default();
        accepted.accepted(NodeId(0), table);
        accepted.put_back(NodeId(0), Stamp::default());
        accepted.accepted(NodeId(1), table);
        assert!(!accepted.is_committed(table));
        accepted.put_back(NodeId(1), table.stamp);
        accepted.accepted(NodeId(0), table);
        assert!(accepted.is_committed(table));
    }

    #[test]
    fn an_owner_needs_a_committed_table_that_names_it() {
        let service = TableService::new(3, 2, vec![first_assignment(&[0, 1])], Rules::sound());
        let mut chain = Chain::default();
        let mut violations = Vec::new();
        chain.committed(service.table(), &mut violations);
        let owner = (PartitionId(0), NodeId(0));
        check_owner(&chain, owner, Epoch(1), &mut violations);
        assert_eq!(violations, []);
        check_owner(&chain, owner, Epoch(2), &mut violations);
        let backup = (PartitionId(0), NodeId(1));
        check_owner(&chain, backup, Epoch(1), &mut violations);
        assert_eq!(violations.len(), 2);
    }
}
