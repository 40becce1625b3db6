//! The checks that need no search, against their definitions written down pair by pair.

use crate::definitions::{Check, Op, elements};
use crate::random::{Planned, Subject};
use kensho_checker::generate::Random;
use kensho_checker::history::{NEVER, Outcome};
use kensho_checker::judge::{Settings, models};
use kensho_checker::value::Value;
use serde_json::json;

/// All checks, to be compared in other ways.
pub(crate) fn subjects() -> Vec<Subject> {
    let checks: [fn() -> Check; 10] = [
        set_check,
        set_that_is_read_all_the_time_check,
        set_that_must_be_up_to_date_check,
        counter_check,
        bank_check,
        queue_check,
        unique_ids_check,
        monotonic_check,
        session_check,
        long_fork_check,
    ];
    checks.into_iter().map(|check| check().subject()).collect()
}

fn plan_set(random: &mut Random, _: usize) -> Planned {
    let element = random.below(3);
    if random.below(3) < 2 {
        return Planned::ok("add", json!(element), json!(element));
    }
    let seen = [
        json!([]),
        json!([0]),
        json!([0, 1]),
        json!([1, 2]),
        json!([0, 1, 2]),
        json!([2, 2]),
    ];
    Planned::ok("read", json!(null), seen[random.below(6)].clone())
}

#[test]
fn set() {
    set_check().compare();
}

fn set_check() -> Check {
    Check::new(&models::SET, Settings::default(), plan_set, |ops| {
        let last = ops
            .iter()
            .filter(|op| op.is("read", Outcome::Ok))
            .max_by_key(|op| op.ret)?;
        let seen = elements(&last.result);
        let kept = ops
            .iter()
            .filter(|op| op.is("add", Outcome::Ok) && op.ret < last.inv)
            .all(|op| seen.contains(&op.argument));
        let added = seen.iter().all(|element| {
            let mut adds = ops
                .iter()
                .filter(|op| op.f == "add" && op.outcome != Outcome::Fail && op.inv < last.ret);
            adds.any(|op| op.argument == *element)
        });
        Some(kept && added)
    })
}

/// Lost, stale, duplicated, stable: what is said of a set that is read all the time.
fn set_full(ops: &[Op], linearizable: bool) -> Option<bool> {
    let reads: Vec<&Op> = ops.iter().filter(|op| op.is("read", Outcome::Ok)).collect();
    let (mut wrong, mut stable) = (false, false);
    // What was read must have begun to be added before the read ended.
    wrong |= reads.iter().any(|read| {
        elements(&read.result).iter().any(|element| {
            !ops.iter().any(|op| {
                op.f == "add"
                    && op.outcome != Outcome::Fail
                    && op.argument == *element
                    && op.inv < read.ret
            })
        })
    });
    for element in (0..3).map(Value::Int) {
        let adds = || {
            ops.iter()
                .filter(|op| op.f == "add" && op.outcome != Outcome::Fail && op.argument == element)
        };
        if adds().count() == 0 {
            continue;
        }
        let sees = |read: &&&Op| elements(&read.result).contains(&element);
        let seen_at = reads.iter().filter(sees).map(|read| read.ret);
        let known = adds()
            .map(|add| add.ret)
            .chain(seen_at)
            .min()
            .unwrap_or(NEVER);
        let present = reads.iter().filter(sees).map(|read| read.inv).max();
        let missed = reads
            .iter()
            .filter(|read| !sees(read) && read.inv > known)
            .map(|read| read.inv)
            .max();
        match (present, missed) {
            (present, Some(missed)) if present.is_none_or(|present| present < missed) => {
                wrong = true;
            }
            (Some(_), Some(_)) => {
                stable = true;
                wrong |= linearizable;
            }
            (Some(_), None) => stable = true,
            (None, _) => {}
        }
        let twice = |read: &&Op| {
            elements(&read.result)
                .iter()
                .filter(|seen| **seen == element)
                .count()
                > 1
        };
        wrong |= reads.iter().any(twice);
    }
    match (wrong, stable) {
        (true, _) => Some(false),
        (false, true) => Some(true),
        (false, false) => None,
    }
}

#[test]
fn set_that_is_read_all_the_time() {
    set_that_is_read_all_the_time_check().compare();
}

fn set_that_is_read_all_the_time_check() -> Check {
    Check::new(&models::SET_FULL, Settings::default(), plan_set, |ops| {
        set_full(ops, false)
    })
}

#[test]
fn set_that_must_be_up_to_date() {
    set_that_must_be_up_to_date_check().compare();
}

fn set_that_must_be_up_to_date_check() -> Check {
    let settings = Settings {
        linearizable_set: true,
        ..Settings::default()
    };
    Check::new(&models::SET_FULL, settings, plan_set, |ops| {
        set_full(ops, true)
    })
}

#[test]
fn counter() {
    counter_check().compare();
}

fn counter_check() -> Check {
    let plan = |random: &mut Random, _: usize| match random.below(2) {
        0 => {
            let amount = random.below(5) as i64 - 1;
            Planned::ok("add", json!(amount), json!(amount))
        }
        _ => Planned::ok("read", json!(null), json!(random.below(8) as i64 - 1)),
    };
    Check::new(&models::COUNTER, Settings::default(), plan, |ops| {
        let adds = || {
            ops.iter()
                .filter(|op| op.f == "add" && op.outcome != Outcome::Fail)
                .map(|op| (op, op.argument.as_int().unwrap()))
        };
        // At any instant while the read was open: what must have been added, and what may have.
        Some(
            ops.iter()
                .filter(|op| op.is("read", Outcome::Ok))
                .all(|read| {
                    let seen = read.result.as_int().unwrap();
                    let bounds = |instant: u32| {
                        let mut bounds = (0, 0);
                        for (add, amount) in adds().filter(|(add, _)| add.inv < instant) {
                            let done = add.ret < instant;
                            bounds.0 += if done { amount } else { amount.min(0) };
                            bounds.1 += if done { amount } else { amount.max(0) };
                        }
                        bounds
                    };
                    let instants = || (read.inv..=read.ret).map(bounds);
                    let least = instants().map(|bounds| bounds.0).min().unwrap();
                    let most = instants().map(|bounds| bounds.1).max().unwrap();
                    (least..=most).contains(&seen)
                }),
        )
    })
}

#[test]
fn bank() {
    bank_check().compare();
}

fn bank_check() -> Check {
    let plan = |random: &mut Random, _: usize| {
        let balances = match random.below(6) {
            0 => json!({"a": 5, "b": 6}),
            1 => json!({"a": 12, "b": -2}),
            2 => json!({"a": 10}),
            3 => json!({"a": 4, "b": 6}),
            _ => json!({"a": 5, "b": 5}),
        };
        Planned::ok("read", json!(null), balances)
    };
    let settings = Settings {
        bank: kensho_checker::checks::bank::Options {
            total: Some(10.into()),
            negative_balances: false,
        },
        ..Settings::default()
    };
    Check::new(&models::BANK, settings, plan, |ops| {
        let balances = |op: &Op| match &op.result {
            Value::Map(entries) => entries.clone(),
            _ => Vec::new(),
        };
        let reads: Vec<_> = ops
            .iter()
            .filter(|op| op.is("read", Outcome::Ok))
            .map(balances)
            .collect();
        let sums_up = |read: &Vec<(Value, Value)>| {
            let amounts: Vec<i64> = read
                .iter()
                .map(|(_, amount)| amount.as_int().unwrap())
                .collect();
            amounts.iter().sum::<i64>() == 10 && amounts.iter().all(|amount| *amount >= 0)
        };
        // All reads have the same accounts.
        let alike = reads.windows(2).all(|pair| pair[0].len() == pair[1].len());
        (!reads.is_empty()).then(|| alike && reads.iter().all(sums_up))
    })
}

#[test]
fn queue() {
    queue_check().compare();
}

fn queue_check() -> Check {
    let plan = |random: &mut Random, _: usize| {
        let element = json!(random.below(4));
        match random.below(5) {
            0..=2 => Planned::ok("enqueue", element.clone(), element),
            3 => Planned::ok("dequeue", json!(null), element),
            _ => Planned::ok("dequeue", json!(null), json!(null)),
        }
    };
    Check::new(&models::QUEUE, Settings::default(), plan, |ops| {
        let put = |op: &&Op| op.f == "enqueue" && op.outcome != Outcome::Fail;
        let last = ops.iter().filter(put).map(|op| op.inv).max().unwrap_or(0);
        let took = |op: &&Op| op.is("dequeue", Outcome::Ok) && op.result != Value::Nil;
        // When it was found empty after all had begun to put something in.
        let empty = ops
            .iter()
            .filter(|op| op.is("dequeue", Outcome::Ok) && op.result == Value::Nil)
            .map(|op| op.inv)
            .filter(|inv| *inv > last)
            .max();
        let unknown = ops
            .iter()
            .filter(|op| op.is("dequeue", Outcome::Unknown))
            .count();
        let (mut right, mut lost) = (true, 0);
        for element in (0..4).map(Value::Int) {
            let begun: Vec<u32> = ops
                .iter()
                .filter(put)
                .filter(|op| op.argument == element)
                .map(|op| op.inv)
                .collect();
            let out: Vec<u32> = ops
                .iter()
                .filter(took)
                .filter(|op| op.result == element)
                .map(|op| op.ret)
                .collect();
            // Whenever some have come out, at least as many had begun to be put in.
            right &= out.iter().all(|end| {
                let came_out = out.iter().filter(|other| *other <= end).count();
                let put_in = begun.iter().filter(|begin| *begin < end).count();
                came_out <= put_in
            });
            let known = ops
                .iter()
                .filter(|op| op.is("enqueue", Outcome::Ok) && op.argument == element)
                .filter(|op| empty.is_some_and(|empty| op.ret < empty))
                .count();
            lost += usize::from(out.len() <= begun.len() && known > out.len());
        }
        let right = right && lost <= unknown;
        Some(right)
    })
}

#[test]
fn unique_ids() {
    unique_ids_check().compare();
}

fn unique_ids_check() -> Check {
    let plan = |random: &mut Random, _: usize| {
        Planned::ok("generate", json!(null), json!(random.below(12)))
    };
    Check::new(&models::UNIQUE_IDS, Settings::default(), plan, |ops| {
        let ids: Vec<&Value> = ops
            .iter()
            .filter(|op| op.outcome == Outcome::Ok)
            .map(|op| &op.result)
            .collect();
        let distinct = (0..ids.len()).all(|at| !ids[..at].contains(&ids[at]));
        (!ids.is_empty()).then_some(distinct)
    })
}

#[test]
fn echo() {
    let plan = |random: &mut Random, _: usize| {
        let sent = random.below(20);
        let came = if random.below(10) == 0 {
            random.below(20)
        } else {
            sent
        };
        Planned::ok("echo", json!(sent), json!(came))
    };
    let check = Check::new(&models::ECHO, Settings::default(), plan, |ops| {
        let mut came = ops.iter().filter(|op| op.outcome == Outcome::Ok).peekable();
        came.peek()?;
        Some(came.all(|op| op.argument == op.result))
    });
    check.compare();
}

fn plan_numbers(random: &mut Random, _: usize) -> Planned {
    Planned::ok("read", json!(null), json!(random.below(5)))
}

#[test]
fn monotonic() {
    monotonic_check().compare();
}

fn monotonic_check() -> Check {
    Check::new(
        &models::MONOTONIC,
        Settings::default(),
        plan_numbers,
        |ops| {
            let reads: Vec<&Op> = ops.iter().filter(|op| op.outcome == Outcome::Ok).collect();
            let grows = reads.iter().all(|earlier| {
                let mut later = reads.iter().filter(|later| earlier.ret < later.inv);
                later.all(|later| earlier.result <= later.result)
            });
            (!reads.is_empty()).then_some(grows)
        },
    )
}

#[test]
fn session() {
    session_check().compare();
}

fn session_check() -> Check {
    let plan = |random: &mut Random, _: usize| {
        let number = json!(random.below(5));
        match random.below(3) {
            0 => Planned::ok("write", number.clone(), number),
            _ => Planned::ok("read", json!(null), number),
        }
    };
    Check::new(&models::SESSION, Settings::default(), plan, |ops| {
        let mut reads = ops
            .iter()
            .filter(|op| op.is("read", Outcome::Ok))
            .peekable();
        reads.peek()?;
        Some(reads.all(|read| {
            let mut own = ops.iter().filter(|op| {
                op.outcome == Outcome::Ok && op.process == read.process && op.ret < read.inv
            });
            own.all(|before| match before.f.as_str() {
                "write" => before.argument <= read.result,
                _ => before.result <= read.result,
            })
        }))
    })
}

#[test]
fn long_fork() {
    long_fork_check().compare();
}

fn long_fork_check() -> Check {
    let plan = |random: &mut Random, _: usize| {
        let value = |random: &mut Random| match random.below(2) {
            0 => json!(null),
            _ => json!(1),
        };
        let (x, y) = (value(random), value(random));
        Planned::ok(
            "read",
            json!([["r", "x", null], ["r", "y", null]]),
            json!([["r", "x", x], ["r", "y", y]]),
        )
    };
    Check::new(&models::LONG_FORK, Settings::default(), plan, |ops| {
        let seen = |op: &Op| -> Vec<bool> {
            let parts = elements(&op.result);
            parts
                .iter()
                .map(|part| part.elements().unwrap()[2] != Value::Nil)
                .collect()
        };
        let reads: Vec<Vec<bool>> = ops
            .iter()
            .filter(|op| op.outcome == Outcome::Ok)
            .map(seen)
            .collect();
        let fork = reads.iter().any(|one| {
            reads
                .iter()
                .any(|other| one[0] && !one[1] && other[1] && !other[0])
        });
        (!reads.is_empty()).then_some(!fork)
    })
}
