//! **table-chain**: committed tables form one sequence by stamp; in it no partition's epoch goes
//! back, and each epoch has one configuration.
//!
//! Source: rules M2 and M3; Vertical Paxos II (Lamport, Malkhi, Zhou 2009), where a configuration is
//! decided once for each ballot.

use std::collections::BTreeMap;
use std::sync::Arc;

use kensho_protocol::table::{Stamp, Table};

use super::{Invariant, Violation};

pub(super) fn check(
    committed: &BTreeMap<Stamp, Arc<Table>>,
    table: &Arc<Table>,
) -> Option<Violation> {
    let violation = |what: String| Some(Violation::new(Invariant::TableChain, what));
    let stamp = table.stamp;
    for (other_stamp, other) in committed {
        if *other_stamp == stamp {
            return violation(format!("two tables of {stamp:?}"));
        }
        for (number, (old, new)) in other.partitions.iter().zip(&table.partitions).enumerate() {
            if old.epoch == new.epoch && (old.owner != new.owner || old.in_sync != new.in_sync) {
                return violation(format!(
                    "p{number} has two configurations in {:?}: {old:?} and {new:?}",
                    old.epoch
                ));
            }
            let back = if other_stamp < &stamp {
                old.epoch > new.epoch
            } else {
                old.epoch < new.epoch
            };
            if back {
                return violation(format!(
                    "p{number} is in {:?} in {other_stamp:?} and in {:?} in {stamp:?}",
                    old.epoch, new.epoch
                ));
            }
        }
    }
    None
}
