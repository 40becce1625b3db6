//! Isolation levels: small random histories against their definitions, by trying every order of
//! versions.
//!
//! The definitions are those of A. Cerone, A. Gotsman, A. Adya, R. Biswas and C. Enea, written down
//! as relations between all pairs of transactions, without any of the shortcuts of the checker.

use crate::definitions::elements;
use crate::random::{Planned, Subject};
use kensho_checker::generate::Random;
use kensho_checker::history::{Datum, Event, History, Kind, Operation, Outcome, Process};
use kensho_checker::judge::{Settings, judge, models};
use kensho_checker::transactions::{ConsistencyModel, Level, Order};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// Of a key: the value that was seen, 0 for none.
    Read(usize, u64),
    Write(usize, u64),
}

#[derive(Clone, Debug)]
struct Transaction {
    process: u64,
    steps: Vec<Step>,
    kind: Kind,
    begin: usize,
    end: usize,
}

const KEYS: [&str; 3] = ["x", "y", "z"];

/// Transactions at random times. Reads see what a store that runs them one after the other holds,
/// or, as often as `wild` of ten says, anything that anyone ever writes there.
fn transactions(random: &mut Random) -> Vec<Transaction> {
    let count = 2 + random.below(5);
    let keys = 1 + random.below(KEYS.len());
    let wild = [0, 1, 3, 10][random.below(4)];
    let mut next = 0;
    let mut all: Vec<Transaction> = (0..count)
        .map(|at| {
            let kind = match random.below(14) {
                0 => Kind::Info,
                1 => Kind::Fail,
                _ => Kind::Ok,
            };
            let length = 1 + random.below(3);
            let steps: Vec<Step> = (0..length)
                .map(|_| match random.below(5) {
                    0..3 => Step::Read(random.below(keys), 0),
                    _ => {
                        next += 1;
                        Step::Write(random.below(keys), next)
                    }
                })
                .collect();
            Transaction {
                process: match kind {
                    Kind::Ok => random.below(3) as u64,
                    _ => 10 + at as u64,
                },
                steps,
                kind,
                begin: 0,
                end: 0,
            }
        })
        .collect();
    // Each process does one after the other.
    let mut free = BTreeMap::new();
    for transaction in &mut all {
        let free = free.entry(transaction.process).or_insert(0);
        transaction.begin = *free + random.below(8);
        transaction.end = transaction.begin + 1 + random.below(12);
        *free = transaction.end + 1;
    }
    // No two events at the same time.
    let mut times: Vec<(usize, usize, bool)> = (0..count)
        .flat_map(|at| [(all[at].begin, at, false), (all[at].end, at, true)])
        .collect();
    times.sort_unstable();
    for (time, (_, at, ends)) in times.into_iter().enumerate() {
        match ends {
            true => all[at].end = time,
            false => all[at].begin = time,
        }
    }
    // What reads see: the store runs transactions in the order of their ends, or of one in between.
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|at| all[*at].begin + random.below(all[*at].end - all[*at].begin + 1));
    let written: Vec<(usize, u64)> = all
        .iter()
        .flat_map(|transaction| &transaction.steps)
        .filter_map(|step| match step {
            Step::Write(key, value) => Some((*key, *value)),
            Step::Read(..) => None,
        })
        .collect();
    let mut store = [0; KEYS.len()];
    for at in order {
        let mut mine = store;
        for step in &mut all[at].steps {
            match step {
                Step::Write(key, value) => mine[*key] = *value,
                Step::Read(key, seen) => {
                    *seen = mine[*key];
                    if random.below(10) < wild {
                        let values: Vec<u64> = written
                            .iter()
                            .filter(|(other, _)| other == key)
                            .map(|(_, value)| *value)
                            .chain([0])
                            .collect();
                        *seen = values[random.below(values.len())];
                    }
                }
            }
        }
        if all[at].kind == Kind::Ok || all[at].kind == Kind::Info && random.below(2) == 0 {
            store = mine;
        }
    }
    all
}

/// The history of transactions on registers; or on lists, of which this is the final state: to see
/// a value is then to see it as the last one.
fn history(all: &[Transaction], lists: Option<&[Vec<u64>]>) -> History {
    let seen = |key: usize, value: u64| -> Value {
        match lists {
            None if value == 0 => Value::Null,
            None => json!(value),
            Some(lists) => {
                let length = lists[key].iter().position(|one| *one == value);
                json!(lists[key][..length.map_or(0, |at| at + 1)])
            }
        }
    };
    let write = if lists.is_some() { "append" } else { "w" };
    let mut events = BTreeMap::new();
    for transaction in all {
        let steps = |shown: bool| -> Value {
            let steps = transaction.steps.iter().map(|step| match step {
                Step::Read(key, value) if shown => json!(["r", KEYS[*key], seen(*key, *value)]),
                Step::Read(key, _) => json!(["r", KEYS[*key], null]),
                Step::Write(key, value) => json!([write, KEYS[*key], value]),
            });
            steps.collect()
        };
        let (begin, end) = (transaction.begin as u64, transaction.end as u64);
        let invoke = Event::invoke(begin, begin, Process::Client(transaction.process), "txn")
            .with_value(steps(false));
        let shown = transaction.kind == Kind::Ok;
        let completion = invoke
            .complete(end, end, transaction.kind)
            .with_value(steps(shown));
        events.insert(end, completion);
        events.insert(begin, invoke);
    }
    History::from_events(events.values())
}

/// A relation between transactions.
type Relation = Vec<Vec<bool>>;

fn join(one: &Relation, other: &Relation) -> Relation {
    let row = |(one, other): (&Vec<bool>, &Vec<bool>)| {
        one.iter().zip(other).map(|(a, b)| *a || *b).collect()
    };
    one.iter().zip(other).map(row).collect()
}

fn compose(one: &Relation, other: &Relation) -> Relation {
    let n = one.len();
    let has = |a: usize, b: usize| (0..n).any(|via| one[a][via] && other[via][b]);
    (0..n)
        .map(|a| (0..n).map(|b| has(a, b)).collect())
        .collect()
}

fn closure(relation: &Relation) -> Relation {
    let mut closure = relation.clone();
    for via in 0..closure.len() {
        for a in 0..closure.len() {
            for b in 0..closure.len() {
                closure[a][b] |= closure[a][via] && closure[via][b];
            }
        }
    }
    closure
}

fn irreflexive(relation: &Relation) -> bool {
    (0..relation.len()).all(|at| !relation[at][at])
}

fn acyclic(relation: &Relation) -> bool {
    irreflexive(&closure(relation))
}

/// A read of what the transaction has not written itself before.
#[derive(Clone, Copy, Debug)]
struct Read {
    by: usize,
    key: usize,
    /// Who wrote what it saw; none for the initial state.
    source: Option<usize>,
}

/// What a history is for the definitions.
struct Facts {
    /// Those that happened.
    all: Vec<Transaction>,
    reads: Vec<Read>,
    /// Whether some read cannot be of a committed and final value.
    dirty: bool,
    /// Whether some transaction does not see its own steps.
    internal: bool,
    /// Per key, who wrote it.
    writers: Vec<Vec<usize>>,
}

impl Facts {
    fn of(transactions: &[Transaction]) -> Facts {
        let reads_of = |transaction: &Transaction| -> Vec<(usize, u64)> {
            let mut own = Vec::new();
            let mut reads = Vec::new();
            for step in &transaction.steps {
                match step {
                    Step::Write(key, _) => own.push(*key),
                    Step::Read(key, seen) if !own.contains(key) => reads.push((*key, *seen)),
                    Step::Read(..) => {}
                }
            }
            reads
        };
        let seen: Vec<u64> = transactions
            .iter()
            .filter(|transaction| transaction.kind == Kind::Ok)
            .flat_map(|transaction| &transaction.steps)
            .filter_map(|step| match step {
                Step::Read(_, seen) => Some(*seen),
                Step::Write(..) => None,
            })
            .collect();
        let last = |transaction: &Transaction, key: usize| {
            let newest_first = transaction.steps.iter().rev();
            newest_first.into_iter().find_map(|step| match step {
                Step::Write(other, value) if *other == key => Some(*value),
                _ => None,
            })
        };
        let happened = |transaction: &&Transaction| {
            transaction.kind == Kind::Ok
                || transaction.kind == Kind::Info
                    && transaction
                        .steps
                        .iter()
                        .any(|step| matches!(step, Step::Write(_, value) if seen.contains(value)))
        };
        let all: Vec<Transaction> = transactions.iter().filter(happened).cloned().collect();
        let (mut reads, mut dirty, mut internal) = (Vec::new(), false, false);
        for (by, transaction) in all.iter().enumerate() {
            if transaction.kind != Kind::Ok {
                continue;
            }
            for (key, seen) in reads_of(transaction) {
                let source = (0..all.len()).find(|at| last(&all[*at], key) == Some(seen));
                dirty |= seen > 0 && source.is_none_or(|source| source == by);
                reads.push(Read { by, key, source });
            }
            let mut state: BTreeMap<usize, u64> = BTreeMap::new();
            for step in &transaction.steps {
                match step {
                    Step::Write(key, value) => {
                        state.insert(*key, *value);
                    }
                    Step::Read(key, seen) => {
                        internal |= state.insert(*key, *seen).is_some_and(|one| one != *seen);
                        // To see what one writes only later is not internal, but impossible.
                        let later = transaction.steps.iter().rposition(
                            |other| matches!(other, Step::Write(_, value) if value == seen),
                        );
                        let here = transaction.steps.iter().position(|other| other == step);
                        dirty |= later > here;
                        // Nor may a failed one's value, or an intermediate one, be seen even after
                        // an own write.
                        dirty |= *seen > 0
                            && !all.iter().any(|other| {
                                last(other, *key) == Some(*seen)
                                    || std::ptr::eq(other, transaction)
                                        && other.steps.contains(&Step::Write(*key, *seen))
                            });
                    }
                }
            }
        }
        let writers = (0..KEYS.len()).map(|key| {
            (0..all.len())
                .filter(|at| last(&all[*at], key).is_some())
                .collect()
        });
        Facts {
            writers: writers.collect(),
            all,
            reads,
            dirty,
            internal,
        }
    }

    fn relation(&self, has: impl Fn(usize, usize) -> bool) -> Relation {
        let n = self.all.len();
        (0..n)
            .map(|a| (0..n).map(|b| a != b && has(a, b)).collect())
            .collect()
    }

    fn follows(&self, order: Order) -> Relation {
        self.relation(|a, b| {
            let (one, other) = (&self.all[a], &self.all[b]);
            one.kind == Kind::Ok
                && one.end < other.begin
                && match order {
                    Order::None => false,
                    Order::Session => one.process == other.process,
                    Order::RealTime => true,
                }
        })
    }

    /// The models that hold for these orders of versions, besides those that `holding` already has.
    fn judge(&self, orders: &[Vec<usize>], holding: &mut Vec<ConsistencyModel>) {
        let place = |key: usize, at: usize| orders[key].iter().position(|one| *one == at);
        let later = |read: &Read, at: usize| {
            at != read.by
                && place(read.key, at).is_some_and(|place_of| match read.source {
                    None => true,
                    Some(source) => Some(place_of) > place(read.key, source),
                })
        };
        let wr = self.relation(|a, b| {
            self.reads
                .iter()
                .any(|read| read.by == b && read.source == Some(a))
        });
        let ww = self.relation(|a, b| {
            (0..KEYS.len()).any(|key| {
                matches!((place(key, a), place(key, b)), (Some(one), Some(other)) if one < other)
            })
        });
        let rw = self.relation(|a, b| self.reads.iter().any(|read| read.by == a && later(read, b)));
        let writes = |at: usize| self.writers.iter().any(|writers| writers.contains(&at));
        for order in [Order::None, Order::Session, Order::RealTime] {
            let follows = self.follows(order);
            let visible = join(&follows, &wr);
            let depends = join(&visible, &ww);
            if !acyclic(&depends) {
                continue;
            }
            let past = closure(&depends);
            let reads_of = |by: usize| -> Vec<&Read> {
                self.reads.iter().filter(|read| read.by == by).collect()
            };
            // For each read, what was seen earlier in the transaction, and who wrote later.
            let monotonic = |reaches: &dyn Fn(usize, usize) -> bool| {
                (0..self.all.len()).all(|by| {
                    let reads = reads_of(by);
                    (0..reads.len()).all(|at| {
                        let before = reads[..at].iter().filter_map(|read| read.source);
                        before.into_iter().all(|source| {
                            !(0..self.all.len())
                                .any(|other| later(reads[at], other) && reaches(other, source))
                        })
                    })
                })
            };
            let no_lost_update = self.reads.iter().all(|read| {
                place(read.key, read.by).is_none_or(|mine| {
                    orders[read.key][..mine]
                        .iter()
                        .all(|other| !later(read, *other))
                })
            });
            let consistent_view = irreflexive(&compose(&past, &rw));
            let all = join(&depends, &rw);
            let only = |keep: &dyn Fn(usize) -> bool| {
                let n = self.all.len();
                let has = |a: usize, b: usize| all[a][b] && keep(a) && keep(b);
                (0..n)
                    .map(|a| (0..n).map(|b| has(a, b)).collect())
                    .collect::<Relation>()
            };
            let update_serializable = || {
                consistent_view
                    && acyclic(&only(&writes))
                    && (0..self.all.len())
                        .all(|reader| acyclic(&only(&|at| writes(at) || at == reader)))
            };
            for level in LEVELS {
                let holds = match level {
                    Level::ReadUncommitted | Level::ReadCommitted => true,
                    Level::MonotonicAtomicView => monotonic(&|other, source| other == source),
                    Level::MonotonicView | Level::MonotonicSnapshotRead => {
                        monotonic(&|other, source| other == source || past[other][source])
                    }
                    Level::CursorStability => no_lost_update,
                    Level::ReadAtomic => irreflexive(&compose(&visible, &rw)),
                    Level::Causal => irreflexive(&compose(&closure(&visible), &rw)),
                    Level::ConsistentView
                    | Level::ForwardConsistentView
                    | Level::ParallelSnapshotIsolation => consistent_view,
                    Level::Prefix => acyclic(&join(&depends, &compose(&visible, &rw))),
                    Level::UpdateSerializable => update_serializable(),
                    Level::SnapshotIsolation => acyclic(&join(&depends, &compose(&depends, &rw))),
                    Level::RepeatableRead | Level::Serializable => acyclic(&all),
                };
                let internal = self.internal
                    && matches!(
                        level,
                        Level::ReadAtomic
                            | Level::Causal
                            | Level::ParallelSnapshotIsolation
                            | Level::Prefix
                            | Level::SnapshotIsolation
                            | Level::Serializable
                    );
                let model = ConsistencyModel::new(level, order);
                if holds && !internal && !holding.contains(&model) {
                    holding.push(model);
                }
            }
        }
    }

    /// All models that hold for some orders of versions, of each key one that begins like this. (Read
    /// uncommitted is left out: it says nothing where versions are not known.)
    fn holding(&self, begin: &[Vec<usize>]) -> Vec<ConsistencyModel> {
        let mut holding = Vec::new();
        if self.dirty {
            return holding;
        }
        let mut orders: Vec<Vec<Vec<usize>>> = vec![Vec::new()];
        for (key, writers) in self.writers.iter().enumerate() {
            let mut all = permutations(writers);
            all.retain(|order| order.starts_with(&begin[key]));
            orders = orders
                .iter()
                .flat_map(|before| {
                    all.iter().map(|order| {
                        let mut with = before.clone();
                        with.push(order.clone());
                        with
                    })
                })
                .collect();
        }
        for order in &orders {
            self.judge(order, &mut holding);
        }
        holding
    }
}

const LEVELS: [Level; 15] = [
    Level::ReadCommitted,
    Level::MonotonicAtomicView,
    Level::MonotonicView,
    Level::MonotonicSnapshotRead,
    Level::CursorStability,
    Level::ReadAtomic,
    Level::Causal,
    Level::ConsistentView,
    Level::ForwardConsistentView,
    Level::ParallelSnapshotIsolation,
    Level::Prefix,
    Level::UpdateSerializable,
    Level::SnapshotIsolation,
    Level::RepeatableRead,
    Level::Serializable,
];

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (place, first) in items.iter().enumerate() {
        let rest = [&items[..place], &items[place + 1..]].concat();
        for mut order in permutations(&rest) {
            order.insert(0, *first);
            all.push(order);
        }
    }
    all
}

/// Transactions on registers, to be compared in other ways.
pub(crate) fn subjects() -> Vec<Subject> {
    let models = [
        ConsistencyModel::new(Level::Causal, Order::Session),
        ConsistencyModel::SNAPSHOT_ISOLATION,
        ConsistencyModel::STRICT_SERIALIZABLE,
    ];
    let subject = |model: ConsistencyModel| Subject {
        model: &models::RW_REGISTER,
        settings: Settings {
            consistency: Some(model),
            ..Settings::default()
        },
        plan: Box::new(plan),
        expected: Box::new(move |history| {
            let facts = Facts::of(&of_history(history));
            let holding = facts.holding(&[const { Vec::new() }; KEYS.len()]);
            Some(holding.contains(&model))
        }),
    };
    models.into_iter().map(subject).collect()
}

/// A transaction that writes what nobody else does, and sees anything that may be there.
fn plan(random: &mut Random, before: usize) -> Planned {
    let (mut asked, mut told) = (Vec::new(), Vec::new());
    for at in 0..1 + random.below(3) {
        let key = KEYS[random.below(2)];
        let value = match random.below(5) {
            0..2 => {
                let written = json!(["w", key, before * 3 + at + 1]);
                asked.push(written.clone());
                told.push(written);
                continue;
            }
            2..4 => Value::Null,
            _ => json!(1 + random.below(before * 3 + 3)),
        };
        asked.push(json!(["r", key, null]));
        told.push(json!(["r", key, value]));
    }
    Planned::ok("txn", Value::Array(asked), Value::Array(told))
}

/// What a history tells of its transactions.
fn of_history(history: &History) -> Vec<Transaction> {
    let transaction = |operation: &Operation| {
        let told = operation.outcome == Outcome::Ok && operation.result != Datum::NIL;
        let shown = match told {
            true => operation.result,
            false => operation.argument,
        };
        let steps = elements(&history.value(shown));
        let step = |step: &kensho_checker::value::Value| {
            let [f, key, value] = &elements(step)[..] else {
                panic!("{step:?} is no step");
            };
            let number = value.as_int().unwrap_or(0) as u64;
            let place = KEYS.iter().position(|name| key.as_text() == Some(*name));
            match f.as_text() == Some("w") {
                true => Some(Step::Write(place?, number)),
                false => told.then_some(Step::Read(place?, number)),
            }
        };
        Transaction {
            process: u64::from(operation.process),
            steps: steps.iter().filter_map(step).collect(),
            kind: match operation.outcome {
                Outcome::Ok => Kind::Ok,
                Outcome::Fail => Kind::Fail,
                Outcome::Unknown => Kind::Info,
            },
            begin: operation.invoke as usize,
            end: operation.complete as usize,
        }
    };
    history.operations.iter().map(transaction).collect()
}

/// The models that a report names, and all that they imply.
fn named(report: &kensho_checker::report::Report) -> Vec<ConsistencyModel> {
    assert!(
        report.details.get("undecided_models").is_none(),
        "{report:#?}"
    );
    let strongest: Vec<ConsistencyModel> = report.details["strongest_models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| {
            <ConsistencyModel as clap::ValueEnum>::from_str(name.as_str().unwrap(), false).unwrap()
        })
        .collect();
    ConsistencyModel::ALL
        .iter()
        .copied()
        .filter(|model| strongest.iter().any(|strong| strong.implies(*model)))
        .collect()
}

#[test]
fn every_level_is_decided_as_it_is_defined() {
    let mut counts: BTreeMap<&str, [u32; 2]> = BTreeMap::new();
    for seed in 0..6_000 {
        let mut random = Random::new(seed);
        let all = transactions(&mut random);
        let reads = all.iter().any(|one| {
            one.kind == Kind::Ok && one.steps.iter().any(|step| matches!(step, Step::Read(..)))
        });
        if !reads {
            continue;
        }
        let facts = Facts::of(&all);
        if facts.writers.iter().any(|writers| writers.len() > 5) {
            continue;
        }
        let holding = facts.holding(&[const { Vec::new() }; KEYS.len()]);
        let history = history(&all, None);
        let report = judge(&history, &models::RW_REGISTER, &Settings::default());
        let named = named(&report);
        for model in ConsistencyModel::ALL {
            if model.level == Level::ReadUncommitted {
                continue;
            }
            let expected = holding.contains(model);
            assert_eq!(
                named.contains(model),
                expected,
                "seed {seed}: {}: {all:#?} {report:#?}",
                model.as_str()
            );
            counts.entry(model.as_str()).or_default()[usize::from(expected)] += 1;
        }
        // What is asked for has the same verdict.
        let model = ConsistencyModel::ALL[3 + random.below(45)];
        let settings = Settings {
            consistency: Some(model),
            ..Settings::default()
        };
        let report = judge(&history, &models::RW_REGISTER, &settings);
        assert_eq!(
            report.is_valid(),
            holding.contains(&model),
            "seed {seed}: {report:#?}"
        );
        assert_eq!(
            report.is_invalid(),
            !report.is_valid(),
            "seed {seed}: {report:#?}"
        );
    }
    for (model, [invalid, valid]) in counts {
        assert!(
            invalid > 500 && valid > 500,
            "{model}: {valid} valid, {invalid} invalid"
        );
    }
}

#[test]
fn so_it_is_for_lists_whose_ends_nobody_read() {
    let mut counts: BTreeMap<&str, [u32; 2]> = BTreeMap::new();
    for seed in 0..6_000 {
        let mut random = Random::new(seed);
        let all = transactions(&mut random);
        let facts = Facts::of(&all);
        let simple = facts.all.iter().all(|transaction| {
            let keys: Vec<(usize, bool)> = transaction
                .steps
                .iter()
                .map(|step| match step {
                    Step::Write(key, _) => (*key, true),
                    Step::Read(key, _) => (*key, false),
                })
                .collect();
            // No object is looked at again after it was written.
            (0..keys.len()).all(|at| !keys[..at].contains(&(keys[at].0, true)))
        });
        if facts.dirty || !simple || facts.reads.is_empty() {
            continue;
        }
        // The final states, in some order of all that was appended; and how far they were read.
        let (mut states, mut begin) = (Vec::new(), Vec::new());
        for (key, writers) in facts.writers.iter().enumerate() {
            let mut order = writers.clone();
            order.sort_by_key(|at| facts.all[*at].end + random.below(4));
            let value = |at: &usize| {
                facts.all[*at].steps.iter().find_map(|step| match step {
                    Step::Write(other, value) if *other == key => Some(*value),
                    _ => None,
                })
            };
            states.push(order.iter().filter_map(value).collect::<Vec<u64>>());
            let sources = facts.reads.iter().filter(|read| read.key == key);
            let read = sources
                .filter_map(|read| order.iter().position(|at| Some(*at) == read.source))
                .max();
            begin.push(order[..read.map_or(0, |last| last + 1)].to_vec());
        }
        if facts.writers.iter().any(|writers| writers.len() > 5) {
            continue;
        }
        let holding = facts.holding(&begin);
        let history = history(&all, Some(&states));
        let report = judge(&history, &models::LIST_APPEND, &Settings::default());
        let named = named(&report);
        for model in ConsistencyModel::ALL {
            if model.level == Level::ReadUncommitted {
                continue;
            }
            let expected = holding.contains(model);
            assert_eq!(
                named.contains(model),
                expected,
                "seed {seed}: {}: {all:#?} {states:?} {report:#?}",
                model.as_str()
            );
            counts.entry(model.as_str()).or_default()[usize::from(expected)] += 1;
        }
    }
    for (model, [invalid, valid]) in counts {
        assert!(
            invalid > 80 && valid > 80,
            "{model}: {valid} valid, {invalid} invalid"
        );
    }
}
