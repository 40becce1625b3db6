//! What all pages have around them, and pieces that several have.

use hyper::StatusCode;
use kensho_results::html::escape;
use kensho_results::listing::{Entry, State};
use kensho_results::text::{duration_ms, thousands};

use super::router::encode;

/// A page of this server; `class` is that of its body.
pub(super) fn page(title: &str, class: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <link rel=\"stylesheet\" href=\"/assets/style.css\">\n\
         <link rel=\"stylesheet\" href=\"/assets/serve.css\">\n\
         <script src=\"/assets/serve.js\" defer></script>\n</head>\n\
         <body class=\"{class}\">\n<nav><a href=\"/\">kensho</a> <span>runs</span></nav>\n\
         <main>\n{body}</main>\n</body>\n</html>\n",
        escape(title)
    )
}

/// A page that says why there is no other.
pub(super) fn refusal(status: StatusCode, why: &str) -> String {
    let name = status.canonical_reason().unwrap_or("Error");
    let body = format!(
        "<header>\n<p class=\"kicker\">{}</p>\n<h1>{}</h1>\n<p class=\"summary\">{}</p>\n\
         <p><a href=\"/\">All runs</a></p>\n</header>\n",
        status.as_u16(),
        escape(name),
        escape(why)
    );
    page(name, "unknown", &body)
}

/// A run's state as a coloured word.
pub(super) fn badge(state: &State) -> String {
    let word = state.word();
    format!("<span class=\"badge {word}\">{word}</span>")
}

/// A link to a run's page.
pub(super) fn run_link(path: &str) -> String {
    format!("/run/{}", encode(path))
}

/// A link to a file or folder.
pub(super) fn file_link(path: &str) -> String {
    format!("/files/{}", encode(path))
}

/// The workload that a run played; its folder's if its record cannot be read.
pub(super) fn workload(run: &Entry) -> String {
    match &run.record {
        Some(record) => record.workload.clone(),
        None => run.path.rsplit('/').nth(1).unwrap_or("run").to_string(),
    }
}

/// The system and its mode.
pub(super) fn system(run: &Entry) -> String {
    let system = run.record.as_ref().map(|record| record.system.clone());
    let parts = [system, run.option("mode")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `2026-03-15 09:30:05` of `2026-03-15T09:30:05Z`.
pub(super) fn time(began: &str) -> String {
    began.replace('T', " ").trim_end_matches('Z').to_string()
}

/// A run's key figures: name and words.
pub(super) fn figures(state: &State) -> Vec<(&'static str, String)> {
    let Some(brief) = state.brief() else {
        return Vec::new();
    };
    let faults = if brief.faults_applied == brief.faults {
        brief.faults.to_string()
    } else {
        format!("{} of {}", brief.faults_applied, brief.faults)
    };
    let recovery = match brief.recovery_ms_max {
        Some(ms) => duration_ms(ms),
        None if brief.faults_applied == 0 => "–".to_string(),
        None => "never".to_string(),
    };
    vec![
        ("slowest recovery", recovery),
        ("operations", thousands(brief.operations)),
        (
            "answers per second",
            thousands(brief.answers_per_second as u64),
        ),
        ("median latency", duration_ms(brief.p50_ms)),
        ("99 % latency", duration_ms(brief.p99_ms)),
        ("faults applied", faults),
        (
            "longest without any answer",
            duration_ms(brief.unavailable_ms_max),
        ),
        ("length", duration_ms(brief.length_ms as f64)),
    ]
}
