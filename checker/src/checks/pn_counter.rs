//! Counters that all copies come to agree on: they may be behind, but not wrong.
//!
//! Operations: `add` an amount (for a `pn-counter` also a negative one), `increment` and `decrement`
//! (by one, or by the amount), `read`. Any read is a sum of some of the additions that began before
//! it ended. A *final* read counts each addition that had been acknowledged before it began, and
//! perhaps some whose outcome is unknown. These are Maelstrom's workloads `g-counter` and
//! `pn-counter`.

use super::{Findings, each_key, finals, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::{History, NEVER, Outcome};
use crate::judge::{Known, Model, Setting, Settings, Shape};
use crate::report::Report;
use std::collections::BTreeSet;

/// The model `g-counter`.
pub static G_COUNTER: Model = Model {
    name: "g-counter",
    help: "A counter that grows, and on which all copies come to agree: add, increment, read, final-read",
    operations: &[
        Known::change("add"),
        Known::change("increment"),
        Known::read("read"),
        Known::read("final-read"),
    ],
    settings: &[Setting::Init],
    guess: None,
    judge: |history, settings| judge(history, CounterKind::Growing, settings),
};

/// The model `pn-counter`.
pub static PN_COUNTER: Model = Model {
    name: "pn-counter",
    help: "The same, and it also shrinks: add (of negative amounts, too), increment, decrement, read, final-read",
    operations: &[
        Known::change("add"),
        Known::change("increment"),
        Known::change("decrement"),
        Known::read("read"),
        Known::read("final-read"),
    ],
    settings: &[Setting::Init],
    guess: Some(|evidence| {
        let is = evidence.has("final-read")
            && evidence.has_any(&["add", "increment", "decrement"])
            && evidence.returns("final-read", &[Shape::Number]);
        is.then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| judge(history, CounterKind::PositiveNegative, settings),
};

/// Which additions there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterKind {
    /// It only grows.
    Growing,
    /// It also shrinks.
    PositiveNegative,
}

impl CounterKind {
    /// The name of the model.
    pub fn name(self) -> &'static str {
        match self {
            CounterKind::Growing => "g-counter",
            CounterKind::PositiveNegative => "pn-counter",
        }
    }
}

/// Sums of unknown additions are listed one by one up to so many; beyond that, a final read is only
/// held against the least and the greatest of them.
const SUMS_MAX: usize = 1_000;

fn judge(history: &History, kind: CounterKind, settings: &Settings) -> Report {
    match &settings.initial {
        None => check(history, kind, 0),
        Some(initial) => match initial.as_int() {
            Some(initial) => check(history, kind, initial),
            None => {
                let reason = format!("--init {initial}: expected a whole number");
                Report::unknown(kind.name(), history, reason)
            }
        },
    }
}

/// Judges all reads, the final ones above all, each key on its own: counters that begin with this.
pub fn check(history: &History, kind: CounterKind, initial: i64) -> Report {
    each_key(history, |places| check_key(history, places, kind, initial))
}

struct Addition {
    amount: i64,
    invoke: u32,
    /// [`NEVER`] if it was not acknowledged.
    acknowledged: u32,
}

fn check_key(history: &History, places: &[u32], kind: CounterKind, initial: i64) -> Report {
    let mut findings = Findings::new(history);
    let additions = match additions(history, places, kind) {
        Ok(additions) => additions,
        Err(reason) => return findings.report(kind.name(), Some(reason)),
    };
    let mut acknowledged: Vec<&Addition> = additions
        .iter()
        .filter(|addition| addition.acknowledged != NEVER)
        .collect();
    acknowledged.sort_by_key(|addition| addition.acknowledged);
    let mut missing = None;
    let mut all = Vec::new();
    let mut reads = Vec::new();
    for (place, read, is_final) in finals::reads(history, places) {
        let result = history.value(read.result);
        let Some(value) = result.as_int() else {
            missing.get_or_insert_with(|| {
                format!(
                    "event {}: a read returned {result}; a whole number was expected",
                    history.index(read.complete),
                )
            });
            continue;
        };
        if is_final {
            all.push((place, read, value));
        }
        reads.push((place, read, value, is_final));
    }
    reads.sort_by_key(|(_, read, ..)| read.complete);
    // What any read may see grows; what a final one may see is often the same as for the last one.
    let (mut any, mut counted) = (Sums::of(initial), 0);
    let mut of_final: Option<((usize, usize), Sums)> = None;
    for (place, read, value, is_final) in &reads {
        let begun = additions.partition_point(|addition| addition.invoke < read.complete);
        for addition in &additions[counted..begun] {
            any.may_have(addition.amount);
        }
        counted = begun;
        let possible = if *is_final {
            let sure = acknowledged.partition_point(|one| one.acknowledged < read.invoke);
            let (_, sums) = match of_final.take().filter(|(at, _)| *at == (sure, begun)) {
                Some(same) => of_final.insert(same),
                None => {
                    let certain = acknowledged[..sure].iter().map(|one| one.amount);
                    let mut sums = Sums::of(certain.fold(initial, i64::saturating_add));
                    additions[..begun]
                        .iter()
                        .filter(|one| one.acknowledged > read.invoke)
                        .for_each(|one| sums.may_have(one.amount));
                    of_final.insert(((sure, begun), sums))
                }
            };
            &*sums
        } else {
            &any
        };
        if !possible.contains(*value) {
            let text = format!(
                "{}{} saw {value}, which cannot be: {}.",
                findings.operation(*place),
                if *is_final { ", a final one," } else { "" },
                possible.in_words(),
            );
            findings.add(AnomalyName::CounterOutOfBounds, text, &[*place]);
        }
    }
    let (proven, differ) = finals::disagreement(&all);
    if let Some((first, second)) = proven {
        let text = format!(
            "{} and, after it, {} are final, and did not see the same.",
            findings.operation(first),
            findings.operation(second),
        );
        findings.add(AnomalyName::NotConverged, text, &[first, second]);
    }
    findings.detail("reads", reads.len());
    findings.detail("final_reads", all.len());
    if all.is_empty() {
        missing.get_or_insert_with(|| finals::none_of(reads.len()));
    } else if differ {
        missing.get_or_insert_with(|| {
            "final reads that overlap saw different sums; each of them is possible".to_owned()
        });
    }
    findings.report(kind.name(), missing)
}

/// All that may have been added, in the order of invocation.
fn additions(
    history: &History,
    places: &[u32],
    kind: CounterKind,
) -> Result<Vec<Addition>, String> {
    let mut additions = Vec::new();
    for (name, sign) in [("add", 1), ("increment", 1), ("decrement", -1)] {
        for (_, add) in named_of(history, places, name) {
            if add.outcome == Outcome::Fail {
                continue;
            }
            let argument = history.value(add.argument);
            let amount = match argument.as_int() {
                Some(amount) => amount.checked_mul(sign),
                None if argument == crate::value::Value::Nil && name != "add" => Some(sign),
                None => None,
            };
            let Some(amount) = amount else {
                return Err(format!(
                    "event {}: {name} of {argument}; a whole number was expected",
                    history.index(add.invoke),
                ));
            };
            if amount < 0 && kind == CounterKind::Growing {
                return Err(format!(
                    "event {}: {name} of {argument} makes the counter smaller, and a g-counter only grows; use pn-counter",
                    history.index(add.invoke),
                ));
            }
            additions.push(Addition {
                amount,
                invoke: add.invoke,
                acknowledged: if succeeded(add) { add.complete } else { NEVER },
            });
        }
    }
    additions.sort_by_key(|addition| addition.invoke);
    Ok(additions)
}

/// The sums that a read may see.
struct Sums {
    /// What surely counts.
    sure: i64,
    least: i64,
    greatest: i64,
    /// Each of them, unless they are too many.
    listed: Option<BTreeSet<i64>>,
}

impl Sums {
    fn of(sure: i64) -> Sums {
        Sums {
            sure,
            least: sure,
            greatest: sure,
            listed: Some(BTreeSet::from([sure])),
        }
    }

    /// This amount may count as well.
    fn may_have(&mut self, amount: i64) {
        self.least = self.least.saturating_add(amount.min(0));
        self.greatest = self.greatest.saturating_add(amount.max(0));
        if let Some(listed) = &mut self.listed {
            let with: Vec<i64> = listed
                .iter()
                .map(|sum| sum.saturating_add(amount))
                .collect();
            listed.extend(with);
            if listed.len() > SUMS_MAX {
                self.listed = None;
            }
        }
    }

    fn contains(&self, value: i64) -> bool {
        match &self.listed {
            Some(listed) => listed.contains(&value),
            None => (self.least..=self.greatest).contains(&value),
        }
    }

    fn in_words(&self) -> String {
        let Sums {
            sure,
            least,
            greatest,
            ..
        } = self;
        if least == greatest {
            return format!("what was added makes {sure}");
        }
        format!(
            "what must count makes {sure}, and with some of what may count as well, sums from {least} to {greatest} are possible, but not this one"
        )
    }
}
