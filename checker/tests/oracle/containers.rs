//! Queues and stacks of all kinds: values that are unique, and values that are not.

use crate::definitions::elements;
use crate::objects::{Call, Object, compare};
use crate::random::Planned;
use kensho_checker::generate::Random;
use kensho_checker::judge::models;
use kensho_checker::value::Value;
use serde_json::json;

/// All objects, to be compared in other ways.
pub(crate) fn objects() -> Vec<Object> {
    vec![
        stacks_object(),
        stacks_of_many_values_object(),
        priority_queues_object(),
        priority_queues_of_many_values_object(),
        unordered_queues_object(),
        unordered_queues_of_many_values_object(),
    ]
}

/// Puts and takes, some of which find nothing.
fn plan(random: &mut Random, put: &'static str, take: &'static str, values: usize) -> Planned {
    let element = json!(random.below(values));
    match random.below(9) {
        0..=3 => Planned::ok(put, element.clone(), element),
        8 => Planned::ok(take, json!(null), json!(null)),
        _ => Planned::ok(take, json!(null), element),
    }
}

/// The result fits what is next; an unknown one fits anything.
fn fits(call: &Call, next: &Value) -> bool {
    call.result.as_ref().is_none_or(|result| result == next)
}

/// To find nothing changes nothing.
fn finds_nothing(call: &Call) -> bool {
    call.result == Some(Value::Nil)
}

fn stack(state: &Value, call: &Call) -> Option<Value> {
    let mut all = elements(state);
    if call.f == "push" {
        all.push(call.argument.clone());
    } else if call.result == Some(Value::Nil) {
        return all.is_empty().then_some(Value::List(all));
    } else if !fits(call, &all.pop()?) {
        return None;
    }
    Some(Value::List(all))
}

#[test]
fn stacks() {
    compare(&stacks_object());
}

fn stacks_object() -> Object {
    Object {
        model: &models::STACK,
        initial: Value::List(Vec::new()),
        apply: stack,
        looks: finds_nothing,
        plan: |random| plan(random, "push", "pop", 3),
    }
}

#[test]
fn stacks_of_many_values() {
    compare(&stacks_of_many_values_object());
}

fn stacks_of_many_values_object() -> Object {
    Object {
        model: &models::STACK,
        initial: Value::List(Vec::new()),
        apply: stack,
        looks: finds_nothing,
        plan: |random| plan(random, "push", "pop", 9),
    }
}

fn priority_queue(state: &Value, call: &Call) -> Option<Value> {
    let mut all = elements(state);
    if call.f == "enqueue" {
        all.push(call.argument.clone());
        all.sort();
    } else if call.result == Some(Value::Nil) {
        return all.is_empty().then_some(Value::List(all));
    } else if all.is_empty() || !fits(call, &all.remove(0)) {
        return None;
    }
    Some(Value::List(all))
}

#[test]
fn priority_queues() {
    compare(&priority_queues_object());
}

fn priority_queues_object() -> Object {
    Object {
        model: &models::PRIORITY_QUEUE,
        initial: Value::List(Vec::new()),
        apply: priority_queue,
        looks: finds_nothing,
        plan: |random| plan(random, "enqueue", "dequeue", 3),
    }
}

#[test]
fn priority_queues_of_many_values() {
    compare(&priority_queues_of_many_values_object());
}

fn priority_queues_of_many_values_object() -> Object {
    Object {
        model: &models::PRIORITY_QUEUE,
        initial: Value::List(Vec::new()),
        apply: priority_queue,
        looks: finds_nothing,
        plan: |random| plan(random, "enqueue", "dequeue", 9),
    }
}

/// A dequeue whose result is not known takes any one element, so the state is all that may be left.
fn bag(state: &Value, call: &Call) -> Option<Value> {
    let mut possible = Vec::new();
    for one in elements(state) {
        let all = elements(&one);
        let without = |at: usize| {
            let mut rest = all.clone();
            rest.remove(at);
            Value::List(rest)
        };
        if call.f == "enqueue" {
            let mut all = all.clone();
            all.push(call.argument.clone());
            all.sort();
            possible.push(Value::List(all));
        } else if call.result == Some(Value::Nil) {
            possible.extend(all.is_empty().then(|| Value::List(Vec::new())));
        } else {
            let fitting = (0..all.len()).filter(|at| fits(call, &all[*at]));
            possible.extend(fitting.map(without));
        }
    }
    possible.sort();
    possible.dedup();
    (!possible.is_empty()).then_some(Value::List(possible))
}

#[test]
fn unordered_queues() {
    compare(&unordered_queues_object());
}

fn unordered_queues_object() -> Object {
    Object {
        model: &models::UNORDERED_QUEUE,
        initial: Value::List(vec![Value::List(Vec::new())]),
        apply: bag,
        looks: finds_nothing,
        plan: |random| plan(random, "enqueue", "dequeue", 3),
    }
}

#[test]
fn unordered_queues_of_many_values() {
    compare(&unordered_queues_of_many_values_object());
}

fn unordered_queues_of_many_values_object() -> Object {
    Object {
        model: &models::UNORDERED_QUEUE,
        initial: Value::List(vec![Value::List(Vec::new())]),
        apply: bag,
        looks: finds_nothing,
        plan: |random| plan(random, "enqueue", "dequeue", 6),
    }
}
