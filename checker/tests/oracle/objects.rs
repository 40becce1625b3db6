//! Objects that are judged by search: the verdict, the witness and the minimal sub-history.

use crate::definitions::elements;
use crate::random::{
    CASES, Counts, Planned, Step, Subject, forget, history, is_linearizable, is_witness, misfits,
};
use crate::{containers, locks, queues};
use kensho_checker::generate::Random;
use kensho_checker::history::{History, Kind, NEVER, Outcome};
use kensho_checker::judge::{Model, Settings, judge, models};
use kensho_checker::report::{Role, Verdict};
use kensho_checker::value::Value;
use serde_json::json;

/// An operation with its argument, and its result if that is known.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) f: String,
    pub(crate) process: u32,
    pub(crate) argument: Value,
    pub(crate) result: Option<Value>,
}

/// A sequential object, written down as plainly as possible.
pub(crate) struct Object {
    pub(crate) model: &'static Model,
    pub(crate) initial: Value,
    pub(crate) apply: fn(&Value, &Call) -> Option<Value>,
    /// Whether an operation never changes anything.
    pub(crate) looks: fn(&Call) -> bool,
    pub(crate) plan: fn(&mut Random) -> Planned,
}

fn steps(history: &History, object: &Object) -> Vec<Step<Call>> {
    let mut steps = Vec::new();
    for (place, operation) in history.operations.iter().enumerate() {
        let call = Call {
            f: history.name(operation.f).to_owned(),
            process: operation.process,
            argument: history.value(operation.argument),
            result: (operation.outcome == Outcome::Ok).then(|| history.value(operation.result)),
        };
        let says_nothing = call.result.is_none() && (object.looks)(&call);
        if operation.outcome == Outcome::Fail || says_nothing {
            continue;
        }
        steps.push(Step {
            effect: call,
            inv: operation.invoke,
            ret: operation.complete,
            place: place as u32,
        });
    }
    steps
}

/// How all of them are judged: semaphores have two permits.
fn settings() -> Settings {
    Settings {
        threads: 1,
        permits: Some(2),
        ..Settings::default()
    }
}

/// All objects, to be compared in other ways.
pub(crate) fn subjects() -> Vec<Subject> {
    let mut objects = vec![
        mutex_object(),
        text_that_is_put_and_appended_object(),
        text_that_is_only_appended_object(),
        set_object(),
        queues::repeating(),
        registers_that_are_read_and_written_together_object(),
    ];
    objects.extend(locks::objects());
    objects.extend(containers::objects());
    objects
        .into_iter()
        .map(|object| Subject {
            model: object.model,
            settings: settings(),
            plan: Box::new(move |random, _| (object.plan)(random)),
            expected: Box::new(move |history| {
                let apply = |state: &Value, call: &Call| (object.apply)(state, call);
                let steps = steps(history, &object);
                Some(is_linearizable(&steps, &object.initial, &apply))
            }),
        })
        .collect()
}

/// Compares thousands of random histories of an object with what the oracle says of them.
pub(crate) fn compare(object: &Object) {
    let mut counts = Counts::default();
    for seed in 0..CASES {
        let mut random = Random::new(seed);
        let count = 1 + random.below(7);
        let planned: Vec<Planned> = (0..count)
            .map(|_| Planned {
                kind: match random.below(10) {
                    0 => Kind::Info,
                    1 => Kind::Fail,
                    _ => Kind::Ok,
                },
                ..(object.plan)(&mut random)
            })
            .collect();
        compare_one(object, &history(&mut random, &planned), seed, &mut counts);
    }
    counts.assert_both();
}

/// Compares one history: its verdict, the witness or the minimal sub-history, and how many
/// violations there are and which is the first.
pub(crate) fn compare_one(object: &Object, history: &History, seed: u64, counts: &mut Counts) {
    let steps = steps(history, object);
    let report = judge(history, object.model, &settings());
    let apply = |state: &Value, call: &Call| (object.apply)(state, call);
    let linearizable = |steps: &[Step<Call>]| is_linearizable(steps, &object.initial, &apply);
    counts.compare(&report, linearizable(&steps), seed);
    match &report.verdict {
        Verdict::Valid(witness) => {
            for key in &witness.orders {
                let right = is_witness(&steps, &key.order, &object.initial, &apply);
                assert!(right, "seed {seed}: {:?}", key.order);
            }
        }
        Verdict::Invalid(anomalies) => {
            let misfits = misfits(&steps, &object.looks, linearizable);
            assert_eq!(
                report.violations.count,
                misfits.len(),
                "seed {seed}: {misfits:?} of {steps:#?}: {report:#?}"
            );
            assert!(!report.violations.at_least);
            let [anomaly] = &anomalies[..] else {
                panic!("seed {seed}: {} anomalies of one key", anomalies.len());
            };
            let shown = anomaly.operations.iter();
            let shown = shown.filter(|view| view.role == Role::Proof);
            let last = shown.filter_map(|view| view.complete).max();
            let first = history.operations[misfits[0] as usize].complete;
            assert_eq!(last, Some(u64::from(first)), "seed {seed}: {report:#?}");
            let sub: Vec<Step<Call>> = anomaly
                .operations
                .iter()
                .map(|view| {
                    let step = steps.iter().find(|step| step.place == view.place);
                    let mut step = step.unwrap().clone();
                    if view.role == Role::Source {
                        step.ret = NEVER;
                    }
                    step
                })
                .collect();
            assert!(!linearizable(&sub), "seed {seed}: valid: {anomaly:#?}");
            for at in (0..sub.len()).filter(|at| sub[*at].ret != NEVER) {
                let mut rest = sub.clone();
                forget(&mut rest, at, &object.looks);
                let needed = linearizable(&rest);
                assert!(needed, "seed {seed}: {at} is not needed: {anomaly:#?}");
            }
        }
        Verdict::Unknown(_) => {}
    }
}

#[test]
fn mutex() {
    compare(&mutex_object());
}

fn mutex_object() -> Object {
    Object {
        model: &models::MUTEX,
        initial: Value::Bool(false),
        apply: |held, call| {
            let acquire = Value::Bool(call.f == "acquire");
            (*held != acquire).then_some(acquire)
        },
        looks: |_| false,
        plan: |random| {
            let f = if random.below(2) == 0 {
                "acquire"
            } else {
                "release"
            };
            Planned::ok(f, json!(null), json!(null))
        },
    }
}

fn text(state: &Value, call: &Call) -> Option<Value> {
    let old = state.as_text()?;
    match (call.f.as_str(), &call.result) {
        ("get", seen) => (seen.as_ref() == Some(state)).then(|| state.clone()),
        ("put", _) => Some(call.argument.clone()),
        _ => Some(Value::Text(format!("{old}{}", call.argument.as_text()?))),
    }
}

fn plan_text(random: &mut Random, puts: usize) -> Planned {
    let letter = ["a", "b", "c"][random.below(3)];
    match random.below(6) {
        kind if kind < puts => Planned::ok("put", json!(letter), json!(letter)),
        0..=2 => Planned::ok("append", json!(letter), json!(letter)),
        _ => {
            let seen = ["", "a", "b", "ab", "ba", "abc"][random.below(6)];
            Planned::ok("get", json!(null), json!(seen))
        }
    }
}

#[test]
fn text_that_is_put_and_appended() {
    compare(&text_that_is_put_and_appended_object());
}

fn text_that_is_put_and_appended_object() -> Object {
    Object {
        model: &models::KV,
        initial: Value::from(""),
        apply: text,
        looks: |call| call.f == "get",
        plan: |random| plan_text(random, 1),
    }
}

#[test]
fn text_that_is_only_appended() {
    compare(&text_that_is_only_appended_object());
}

fn text_that_is_only_appended_object() -> Object {
    Object {
        model: &models::KV,
        initial: Value::from(""),
        apply: text,
        looks: |call| call.f == "get",
        plan: |random| plan_text(random, 0),
    }
}

/// Some texts are appended or put; each once, or some of them again. None is the beginning of
/// another, so that what is seen can be cut into them.
fn plan_parts(random: &mut Random, unknown: usize, again: bool) -> Vec<Planned> {
    let written = 1 + random.below(4);
    let mut planned = Vec::new();
    let which: Vec<usize> = (0..written)
        .map(|number| if again { random.below(2) } else { number })
        .collect();
    for number in 0..written {
        let text = ["a", "b,", "cc", "d"][which[number]];
        let f = if random.below(4) == 0 {
            "put"
        } else {
            "append"
        };
        planned.push(Planned::ok(f, json!(text), json!(text)));
    }
    for _ in 0..random.below(8 - written) {
        let mut seen = String::new();
        for number in 0..written {
            // Mostly in one order, or else hardly anything would be valid.
            match random.below(6) {
                0 => seen.insert_str(0, ["a", "b,", "cc", "d"][which[number]]),
                1..=3 => seen.push_str(["a", "b,", "cc", "d"][which[number]]),
                _ => {}
            }
        }
        planned.push(Planned::ok("get", json!(null), json!(seen)));
    }
    for plan in &mut planned {
        if random.below(unknown) == 0 {
            plan.kind = Kind::Info;
        }
    }
    planned
}

fn compare_parts(again: bool) {
    let object = Object {
        model: &models::KV,
        initial: Value::from(""),
        apply: text,
        looks: |call| call.f == "get",
        plan: |_| unreachable!("planned below"),
    };
    let mut counts = Counts::default();
    let mut searched = 0;
    for seed in 0..CASES {
        let mut random = Random::new(seed);
        let unknown = [4, 20][random.below(2)];
        let planned = plan_parts(&mut random, unknown, again);
        let history = history(&mut random, &planned);
        compare_one(&object, &history, seed, &mut counts);
        let report = judge(&history, object.model, &Settings::default());
        searched += report.engines.search;
    }
    counts.assert_both();
    // Only where the same text was put twice, or can have been put or appended first.
    let most = if again { CASES as usize / 2 } else { 0 };
    assert!(searched <= most, "{searched} were searched");
}

#[test]
fn text_of_which_each_part_is_written_once() {
    compare_parts(false);
}

#[test]
fn text_of_which_some_parts_are_written_again() {
    compare_parts(true);
}

#[test]
fn lists_of_which_each_element_is_appended_once() {
    let object = Object {
        model: &models::KV,
        initial: Value::from(""),
        apply: |state, call| {
            let mut all = elements(state);
            if call.f == "get" {
                return (call.result.as_ref() == Some(state)).then(|| state.clone());
            }
            all.push(call.argument.clone());
            Some(Value::List(all))
        },
        looks: |call| call.f == "get",
        plan: |_| unreachable!("planned below"),
    };
    let mut counts = Counts::default();
    for seed in 0..CASES {
        let mut random = Random::new(seed);
        let count = 1 + random.below(3);
        let mut planned: Vec<Planned> = (0..count)
            .map(|element| Planned::ok("append", json!(element), json!(element)))
            .collect();
        for _ in 0..random.below(4) {
            let seen = [json!([0]), json!([1, 0]), json!([0, 1]), json!([0, 1, 2])];
            let seen = seen[random.below(4)].clone();
            planned.push(Planned::ok("get", json!(null), seen));
        }
        if random.below(3) == 0 {
            planned[0].kind = Kind::Info;
        }
        compare_one(&object, &history(&mut random, &planned), seed, &mut counts);
    }
    counts.assert_both();
}

#[test]
fn set() {
    compare(&set_object());
}

fn set_object() -> Object {
    Object {
        model: &models::LINEARIZABLE_SET,
        initial: Value::set(Vec::new()),
        apply: |state, call| {
            let mut all = elements(state);
            match (call.f.as_str(), &call.result) {
                // What such a read saw is not known.
                ("read", Some(Value::Nil)) => return Some(state.clone()),
                ("read", Some(seen)) => {
                    let same = Value::set(elements(seen)) == *state;
                    return same.then(|| state.clone());
                }
                ("add", _) => all.push(call.argument.clone()),
                _ => all.retain(|element| *element != call.argument),
            }
            Some(Value::set(all))
        },
        looks: |call| call.f == "read",
        plan: |random| {
            let which = random.below(3);
            match random.below(6) {
                0..=2 => Planned::ok("add", json!(which), json!(which)),
                3 => Planned::ok("remove", json!(which), json!(which)),
                _ => {
                    let seen = [json!([]), json!([0]), json!([1, 0])][which].clone();
                    Planned::ok("read", json!(null), seen)
                }
            }
        },
    }
}

#[test]
fn registers_that_are_read_and_written_together() {
    compare(&registers_that_are_read_and_written_together_object());
}

fn registers_that_are_read_and_written_together_object() -> Object {
    Object {
        model: &models::MULTI_REGISTER,
        initial: Value::Map(Vec::new()),
        apply: |state, call| {
            let mut state = match state {
                Value::Map(entries) => entries.clone(),
                _ => return None,
            };
            let told = call.result.as_ref().filter(|result| **result != Value::Nil);
            for part in elements(told.unwrap_or(&call.argument)) {
                let [f, name, value] = part.elements()? else {
                    return None;
                };
                let at = state.iter().position(|(key, _)| key == name);
                match (f.as_text()?, at) {
                    ("w", Some(at)) => state[at].1 = value.clone(),
                    ("w", None) => state.push((name.clone(), value.clone())),
                    _ if *value == Value::Nil => {}
                    _ if at.is_none_or(|at| state[at].1 != *value) => return None,
                    _ => {}
                }
            }
            Some(Value::map(state))
        },
        looks: |call| {
            let parts = elements(&call.argument);
            parts
                .iter()
                .all(|part| part.elements().unwrap()[0].as_text() == Some("r"))
        },
        plan: |random| {
            let which = random.below(3);
            let (argument, result) = match random.below(6) {
                0 | 1 => {
                    let both = json!([["w", "x", which], ["w", "y", 1]]);
                    (both.clone(), both)
                }
                2 | 3 => (
                    json!([["r", "x", null], ["w", "y", which]]),
                    json!([["r", "x", 1], ["w", "y", which]]),
                ),
                _ => (
                    json!([["r", "x", null], ["r", "y", null]]),
                    json!([["r", "x", which], ["r", "y", 1]]),
                ),
            };
            Planned::ok("txn", argument, result)
        },
    }
}
