//! **compare-and-set**: from one committed table to the next, a partition's configuration changes by
//! one epoch at most, and only so: the owner of the present epoch asked for it, naming that epoch;
//! or the master took failed nodes out. An owner is always one of those that were in sync.
//!
//! Source: rules M3 and M4; KIP-497 (Kafka), where in-sync sets change by compare and set, and
//! KIP-966 on unclean elections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kensho_protocol::ids::{NodeId, PartitionId};
use kensho_protocol::table::{Assignment, Change, Stamp, Table, What};

use super::{Invariant, Violation};

pub(super) fn check(
    committed: &BTreeMap<Stamp, Arc<Table>>,
    table: &Arc<Table>,
    asked: &BTreeSet<(NodeId, Change)>,
) -> Option<Violation> {
    let before = committed.range(..table.stamp).next_back()?.1;
    let pairs = before.partitions.iter().zip(&table.partitions);
    for (partition, (old, new)) in (0..).map(PartitionId).zip(pairs) {
        let allowed = match new.epoch.0.checked_sub(old.epoch.0) {
            // Whether the configuration is the same, and no older one, is for table-chain to say.
            None | Some(0) => true,
            Some(1) => is_step(partition, old, new, asked),
            Some(_) => false,
        };
        if !allowed {
            let what = format!("{partition:?} went from {old:?} to {new:?}");
            return Some(Violation::new(Invariant::CompareAndSet, what));
        }
    }
    None
}

fn is_step(
    partition: PartitionId,
    old: &Assignment,
    new: &Assignment,
    asked: &BTreeSet<(NodeId, Change)>,
) -> bool {
    let owner_asked = |what: What| {
        let change = Change {
            partition,
            base: old.epoch,
            what,
        };
        asked.contains(&(old.owner, change))
    };
    let added: Vec<_> = new
        .in_sync
        .iter()
        .filter(|(node, incarnation)| old.in_sync.get(node) != Some(incarnation))
        .collect();
    let removed = new.in_sync.len() - added.len() < old.in_sync.len();
    match added[..] {
        [] if removed => old.in_sync.contains_key(&new.owner),
        [] if new.owner != old.owner => owner_asked(What::HandOver(new.owner)),
        [] => owner_asked(What::Renew),
        [(node, incarnation)] if !removed => {
            new.owner == old.owner && owner_asked(What::Grow(*node, *incarnation))
        }
        // All of them restarted uncleanly, and the furthest goes on alone (rule R5).
        [(node, _)] => new.in_sync.len() == 1 && old.in_sync.contains_key(node),
        _ => false,
    }
}
