//! Both engines against an oracle that simply tries every order.

use super::access::{Access, Effect};
use super::zones::{Judgement, Zones};
use super::{minimal, searched, witness};
use crate::budget::Budget;
use crate::history::{Datum, NEVER};
use crate::search::Found;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Tries every order and every choice of unknown operations.
fn oracle(accesses: &[Access], state: Datum, done: u32) -> bool {
    let open = |at: usize| done >> at & 1 == 0;
    if (0..accesses.len()).all(|at| !open(at) || accesses[at].ret == NEVER) {
        return true;
    }
    let first_return = (0..accesses.len())
        .filter(|at| open(*at))
        .map(|at| accesses[at].ret)
        .min()
        .unwrap();
    (0..accesses.len())
        .filter(|at| open(*at) && accesses[*at].inv < first_return)
        .any(|at| {
            let next = match accesses[at].effect {
                Effect::Write(written) => Some(written),
                Effect::Read(seen) => (seen == state).then_some(state),
                Effect::Cas(seen, written) => (seen == state).then_some(written),
                Effect::NotValue(unseen) => (unseen != state).then_some(state),
            };
            next.is_some_and(|next| oracle(accesses, next, done | 1 << at))
        })
}

fn value(number: i64) -> Datum {
    if number == 0 {
        Datum::NIL
    } else {
        Datum::small(number).unwrap()
    }
}

/// Random accesses: kind, two values, begin, length, unknown.
fn build(recipe: &[(u8, i64, i64, u32, u32, bool)], unique: bool) -> Vec<Access> {
    let mut points = Vec::new();
    for (at, (_, _, _, begin, length, _)) in recipe.iter().enumerate() {
        points.push((*begin * 2, false, at));
        points.push(((begin + length) * 2 + 1, true, at));
    }
    points.sort_unstable();
    let mut accesses: Vec<Access> = recipe
        .iter()
        .enumerate()
        .map(|(at, (kind, a, b, ..))| {
            // Unique values: the access's own number; what is seen stays random.
            let written = if unique {
                value(at as i64 + 1)
            } else {
                value(*b)
            };
            let effect = match kind {
                0..=2 => Effect::Read(value(*a)),
                3..=5 => Effect::Write(written),
                6..=7 => Effect::Cas(value(*a), written),
                _ if unique => Effect::Read(value(*a)),
                _ => Effect::NotValue(value(*a)),
            };
            Access {
                effect,
                inv: 0,
                ret: 0,
                place: at as u32,
            }
        })
        .collect();
    for (position, (_, returned, at)) in points.into_iter().enumerate() {
        let position = position as u32 + 1;
        if !returned {
            accesses[at].inv = position;
        } else if recipe[at].5 {
            accesses[at].ret = NEVER;
        } else {
            accesses[at].ret = position;
        }
    }
    accesses.retain(|access| {
        access.ret != NEVER || matches!(access.effect, Effect::Write(_) | Effect::Cas(..))
    });
    accesses.sort_by_key(|access| access.inv);
    accesses
}

fn recipes(values: i64) -> impl Strategy<Value = Vec<(u8, i64, i64, u32, u32, bool)>> {
    let one = (
        0..9_u8,
        0..values,
        0..values,
        0..12_u32,
        0..8_u32,
        prop::bool::weighted(0.15),
    );
    prop::collection::vec(one, 1..9)
}

fn run(cases: u32, values: i64, unique: bool) {
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let mut zones = Zones::default();
    let mut effort = Budget::default().for_explanation(u64::MAX);
    let effort = std::cell::RefCell::new(&mut effort);
    let counts = std::cell::Cell::new((0, 0, 0));
    let zones = std::cell::RefCell::new(&mut zones);
    runner
        .run(&recipes(values), |recipe| {
            let accesses = build(&recipe, unique);
            let expected = oracle(&accesses, Datum::NIL, 0);
            let mut zones = zones.borrow_mut();
            let (valid, invalid, by_zones) = counts.get();
            match zones.judge(&accesses, Datum::NIL) {
                Judgement::Valid => {
                    prop_assert!(expected, "zones say valid");
                    let order = zones.witness(&accesses);
                    prop_assert!(witness::is_linearization(&accesses, &order, Datum::NIL));
                    counts.set((valid + 1, invalid, by_zones + 1));
                }
                Judgement::Invalid(conflict) => {
                    prop_assert!(!expected, "zones say {conflict:?}");
                    counts.set((valid, invalid + 1, by_zones + 1));
                }
                Judgement::NotExact => {
                    counts.set((
                        valid + u32::from(expected),
                        invalid + u32::from(!expected),
                        by_zones,
                    ));
                }
            }
            match searched::find(&accesses, Datum::NIL, *effort.borrow_mut()) {
                Found::Valid(order) => {
                    prop_assert!(expected, "search says valid");
                    prop_assert!(
                        witness::is_linearization(&accesses, &order, Datum::NIL),
                        "{order:?}"
                    );
                }
                Found::Invalid { .. } => {
                    prop_assert!(!expected, "search says invalid");
                    let sub = minimal::minimal(&accesses, |part| !oracle(part, Datum::NIL, 0));
                    prop_assert!(!oracle(&sub, Datum::NIL, 0), "the minimal part is valid");
                    for at in 0..sub.len() {
                        let mut rest = sub.clone();
                        if rest[at].ret == NEVER {
                            continue;
                        }
                        if matches!(rest[at].effect, Effect::Write(_) | Effect::Cas(..)) {
                            rest[at].ret = NEVER;
                        } else {
                            rest.remove(at);
                        }
                        prop_assert!(oracle(&rest, Datum::NIL, 0), "{at} could be forgotten");
                    }
                }
                Found::OutOfBudget { .. } => prop_assert!(false, "out of budget"),
            }
            Ok(())
        })
        .unwrap();
    // Both verdicts, and both engines, were really met.
    let (valid, invalid, by_zones) = counts.get();
    assert!(
        valid > cases / 20 && invalid > cases / 20,
        "{valid} valid, {invalid} invalid"
    );
    assert!(!unique || by_zones > cases / 2, "{by_zones} by zones");
}

#[test]
fn engines_agree_with_the_oracle_where_values_repeat() {
    run(12_000, 3, false);
}

#[test]
fn engines_agree_with_the_oracle_where_values_are_unique() {
    run(12_000, 6, true);
}
