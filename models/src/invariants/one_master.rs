//! **one-master**: at most one master per term.
//!
//! Source: rule M1; "Election Safety" in Ongaro, Ousterhout, "In Search of an Understandable
//! Consensus Algorithm" (2014).

use std::collections::BTreeMap;

use kensho_protocol::ids::{NodeId, Term};

use super::Violation;

/// Who won which term.
#[derive(Clone, Debug, Default)]
pub struct Masters {
    by_term: BTreeMap<Term, NodeId>,
}

impl Masters {
    /// `node` became master of `term`: once, and no other does.
    pub fn won(&mut self, term: Term, node: NodeId, violations: &mut Vec<Violation>) {
        if let Some(first) = self.by_term.insert(term, node) {
            violations.push(Violation::TwoMasters {
                term,
                masters: [first, node],
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_won_once() {
        let (mut masters, mut violations) = (Masters::default(), Vec::new());
        masters.won(Term(1), NodeId(1), &mut violations);
        masters.won(Term(2), NodeId(1), &mut violations);
        assert_eq!(violations, []);
        masters.won(Term(2), NodeId(1), &mut violations);
        masters.won(Term(1), NodeId(2), &mut violations);
        assert_eq!(violations.len(), 2);
    }
}
