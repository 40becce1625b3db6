//! Acknowledged writes that are gone, by the failover that lost them.

use std::fmt::Write;

use super::anomaly::log_table;
use super::logs::{Lines, Moment};
use super::sections::seconds;
use super::surroundings::Surroundings;
use crate::html::{Column, escape, section, table};
use crate::text::thousands;
use crate::verdict::{Loss, Verdict};

/// So many failovers are shown.
pub(super) const SHOWN_MAX: usize = 20;
/// Log lines are shown from so long before the first lost write, and until so long after the
/// failover, milliseconds.
const LOG_BEFORE_MS: f64 = 500.0;
const LOG_AFTER_MS: f64 = 1_500.0;

/// When the logs of a loss are interesting: around its failover.
pub(super) fn moment(loss: &Loss) -> Option<Moment> {
    let first = loss.writes.first()?;
    let acknowledged = loss.writes.iter().map(|write| write.acknowledged_ms);
    let from = acknowledged.clone().min()? as f64;
    let at = loss.at_ms.or_else(|| acknowledged.max())? as f64;
    Some(Moment {
        from_ms: from - LOG_BEFORE_MS,
        at_ms: at,
        to_ms: at + LOG_AFTER_MS,
        partition: Some(u64::from(first.partition)),
    })
}

/// The section; nothing if no write was lost.
pub(super) fn draw(verdict: &Verdict, surroundings: &Surroundings) -> String {
    let losses = &verdict.losses;
    if losses.count == 0 {
        return String::new();
    }
    let mut content: String = losses
        .by_failover
        .iter()
        .zip(&surroundings.losses)
        .enumerate()
        .map(|(number, (loss, logs))| failover(loss, logs, number == 0))
        .collect();
    let more = losses.by_failover.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        let _ = writeln!(
            content,
            "<p class=\"note\">{more} more failovers are in verdict.json</p>"
        );
    }
    let introduction = format!(
        "{} confirmed, and gone: later an older value was read in its place, and it was never seen again. \
         Each was lost when its partition went to another owner that did not have it yet.",
        match losses.count {
            1 => "1 write was".to_string(),
            count => format!("{} writes were", thousands(count as u64)),
        }
    );
    section("Lost writes", &introduction, &content)
}

fn failover(loss: &Loss, logs: &Lines, open: bool) -> String {
    let rows: Vec<Vec<String>> = loss
        .writes
        .iter()
        .map(|write| {
            vec![
                escape(&write.key),
                escape(&write.value.to_string()),
                seconds(write.acknowledged_ms),
                match loss.at_ms {
                    Some(at_ms) => format!("{} ms", at_ms.saturating_sub(write.acknowledged_ms)),
                    None => String::new(),
                },
                seconds(write.missed_ms),
                match &write.seen {
                    serde_json::Value::Null => "nothing".to_string(),
                    seen => escape(&seen.to_string()),
                },
            ]
        })
        .collect();
    let columns = [
        Column::Words("object"),
        Column::Number("written"),
        Column::Number("confirmed at"),
        Column::Number("before the failover"),
        Column::Number("missed at"),
        Column::Number("seen instead"),
    ];
    let more = match loss.count.saturating_sub(loss.writes.len()) {
        0 => String::new(),
        many => format!(
            "<p class=\"note\">and {} more writes</p>\n",
            thousands(many as u64)
        ),
    };
    let look = match moment(loss) {
        Some(moment) => format!(
            "<p><a class=\"look\" href=\"#time\" data-from=\"{:.0}\" data-to=\"{:.0}\">Show this time of the run</a></p>\n",
            moment.from_ms - 500.0,
            moment.to_ms + 500.0
        ),
        None => String::new(),
    };
    format!(
        "<details{}><summary><b>{}</b> {}</summary>\n{}{more}{look}{}</details>\n",
        if open { " open" } else { "" },
        thousands(loss.count as u64),
        escape(&loss.failover),
        table(&columns, &rows),
        log_table(logs)
    )
}
