use super::models::{FifoQueue, KeyValue, Mutex, SetObject};
use super::*;
use crate::history::{Event, Kind, Process};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value as Json, json};

/// Random operations of a few kinds, with results that are often right.
type Recipe = Vec<(u8, u8, u32, u32, bool)>;

fn recipes() -> impl Strategy<Value = Recipe> {
    let one = (
        0..6_u8,
        0..3_u8,
        0..12_u32,
        0..6_u32,
        prop::bool::weighted(0.15),
    );
    prop::collection::vec(one, 1..8)
}

fn history(recipe: &Recipe, operation: impl Fn(u8, u8) -> (&'static str, Json, Json)) -> History {
    let mut points = Vec::new();
    for (at, (_, _, begin, length, unknown)) in recipe.iter().enumerate() {
        points.push((*begin * 2, false, at));
        if !unknown {
            points.push(((begin + length) * 2 + 1, true, at));
        }
    }
    points.sort_unstable();
    let events: Vec<Event> = points
        .into_iter()
        .enumerate()
        .map(|(index, (time, returned, at))| {
            let (f, argument, result) = operation(recipe[at].0, recipe[at].1);
            let process = Process::Client(at as u64);
            let event = Event::invoke(index as u64, u64::from(time), process, f);
            if returned {
                event
                    .complete(index as u64, u64::from(time), Kind::Ok)
                    .with_value(result)
            } else {
                event.with_value(argument)
            }
        })
        .collect();
    History::from_events(&events)
}

/// Tries every order and every choice of unknown operations.
fn oracle<M: Model>(model: &M, steps: &[(M::Step, u32, u32)], state: &M::State, done: u32) -> bool {
    let open = |at: usize| done >> at & 1 == 0;
    if (0..steps.len()).all(|at| !open(at) || steps[at].2 == NEVER) {
        return true;
    }
    let first = (0..steps.len())
        .filter(|at| open(*at))
        .map(|at| steps[at].2)
        .min()
        .unwrap();
    (0..steps.len())
        .filter(|at| open(*at) && steps[*at].1 < first)
        .any(|at| {
            model
                .apply(state, &steps[at].0)
                .is_some_and(|next| oracle(model, steps, &next, done | 1 << at))
        })
}

fn agrees<O: Object>(
    cases: u32,
    object: &O,
    operation: impl Fn(u8, u8) -> (&'static str, Json, Json) + Copy,
) {
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let counts = std::cell::Cell::new((0, 0));
    runner
        .run(&recipes(), |recipe| {
            let history = history(&recipe, operation);
            let places: Vec<u32> = (0..history.operations.len() as u32).collect();
            let model = object.model(&history, &places);
            let steps: Vec<_> = history
                .operations
                .iter()
                .filter_map(|o| Some((object.step(&history, o).unwrap()?, o.invoke, o.complete)))
                .collect();
            let expected = oracle(&model, &steps, &model.initial(), 0);
            let limits = Limits {
                threads: 1,
                ..Limits::default()
            };
            let report = check(&history, object, &limits);
            prop_assert_eq!(report.is_valid(), expected, "{:?}", report);
            prop_assert_eq!(report.is_invalid(), !expected);
            let (valid, invalid) = counts.get();
            counts.set((valid + u32::from(expected), invalid + u32::from(!expected)));
            Ok(())
        })
        .unwrap();
    let (valid, invalid) = counts.get();
    assert!(
        valid > cases / 20 && invalid > cases / 20,
        "{valid} valid, {invalid} invalid"
    );
}

#[test]
fn mutex_agrees_with_the_oracle() {
    agrees(10_000, &Mutex::default(), |kind, _| {
        (
            if kind < 3 { "acquire" } else { "release" },
            json!(null),
            json!(null),
        )
    });
}

#[test]
fn key_value_agrees_with_the_oracle() {
    agrees(10_000, &KeyValue::default(), |kind, which| {
        let letter = ["a", "b", "c"][usize::from(which)];
        match kind {
            0 | 1 => ("append", json!(letter), json!(letter)),
            2 => ("put", json!(letter), json!(letter)),
            3 => (
                "get",
                json!(null),
                json!(["", "a", "ab"][usize::from(which)]),
            ),
            _ => (
                "get",
                json!(null),
                json!(["ba", "b", "c"][usize::from(which)]),
            ),
        }
    });
}

#[test]
fn append_only_agrees_with_the_oracle() {
    agrees(10_000, &KeyValue::default(), |kind, which| {
        let letter = ["a", "b", "c"][usize::from(which)];
        match kind {
            0..=2 => ("append", json!(letter), json!(letter)),
            3 => (
                "get",
                json!(null),
                json!(["", "a", "ab"][usize::from(which)]),
            ),
            _ => (
                "get",
                json!(null),
                json!(["ba", "b", "abc"][usize::from(which)]),
            ),
        }
    });
}

#[test]
fn set_agrees_with_the_oracle() {
    agrees(10_000, &SetObject, |kind, which| match kind {
        0..=2 => ("add", json!(which), json!(which)),
        _ => (
            "read",
            json!(null),
            [json!([]), json!([0]), json!([0, 1])][usize::from(which)].clone(),
        ),
    });
}

#[test]
fn queue_agrees_with_the_oracle() {
    agrees(10_000, &FifoQueue, |kind, which| match kind {
        0..=3 => ("enqueue", json!(which), json!(which)),
        _ => ("dequeue", json!(null), json!(which)),
    });
}

#[test]
fn multi_register_agrees_with_the_oracle() {
    agrees(
        10_000,
        &models::MultiRegister::default(),
        |kind, which| match kind {
            0 | 1 => (
                "txn",
                json!([["w", "x", which], ["w", "y", 1]]),
                json!([["w", "x", which], ["w", "y", 1]]),
            ),
            2 | 3 => (
                "txn",
                json!([["r", "x", null], ["w", "y", which]]),
                json!([["r", "x", 1], ["w", "y", which]]),
            ),
            _ => (
                "txn",
                json!([["r", "x", null], ["r", "y", null]]),
                json!([["r", "x", which], ["r", "y", 1]]),
            ),
        },
    );
}

#[test]
fn the_proof_of_a_lock_held_twice_is_two_acquisitions() {
    let mut events = Vec::new();
    let mut add = |process, f: &str| {
        let index = events.len() as u64;
        let invoke = Event::invoke(index, index, Process::Client(process), f);
        events.push(invoke.clone());
        events.push(invoke.complete(index + 1, index + 1, Kind::Ok));
    };
    for round in 0..20 {
        add(round % 3, "acquire");
        add(round % 3, "release");
    }
    add(1, "acquire");
    add(2, "acquire");
    let report = check(
        &History::from_events(&events),
        &Mutex::default(),
        &Limits::default(),
    );
    let anomaly = &report.anomalies()[0];
    assert_eq!(anomaly.name, AnomalyName::LockHeldTwice);
    let operations: Vec<_> = anomaly
        .operations
        .iter()
        .map(|o| (o.process, o.f.as_str()))
        .collect();
    assert_eq!(operations, [(1, "acquire"), (2, "acquire")]);
}
