//! Checks that need no search, compared with their definitions: what must hold of the operations of a
//! history, written down pair by pair.

use crate::random::{CASES, Planned, Subject, history, nothing_checked, planned};
use kensho_checker::generate::Random;
use kensho_checker::history::{Datum, History, Operation, Outcome};
use kensho_checker::judge::{Model, Settings, judge};
use kensho_checker::report::Verdict;
use kensho_checker::value::Value;

/// An operation with everything that is known of it.
#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) f: String,
    pub(crate) process: u32,
    pub(crate) argument: Value,
    pub(crate) result: Value,
    pub(crate) outcome: Outcome,
    pub(crate) inv: u32,
    pub(crate) ret: u32,
}

impl Op {
    pub(crate) fn is(&self, f: &str, outcome: Outcome) -> bool {
        self.f == f && self.outcome == outcome
    }

    pub(crate) fn sees(&self, value: &Value) -> bool {
        elements(&self.result).contains(value)
    }
}

pub(crate) fn ops(history: &History) -> Vec<Op> {
    let says_nothing = |o: &Operation| {
        let looks = [
            "read",
            "final-read",
            "generate",
            "watch",
            "final-watch",
            "poll",
        ];
        looks.contains(&history.name(o.f)) && o.result == Datum::NIL
    };
    let op = |o: &Operation| Op {
        f: history.name(o.f).to_owned(),
        process: o.process,
        argument: history.value(o.argument),
        result: history.value(o.result),
        outcome: match says_nothing(o) {
            true => Outcome::Unknown,
            false => o.outcome,
        },
        inv: o.invoke,
        ret: o.complete,
    };
    history.operations.iter().map(op).collect()
}

pub(crate) fn elements(value: &Value) -> Vec<Value> {
    value.elements().unwrap_or_default().to_vec()
}

/// A check with its definition, which says nothing where nothing was checked. An operation is planned
/// by how many came before.
pub(crate) struct Check {
    pub(crate) model: &'static Model,
    pub(crate) settings: Settings,
    pub(crate) plan: fn(&mut Random, usize) -> Planned,
    pub(crate) definition: fn(&[Op]) -> Option<bool>,
}

impl Check {
    pub(crate) fn new(
        model: &'static Model,
        settings: Settings,
        plan: fn(&mut Random, usize) -> Planned,
        definition: fn(&[Op]) -> Option<bool>,
    ) -> Check {
        Check {
            model,
            settings,
            plan,
            definition,
        }
    }

    /// Compares it with its definition on thousands of random histories.
    pub(crate) fn compare(&self) {
        let (mut valid, mut invalid) = (0, 0);
        for seed in 0..CASES {
            let mut random = Random::new(seed);
            let count = 2 + random.below(7);
            let planned = planned(&mut random, count, &self.plan);
            let history = history(&mut random, &planned);
            let report = judge(&history, self.model, &self.settings);
            let told = match report.verdict {
                Verdict::Valid(_) => Some(true),
                Verdict::Invalid(_) => Some(false),
                Verdict::Unknown(_) => None,
            };
            let ops = ops(&history);
            let expected = (self.definition)(&ops);
            if nothing_checked(&report) {
                assert_ne!(expected, Some(false), "seed {seed}: {report:#?}");
                continue;
            }
            assert_eq!(told, expected, "seed {seed}: {report:#?}\n{ops:#?}");
            valid += u64::from(told == Some(true));
            invalid += u64::from(told == Some(false));
        }
        let least = CASES / 50;
        assert!(
            valid > least && invalid > least,
            "{valid} valid, {invalid} invalid"
        );
    }

    /// The same, to be compared in other ways.
    pub(crate) fn subject(self) -> Subject {
        Subject {
            model: self.model,
            settings: self.settings,
            plan: Box::new(self.plan),
            expected: Box::new(move |history| (self.definition)(&ops(history))),
        }
    }
}
