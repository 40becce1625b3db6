//! The report of a run: one HTML page that opens from a file, offline, in any browser.
//!
//! Verdict in plain words first, then the figures that make it believable, then what happened over
//! time, then the details. Pictures are inline SVG, drawn here; there are no scripts and nothing is
//! fetched. Each picture is drawn for a wide and for a narrow screen, so that its words stay
//! readable on a phone, and the style sheet shows the one that fits.

mod anomaly;
mod comparison;
mod scale;
mod sections;
mod timeline;

use anyhow::Result;
pub use comparison::comparison;

use crate::html::{STYLE, escape};
use crate::run::RunRecord;
use crate::store::RunFolder;
use crate::verdict::Verdict;

/// Writes the report into the run's folder.
///
/// # Errors
/// If it cannot be written.
pub fn write(folder: &RunFolder, record: &RunRecord, verdict: &Verdict) -> Result<()> {
    folder.write(&folder.report(), page(record, verdict).as_bytes())
}

/// The whole page.
pub fn page(record: &RunRecord, verdict: &Verdict) -> String {
    let word = verdict.valid.word();
    let title = format!(
        "{word}: {} on {}, {}",
        record.workload, record.system, record.began
    );
    let body = [
        sections::verdict(record, verdict),
        sections::tiles(verdict),
        sections::violations(verdict),
        sections::losses(verdict),
        sections::over_time(verdict),
        sections::faults(verdict),
        sections::phases(verdict),
        sections::operations(verdict),
        sections::availability(verdict),
        sections::failovers(verdict),
        sections::again(record),
    ]
    .concat();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body class=\"{word}\">\n\
         <main>\n{body}</main>\n</body>\n</html>\n",
        escape(&title)
    )
}

#[cfg(test)]
mod tests;
