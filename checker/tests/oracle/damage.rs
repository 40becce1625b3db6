//! Histories that are damaged in every way in which files are: a column is missing, a row is missing
//! or there twice, two rows have changed places, a process has another name.
//!
//! Where the damage can be seen the verdict is unknown, or the file is refused. Where it cannot,
//! since what is left is a history like any other, the verdict is that of the oracle.

use crate::locks::values_may_be_left_out;
use crate::random::{Subject, events, planned};
use crate::{checks, isolation, lists, objects, registers, shared_data, streams};
use kensho_checker::formats::{Format, read};
use kensho_checker::generate::Random;
use kensho_checker::history::{Datum, History};
use kensho_checker::judge::{Known, Model, judge};
use kensho_checker::report::Verdict;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Histories for each model; more of them with `KENSHO_FUZZ_SECONDS`.
const CASES: u64 = 600;

/// What happened to a file, and whether it can be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Surely,
    Perhaps,
}

/// Damages the rows; says what was done, and whether that can be seen. Operations of some models
/// are known by their names.
fn damage(random: &mut Random, rows: &mut Vec<Value>, model: &Model) -> (String, Seen) {
    let at = random.below(rows.len());
    let invokes = |row: &Value| row["type"] == "invoke";
    let process = rows[at]["process"].clone();
    let goes_on = |rows: &[Value]| {
        let mut later = rows[at + 1..].iter();
        later.any(|row| row["process"] == process)
    };
    match random.below(10) {
        kind @ 0..=2 => {
            let column = ["process", "value", "f"][kind];
            let said = rows.iter().any(|row| !row[column].is_null());
            let said = said && (model.known(Known::ANY).is_none() || column != "f");
            let said = said && !(column == "value" && values_may_be_left_out(model));
            // Operations one after the other can be paired without it.
            let said = said && column != "process";
            for row in rows.iter_mut() {
                row.as_object_mut().unwrap().remove(column);
            }
            let seen = if said { Seen::Surely } else { Seen::Perhaps };
            (format!("the column {column} is gone"), seen)
        }
        3 => {
            rows[at]["process"] = Value::Null;
            (format!("row {at} has no process"), Seen::Surely)
        }
        4 => {
            rows[at].as_object_mut().unwrap().remove("value");
            (format!("row {at} has no value"), Seen::Perhaps)
        }
        5 => {
            let seen = invokes(&rows[at]) || goes_on(rows);
            rows.remove(at);
            let seen = if seen { Seen::Surely } else { Seen::Perhaps };
            (format!("row {at} is gone"), seen)
        }
        6 => {
            rows.insert(at, rows[at].clone());
            (format!("row {at} is there twice"), Seen::Surely)
        }
        7 => {
            let other = (at + 1).min(rows.len() - 1);
            let same = rows[at]["process"] == rows[other]["process"] && at != other;
            rows.swap(at, other);
            let seen = if same { Seen::Surely } else { Seen::Perhaps };
            (format!("row {at} comes after the next"), seen)
        }
        kind => {
            let other = rows[random.below(rows.len())]["process"].clone();
            let name = if kind == 8 { json!("somebody") } else { other };
            let seen = if name == process {
                Seen::Perhaps
            } else {
                Seen::Surely
            };
            rows[at]["process"] = name;
            (format!("row {at} has another process"), seen)
        }
    }
}

/// The history with the arguments that became known when operations completed, also in vain.
fn completed(mut history: History) -> History {
    for operation in &mut history.operations {
        if operation.argument == Datum::NIL {
            operation.argument = operation.result;
        }
    }
    history
}

/// Judges one damaged history; says which verdict it was, if it was any.
fn judge_one(subject: &Subject, seed: u64) -> Option<bool> {
    let mut random = Random::new(seed);
    let count = 2 + random.below(5);
    let planned = planned(&mut random, count, &*subject.plan);
    let mut rows: Vec<Value> = events(&mut random, &planned)
        .iter()
        .map(|event| serde_json::to_value(event).unwrap())
        .collect();
    let (what, seen) = damage(&mut random, &mut rows, subject.model);
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    let text = lines.join("\n");
    let history = read(text.as_bytes(), Format::Jsonl).ok()?;
    let report = judge(&history, subject.model, &subject.settings);
    let told = match report.verdict {
        Verdict::Valid(_) => true,
        Verdict::Invalid(_) => false,
        Verdict::Unknown(_) => return None,
    };
    let model = subject.model;
    let about = || format!("{model:?}, seed {seed}: {what}\n{text}\n{report:#?}");
    assert_eq!(seen, Seen::Perhaps, "{}", about());
    let expected = (subject.expected)(&completed(history));
    assert_eq!(Some(told), expected, "{}", about());
    Some(told)
}

pub(crate) fn subjects() -> Vec<Subject> {
    let mut subjects = objects::subjects();
    subjects.extend(checks::subjects());
    subjects.extend(shared_data::subjects());
    subjects.extend(streams::subjects());
    subjects.extend(isolation::subjects());
    subjects.push(lists::subject());
    subjects.extend(registers::subjects());
    subjects
}

#[test]
fn damage_never_makes_a_wrong_verdict() {
    let seconds = std::env::var("KENSHO_FUZZ_SECONDS").ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    let long = Duration::from_secs(seconds.unwrap_or(0));
    let begin = Instant::now();
    let subjects = subjects();
    let mut judged = vec![(0, 0); subjects.len()];
    let mut seed = 0;
    while seed < CASES || begin.elapsed() < long {
        for (subject, (valid, invalid)) in subjects.iter().zip(&mut judged) {
            match judge_one(subject, seed) {
                Some(true) => *valid += 1,
                Some(false) => *invalid += 1,
                None => {}
            }
        }
        seed += 1;
    }
    // What cannot be seen is judged, both ways.
    for (subject, (valid, invalid)) in subjects.iter().zip(judged) {
        assert!(
            valid > 0 && invalid > 0,
            "{:?}: {valid}, {invalid}",
            subject.model
        );
    }
}
