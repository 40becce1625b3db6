//! **birth**: the first table takes effect only when all members have had it on disk while it was
//! unborn. So a cluster cannot be made out of nodes of which some still belong to another one.
//!
//! Source: rule M5.

use std::collections::BTreeSet;

use kensho_protocol::ids::NodeId;
use kensho_protocol::table::Table;

use super::{Invariant, Violation};

pub(super) fn check(table: &Table, knew_of_birth: &BTreeSet<NodeId>) -> Option<Violation> {
    let missing = table
        .members
        .keys()
        .find(|node| !knew_of_birth.contains(node))?;
    let what = format!(
        "{missing:?} does not know of the birth of {:?}",
        table.stamp
    );
    Some(Violation::new(Invariant::Birth, what))
}
