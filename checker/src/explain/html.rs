//! A report as a page that any browser opens from a file: no network, no script.

use super::timeline::FaultInterval;
use super::{cycle, timeline};
use crate::history::History;
use crate::report::{Anomaly, FURTHER_VIOLATED_KEYS, Report, Role, THEIR_NAMES, Verdict, seconds};
use std::fmt::Write;

/// How many anomalies are drawn.
const DRAWN_MAX: usize = 8;

/// How many further violated keys are named.
const NAMED_MAX: usize = 20;

const LEGEND: &str = r#"<p class="legend"><i class="full"></i>how it ended matters <i class="dashed"></i>only what it wrote was seen <i class="faint"></i>others at that time</p>"#;

/// The explanation of a report as a piece of HTML, to be put into any page together with
/// [`style`]. Faults are taken from the history's nemesis lines.
pub fn html_fragment(history: &History, report: &Report) -> String {
    html_fragment_with_faults(history, report, &FaultInterval::of(history))
}

/// The same with the intervals of faults as the caller knows them.
pub fn html_fragment_with_faults(
    history: &History,
    report: &Report,
    faults: &[FaultInterval],
) -> String {
    let mut html = String::new();
    let verdict = report.verdict.to_string();
    let _ = write!(
        html,
        r#"<section class="kensho-verdict {verdict}"><p class="verdict"><b>{verdict}</b> <span>{} · {} operations{}</span></p>"#,
        escape(&report.model),
        report.operations,
        if report.keys > 1 {
            format!(" · {} keys", report.keys)
        } else {
            String::new()
        },
    );
    if let Some(reason) = &report.guessed {
        let _ = write!(html, "<p>The model is guessed: {}.</p>", escape(reason));
    }
    match &report.verdict {
        Verdict::Valid(witness) => {
            let ordered = witness.ordered();
            if ordered > 0 {
                let _ = write!(
                    html,
                    "<p>An order of {ordered} operations explains every result; it was validated independently.</p>"
                );
            }
        }
        Verdict::Unknown(unknown) => {
            let _ = write!(html, "<p>{}.</p>", escape(&unknown.reason));
            if let Some(operation) = &unknown.stopped_at {
                let _ = write!(
                    html,
                    "<p>Some order explains the first {} completions; the search stood at {}.</p>",
                    unknown.explained.unwrap_or(0),
                    escape(&operation.to_string())
                );
            }
        }
        Verdict::Invalid(anomalies) => {
            for anomaly in anomalies.iter().take(DRAWN_MAX) {
                draw_anomaly(&mut html, history, anomaly, faults);
            }
            if anomalies.len() > DRAWN_MAX {
                let _ = write!(
                    html,
                    "<p>{} more anomalies are in the report.</p>",
                    anomalies.len() - DRAWN_MAX
                );
            }
            if let Some(count) = report.details.get(FURTHER_VIOLATED_KEYS) {
                let names = report
                    .details
                    .get(THEIR_NAMES)
                    .and_then(|names| names.as_array());
                let names = names.into_iter().flatten().filter_map(|name| name.as_str());
                let more = if count.as_u64() > Some(NAMED_MAX as u64) {
                    ", …"
                } else {
                    ""
                };
                let named = names
                    .take(NAMED_MAX)
                    .map(escape)
                    .collect::<Vec<_>>()
                    .join(", ");
                let _ = write!(
                    html,
                    "<p>{count} more key(s) are violated, and not explained: {named}{more}.</p>"
                );
            }
        }
    }
    for problem in report.problems.iter().take(5) {
        let _ = write!(
            html,
            r#"<p class="problem">Event {}: {}</p>"#,
            problem.event,
            escape(&problem.text)
        );
    }
    for warning in &report.warnings {
        let _ = write!(html, r#"<p class="problem">{}</p>"#, escape(warning));
    }
    html.push_str("</section>");
    html
}

fn draw_anomaly(html: &mut String, history: &History, anomaly: &Anomaly, faults: &[FaultInterval]) {
    let key = anomaly
        .key
        .as_ref()
        .map(|key| format!(" <span>key {}</span>", escape(key)));
    let stale = anomaly.stale_ns.map(|ns| {
        format!(
            r#" <span class="stale">stale by up to {} s</span>"#,
            seconds(ns)
        )
    });
    let _ = write!(
        html,
        r#"<article><h2>{}{}{}</h2><p class="meaning">{}</p><p>{}</p>"#,
        escape(anomaly.name.as_str()),
        key.unwrap_or_default(),
        stale.unwrap_or_default(),
        escape(anomaly.name.meaning()),
        escape(&anomaly.text),
    );
    for picture in [
        cycle::draw(anomaly),
        timeline::draw(history, anomaly, faults),
    ] {
        if !picture.is_empty() {
            let _ = write!(html, r#"<div class="picture">{picture}</div>"#);
        }
    }
    if anomaly.cycle.is_empty() {
        html.push_str(LEGEND);
    }
    if !anomaly.cycle.is_empty() {
        html.push_str("<ul class=\"why\">");
        for edge in anomaly.cycle.iter().take(20) {
            let _ = write!(html, "<li><b>{}</b> {}</li>", edge.kind, escape(&edge.why));
        }
        html.push_str("</ul>");
    }
    html.push_str("<ol>");
    for operation in &anomaly.operations {
        let role = if operation.role == Role::Proof {
            "proof"
        } else {
            "source"
        };
        let _ = write!(
            html,
            r#"<li class="{role}">{}</li>"#,
            escape(&operation.to_string())
        );
    }
    html.push_str("</ol>");
    if anomaly.operations_omitted > 0 {
        let _ = write!(
            html,
            "<p>and {} more operations.</p>",
            anomaly.operations_omitted
        );
    }
    html.push_str("</article>");
}

/// A whole page of fragments, each under a title.
pub fn html_page(fragments: &[(String, String)]) -> String {
    let mut page = format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>kensho check</title><style>{}</style></head><body class="kensho-page">"#,
        style()
    );
    for (title, fragment) in fragments {
        let _ = write!(page, "<h1>{}</h1>{fragment}", escape(title));
    }
    page.push_str("</body></html>");
    page
}

/// The style sheet of the fragments.
pub fn style() -> &'static str {
    include_str!("style.css")
}

pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
