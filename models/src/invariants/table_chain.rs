//! **table-chain**: committed tables form one sequence; stamps, revisions and each partition's epoch
//! never go back, and each step is one that the rules allow.
//!
//! Source: rules M2-M4; Vertical Paxos II (Lamport, Malkhi, Zhou, 2009).

use std::cmp::Ordering;
use std::sync::Arc;

use kensho_protocol::ids::{Epoch, PartitionId};
use kensho_protocol::table::{Assignment, Table};

use super::{TableWrong, Violation};

/// The committed tables, as far as they are needed.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    last: Option<Arc<Table>>,
    /// By partition: every configuration that was ever committed.
    configurations: Vec<Vec<Assignment>>,
}

impl Chain {
    /// The committed table.
    #[must_use]
    pub fn last(&self) -> Option<&Arc<Table>> {
        self.last.as_ref()
    }

    /// What was last committed for `partition`.
    #[must_use]
    pub fn current(&self, partition: PartitionId) -> Option<&Assignment> {
        let table = self.last.as_ref()?;
        table.partitions.get(usize::from(partition.0))
    }

    /// What was committed for `partition` in `epoch`, with all catch-ups that it ever had.
    #[must_use]
    pub fn configuration(&self, partition: PartitionId, epoch: Epoch) -> Option<&Assignment> {
        let configurations = self.configurations.get(usize::from(partition.0))?;
        let index = configurations.binary_search_by_key(&epoch, |c| c.epoch);
        index.ok().map(|index| &configurations[index])
    }

    /// A table was committed. True if it is new.
    pub fn committed(&mut self, table: &Arc<Table>, violations: &mut Vec<Violation>) -> bool {
        let stamp = table.stamp;
        let mut wrong = |wrong| violations.push(Violation::TableOutOfLine { stamp, wrong });
        self.configurations
            .resize_with(table.partitions.len(), Vec::new);
        if let Some(last) = &self.last {
            if last.stamp == stamp {
                if last != table {
                    wrong(TableWrong::StampTwice);
                }
                return false;
            }
            if stamp < last.stamp {
                wrong(TableWrong::StampWentBack);
            }
            let same = last.members == table.members && last.partitions == table.partitions;
            match last.stamp.revision.cmp(&table.stamp.revision) {
                Ordering::Less => {}
                Ordering::Equal if same => {}
                Ordering::Equal => wrong(TableWrong::RevisionTwice),
                Ordering::Greater => wrong(TableWrong::RevisionWentBack),
            }
            for (number, (before, now)) in last.partitions.iter().zip(&table.partitions).enumerate()
            {
                let partition = PartitionId(u16::try_from(number).expect("few partitions"));
                if let Some(what) = step_wrong(before, now, partition) {
                    wrong(what);
                }
            }
        }
        for (known, now) in self.configurations.iter_mut().zip(&table.partitions) {
            match known.last_mut() {
                Some(last) if last.epoch >= now.epoch => {
                    last.catch_ups.extend(now.catch_ups.iter().copied());
                }
                _ => known.push(now.clone()),
            }
        }
        self.last = Some(Arc::clone(table));
        true
    }
}

/// What is wrong with a partition's step from one committed table to the next.
fn step_wrong(before: &Assignment, now: &Assignment, partition: PartitionId) -> Option<TableWrong> {
    let same = before.owner == now.owner && before.in_sync == now.in_sync;
    // R14: who left the in-sync set may have to take over if its owner's disk went back in time before it
    // had entered its epoch.
    let mut in_sync = now.in_sync.iter();
    let added = in_sync.any(|(node, life)| before.recorded(*node) != Some(*life));
    // R5: where nobody is left who certainly has everything, the furthest goes on alone, in another life, and
    // nobody is asked any more. (Whether that lost something is seen on the disks: durable-ack.)
    let begins_again = now.in_sync.len() == 1 && now.witnesses.is_empty();
    if now.epoch < before.epoch {
        Some(TableWrong::EpochWentBack(partition))
    } else if now.epoch == before.epoch && !same {
        Some(TableWrong::SameEpochOtherConfiguration(partition))
    } else if !now.in_sync.contains_key(&now.owner) {
        Some(TableWrong::OwnerNotInSync(partition))
    } else if now.owner != before.owner && before.recorded(now.owner).is_none() {
        Some(TableWrong::Unclean(partition))
    } else if now.owner != before.owner && added && !begins_again {
        Some(TableWrong::FailoverAdded(partition))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::table_service::{TableService, first_assignment};
    use kensho_protocol::ids::{Incarnation, NodeId};
    use kensho_protocol::rule::Rules;
    use std::collections::BTreeSet;

    const P: PartitionId = PartitionId(0);

    fn wrong(tables: &[&Arc<Table>]) -> Vec<Violation> {
        let mut chain = Chain::default();
        let mut violations = Vec::new();
        for table in tables {
            chain.committed(table, &mut violations);
        }
        violations
    }

    #[test]
    fn a_failover_to_a_member_is_in_line_and_the_way_back_is_not() {
        let first = TableService::new(3, 2, vec![first_assignment(&[0, 1])], Rules::sound());
        let mut second = first.clone();
        let to = (NodeId(1), Incarnation(1));
        let failover = second.fail_over(P, to, &BTreeSet::from([NodeId(0)]));
        assert_eq!(failover, Ok(()));
        assert_eq!(wrong(&[first.table(), second.table()]), []);
        // Stamp, revision and epoch.
        assert_eq!(wrong(&[second.table(), first.table()]).len(), 3);
    }

    /// In another life of its data a member goes on alone, or not at all.
    #[test]
    fn who_begins_again_does_so_alone() {
        let first = TableService::new(3, 2, vec![first_assignment(&[0, 1])], Rules::sound());
        let begins = |in_sync: &[(u32, u32)], witness: bool| {
            let mut table = Table::clone(first.table());
            table.stamp.revision = table.stamp.revision.next();
            let partition = &mut table.partitions[0];
            partition.epoch = Epoch(2);
            partition.owner = NodeId(in_sync[0].0);
            let nodes = in_sync.iter();
            partition.in_sync = nodes
                .map(|(n, life)| (NodeId(*n), Incarnation(*life)))
                .collect();
            if witness {
                let left = kensho_protocol::table::Witness {
                    life: Incarnation(1),
                    until: Epoch(1),
                };
                partition.witnesses.insert(NodeId(0), left);
            }
            wrong(&[first.table(), &Arc::new(table)]).len()
        };
        assert_eq!(begins(&[(1, 9)], false), 0);
        assert_eq!(begins(&[(1, 9)], true), 1, "somebody could still be asked");
        assert_eq!(begins(&[(1, 9), (0, 1)], false), 1, "it has company");
        assert_eq!(begins(&[(2, 9)], false), 1, "it was never in sync");
    }

    #[test]
    fn an_owner_from_outside_is_out_of_line() {
        let first = TableService::new(3, 2, vec![first_assignment(&[0, 1])], Rules::sound());
        let mut table = Table::clone(first.table());
        table.stamp.revision = table.stamp.revision.next();
        table.partitions[0] = first_assignment(&[2]);
        table.partitions[0].epoch = Epoch(2);
        let violations = wrong(&[first.table(), &Arc::new(table)]);
        assert_eq!(violations.len(), 1);
    }
}
