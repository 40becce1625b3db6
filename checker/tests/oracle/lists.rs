//! Transactions on lists, strictly serializable: each takes effect at one instant between its
//! invocation and its completion, and sees all that was appended before. Every order is tried.

use crate::definitions::elements;
use crate::random::{Planned, Step, Subject, is_linearizable};
use kensho_checker::generate::Random;
use kensho_checker::history::{Datum, History, Operation, Outcome};
use kensho_checker::judge::{Settings, models};
use kensho_checker::value::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// What is under each key.
type Lists = BTreeMap<String, Vec<Value>>;

/// Transactions on lists, to be compared in other ways.
pub(crate) fn subject() -> Subject {
    Subject {
        model: &models::LIST_APPEND,
        settings: Settings::default(),
        plan: Box::new(plan),
        expected: Box::new(|history| {
            let steps = steps(history);
            Some(is_linearizable(&steps, &Lists::new(), &|lists, effect| {
                apply(lists, effect)
            }))
        }),
    }
}

/// A transaction that appends what nobody else does, and sees some that may have been appended.
fn plan(random: &mut Random, before: usize) -> Planned {
    let key = ["x", "x", "y"][random.below(3)];
    let append = json!(["append", key, before + 1]);
    let mut seen: Vec<usize> = (1..=before).filter(|_| random.below(5) > 0).collect();
    let (mut asked, mut told) = (Vec::new(), Vec::new());
    let kind = random.below(4);
    if kind > 0 {
        asked.push(json!(["r", key, null]));
        told.push(json!(["r", key, seen]));
    }
    if kind != 1 {
        asked.push(append.clone());
        told.push(append);
    }
    if kind == 3 {
        seen.push(before + 1);
        asked.push(json!(["r", key, null]));
        told.push(json!(["r", key, seen]));
    }
    Planned::ok("txn", json!(asked), json!(told))
}

/// What a history's transactions do: the steps, and whether their reads were told.
fn steps(history: &History) -> Vec<Step<(Vec<Value>, bool)>> {
    let step = |(place, operation): (usize, &Operation)| {
        let told = operation.outcome == Outcome::Ok && operation.result != Datum::NIL;
        let shown = if told {
            operation.result
        } else {
            operation.argument
        };
        Step {
            effect: (elements(&history.value(shown)), told),
            inv: operation.invoke,
            ret: operation.complete,
            place: place as u32,
        }
    };
    let operations = history.operations.iter().enumerate();
    let happened = operations.filter(|(_, operation)| operation.outcome != Outcome::Fail);
    happened.map(step).collect()
}

/// The lists after a transaction; none if it did not see what was there.
fn apply(lists: &Lists, (steps, told): &(Vec<Value>, bool)) -> Option<Lists> {
    let mut lists = lists.clone();
    for step in steps {
        let [f, key, value] = &elements(step)[..] else {
            panic!("{step:?} is no step");
        };
        let list = lists.entry(key.to_string()).or_default();
        match f.as_text() {
            Some("append") => list.push(value.clone()),
            _ if !told => {}
            _ if elements(value) == *list => {}
            _ => return None,
        }
    }
    Some(lists)
}
