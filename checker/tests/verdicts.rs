//! Each name of an anomaly and each field of a verdict: a history in which it is planted, and a
//! near miss in which it must not be found.

mod notation;
mod planted;

use kensho_checker::anomaly::AnomalyName;
use kensho_checker::budget::Budget;
use kensho_checker::explain;
use kensho_checker::formats::{self, Format};
use kensho_checker::generate::{self, Recipe, Values};
use kensho_checker::history::{Event, History, Kind, Process};
use kensho_checker::judge::{Model, Settings, judge, models};
use kensho_checker::register::NilRead;
use kensho_checker::report::Report;
use notation::history;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

fn report(model: &'static Model, history: &History) -> Report {
    let settings = Settings {
        format: Some(Format::Edn),
        nil_read: Some(NilRead::Value),
        linearizable_set: true,
        permits: Some(2),
        ..Settings::default()
    };
    judge(history, model, &settings)
}

/// A name, a model, what both histories have, and what makes the one wrong and the other right.
type Planted = (
    AnomalyName,
    &'static Model,
    &'static str,
    &'static str,
    &'static str,
);

use AnomalyName as A;

const PLANTED: &[Planted] = &[
    (
        A::PhantomRead,
        &models::REGISTER,
        "0-1 0 write 1",
        "2-3 1 read 7",
        "2-3 1 read 1",
    ),
    (
        A::StaleRead,
        &models::REGISTER,
        "0-1 0 write 1; 4-5 1 read 1",
        "2-3 0 write 2",
        "2-6 0 write 2",
    ),
    (
        A::ReadFromTheFuture,
        &models::REGISTER,
        "0-3 0 read 7",
        "4-5 1 write 7",
        "2-5 1 write 7",
    ),
    (
        A::NewOldInversion,
        &models::REGISTER,
        "0-1 0 write 1; 2-9 1 write 2; 3-4 2 read 2",
        "5-6 3 read 1",
        "5-6 3 read 2",
    ),
    (
        A::LostUpdate,
        &models::REGISTER,
        "0-1 0 write 1; 2-5 1 cas [1 2]",
        "3-4 2 cas [1 3]",
        "3-4 2 cas [2 3]",
    ),
    (
        A::CasCycle,
        &models::REGISTER,
        "1-4 1 cas [2 1]",
        "0-3 0 cas [1 2]",
        "0-3 0 write 2",
    ),
    (
        A::DuplicateEffect,
        &models::REGISTER,
        "0-? 0 write 1; 1-2 1 read 1; 3-4 2 write 2",
        "5-6 3 read 1",
        "5-6 3 read 2",
    ),
    (
        A::NotLinearizable,
        &models::MULTI_REGISTER,
        "0-1 0 txn [[:w :x 1] [:w :y 1]]; 2-3 0 txn [[:w :x 2] [:w :y 2]]",
        "4-5 1 txn [[:r :x 1] [:r :y 2]]",
        "4-5 1 txn [[:r :x 2] [:r :y 2]]",
    ),
    (
        A::LockHeldTwice,
        &models::MUTEX,
        "0-1 0 acquire nil",
        "4-5 1 acquire nil",
        "2-3 0 release nil; 4-5 1 acquire nil",
    ),
    (
        A::PhantomElement,
        &models::SET,
        "0-1 0 add 1",
        "2-3 1 read [1 9]",
        "2-3 1 read [1]",
    ),
    (
        A::OutOfOrder,
        &models::FIFO_QUEUE,
        "0-1 0 enqueue 1; 2-3 0 enqueue 2",
        "4-5 1 dequeue 2",
        "4-5 1 dequeue 1",
    ),
    (
        A::EmptyThoughFull,
        &models::FIFO_QUEUE,
        "0-1 0 enqueue 1; 4-5 1 dequeue 1",
        "2-3 1 dequeue nil",
        "6-7 1 dequeue nil",
    ),
    (
        A::LostElement,
        &models::QUEUE,
        "0-1 0 enqueue 1; 4-5 1 dequeue nil",
        "",
        "2-3 1 dequeue 1",
    ),
    (
        A::DuplicateElement,
        &models::QUEUE,
        "0-1 0 enqueue 1; 4-5 1 dequeue 1; 6-7 1 dequeue 1",
        "",
        "2-3 0 enqueue 1",
    ),
    (
        A::LostWrite,
        &models::SET,
        "0-1 0 add 1; 2-3 1 add 2",
        "4-5 1 read [2]",
        "4-5 1 read [1 2]",
    ),
    (
        A::StaleElement,
        &models::SET_FULL,
        "0-1 0 add 1; 6-7 1 read [1]",
        "4-5 1 read []",
        "4-5 1 read [1]",
    ),
    (
        A::WrongTotal,
        &models::BANK,
        "0-1 0 read {:a 5 :b 5}; 2-3 0 read {:a 4 :b 6}",
        "4-5 1 read {:a 4 :b 5}",
        "4-5 1 read {:a 5 :b 5}",
    ),
    (
        A::NegativeBalance,
        &models::BANK,
        "0-1 0 read {:a 5 :b 5}",
        "2-3 1 read {:a 11 :b -1}",
        "2-3 1 read {:a 10 :b 0}",
    ),
    (
        A::WrongAccounts,
        &models::BANK,
        "0-1 0 read {:a 5 :b 5}; 2-3 0 read {:a 4 :b 6}",
        "4-5 1 read {:a 10}",
        "4-5 1 read {:a 10 :b 0}",
    ),
    (
        A::CounterOutOfBounds,
        &models::COUNTER,
        "0-1 0 add 2; 2-? 1 add 3",
        "3-4 2 read 6",
        "3-4 2 read 5",
    ),
    (
        A::LongFork,
        &models::LONG_FORK,
        "0-1 0 read [[:r 0 1] [:r 1 nil]]",
        "2-3 1 read [[:r 0 nil] [:r 1 1]]",
        "2-3 1 read [[:r 0 1] [:r 1 1]]",
    ),
    (
        A::DuplicateId,
        &models::UNIQUE_IDS,
        "0-1 0 generate 1",
        "2-3 1 generate 1",
        "2-3 1 generate 2",
    ),
    (
        A::NotMonotonic,
        &models::MONOTONIC,
        "0-1 0 read 3",
        "2-3 1 read 2",
        "2-3 1 read 3",
    ),
    (
        A::MonotonicReads,
        &models::SESSION,
        "0-1 0 read 3",
        "2-3 0 read 2",
        "2-3 1 read 2",
    ),
    (
        A::ReadYourWrites,
        &models::SESSION,
        "0-1 0 write 3",
        "2-3 0 read 2",
        "2-3 1 read 2",
    ),
    (
        A::G0,
        &models::LIST_APPEND,
        "0-10 0 txn [[:append x 1] [:append y 1]]; 1-11 1 txn [[:append x 2] [:append y 2]]",
        "12-13 2 txn [[:r x [1 2]] [:r y [2 1]]]",
        "12-13 2 txn [[:r x [1 2]] [:r y [1 2]]]",
    ),
    (
        A::G0Process,
        &models::LIST_APPEND,
        "0-1 0 txn [[:append x 1]]; 2-3 0 txn [[:append x 2]]",
        "4-5 2 txn [[:r x [2 1]]]",
        "4-5 2 txn [[:r x [1 2]]]",
    ),
    (
        A::G0Realtime,
        &models::LIST_APPEND,
        "0-1 0 txn [[:append x 1]]; 2-3 1 txn [[:append x 2]]",
        "4-5 2 txn [[:r x [2 1]]]",
        "4-5 2 txn [[:r x [1 2]]]",
    ),
    (
        A::G1a,
        &models::LIST_APPEND,
        "2-3 1 txn [[:r x [1]]]",
        "0-1! 0 txn [[:append x 1]]",
        "0-? 0 txn [[:append x 1]]",
    ),
    (
        A::G1b,
        &models::LIST_APPEND,
        "0-10 0 txn [[:append x 1] [:append x 2]]; 12-13 2 txn [[:r x [1 2]]]",
        "1-11 1 txn [[:r x [1]]]",
        "1-11 1 txn [[:r x [1 2]]]",
    ),
    (
        A::G1c,
        &models::LIST_APPEND,
        "0-10 0 txn [[:append x 1] [:r y [1]]]",
        "1-11 1 txn [[:append y 1] [:r x [1]]]",
        "1-11 1 txn [[:append y 1] [:r x []]]",
    ),
    (
        A::G1cProcess,
        &models::LIST_APPEND,
        "2-3 0 txn [[:append x 1]]",
        "0-1 0 txn [[:r x [1]]]",
        "4-5 0 txn [[:r x [1]]]",
    ),
    (
        A::G1cRealtime,
        &models::LIST_APPEND,
        "2-3 0 txn [[:append x 1]]",
        "0-1 1 txn [[:r x [1]]]",
        "0-4 1 txn [[:r x [1]]]",
    ),
    (
        A::GSingle,
        &models::LIST_APPEND,
        "0-10 0 txn [[:append x 1] [:append y 1]]; 12-13 2 txn [[:r y [1]]]",
        "1-11 1 txn [[:r x [1]] [:r y []]]",
        "1-11 1 txn [[:r x [1]] [:r y [1]]]",
    ),
    (
        A::GSingleProcess,
        &models::LIST_APPEND,
        "0-1 0 txn [[:append x 1]]; 4-5 2 txn [[:r x [1]]]",
        "2-3 0 txn [[:r x []]]",
        "2-3 0 txn [[:r x [1]]]",
    ),
    (
        A::GSingleRealtime,
        &models::LIST_APPEND,
        "1-2 0 txn [[:append x 1]]; 5-6 2 txn [[:r x [1]]]",
        "3-4 1 txn [[:r x []]]",
        "0-4 1 txn [[:r x []]]",
    ),
    (
        A::GNonadjacent,
        &models::LIST_APPEND,
        "0-10 0 txn [[:append x 1]]; 1-11 1 txn [[:append y 1]]; 2-12 2 txn [[:r x [1]] [:r y []]]; 14-15 4 txn [[:r x [1]] [:r y [1]]]",
        "3-13 3 txn [[:r x []] [:r y [1]]]",
        "3-13 3 txn [[:r x [1]] [:r y [1]]]",
    ),
    (
        A::GNonadjacentProcess,
        &models::LIST_APPEND,
        "0-6 0 txn [[:append x 1]]; 1-7 2 txn [[:r x [1]] [:r y []]]; 2-3 1 txn [[:append y 1]]; 8-9 4 txn [[:r y [1]]]",
        "4-5 1 txn [[:r x []]]",
        "4-5 1 txn [[:r x [1]]]",
    ),
    (
        A::GNonadjacentRealtime,
        &models::LIST_APPEND,
        "0-6 0 txn [[:append x 1]]; 1-7 2 txn [[:r x [1]] [:r y []]]; 2-3 1 txn [[:append y 1]]; 8-9 4 txn [[:r y [1]]]",
        "4-5 3 txn [[:r x []]]",
        "4-5 3 txn [[:r x [1]]]",
    ),
    (
        A::G2Item,
        &models::LIST_APPEND,
        "0-10 0 txn [[:r x []] [:append y 1]]; 12-13 2 txn [[:r x [1]] [:r y [1]]]",
        "1-11 1 txn [[:r y []] [:append x 1]]",
        "1-11 1 txn [[:r y [1]] [:append x 1]]",
    ),
    (
        A::G2ItemProcess,
        &models::LIST_APPEND,
        "1-2 2 txn [[:append z 1]]; 3-4 2 txn [[:r x []]]; 6-7 4 txn [[:r x [1]] [:r z [1]]]",
        "0-5 1 txn [[:append x 1] [:r z []]]",
        "0-5 1 txn [[:append x 1] [:r z [1]]]",
    ),
    (
        A::G2ItemRealtime,
        &models::LIST_APPEND,
        "1-2 2 txn [[:append z 1]]; 3-4 3 txn [[:r x []]]; 6-7 4 txn [[:r x [1]] [:r z [1]]]",
        "0-5 1 txn [[:append x 1] [:r z []]]",
        "0-5 1 txn [[:append x 1] [:r z [1]]]",
    ),
    (
        A::NonMonotonicView,
        &models::RW_REGISTER,
        "0-10 0 txn [[:w x 1] [:w y 1]]; 1-11 1 txn [[:w x 2] [:w y 2]]",
        "2-12 2 txn [[:r x 1] [:r y 2] [:r x 1]]",
        "2-12 2 txn [[:r x 2] [:r y 2] [:r x 2]]",
    ),
    (
        A::FracturedRead,
        &models::RW_REGISTER,
        "0-10 0 txn [[:w x 1] [:w y 1]]; 1-11 1 txn [[:w x 2] [:w y 2]]",
        "2-12 2 txn [[:r x 1] [:r y 2]]",
        "2-12 2 txn [[:r x 2] [:r y 2]]",
    ),
    (
        A::CausalityViolation,
        &models::RW_REGISTER,
        "0-10 0 txn [[:w x 1]]; 1-11 1 txn [[:w x 2]]; 2-12 2 txn [[:r x 1] [:w y 1]]; 3-13 3 txn [[:r x 2] [:w z 1]]; 4-14 4 txn [[:r y 1] [:r x 2]]",
        "5-15 5 txn [[:r z 1] [:r x 1]]",
        "5-15 5 txn [[:r z 1] [:r x 2]]",
    ),
    (
        A::NoVersionOrder,
        &models::RW_REGISTER,
        "0-10 0 txn [[:w x 1] [:r z nil]]; 1-11 1 txn [[:w x 2] [:r y nil]]; 2-12 2 txn [[:w y 1]]; 3-13 3 txn [[:w z 1]]; 4-14 4 txn [[:r x 1] [:r y 1]]",
        "5-15 5 txn [[:r x 2] [:r z 1]]",
        "5-15 5 txn [[:r x 2] [:r z nil]]",
    ),
    (
        A::CyclicVersions,
        &models::RW_REGISTER,
        "1-11 1 txn [[:r x 1] [:w x 2]]",
        "0-10 0 txn [[:r x 2] [:w x 1]]",
        "0-10 0 txn [[:w x 1]]",
    ),
    (
        A::DirtyUpdate,
        &models::LIST_APPEND,
        "2-3 1 txn [[:append x 2]]; 4-5 2 txn [[:r x [1 2]]]",
        "0-1! 0 txn [[:append x 1]]",
        "0-? 0 txn [[:append x 1]]",
    ),
    (
        A::IncompatibleOrder,
        &models::LIST_APPEND,
        "0-10 0 txn [[:append x 1]]; 1-11 1 txn [[:append x 2]]; 12-13 2 txn [[:r x [1 2]]]",
        "9-15 3 txn [[:r x [2]]]",
        "9-15 3 txn [[:r x [1]]]",
    ),
    (
        A::DuplicateElements,
        &models::LIST_APPEND,
        "0-1 0 txn [[:append x 1]]",
        "2-3 1 txn [[:r x [1 1]]]",
        "2-3 1 txn [[:r x [1]]]",
    ),
    (
        A::Internal,
        &models::LIST_APPEND,
        "0-1 0 txn [[:append y 1]]",
        "2-3 1 txn [[:append x 1] [:r x []]]",
        "2-3 1 txn [[:append x 1] [:r x [1]]]",
    ),
    (
        A::FutureRead,
        &models::LIST_APPEND,
        "0-1 0 txn [[:append y 1]]",
        "2-3 1 txn [[:r x [1]] [:append x 1]]",
        "2-3 1 txn [[:append x 1] [:r x [1]]]",
    ),
    (
        A::GarbageRead,
        &models::LIST_APPEND,
        "0-1 0 txn [[:append x 1]]",
        "2-3 1 txn [[:r x [1 7]]]",
        "2-3 1 txn [[:r x [1]]]",
    ),
];

#[test]
fn every_anomaly_is_found_where_it_is_planted_and_nothing_in_the_near_miss() {
    let mut met = BTreeSet::new();
    for (name, model, common, planted, near_miss) in PLANTED.iter().chain(planted::PLANTED) {
        let found = report(model, &history(&format!("{common}; {planted}")));
        let names: Vec<&str> = found.anomalies().iter().map(|a| a.name.as_str()).collect();
        assert!(
            names.contains(&name.as_str()),
            "{name}: {:?}",
            found.verdict
        );
        let near = report(model, &history(&format!("{common}; {near_miss}")));
        assert!(near.is_valid(), "near {name}: {:?}", near.verdict);
        met.insert(*name);
    }
    let missing: Vec<_> = A::ALL.iter().filter(|name| !met.contains(name)).collect();
    assert!(missing.is_empty(), "no history is planted for {missing:?}");
}

/// The report as programs see it.
fn json_of(model: &'static Model, lines: &str) -> Value {
    serde_json::to_value(report(model, &history(lines))).unwrap()
}

#[test]
fn counts_of_operations_keys_and_engines() {
    let unique = json_of(&models::REGISTER, "0-1 0 write 1; 2-3 1 read 1");
    assert_eq!(unique["model"], "register");
    assert_eq!(unique["valid"], true);
    assert_eq!(
        (&unique["operations"], &unique["keys"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(unique["engines"], json!({"zones": 1, "search": 0}));
    let repeated = json_of(
        &models::REGISTER,
        "0-1 0 write 1; 2-3 0 write 1; 4-5 1 read 1",
    );
    assert_eq!(repeated["engines"], json!({"zones": 0, "search": 1}));
    let recipe = Recipe {
        keys: 3,
        ..Recipe::default()
    };
    let several = report(&models::REGISTER, &generate::history(&recipe));
    assert_eq!((several.keys, several.engines.zones), (3, 3));
}

#[test]
fn what_must_have_happened() {
    for value in [1, 2] {
        // With the value 2 the search decides, since it is written twice.
        let common = format!("0-? 0 write 1; 1-2 3 write 2; 3-4 3 write {}", value + 1);
        let seen = json_of(&models::REGISTER, &format!("{common}; 5-6 1 read 1"));
        assert_eq!(seen["must_have_happened"]["count"], 1, "{seen}");
        let operation = &seen["must_have_happened"]["operations"][0];
        assert_eq!(
            (&operation["process"], &operation["type"]),
            (&json!(0), &json!("info"))
        );
        let unseen = json_of(
            &models::REGISTER,
            &format!("{common}; 5-6 1 read {}", value + 1),
        );
        assert!(unseen.get("must_have_happened").is_none(), "{unseen}");
    }
}

#[test]
fn broken_rules_of_histories_are_told_and_forbid_the_word_valid() {
    let events = |second: Kind| {
        let write = Event::invoke(0, 0, Process::Client(0), "write").with_value(1);
        History::from_events(&[
            write.clone(),
            Event {
                kind: second,
                index: 1,
                ..write.clone()
            },
            write.complete(2, 2, Kind::Ok),
        ])
    };
    let twice = report(&models::REGISTER, &events(Kind::Invoke));
    let json = serde_json::to_value(&twice).unwrap();
    assert_eq!(json["valid"], "unknown");
    assert_eq!(json["problems"][0]["event"], 1);
    assert!(
        json["problems"][0]["text"]
            .as_str()
            .unwrap()
            .contains("still open")
    );
    let again = report(&models::REGISTER, &events(Kind::Ok));
    assert!(
        again.problems[0].text.contains("without an invocation"),
        "{:?}",
        again.problems
    );
    let after_unknown = history("0-? 0 write 1; 1-2 1 read 1");
    assert!(
        report(&models::REGISTER, &after_unknown)
            .problems
            .is_empty()
    );
    let goes_on = {
        let write = Event::invoke(0, 0, Process::Client(0), "write").with_value(1);
        let next = Event::invoke(2, 2, Process::Client(0), "write").with_value(2);
        let events = [
            write.clone(),
            write.complete(1, 1, Kind::Info),
            next.clone(),
            next.complete(3, 3, Kind::Ok),
            Event::invoke(4, 4, Process::Client(1), "read"),
            Event::invoke(4, 4, Process::Client(1), "read")
                .complete(5, 5, Kind::Ok)
                .with_value(2),
        ];
        report(&models::REGISTER, &History::from_events(&events))
    };
    assert!(goes_on.is_valid(), "{:?}", goes_on.verdict);
    assert!(
        goes_on.problems[0]
            .text
            .contains("after an unknown outcome")
    );
}

#[test]
fn what_was_undecided_says_why_where_and_how_far() {
    let recipe = Recipe {
        operations: 4000,
        clients: 24,
        keys: 2,
        unknown_per_mille: 40,
        values: Values::Repeated(3),
        ..Recipe::default()
    };
    let history = generate::history(&recipe);
    let with = |budget: Budget| {
        let settings = Settings {
            budget,
            ..Settings::default()
        };
        serde_json::to_value(judge(&history, &models::REGISTER, &settings)).unwrap()
    };
    let no_memory = with(Budget {
        bytes: 0,
        ..Budget::default()
    });
    assert_eq!(no_memory["valid"], "unknown", "{no_memory}");
    let unknown = &no_memory["unknown"];
    assert!(unknown["reason"].as_str().unwrap().contains("memory"));
    assert!(unknown["key"].as_str().unwrap().starts_with('r'));
    assert!(unknown["explained"].as_u64().unwrap() > 0);
    assert!(unknown["stopped_at"]["invoke"].is_u64());
    assert_eq!(unknown["keys_undecided"], 2);
    let no_time = with(Budget {
        time: Duration::ZERO,
        ..Budget::default()
    });
    assert!(
        no_time["unknown"]["reason"]
            .as_str()
            .unwrap()
            .contains("time")
    );
    assert_eq!(with(Budget::default())["valid"], true);
}

/// The same operations, one after the other, on each of many keys.
fn many_keys(keys: u64, steps: &[(&str, Value); 4]) -> History {
    let mut events = Vec::new();
    for key in 0..keys {
        for (process, (f, value)) in steps.iter().enumerate() {
            let at = events.len() as u64;
            let process = Process::Client(key * 4 + process as u64);
            let invoke = Event::invoke(at, at * 1000, process, f).with_key(&format!("r{key}"));
            let argument = if *f == "read" { &Value::Null } else { value };
            let ended = invoke.complete(at + 1, at * 1000 + 1000, Kind::Ok);
            events.push(invoke.with_value(argument.clone()));
            events.push(ended.with_value(value.clone()));
        }
    }
    History::from_events(&events)
}

#[test]
fn of_many_violated_keys_the_first_are_explained_and_the_others_named() {
    let registers = |seen: u64| {
        let steps = [
            ("write", json!(1)),
            ("write", json!(1)),
            ("write", json!(2)),
            ("read", json!(seen)),
        ];
        let history = many_keys(30, &steps);
        serde_json::to_value(judge(&history, &models::REGISTER, &Settings::default())).unwrap()
    };
    let locks = |last: &str| {
        let steps = ["acquire", "release", "acquire", last].map(|f| (f, Value::Null));
        let history = many_keys(30, &steps);
        serde_json::to_value(judge(&history, &models::MUTEX, &Settings::default())).unwrap()
    };
    for report in [registers(1), locks("acquire")] {
        assert_eq!(report["valid"], false, "{report}");
        assert_eq!(report["engines"]["search"], 30);
        let anomalies = report["anomalies"].as_array().unwrap();
        assert_eq!(anomalies.len(), 20);
        for (key, anomaly) in anomalies.iter().enumerate() {
            assert_eq!(anomaly["key"], format!("r{key}"), "the first come first");
            assert!(!anomaly["operations"].as_array().unwrap().is_empty());
        }
        assert_eq!(report["details"]["further_violated_keys"], 10);
        let names = &report["details"]["names_of_further_violated_keys"];
        assert_eq!(names.as_array().unwrap().len(), 10);
    }
    for near_miss in [registers(2), locks("release")] {
        assert_eq!(near_miss["valid"], true, "{near_miss}");
        assert!(near_miss["details"].get("further_violated_keys").is_none());
    }
}

#[test]
fn an_anomaly_says_where_when_who_and_how_stale() {
    let event = |index: u64, process, f: &str| {
        Event::invoke(index, index * 1_000_000, Process::Client(process), f)
            .with_key("r7")
            .with_node("n2")
    };
    let events = |value: i64| {
        let (first, second, read) = (
            event(0, 0, "write").with_value(1),
            event(2, 0, "write").with_value(2),
            event(4, 1, "read"),
        );
        let end = |event: &Event, value: i64| {
            event
                .complete(event.index + 1, event.time + 1_000_000, Kind::Ok)
                .with_value(value)
        };
        let (a, b, c) = (end(&first, 1), end(&second, 2), end(&read, value));
        History::from_events(&[first, a, second, b, read, c])
    };
    let json = serde_json::to_value(report(&models::REGISTER, &events(1))).unwrap();
    let anomaly = &json["anomalies"][0];
    assert_eq!(anomaly["key"], "r7");
    assert_eq!(anomaly["stale_ns"], 1_000_000);
    let text = anomaly["text"].as_str().unwrap().to_lowercase();
    for part in [
        "process 1",
        "read of 1",
        "events 4-5",
        "0.004-0.005 s",
        "node n2",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let operation = &anomaly["operations"][2];
    assert_eq!(
        *operation,
        json!({
            "invoke": 4, "complete": 5, "process": 1, "f": "read", "value": 1, "type": "ok",
            "invoke_ns": 4_000_000, "complete_ns": 5_000_000, "node": "n2", "role": "proof",
        })
    );
    assert!(report(&models::REGISTER, &events(2)).is_valid());
    // No shift of reads undoes a lost update.
    let lost = json_of(
        &models::REGISTER,
        "0-1 0 write 1; 2-5 1 cas [1 2]; 3-4 2 cas [1 3]",
    );
    assert!(lost["anomalies"][0].get("stale_ns").is_none(), "{lost}");
    // Where values repeat, the search tells how stale.
    let searched = json_of(
        &models::REGISTER,
        "0-1 0 write 1; 2-3 0 write 1; 4-5 0 write 2; 9-12 1 read 1",
    );
    assert_eq!(searched["engines"]["search"], 1);
    assert_eq!(
        searched["anomalies"][0]["stale_ns"], 4_000_000,
        "{searched}"
    );
    // Without times it cannot be told.
    let untimed =
        "{:process 0 :type :invoke :f :write :value 1} {:process 0 :type :ok :f :write :value 1}
        {:process 0 :type :invoke :f :write :value 1} {:process 0 :type :ok :f :write :value 1}
        {:process 0 :type :invoke :f :write :value 2} {:process 0 :type :ok :f :write :value 2}
        {:process 0 :type :invoke :f :read :value nil} {:process 0 :type :ok :f :read :value 1}";
    let untimed = formats::read(untimed.as_bytes(), Format::Edn).unwrap();
    let untimed = report(&models::REGISTER, &untimed);
    assert!(untimed.is_invalid() && untimed.anomalies()[0].stale_ns.is_none());
}

#[test]
fn an_unknown_operation_of_a_proof_has_no_end() {
    let json = json_of(
        &models::REGISTER,
        "0-? 0 write 1; 1-2 1 read 1; 3-4 2 write 2; 5-6 3 read 1",
    );
    let operation = &json["anomalies"][0]["operations"][0];
    assert_eq!(
        (&operation["type"], &operation["complete"]),
        (&json!("info"), &Value::Null)
    );
    assert_eq!(
        (&operation["complete_ns"], &operation["role"]),
        (&Value::Null, &json!("source"))
    );
}

#[test]
fn explanations_are_short_however_long_values_and_keys_are() {
    let long = "x".repeat(100_000);
    let event = |index: u64, f: &str| {
        Event::invoke(index, index * 1000, Process::Client(index), f).with_key(&long)
    };
    let (write, look) = (event(0, "write"), event(2, "read"));
    let events = [
        write.clone().with_value(json!(long)),
        write.complete(1, 1000, Kind::Ok).with_value(json!(long)),
        look.clone(),
        look.complete(3, 3000, Kind::Ok)
            .with_value(json!(format!("y{long}"))),
    ];
    let history = History::from_events(&events);
    let report = judge(&history, &models::REGISTER, &Settings::default());
    assert_eq!(report.anomalies()[0].name, A::PhantomRead);
    let page = explain::html_fragment(&history, &report);
    let texts = [
        serde_json::to_string(&report).unwrap(),
        explain::text(&report),
        page,
    ];
    for text in texts {
        assert!(text.len() < 30_000, "{} letters", text.len());
    }
}

#[test]
fn long_proofs_are_cut_and_counted() {
    let circle = |length: u64| {
        let lines: Vec<String> = (0..length)
            .map(|at| format!("{at}-{} {at} cas [{at} {}]", 1000 + at, (at + 1) % length))
            .collect();
        json_of(&models::REGISTER, &lines.join("; "))
    };
    let long = circle(100);
    assert_eq!(
        long["anomalies"][0]["operations"].as_array().unwrap().len(),
        60
    );
    assert_eq!(long["anomalies"][0]["operations_omitted"], 40);
    let short = circle(50);
    assert!(short["anomalies"][0].get("operations_omitted").is_none());
}

#[test]
fn a_cycle_of_transactions_names_its_edges() {
    let json = json_of(
        &models::LIST_APPEND,
        "0-10 0 txn [[:r x []] [:append y 1]]; 1-11 1 txn [[:r y []] [:append x 1]]; 12-13 2 txn [[:r x [1]] [:r y [1]]]",
    );
    let cycle = &json["anomalies"][0]["cycle"];
    assert_eq!(cycle[0]["kind"], "rw");
    assert_eq!((&cycle[0]["from"], &cycle[0]["to"]), (&json!(0), &json!(1)));
    assert_eq!((&cycle[1]["from"], &cycle[1]["to"]), (&json!(1), &json!(0)));
    assert!(
        cycle[0]["why"].as_str().unwrap().contains("initial state"),
        "{cycle}"
    );
    assert_eq!(
        json["details"]["strongest_models"][0],
        "strong-snapshot-isolation"
    );
    assert_eq!(json["details"]["anomaly_counts"]["G2-item"], 1);
}

#[test]
fn the_first_violation_is_told_and_all_are_counted() {
    let registers = "0-1 0 write 1; 2-3 0 write 2; 4-5 1 read 1; 6-7 0 write 3; 8-9 1 read 1; 10-11 2 read 1; 12-13 2 read 3";
    let searched = registers.replacen("0-1 0 write 1;", "0-1 0 write 1; 14-15 0 write 2;", 1);
    for lines in [registers, &searched] {
        let report = report(&models::REGISTER, &history(lines));
        let [anomaly] = report.anomalies() else {
            panic!("{report:?}");
        };
        assert_eq!(anomaly.name, A::StaleRead);
        assert!(
            anomaly
                .text
                .starts_with("Process 1's read of 1 (events 4-5")
        );
        assert_eq!(
            report.violations.to_string(),
            "3 stale reads by 2 processes, from 0.005 s to 0.011 s, on 1 of 1 key"
        );
        assert!(explain::text(&report).contains("\n3 stale reads by 2 processes"));
    }
    let near_miss = registers
        .replace("read 1;", "read 3;")
        .replace("4-5 1 read 3", "4-5 1 read 2");
    let near_miss = report(&models::REGISTER, &history(&near_miss));
    assert!(near_miss.is_valid() && near_miss.violations.count == 0);
    // Each element that came out too early, whatever else did.
    let queue = "0-1 0 enqueue 1; 2-3 0 enqueue 2; 4-5 0 enqueue 3; 6-7 1 dequeue 3; 8-9 1 dequeue 2; 10-11 1 dequeue 1";
    let queue = report(&models::FIFO_QUEUE, &history(queue));
    assert!(queue.anomalies()[0].text.contains("dequeue of 3"));
    assert_eq!(queue.violations.count, 2, "{queue:?}");
}

#[test]
fn explanations_do_not_depend_on_how_much_time_there_is() {
    let recipe = Recipe {
        operations: 400,
        clients: 8,
        values: Values::Repeated(3),
        stale_reads: 3,
        seed: 4,
        ..Recipe::default()
    };
    let history = generate::history(&recipe);
    let told = |seconds| {
        let settings = Settings {
            budget: Budget {
                time: Duration::from_secs(seconds),
                ..Budget::default()
            },
            ..Settings::default()
        };
        let report = judge(&history, &models::REGISTER, &settings);
        assert!(report.is_invalid());
        explain::text(&report)
    };
    assert_eq!(told(30), told(3000));
}
