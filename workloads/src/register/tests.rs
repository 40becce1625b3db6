//! The register workload in virtual time, against a store that is a map.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use kensho_checker::history::Kind;
use serde_json::{Value, json};

use super::{
    Answer, Call, Condition, Found, Outcome, Seen, Settings, call, container, final_phase,
    generator, outcome,
};
use crate::operation::Operation;
use crate::simulator::simulate;

const SETTINGS: Settings = Settings {
    containers: 32,
    operations_per_key: 150,
    seed: 5,
};

/// A store with versions, as the real one has them.
#[derive(Default)]
struct Store {
    rows: HashMap<String, (u64, String)>,
    writes: u64,
}

impl Store {
    fn answer(&mut self, call: Call) -> Answer {
        match call {
            Call::Get { key, .. } => Answer::Row(self.rows.get(&key).cloned()),
            Call::Put {
                key,
                value,
                condition,
                ..
            } => {
                let current = self.rows.get(&key).cloned();
                let holds = match (&condition, &current) {
                    (Condition::Always, _) | (Condition::Absent, None) => true,
                    (Condition::Version(version), Some((_, current))) => version == current,
                    _ => false,
                };
                if !holds {
                    return Answer::Mismatch(current.into());
                }
                self.writes += 1;
                let version = format!("1-{}", self.writes);
                self.rows.insert(key, (value, version.clone()));
                Answer::Written(Some(version))
            }
        }
    }
}

#[test]
fn every_container_is_always_in_use_and_registers_rotate() {
    let performed = simulate(generator(SETTINGS), 10, 20_000, |_| (10, Kind::Ok));
    let mut per_key: BTreeMap<String, u64> = BTreeMap::new();
    for portion in performed.chunks(1000) {
        let containers: HashSet<String> = portion
            .iter()
            .filter_map(|p| container(p.scheduled.operation.key.as_deref()?, 32))
            .collect();
        assert_eq!(containers.len(), 32);
    }
    for operation in &performed {
        *per_key
            .entry(operation.scheduled.operation.key.clone().unwrap())
            .or_default() += 1;
    }
    assert!(per_key.values().all(|&count| count <= 150));
    let complete = per_key.values().filter(|&&count| count == 150).count();
    assert!(
        complete > 80,
        "{complete} registers had all their operations"
    );
}

#[test]
fn written_values_are_unique() {
    let performed = simulate(generator(SETTINGS), 10, 5_000, |_| (10, Kind::Ok));
    let mut values = HashSet::new();
    for operation in performed.iter().filter(|p| p.f() != "read") {
        assert!(values.insert(operation.scheduled.operation.value.as_u64().unwrap()));
    }
}

#[test]
fn compare_and_set_mostly_succeeds_and_sometimes_fails_when_clients_remember() {
    let (mut store, mut seen) = (Store::default(), Seen::default());
    let (mut ok, mut failed) = (0, 0);
    let mut turn = 0;
    let mut behind: Vec<(Operation, Call)> = Vec::new();
    simulate(generator(SETTINGS), 10, 10_000, |operation| {
        // A few operations wait while others overtake them.
        behind.push(call(operation.clone(), 32, &seen).unwrap());
        turn += 1;
        if behind.len() > 4 {
            let (operation, call) = behind.remove(turn % behind.len());
            let Outcome { kind, observed, .. } = outcome(&operation, store.answer(call), &mut seen);
            match (operation.f, kind) {
                ("cas", Kind::Ok) => ok += 1,
                ("cas", Kind::Fail) => {
                    failed += 1;
                    assert!(observed.is_some(), "a failed one tells what it saw");
                }
                (_, kind) => assert_eq!(kind, Kind::Ok),
            }
        }
        (10, Kind::Ok)
    });
    assert!(ok > failed && failed > 50, "{ok} ok, {failed} failed");
}

#[test]
fn cas_expects_what_was_seen_and_learns_from_failure() {
    let mut seen = Seen::default();
    let cas = |to: u64| Operation::new("cas").on("r33").with(to);
    let (operation, request) = call(cas(1), 32, &seen).unwrap();
    assert_eq!(operation.value, json!([null, 1]));
    let Call::Put {
        container,
        condition,
        ..
    } = request
    else {
        panic!("a cas writes")
    };
    assert_eq!(
        (container.as_str(), condition),
        ("register-1", Condition::Absent)
    );

    let answer = Answer::Mismatch(Found::Row(7, "2-9".into()));
    let failed = outcome(&operation, answer, &mut seen);
    assert_eq!((failed.kind, failed.observed), (Kind::Fail, Some(json!(7))));
    let failed = outcome(&operation, Answer::Mismatch(Found::Unknown), &mut seen);
    assert_eq!((failed.kind, failed.observed), (Kind::Fail, None));

    let (operation, request) = call(cas(2), 32, &seen).unwrap();
    assert_eq!(operation.value, json!([7, 2]));
    let Call::Put { condition, .. } = request else {
        panic!("a cas writes")
    };
    assert_eq!(condition, Condition::Version("2-9".into()));

    let done = outcome(&operation, Answer::Written(Some("2-10".into())), &mut seen);
    assert_eq!((done.kind, done.value), (Kind::Ok, json!([7, 2])));
    let (operation, _) = call(cas(3), 32, &seen).unwrap();
    assert_eq!(operation.value, json!([2, 3]));
}

#[test]
fn only_definite_errors_and_reads_fail() {
    let end = |f, definite| {
        let operation = Operation::new(f).on("r0").with(1_u64);
        let answer = Answer::Error {
            definite,
            text: "no answer in time".into(),
        };
        outcome(&operation, answer, &mut Seen::default()).kind
    };
    assert_eq!(end("write", false), Kind::Info);
    assert_eq!(end("cas", false), Kind::Info);
    assert_eq!(end("write", true), Kind::Fail);
    assert_eq!(end("read", false), Kind::Fail);
}

#[test]
fn the_final_phase_reads_every_register_until_it_is_ok() {
    let used: BTreeSet<String> = (0..100).map(|number| format!("r{number}")).collect();
    let mut tries: HashMap<String, u32> = HashMap::new();
    let performed = simulate(final_phase(&used), 5, 10_000, |operation| {
        let tries = tries.entry(operation.key.clone().unwrap()).or_default();
        *tries += 1;
        (1_000, if *tries == 3 { Kind::Ok } else { Kind::Fail })
    });
    assert!(
        performed
            .iter()
            .all(|p| p.f() == "read" && p.scheduled.operation.value == Value::Null)
    );
    assert_eq!(tries.len(), 100);
    assert!(tries.values().all(|&tries| tries == 3));
}
