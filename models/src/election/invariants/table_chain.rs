//! **table-chain**: committed tables form one sequence by stamp; in it neither the revision nor any
//! partition's epoch goes back, and each of them has one content: a master of a later term goes on
//! from the last table that was committed.
//!
//! Source: rules M2 and M3; Raft's leader completeness (Ongaro, Ousterhout, figure 3); Vertical Paxos II (Lamport, Malkhi, Zhou 2009), where a configuration is
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
        let ((old, before), (new, after)) = match *other_stamp < stamp {
            true => ((*other_stamp, other), (stamp, table)),
            false => ((stamp, table), (*other_stamp, other)),
        };
        if old.revision > new.revision {
            return violation(format!("{new:?} comes after {old:?}"));
        }
        let same = before.members == after.members && before.partitions == after.partitions;
        if old.revision == new.revision && !same {
            return violation(format!("{new:?} is not what {old:?} was"));
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
