//! Makes a failing run small: of its faults and operations, those that matter.
//!
//! Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE
//! TSE 2002): leave out ever smaller parts, and keep what still violates the same invariant. What
//! comes after the violation falls away by itself, since a run ends there.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::choice::Kept;
use crate::invariants::Invariant;
use crate::run::{Given, Run};
use crate::world::trace::Trace;

/// A failing run made small.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// What it violates.
    pub invariant: Invariant,
    /// What happened in the run as the seed draws it.
    pub before: Kept,
    /// What is left of it.
    pub kept: Kept,
    /// How many runs it took.
    pub runs: u64,
}

/// Looks for the few faults and operations of a run that violate the same invariant; none if the run
/// violates nothing. `runs_max` bounds the search.
#[must_use]
pub fn shrink<R: Run>(seed: u64, given: &Given, runs_max: u64) -> Option<Shrunk> {
    let mut search = Search {
        try_out: |kept: Option<Kept>| attempt::<R>(seed, given, kept),
        invariant: Invariant::Assertion,
        runs: 1,
        runs_max,
    };
    let (invariant, before) = (search.try_out)(None)?;
    search.invariant = invariant;
    let mut kept = before.clone();
    loop {
        let size = kept.faults.len() + kept.operations.len();
        // Operations first: they are many, and most of them have nothing to do with it.
        search.reduce(&mut kept, |kept| &mut kept.operations);
        search.reduce(&mut kept, |kept| &mut kept.faults);
        if kept.faults.len() + kept.operations.len() == size || search.exhausted() {
            return Some(Shrunk {
                invariant,
                before,
                kept,
                runs: search.runs,
            });
        }
    }
}

/// Runs a world; what it violates, if it does, and what happened until then.
fn attempt<R: Run>(seed: u64, given: &Given, kept: Option<Kept>) -> Option<(Invariant, Kept)> {
    let given = Given {
        only: kept.clone().map(Arc::new),
        ..given.clone()
    };
    // An assertion of the protocol is a violation, too; it leaves nobody to say what had happened.
    let run = catch_unwind(AssertUnwindSafe(|| {
        let mut world = R::new(seed, &given, Trace::default());
        world.run();
        let violation = world.violation()?;
        Some((violation.invariant(), world.taken()))
    }));
    run.unwrap_or_else(|_| Some((Invariant::Assertion, kept.unwrap_or_default())))
}

struct Search<F> {
    try_out: F,
    invariant: Invariant,
    runs: u64,
    runs_max: u64,
}

impl<F: Fn(Option<Kept>) -> Option<(Invariant, Kept)>> Search<F> {
    fn exhausted(&self) -> bool {
        self.runs >= self.runs_max
    }

    /// Leaves out of one part of `kept` what does not matter.
    fn reduce<T: Ord + Clone>(
        &mut self,
        kept: &mut Kept,
        part: impl Fn(&mut Kept) -> &mut BTreeSet<T>,
    ) {
        let mut pieces = 1;
        loop {
            let all: Vec<T> = part(kept).iter().cloned().collect();
            if all.is_empty() || self.exhausted() {
                return;
            }
            let length = all.len().div_ceil(pieces);
            let smaller = all.chunks(length).find_map(|left_out| {
                let mut fewer = kept.clone();
                for item in left_out {
                    part(&mut fewer).remove(item);
                }
                self.still_violates(fewer)
            });
            match smaller {
                Some(smaller) => {
                    *kept = smaller;
                    pieces = pieces.saturating_sub(1).max(1);
                }
                None if length == 1 => return,
                None => pieces = (2 * pieces).min(all.len()),
            }
        }
    }

    /// What happened in the run with `kept` alone, if it violates the same.
    fn still_violates(&mut self, kept: Kept) -> Option<Kept> {
        if self.exhausted() {
            return None;
        }
        self.runs += 1;
        let (invariant, taken) = (self.try_out)(Some(kept))?;
        (invariant == self.invariant).then_some(taken)
    }
}

#[cfg(all(test, feature = "break-rules"))]
mod tests {
    use kensho_protocol::rule::{Rule, Rules};
    use kensho_protocol::settings::Mode;

    use super::*;
    use crate::cluster::Cluster;
    use crate::replay::{Place, Recipe};
    use crate::run::explore;
    use crate::world::World;

    /// Breaks a rule, shrinks the first run that shows it, and replays what is left from its file.
    fn shrinks<R: Run>(place: Place, rule: Rule, wanted: Invariant) {
        let given = Given {
            mode: Some(Mode::SemiSync),
            rules: Rules::sound().without(rule),
            ..Given::default()
        };
        let violates = |seed: &u64| {
            let violation = explore::<R>(*seed, &given).violation;
            violation.is_some_and(|violation| violation.invariant() == wanted)
        };
        let seed = (0..500).find(violates).expect("the rule matters");
        let shrunk = shrink::<R>(seed, &given, 5_000).expect("the run fails");
        assert_eq!(shrunk.invariant, wanted);
        let (before, kept) = (&shrunk.before, &shrunk.kept);
        // Changes of the members build upon each other, so that more of them are needed than of others.
        assert!(
            (1..=8).contains(&kept.faults.len()),
            "{kept:?} of {before:?}"
        );
        assert!(kept.operations.len() <= 8, "{kept:?} of {before:?}");
        let recipe = Recipe {
            only: Some(kept.clone()),
            ..Recipe::new(place, seed, &given)
        };
        let text = serde_json::to_string(&recipe).expect("it is JSON");
        let read = Recipe::parse(&text).expect("it was just written");
        let again = explore::<R>(read.seed, &read.given().expect("it was given before"));
        let violation = again.violation.map(|violation| violation.invariant());
        assert_eq!(violation, Some(wanted), "{rule}");
    }

    #[test]
    fn a_run_of_replicas_shrinks_to_a_handful_of_faults() {
        let invariant = Invariant::DurableAck;
        shrinks::<World>(Place::Replicas, Rule::CutToCommitMark, invariant);
    }

    #[test]
    fn a_run_of_a_cluster_shrinks_to_a_handful_of_faults() {
        let invariant = Invariant::CommittedTableOnly;
        shrinks::<Cluster>(Place::Cluster, Rule::SkipRecommit, invariant);
    }

    #[test]
    fn a_sound_run_has_nothing_to_shrink() {
        assert!(shrink::<World>(1, &Given::default(), 10).is_none());
    }
}
