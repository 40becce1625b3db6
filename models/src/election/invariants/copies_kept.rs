//! **copies-kept**: where nobody fails and nobody leaves, no step of the table leaves a partition with fewer copies
//! than there are to be, unless its owner asked for that: a copy is given up when the one in its place is in sync.
//!
//! Source: rule M9; the order of Kafka's reassignments (KIP-455), where a replica is removed after those that are
//! added are in sync.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kensho_protocol::ids::{NodeId, PartitionId};
use kensho_protocol::table::{Change, Stamp, Table, What};

use super::{Invariant, Violation};

pub(super) fn check(
    committed: &BTreeMap<Stamp, Arc<Table>>,
    table: &Arc<Table>,
    asked: &BTreeSet<(NodeId, Change)>,
) -> Option<Violation> {
    let before = committed.range(..table.stamp).next_back()?.1;
    let replicas = usize::from(table.identity.replicas);
    let pairs = before.partitions.iter().zip(&table.partitions);
    for (partition, (old, new)) in (0..).map(PartitionId).zip(pairs) {
        let shrinks = asked.iter().any(|(owner, change)| {
            let shrink = matches!(change.what, What::Shrink(_));
            *owner == old.owner && change.base == old.epoch && shrink
        });
        let wanted = replicas.min(old.in_sync.len());
        if new.in_sync.len() < wanted && !shrinks {
            let what = format!("{partition:?} went from {old:?} to {new:?}");
            return Some(Violation::new(Invariant::CopiesKept, what));
        }
    }
    None
}
