//! Two runs beside each other: figures, options that differ, and throughput on one time axis.

use std::collections::BTreeSet;
use std::fmt::Write;

use hyper::{Response, StatusCode};
use kensho_results::html::{Column, escape, section, table};
use kensho_results::listing::{self, Brief, Entry, Listing};
use kensho_results::report::comparison;
use kensho_results::store::RunFolder;
use kensho_results::text::{duration_ms, thousands};
use kensho_results::verdict::Verdict;

use super::answer::{Body, html, refusal};
use super::files;
use super::page::{badge, file_link, page, run_link, system, time, workload};

/// A run with all its figures.
struct Side {
    entry: std::sync::Arc<Entry>,
    verdict: Verdict,
}

/// The page for the two runs that `pairs` name.
pub(super) fn show(listing: &Listing, pairs: &[(String, String)]) -> Response<Body> {
    let names = pairs.iter().filter(|(name, _)| name == "run");
    let names: Vec<&String> = names.map(|(_, path)| path).collect();
    let [one, other] = names.as_slice() else {
        let why = format!(
            "two runs can be compared, and {} were chosen: tick two in the list of runs",
            names.len()
        );
        return refusal(StatusCode::BAD_REQUEST, &why);
    };
    match (side(listing, one), side(listing, other)) {
        (Ok(one), Ok(other)) => html(draw(&one, &other)),
        (Err(why), _) | (_, Err(why)) => refusal(StatusCode::NOT_FOUND, &why),
    }
}

fn side(listing: &Listing, path: &str) -> Result<Side, String> {
    let missing = || format!("there is no run {path:?} with a verdict");
    files::resolve(listing.root(), path).ok_or_else(missing)?;
    let entry = listing.run(path).ok_or_else(missing)?;
    let folder = RunFolder::open(&listing.root().join(path));
    let verdict = folder
        .read_verdict()
        .map_err(|error| format!("{error:#}"))?;
    Ok(Side { entry, verdict })
}

fn draw(one: &Side, other: &Side) -> String {
    let mut body = String::from(
        "<header class=\"list\">\n<h1>Two runs</h1>\n</header>\n<div class=\"sides\">\n",
    );
    for (letter, side) in [("A", one), ("B", other)] {
        let run = &side.entry;
        let report = file_link(&format!("{}/report.html", run.path));
        let _ = write!(
            body,
            "<section class=\"side side-{letter}\">\n<p class=\"kicker\"><b>{letter}</b> {} on {} · {}</p>\n\
             <p>{}</p>\n<p>{}</p>\n<p class=\"note\"><a href=\"{}\">{}</a> · <a href=\"{}\">report</a></p>\n</section>\n",
            escape(&workload(run)),
            escape(&system(run)),
            escape(&time(&run.began)),
            badge(&run.state),
            escape(&side.verdict.summary),
            escape(&run_link(&run.path)),
            escape(&run.path),
            escape(&report)
        );
    }
    body.push_str("</div>\n");
    body.push_str(&section(
        "Throughput and latency",
        "Both runs from their beginnings, on the same scales.",
        &comparison(&one.verdict, &other.verdict),
    ));
    let columns = [
        Column::Words(""),
        Column::Number("A"),
        Column::Number("B"),
        Column::Number("B relative to A"),
    ];
    let (a, b) = (Brief::of(&one.verdict), Brief::of(&other.verdict));
    body.push_str(&section("Figures", "", &table(&columns, &rows(&a, &b))));
    body.push_str(&options(&one.entry, &other.entry));
    page("kensho: two runs", "serve", &body)
}

/// A figure's name, where it is, and how it is written.
type Figure = (&'static str, fn(&Brief) -> Option<f64>, fn(f64) -> String);

fn rows(one: &Brief, other: &Brief) -> Vec<Vec<String>> {
    let whole = |number: f64| thousands(number as u64);
    let figures: [Figure; 10] = [
        ("operations", |brief| Some(brief.operations as f64), whole),
        (
            "answers per second",
            |brief| Some(brief.answers_per_second),
            whole,
        ),
        ("median latency", |brief| Some(brief.p50_ms), duration_ms),
        ("99 % latency", |brief| Some(brief.p99_ms), duration_ms),
        (
            "faults applied",
            |brief| Some(brief.faults_applied as f64),
            whole,
        ),
        (
            "longest without any answer",
            |brief| Some(brief.unavailable_ms_max),
            duration_ms,
        ),
        (
            "slowest recovery",
            |brief| brief.recovery_ms_max,
            duration_ms,
        ),
        (
            "kinds of violations",
            |brief| Some(brief.anomalies.len() as f64),
            whole,
        ),
        (
            "acknowledged writes lost",
            |brief| Some(brief.lost_writes as f64),
            whole,
        ),
        ("length", |brief| Some(brief.length_ms as f64), duration_ms),
    ];
    let words = |number: Option<f64>, write: fn(f64) -> String| {
        number.map_or_else(|| "–".to_string(), write)
    };
    let row = |(name, of, write): Figure| {
        let (a, b) = (of(one), of(other));
        let relative = match (a, b) {
            (Some(a), Some(b)) if a > 0.0 => format!("{:.0} %", 100.0 * b / a),
            _ => String::new(),
        };
        vec![name.to_string(), words(a, write), words(b, write), relative]
    };
    figures.map(row).to_vec()
}

/// Options and versions that differ.
fn options(one: &Entry, other: &Entry) -> String {
    let of = |run: &Entry, name: &str| {
        let record = run.record.as_ref()?;
        let value = record
            .options
            .get(name)
            .or_else(|| record.versions.get(name));
        Some(listing::text(value?))
    };
    let records = [one, other]
        .into_iter()
        .filter_map(|run| run.record.as_ref());
    let names: BTreeSet<&String> = records
        .flat_map(|record| record.options.keys().chain(record.versions.keys()))
        .collect();
    let rows: Vec<Vec<String>> = names
        .into_iter()
        .filter(|name| of(one, name) != of(other, name))
        .map(|name| {
            let words = |run| of(run, name).unwrap_or_else(|| "–".to_string());
            vec![escape(name), escape(&words(one)), escape(&words(other))]
        })
        .collect();
    if rows.is_empty() {
        return section(
            "Options",
            "Both runs had the same options and versions.",
            "",
        );
    }
    let columns = [
        Column::Words("option"),
        Column::Words("A"),
        Column::Words("B"),
    ];
    section("Options that differ", "", &table(&columns, &rows))
}
