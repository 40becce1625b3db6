//! Registers: the verdict, the witness, the minimal sub-history, what must have happened, and how
//! stale reads are.

use crate::random::{
    CASES, Counts, Planned, Step, Subject, forget, history, is_linearizable, is_witness, misfits,
};
use kensho_checker::generate::Random;
use kensho_checker::history::{History, Kind, NEVER, Outcome};
use kensho_checker::judge::{Settings, models};
use kensho_checker::register::{FailedCas, Options, check};
use kensho_checker::report::{Anomaly, OperationView, Report, Role, Verdict};
use kensho_checker::value::Value;
use serde_json::json;
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq)]
enum Effect {
    Read(Value),
    Write(Value),
    Cas(Value, Value),
    NotValue(Value),
}

fn apply(state: &Value, effect: &Effect) -> Option<Value> {
    match effect {
        Effect::Read(seen) => (seen == state).then(|| state.clone()),
        Effect::NotValue(unseen) => (unseen != state).then(|| state.clone()),
        Effect::Write(written) => Some(written.clone()),
        Effect::Cas(seen, written) => (seen == state).then(|| written.clone()),
    }
}

fn looks(effect: &Effect) -> bool {
    matches!(effect, Effect::Read(_) | Effect::NotValue(_))
}

/// What the operations mean, told apart from the crate's own reading of them.
fn steps(history: &History, failed_cas: FailedCas) -> Vec<Step<Effect>> {
    let mut steps = Vec::new();
    for (place, operation) in history.operations.iter().enumerate() {
        let value = |datum| history.value(datum);
        let pair = || {
            let value = value(operation.argument);
            let parts = value.elements().unwrap();
            (parts[0].clone(), parts[1].clone())
        };
        let effect = match (history.name(operation.f), operation.outcome) {
            ("read", Outcome::Ok) => Effect::Read(value(operation.result)),
            ("read", _) | ("write" | "delete", Outcome::Fail) => continue,
            ("delete", _) => Effect::Write(Value::Nil),
            ("write", _) => Effect::Write(value(operation.argument)),
            (_, Outcome::Fail) if operation.observed => Effect::Read(value(operation.result)),
            (_, Outcome::Fail) if failed_cas == FailedCas::NoEffect => continue,
            (_, Outcome::Fail) => Effect::NotValue(pair().0),
            _ => Effect::Cas(pair().0, pair().1),
        };
        steps.push(Step {
            effect,
            inv: operation.invoke,
            ret: operation.complete,
            place: place as u32,
        });
    }
    steps
}

/// Few values that repeat, or values that are written once.
#[derive(Clone, Copy, PartialEq)]
enum Written {
    Again,
    Once,
}

fn plan(random: &mut Random, written: Written) -> Vec<Planned> {
    let count = 1 + random.below(8);
    let values = if written == Written::Once { 6 } else { 3 };
    (0..count)
        .map(|at| {
            let seen = match random.below(values) {
                0 => json!(null),
                number => json!(number),
            };
            let value = match written {
                Written::Once => json!(at + 1),
                Written::Again => json!(1 + random.below(values)),
            };
            let kind = match random.below(8) {
                0 => Kind::Info,
                1 => Kind::Fail,
                _ => Kind::Ok,
            };
            let (f, argument, result) = match random.below(8) {
                0..=2 => ("read", json!(null), seen.clone()),
                3..=5 => ("write", value.clone(), value),
                _ => {
                    let pair = json!([seen, value]);
                    ("cas", pair.clone(), pair)
                }
            };
            let observed = (f == "cas" && kind == Kind::Fail && random.below(2) == 0)
                .then(|| json!(1 + random.below(values)));
            Planned {
                f,
                argument,
                result,
                kind,
                observed,
            }
        })
        .collect()
}

/// Some of these delete instead of what they did.
fn with_deletes(random: &mut Random, planned: Vec<Planned>) -> Vec<Planned> {
    let with_deletes = planned.into_iter().map(|planned| {
        if random.below(3) > 0 || planned.f == "cas" {
            return planned;
        }
        Planned {
            f: "delete",
            argument: json!(null),
            result: json!(null),
            ..planned
        }
    });
    with_deletes.collect()
}

/// Registers, to be compared in other ways.
pub(crate) fn subjects() -> Vec<Subject> {
    let subject = |model, deletes: bool| Subject {
        model,
        settings: Settings::default(),
        plan: Box::new(move |random, _| {
            let mut planned = plan(random, Written::Again);
            if deletes {
                planned = with_deletes(random, planned);
            }
            planned.swap_remove(0)
        }),
        expected: Box::new(|history| {
            let steps = steps(history, FailedCas::NoEffect);
            Some(is_linearizable(&steps, &Value::Nil, &apply))
        }),
    };
    vec![
        subject(&models::REGISTER, false),
        subject(&models::DELETABLE_REGISTER, true),
    ]
}

fn compare(written: Written, failed_cas: FailedCas) {
    let mut counts = Counts::default();
    let (mut zones, mut stale, mut forced, mut uncounted) = (0, 0, 0, 0);
    for seed in 0..CASES {
        let mut random = Random::new(seed);
        let planned = plan(&mut random, written);
        let history = history(&mut random, &planned);
        let initial = if random.below(4) == 0 {
            Value::Int(1)
        } else {
            Value::Nil
        };
        let steps = steps(&history, failed_cas);
        let options = Options {
            initial: initial.clone(),
            failed_cas,
            threads: 1,
            ..Options::default()
        };
        let report = check(&history, &options);
        let expected = is_linearizable(&steps, &initial, &apply);
        counts.compare(&report, expected, seed);
        zones += report.engines.zones;
        match &report.verdict {
            Verdict::Valid(witness) => {
                for key in &witness.orders {
                    assert!(
                        is_witness(&steps, &key.order, &initial, &apply),
                        "seed {seed}"
                    );
                }
                let must = what_must_have_happened(&steps, &initial);
                forced += must.len();
                let told: BTreeSet<u32> = report
                    .must_have_happened
                    .operations
                    .iter()
                    .map(|o| o.place)
                    .collect();
                assert_eq!(told, must, "seed {seed}");
            }
            Verdict::Invalid(anomalies) => {
                let [anomaly] = &anomalies[..] else {
                    panic!("seed {seed}: {} anomalies of one key", anomalies.len());
                };
                assert_minimal(&steps, anomaly, &initial, seed);
                let misfits = misfits(&steps, &looks, |steps| {
                    is_linearizable(steps, &initial, &apply)
                });
                let violations = &report.violations;
                if violations.at_least {
                    uncounted += 1;
                    assert!(
                        violations.count <= misfits.len(),
                        "seed {seed}: {report:#?}"
                    );
                } else {
                    assert_eq!(violations.count, misfits.len(), "seed {seed}: {report:#?}");
                    let first = &history.operations[misfits[0] as usize];
                    let names_it = |o: &OperationView| o.invoke == u64::from(first.invoke);
                    assert!(
                        anomaly.operations.iter().any(names_it),
                        "seed {seed}: {misfits:?} {report:#?}"
                    );
                }
                let told = anomalies.iter().find_map(|anomaly| anomaly.stale_ns);
                assert_eq!(
                    told,
                    least_shift(&steps, &initial),
                    "seed {seed}: {report:#?}"
                );
                stale += usize::from(told.is_some());
            }
            Verdict::Unknown(_) => unreachable!("compared above"),
        }
        assert_told(&report);
    }
    counts.assert_both();
    assert!(
        uncounted * 4 < counts.invalid,
        "{uncounted} are not counted"
    );
    assert!(stale > 100, "only {stale} were stale");
    assert!(
        forced > 100,
        "only {forced} unknown ones must have happened"
    );
    if written == Written::Once && failed_cas == FailedCas::NoEffect {
        assert!(zones as u64 > CASES / 2, "only {zones} by zones");
    }
}

/// The unknown ones without which nothing explains the rest.
fn what_must_have_happened(steps: &[Step<Effect>], initial: &Value) -> BTreeSet<u32> {
    let unknown = (0..steps.len()).filter(|at| steps[*at].ret == NEVER);
    unknown
        .filter(|at| {
            let mut without = steps.to_vec();
            without.remove(*at);
            !is_linearizable(&without, initial, &apply)
        })
        .map(|at| steps[at].place)
        .collect()
}

/// The sub-history is invalid, and forgetting any outcome in it makes it valid: a read is left
/// out, and a write may then have happened at any time, or not at all.
fn assert_minimal(steps: &[Step<Effect>], anomaly: &Anomaly, initial: &Value, seed: u64) {
    let sub: Vec<Step<Effect>> = anomaly
        .operations
        .iter()
        .map(|view| {
            let mut step = steps
                .iter()
                .find(|step| step.place == view.place)
                .unwrap()
                .clone();
            if view.role == Role::Source {
                step.ret = NEVER;
            }
            step
        })
        .collect();
    assert!(
        !is_linearizable(&sub, initial, &apply),
        "seed {seed}: valid: {anomaly:#?}"
    );
    for at in (0..sub.len()).filter(|at| sub[*at].ret != NEVER) {
        let mut rest = sub.clone();
        forget(&mut rest, at, &looks);
        assert!(
            is_linearizable(&rest, initial, &apply),
            "seed {seed}: {at} is not needed: {anomaly:#?}"
        );
    }
}

/// The least time (an event takes 1000 ns) by which all reads must have been invoked earlier.
fn least_shift(steps: &[Step<Effect>], initial: &Value) -> Option<u64> {
    (1..=40)
        .find(|shift| {
            let mut moved = steps.to_vec();
            for step in &mut moved {
                if matches!(step.effect, Effect::Read(_)) {
                    step.inv = step.inv.saturating_sub(*shift);
                }
            }
            is_linearizable(&moved, initial, &apply)
        })
        .map(|shift| u64::from(shift) * 1000)
}

/// Every explanation names its operations by events and processes.
fn assert_told(report: &Report) {
    for anomaly in report.anomalies() {
        assert!(anomaly.text.contains("rocess ") && anomaly.text.contains("event"));
        assert!(!anomaly.operations.is_empty());
    }
}

#[test]
fn registers_whose_values_are_written_once() {
    compare(Written::Once, FailedCas::NoEffect);
}

#[test]
fn registers_whose_values_repeat() {
    compare(Written::Again, FailedCas::NoEffect);
}

#[test]
fn registers_whose_failed_cas_saw_another_value() {
    compare(Written::Again, FailedCas::Observation);
}

#[test]
fn registers_whose_value_is_deleted() {
    let mut counts = Counts::default();
    let (mut zones, mut forced) = (0, 0);
    for seed in 0..CASES {
        let mut random = Random::new(seed);
        let planned = plan(&mut random, Written::Once);
        let planned = with_deletes(&mut random, planned);
        let history = history(&mut random, &planned);
        let steps = steps(&history, FailedCas::NoEffect);
        let settings = Settings {
            threads: 1,
            ..Settings::default()
        };
        let report = (models::DELETABLE_REGISTER.judge)(&history, &settings);
        let linearizable = |steps: &[Step<Effect>]| is_linearizable(steps, &Value::Nil, &apply);
        counts.compare(&report, linearizable(&steps), seed);
        zones += report.engines.zones;
        match &report.verdict {
            Verdict::Valid(witness) => {
                for key in &witness.orders {
                    let order = &key.order;
                    assert!(
                        is_witness(&steps, order, &Value::Nil, &apply),
                        "seed {seed}"
                    );
                }
                let must = what_must_have_happened(&steps, &Value::Nil);
                for told in &report.must_have_happened.operations {
                    assert!(must.contains(&told.place), "seed {seed}");
                    forced += 1;
                }
            }
            Verdict::Invalid(anomalies) => {
                assert_minimal(&steps, &anomalies[0], &Value::Nil, seed);
                let misfits = misfits(&steps, &looks, linearizable);
                assert!(report.violations.count <= misfits.len(), "seed {seed}");
                if !report.violations.at_least {
                    assert_eq!(report.violations.count, misfits.len(), "seed {seed}");
                }
            }
            Verdict::Unknown(_) => unreachable!("compared above"),
        }
        assert_told(&report);
    }
    counts.assert_both();
    assert!(zones as u64 > CASES / 2, "only {zones} by zones");
    assert!(forced > 50, "only {forced} unknown ones must have happened");
}
