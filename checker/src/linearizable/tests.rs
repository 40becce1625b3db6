use super::models::Mutex;
use super::models::lock::FENCED_MUTEX;
use super::*;
use crate::formats::{self, Format};
use crate::history::{Event, Kind, Process};
use crate::judge::{Settings, judge};

#[test]
fn the_proof_of_a_lock_held_twice_is_two_acquisitions() {
    let mut events = Vec::new();
    let mut add = |process, f: &str| {
        let index = events.len() as u64;
        let invoke = Event::invoke(index, index, Process::Client(process), f);
        events.push(invoke.clone());
        events.push(invoke.complete(index + 1, index + 1, Kind::Ok));
    };
    for round in 0..20 {
        add(round % 3, "acquire");
        add(round % 3, "release");
    }
    add(1, "acquire");
    add(2, "acquire");
    let report = check(
        &History::from_events(&events),
        &Mutex::default(),
        &Limits::default(),
    );
    let anomaly = &report.anomalies()[0];
    assert_eq!(anomaly.name, AnomalyName::LockHeldTwice);
    let operations: Vec<_> = anomaly
        .operations
        .iter()
        .map(|o| (o.process.as_str(), o.f.as_str()))
        .collect();
    assert_eq!(operations, [("1", "acquire"), ("2", "acquire")]);
}

#[test]
fn who_is_refused_a_lock_names_no_client() {
    let text = r#"{"process":0,"type":"invoke","f":"acquire","value":null}
        {"process":0,"type":"ok","f":"acquire","value":1}
        {"process":1,"type":"invoke","f":"acquire","value":null}
        {"process":1,"type":"fail","f":"acquire","value":null}
        {"process":0,"type":"invoke","f":"release","value":null}
        {"process":0,"type":"ok","f":"release","value":null}
        {"process":1,"type":"invoke","f":"acquire","value":null}
        {"process":1,"type":"ok","f":"acquire","value":TOKEN}"#;
    let report = |token: &str| {
        let text = text.replace("TOKEN", token);
        let history = formats::read(text.as_bytes(), Format::Jsonl).unwrap();
        judge(&history, &FENCED_MUTEX, &Settings::default())
    };
    assert!(report("2").is_valid(), "{:?}", report("2"));
    assert_eq!(
        report("1").anomalies()[0].name,
        AnomalyName::TokenDoesNotRise
    );
}
