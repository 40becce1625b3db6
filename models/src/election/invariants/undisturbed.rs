//! **undisturbed**: as long as no majority of nodes has missed the master or restarted, nobody
//! leaves the term of the last master.
//!
//! Source: rule M1, "no disturbance"; Raft's pre-vote (Ongaro's thesis, 9.6).

use std::collections::{BTreeMap, BTreeSet};

use kensho_protocol::ids::{NodeId, Term};

use super::{Invariant, Violation};

pub(super) fn check(
    masters: &BTreeMap<Term, NodeId>,
    term: Term,
    missed: &BTreeSet<NodeId>,
    nodes: u32,
) -> Option<Violation> {
    let (first, _) = masters.first_key_value()?;
    let majority = missed.len() > nodes as usize / 2;
    let what = format!("{term:?} was begun, though only {missed:?} missed the master");
    (term > *first && !majority).then(|| Violation::new(Invariant::Undisturbed, what))
}
