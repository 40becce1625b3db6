//! Makes histories of any size, of registers or of [`transactions`], valid by construction or with
//! one planted violation: for benchmarks and tests.
//!
//! Clients take turns at random; each operation takes effect at one instant between its invocation
//! and its completion, on a register that really exists while the history is made.

mod registers;
mod transactions;

pub use transactions::{Isolation, Objects, Transactions, transactions};

use crate::history::{Builder, Datum, History, Kind, RawEvent, Symbol};
use crate::value::Value;
use registers::{Held, Made, play};
use std::io::{self, Write};

/// Which values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Each value once on its key.
    Unique,
    /// At random out of so many.
    Repeated(u32),
}

/// What the completion of a failed cas says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCasTells {
    /// The value that was there instead of the expected one.
    WhatItSaw,
    /// Only that it failed.
    Nothing,
}

/// What a history is like.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// How many operations.
    pub operations: usize,
    /// How many clients work at the same time.
    pub clients: usize,
    /// How many keys are in use at the same time.
    pub keys: usize,
    /// After how many operations a key is replaced by a new one; zero: never.
    pub operations_per_key: usize,
    /// How many operations out of a thousand have an unknown outcome.
    pub unknown_per_mille: u32,
    /// Which values are written.
    pub values: Values,
    /// What a failed cas says.
    pub failed_cas: FailedCasTells,
    /// How many stale reads are planted: reads of the value before the newest, long after it was
    /// replaced. Where values repeat, such a read may have another explanation.
    pub stale_reads: usize,
    /// What determines everything else.
    pub seed: u64,
}

impl Recipe {
    /// A thousand operations of ten clients on one key, all of which end.
    pub const SMALL: Recipe = Recipe {
        operations: 1000,
        clients: 10,
        keys: 1,
        operations_per_key: 0,
        unknown_per_mille: 0,
        values: Values::Unique,
        failed_cas: FailedCasTells::WhatItSaw,
        stale_reads: 0,
        seed: 1,
    };
}

impl Default for Recipe {
    fn default() -> Self {
        Recipe::SMALL
    }
}

/// A small random generator (SplitMix64), so that a seed means the same history for ever.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator with this seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end.max(1) as u64) as usize
    }
}

/// The history of a recipe.
pub fn history(recipe: &Recipe) -> History {
    let mut builder = Builder::default();
    builder.history.operations.reserve(recipe.operations);
    for name in ["read", "write", "cas"] {
        builder.history.intern_name(name);
    }
    let mut keys = Vec::new();
    play(recipe, |made| {
        let history = &mut builder.history;
        while keys.len() <= made.key {
            keys.push(history.intern_key(&Value::Text(format!("r{}", keys.len()))));
        }
        let event = RawEvent {
            index: None,
            time: made.time,
            process: Some(history.intern_process(made.process)),
            kind: made.kind,
            f: history.intern_name(made.f),
            key: keys[made.key],
            value: match made.value {
                Held::One(value) => number(value),
                Held::Two(from, to) => history.intern_pair(number(Some(from)), number(Some(to))),
            },
            answered: true,
            observed: made.observed.map(number),
            node: Symbol::NONE,
        };
        builder.push_raw(&event);
    });
    builder.finish()
}

fn number(value: Option<i64>) -> Datum {
    value.and_then(Datum::small).unwrap_or(Datum::NIL)
}

/// Writes the history of a recipe as JSON lines, however long it is.
pub fn write(recipe: &Recipe, output: &mut impl Write) -> io::Result<()> {
    let (mut index, mut result) = (0_u64, Ok(()));
    play(recipe, |made| {
        if result.is_ok() {
            result = write_event(index, made, output);
            index += 1;
        }
    });
    result
}

fn write_event(index: u64, made: &Made, output: &mut impl Write) -> io::Result<()> {
    let kind = match made.kind {
        Kind::Invoke => "invoke",
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info => "info",
    };
    write!(
        output,
        r#"{{"index":{index},"time":{},"process":{},"type":"{kind}","f":"{}","key":"r{}","value":"#,
        made.time, made.process, made.f, made.key
    )?;
    match made.value {
        Held::One(value) => write_number(value, output)?,
        Held::Two(from, to) => write!(output, "[{from},{to}]")?,
    }
    if let Some(observed) = made.observed {
        write!(output, r#","observed":"#)?;
        write_number(observed, output)?;
    }
    output.write_all(b"}\n")
}

fn write_number(value: Option<i64>, output: &mut impl Write) -> io::Result<()> {
    match value {
        Some(value) => write!(output, "{value}"),
        None => output.write_all(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::AnomalyName;
    use crate::register::{Options, check};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn histories_are_valid_by_construction(
            operations in 1..400_usize,
            clients in 1..20_usize,
            keys in 1..4_usize,
            unknown_per_mille in 0..200_u32,
            seed: u64,
        ) {
            let recipe =
                Recipe { operations, clients, keys, unknown_per_mille, seed, ..Recipe::default() };
            let history = history(&recipe);
            prop_assert_eq!(history.operations.len(), operations);
            prop_assert!(history.problems.is_empty());
            let report = check(&history, &Options::default());
            prop_assert!(report.is_valid(), "{:?}", report.verdict);
        }

        #[test]
        fn so_are_those_whose_values_repeat(
            operations in 1..100_usize,
            clients in 1..6_usize,
            unknown_per_mille in 0..50_u32,
            values in 1..6_u32,
            seed: u64,
        ) {
            let values = Values::Repeated(values);
            let recipe =
                Recipe { operations, clients, unknown_per_mille, values, seed, ..Recipe::default() };
            let report = check(&history(&recipe), &Options::default());
            prop_assert!(report.is_valid(), "{:?}", report.verdict);
        }
    }

    #[test]
    fn what_is_written_is_the_same_history() {
        let recipe = Recipe {
            keys: 3,
            unknown_per_mille: 50,
            ..Recipe::default()
        };
        let mut text = Vec::new();
        write(&recipe, &mut text).unwrap();
        let read = crate::formats::read(&text, crate::formats::Format::Jsonl).unwrap();
        let made = history(&recipe);
        let shown = |history: &History| -> Vec<String> {
            let views = 0..history.operations.len() as u32;
            let view = |place| {
                crate::report::OperationView::of(history, place, crate::report::Role::Proof)
            };
            views.map(|place| format!("{:?}", view(place))).collect()
        };
        assert_eq!(shown(&read), shown(&made));
    }

    #[test]
    fn one_stale_read_makes_a_history_invalid() {
        for seed in 0..50 {
            let recipe = Recipe {
                operations: 2000,
                clients: 3,
                stale_reads: 1,
                seed,
                ..Recipe::default()
            };
            let report = check(&history(&recipe), &Options::default());
            let names = [AnomalyName::StaleRead, AnomalyName::NewOldInversion];
            let first = report
                .anomalies()
                .first()
                .expect("a stale read was planted");
            assert!(names.contains(&first.name), "seed {seed}: {}", first.text);
            assert!(first.stale_ns.is_some(), "seed {seed}: {}", first.text);
        }
    }
}
