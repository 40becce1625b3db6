//! Transactions: a store that runs the steps of transactions one by one, some of them interleaved,
//! makes histories of all kinds; the oracle looks for a serial order that explains every read.
//!
//! For lists whose final state is read the checks must be exact: they find an anomaly if and only
//! if there is no such order. For registers, whose versions are not all known, they must never
//! blame a history that has one.

use crate::random::{CASES, Counts};
use kensho_checker::generate::Random;
use kensho_checker::history::{Event, History, Kind, Process};
use kensho_checker::judge::{Settings, judge, models};
use kensho_checker::transactions::ConsistencyModel;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    Write(usize, u64),
}

/// A transaction as it went.
#[derive(Clone, Debug)]
struct Transaction {
    process: u64,
    steps: Vec<Step>,
    /// What each read saw.
    seen: Vec<Vec<u64>>,
    kind: Kind,
    begin: usize,
    end: usize,
}

const KEYS: [&str; 2] = ["x", "y"];

/// What a store keeps under each key: all that was appended, or only the last that was written.
type Store = [Vec<u64>; 2];

fn write(store: &mut Store, key: usize, element: u64, lists: bool) {
    if !lists {
        store[key].clear();
    }
    store[key].push(element);
}

/// Runs random transactions, and reads everything in the end.
fn run(random: &mut Random, lists: bool) -> Vec<Transaction> {
    let count = 2 + random.below(4);
    let (mut next, mut transactions) = (1, Vec::new());
    for at in 0..count {
        let steps = (0..1 + random.below(3))
            .map(|_| match random.below(2) {
                0 => Step::Read(random.below(2)),
                _ => {
                    next += 1;
                    Step::Write(random.below(2), next)
                }
            })
            .collect();
        let kind = match random.below(8) {
            0 => Kind::Info,
            1 => Kind::Fail,
            _ => Kind::Ok,
        };
        let process = if kind == Kind::Ok {
            random.below(2) as u64
        } else {
            10 + at as u64
        };
        transactions.push(Transaction {
            process,
            steps,
            seen: Vec::new(),
            kind,
            begin: 0,
            end: 0,
        });
    }
    let mut store = Store::default();
    // Some histories are serial apart from stale reads; some interleave steps.
    let interleaved = random.below(2) == 0;
    let mut events = 0;
    let mut done = vec![0; count];
    let mut begun = vec![false; count];
    while (0..count).any(|at| transactions[at].end == 0) {
        let at = random.below(count);
        let busy = (0..count).any(|other| {
            other != at
                && begun[other]
                && transactions[other].end == 0
                && transactions[other].process == transactions[at].process
        });
        if transactions[at].end != 0 || (!begun[at] && busy) {
            continue;
        }
        if !begun[at] {
            begun[at] = true;
            transactions[at].begin = events;
            events += 1;
            continue;
        }
        let transaction = &mut transactions[at];
        let burst = if interleaved {
            1
        } else {
            transaction.steps.len()
        };
        if done[at] == transaction.steps.len() {
            transaction.end = events;
            events += 1;
            continue;
        }
        for _ in 0..burst {
            // A failed one leaves nothing behind, or, in a bad store, everything.
            let happens = transaction.kind != Kind::Fail || random.below(12) == 0;
            match transaction.steps[done[at]] {
                Step::Read(key) => {
                    let mut seen = store[key].clone();
                    if random.below(12) == 0 {
                        seen.pop();
                    }
                    transaction.seen.push(seen);
                }
                Step::Write(key, element) if happens => write(&mut store, key, element, lists),
                Step::Write(..) => {}
            }
            done[at] += 1;
        }
    }
    transactions.push(Transaction {
        process: 99,
        steps: vec![Step::Read(0), Step::Read(1)],
        seen: store.to_vec(),
        kind: Kind::Ok,
        begin: events,
        end: events + 1,
    });
    transactions
}

fn history(transactions: &[Transaction], lists: bool) -> History {
    let mut events = BTreeMap::new();
    for transaction in transactions {
        let mut seen = transaction.seen.iter();
        let value: Value = transaction
            .steps
            .iter()
            .map(|step| match step {
                Step::Read(key) => match (seen.next(), lists) {
                    (Some(seen), true) => json!(["r", KEYS[*key], seen]),
                    (Some(seen), false) => json!(["r", KEYS[*key], seen.last()]),
                    (None, _) => json!(["r", KEYS[*key], null]),
                },
                Step::Write(key, element) => {
                    let f = if lists { "append" } else { "w" };
                    json!([f, KEYS[*key], element])
                }
            })
            .collect();
        let at = transaction.begin as u64;
        let invoke =
            Event::invoke(at, at, Process::Client(transaction.process), "txn").with_value(value);
        let end = transaction.end as u64;
        events.insert(end, invoke.complete(end, end, transaction.kind));
        events.insert(at, invoke);
    }
    History::from_events(events.values())
}

/// What a serial order has to respect besides what was read.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Nothing,
    Processes,
    RealTime,
}

/// Whether some serial order of those that succeeded, and of any unknown ones, explains each read.
fn is_serializable(transactions: &[Transaction], order: Order, lists: bool) -> bool {
    explore(transactions, order, lists, &Store::default(), 0)
}

fn explore(all: &[Transaction], order: Order, lists: bool, store: &Store, done: u32) -> bool {
    let open = |at: usize| done >> at & 1 == 0;
    let committed = |at: usize| all[at].kind == Kind::Ok;
    if (0..all.len()).all(|at| !open(at) || !committed(at)) {
        return true;
    }
    (0..all.len())
        .filter(|at| open(*at) && all[*at].kind != Kind::Fail)
        .any(|at| {
            // Nothing that is still to come may have had to come before.
            let too_early = (0..all.len()).any(|other| {
                other != at
                    && open(other)
                    && committed(other)
                    && all[other].end < all[at].begin
                    && match order {
                        Order::Nothing => false,
                        Order::Processes => all[other].process == all[at].process,
                        Order::RealTime => true,
                    }
            });
            if too_early {
                return false;
            }
            let mut store = store.clone();
            let mut seen = all[at].seen.iter();
            for step in &all[at].steps {
                match step {
                    Step::Read(key) => {
                        let seen = seen.next();
                        if committed(at) && seen != Some(&store[*key]) {
                            return false;
                        }
                    }
                    Step::Write(key, element) => write(&mut store, *key, *element, lists),
                }
            }
            explore(all, order, lists, &store, done | 1 << at)
        })
}

const PROMISES: [(ConsistencyModel, Order); 3] = [
    (ConsistencyModel::SERIALIZABLE, Order::Nothing),
    (
        ConsistencyModel::STRONG_SESSION_SERIALIZABLE,
        Order::Processes,
    ),
    (ConsistencyModel::STRICT_SERIALIZABLE, Order::RealTime),
];

fn settings(consistency: ConsistencyModel) -> Settings {
    Settings {
        consistency: Some(consistency),
        ..Settings::default()
    }
}

#[test]
fn lists_whose_final_state_is_read_are_judged_exactly() {
    let mut counts: [Counts; 3] = Default::default();
    for seed in 0..CASES {
        let transactions = run(&mut Random::new(seed), true);
        let history = history(&transactions, true);
        for ((promise, order), counts) in PROMISES.iter().zip(&mut counts) {
            let report = judge(&history, &models::LIST_APPEND, &settings(*promise));
            let expected = is_serializable(&transactions, *order, true);
            counts.compare(&report, expected, seed);
            // The strongest models that hold say the same.
            let strongest = report.details["strongest_models"].to_string();
            if expected && *order == Order::RealTime {
                assert_eq!(strongest, "[\"strict-serializable\"]", "seed {seed}");
            }
        }
    }
    for counts in counts {
        counts.assert_both();
    }
}

#[test]
fn registers_are_never_blamed_without_reason() {
    let (mut serializable, mut blamed) = (0, 0);
    for seed in 0..CASES {
        let transactions = run(&mut Random::new(seed), false);
        let history = history(&transactions, false);
        for (promise, order) in PROMISES {
            let report = judge(&history, &models::RW_REGISTER, &settings(promise));
            let expected = is_serializable(&transactions, order, false);
            assert!(
                !expected || !report.is_invalid(),
                "seed {seed}: {report:#?}"
            );
            serializable += usize::from(expected);
            blamed += usize::from(report.is_invalid());
            if order == Order::RealTime {
                let settings = Settings {
                    linearizable_keys: true,
                    ..settings(promise)
                };
                let report = judge(&history, &models::RW_REGISTER, &settings);
                assert!(
                    !expected || !report.is_invalid(),
                    "seed {seed}: {report:#?}"
                );
            }
        }
    }
    assert!(
        serializable > 1000 && blamed > 1000,
        "{serializable} serializable, {blamed} blamed"
    );
}
