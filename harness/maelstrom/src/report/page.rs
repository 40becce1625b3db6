//! The page: one file that opens offline in any browser.

use kensho_checker::explain;
use kensho_results::html::{self, Column, escape, section, table};
use kensho_results::run::RunRecord;
use kensho_results::text::{duration_ms, thousands};
use kensho_results::verdict::{FaultOutcome, Validity};

use super::{Shown, Stability, style};

/// So many faults are listed; the rest is in `verdict.json`.
const FAULTS_MAX: usize = 200;

pub(super) fn draw(
    record: &RunRecord,
    shown: &Shown,
    explained: &[String],
    diagram: &str,
) -> String {
    let verdict = &shown.verdict;
    let word = verdict.valid.word();
    let title = format!(
        "{word}: {} on {}, {}",
        record.workload, record.system, record.began
    );
    let body = [
        head(record, shown),
        tiles(shown),
        went_wrong(shown, explained),
        messages(diagram),
        faults(shown),
        operations(shown),
        network(shown),
        shown.stability.as_ref().map(stability).unwrap_or_default(),
        again(record),
    ]
    .concat();
    let more_style = format!("{}{}", explain::style(), style::STYLE);
    html::page(&title, &more_style, word, &body)
}

fn head(record: &RunRecord, shown: &Shown) -> String {
    let verdict = &shown.verdict;
    let word = match verdict.valid {
        Validity::Valid => "Valid",
        Validity::Invalid => "Invalid",
        Validity::Unknown => "Unknown",
    };
    let list = |introduction: &str, texts: &[String]| match texts {
        [] => String::new(),
        texts => {
            let items: String = texts
                .iter()
                .map(|text| format!("<li>{}</li>", escape(text)))
                .collect();
            format!("<p>{introduction}</p>\n<ul>{items}</ul>\n")
        }
    };
    let trouble = match &shown.trouble {
        None => String::new(),
        Some(text) => format!("<pre>{}</pre>\n", escape(text)),
    };
    format!(
        "<header>\n<p class=\"kicker\">{} on {}, {}</p>\n<h1>{word}</h1>\n<p class=\"summary\">{}</p>\n{trouble}{}{}</header>\n",
        escape(&record.workload),
        escape(&record.system),
        escape(&record.began.replace('T', " ")),
        escape(&verdict.summary),
        list("What the run does not show:", &verdict.missing),
        list("Worth knowing:", &shown.notes),
    )
}

fn tiles(shown: &Shown) -> String {
    let figures = &shown.verdict.figures;
    let length = duration_ms(figures.length_ms as f64);
    let latency = &figures.latency_ms.all;
    let servers = &shown.network.servers;
    let per_operation = servers
        .msgs_per_op
        .map_or("–".to_owned(), |share| format!("{share:.2}"));
    let mut tiles = vec![
        (
            "operations",
            thousands(figures.operation_count()),
            format!("in {length}"),
        ),
        (
            "answers per second",
            thousands(figures.answers_per_second() as u64),
            "on average".to_owned(),
        ),
        (
            "median latency",
            duration_ms(latency.p50),
            format!("99 %: {}", duration_ms(latency.p99)),
        ),
        (
            "messages per operation",
            per_operation,
            format!("{} between servers", thousands(servers.counts.msg_count)),
        ),
        (
            "faults applied",
            shown.verdict.counts.faults_applied.to_string(),
            format!("of {}", shown.verdict.faults.len()),
        ),
    ];
    if let Some(stability) = &shown.stability {
        let latency = |share: &str| {
            let ms = stability
                .stable_latencies
                .get(share)
                .and_then(serde_json::Value::as_f64);
            ms.map_or("–".to_owned(), |ms| format!("{ms} ms"))
        };
        tiles.push((
            "stable latency, median",
            latency("0.5"),
            format!("99 %: {}, longest: {}", latency("0.99"), latency("1")),
        ));
    }
    html::tiles(&tiles)
}

/// What the checker found and said.
fn went_wrong(shown: &Shown, explained: &[String]) -> String {
    let heading = match shown.verdict.valid {
        Validity::Invalid => "What went wrong",
        _ => "What the checker says",
    };
    let explained: Vec<String> = explained.iter().map(|html| fold(html)).collect();
    section(heading, "", &explained.concat())
}

/// Folds up all anomalies but the first.
fn fold(explained: &str) -> String {
    const BEGIN: &str = "<article>";
    const END: &str = "</article>";
    let second = explained.match_indices(BEGIN).nth(1);
    let (Some((from, _)), Some(to)) = (second, explained.rfind(END)) else {
        return explained.to_owned();
    };
    let to = to + END.len();
    let count = explained[from..to].matches(BEGIN).count();
    format!(
        "{}<details><summary>{count} more</summary>{}</details>{}",
        &explained[..from],
        &explained[from..to],
        &explained[to..]
    )
}

fn messages(diagram: &str) -> String {
    match diagram {
        "" => String::new(),
        diagram => section("Messages", "", diagram),
    }
}

fn faults(shown: &Shown) -> String {
    let faults = &shown.verdict.faults;
    if faults.is_empty() {
        return String::new();
    }
    let columns = [
        Column::Words("fault"),
        Column::Number("from"),
        Column::Number("to"),
        Column::Words("what became of it"),
    ];
    let seconds = |ms: u64| format!("{:.2}\u{a0}s", ms as f64 / 1e3);
    let rows: Vec<Vec<String>> = faults
        .iter()
        .take(FAULTS_MAX)
        .map(|fault| {
            let why = fault
                .injections
                .iter()
                .find_map(|injection| injection.why.clone());
            let outcome = match fault.outcome {
                FaultOutcome::Applied => "applied".to_owned(),
                FaultOutcome::Skipped => format!("skipped: {}", why.unwrap_or_default()),
                FaultOutcome::Failed => format!("failed: {}", why.unwrap_or_default()),
            };
            vec![
                escape(&fault.text),
                seconds(fault.start_ms),
                seconds(fault.end_ms),
                escape(&outcome),
            ]
        })
        .collect();
    section("Faults", "", &table(&columns, &rows))
}

fn operations(shown: &Shown) -> String {
    let columns = [
        Column::Words("operation"),
        Column::Number("ok"),
        Column::Number("failed"),
        Column::Number("outcome unknown"),
        Column::Number("median"),
        Column::Number("99 %"),
        Column::Number("slowest"),
    ];
    let figures = &shown.verdict.figures;
    let rows: Vec<Vec<String>> = figures
        .operations
        .iter()
        .map(|(name, counts)| {
            let latency = figures
                .latency_ms
                .operations
                .get(name)
                .copied()
                .unwrap_or_default();
            let mut row = vec![escape(name)];
            row.extend([counts.ok, counts.fail, counts.info].map(thousands));
            row.extend([latency.p50, latency.p99, latency.max].map(duration_ms));
            row
        })
        .collect();
    let introduction = "Of the main part. Failed operations had no effect, for certain. Unknown means \
         that no answer came in time, or one that leaves it open.";
    section("Operations", introduction, &table(&columns, &rows))
}

fn network(shown: &Shown) -> String {
    let network = &shown.network;
    let columns = [
        Column::Words("messages"),
        Column::Number("sent"),
        Column::Number("arrived"),
        Column::Number("different"),
        Column::Number("per operation"),
    ];
    let mut rows: Vec<Vec<String>> = [
        ("all", &network.all),
        ("with clients", &network.clients),
        ("between servers", &network.servers),
    ]
    .into_iter()
    .map(|(name, share)| {
        let counts = share.counts;
        let mut row = vec![name.to_owned()];
        row.extend([counts.send_count, counts.recv_count, counts.msg_count].map(thousands));
        row.push(
            share
                .msgs_per_op
                .map_or(String::new(), |share| format!("{share:.3}")),
        );
        row
    })
    .collect();
    for (kind, count) in &network.counts.servers_by_type {
        let name = format!("between servers: <code>{}</code>", escape(kind));
        rows.push(vec![
            name,
            thousands(*count),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    let fates = &network.counts;
    let introduction = format!(
        "Of the whole run; for each operation of its main part. Services count as servers. \
         Lost by chance: {}. Arrived twice: {}. Swallowed by partitions: {}. Found their node down: {}.",
        thousands(fates.lost),
        thousands(fates.doubled),
        thousands(fates.cut),
        thousands(fates.found_nobody)
    );
    section("Network", &introduction, &table(&columns, &rows))
}

fn stability(stability: &Stability) -> String {
    let columns = [
        Column::Number("attempted"),
        Column::Number("stable"),
        Column::Number("stale"),
        Column::Number("lost"),
        Column::Number("never read"),
    ];
    let counts = [
        stability.attempt_count,
        stability.stable_count,
        stability.stale_count,
        stability.lost_count,
        stability.never_read_count,
    ];
    let counts = counts.map(|count| thousands(count as u64)).to_vec();
    let shares: Vec<Vec<String>> = stability
        .stable_latencies
        .iter()
        .map(|(share, ms)| vec![share.clone(), format!("{ms}\u{a0}ms")])
        .collect();
    let latencies = [
        Column::Number("share of elements"),
        Column::Number("stable latency at most"),
    ];
    let content = table(&columns, &[counts]) + &table(&latencies, &shares);
    let introduction = "An element is stable once every read sees it; the latency counts from its \
         acknowledgement, or from the first read that saw it. Stale ones were missed by a read meanwhile.";
    section("How fast elements spread", introduction, &content)
}

fn again(record: &RunRecord) -> String {
    let command = escape(&record.command_line());
    let facts: String = record
        .options
        .iter()
        .chain(&record.versions)
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), String::from);
            format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(&text))
        })
        .collect();
    let content = format!(
        "<pre><code>{command}</code></pre>\n<p>Beside this page: <a class=\"look\" href=\"history.jsonl\">history.jsonl</a>, \
         <a class=\"look\" href=\"verdict.json\">verdict.json</a>, <a class=\"look\" href=\"logs/\">logs/</a> of the nodes. \
         <code>kensho check</code> judges the history again.</p>\n<dl>\n{facts}</dl>\n"
    );
    let introduction = "The same seed gives the same operations, the same faults at the same times, and \
         the same fate to the k-th message of each link; what nodes make of that depends on their timing.";
    section("Run it again", introduction, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_anomalies_but_the_first_are_folded_up() {
        let article = |text: &str| format!("<article>{text}</article>");
        let one = format!("<p>a</p>{}<p>z</p>", article("1"));
        assert_eq!(fold(&one), one);
        let three = format!(
            "<p>a</p>{}{}{}<p>z</p>",
            article("1"),
            article("2"),
            article("3")
        );
        assert_eq!(
            fold(&three),
            "<p>a</p><article>1</article><details><summary>2 more</summary><article>2</article>\
             <article>3</article></details><p>z</p>"
        );
    }
}
