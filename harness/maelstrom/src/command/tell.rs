//! What a person reads on the terminal.

use std::fmt::Write;

use kensho_results::store::RunFolder;
use kensho_results::text::{duration_ms, thousands};

use crate::report::Shown;

/// So many anomalies are told; all are on the page.
const ANOMALIES_MAX: usize = 3;
/// So much is told of an anomaly.
const LETTERS_MAX: usize = 600;

/// Tells the verdict, with the figures that make it believable.
pub(super) fn tell(shown: &Shown, folder: &RunFolder) {
    print!("{}", text(shown));
    println!("report: {}", folder.report().display());
}

fn text(shown: &Shown) -> String {
    let mut text = String::new();
    let out = &mut text;
    let verdict = &shown.verdict;
    let figures = &verdict.figures;
    let _ = writeln!(
        out,
        "{}\n{}",
        verdict.valid.word().to_uppercase(),
        verdict.summary
    );
    if let Some(trouble) = &shown.trouble {
        let _ = writeln!(out, "\n{trouble}\n");
    }
    for missing in &verdict.missing {
        let _ = writeln!(out, "  missing: {missing}");
    }
    for anomaly in verdict.anomalies.iter().take(ANOMALIES_MAX) {
        let field = |name: &str| anomaly[name].as_str().unwrap_or_default();
        let mut told = field("text").to_owned();
        if let Some((end, _)) = told.char_indices().nth(LETTERS_MAX) {
            told.truncate(end);
            told.push('…');
        }
        let _ = writeln!(out, "  {}: {told}", field("name"));
    }
    if verdict.anomalies.len() > ANOMALIES_MAX {
        let more = verdict.anomalies.len() - ANOMALIES_MAX;
        let _ = writeln!(out, "  and {more} more, in the report");
    }
    for note in &shown.notes {
        let _ = writeln!(out, "  note: {note}");
    }
    let _ = writeln!(
        out,
        "\n{:<12} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "operation", "ok", "fail", "unknown", "p50", "p99"
    );
    for (name, counts) in &figures.operations {
        let latency = figures
            .latency_ms
            .operations
            .get(name)
            .copied()
            .unwrap_or_default();
        let counts = [counts.ok, counts.fail, counts.info].map(thousands);
        let latency = [latency.p50, latency.p99].map(duration_ms);
        let _ = writeln!(
            out,
            "{name:<12} {:>10} {:>10} {:>10} {:>10} {:>10}",
            counts[0], counts[1], counts[2], latency[0], latency[1]
        );
    }
    let servers = &shown.network.servers;
    let share = servers
        .msgs_per_op
        .map_or(String::new(), |share| format!(", {share:.3} per operation"));
    let _ = writeln!(
        out,
        "\n{} messages, {} of them between servers{share}",
        thousands(shown.network.all.counts.msg_count),
        thousands(servers.counts.msg_count)
    );
    if let Some(stability) = &shown.stability {
        let latencies: Vec<String> = stability
            .stable_latencies
            .iter()
            .map(|(share, ms)| format!("{share} {ms}"))
            .collect();
        let _ = writeln!(
            out,
            "{} attempted, {} stable, {} stale, {} lost; stable latencies in ms: {}",
            stability.attempt_count,
            stability.stable_count,
            stability.stale_count,
            stability.lost_count,
            latencies.join(", ")
        );
    }
    for fault in verdict.faults.iter().take(20) {
        let (from, to) = (fault.start_ms as f64 / 1e3, fault.end_ms as f64 / 1e3);
        let _ = writeln!(out, "{from:7.2}-{to:.2} s  {}", fault.text);
    }
    text
}
