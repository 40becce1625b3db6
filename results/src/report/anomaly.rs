//! A violation: in words, and as a picture of the operations that prove it.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::scale::{Scale, Width, picture};
use crate::html::escape;

const LANE: f64 = 30.0;
const TOP: f64 = 26.0;

/// An operation of the checker's report.
struct Operation {
    process: u64,
    words: String,
    begin_ns: f64,
    end_ns: Option<f64>,
    failed: bool,
    proof: bool,
}

/// One violation as the checker told it.
pub(super) fn draw(anomaly: &Value) -> String {
    let text = |name: &str| anomaly[name].as_str().unwrap_or_default();
    let key = match text("key") {
        "" => String::new(),
        key => format!(" <span class=\"key\">register {}</span>", escape(key)),
    };
    let mut html = format!(
        "<article class=\"anomaly\">\n<h3>{}{key}</h3>\n<p>{}</p>\n",
        escape(text("name")),
        escape(text("text"))
    );
    let operations: Vec<Operation> = anomaly["operations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(operation)
        .collect();
    if !operations.is_empty() {
        html.push_str(&picture(|width| lanes(&operations, width)));
    }
    if let Some(omitted) = anomaly["operations_omitted"].as_u64() {
        let _ = writeln!(html, "<p class=\"note\">and {omitted} more operations</p>");
    }
    html.push_str("</article>\n");
    html
}

fn operation(value: &Value) -> Operation {
    let f = value["f"].as_str().unwrap_or_default();
    let outcome = value["type"].as_str().unwrap_or_default();
    let shown = match (&value["value"], f) {
        (Value::Array(pair), "cas") if pair.len() == 2 => format!("{} → {}", pair[0], pair[1]),
        (shown, _) => shown.to_string(),
    };
    let mut words = format!("{f} {shown}");
    match outcome {
        "fail" => words.push_str(" failed"),
        "info" => words.push_str(" ?"),
        _ => {}
    }
    if let Some(node) = value["node"].as_str() {
        let _ = write!(words, " · {node}");
    }
    Operation {
        process: value["process"].as_u64().unwrap_or(0),
        words,
        begin_ns: value["invoke_ns"].as_f64().unwrap_or(0.0),
        end_ns: value["complete_ns"].as_f64(),
        failed: outcome == "fail",
        proof: value["role"].as_str() != Some("source"),
    }
}

/// A lane for each process, time to the right.
fn lanes(operations: &[Operation], width: Width) -> String {
    let begins = operations.iter().map(|operation| operation.begin_ns);
    let ends = operations
        .iter()
        .map(|operation| operation.end_ns.unwrap_or(operation.begin_ns));
    let (begin, end) = (begins.fold(f64::MAX, f64::min), ends.fold(0.0, f64::max));
    let mut processes: BTreeMap<u64, usize> = BTreeMap::new();
    for operation in operations {
        let next = processes.len();
        processes.entry(operation.process).or_insert(next);
    }
    let (left, right) = (width.left(), width.units() - 14.0);
    let time = Scale::linear((begin, end.max(begin + 1.0)), (left, right));
    let height = TOP + LANE * processes.len() as f64 + 8.0;
    let mut svg = String::new();
    for mark in [begin, f64::midpoint(begin, end), end] {
        let x = time.at(mark);
        let anchor = if mark == end {
            "end"
        } else if mark == begin {
            "start"
        } else {
            "middle"
        };
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{height:.1}\"/>\
             <text class=\"axis {anchor}\" x=\"{x:.1}\" y=\"14\">{:.4} s</text>",
            mark / 1e9
        );
    }
    for (process, lane) in &processes {
        let y = TOP + *lane as f64 * LANE + LANE / 2.0 + 8.0;
        let _ = writeln!(
            svg,
            "<text class=\"axis end\" x=\"{:.1}\" y=\"{y:.1}\">{process}</text>",
            left - 6.0
        );
    }
    for operation in operations {
        let y = TOP + processes[&operation.process] as f64 * LANE;
        let from = time.at(operation.begin_ns);
        let to = operation
            .end_ns
            .map_or(right, |end| time.at(end))
            .max(from + 3.0);
        let class = match (operation.proof, operation.failed, operation.end_ns) {
            (false, ..) => "op source",
            (_, true, _) => "op not",
            (_, _, None) => "op open",
            _ => "op",
        };
        // Words that would leave the picture end at the operation instead of beginning there.
        let room = operation.words.chars().count() as f64 * 6.4;
        let (x, anchor) = if from + room > right {
            (to, "end")
        } else {
            (from, "start")
        };
        let words = escape(&operation.words);
        let _ = writeln!(
            svg,
            "<g><title>{words}</title><rect class=\"{class}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"9\" rx=\"3\"/>\
             <text class=\"op {anchor}\" x=\"{x:.1}\" y=\"{:.1}\">{words}</text></g>",
            y + 16.0,
            to - from,
            y + 12.0
        );
    }
    format!(
        "<svg viewBox=\"0 0 {:.0} {height:.0}\" role=\"img\" aria-label=\"operations that prove the violation\">\n{svg}</svg>\n",
        width.units()
    )
}
