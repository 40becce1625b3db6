//! The register workload in virtual time, against a store that is a map.

use std::collections::{BTreeMap, HashMap, HashSet};

use kensho_checker::history::Kind;
use serde_json::{Value, json};

use super::Register;
use super::keys::NAMES;
use crate::call::{Answer, Call, Condition, Found};
use crate::operation::Operation;
use crate::simulator::simulate;
use crate::store::Store;
use crate::workload::{Clients, Outcome, Settings, Step, Workload};

const SETTINGS: Settings = Settings {
    containers: 32,
    operations_per_key: 150,
    seed: 5,
};

fn clients() -> Box<dyn Clients> {
    Register.clients(SETTINGS)
}

fn outcome(
    clients: &mut dyn Clients,
    operation: &Operation,
    call: &Call,
    answer: Answer,
) -> Outcome {
    match clients.answered(0, operation, call, answer) {
        Step::End(outcome) => outcome,
        Step::Call(call) => panic!("an operation on a register is one call, without {call:?}"),
    }
}

#[test]
fn every_container_is_always_in_use_and_registers_rotate() {
    let performed = simulate(clients().generator(), 10, 20_000, |_| (10, Kind::Ok));
    let mut per_key: BTreeMap<String, u64> = BTreeMap::new();
    for portion in performed.chunks(1000) {
        let containers: HashSet<String> = portion
            .iter()
            .filter_map(|p| NAMES.container_of(p.scheduled.operation.key.as_deref()?, 32))
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
    let performed = simulate(clients().generator(), 10, 5_000, |_| (10, Kind::Ok));
    let mut values = HashSet::new();
    for operation in performed.iter().filter(|p| p.f() != "read") {
        assert!(values.insert(operation.scheduled.operation.value.as_u64().unwrap()));
    }
}

#[test]
fn compare_and_set_mostly_succeeds_and_sometimes_fails_when_clients_remember() {
    let (mut store, mut clients) = (Store::default(), clients());
    let (mut ok, mut failed) = (0, 0);
    let mut turn = 0;
    let mut behind: Vec<(Operation, Call)> = Vec::new();
    simulate(clients.generator(), 10, 10_000, |operation| {
        // A few operations wait while others overtake them.
        behind.push(clients.begin(0, operation.clone()).unwrap());
        turn += 1;
        if behind.len() > 4 {
            let (operation, call) = behind.remove(turn % behind.len());
            let answer = store.answer(&call);
            let Outcome { kind, observed, .. } = outcome(&mut *clients, &operation, &call, answer);
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
    let mut clients = clients();
    let clients = &mut *clients;
    let cas = |to: u64| Operation::new("cas").on("r33").with(to);
    let (operation, request) = clients.begin(0, cas(1)).unwrap();
    assert_eq!(operation.value, json!([null, 1]));
    let Call::Put {
        container,
        condition,
        ..
    } = &request
    else {
        panic!("a cas writes")
    };
    assert_eq!(
        (container.as_str(), condition),
        ("register-1", &Condition::Absent)
    );

    let answer = Answer::Mismatch(Found::Row(7, "2-9".into()));
    let failed = outcome(clients, &operation, &request, answer);
    assert_eq!((failed.kind, failed.observed), (Kind::Fail, Some(json!(7))));
    let unknown = Answer::Mismatch(Found::Unknown);
    let failed = outcome(clients, &operation, &request, unknown);
    assert_eq!((failed.kind, failed.observed), (Kind::Fail, None));

    let (operation, request) = clients.begin(0, cas(2)).unwrap();
    assert_eq!(operation.value, json!([7, 2]));
    let Call::Put { condition, .. } = &request else {
        panic!("a cas writes")
    };
    assert_eq!(condition, &Condition::Version("2-9".into()));

    let written = Answer::Written(Some("2-10".into()));
    let done = outcome(clients, &operation, &request, written);
    assert_eq!((done.kind, done.value), (Kind::Ok, json!([7, 2])));
    let (operation, _) = clients.begin(0, cas(3)).unwrap();
    assert_eq!(operation.value, json!([2, 3]));
}

#[test]
fn only_definite_errors_and_reads_fail() {
    let end = |f, definite| {
        let mut clients = clients();
        let asked = Operation::new(f).on("r0").with(1_u64);
        let (operation, call) = clients.begin(0, asked).unwrap();
        let answer = Answer::Error {
            definite,
            text: "no answer in time".into(),
        };
        outcome(&mut *clients, &operation, &call, answer).kind
    };
    assert_eq!(end("write", false), Kind::Info);
    assert_eq!(end("cas", false), Kind::Info);
    assert_eq!(end("write", true), Kind::Fail);
    assert_eq!(end("read", false), Kind::Fail);
}

#[test]
fn the_final_phase_reads_every_register_until_it_is_ok() {
    let mut clients = clients();
    for number in 0..100 {
        let write = Operation::new("write").on(format!("r{number}")).with(1_u64);
        clients.begin(0, write).unwrap();
    }
    let generator = clients.final_phase();
    assert_eq!(clients.unread().len(), 100);
    let mut tries: HashMap<String, u32> = HashMap::new();
    let performed = simulate(generator, 5, 10_000, |operation| {
        let tries = tries.entry(operation.key.clone().unwrap()).or_default();
        *tries += 1;
        if *tries < 3 {
            return (1_000, Kind::Fail);
        }
        let (operation, call) = clients.begin(0, operation.clone()).unwrap();
        let ended = outcome(&mut *clients, &operation, &call, Answer::Row(None));
        (1_000, ended.kind)
    });
    assert!(
        performed
            .iter()
            .all(|p| p.f() == "read" && p.scheduled.operation.value == Value::Null)
    );
    assert_eq!(tries.len(), 100);
    assert!(tries.values().all(|&tries| tries == 3));
    assert_eq!(clients.unread(), Vec::<String>::new());
}
