//! Makes histories of any size, of registers or of [`transactions`], valid by construction or with
//! one planted violation: for benchmarks and tests.
//!
//! Clients take turns at random; each operation takes effect at one instant between its invocation
//! and its completion, on a register that really exists while the history is made.

mod transactions;

pub use transactions::{Isolation, Objects, Transactions, transactions};

use crate::history::{Builder, Datum, History, Kind, RawEvent, Symbol};
use crate::value::Value;

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

impl Default for Recipe {
    fn default() -> Self {
        Recipe {
            operations: 1000,
            clients: 10,
            keys: 1,
            operations_per_key: 0,
            unknown_per_mille: 0,
            values: Values::Unique,
            failed_cas: FailedCasTells::WhatItSaw,
            stale_reads: 0,
            seed: 1,
        }
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

#[derive(Clone, Copy)]
enum Doing {
    Read,
    Write(i64),
    Cas(i64, i64),
}

#[derive(Clone, Copy)]
struct Open {
    key: usize,
    doing: Doing,
    /// The event of its invocation.
    begun: usize,
    /// What came out, once it has taken effect.
    done: Option<Result<Option<i64>, Option<i64>>>,
    unknown: bool,
}

/// What becomes of one key.
struct Register {
    name: u32,
    value: Option<i64>,
    before: Option<i64>,
    /// The event at which a read had seen the newest value.
    seen_at: Option<usize>,
    begun: usize,
    next: i64,
}

impl Register {
    fn set(&mut self, value: i64) {
        self.before = self.value;
        self.value = Some(value);
        self.seen_at = None;
    }
}

/// The history of a recipe.
pub fn history(recipe: &Recipe) -> History {
    let mut random = Random::new(recipe.seed);
    let mut builder = Builder::default();
    builder.history.operations.reserve(recipe.operations);
    let names = [
        builder.history.intern_name("read"),
        builder.history.intern_name("write"),
        builder.history.intern_name("cas"),
    ];
    let mut key_count = 0;
    let mut new_key = |builder: &mut Builder| {
        let name = builder
            .history
            .intern_key(&Value::Text(format!("r{key_count}")));
        key_count += 1;
        Register {
            name,
            value: None,
            before: None,
            seen_at: None,
            begun: 0,
            next: 1,
        }
    };
    let mut registers: Vec<Register> = (0..recipe.keys.max(1))
        .map(|_| new_key(&mut builder))
        .collect();
    let mut clients: Vec<Option<Open>> = vec![None; recipe.clients.max(1)];
    let mut processes: Vec<u64> = (0..clients.len() as u64).collect();
    let mut users = vec![0_usize; registers.len()];
    let stale_every = recipe.operations / (recipe.stale_reads + 1).max(2);
    let (mut begun, mut time, mut planted, mut event) = (0, 0, 0, 0);
    let mut open_count = 0;
    while begun < recipe.operations || open_count > 0 {
        let client = random.below(clients.len());
        time += 1_000 + random.bits() % 100_000;
        let Some(mut open) = clients[client] else {
            if begun == recipe.operations {
                continue;
            }
            let key = random.below(registers.len());
            let full =
                recipe.operations_per_key > 0 && registers[key].begun >= recipe.operations_per_key;
            if full && users[key] > 0 {
                continue;
            }
            if full {
                registers[key] = new_key(&mut builder);
            }
            let register = &mut registers[key];
            register.begun += 1;
            let value = match recipe.values {
                Values::Unique => {
                    register.next += 1;
                    register.next
                }
                Values::Repeated(count) => random.below(count as usize) as i64 + 1,
            };
            let doing = match random.below(10) {
                0..5 => Doing::Read,
                5..8 => Doing::Write(value),
                _ => match (register.value, recipe.values) {
                    (None, _) => Doing::Write(value),
                    (Some(seen), Values::Unique) => Doing::Cas(seen, value),
                    (_, Values::Repeated(count)) => {
                        Doing::Cas(random.below(count as usize) as i64 + 1, value)
                    }
                },
            };
            let unknown = random.below(1000) < recipe.unknown_per_mille as usize;
            clients[client] = Some(Open {
                key,
                doing,
                begun: event,
                done: None,
                unknown,
            });
            users[key] += 1;
            begun += 1;
            open_count += 1;
            let (f, argument) = match doing {
                Doing::Read => (names[0], Datum::NIL),
                Doing::Write(value) => (names[1], number(Some(value))),
                Doing::Cas(from, to) => (names[2], pair(&mut builder, from, to)),
            };
            push(
                &mut builder,
                register.name,
                time,
                processes[client],
                Kind::Invoke,
                f,
                argument,
                None,
            );
            event += 1;
            continue;
        };
        let register = &mut registers[open.key];
        // An unknown operation takes effect, or not, before its client gives up: or never.
        let Some(result) = open.done else {
            let happens = !open.unknown || random.below(2) == 0;
            open.done = Some(match open.doing {
                Doing::Read => Ok(register.value),
                Doing::Write(value) => {
                    if happens {
                        register.set(value);
                    }
                    Ok(Some(value))
                }
                Doing::Cas(from, to) if register.value == Some(from) => {
                    if happens {
                        register.set(to);
                    }
                    Ok(Some(to))
                }
                Doing::Cas(..) => Err(register.value),
            });
            clients[client] = Some(open);
            continue;
        };
        clients[client] = None;
        users[open.key] -= 1;
        open_count -= 1;
        let process = processes[client];
        if open.unknown {
            processes[client] += clients.len() as u64;
            let f = match open.doing {
                Doing::Read => names[0],
                Doing::Write(_) => names[1],
                Doing::Cas(..) => names[2],
            };
            push(
                &mut builder,
                register.name,
                time,
                process,
                Kind::Info,
                f,
                Datum::NIL,
                None,
            );
            event += 1;
            continue;
        }
        let (kind, f, value, observed) = match (open.doing, result) {
            (Doing::Read, result) => {
                let seen = result.unwrap_or_default();
                let due = planted < recipe.stale_reads
                    && begun >= stale_every * (planted + 1)
                    && register.before.is_some()
                    && seen == register.value;
                if due && register.seen_at.is_some_and(|seen| seen < open.begun) {
                    planted += 1;
                    (Kind::Ok, names[0], number(register.before), None)
                } else {
                    if seen == register.value && register.seen_at.is_none() {
                        register.seen_at = Some(event);
                    }
                    (Kind::Ok, names[0], number(seen), None)
                }
            }
            (Doing::Write(value), _) => (Kind::Ok, names[1], number(Some(value)), None),
            (Doing::Cas(from, to), Ok(_)) => {
                (Kind::Ok, names[2], pair(&mut builder, from, to), None)
            }
            (Doing::Cas(from, to), Err(seen)) => (
                Kind::Fail,
                names[2],
                pair(&mut builder, from, to),
                match recipe.failed_cas {
                    FailedCasTells::WhatItSaw => Some(number(seen)),
                    FailedCasTells::Nothing => None,
                },
            ),
        };
        push(
            &mut builder,
            register.name,
            time,
            process,
            kind,
            f,
            value,
            observed,
        );
        event += 1;
    }
    builder.finish()
}

fn number(value: Option<i64>) -> Datum {
    value.and_then(Datum::small).unwrap_or(Datum::NIL)
}

fn pair(builder: &mut Builder, from: i64, to: i64) -> Datum {
    let (from, to) = (number(Some(from)), number(Some(to)));
    builder.history.intern_pair(from, to)
}

#[allow(clippy::too_many_arguments)] // the fields of one event
fn push(
    builder: &mut Builder,
    key: u32,
    time: u64,
    process: u64,
    kind: Kind,
    f: Symbol,
    value: Datum,
    observed: Option<Datum>,
) {
    let event = RawEvent {
        index: None,
        time,
        process: Some(builder.history.intern_process(process)),
        kind,
        f,
        key,
        value,
        answered: true,
        observed,
        node: Symbol::NONE,
    };
    builder.push_raw(&event);
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
