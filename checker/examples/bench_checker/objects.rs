//! Histories of objects other than registers, made on an object that really exists: each operation
//! takes effect at one instant between its invocation and its completion.

use kensho_checker::generate::Random;
use kensho_checker::history::{Event, History, Kind, Process};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};

/// How large a history is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) operations: usize,
    pub(crate) clients: usize,
}

/// What a client asks for.
struct Asked {
    f: &'static str,
    key: Option<usize>,
    argument: Value,
}

/// Clients take turns at random.
fn history(
    size: Size,
    mut ask: impl FnMut(&mut Random, usize) -> Asked,
    mut happen: impl FnMut(&mut Random, &Asked) -> Value,
) -> History {
    enum Client {
        Idle,
        Asking(Asked, Event),
        Told(Event, Value),
    }
    let mut random = Random::new(1);
    let mut clients: Vec<Client> = (0..size.clients).map(|_| Client::Idle).collect();
    let mut events: Vec<Event> = Vec::new();
    let (mut begun, mut open, mut time) = (0, 0, 0);
    while begun < size.operations || open > 0 {
        time += 1_000 + random.bits() % 100_000;
        let index = events.len() as u64;
        let number = random.below(size.clients);
        let client = &mut clients[number];
        *client = match std::mem::replace(client, Client::Idle) {
            Client::Idle if begun == size.operations => Client::Idle,
            Client::Idle => {
                let asked = ask(&mut random, number);
                let process = Process::Client(number as u64);
                let mut event = Event::invoke(index, time, process, asked.f);
                if let Some(key) = asked.key {
                    event = event.with_key(&key.to_string());
                }
                let event = event.with_value(asked.argument.clone());
                events.push(event.clone());
                (begun, open) = (begun + 1, open + 1);
                Client::Asking(asked, event)
            }
            Client::Asking(asked, event) => {
                let result = happen(&mut random, &asked);
                Client::Told(event, result)
            }
            Client::Told(event, result) => {
                let told = event.complete(index, time, Kind::Ok);
                events.push(told.with_value(result));
                open -= 1;
                Client::Idle
            }
        };
    }
    History::from_events(&events)
}

/// Whether a violation is planted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planted {
    Nothing,
    /// One get sees what was there long before; one dequeue takes the second element.
    One,
}

/// Text under ten keys, of the kind of Porcupine's `kv` histories: half of the operations are gets,
/// a tenth of the others puts, the others appends of texts that are all different.
pub(crate) fn texts(size: Size, planted: Planted) -> History {
    const KEYS: usize = 10;
    let mut written = vec![0; size.clients];
    let ask = |random: &mut Random, client: usize| {
        let key = Some(random.below(KEYS));
        let f = match random.below(20) {
            0..9 => "get",
            9 => "put",
            _ => "append",
        };
        let argument = if f == "get" {
            Value::Null
        } else {
            written[client] += 1;
            Value::String(format!("x {client} {} y", written[client]))
        };
        Asked { f, key, argument }
    };
    // Per key what was there, after each of its operations.
    let mut states: Vec<Vec<String>> = vec![vec![String::new()]; KEYS];
    let (mut happened, mut left) = (0, usize::from(planted == Planted::One));
    let long = 4 * size.clients;
    let happen = |_: &mut Random, asked: &Asked| {
        happened += 1;
        let states = &mut states[asked.key.unwrap_or_default()];
        let now = states.last().cloned().unwrap_or_default();
        let next = match (asked.f, asked.argument.as_str()) {
            ("put", Some(text)) => text.to_owned(),
            ("append", Some(text)) => format!("{now}{text}"),
            _ => now.clone(),
        };
        states.push(next);
        if asked.f != "get" {
            return asked.argument.clone();
        }
        let old = states.len().checked_sub(long).map(|at| &states[at]);
        match old.filter(|old| **old != now) {
            Some(old) if left > 0 && happened > size.operations / 2 => {
                left -= 1;
                Value::String(old.clone())
            }
            _ => Value::String(now),
        }
    };
    history(size, ask, happen)
}

/// A first-in-first-out queue to which some more elements come than are asked for; each element is
/// one of so many, or all are different.
pub(crate) fn queue(size: Size, different: Option<i64>, planted: Planted) -> History {
    let mut next = 0;
    let ask = |random: &mut Random, _: usize| {
        let enqueue = random.below(20) < 11;
        next += 1;
        Asked {
            f: if enqueue { "enqueue" } else { "dequeue" },
            key: None,
            argument: match different {
                _ if !enqueue => Value::Null,
                Some(different) => Value::from(next % different),
                None => Value::from(next),
            },
        }
    };
    let mut queue: VecDeque<Value> = VecDeque::new();
    let (mut happened, mut left) = (0, usize::from(planted == Planted::One));
    let happen = |_: &mut Random, asked: &Asked| {
        happened += 1;
        if asked.f == "enqueue" {
            queue.push_back(asked.argument.clone());
            return asked.argument.clone();
        }
        // So far behind the first one that they surely came one after the other.
        let behind = 4 * size.clients;
        if left > 0 && happened > size.operations / 2 && queue.len() > behind {
            left -= 1;
            return queue.remove(behind).unwrap_or(Value::Null);
        }
        queue.pop_front().unwrap_or(Value::Null)
    };
    history(size, ask, happen)
}

/// In which order a container gives its elements out.
#[derive(Clone, Copy)]
pub(crate) enum Out {
    LastFirst,
    SmallestFirst,
    Any,
}

/// A container to which some more elements come than are asked for, all different. If a violation
/// is planted, then one element comes out twice.
pub(crate) fn container(size: Size, out: Out, planted: Planted) -> History {
    let (put, take) = match out {
        Out::LastFirst => ("push", "pop"),
        Out::SmallestFirst | Out::Any => ("enqueue", "dequeue"),
    };
    let mut next = 0;
    let ask = |random: &mut Random, _: usize| {
        let puts = random.below(20) < 11;
        next += 1;
        // Numbers that neither rise nor fall, and are all different.
        let element = next * 7919 % 1_000_003;
        Asked {
            f: if puts { put } else { take },
            key: None,
            argument: if puts {
                Value::from(element)
            } else {
                Value::Null
            },
        }
    };
    let (mut elements, mut sorted) = (Vec::new(), BTreeSet::new());
    let (mut happened, mut left) = (0, usize::from(planted == Planted::One));
    let mut taken = Value::Null;
    let happen = |random: &mut Random, asked: &Asked| {
        happened += 1;
        if asked.f == put {
            let element = asked.argument.as_i64().unwrap_or_default();
            match out {
                Out::SmallestFirst => drop(sorted.insert(element)),
                Out::LastFirst | Out::Any => elements.push(element),
            }
            return asked.argument.clone();
        }
        if left > 0 && happened > size.operations / 2 && !taken.is_null() {
            left -= 1;
            return taken.clone();
        }
        let element = match out {
            Out::LastFirst => elements.pop(),
            Out::SmallestFirst => sorted.pop_first(),
            Out::Any if elements.is_empty() => None,
            Out::Any => Some(elements.swap_remove(random.below(elements.len()))),
        };
        let element = element.map_or(Value::Null, Value::from);
        if !element.is_null() {
            taken = element.clone();
        }
        element
    };
    history(size, ask, happen)
}

/// What who gets a lock is told.
#[derive(Clone, Copy)]
pub(crate) enum Told {
    Nothing,
    /// A fencing token; tokens rise.
    Token,
}

/// A lock or semaphore of so many permits, which its clients acquire and release in turns. Who does
/// not get one tries again.
pub(crate) fn lock(size: Size, permits: usize, told: Told) -> History {
    let mut holds = vec![false; size.clients];
    let (mut free, mut token) = (permits, 0);
    let mut random = Random::new(1);
    let mut events: Vec<Event> = Vec::new();
    let mut open: Vec<(usize, Event)> = Vec::new();
    let mut time = 0;
    while events.len() < 2 * size.operations {
        time += 1_000 + random.bits() % 100_000;
        let index = events.len() as u64;
        let client = random.below(size.clients);
        let Some(at) = open.iter().position(|(other, _)| *other == client) else {
            let f = if holds[client] { "release" } else { "acquire" };
            let event = Event::invoke(index, time, Process::Client(client as u64), f);
            events.push(event.clone());
            open.push((client, event));
            continue;
        };
        let (_, event) = open.swap_remove(at);
        let kind = match (event.f.as_str(), free) {
            ("release", _) => {
                (holds[client], free) = (false, free + 1);
                Kind::Ok
            }
            (_, 0) => Kind::Fail,
            _ => {
                (holds[client], free) = (true, free - 1);
                Kind::Ok
            }
        };
        let got = event.f == "acquire" && kind == Kind::Ok;
        let answer = event.complete(index, time, kind);
        events.push(match told {
            Told::Token if got => {
                token += 1;
                answer.with_value(token)
            }
            _ => answer,
        });
    }
    History::from_events(&events)
}

/// A set of at most twenty elements: half of the operations read all of it.
pub(crate) fn set(size: Size, planted: Planted) -> History {
    const ELEMENTS: usize = 20;
    let ask = |random: &mut Random, _: usize| {
        let f = ["add", "remove", "read", "read"][random.below(4)];
        let argument = match f {
            "read" => Value::Null,
            _ => Value::from(random.below(ELEMENTS)),
        };
        Asked {
            f,
            key: None,
            argument,
        }
    };
    let mut elements: BTreeSet<u64> = BTreeSet::new();
    let (mut happened, mut left) = (0, usize::from(planted == Planted::One));
    let happen = |_: &mut Random, asked: &Asked| {
        happened += 1;
        let element = asked.argument.as_u64().unwrap_or_default();
        match asked.f {
            "add" => drop(elements.insert(element)),
            "remove" => drop(elements.remove(&element)),
            _ if left > 0 && happened > size.operations / 2 => {
                left -= 1;
                return Value::from(vec![ELEMENTS]);
            }
            _ => return elements.iter().copied().collect(),
        }
        asked.argument.clone()
    };
    history(size, ask, happen)
}
