//! **one-master**: at most one node is ever master of a term.
//!
//! Source: rule M1; the election safety of Raft (Ongaro, Ousterhout: "In search of an understandable
//! consensus algorithm", figure 3).

use std::collections::BTreeMap;

use kensho_protocol::ids::{NodeId, Term};

use super::{Invariant, Violation};

pub(super) fn check(
    masters: &BTreeMap<Term, NodeId>,
    term: Term,
    node: NodeId,
) -> Option<Violation> {
    let other = masters.get(&term)?;
    let what = format!("{other:?} and {node:?} are masters of {term:?}");
    (*other != node).then(|| Violation::new(Invariant::OneMaster, what))
}
