//! The sections of a report.

use std::fmt::Write;

use super::anomaly::Anomaly;
use super::surroundings::Surroundings;
use super::timeline;
use crate::figures::Phase;
use crate::html::{self, Column, escape, section, table};
use crate::run::RunRecord;
use crate::text::{duration_ms, thousands};
use crate::verdict::{Validity, Verdict};

/// So many rows of a kind are shown at most; the rest is in `verdict.json`.
pub(super) const ROWS_MAX: usize = 200;
pub(super) const ANOMALIES_MAX: usize = 6;

/// The verdict in plain words.
pub(super) fn verdict(record: &RunRecord, verdict: &Verdict) -> String {
    let word = match verdict.valid {
        Validity::Valid => "Valid",
        Validity::Invalid => "Invalid",
        Validity::Unknown => "Unknown",
    };
    let missing: String = verdict
        .missing
        .iter()
        .map(|text| format!("<li>{}</li>", escape(text)))
        .collect();
    let missing = if missing.is_empty() {
        String::new()
    } else {
        format!("<p>What the run does not show:</p>\n<ul>{missing}</ul>\n")
    };
    format!(
        "<header>\n<p class=\"kicker\">{} on {}, {}</p>\n<h1>{word}</h1>\n<p class=\"summary\">{}</p>\n{}{missing}</header>\n",
        escape(&record.workload),
        escape(&record.system),
        escape(&record.began.replace('T', " ")),
        escape(&verdict.summary),
        remarks(record, verdict)
    )
}

/// What a reader should know about how the run was made before judging the database.
fn remarks(record: &RunRecord, verdict: &Verdict) -> String {
    let option = |name: &str| record.options.get(name).and_then(|value| value.as_str());
    let mut remarks = String::new();
    let rules = option("break-rules").unwrap_or_default();
    for rule in rules.split(',').filter(|rule| !rule.is_empty()) {
        let without = match record.broken_rules.get(rule).map(String::as_str) {
            None | Some("") => String::new(),
            Some(text) => format!(" Without it {}.", escape(text)),
        };
        let _ = writeln!(
            remarks,
            "<p class=\"remark\"><b>The nodes of this run are wrong on purpose.</b> The safety rule \
             <code>{}</code> is broken in them, to see whether the harness notices.{without}</p>",
            escape(rule)
        );
    }
    if option("mode") == Some("async") && verdict.losses.count > 0 {
        remarks.push_str(
            "<p class=\"remark\"><b>Replication was asynchronous.</b> An update is confirmed before the backups have it, \
             so a failover may lose what was confirmed last. This run shows which updates that were; it is right if nothing else was lost.</p>\n",
        );
    }
    remarks
}

/// The figures that make it believable.
pub(super) fn tiles(verdict: &Verdict) -> String {
    let figures = &verdict.figures;
    let applied = verdict.counts.faults_applied;
    let planned = verdict.faults.len();
    let faults = if applied == planned {
        applied.to_string()
    } else {
        format!("{applied} of {planned}")
    };
    let recoveries = &figures.availability.recoveries;
    let recovery = match figures.availability.recovery_ms_max {
        Some(ms) => duration_ms(ms),
        None if recoveries.is_empty() => "–".to_string(),
        None => "never".to_string(),
    };
    let silence = figures
        .availability
        .partitions
        .iter()
        .map(|outage| outage.ms);
    let short = match figures.pace.filter(|pace| pace.falls_short()) {
        None => String::new(),
        Some(_) => {
            let service = figures.latency_ms.service;
            let [p50, p99] = [service.p50, service.p99].map(duration_ms);
            format!("; of the database alone {p50}, {p99}")
        }
    };
    let tiles = [
        (
            "slowest recovery",
            recovery,
            "from a fault's beginning until every partition answered again".to_string(),
        ),
        (
            "longest silence of a partition",
            duration_ms(silence.fold(0.0, f64::max)),
            format!(
                "of the whole cluster {}",
                duration_ms(figures.unavailable_ms_max)
            ),
        ),
        ("faults applied", faults, verdict.counts.text()),
        (
            "operations",
            thousands(figures.operation_count()),
            format!("in {}", duration_ms(figures.length_ms as f64)),
        ),
        (
            "answers per second",
            thousands(figures.answers_per_second() as u64),
            "on average".to_string(),
        ),
        (
            "median latency",
            duration_ms(figures.latency_ms.all.p50),
            format!("99 %: {}{short}", duration_ms(figures.latency_ms.all.p99)),
        ),
    ];
    html::tiles(&tiles)
}

/// What was found, if anything was: the first in full, a few more folded up.
pub(super) fn violations(verdict: &Verdict, surroundings: &Surroundings) -> String {
    let mut drawn = verdict
        .anomalies
        .iter()
        .zip(&surroundings.anomalies)
        .take(ANOMALIES_MAX)
        .map(|(anomaly, logs)| Anomaly::of(anomaly).draw(verdict, logs));
    let Some(mut content) = drawn.next() else {
        return String::new();
    };
    let others: Vec<String> = drawn.collect();
    if !others.is_empty() {
        let count = verdict.anomalies.len() - 1;
        let left_out = match count - others.len() {
            0 => String::new(),
            many => format!("<p class=\"note\">{many} more are in verdict.json</p>\n"),
        };
        let word = if count == 1 {
            "violation"
        } else {
            "violations"
        };
        let _ = write!(
            content,
            "<details class=\"others\"><summary>{count} more {word}</summary>\n{}{left_out}</details>\n",
            others.concat()
        );
    }
    let introduction = "No order in which these operations might have happened, one at a time, agrees with what was answered. \
         In the picture a bar is an operation from its request to its answer, in the lane of its process: \
         a blue one is needed for the proof, a grey one only tells where a value came from; \
         time is not to scale, so that short operations can be seen.";
    section("What went wrong", introduction, &content)
}

/// The picture of the run.
pub(super) fn over_time(verdict: &Verdict, surroundings: &Surroundings) -> String {
    let introduction = if verdict.faults.is_empty() {
        ""
    } else {
        "Shaded times are faults; their numbers are those of the list below."
    };
    section(
        "Over time",
        introduction,
        &timeline::draw(verdict, surroundings.master.as_deref()),
    )
}

/// Throughput and latency before, during and after the faults.
pub(super) fn phases(verdict: &Verdict) -> String {
    let figures = &verdict.figures;
    let columns = [
        Column::Words("faults"),
        Column::Number("answers per second"),
        Column::Number("median"),
        Column::Number("90 %"),
        Column::Number("99 %"),
        Column::Number("99.9 %"),
        Column::Number("slowest"),
    ];
    let mut rows = Vec::new();
    for phase in Phase::ALL {
        let Some(rate) = figures.throughput.get(&phase) else {
            continue;
        };
        let latency = figures
            .latency_ms
            .phases
            .get(&phase)
            .copied()
            .unwrap_or_default();
        let mut row = vec![phase.name().to_string(), thousands(*rate as u64)];
        row.extend(
            [
                latency.p50,
                latency.p90,
                latency.p99,
                latency.p999,
                latency.max,
            ]
            .map(duration_ms),
        );
        rows.push(row);
    }
    let introduction = "Latency counts from the moment at which an operation was meant to begin, so that waiting for a free client counts too.";
    let introduction = match figures.pace.filter(|pace| pace.falls_short()) {
        None => introduction.to_string(),
        Some(pace) => {
            let service = figures.latency_ms.service;
            format!(
                "{introduction} Clients did not keep up: they began {:.0} operations per second of the {:.0} that were wanted. \
                 From when a client really began, the median is {}, 99 % are below {}, and the slowest took {}.",
                pace.reached,
                pace.wanted,
                duration_ms(service.p50),
                duration_ms(service.p99),
                duration_ms(service.max)
            )
        }
    };
    section(
        "Throughput and latency",
        &introduction,
        &table(&columns, &rows),
    )
}

/// Operations by name and outcome.
pub(super) fn operations(verdict: &Verdict) -> String {
    let columns = [
        Column::Words("operation"),
        Column::Number("ok"),
        Column::Number("failed"),
        Column::Number("outcome unknown"),
        Column::Number("median"),
        Column::Number("99 %"),
    ];
    let rows: Vec<Vec<String>> = verdict
        .figures
        .operations
        .iter()
        .map(|(name, counts)| {
            let latency = verdict
                .figures
                .latency_ms
                .operations
                .get(name)
                .copied()
                .unwrap_or_default();
            let mut row = vec![escape(name)];
            row.extend([counts.ok, counts.fail, counts.info].map(thousands));
            row.extend([latency.p50, latency.p99].map(duration_ms));
            row
        })
        .collect();
    let introduction = "A failed compare-and-set says what it saw instead; the checker takes it as a read. \
         Unknown means that no answer came in time: it may have happened at any moment after its request.";
    section("Operations", introduction, &table(&columns, &rows))
}

/// Outages of partitions.
pub(super) fn availability(verdict: &Verdict) -> String {
    let availability = &verdict.figures.availability;
    let columns = [
        Column::Number("partition"),
        Column::Number("longest without an answer"),
        Column::Number("beginning at"),
        Column::Number("outages over 0.2 s"),
        Column::Number("together"),
    ];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (id, (longest, all)) in availability
        .partitions
        .iter()
        .zip(&availability.noticeable)
        .enumerate()
        .take(ROWS_MAX)
    {
        let open = if longest.open {
            " (still at the end)"
        } else {
            ""
        };
        rows.push(vec![
            id.to_string(),
            format!("{}{open}", duration_ms(longest.ms)),
            format!("{:.2} s", longest.from_ms / 1e3),
            all.len().to_string(),
            duration_ms(all.iter().map(|outage| outage.ms).sum()),
        ]);
    }
    let introduction = "An outage counts while somebody asks: from the last answer, or the first request after it, until the next answer.";
    let content = format!(
        "<details><summary>Every partition</summary>\n{}</details>\n",
        table(&columns, &rows)
    );
    section("Availability", introduction, &content)
}

/// Changes of owners and masters.
pub(super) fn failovers(verdict: &Verdict) -> String {
    if verdict.failovers.is_empty() {
        return String::new();
    }
    let columns = [
        Column::Words("when"),
        Column::Words("what"),
        Column::Words("from"),
        Column::Words("to"),
        Column::Number("term or epoch"),
        Column::Number("fault"),
    ];
    let name = |node: &Option<String>| node.as_deref().map_or("–".to_string(), escape);
    let rows: Vec<Vec<String>> = verdict
        .failovers
        .iter()
        .take(ROWS_MAX)
        .map(|failover| {
            vec![
                failover.when(),
                failover
                    .partition
                    .map_or("master".to_string(), |id| format!("owner of {id}")),
                name(&failover.from),
                name(&failover.to),
                failover.number.to_string(),
                failover
                    .fault
                    .map(|fault| (fault + 1).to_string())
                    .unwrap_or_default(),
            ]
        })
        .collect();
    let masters = verdict
        .failovers
        .iter()
        .filter(|f| f.partition.is_none())
        .count();
    let owners = verdict.failovers.len() - masters;
    let content = format!(
        "<details><summary>{masters} changes of the master, {owners} of owners</summary>\n{}</details>\n",
        table(&columns, &rows)
    );
    section("Failovers", "", &content)
}

/// How to run it again, and what it was made with.
pub(super) fn again(record: &RunRecord) -> String {
    let mut content = format!(
        "<pre><code>{}</code></pre>\n",
        escape(&record.command_line())
    );
    let gigabytes = record.host.memory_bytes as f64 / (1_u64 << 30) as f64;
    let mut facts = vec![
        ("seed".to_string(), record.seed.to_string()),
        (
            "machine".to_string(),
            format!(
                "{}, {} processors, {gigabytes:.0} GiB",
                record.host.system, record.host.processors
            ),
        ),
    ];
    for (name, value) in record.options.iter().chain(&record.versions) {
        if name != "seed" {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), String::from);
            facts.push((name.clone(), text));
        }
    }
    let rows: String = facts
        .iter()
        .map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value)))
        .collect();
    let _ = write!(content, "<dl>\n{rows}</dl>\n");
    let introduction = "The same seed gives the same operations and the same schedule of faults; what the cluster makes of them depends on its timing.";
    section("Run it again", introduction, &content)
}

pub(super) fn seconds(milliseconds: u64) -> String {
    format!("{:.2}\u{a0}s", milliseconds as f64 / 1e3)
}
