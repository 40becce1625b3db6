//! Judges recorded histories with known verdicts, where a folder of them is at hand:
//! `KENSHO_CORPUS=folder cargo test -p kensho-checker --test corpus`. The folder has a
//! `manifest.tsv` with the columns file, model, initial value and expected verdict.

use kensho_checker::formats::{self, Format, edn};
use kensho_checker::judge::{Model, Settings, judge};
use kensho_checker::report::Verdict;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

#[test]
fn recorded_histories_get_their_known_verdicts() {
    let Ok(folder) = std::env::var("KENSHO_CORPUS") else {
        // Not by a macro: the test runner would hide what a passing test prints.
        let message = b"skipped: KENSHO_CORPUS is not set to a folder of recorded histories\n";
        std::io::stderr().write_all(message).unwrap();
        return;
    };
    let manifest = std::fs::read_to_string(Path::new(&folder).join("manifest.tsv")).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in manifest.lines().skip(1).filter(|line| !line.is_empty()) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, model, initial, expected] = columns[..] else {
            panic!("{line}")
        };
        let text = std::fs::read(Path::new(&folder).join(file)).unwrap();
        let format = Format::detect(&text);
        let history = formats::read(&text, format).unwrap_or_else(|e| panic!("{file}: {e}"));
        let model = Model::named(model).unwrap();
        let settings = Settings {
            initial: (!initial.is_empty()).then(|| edn::parse(initial.as_bytes()).unwrap()),
            format: Some(format),
            ..Settings::default()
        };
        let start = Instant::now();
        let report = judge(&history, model, &settings);
        println!(
            "{file}\t{}\t{:?}\t{:?}",
            report.verdict,
            start.elapsed(),
            report
                .anomalies()
                .iter()
                .map(|a| a.name.as_str())
                .collect::<Vec<_>>()
        );
        count += 1;
        // Others call a history valid in which nothing was observed.
        let nothing_checked = match &report.verdict {
            Verdict::Unknown(unknown) => unknown.reason.starts_with("nothing was checked"),
            _ => false,
        };
        let as_known = report.verdict.to_string() == expected;
        let only_unread = nothing_checked && expected == "valid";
        if !as_known && !only_unread {
            wrong.push(format!(
                "{file}: {} instead of {expected}: {:?}",
                report.verdict, report.verdict
            ));
        }
    }
    assert!(
        count > 0 && wrong.is_empty(),
        "{} of {count} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
