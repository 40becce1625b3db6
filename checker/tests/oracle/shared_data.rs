//! Checks of logs, watches, growing sets and the like, against their definitions written down pair
//! by pair. Unlike there, nothing is sorted, counted or looked up: each pair is tried.

use crate::definitions::{Check, Op};
use crate::random::{Planned, Subject};
use kensho_checker::generate::Random;
use kensho_checker::history::{Kind, Outcome};
use kensho_checker::judge::{Settings, models};
use kensho_checker::value::Value;
use serde_json::{Value as Json, json};

/// All checks, to be compared in other ways.
pub(crate) fn subjects() -> Vec<Subject> {
    let checks: [fn() -> Check; 6] = [
        causal_reverse_check,
        sequential_check,
        at_most_one_insert_check,
        dirty_reads_check,
        growing_sets_check,
        counters_that_converge_check,
    ];
    checks.into_iter().map(|check| check().subject()).collect()
}

/// Some of the first few numbers.
fn subset(random: &mut Random, count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..count).filter(|_| random.below(3) > 0).collect();
    if random.below(8) == 0 && !all.is_empty() {
        all.push(all[0]);
    }
    all
}

#[test]
fn causal_reverse() {
    causal_reverse_check().compare();
}

fn causal_reverse_check() -> Check {
    let plan = |random: &mut Random, before: usize| match before {
        0..4 => Planned::ok("write", json!(before), json!(before)),
        _ => Planned::ok("read", json!(null), json!(subset(random, 4))),
    };
    Check::new(&models::CAUSAL_REVERSE, Settings::default(), plan, |ops| {
        let written = |value: &Value| {
            ops.iter()
                .find(|op| op.f == "write" && op.outcome != Outcome::Fail && op.argument == *value)
        };
        let mut reads = ops
            .iter()
            .filter(|op| op.is("read", Outcome::Ok))
            .peekable();
        reads.peek()?;
        Some(reads.all(|read| {
            let seen = read.result.elements().unwrap();
            seen.iter().all(|value| {
                let Some(write) = written(value) else {
                    return false;
                };
                let mut earlier = ops
                    .iter()
                    .filter(|other| other.is("write", Outcome::Ok) && other.ret < write.inv);
                write.inv < read.ret && earlier.all(|other| read.sees(&other.argument))
            })
        }))
    })
}

#[test]
fn sequential() {
    sequential_check().compare();
}

fn sequential_check() -> Check {
    let plan = |random: &mut Random, _: usize| {
        let parts: Vec<Json> = (0..4)
            .map(|part| match random.below(3) {
                0 => json!(null),
                _ => json!(part),
            })
            .collect();
        match random.below(4) {
            0 => Planned::ok("write", json!(7), json!(7)),
            _ => Planned::ok("read", json!(7), json!([7, parts])),
        }
    };
    Check::new(&models::SEQUENTIAL, Settings::default(), plan, |ops| {
        let mut reads = ops
            .iter()
            .filter(|op| op.is("read", Outcome::Ok))
            .peekable();
        reads.peek()?;
        Some(reads.all(|read| {
            let parts = read.result.elements().unwrap()[1].elements().unwrap();
            (0..parts.len()).all(|at| {
                parts[at] == Value::Nil || parts[at..].iter().all(|part| *part != Value::Nil)
            })
        }))
    })
}

#[test]
fn at_most_one_insert() {
    at_most_one_insert_check().compare();
}

fn at_most_one_insert_check() -> Check {
    let plan = |random: &mut Random, before: usize| {
        let (key, id) = (random.below(4), json!(before));
        let pair = match random.below(2) {
            0 => json!([id, null]),
            _ => json!([null, id]),
        };
        let kind = [Kind::Ok, Kind::Fail, Kind::Fail][random.below(3)];
        Planned {
            kind,
            ..Planned::ok("insert", json!([key, pair]), json!([key, pair]))
        }
    };
    Check::new(&models::G2, Settings::default(), plan, |ops| {
        let keys: Vec<&Value> = ops
            .iter()
            .filter(|op| op.outcome == Outcome::Ok)
            .map(|op| &op.argument.elements().unwrap()[0])
            .collect();
        let distinct = (0..keys.len()).all(|at| !keys[..at].contains(&keys[at]));
        (!keys.is_empty()).then_some(distinct)
    })
}

#[test]
fn dirty_reads() {
    dirty_reads_check().compare();
}

fn dirty_reads_check() -> Check {
    let plan = |random: &mut Random, _: usize| match random.below(2) {
        0 => {
            let value = json!(random.below(4));
            let kind = [Kind::Ok, Kind::Fail][random.below(2)];
            Planned {
                kind,
                ..Planned::ok("write", value.clone(), value)
            }
        }
        _ => Planned::ok(
            "read",
            json!(null),
            json!([random.below(4), random.below(4)]),
        ),
    };
    Check::new(&models::DIRTY_READS, Settings::default(), plan, |ops| {
        let writes = |value: &Value| {
            let value = value.clone();
            ops.iter()
                .filter(move |op| op.f == "write" && op.argument == value)
        };
        let dirty = |value: &Value| {
            writes(value).count() > 0 && writes(value).all(|op| op.outcome == Outcome::Fail)
        };
        let values: Vec<Value> = (0..4).map(Value::Int).collect();
        let mut reads = ops
            .iter()
            .filter(|op| op.is("read", Outcome::Ok))
            .peekable();
        reads.peek()?;
        if !values.iter().any(dirty) {
            return None;
        }
        Some(reads.all(|read| !read.result.elements().unwrap().iter().any(dirty)))
    })
}

/// Final reads that did not see the same: whether one began after the other had ended, or none.
fn disagree(finals: &[&Op], same: &dyn Fn(&Op, &Op) -> bool) -> Option<bool> {
    let pairs = || {
        finals
            .iter()
            .flat_map(|one| finals.iter().map(move |other| (*one, *other)))
            .filter(|(one, other)| !same(one, other))
    };
    pairs().next()?;
    Some(pairs().any(|(one, other)| one.ret < other.inv))
}

#[test]
fn growing_sets() {
    growing_sets_check().compare();
}

fn growing_sets_check() -> Check {
    let plan = |random: &mut Random, before: usize| match (before, random.below(4)) {
        (0..3, _) => Planned::ok("add", json!(before), json!(before)),
        (_, 0) => Planned::ok("read", json!(null), json!(subset(random, 3))),
        (_, 1) => Planned::ok("final-read", json!(null), json!(subset(random, 3))),
        _ => Planned::ok("final-read", json!(null), json!([0, 1, 2])),
    };
    Check::new(&models::G_SET, Settings::default(), plan, |ops| {
        let adds = |value: &Value| {
            let value = value.clone();
            ops.iter().filter(move |op| {
                op.f == "add" && op.outcome != Outcome::Fail && op.argument == value
            })
        };
        let reads = ops
            .iter()
            .filter(|op| op.f != "add" && op.outcome == Outcome::Ok);
        let finals: Vec<&Op> = ops
            .iter()
            .filter(|op| op.is("final-read", Outcome::Ok))
            .collect();
        let possible = reads.clone().all(|read| {
            let seen = read.result.elements().unwrap();
            let once = (0..seen.len()).all(|at| !seen[..at].contains(&seen[at]));
            once && seen
                .iter()
                .all(|value| adds(value).any(|add| add.inv < read.ret))
        });
        let complete = finals.iter().all(|read| {
            ops.iter()
                .filter(|op| op.is("add", Outcome::Ok) && op.ret < read.inv)
                .all(|add| read.sees(&add.argument))
        });
        let same = |one: &Op, other: &Op| {
            let all = |one: &Op, other: &Op| {
                one.result
                    .elements()
                    .unwrap()
                    .iter()
                    .all(|value| other.sees(value))
            };
            all(one, other) && all(other, one)
        };
        let disagree = disagree(&finals, &same);
        if !possible || !complete || disagree == Some(true) {
            return Some(false);
        }
        (!finals.is_empty() && disagree.is_none()).then_some(true)
    })
}

#[test]
fn counters_that_converge() {
    counters_that_converge_check().compare();
}

fn counters_that_converge_check() -> Check {
    let plan = |random: &mut Random, _: usize| match random.below(5) {
        0..=1 => {
            let amount = random.below(5) as i64 - 2;
            Planned::ok("add", json!(amount), json!(amount))
        }
        2 => Planned::ok("decrement", json!(null), json!(null)),
        3 => Planned::ok("read", json!(null), json!(random.below(5) as i64 - 2)),
        _ => Planned::ok("final-read", json!(null), json!(random.below(3) as i64 - 1)),
    };
    Check::new(&models::PN_COUNTER, Settings::default(), plan, |ops| {
        let amount = |op: &Op| match op.f.as_str() {
            "decrement" => -1,
            _ => op.argument.as_int().unwrap(),
        };
        let adds: Vec<&Op> = ops
            .iter()
            .filter(|op| ["add", "decrement"].contains(&&*op.f) && op.outcome != Outcome::Fail)
            .collect();
        let possible = |read: &Op, is_final: bool| {
            let seen = read.result.as_int().unwrap();
            // Each choice of additions that contains those that must count.
            (0..1_u32 << adds.len()).any(|choice| {
                let chosen = |at: usize| choice >> at & 1 == 1;
                let fits = (0..adds.len()).all(|at| {
                    let must =
                        is_final && adds[at].outcome == Outcome::Ok && adds[at].ret < read.inv;
                    match chosen(at) {
                        true => adds[at].inv < read.ret,
                        false => !must,
                    }
                });
                let sum: i64 = (0..adds.len())
                    .filter(|at| chosen(*at))
                    .map(|at| amount(adds[at]))
                    .sum();
                fits && sum == seen
            })
        };
        let of =
            |name: &str| -> Vec<&Op> { ops.iter().filter(|op| op.is(name, Outcome::Ok)).collect() };
        let finals = of("final-read");
        let right = of("read").iter().all(|read| possible(read, false))
            && finals.iter().all(|read| possible(read, true));
        let disagree = disagree(&finals, &|one, other| one.result == other.result);
        if !right || disagree == Some(true) {
            return Some(false);
        }
        (!finals.is_empty() && disagree.is_none()).then_some(true)
    })
}
