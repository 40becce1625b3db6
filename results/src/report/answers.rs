//! What clients were told instead of success.

use super::sections::ROWS_MAX;
use crate::html::{Column, escape, section, table};
use crate::text::thousands;
use crate::verdict::Verdict;

/// The section; nothing if there were no errors.
pub(super) fn draw(verdict: &Verdict) -> String {
    let answers = &verdict.answers;
    if answers.is_empty() {
        return String::new();
    }
    let wrong = answers.contradiction();
    let wrong = wrong.map_or(String::new(), |text| {
        format!("<p><strong>{}</strong></p>\n", escape(&text))
    });
    let rows = answers.errors.iter().take(ROWS_MAX).map(|kind| {
        vec![
            escape(&kind.text),
            thousands(kind.failed),
            thousands(kind.unknown),
        ]
    });
    let columns = [
        Column::Words("what clients were told"),
        Column::Number("failed"),
        Column::Number("unknown"),
    ];
    let introduction = "Failed: it certainly had no effect, and never will. Unknown: it may have happened, \
                        or may still.";
    let content = wrong + &table(&columns, &rows.collect::<Vec<_>>());
    section("Errors", introduction, &content)
}
