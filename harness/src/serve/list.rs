//! All runs: a table to filter, sort and choose from, and the same as data.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use kensho_results::html::escape;
use kensho_results::listing::{Brief, Entry, Listing, State};
use kensho_results::text::{duration_ms, thousands};
use serde::Serialize;
use serde_json::{Map, Value};

use super::page::{badge, file_link, page as whole, run_link, system, time, workload};
use super::query::{Query, SORTS, Sort, WORDS};

/// So many runs are shown unless all are asked for.
const ROWS_MAX: usize = 300;

/// The page.
pub(super) fn page(listing: &Listing, query: &Query) -> String {
    let runs = listing.runs();
    let count = runs.len();
    let mark = fingerprint(&runs);
    let options: String = WORDS
        .iter()
        .map(|word| {
            let many = runs.iter().filter(|run| run.state.word() == *word).count();
            let selected = if query.verdict == Some(word) {
                " selected"
            } else {
                ""
            };
            format!("<option value=\"{word}\"{selected}>{word} ({many})</option>")
        })
        .collect();
    let selected = query.select(runs);
    let (sort, order) = order(query);
    let body = format!(
        "<header class=\"list\">\n<h1>Runs</h1>\n<p class=\"kicker\">{}</p>\n</header>\n\
         <form id=\"filter\" action=\"/\" method=\"get\">\n\
         <input type=\"search\" name=\"q\" value=\"{}\" placeholder=\"Search: pause-owner, mode=async, stale read …\" aria-label=\"search\">\n\
         <select name=\"verdict\" aria-label=\"verdict\"><option value=\"\">all verdicts ({count})</option>{options}</select>\n\
         <input type=\"hidden\" name=\"sort\" value=\"{sort}\"><input type=\"hidden\" name=\"order\" value=\"{order}\">\n\
         <button type=\"submit\">Filter</button>\n</form>\n\
         <form action=\"/compare\" method=\"get\" id=\"runs\" data-mark=\"{mark}\">\n{}</form>\n",
        escape(&listing.root().display().to_string()),
        escape(&query.text),
        table(&selected, count, query)
    );
    whole("kensho: runs", "serve", &body)
}

fn order(query: &Query) -> (&'static str, &'static str) {
    let name = SORTS.into_iter().find(|(sort, ..)| *sort == query.sort);
    let order = if query.descending { "down" } else { "up" };
    (name.map_or("began", |(_, name, _)| name), order)
}

fn table(runs: &[Arc<Entry>], count: usize, query: &Query) -> String {
    if runs.is_empty() {
        return match count {
            0 => "<p class=\"nothing\">There are no runs here yet. <code>make test-linearizability</code> makes one, \
                  and it shows up here as soon as it begins.</p>\n"
                .to_string(),
            _ => format!("<p class=\"nothing\">None of {count} runs is like that. <a href=\"/\">Show all</a></p>\n"),
        };
    }
    let mut html = String::from("<table class=\"runs\">\n<thead><tr><th></th>");
    for (sort, _, words) in SORTS {
        let arrow = match (query.sort == sort, query.descending) {
            (false, _) => "",
            (true, true) => " ↓",
            (true, false) => " ↑",
        };
        let class = match sort {
            Sort::Mode => " class=\"mode\"",
            sort if is_number(sort) => " class=\"number\"",
            _ => "",
        };
        let link = escape(&query.link(sort));
        let _ = write!(
            html,
            "<th{class}><a href=\"{link}\">{words}{arrow}</a></th>"
        );
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    let shown = if query.all {
        runs.len()
    } else {
        ROWS_MAX.min(runs.len())
    };
    for run in &runs[..shown] {
        html.push_str(&row(run));
    }
    html.push_str("</tbody>\n</table>\n<div class=\"actions\">");
    let _ = write!(html, "<span class=\"note\">{shown} of {count} runs");
    if shown < runs.len() {
        let (sort, order) = order(query);
        let _ = write!(
            html,
            ", <a href=\"/?all=1&amp;sort={sort}&amp;order={order}\">show all</a>"
        );
    }
    html.push_str(
        "</span> <button type=\"submit\" id=\"compare\">Compare two ticked runs</button></div>\n",
    );
    html
}

fn is_number(sort: Sort) -> bool {
    matches!(
        sort,
        Sort::Rate | Sort::Latency | Sort::Outage | Sort::Length
    )
}

fn row(run: &Entry) -> String {
    let path = escape(&run.path);
    let mut html = format!("<tr class=\"{}\" data-path=\"{path}\">", run.state.word());
    let tick = match run.state.brief() {
        Some(_) => format!(
            "<input type=\"checkbox\" name=\"run\" value=\"{path}\" aria-label=\"compare {path}\">"
        ),
        None => String::new(),
    };
    let _ = write!(html, "<td class=\"tick\">{tick}</td>");
    let _ = write!(html, "<td class=\"verdict\">{}</td>", badge(&run.state));
    let folder = run.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let _ = write!(
        html,
        "<td class=\"run\"><a href=\"{}\">{}</a><div class=\"note\">{}</div></td>",
        escape(&run_link(&run.path)),
        escape(&workload(run)),
        escape(&about(run, folder)),
    );
    let _ = write!(
        html,
        "<td class=\"began\">{}</td>",
        escape(&time(&run.began))
    );
    let _ = write!(html, "<td class=\"mode\">{}</td>", escape(&system(run)));
    html.push_str(&match &run.state {
        State::Judged(brief) => judged(run, brief),
        State::Running { progress } => format!(
            "<td class=\"wide-cell\" colspan=\"5\"><span class=\"progress\">{}, {} answered, fault {} of {}</span></td>",
            progress.stage.words(),
            thousands(progress.answered),
            progress.faults,
            progress.faults_planned,
        ),
        State::Unfinished { why } | State::Damaged { why } => {
            format!("<td class=\"wide-cell\" colspan=\"5\">{}</td>", escape(why))
        }
    });
    html.push_str("</tr>\n");
    html
}

/// What tells a run from others of its workload.
fn about(run: &Entry, folder: &str) -> String {
    let mut parts = Vec::new();
    let workload = workload(run);
    let group = folder.strip_suffix(&workload).unwrap_or(folder);
    if !group.is_empty() {
        parts.push(group.trim_end_matches('/').to_string());
    }
    if let Some(rules) = run.option("break-rules") {
        parts.push(format!("without {rules}"));
    }
    if let Some(record) = &run.record {
        parts.push(format!("seed {}", record.seed));
    }
    if let Some(brief) = run.state.brief() {
        parts.extend(brief.anomalies.iter().cloned());
        match brief.lost_writes {
            0 => {}
            1 => parts.push("1 lost write".to_string()),
            many => parts.push(format!("{} lost writes", thousands(many as u64))),
        }
    }
    parts.join(" · ")
}

fn judged(run: &Entry, brief: &Brief) -> String {
    let nemesis = run.option("nemesis").unwrap_or_default();
    let faults = if brief.faults_applied == brief.faults {
        brief.faults.to_string()
    } else {
        format!("{} of {}", brief.faults_applied, brief.faults)
    };
    let report = file_link(&format!("{}/report.html", run.path));
    format!(
        "<td class=\"faults\" data-name=\"faults\">{faults}<div class=\"note\">{}</div></td>\
         <td class=\"number\" data-name=\"answers/s\">{}</td>\
         <td class=\"number\" data-name=\"p50 / p99\">{} / {}</td>\
         <td class=\"number\" data-name=\"outage\">{}</td>\
         <td class=\"number\" data-name=\"length\">{}<div class=\"note\"><a href=\"{}\">report</a></div></td>",
        escape(&nemesis.replace(',', ", ")),
        thousands(brief.answers_per_second as u64),
        duration_ms(brief.p50_ms),
        duration_ms(brief.p99_ms),
        duration_ms(brief.unavailable_ms_max),
        duration_ms(brief.length_ms as f64),
        escape(&report),
    )
}

/// Changes when the list does.
pub(super) fn fingerprint(runs: &[Arc<Entry>]) -> String {
    let mut hasher = DefaultHasher::new();
    for run in runs {
        (&run.path, run.state.word()).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// The list as data.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    /// The folder that is searched.
    root: String,
    /// How many runs there are in all.
    count: usize,
    /// Those that were asked for, in order.
    runs: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    path: String,
    began: String,
    word: &'static str,
    workload: String,
    system: Option<String>,
    seed: Option<u64>,
    options: Option<Map<String, Value>>,
    #[serde(flatten)]
    state: State,
}

/// The list as data.
pub(super) fn data(listing: &Listing, query: &Query) -> Data {
    let runs = listing.runs();
    let count = runs.len();
    let row = |run: &Arc<Entry>| {
        let record = run.record.as_ref();
        Row {
            path: run.path.clone(),
            began: run.began.clone(),
            word: run.state.word(),
            workload: workload(run),
            system: record.map(|record| record.system.clone()),
            seed: record.map(|record| record.seed),
            options: record.map(|record| record.options.clone()),
            state: run.state.clone(),
        }
    };
    Data {
        root: listing.root().display().to_string(),
        count,
        runs: query.select(runs).iter().map(row).collect(),
    }
}
