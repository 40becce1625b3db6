//! Histories that are cut: of what stands before, a violation is one of the whole, whatever came
//! after it; and nothing else is called one. *Valid* is never said.

use crate::damage::subjects;
use crate::random::{Planned, Subject, events};
use kensho_checker::formats::{Format, read};
use kensho_checker::generate::Random;
use kensho_checker::judge::judge;
use kensho_checker::report::Verdict;

const CASES: u64 = 1000;

/// Judges a history that is cut, and says whether it is invalid.
fn judge_one(subject: &Subject, seed: u64) -> bool {
    let mut random = Random::new(seed);
    let count = 2 + random.below(5);
    let planned: Vec<Planned> = (0..count)
        .map(|before| (subject.plan)(&mut random, before))
        .collect();
    let lines: Vec<String> = events(&mut random, &planned)
        .iter()
        .map(|event| serde_json::to_string(event).unwrap())
        .collect();
    let end = 1 + random.below(lines.len());
    let text = lines[..end].join("\n") + "\n{\"index\":";
    let history = read(text.as_bytes(), Format::Jsonl).unwrap();
    let report = judge(&history, subject.model, &subject.settings);
    let whole = read(lines.join("\n").as_bytes(), Format::Jsonl).unwrap();
    let whole = judge(&whole, subject.model, &subject.settings);
    let about = || {
        let model = subject.model;
        format!(
            "{model:?}, seed {seed}\n{text}\n{report:#?}\nof\n{}\n{whole:#?}",
            lines.join("\n")
        )
    };
    match report.verdict {
        Verdict::Valid(_) => panic!("{}", about()),
        Verdict::Invalid(_) => {
            assert!(!whole.is_valid(), "{}", about());
            true
        }
        Verdict::Unknown(_) => false,
    }
}

#[test]
fn what_stands_before_a_cut_is_judged() {
    for subject in subjects() {
        let mut invalid = 0;
        for seed in 0..CASES {
            invalid += u64::from(judge_one(&subject, seed));
        }
        let name = subject.model.name;
        assert!(
            invalid > CASES / 50 || name == "set",
            "{name}: only {invalid} are invalid"
        );
    }
}
