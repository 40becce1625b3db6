//! Which tables are committed, as somebody knows who sees all disks: a table is committed when a
//! majority of its members has it on disk, whether any node knows it yet or not (rule M2).

use std::sync::Arc;

use kensho_protocol::ids::{NodeId, PartitionId, Term};
use kensho_protocol::table::{Stamp, Table};

use crate::invariants::committed_table_only::Accepted;
use crate::invariants::one_master::Masters;
use crate::invariants::{TableWrong, Violation};

/// See the [module](self).
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    masters: Masters,
    accepted: Accepted,
    last: Option<Arc<Table>>,
}

impl Tables {
    /// The newest committed table.
    #[must_use]
    pub(crate) fn last(&self) -> Option<&Arc<Table>> {
        self.last.as_ref()
    }

    /// Whether there is no cluster yet.
    #[must_use]
    pub(crate) fn is_unborn(&self) -> bool {
        self.last.is_none()
    }

    /// `node` became master of `term`.
    pub(crate) fn won(&mut self, node: NodeId, term: Term, violations: &mut Vec<Violation>) {
        self.masters.won(term, node, violations);
    }

    /// `node` gives `table` out as committed. True if it is newer than the last one: somebody had it, and
    /// forgot it when its disk went back in time, before others had it.
    pub(crate) fn given_out(
        &mut self,
        node: NodeId,
        table: &Arc<Table>,
        violations: &mut Vec<Violation>,
    ) -> bool {
        self.accepted.check(node, table, violations);
        self.is_next(table, violations)
    }

    /// The disk of `node` went back in time, to when it had accepted this table.
    pub(crate) fn put_back(&mut self, node: NodeId, accepted: Stamp) {
        self.accepted.put_back(node, accepted);
    }

    /// `node` has `table` on disk. True if that commits it, and it is newer than the last one.
    pub(crate) fn on_disk(
        &mut self,
        node: NodeId,
        table: &Arc<Table>,
        violations: &mut Vec<Violation>,
    ) -> bool {
        if !table.born {
            return false;
        }
        self.accepted.accepted(node, table);
        self.accepted.is_committed(table) && self.is_next(table, violations)
    }

    fn is_next(&mut self, table: &Arc<Table>, violations: &mut Vec<Violation>) -> bool {
        match &self.last {
            Some(last) if last.stamp == table.stamp => return false,
            // A late one of an earlier master, whose successor has built upon it already.
            Some(last) if last.stamp > table.stamp => {
                if let Some(wrong) = not_before(table, last) {
                    let stamp = table.stamp;
                    violations.push(Violation::TableOutOfLine { stamp, wrong });
                }
                return false;
            }
            _ => {}
        }
        self.last = Some(Arc::clone(table));
        true
    }
}

/// Why `table` cannot be one that `last` was built upon.
fn not_before(table: &Table, last: &Table) -> Option<TableWrong> {
    if table.stamp.revision > last.stamp.revision {
        return Some(TableWrong::RevisionWentBack);
    }
    let pairs = table.partitions.iter().zip(&last.partitions);
    for (partition, (before, now)) in (0..).map(PartitionId).zip(pairs) {
        let same = before.owner == now.owner && before.in_sync == now.in_sync;
        if before.epoch > now.epoch {
            return Some(TableWrong::EpochWentBack(partition));
        }
        if before.epoch == now.epoch && !same {
            return Some(TableWrong::SameEpochOtherConfiguration(partition));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::table_service::{TableService, first_assignment};
    use kensho_protocol::ids::Incarnation;
    use kensho_protocol::rule::Rules;
    use std::collections::BTreeSet;

    const P: PartitionId = PartitionId(0);

    fn service() -> TableService {
        TableService::new(3, 2, vec![first_assignment(&[0, 1])], Rules::sound())
    }

    #[test]
    fn a_majority_of_disks_commits_a_table_once() {
        let (mut tables, mut violations) = (Tables::default(), Vec::new());
        let first = service();
        let mut on_disk = |node| tables.on_disk(NodeId(node), first.table(), &mut violations);
        assert!(!on_disk(0));
        assert!(on_disk(2));
        assert!(!on_disk(1));
        assert_eq!(violations, []);
    }

    #[test]
    fn an_old_table_may_reach_a_majority_late_but_not_contradict_the_newest() {
        let old = service();
        let mut new = old.clone();
        let failover = new.fail_over(P, (NodeId(1), Incarnation(1)), &BTreeSet::new());
        assert_eq!(failover, Ok(()));
        let mut ahead = Table::clone(new.table());
        ahead.stamp = old.table().stamp;
        ahead.partitions[0].epoch = ahead.partitions[0].epoch.next();
        for (late, wrong) in [(old.table(), 0), (&Arc::new(ahead), 1)] {
            let (mut tables, mut violations) = (Tables::default(), Vec::new());
            tables.on_disk(NodeId(0), late, &mut violations);
            for node in 0..2 {
                tables.on_disk(NodeId(node), new.table(), &mut violations);
            }
            assert!(!tables.on_disk(NodeId(2), late, &mut violations));
            assert_eq!(violations.len(), wrong);
        }
    }
}
