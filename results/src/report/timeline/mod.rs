//! The run on one time axis: violations, faults and masters on the lanes of the nodes, throughput,
//! errors, latency, and the partitions' outages and changes of owners.
//!
//! What depends on time is in an inner picture of its own, so that a few lines of script can look
//! closer by showing a part of it; words stay outside. Without the script the whole run is shown.

mod curves;
mod lanes;

use std::fmt::{Arguments, Write};

use serde_json::json;

use super::scale::{Scale, Width, picture, ticks};
use crate::html::escape;
use crate::verdict::{FaultOutcome, FaultRecord, Verdict};

const SCRIPT: &str = include_str!("../timeline.js");

/// Heights of the panels.
const VIOLATIONS: f64 = 16.0;
const NODE: f64 = 18.0;
const THROUGHPUT: f64 = 130.0;
const ERRORS: f64 = 56.0;
const LATENCY: f64 = 130.0;
const PARTITIONS: f64 = 128.0;
/// Room between panels, for the next one's heading.
const GAP: f64 = 34.0;
/// Room above the first panel, for the faults' numbers and its heading.
const TOP: f64 = 46.0;
/// Where the faults' times begin to be shaded.
const BAND_TOP: f64 = 20.0;
const RIGHT: f64 = 14.0;
/// So many marks of a kind are drawn at most, however long the run was.
const MARKS_MAX: usize = 2_000;

/// One panel's place.
#[derive(Clone, Copy)]
struct Panel {
    top: f64,
    bottom: f64,
}

struct Drawing<'a> {
    verdict: &'a Verdict,
    /// Who was master when the run began, if that is known.
    master: Option<&'a str>,
    width: Width,
    time: Scale,
    /// What depends on time.
    plot: String,
    /// Lines behind it.
    behind: String,
    /// Words around it.
    frame: String,
}

/// The picture, with its script and the figures that the script tells.
pub(super) fn draw(verdict: &Verdict, master: Option<&str>) -> String {
    let pictures = picture(|width| Drawing::of(verdict, master, width));
    let data = data(verdict, master).to_string().replace('<', "\\u003c");
    format!(
        "<div class=\"timeline\" id=\"time\" tabindex=\"0\" role=\"group\" \
         aria-label=\"the run over time; plus and minus zoom, arrows move, Escape shows all\">\n{pictures}\
         <script type=\"application/json\">{data}</script>\n</div>\n<script>\n{SCRIPT}</script>\n"
    )
}

/// What is told about the time under the pointer.
fn data(verdict: &Verdict, master: Option<&str>) -> serde_json::Value {
    let series = &verdict.figures.series;
    let rows: Vec<_> = series
        .rows
        .iter()
        .map(|row| (row.served, row.failed, row.unknown, row.p50_ms, row.p99_ms))
        .collect();
    let faults: Vec<_> = verdict
        .faults
        .iter()
        .take(MARKS_MAX)
        .map(|fault| {
            let words = format!("{} {}", fault.name, fault.targets.join(" "));
            (fault.start_ms, fault.end_ms, words)
        })
        .collect();
    let changes = verdict.failovers.iter().take(MARKS_MAX);
    let changed = changes
        .filter(|change| change.partition.is_none())
        .map(|change| (change.at_ms, change.to.clone()));
    let masters: Vec<_> = [(0, first_master(verdict, master))]
        .into_iter()
        .chain(changed)
        .collect();
    json!({
        "length": length_ms(verdict),
        "interval": series.interval_ms,
        "rows": rows,
        "faults": faults,
        "masters": masters,
    })
}

/// Who was master when the run began.
fn first_master(verdict: &Verdict, master: Option<&str>) -> Option<String> {
    let first = verdict
        .failovers
        .iter()
        .find(|change| change.partition.is_none());
    match first {
        Some(change) => change.from.clone(),
        None => master.map(String::from),
    }
}

fn length_ms(verdict: &Verdict) -> f64 {
    (verdict.figures.length_ms as f64).max(1.0)
}

fn below(panel: Panel, height: f64) -> Panel {
    Panel {
        top: panel.bottom + GAP,
        bottom: panel.bottom + GAP + height,
    }
}

fn nodes(verdict: &Verdict) -> Vec<String> {
    let faults = verdict.faults.iter();
    let mut names: Vec<String> = faults
        .flat_map(|fault| fault.health_before.keys().cloned())
        .collect();
    names.sort();
    names.dedup();
    names
}

impl<'a> Drawing<'a> {
    fn of(verdict: &'a Verdict, master: Option<&'a str>, width: Width) -> String {
        let length = length_ms(verdict);
        let inner = width.units() - RIGHT - width.left();
        let mut drawing = Drawing {
            verdict,
            master,
            width,
            time: Scale::linear((0.0, length), (0.0, inner)),
            plot: String::new(),
            behind: String::new(),
            frame: String::new(),
        };
        let nodes = nodes(verdict);
        let mut panel = Panel {
            top: TOP,
            bottom: TOP - GAP,
        };
        let mut next = |height: f64| {
            panel = below(panel, height);
            panel
        };
        let violated = !verdict.anomalies.is_empty() || verdict.losses.count > 0;
        let violations = violated.then(|| next(VIOLATIONS));
        let lanes = (!nodes.is_empty()).then(|| next(NODE * nodes.len() as f64));
        let throughput = next(THROUGHPUT);
        let errors = next(ERRORS);
        let latency = next(LATENCY);
        let partitions = next(PARTITIONS);
        let bottom = partitions.bottom;
        drawing.bands(bottom);
        if let Some(panel) = violations {
            drawing.violations(panel, bottom);
        }
        if let Some(panel) = lanes {
            drawing.nodes(panel, &nodes);
        }
        drawing.throughput(throughput);
        drawing.errors(errors);
        drawing.latency(latency);
        drawing.partitions(partitions);
        drawing.axis(length, bottom);
        let (left, units, height) = (width.left(), width.units(), bottom + 30.0);
        let Drawing {
            plot,
            behind,
            frame,
            ..
        } = drawing;
        format!(
            "<svg class=\"run\" viewBox=\"0 0 {units:.0} {height:.0}\" data-left=\"{left}\" data-inner=\"{inner}\" data-bottom=\"{bottom:.1}\" \
             role=\"img\" aria-label=\"faults, masters, throughput, errors, latency and partitions over time\">\n\
             {behind}<svg class=\"plot\" x=\"{left}\" y=\"0\" width=\"{inner}\" height=\"{bottom:.1}\" viewBox=\"0 0 {inner} {bottom:.1}\" preserveAspectRatio=\"none\">\n\
             {plot}</svg>\n{frame}</svg>\n"
        )
    }

    fn put(&mut self, text: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.plot.write_fmt(text);
        self.plot.push('\n');
    }

    fn write(&mut self, text: Arguments<'_>) {
        let _ = self.frame.write_fmt(text);
        self.frame.push('\n');
    }

    fn put_behind(&mut self, text: Arguments<'_>) {
        let _ = self.behind.write_fmt(text);
        self.behind.push('\n');
    }

    fn right(&self) -> f64 {
        self.width.units() - RIGHT
    }

    /// The times of faults, behind everything, with their numbers.
    fn bands(&mut self, bottom: f64) {
        let verdict = self.verdict;
        let mut written = f64::MIN;
        for (number, fault) in (1..).zip(&verdict.faults).take(MARKS_MAX) {
            let class = if fault.outcome == FaultOutcome::Applied {
                "band"
            } else {
                "band not"
            };
            let (from, to) = (
                self.time.at(fault.start_ms as f64),
                self.time.at(fault.end_ms as f64),
            );
            let (wide, high) = ((to - from).max(0.5), bottom - BAND_TOP);
            let title = escape(&fault_title(number, fault));
            self.put(format_args!(
                "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{BAND_TOP}\" width=\"{wide:.1}\" height=\"{high:.1}\"><title>{title}</title></rect>"
            ));
            let x = self.width.left() + f64::midpoint(from, to);
            // Numbers that would lie upon each other are left out until somebody looks closer.
            let crowded = if x - written < 16.0 { " crowded" } else { "" };
            if crowded.is_empty() {
                written = x;
            }
            let at = u64::midpoint(fault.start_ms, fault.end_ms);
            self.write(format_args!(
                "<text class=\"fault{crowded}\" data-at=\"{at}\" x=\"{x:.1}\" y=\"{:.1}\">{number}</text>",
                BAND_TOP - 6.0
            ));
        }
    }

    fn axis(&mut self, length: f64, bottom: f64) {
        let count = if self.width == Width::Wide { 12 } else { 4 };
        let mut marks = String::new();
        for seconds in ticks(length / 1e3, count) {
            if seconds * 1e3 > length * 1.001 {
                continue;
            }
            let x = self.width.left() + self.time.at(seconds * 1e3);
            let _ = write!(
                marks,
                "<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom:.1}\" y2=\"{:.1}\"/>\
                 <text class=\"axis middle\" x=\"{x:.1}\" y=\"{:.1}\">{seconds} s</text>",
                bottom + 4.0,
                bottom + 18.0
            );
        }
        self.write(format_args!(
            "<g class=\"axis-marks\" data-count=\"{count}\">{marks}</g>"
        ));
    }

    fn heading(&mut self, panel: Panel, words: &str) {
        let (x, y) = (self.width.left(), panel.top - 9.0);
        self.write(format_args!(
            "<text class=\"heading\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>"
        ));
    }

    fn grid(&mut self, y: f64, label: &str) {
        let (left, right) = (self.width.left(), self.right());
        self.put_behind(format_args!(
            "<line class=\"grid\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        ));
        self.label(y, label);
    }

    /// Words left of the picture.
    fn label(&mut self, y: f64, label: &str) {
        let x = self.width.left() - 6.0;
        self.write(format_args!(
            "<text class=\"axis end\" x=\"{x:.1}\" y=\"{:.1}\">{label}</text>",
            y + 4.0
        ));
    }
}

fn fault_title(number: usize, fault: &FaultRecord) -> String {
    format!(
        "fault {number}: {} ({}), {:.1} to {:.1} s",
        fault.text,
        fault.targets.join(" "),
        fault.start_ms as f64 / 1e3,
        fault.end_ms as f64 / 1e3
    )
}
