//! One run: its verdict and key figures, the way to its report and files, or how it goes on.

use std::fmt::Write;

use hyper::{Response, StatusCode};
use kensho_results::html::escape;
use kensho_results::listing::{self, Entry, Listing, State};

use super::answer::{Body, html, refusal};
use super::files;
use super::page::{figures, file_link, page, system, time, workload};
use super::router::encode;

/// The page of a run.
pub(super) fn show(listing: &Listing, path: &str) -> Response<Body> {
    if files::resolve(listing.root(), path).is_none() {
        return missing(path);
    }
    match listing.run(path) {
        Some(run) => html(draw(listing, &run)),
        None => missing(path),
    }
}

fn missing(path: &str) -> Response<Body> {
    refusal(StatusCode::NOT_FOUND, &format!("there is no run {path:?}"))
}

fn draw(listing: &Listing, run: &Entry) -> String {
    let word = run.state.word();
    let mut kicker = workload(run);
    let system = system(run);
    if !system.is_empty() {
        let _ = write!(kicker, " on {system}");
    }
    let _ = write!(kicker, " · {}", time(&run.began));
    let summary = match &run.state {
        State::Judged(brief) => brief.summary.clone(),
        State::Running { progress } => format!("It goes on: {}.", progress.stage.words()),
        State::Unfinished { why } | State::Damaged { why } => why.clone(),
    };
    let mut body = format!(
        "<header>\n<p class=\"kicker\">{}</p>\n<h1 class=\"word\">{word}</h1>\n<p class=\"summary\">{}</p>\n",
        escape(&kicker),
        escape(&summary)
    );
    if listing.root().join(&run.path).join("report.html").is_file() {
        let link = file_link(&format!("{}/report.html", run.path));
        let _ = writeln!(
            body,
            "<p><a class=\"button\" href=\"{}\">Open the report</a></p>",
            escape(&link)
        );
    }
    body.push_str("</header>\n");
    if matches!(run.state, State::Running { .. }) {
        body.push_str(&live(&run.path));
    }
    let tiles: String = figures(&run.state)
        .iter()
        .map(|(name, figure)| {
            format!(
                "<div class=\"tile\"><div class=\"name\">{name}</div><div class=\"figure\">{}</div></div>\n",
                escape(figure)
            )
        })
        .collect();
    if !tiles.is_empty() {
        let _ = write!(body, "<div class=\"tiles\">\n{tiles}</div>\n");
    }
    if let Some(record) = &run.record {
        let _ = write!(
            body,
            "<section>\n<h2>Run it again</h2>\n<pre><code>{}</code></pre>\n<dl>\n",
            escape(&record.command_line())
        );
        for (name, value) in &record.options {
            let _ = writeln!(
                body,
                "<dt>{}</dt><dd>{}</dd>",
                escape(name),
                escape(&listing::text(value))
            );
        }
        body.push_str("</dl>\n</section>\n");
    }
    let _ = write!(
        body,
        "<section>\n<h2>Files</h2>\n{}</section>\n",
        files::table(&listing.root().join(&run.path), &run.path)
    );
    page(&format!("{word}: {}", run.path), word, &body)
}

/// What the script fills while the run lasts.
fn live(path: &str) -> String {
    let tiles = [
        ("elapsed", "elapsed"),
        ("rate", "answers per second"),
        ("answered", "answered"),
        ("failed", "failed"),
        ("unknown", "outcome unknown"),
        ("faults", "faults"),
    ];
    let tiles: String = tiles
        .iter()
        .map(|(id, name)| {
            format!(
                "<div class=\"tile\"><div class=\"name\">{name}</div><div class=\"figure\" data-live=\"{id}\">–</div></div>\n"
            )
        })
        .collect();
    format!(
        "<section id=\"live\" data-events=\"/live/{}\">\n<h2>Live</h2>\n\
         <p class=\"intro\" data-live=\"fault\" aria-live=\"polite\">Waiting for news …</p>\n\
         <progress data-live=\"bar\" max=\"1\" value=\"0\"></progress>\n\
         <p class=\"note\" data-live=\"scale\"></p>\n\
         <svg data-live=\"chart\" viewBox=\"0 0 1000 180\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"answers per second so far\"></svg>\n\
         <div class=\"tiles\">\n{tiles}</div>\n\
         <noscript><p class=\"note\">Load this page again to see how far the run has come.</p></noscript>\n</section>\n",
        escape(&encode(path))
    )
}
