//! What every target does with its input: read it, and judge and explain what was accepted.

use kensho_checker::budget::Budget;
use kensho_checker::explain;
use kensho_checker::formats::{Format, read};
use kensho_checker::judge::{Guess, Settings, guess, judge, models};
use std::time::Duration;

/// Longer histories are only read: judging them would take the time that reading is to have.
const OPERATIONS_MAX: usize = 60;

/// Reads the input in this format; nothing may panic.
pub fn try_format(input: &[u8], format: Format) {
    let _ = Format::detect(input);
    let history = match read(input, format) {
        Ok(history) => history,
        Err(problem) => {
            let text = problem.to_string();
            let begins = ["line ", "offset ", "nothing was read: ", "this "];
            let names_its_place = begins.iter().any(|begin| text.starts_with(begin));
            assert!(names_its_place, "an error names its place: {text}");
            return;
        }
    };
    let model = match guess(&history) {
        Guess::Model(model, _) => model,
        Guess::None(_) => &models::CAS_REGISTER,
    };
    if history.operations.len() > OPERATIONS_MAX {
        return;
    }
    let settings = Settings {
        budget: Budget {
            time: Duration::from_millis(5),
            bytes: 1 << 22,
        },
        threads: 1,
        format: Some(format),
        ..Settings::default()
    };
    let mut split = history.clone();
    split.split_tuples();
    for history in [history, split] {
        let report = judge(&history, model, &settings);
        let _ = explain::text(&report);
        let _ = explain::html_fragment(&history, &report);
    }
}
