//! Locks with owners and tokens, and semaphores.

use crate::definitions::elements;
use crate::objects::{Call, Object, compare};
use crate::random::Planned;
use kensho_checker::generate::Random;
use kensho_checker::judge::{Model, models};
use kensho_checker::value::Value;
use serde_json::json;

/// All objects, to be compared in other ways.
pub(crate) fn objects() -> Vec<Object> {
    vec![
        locks_with_owners_object(),
        reentrant_locks_object(),
        fenced_locks_object(),
        reentrant_fenced_locks_object(),
        semaphores_object(),
    ]
}

/// Clients that are named, since processes are chosen by chance.
fn plan(random: &mut Random, tokens: i64) -> Planned {
    let client = ["ann", "bob"][random.below(2)];
    match random.below(2) {
        0 if tokens > 0 => {
            let token = random.below(tokens as usize);
            Planned::ok(
                "acquire",
                json!(client),
                json!({"client": client, "fence": token}),
            )
        }
        0 => Planned::ok("acquire", json!(client), json!(client)),
        _ => Planned::ok("release", json!(client), json!(client)),
    }
}

/// Whether operations may leave out their value: of a lock the process is the client then, and of a
/// semaphore one permit is meant.
pub(crate) fn values_may_be_left_out(model: &Model) -> bool {
    objects()
        .iter()
        .any(|object| object.model.name == model.name)
}

/// For whom an operation acts.
fn client(call: &Call) -> Value {
    match &call.argument {
        Value::Nil => Value::Int(i64::from(call.process)),
        Value::Map(_) => call.argument.get("client").cloned().unwrap(),
        name => name.clone(),
    }
}

/// The holders, once for each time that it is held; each token that was ever handed out, a set of
/// possible ones where it was not seen.
fn lock(state: &Value, call: &Call, reentrant: bool) -> Option<Value> {
    let mut holders = elements(state);
    if call.f == "release" {
        return (holders.pop()? == client(call)).then_some(Value::List(holders));
    }
    let mine = reentrant && holders.first() == Some(&client(call));
    if !holders.is_empty() && !mine {
        return None;
    }
    holders.push(client(call));
    Some(Value::List(holders))
}

#[test]
fn locks_with_owners() {
    compare(&locks_with_owners_object());
}

fn locks_with_owners_object() -> Object {
    Object {
        model: &models::OWNED_MUTEX,
        initial: Value::List(Vec::new()),
        apply: |state, call| lock(state, call, false),
        looks: |_| false,
        plan: |random| plan(random, 0),
    }
}

#[test]
fn reentrant_locks() {
    compare(&reentrant_locks_object());
}

fn reentrant_locks_object() -> Object {
    Object {
        model: &models::REENTRANT_MUTEX,
        initial: Value::List(Vec::new()),
        apply: |state, call| lock(state, call, true),
        looks: |_| false,
        plan: |random| plan(random, 0),
    }
}

/// All that may be: each a list of the holders, the holder's token, and the newest token. Tokens
/// that nobody saw are tried, from -9 to 9.
fn fenced(state: &Value, call: &Call, reentrant: bool) -> Option<Value> {
    let seen = call.result.as_ref().and_then(|result| result.get("fence"));
    let seen = seen.map(|token| token.as_int().unwrap());
    let mut possible = Vec::new();
    for one in elements(state) {
        let [holders, token, newest] = &elements(&one)[..] else {
            unreachable!();
        };
        let held = !elements(holders).is_empty();
        let Some(next) = lock(holders, call, reentrant) else {
            continue;
        };
        let newest = newest.as_int().unwrap();
        if call.f == "release" {
            possible.push(Value::List(vec![next, token.clone(), Value::Int(newest)]));
        } else if held {
            let token = token.as_int().unwrap();
            if seen.is_none_or(|seen| seen == token) {
                possible.push(Value::List(vec![
                    next,
                    Value::Int(token),
                    Value::Int(newest),
                ]));
            }
        } else {
            for token in newest + 1..=9 {
                if seen.is_none_or(|seen| seen == token) {
                    let (token, next) = (Value::Int(token), next.clone());
                    possible.push(Value::List(vec![next, token.clone(), token]));
                }
            }
        }
    }
    possible.sort();
    possible.dedup();
    (!possible.is_empty()).then_some(Value::List(possible))
}

fn unlocked() -> Value {
    let nobody = Value::List(Vec::new());
    Value::List(vec![Value::List(vec![
        nobody,
        Value::Int(-10),
        Value::Int(-10),
    ])])
}

#[test]
fn fenced_locks() {
    compare(&fenced_locks_object());
}

fn fenced_locks_object() -> Object {
    Object {
        model: &models::FENCED_MUTEX,
        initial: unlocked(),
        apply: |state, call| fenced(state, call, false),
        looks: |_| false,
        plan: |random| plan(random, 4),
    }
}

#[test]
fn reentrant_fenced_locks() {
    compare(&reentrant_fenced_locks_object());
}

fn reentrant_fenced_locks_object() -> Object {
    Object {
        model: &models::REENTRANT_FENCED_MUTEX,
        initial: unlocked(),
        apply: |state, call| fenced(state, call, true),
        looks: |_| false,
        plan: |random| plan(random, 3),
    }
}

#[test]
fn semaphores() {
    compare(&semaphores_object());
}

fn semaphores_object() -> Object {
    Object {
        model: &models::SEMAPHORE,
        initial: Value::Int(0),
        apply: |out, call| {
            let count = call.argument.as_int().unwrap_or(1);
            let out = out.as_int()?;
            let after = match call.f.as_str() {
                "acquire" => out + count,
                _ => out - count,
            };
            (0..=2).contains(&after).then_some(Value::Int(after))
        },
        looks: |_| false,
        plan: |random| {
            let f = ["acquire", "release"][random.below(2)];
            let count = [json!(null), json!(1), json!(2)][random.below(3)].clone();
            Planned::ok(f, count.clone(), count)
        },
    }
}
