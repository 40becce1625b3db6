//! What is told of searched keys once each key has its verdict.
//!
//! To explain a searched key means to search it again and again. That comes last, so that
//! explanations never cost another key its verdict, and takes a bounded number of steps: the
//! violations that ended first are explained in full, and those for which none are left are only
//! named.

use super::access::{Access, Effect};
use super::explain::explain_search;
use super::key::{Engine, KeyFinding, KeyOutcome};
use super::{ANOMALIES_MAX, Explain, Task, searched};
use crate::anomaly::AnomalyName;
use crate::budget::Effort;
use crate::history::NEVER;
use crate::keys::Groups;
use crate::report::Violation;
use crate::search::Found;

/// How many steps explanations may take: of all keys, and of one.
const EXPLANATION_STEPS: u64 = 1 << 23;
const KEY_STEPS: u64 = 1 << 21;

/// How many more it may take to count the violations, and to find which unknown operations must
/// have happened.
const COUNT_STEPS: u64 = 1 << 22;
const MUST_HAVE_HAPPENED_STEPS: u64 = 1 << 19;

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
        let budget = self.options.budget;
        let mut all = budget.for_explanation(EXPLANATION_STEPS);
        let mut counting = budget.for_explanation(COUNT_STEPS);
        for (number, (at, refutation)) in refuted.into_iter().enumerate() {
            if engine.gather(self, places[at]).is_err() {
                continue;
            }
            let counted = self.count(&engine.accesses, refutation.stuck, &mut counting);
            (findings[at].violations, findings[at].all_counted) = counted;
            if number >= ANOMALIES_MAX || number > 0 && all.is_spent() {
                continue;
            }
            let mut effort = budget.for_explanation(KEY_STEPS);
            let anomaly = explain_search(
                self.history,
                &engine.accesses,
                self.initial,
                &mut effort,
                refutation.stuck,
            );
            all.spend(KEY_STEPS - effort.steps_left());
            if let Some(first) = findings[at].violations.first_mut() {
                first.name = anomaly.name;
            }
            findings[at].outcome = KeyOutcome::Invalid(Box::new(anomaly));
        }
        let mut effort = budget.for_explanation(MUST_HAVE_HAPPENED_STEPS);
        for at in valid {
            let KeyOutcome::Valid(order) = &findings[at].outcome else {
                continue;
            };
            if effort.is_spent() || engine.gather(self, places[at]).is_err() {
                break;
            }
            let needed = self.needed(&engine.accesses, &order.order, &mut effort);
            findings[at].must_have_happened = needed;
        }
    }

    /// All violations of a searched key, the first of which is that of `stuck`: what fits no order,
    /// given all that returned before it but earlier violations. Says also whether these are all.
    fn count(
        &self,
        accesses: &[Access],
        mut stuck: u32,
        effort: &mut Effort,
    ) -> (Vec<Violation>, bool) {
        // Those that are left, and their places in the slice.
        let mut left: Vec<Access> = accesses.to_vec();
        let mut violations = Vec::new();
        loop {
            let access = left[stuck as usize];
            let name = match access.effect {
                Effect::Read(_) | Effect::NotValue(_) => AnomalyName::StaleRead,
                Effect::Cas(..) => AnomalyName::LostUpdate,
                Effect::Write(_) => AnomalyName::NotLinearizable,
            };
            let place = access.place;
            violations.push(Violation { name, place });
            match access.effect {
                Effect::Read(_) | Effect::NotValue(_) => {
                    left.remove(stuck as usize);
                }
                _ => left[stuck as usize].ret = NEVER,
            }
            if effort.is_spent() {
                return (violations, false);
            }
            match searched::find(&left, self.initial, effort) {
                Found::Invalid { stuck: next } => stuck = next,
                Found::Valid(_) => return (violations, true),
                Found::OutOfBudget { .. } => return (violations, false),
            }
        }
    }

    /// The places of those unknown accesses of a witness without which no order explains the rest.
    fn needed(&self, accesses: &[Access], witness: &[u32], effort: &mut Effort) -> Vec<u32> {
        let mut used: Vec<u32> = witness.to_vec();
        used.sort_unstable();
        (0..accesses.len())
            .filter(|at| {
                let access = &accesses[*at];
                access.ret == NEVER && used.binary_search(&access.place).is_ok()
            })
            .filter(|at| {
                if effort.is_spent() {
                    return false;
                }
                effort.spend(accesses.len() as u64 / 16);
                let mut without = accesses.to_vec();
                without.remove(*at);
                let found = searched::find(&without, self.initial, effort);
                matches!(found, Found::Invalid { .. })
            })
            .map(|at| accesses[at].place)
            .collect()
    }
}
