//! The list of all models, for `--list-models`.

use crate::judge::models;
use std::fmt::Write;

/// Each model with its operations and options.
pub(super) fn models() -> String {
    let mut list = String::new();
    for model in models::ALL {
        let _ = writeln!(list, "{}\n    {}.", model.name, model.help);
        let _ = writeln!(list, "    operations: {}", model.operations_in_words());
        let options: Vec<&str> = model
            .settings
            .iter()
            .map(|setting| setting.option())
            .collect();
        if !options.is_empty() {
            let _ = writeln!(list, "    options: {}", options.join(", "));
        }
        let guessed = if model.guess.is_some() {
            "can"
        } else {
            "cannot"
        };
        let _ = writeln!(list, "    it {guessed} be guessed\n");
    }
    list
}
