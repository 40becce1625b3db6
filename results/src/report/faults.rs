//! What went wrong by plan, and what each fault did to those who asked meanwhile.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::sections::{ROWS_MAX, seconds};
use crate::figures::{Effect, FaultTime, Recovery, Series};
use crate::html::{escape, section};
use crate::text::{duration_ms, thousands};
use crate::verdict::{FaultOutcome, FaultRecord, InjectionKind, Verdict};

/// The little picture's size, and how much of the run it shows around a fault.
const SPARK: (f64, f64) = (170.0, 34.0);
const SPARK_AROUND_MS: u64 = 3_000;

/// The section.
pub(super) fn draw(verdict: &Verdict) -> String {
    if verdict.faults.is_empty() {
        return section("Faults", "None were planned.", "");
    }
    let length = verdict.figures.length_ms;
    let mut recoveries = verdict.figures.availability.recoveries.iter();
    let mut quiet_from_ms = 0;
    let mut rows = String::new();
    for (place, fault) in verdict.faults.iter().enumerate().take(ROWS_MAX) {
        let applied = fault.outcome == FaultOutcome::Applied;
        let recovery = if applied { recoveries.next() } else { None };
        let next = verdict.faults.get(place + 1);
        let time = FaultTime {
            quiet_from_ms,
            start_ms: fault.start_ms,
            end_ms: fault.end_ms,
            quiet_until_ms: next.map_or(length, |next| next.start_ms),
        };
        rows.push_str(&row(verdict, place, fault, time, recovery));
        quiet_from_ms = fault.end_ms;
    }
    let more = verdict.faults.len().saturating_sub(ROWS_MAX);
    if more > 0 {
        let _ = writeln!(
            rows,
            "<p class=\"note\">{more} more are in verdict.json</p>"
        );
    }
    let introduction = "What each did to clients: answers per second in the quiet time before it, while it lasted, and in the quiet time after it; \
         the rest counts from its beginning to the next fault. \
         Partitions that it hit are those whose owners were its targets; silent ones gave no answer for over 0.2 s. Recovery counts from the fault's beginning \
         until every partition answered again. Dots are the nodes' health before, during and after.";
    section(
        "Faults",
        introduction,
        &format!("<ol class=\"faults\">\n{rows}</ol>\n"),
    )
}

fn row(
    verdict: &Verdict,
    place: usize,
    fault: &FaultRecord,
    time: FaultTime,
    recovery: Option<&Recovery>,
) -> String {
    let figures = &verdict.figures;
    let number = place + 1;
    let mut html = format!(
        "<li>\n<div class=\"what\"><span class=\"count\">{number}</span><div><b>{}</b> {}\
         <div class=\"note\">{}</div><div class=\"note\">{}</div></div></div>\n",
        escape(&fault.name),
        escape(&targets(fault)),
        words(fault),
        health(fault),
    );
    if fault.outcome != FaultOutcome::Applied {
        html.push_str("</li>\n");
        return html;
    }
    let effect = Effect::of(&figures.series, &figures.availability.noticeable, time);
    let _ = write!(
        html,
        "<a class=\"look spark\" href=\"#time\" data-from=\"{}\" data-to=\"{}\" title=\"show this time of the run\">{}</a>\n<dl>\n",
        fault.start_ms.saturating_sub(SPARK_AROUND_MS),
        fault.end_ms + SPARK_AROUND_MS,
        spark(&figures.series, fault)
    );
    for (name, value) in facts(verdict, place, fault, &effect, recovery) {
        let _ = writeln!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    html.push_str("</dl>\n</li>\n");
    html
}

fn facts(
    verdict: &Verdict,
    place: usize,
    fault: &FaultRecord,
    effect: &Effect,
    recovery: Option<&Recovery>,
) -> Vec<(&'static str, String)> {
    let rate = |rate: Option<f64>| rate.map_or("–".to_string(), |rate| thousands(rate as u64));
    let latency = |ms: Option<f64>| ms.map_or("–".to_string(), duration_ms);
    let partitions = verdict.figures.availability.noticeable.len();
    let silent = match effect.longest {
        None => "none".to_string(),
        Some((id, outage)) => format!(
            "{} of {partitions}, partition {id} for {}{}",
            effect.partitions_out,
            duration_ms(outage.ms),
            if outage.open { ", to the end" } else { "" }
        ),
    };
    let caused = verdict
        .failovers
        .iter()
        .filter(|change| change.fault == Some(place));
    let (owners, masters): (Vec<_>, Vec<_>) = caused.partition(|change| change.partition.is_some());
    let mut changes = Vec::new();
    if let Some(name) = masters.last().and_then(|change| change.to.as_deref()) {
        changes.push(format!("master {}", escape(name)));
    }
    match owners.len() {
        0 => {}
        1 => changes.push("1 owner".to_string()),
        many => changes.push(format!("{many} owners")),
    }
    if changes.is_empty() {
        changes.push("none".to_string());
    }
    let recovered = match recovery.map(|recovery| recovery.ms) {
        Some(Some(ms)) => duration_ms(ms),
        Some(None) => "<b>never</b>".to_string(),
        None => "–".to_string(),
    };
    vec![
        ("recovered in", recovered),
        (
            "answers per second",
            format!(
                "{} → <b>{}</b> → {}",
                rate(effect.before),
                rate(effect.during),
                rate(effect.after)
            ),
        ),
        (
            "worst 99 % latency",
            format!(
                "{} → <b>{}</b>",
                latency(effect.p99_ms_before),
                latency(effect.p99_ms_worst)
            ),
        ),
        ("errors", thousands(effect.errors)),
        ("partitions it hit", fault.owned.len().to_string()),
        ("silent partitions", silent),
        ("changes", changes.join(", ")),
    ]
}

fn targets(fault: &FaultRecord) -> String {
    let master = fault.injections.iter().any(|injection| injection.master);
    let note = if master { ", with the master" } else { "" };
    format!("on {}{note}", fault.targets.join(" "))
}

/// What it is, when it was, and why it was not applied if it was not.
fn words(fault: &FaultRecord) -> String {
    let mut details = vec![format!(
        "{} to {}",
        seconds(fault.start_ms),
        seconds(fault.end_ms)
    )];
    if let Some(partition) = fault.partition {
        details.push(format!("partition {partition}"));
    }
    for injection in &fault.injections {
        match injection.kind {
            // The fault's own text says it.
            Some(InjectionKind::Kill | InjectionKind::Restart | InjectionKind::Pause) => {}
            Some(
                InjectionKind::Partition
                | InjectionKind::Delay
                | InjectionKind::Disk
                | InjectionKind::Copy
                | InjectionKind::Folder,
            )
            | None => {
                details.push(injection.action.clone());
            }
        }
    }
    let why: Vec<String> = fault
        .injections
        .iter()
        .filter_map(|injection| injection.why.clone())
        .collect();
    let outcome = match fault.outcome {
        FaultOutcome::Applied => "",
        FaultOutcome::Skipped => " <b>Skipped.</b>",
        FaultOutcome::Failed => " <b>Failed.</b>",
    };
    details.extend(why);
    format!(
        "{}. {}.{outcome}",
        escape(&fault.text),
        escape(&details.join("; "))
    )
}

/// Dots for the nodes' health at three moments.
fn health(fault: &FaultRecord) -> String {
    let moments = [
        &fault.health_before,
        &fault.health_during,
        &fault.health_after,
    ];
    let moment = |health: &BTreeMap<String, String>| {
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

/// Throughput around a fault, small.
fn spark(series: &Series, fault: &FaultRecord) -> String {
    let (wide, high) = SPARK;
    let interval = series.interval_ms.max(1);
    let first = fault.start_ms.saturating_sub(SPARK_AROUND_MS) / interval;
    let last = (fault.end_ms + SPARK_AROUND_MS).div_ceil(interval);
    let place = |row: u64| {
        usize::try_from(row)
            .unwrap_or(usize::MAX)
            .min(series.rows.len())
    };
    let rows = series
        .rows
        .get(place(first)..place(last))
        .unwrap_or_default();
    let highest = rows.iter().map(|row| row.served).max().unwrap_or(0).max(1) as f64;
    let x = |ms: u64| {
        let from = (first * interval) as f64;
        let length = ((last - first) * interval).max(1) as f64;
        wide * (ms as f64 - from) / length
    };
    let mut path = String::new();
    for (number, row) in (first..).zip(rows) {
        let y = high - (high - 2.0) * row.served as f64 / highest;
        let start = if path.is_empty() { 'M' } else { 'L' };
        let (from, to) = (x(number * interval), x((number + 1) * interval));
        let _ = write!(path, "{start}{from:.1},{y:.1}H{to:.1}");
    }
    let (from, to) = (x(fault.start_ms), x(fault.end_ms));
    format!(
        "<svg viewBox=\"0 0 {wide} {high}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"answers per second around the fault\">\
         <rect class=\"band\" x=\"{from:.1}\" y=\"0\" width=\"{:.1}\" height=\"{high}\"/><path class=\"line\" d=\"{path}\"/></svg>",
        (to - from).max(1.0)
    )
}
