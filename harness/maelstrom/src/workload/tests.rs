//! Each workload against a node that is right, without any network.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde_json::{Map, json};

use super::*;
use crate::error::ErrorCode;

fn options() -> Options {
    Options {
        nodes: vec!["n1".into(), "n2".into()],
        topology: Topology::Line,
        key_count: None,
        max_txn_length: 4,
        max_writes_per_key: 16,
    }
}

fn build(name: Name) -> Box<dyn Workload> {
    name.build(&options())
}

/// A node that does everything right: one copy, one request after the other.
#[derive(Default)]
struct Node {
    counts: bool,
    elements: Vec<Value>,
    sum: i64,
    ids: i64,
    values: BTreeMap<String, Value>,
    logs: BTreeMap<String, Vec<Value>>,
    committed: Map<String, Value>,
}

impl Node {
    fn of(name: Name) -> Node {
        Node {
            counts: matches!(name, Name::GCounter | Name::PnCounter),
            ..Node::default()
        }
    }

    fn answer(&mut self, body: &Value) -> Value {
        let key = body["key"].to_string();
        match crate::body::kind(body) {
            "echo" => json!({"type": "echo_ok", "echo": body["echo"]}),
            "generate" => {
                self.ids += 1;
                json!({"type": "generate_ok", "id": self.ids})
            }
            "broadcast" => {
                self.elements.push(body["message"].clone());
                json!({"type": "broadcast_ok"})
            }
            "add" if body.get("delta").is_some() => {
                self.sum += body["delta"].as_i64().unwrap();
                json!({"type": "add_ok"})
            }
            "add" => {
                self.elements.push(body["element"].clone());
                json!({"type": "add_ok"})
            }
            "read" if body.get("key").is_some() => match self.values.get(&key) {
                Some(value) => json!({"type": "read_ok", "value": value}),
                None => ErrorCode::KEY_DOES_NOT_EXIST.body(""),
            },
            "read" if self.counts => json!({"type": "read_ok", "value": self.sum}),
            "read" => {
                json!({"type": "read_ok", "value": self.elements, "messages": self.elements})
            }
            "write" => {
                self.values.insert(key, body["value"].clone());
                json!({"type": "write_ok"})
            }
            "cas" if self.values.get(&key) == Some(&body["from"]) => {
                self.values.insert(key, body["to"].clone());
                json!({"type": "cas_ok"})
            }
            "cas" => ErrorCode::PRECONDITION_FAILED.body(""),
            "txn" => {
                let mut steps = body["txn"].clone();
                for step in steps.as_array_mut().unwrap() {
                    let value = self.values.entry(step[1].to_string()).or_default();
                    match step[0].as_str().unwrap() {
                        "r" => step[2] = value.clone(),
                        "w" => *value = step[2].clone(),
                        _ => match value {
                            Value::Array(list) => list.push(step[2].clone()),
                            other => *other = json!([step[2]]),
                        },
                    }
                }
                json!({"type": "txn_ok", "txn": steps})
            }
            "send" => {
                let log = self.logs.entry(key).or_default();
                log.push(body["msg"].clone());
                json!({"type": "send_ok", "offset": log.len() - 1})
            }
            "poll" => {
                let mut found = Map::new();
                for (key, from) in body["offsets"].as_object().unwrap() {
                    let log = self.logs.get(&json!(key).to_string());
                    let from = usize::try_from(from.as_i64().unwrap()).unwrap();
                    let messages = log.into_iter().flatten().enumerate().skip(from).take(3);
                    let messages: Vec<Value> = messages.map(|(at, m)| json!([at, m])).collect();
                    found.insert(key.clone(), messages.into());
                }
                json!({"type": "poll_ok", "msgs": found})
            }
            "commit_offsets" => {
                self.committed
                    .extend(body["offsets"].as_object().unwrap().clone());
                json!({"type": "commit_offsets_ok"})
            }
            "list_committed_offsets" => {
                json!({"type": "list_committed_offsets_ok", "offsets": self.committed})
            }
            other => panic!("no node is asked {other:?}"),
        }
    }
}

/// Performs an operation to its end; gives its result.
fn perform(
    workload: &mut dyn Workload,
    node: &mut Node,
    client: usize,
    operation: &Operation,
) -> Option<Value> {
    let mut step = workload.begin(client, operation);
    loop {
        let request = match step {
            Step::Done(value) => return Some(value),
            Step::Crash => {
                workload.replaced(client);
                return None;
            }
            Step::Ask(request) => request,
        };
        let answer = node.answer(&request.body(1));
        match request.read_answer(&answer).unwrap() {
            Ok(answer) => step = workload.answer(client, operation, &request, answer),
            Err(error) => return workload.error(client, operation, &request, &error),
        }
    }
}

#[test]
fn every_workload_gets_on_with_a_right_node_and_does_all_that_it_names() {
    for name in Name::value_variants() {
        let mut workload = build(*name);
        let mut node = Node::of(*name);
        let mut draw = Rng::with_seed(1);
        let mut succeeded: BTreeMap<&str, usize> = BTreeMap::new();
        for turn in 0..2_000 {
            let operation = workload.next(turn % 3, &mut draw);
            if perform(&mut *workload, &mut node, turn % 3, &operation).is_some() {
                *succeeded.entry(operation.f).or_default() += 1;
            }
        }
        for f in workload.operations() {
            assert!(succeeded.get(f) > Some(&50), "{name:?}: {succeeded:?}");
        }
        let only_reads = workload
            .operations()
            .iter()
            .filter(|f| workload.only_reads(f));
        assert!(only_reads.count() < workload.operations().len() || *name == Name::Echo);
    }
}

#[test]
fn a_finale_converges_with_a_right_node_and_not_with_one_that_forgets() {
    for name in [
        Name::Broadcast,
        Name::GSet,
        Name::GCounter,
        Name::PnCounter,
        Name::Kafka,
    ] {
        for forgets in [false, true] {
            let mut workload = build(name);
            let mut node = Node::of(name);
            let mut draw = Rng::with_seed(1);
            for _ in 0..300 {
                let operation = workload.next(0, &mut draw);
                perform(&mut *workload, &mut node, 0, &operation);
            }
            if forgets {
                node.elements.pop();
                node.sum += 1;
                node.logs.values_mut().for_each(|log| drop(log.pop()));
            }
            workload.finale().unwrap().begin(2);
            workload.finale().unwrap().round();
            assert!(!workload.finale().unwrap().converged());
            for client in 0..2 {
                while let Some(operation) = workload.finale().unwrap().look(client) {
                    perform(&mut *workload, &mut node, client, &operation);
                }
            }
            assert_eq!(workload.finale().unwrap().converged(), !forgets, "{name:?}");
        }
    }
}

#[test]
fn a_read_of_a_key_that_is_not_there_has_seen_nothing() {
    let mut workload = build(Name::LinKv);
    let mut node = Node::default();
    let read = Operation::new("read").with_key("7");
    assert_eq!(
        perform(&mut *workload, &mut node, 0, &read),
        Some(Value::Null)
    );
    let cas = Operation::new("cas")
        .with_key("7")
        .with_value(json!([1, 2]));
    assert_eq!(perform(&mut *workload, &mut node, 0, &cas), None);
}

#[test]
fn no_value_is_written_twice_to_a_key() {
    for (name, written) in [(Name::TxnListAppend, "append"), (Name::TxnRwRegister, "w")] {
        let mut workload = build(name);
        let mut draw = Rng::with_seed(4);
        let mut seen = std::collections::BTreeSet::new();
        let mut keys: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..1_000 {
            let operation = workload.next(0, &mut draw);
            let steps = operation.value.as_array().unwrap().clone();
            assert!((1..=4).contains(&steps.len()));
            for step in steps.iter().filter(|step| step[0] == written) {
                assert!(seen.insert(step.to_string()), "{step}");
                *keys.entry(step[1].to_string()).or_default() += 1;
            }
        }
        assert!(keys.values().all(|writes| *writes <= 16));
        assert!(keys.values().filter(|writes| **writes == 16).count() > 10);
    }
}

#[test]
fn a_consumer_goes_on_behind_what_was_committed() {
    let mut workload = build(Name::Kafka);
    let mut node = Node::default();
    for number in 1..=5 {
        let send = Operation::new("send").with_value(json!([["send", "0", number]]));
        perform(&mut *workload, &mut node, 0, &send);
    }
    let assign = Operation::new("assign").with_value(json!(["0"]));
    let poll = Operation::new("poll").with_value(json!([["poll"]]));
    perform(&mut *workload, &mut node, 0, &assign);
    let first = perform(&mut *workload, &mut node, 0, &poll);
    assert_eq!(
        first,
        Some(json!([["poll", {"0": [[0, 1], [1, 2], [2, 3]]}]]))
    );
    perform(&mut *workload, &mut node, 1, &assign);
    let second = perform(&mut *workload, &mut node, 1, &poll);
    assert_eq!(second, Some(json!([["poll", {"0": [[3, 4], [4, 5]]}]])));
}

#[test]
fn what_was_polled_counts_whatever_becomes_of_its_commit() {
    let mut workload = build(Name::Kafka);
    let mut node = Node::default();
    let send = Operation::new("send").with_value(json!([["send", "0", 1]]));
    perform(&mut *workload, &mut node, 0, &send);
    let assign = Operation::new("assign").with_value(json!(["0"]));
    perform(&mut *workload, &mut node, 0, &assign);
    let poll = Operation::new("poll").with_value(json!([["poll"]]));
    let Step::Ask(request) = workload.begin(0, &poll) else {
        panic!("a poll asks")
    };
    let answer = node.answer(&request.body(1));
    let answer = request.read_answer(&answer).unwrap().unwrap();
    let Step::Ask(commit) = workload.answer(0, &poll, &request, answer) else {
        panic!("what was polled is committed")
    };
    assert_eq!(commit.kind(), "commit_offsets");
    let timeout = RpcError {
        code: ErrorCode::TIMEOUT.code,
        text: None,
    };
    let result = workload.error(0, &poll, &commit, &timeout);
    assert_eq!(result, Some(json!([["poll", {"0": [[0, 1]]}]])));
    assert_eq!(workload.error(0, &poll, &request, &timeout), None);
}
