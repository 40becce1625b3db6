//! The sections of a report.

use std::fmt::Write;

use super::scale::picture;
use super::{anomaly, timeline};
use crate::figures::Phase;
use crate::html::{Column, escape, section, table};
use crate::run::RunRecord;
use crate::text::{duration_ms, thousands};
use crate::verdict::{FaultOutcome, FaultRecord, Validity, Verdict};

/// So many rows of a kind are shown at most; the rest is in `verdict.json`.
const ROWS_MAX: usize = 200;
const ANOMALIES_MAX: usize = 6;

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
        "<header>\n<p class=\"kicker\">{} on {}, {}</p>\n<h1>{word}</h1>\n<p class=\"summary\">{}</p>\n{missing}</header>\n",
        escape(&record.workload),
        escape(&record.system),
        escape(&record.began),
        escape(&verdict.summary)
    )
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
    let tiles = [
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
            format!("99 %: {}", duration_ms(figures.latency_ms.all.p99)),
        ),
        ("faults applied", faults, counted(verdict)),
        (
            "longest without any answer",
            duration_ms(figures.unavailable_ms_max),
            "of the whole cluster".to_string(),
        ),
        (
            "slowest recovery",
            recovery,
            "from a fault's end until every partition answered".to_string(),
        ),
    ];
    let tiles: String = tiles
        .iter()
        .map(|(name, figure, note)| {
            format!(
                "<div class=\"tile\"><div class=\"name\">{name}</div><div class=\"figure\">{}</div><div class=\"note\">{}</div></div>\n",
                escape(figure),
                escape(note)
            )
        })
        .collect();
    format!("<div class=\"tiles\">\n{tiles}</div>\n")
}

fn counted(verdict: &Verdict) -> String {
    let counts = &verdict.counts;
    let parts = [
        (counts.owner_kills, "owner kills"),
        (counts.master_kills, "master kills"),
        (counts.owner_pauses_beyond_lease, "owner pauses"),
        (counts.partitions, "partitions"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    parts.join(", ")
}

/// What was found, if anything was.
pub(super) fn violations(verdict: &Verdict) -> String {
    if verdict.anomalies.is_empty() {
        return String::new();
    }
    let shown = verdict.anomalies.iter().take(ANOMALIES_MAX);
    let mut content: String = shown.map(anomaly::draw).collect();
    let more = verdict.anomalies.len().saturating_sub(ANOMALIES_MAX);
    if more > 0 {
        let _ = writeln!(
            content,
            "<p class=\"note\">{more} more are in verdict.json</p>"
        );
    }
    let introduction = "Each picture shows operations that cannot have happened in any order that fits their times. \
         A bar is an operation from its request to its answer, in the lane of its process.";
    section("Violations", introduction, &content)
}

/// Acknowledged writes that are gone, by failover.
pub(super) fn losses(verdict: &Verdict) -> String {
    let losses = &verdict.losses;
    if losses.count == 0 {
        return String::new();
    }
    let mut content = String::new();
    for loss in losses.by_failover.iter().take(ROWS_MAX) {
        let rows: Vec<Vec<String>> = loss
            .writes
            .iter()
            .map(|write| {
                vec![
                    escape(&write.key),
                    escape(&write.value.to_string()),
                    seconds(write.acknowledged_ms),
                    seconds(write.missed_ms),
                    escape(&write.seen.to_string()),
                ]
            })
            .collect();
        let columns = [
            Column::Words("register"),
            Column::Number("written"),
            Column::Number("acknowledged at"),
            Column::Number("missed at"),
            Column::Number("seen instead"),
        ];
        let _ = write!(
            content,
            "<details><summary>{} by {}</summary>\n{}</details>\n",
            thousands(loss.count as u64),
            escape(&loss.failover),
            table(&columns, &rows)
        );
    }
    let introduction = format!(
        "{} writes were acknowledged, later an older value was seen in their place, and they were never seen again.",
        thousands(losses.count as u64)
    );
    section("Lost writes", &introduction, &content)
}

/// The picture of the run.
pub(super) fn over_time(verdict: &Verdict) -> String {
    let introduction = if verdict.faults.is_empty() {
        ""
    } else {
        "Shaded times are faults; their numbers are those of the table below."
    };
    section(
        "Over time",
        introduction,
        &picture(|width| timeline::draw(verdict, width)),
    )
}

/// What went wrong, and what each fault did.
pub(super) fn faults(verdict: &Verdict) -> String {
    if verdict.faults.is_empty() {
        return section("Faults", "None were planned.", "");
    }
    let columns = [
        Column::Number("#"),
        Column::Words("fault"),
        Column::Words("nodes"),
        Column::Number("from"),
        Column::Number("to"),
        Column::Words("outcome"),
        Column::Number("owned"),
        Column::Number("recovered in"),
        Column::Words("health before, during, after"),
    ];
    let mut applied = 0;
    let mut rows = Vec::new();
    for (number, fault) in (1..).zip(&verdict.faults) {
        let recovery = if fault.outcome == FaultOutcome::Applied {
            applied += 1;
            verdict.figures.availability.recoveries.get(applied - 1)
        } else {
            None
        };
        let recovery = match recovery.map(|recovery| recovery.ms) {
            Some(Some(ms)) => duration_ms(ms),
            Some(None) => "<b>never</b>".to_string(),
            None => String::new(),
        };
        if rows.len() < ROWS_MAX {
            rows.push(vec![
                format!("{number}"),
                fault_words(fault),
                targets(fault),
                seconds(fault.start_ms),
                seconds(fault.end_ms),
                outcome(fault),
                if fault.owned.is_empty() {
                    String::new()
                } else {
                    fault.owned.len().to_string()
                },
                recovery,
                health(fault),
            ]);
        }
    }
    let introduction = "\"Owned\" is how many partitions the nodes that were hit owned at that moment. \
         Recovery counts from the moment at which everything was undone until every partition had answered again.";
    section("Faults", introduction, &table(&columns, &rows))
}

fn fault_words(fault: &FaultRecord) -> String {
    let mut details: Vec<String> = Vec::new();
    if let Some(partition) = fault.partition {
        details.push(format!("partition {partition}"));
    }
    for injection in &fault.injections {
        if !matches!(injection.action.as_str(), "kill" | "pause") {
            details.push(injection.action.clone());
        }
    }
    let details = match details.is_empty() {
        true => String::new(),
        false => format!("<div class=\"note\">{}</div>", escape(&details.join("; "))),
    };
    format!(
        "<b>{}</b><div>{}</div>{details}",
        escape(&fault.name),
        escape(&fault.text)
    )
}

fn targets(fault: &FaultRecord) -> String {
    let master = fault.injections.iter().any(|injection| injection.master);
    let note = if master {
        "<div class=\"note\">with the master</div>"
    } else {
        ""
    };
    format!("{}{note}", escape(&fault.targets.join(" ")))
}

fn outcome(fault: &FaultRecord) -> String {
    let why: Vec<String> = fault
        .injections
        .iter()
        .filter_map(|injection| injection.why.clone())
        .collect();
    let why = if why.is_empty() {
        String::new()
    } else {
        format!(": {}", escape(&why.join("; ")))
    };
    match fault.outcome {
        FaultOutcome::Applied => format!("applied{why}"),
        FaultOutcome::Skipped => format!("<b>skipped</b>{why}"),
        FaultOutcome::Failed => format!("<b>failed</b>{why}"),
    }
}

/// Dots for the nodes' health at three moments.
fn health(fault: &FaultRecord) -> String {
    let moments = [
        &fault.health_before,
        &fault.health_during,
        &fault.health_after,
    ];
    let moment = |health: &std::collections::BTreeMap<String, String>| {
        let dots: String = health
            .iter()
            .map(|(node, word)| {
                let (node, word) = (escape(node), escape(word));
                format!("<i class=\"dot {word}\" title=\"{node} {word}\"></i>")
            })
            .collect();
        format!("<span class=\"dots\">{dots}</span>")
    };
    moments.map(moment).join(" ")
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
    section(
        "Throughput and latency",
        introduction,
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
        Column::Number("seen at"),
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
                seconds(failover.at_ms),
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

fn seconds(milliseconds: u64) -> String {
    format!("{:.2} s", milliseconds as f64 / 1e3)
}
