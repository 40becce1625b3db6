//! What is told of searched keys once each key has its verdict.
//!
//! To explain a searched key means to search it again and again. That comes last and has only a
//! share of the budget, so that explanations never cost another key its verdict: the violations
//! that ended first are explained in full, and those for which no time is left are only named.

use super::explain::explain_search;
use super::{ANOMALIES_MAX, Engine, Explain, KeyFinding, KeyOutcome, Task, searched};
use crate::budget::Deadline;
use crate::history::NEVER;
use crate::keys::Groups;
use crate::register::access::Access;
use crate::search::Found;
use std::time::Duration;

/// How long is asked, in all, which unknown operations of searched keys must have happened.
const MUST_HAVE_HAPPENED_TIME: Duration = Duration::from_millis(200);

impl Task<'_> {
    /// Explains the keys that the search refuted, and finds what must have happened on the others.
    /// The findings are in the order of the groups.
    pub(super) fn tell_of_searched(&self, groups: &Groups, findings: &mut [KeyFinding]) {
        if self.options.explain == Explain::VerdictOnly {
            return;
        }
        let mut refuted = Vec::new();
        let mut valid = Vec::new();
        for (at, finding) in findings.iter().enumerate() {
            match &finding.outcome {
                KeyOutcome::Refuted(refutation) => refuted.push((at, *refutation)),
                KeyOutcome::Valid(_) if finding.engines.search > 0 => valid.push(at),
                _ => {}
            }
        }
        if refuted.is_empty() && valid.is_empty() {
            return;
        }
        let places: Vec<&[u32]> = groups.iter().map(|(_, places)| places).collect();
        let mut engine = Engine::default();
        refuted.sort_by_key(|(_, refutation)| refutation.ret);
        let deadline = self
            .deadline
            .at_most(self.options.budget.time_for_explanations());
        for (at, refutation) in refuted.into_iter().take(ANOMALIES_MAX) {
            if deadline.passed() || engine.gather(self, places[at]).is_err() {
                break;
            }
            findings[at].outcome = KeyOutcome::Invalid(vec![explain_search(
                self.history,
                self.options,
                &engine.accesses,
                self.initial,
                deadline,
                refutation.stuck,
            )]);
        }
        let deadline = self.deadline.at_most(MUST_HAVE_HAPPENED_TIME);
        for at in valid {
            let KeyOutcome::Valid(order) = &findings[at].outcome else {
                continue;
            };
            if deadline.passed() || engine.gather(self, places[at]).is_err() {
                break;
            }
            let needed = self.needed(&engine.accesses, &order.order, deadline);
            findings[at].must_have_happened = needed;
        }
    }

    /// The places of those unknown accesses of a witness without which no order explains the rest.
    fn needed(&self, accesses: &[Access], witness: &[u32], deadline: Deadline) -> Vec<u32> {
        let mut used: Vec<u32> = witness.to_vec();
        used.sort_unstable();
        let bytes = self.options.budget.bytes;
        (0..accesses.len())
            .filter(|at| {
                let access = &accesses[*at];
                access.ret == NEVER && used.binary_search(&access.place).is_ok()
            })
            .take_while(|_| !deadline.passed())
            .filter(|at| {
                let mut without = accesses.to_vec();
                without.remove(*at);
                let found = searched::find(&without, self.initial, deadline, bytes);
                matches!(found, Found::Invalid { .. })
            })
            .map(|at| accesses[at].place)
            .collect()
    }
}
