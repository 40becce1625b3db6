use super::models::Mutex;
use super::*;
use crate::history::{Event, Kind, Process};

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
