//! **committed-table-only**: a node acts on a table only if a majority of its members has had it on
//! disk.
//!
//! Source: rule M2; a value is chosen when a majority has accepted it in one ballot (Lamport: "Paxos
//! made simple", 2.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use kensho_protocol::ids::NodeId;
use kensho_protocol::table::{Stamp, Table};

use super::{Invariant, Violation};

pub(super) fn check(
    committed: &BTreeMap<Stamp, Arc<Table>>,
    node: NodeId,
    table: &Arc<Table>,
) -> Option<Violation> {
    let what = || format!("{node:?} acts on {:?}, which no majority has", table.stamp);
    (committed.get(&table.stamp) != Some(table))
        .then(|| Violation::new(Invariant::CommittedTableOnly, what()))
}
