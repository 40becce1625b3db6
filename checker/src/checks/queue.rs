//! A queue in any order: what went in comes out, once.
//!
//! Operations: `enqueue` an element, `dequeue` one (its result; nothing if the queue was empty),
//! `drain` all (a list). For first-in-first-out order use [`crate::linearizable::models::FifoQueue`].

use super::{Findings, each_key, listed, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{Datum, History, Outcome};
use crate::judge::{Known, Model};
use crate::report::Report;
use crate::value::Value;

/// The model `queue`.
pub static MODEL: Model = Model {
    name: "queue",
    help: "A queue in any order: enqueue, dequeue, drain; what went in comes out, once",
    operations: &[
        Known::change("enqueue"),
        Known::question("dequeue"),
        Known::question("drain"),
    ],
    settings: &[],
    guess: Some(|evidence| {
        let queues = evidence.has_any(&["enqueue", "dequeue", "drain"]);
        queues.then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, _| check(history),
};

#[derive(Default)]
struct Element {
    attempts: usize,
    acknowledged: Vec<u32>,
    dequeues: Vec<u32>,
}

/// Judges every element, each key on its own.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    let mut elements: FastMap<Value, Element> = FastMap::default();
    let mut order: Vec<Value> = Vec::new();
    let mut entry = |value: Value| -> Value {
        if !elements.contains_key(&value) {
            elements.insert(value.clone(), Element::default());
            order.push(value.clone());
        }
        value
    };
    let mut enqueued = Vec::new();
    let mut last_enqueue = 0;
    for (place, enqueue) in named_of(history, places, "enqueue") {
        if enqueue.outcome != Outcome::Fail {
            enqueued.push((
                entry(history.value(enqueue.argument)),
                place,
                succeeded(enqueue),
            ));
            last_enqueue = last_enqueue.max(enqueue.invoke);
        }
    }
    let mut dequeued = Vec::new();
    let (mut unknown, mut drained) = (0, false);
    for (place, dequeue) in named_of(history, places, "dequeue") {
        match dequeue.outcome {
            Outcome::Ok if dequeue.result != Datum::NIL => {
                dequeued.push((entry(history.value(dequeue.result)), place));
            }
            Outcome::Ok | Outcome::Fail => drained |= dequeue.invoke > last_enqueue,
            Outcome::Unknown => unknown += 1,
        }
    }
    for (place, drain) in named_of(history, places, "drain") {
        let value = history.value(drain.result);
        for element in value.elements().unwrap_or_default() {
            dequeued.push((entry(element.clone()), place));
        }
        unknown += usize::from(drain.outcome == Outcome::Unknown);
        drained |= succeeded(drain) && drain.invoke > last_enqueue;
    }
    for (value, place, acknowledged) in enqueued {
        let element = elements.entry(value).or_default();
        element.attempts += 1;
        if acknowledged {
            element.acknowledged.push(place);
        }
    }
    for (value, place) in dequeued {
        elements.entry(value).or_default().dequeues.push(place);
    }
    let mut lost = Vec::new();
    for value in &order {
        let element = &elements[value];
        if element.attempts == 0 {
            let text = format!("{value} came out, but nobody had put it in.");
            findings.add(AnomalyName::PhantomElement, text, &element.dequeues);
        } else if element.dequeues.len() > element.attempts {
            let text = format!(
                "{value} came out {} times, but was put in {} time(s).",
                element.dequeues.len(),
                element.attempts
            );
            findings.add(AnomalyName::DuplicateElement, text, &element.dequeues);
        } else if element.acknowledged.len() > element.dequeues.len() {
            lost.push((value.clone(), element.acknowledged[0]));
        }
    }
    // Each dequeue of unknown outcome may have taken one.
    if drained && lost.len() > unknown {
        let names: Vec<Value> = lost.iter().map(|(value, _)| value.clone()).collect();
        let text = format!(
            "{} acknowledged element(s) never came out, although the queue was drained: {}.",
            lost.len(),
            listed(&names)
        );
        let places: Vec<u32> = lost.iter().map(|(_, place)| *place).take(20).collect();
        findings.add(AnomalyName::LostElement, text, &places);
    }
    findings.detail("drained", drained);
    findings.detail("left", lost.len());
    findings.detail("elements", order.len());
    let missing = order
        .is_empty()
        .then(|| "nothing was put in, so nothing was checked".to_owned());
    findings.report("queue", missing)
}
