//! The report of a run: one HTML page that opens from a file, offline, in any browser.
//!
//! Verdict in plain words first, then what went wrong if anything did, then the run on one time
//! axis, then what each fault did, then the details. Pictures are inline SVG, drawn here, and whole
//! without the few lines of script that let a reader look closer; nothing is fetched. Each picture
//! is drawn for a wide and for a narrow screen, so that its words stay readable on a phone, and the
//! style sheet shows the one that fits. However large the run, the page is bounded: what is left
//! out is counted, and lies in the run's folder.

mod anomaly;
mod answers;
mod comparison;
mod explanation;
mod faults;
mod logs;
mod losses;
mod scale;
mod sections;
mod surroundings;
mod timeline;

use anyhow::Result;

pub use comparison::comparison;

use crate::html;
use crate::run::RunRecord;
use crate::store::RunFolder;
use crate::verdict::Verdict;
use surroundings::Surroundings;

/// Writes the report into the run's folder, with what nodes logged there.
///
/// # Errors
/// If it cannot be written.
pub fn write(folder: &RunFolder, record: &RunRecord, verdict: &Verdict) -> Result<()> {
    let surroundings = Surroundings::read(folder, verdict);
    let page = page(record, verdict, &surroundings);
    folder.write(&folder.report(), page.as_bytes())
}

/// The whole page.
fn page(record: &RunRecord, verdict: &Verdict, surroundings: &Surroundings) -> String {
    let word = verdict.valid.word();
    let title = format!(
        "{word}: {} on {}, {}",
        record.workload, record.system, record.began
    );
    let body = [
        sections::verdict(record, verdict),
        sections::tiles(verdict),
        sections::violations(verdict, surroundings),
        losses::draw(verdict, surroundings),
        sections::over_time(verdict, surroundings),
        faults::draw(verdict),
        sections::operations(verdict),
        answers::draw(verdict),
        sections::phases(verdict),
        sections::availability(verdict),
        sections::failovers(verdict),
        sections::again(record),
    ]
    .concat();
    html::page(&title, "", word, &body)
}

#[cfg(test)]
mod tests;
