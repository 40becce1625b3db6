//! **clean-promotion**: when a master moves a partition to a new epoch, it keeps nobody in the
//! in-sync set of whom it was told that the data are no longer those that were recorded there.
//!
//! If all of them restarted so, one may go on alone, but only when the master has heard all of them:
//! one that it did not hear may have more.
//!
//! A node may restart after the master was told; the replica itself then sees that it is not the one
//! that is meant. That is for the replication models.
//!
//! Source: rules M4 and R5; KIP-966 (Kafka), "eligible leader replicas".

use std::collections::BTreeMap;

use kensho_protocol::ids::{Incarnation, NodeId};
use kensho_protocol::table::Table;

use super::{Invariant, Violation};

pub(super) fn check(
    master: NodeId,
    before: &Table,
    table: &Table,
    reported: &BTreeMap<(NodeId, NodeId), Incarnation>,
) -> Option<Violation> {
    let pairs = before.partitions.iter().zip(&table.partitions);
    for (old, new) in pairs.filter(|(old, new)| old.in_sync != new.in_sync) {
        let survivor = new.in_sync.iter().find(|(node, incarnation)| {
            let recorded = old.in_sync.get(node);
            recorded.is_some_and(|recorded| recorded != *incarnation)
        });
        if survivor.is_some() {
            let unheard = |node: &&NodeId| !reported.contains_key(&(master, **node));
            if let Some(node) = old.in_sync.keys().find(unheard) {
                let what = format!("{node:?} was not asked before {new:?}");
                return Some(Violation::new(Invariant::CleanPromotion, what));
            }
        }
        if old.owner == new.owner {
            continue;
        }
        for (node, incarnation) in &new.in_sync {
            let told = reported.get(&(master, *node));
            let recorded_before = old.in_sync.get(node) == Some(incarnation);
            if recorded_before && told.is_some_and(|told| told != incarnation) {
                let what = format!("{node:?} is said to be {told:?}, and promoted in {new:?}");
                return Some(Violation::new(Invariant::CleanPromotion, what));
            }
        }
    }
    None
}
