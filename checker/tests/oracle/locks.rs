//! Locks with owners and tokens, and semaphores.

use crate::objects::{Call, Object, compare, elements};
use crate::random::Planned;
use kensho_checker::generate::Random;
use kensho_checker::judge::models;
use kensho_checker::value::Value;
use serde_json::json;

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

/// The holders, once for each time that it is held; each token that was ever handed out, a set of
/// possible ones where it was not seen.
fn lock(state: &Value, call: &Call, reentrant: bool) -> Option<Value> {
    let mut holders = elements(state);
    if call.f == "release" {
        return (holders.pop()? == call.argument).then_some(Value::List(holders));
    }
    let mine = reentrant && holders.first() == Some(&call.argument);
    if !holders.is_empty() && !mine {
        return None;
    }
    holders.push(call.argument.clone());
    Some(Value::List(holders))
}

#[test]
fn locks_with_owners() {
    compare(&Object {
        model: &models::OWNED_MUTEX,
        initial: Value::List(Vec::new()),
        apply: |state, call| lock(state, call, false),
        looks: |_| false,
        plan: |random| plan(random, 0),
    });
}

#[test]
fn reentrant_locks() {
    compare(&Object {
        model: &models::REENTRANT_MUTEX,
        initial: Value::List(Vec::new()),
        apply: |state, call| lock(state, call, true),
        looks: |_| false,
        plan: |random| plan(random, 0),
    });
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
    let object = Object {
        model: &models::FENCED_MUTEX,
        initial: unlocked(),
        apply: |state, call| fenced(state, call, false),
        looks: |_| false,
        plan: |random| plan(random, 4),
    };
    compare(&object);
}

#[test]
fn reentrant_fenced_locks() {
    let object = Object {
        model: &models::REENTRANT_FENCED_MUTEX,
        initial: unlocked(),
        apply: |state, call| fenced(state, call, true),
        looks: |_| false,
        plan: |random| plan(random, 3),
    };
    compare(&object);
}

#[test]
fn semaphores() {
    compare(&Object {
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
    });
}
