//! First-in-first-out queues: all small histories with unique elements, and thousands of larger
//! ones, with dequeues that find nothing and with outcomes that are not known.

use crate::objects::{Call, Object, compare, compare_one};
use crate::random::{Counts, Planned, history};
use kensho_checker::generate::Random;
use kensho_checker::history::{Event, History, Kind, Process};
use kensho_checker::judge::models;
use kensho_checker::value::Value;
use serde_json::json;

fn apply(state: &Value, call: &Call) -> Option<Value> {
    let mut all = state.elements().unwrap_or_default().to_vec();
    match (call.f.as_str(), &call.result) {
        ("enqueue", _) => all.push(call.argument.clone()),
        (_, Some(Value::Nil)) => return all.is_empty().then(|| state.clone()),
        (_, result) => {
            let first = all.first()?.clone();
            if result.as_ref().is_some_and(|result| *result != first) {
                return None;
            }
            all.remove(0);
        }
    }
    Some(Value::List(all))
}

fn queue(plan: fn(&mut Random) -> Planned) -> Object {
    Object {
        model: &models::FIFO_QUEUE,
        initial: Value::List(Vec::new()),
        apply,
        looks: |call| call.f == "dequeue" && call.result == Some(Value::Nil),
        plan,
    }
}

#[test]
fn elements_that_repeat() {
    compare(&repeating());
}

pub(crate) fn repeating() -> Object {
    queue(|random| {
        let element = json!(random.below(3));
        match random.below(7) {
            0..=3 => Planned::ok("enqueue", element.clone(), element),
            4 => Planned::ok("dequeue", json!(null), json!(null)),
            _ => Planned::ok("dequeue", json!(null), element),
        }
    })
}

#[test]
fn unique_elements_at_random() {
    let object = queue(|_| unreachable!("planned below"));
    let mut counts = Counts::default();
    for seed in 0..10_000 {
        let mut random = Random::new(seed);
        let elements = 1 + random.below(4);
        let known = [3, 10, 100][random.below(3)];
        let mut planned = Vec::new();
        for element in 0..elements {
            planned.push(Planned::ok("enqueue", json!(element), json!(element)));
            if random.below(4) > 0 {
                planned.push(Planned::ok("dequeue", json!(null), json!(element)));
            }
        }
        for _ in 0..random.below(3) {
            planned.push(Planned::ok("dequeue", json!(null), json!(null)));
        }
        for _ in planned.len()..random.below(8) {
            planned.push(Planned {
                kind: Kind::Info,
                ..Planned::ok("dequeue", json!(null), json!(null))
            });
        }
        for plan in &mut planned {
            if random.below(known) == 0 {
                plan.kind = Kind::Info;
            }
        }
        planned.truncate(8);
        compare_one(&object, &history(&mut random, &planned), seed, &mut counts);
    }
    counts.assert_both();
}

/// What the operations of a small history are; an element is named by its place among the enqueues.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Enqueue(u64),
    Dequeue(u64),
    Empty,
    Lost,
}

/// Each order in which the operations can begin and end, in turn: an operation that ends is one
/// that is open. Lost ones never end.
fn each_order(doing: &[Doing], visit: &mut impl FnMut(&[Event])) {
    fn explore(
        doing: &[Doing],
        state: &mut Vec<u8>,
        events: &mut Vec<Event>,
        visit: &mut impl FnMut(&[Event]),
    ) {
        let mut more = false;
        for at in 0..doing.len() {
            let index = events.len() as u64;
            let (f, argument, result) = match doing[at] {
                Doing::Enqueue(element) => ("enqueue", json!(element), json!(element)),
                Doing::Dequeue(element) => ("dequeue", json!(null), json!(element)),
                Doing::Empty | Doing::Lost => ("dequeue", json!(null), json!(null)),
            };
            let event = Event::invoke(index, index, Process::Client(at as u64), f);
            let event = match state[at] {
                0 => event.with_value(argument),
                1 if !matches!(doing[at], Doing::Lost) => {
                    let ended = event.complete(index, index, Kind::Ok);
                    ended.with_value(result)
                }
                _ => continue,
            };
            more = true;
            state[at] += 1;
            events.push(event);
            explore(doing, state, events, visit);
            events.pop();
            state[at] -= 1;
        }
        if !more {
            visit(events);
        }
    }
    explore(doing, &mut vec![0; doing.len()], &mut Vec::new(), visit);
}

/// All histories with these operations, whatever overlaps.
fn all(doing: &[Doing], counts: &mut Counts) {
    let object = queue(|_| unreachable!("nothing is planned"));
    let mut number = 0;
    each_order(doing, &mut |events| {
        compare_one(&object, &History::from_events(events), number, counts);
        number += 1;
    });
}

#[test]
fn all_small_histories_with_unique_elements() {
    use Doing::{Dequeue, Empty, Enqueue, Lost};
    let mut counts = Counts::default();
    for doing in [
        &[Enqueue(0), Enqueue(1), Dequeue(0), Dequeue(1)][..],
        &[Enqueue(0), Enqueue(1), Dequeue(1)],
        &[Enqueue(0), Enqueue(1), Dequeue(1), Lost],
        &[Enqueue(0), Enqueue(1), Dequeue(1), Empty],
        &[Enqueue(0), Dequeue(0), Empty, Empty],
        &[Enqueue(0), Enqueue(1), Lost, Empty],
        &[Enqueue(0), Lost, Empty, Empty],
        &[Enqueue(0), Dequeue(0), Dequeue(0)],
        &[Enqueue(0), Dequeue(0), Lost, Empty],
        &[Enqueue(0), Dequeue(1)],
    ] {
        all(doing, &mut counts);
    }
    counts.assert_both();
}
