//! A queue in any order: what went in comes out, once.
//!
//! Operations: `enqueue` an element, `dequeue` one (its result; nothing if the queue was empty),
//! `drain` all (a list). For first-in-first-out order use [`crate::linearizable::models::FifoQueue`].
//!
//! An element is lost if it never came out, although the queue was found empty after all had been
//! put in. A dequeue that was refused does not show that the queue was empty, unless its error says
//! so (`empty`, `exhausted`).

use super::{Findings, each_key, initial_elements, listed, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{Datum, History, Outcome};
use crate::judge::{Known, Model, NilAnswer, Setting, unexpected};
use crate::register::NilRead;
use crate::report::Report;
use crate::value::Value;

/// The model `queue`.
pub static MODEL: Model = Model {
    name: "queue",
    help: "A queue in any order: enqueue, dequeue, drain; what went in comes out, once",
    operations: &[
        Known::change("enqueue"),
        Known::asks("dequeue", NilAnswer::UnlessSet).with_observes(|seen| {
            seen.answers(NilAnswer::UnlessSet)
                || seen.operation.outcome == Outcome::Fail && says_empty(seen.history, seen.place)
        }),
        Known::question("drain"),
    ],
    settings: &[Setting::Init, Setting::NilReads],
    guess: Some(|evidence| {
        let queues = evidence.has_any(&["enqueue", "dequeue", "drain"]);
        queues.then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| {
        let initial = match initial_elements(settings.initial.as_ref()) {
            Ok(initial) => initial,
            Err(reason) => return Report::unknown("queue", history, reason),
        };
        let nil_is_unknown = settings.nil_read == Some(NilRead::Unknown);
        let options = Options {
            initial,
            nil_is_unknown,
        };
        check(history, &options)
    },
};

/// What the queue is like.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The elements that it holds in the beginning.
    pub initial: Vec<Value>,
    /// Whether a dequeue of nothing is one whose result is not known; otherwise it found the queue
    /// empty.
    pub nil_is_unknown: bool,
}

/// Judges every element, each key on its own.
pub fn check(history: &History, options: &Options) -> Report {
    each_key(history, |places| {
        Queue::of(history, places, options).judge()
    })
}

#[derive(Default)]
struct Element {
    /// When it may have been put in, by position; zero is in the beginning.
    attempts: Vec<u32>,
    /// The operations that put it in for sure, and when each was known to have done so.
    acknowledged: Vec<(u32, u32)>,
    /// The operations that took it out, by the position of their completion.
    taken: Vec<(u32, u32)>,
}

struct Queue<'a> {
    findings: Findings<'a>,
    elements: FastMap<Value, Element>,
    order: Vec<Value>,
    /// The latest beginning of an enqueue.
    last_enqueue: u32,
    /// The beginnings of operations that found the queue empty.
    found_empty: Vec<u32>,
    /// How many elements operations of unknown outcome may have taken.
    maybe_taken: usize,
}

impl<'a> Queue<'a> {
    fn of(history: &'a History, places: &'a [u32], options: &Options) -> Queue<'a> {
        let mut queue = Queue {
            findings: Findings::new(history),
            elements: FastMap::default(),
            order: Vec::new(),
            last_enqueue: 0,
            found_empty: Vec::new(),
            maybe_taken: 0,
        };
        for element in &options.initial {
            queue.element(element).attempts.push(0);
        }
        queue.read_enqueues(history, places);
        queue.read_dequeues(history, places, options);
        queue.read_drains(history, places);
        queue
    }

    fn element(&mut self, value: &Value) -> &mut Element {
        if !self.elements.contains_key(value) {
            self.order.push(value.clone());
        }
        self.elements.entry(value.clone()).or_default()
    }

    fn read_enqueues(&mut self, history: &History, places: &[u32]) {
        for (place, enqueue) in named_of(history, places, "enqueue") {
            if enqueue.outcome == Outcome::Fail {
                continue;
            }
            self.last_enqueue = self.last_enqueue.max(enqueue.invoke);
            let element = self.element(&history.value(enqueue.argument));
            element.attempts.push(enqueue.invoke);
            if succeeded(enqueue) {
                element.acknowledged.push((place, enqueue.complete));
            }
        }
    }

    fn read_dequeues(&mut self, history: &History, places: &[u32], options: &Options) {
        for (place, dequeue) in named_of(history, places, "dequeue") {
            match dequeue.outcome {
                Outcome::Ok if dequeue.result != Datum::NIL => {
                    let element = self.element(&history.value(dequeue.result));
                    element.taken.push((dequeue.complete, place));
                }
                Outcome::Ok if options.nil_is_unknown => self.maybe_taken += 1,
                Outcome::Ok => self.found_empty.push(dequeue.invoke),
                Outcome::Fail if says_empty(history, place) => {
                    self.found_empty.push(dequeue.invoke);
                }
                Outcome::Fail => {}
                Outcome::Unknown => self.maybe_taken += 1,
            }
        }
    }

    fn read_drains(&mut self, history: &History, places: &[u32]) {
        for (place, drain) in named_of(history, places, "drain") {
            let value = history.value(drain.result);
            match (drain.outcome, value.elements()) {
                (Outcome::Fail, _) => {}
                // It may have taken everything.
                (Outcome::Unknown, _) => self.maybe_taken = usize::MAX,
                (Outcome::Ok, None) if value != Value::Nil => {
                    let odd = unexpected(history, drain, drain.result, "a list of elements");
                    self.findings.not_read(odd);
                    self.maybe_taken = usize::MAX;
                }
                (Outcome::Ok, elements) => {
                    for element in elements.unwrap_or_default() {
                        let taken = (drain.complete, place);
                        self.element(element).taken.push(taken);
                    }
                    self.found_empty.push(drain.invoke);
                }
            }
        }
    }

    fn judge(mut self) -> Report {
        let last_enqueue = self.last_enqueue;
        let found_empty = self.found_empty.iter().copied();
        let found_empty = found_empty.filter(|began| *began > last_enqueue).max();
        let mut left = Vec::new();
        let mut lost = Vec::new();
        for value in &self.order {
            let Some(element) = self.elements.get_mut(value) else {
                continue;
            };
            let findings = &mut self.findings;
            judge_element(findings, value, element);
            let unmet = element.acknowledged.len() > element.taken.len();
            if let (true, Some((place, _))) = (unmet, element.acknowledged.first()) {
                left.push(value.clone());
                let before = |known: u32| found_empty.is_some_and(|began| known < began);
                let known = element
                    .acknowledged
                    .iter()
                    .filter(|(_, known)| before(*known));
                if known.count() > element.taken.len() {
                    lost.push((value.clone(), *place));
                }
            }
        }
        // Each dequeue of unknown outcome may have taken one.
        if lost.len() > self.maybe_taken {
            let names: Vec<Value> = lost.iter().map(|(value, _)| value.clone()).collect();
            let text = format!(
                "{} acknowledged element(s) never came out, although the queue was found empty later: {}.",
                lost.len(),
                listed(&names)
            );
            let places: Vec<u32> = lost.iter().map(|(_, place)| *place).take(20).collect();
            self.findings.add(AnomalyName::LostElement, text, &places);
        }
        self.findings.detail("drained", found_empty.is_some());
        self.findings.detail("left", left.len());
        self.findings.detail("elements", self.order.len());
        self.findings.report("queue", None)
    }
}

/// Whether a dequeue that failed says that the queue was empty.
pub(crate) fn says_empty(history: &History, place: u32) -> bool {
    history.error(place).is_some_and(|error| {
        let error = error.to_ascii_lowercase();
        error.contains("empty") || error.contains("exhausted")
    })
}

/// Whether what came out had been put in, as often and as early.
fn judge_element(findings: &mut Findings<'_>, value: &Value, element: &mut Element) {
    element.attempts.sort_unstable();
    element.taken.sort_unstable();
    let places: Vec<u32> = element.taken.iter().map(|(_, place)| *place).collect();
    if places.is_empty() {
        return;
    }
    if element.attempts.is_empty() {
        let text = format!("{value} came out, but nobody had put it in.");
        findings.add(AnomalyName::PhantomElement, text, &places);
    } else if places.len() > element.attempts.len() {
        let text = format!(
            "{value} came out {} times, but was put in {} time(s).",
            places.len(),
            element.attempts.len()
        );
        findings.add(AnomalyName::DuplicateElement, text, &places);
    } else {
        let early = element
            .attempts
            .iter()
            .zip(&element.taken)
            .find(|(began, (came_out, _))| *began > came_out);
        if let Some((_, (_, place))) = early {
            let text = format!(
                "{} had ended before anybody began to put that in.",
                findings.operation(*place)
            );
            findings.add(AnomalyName::ReadFromTheFuture, text, &[*place]);
        }
    }
}
