//! Throughput, latency, nodes and partitions on one time axis, with the faults behind them.

use std::fmt::Write;

use super::scale::{Scale, Width, ticks};
use crate::html::escape;
use crate::text::{duration_ms, thousands};
use crate::verdict::{FaultOutcome, FaultRecord, Verdict};

/// Heights of the panels.
const THROUGHPUT: f64 = 150.0;
const LATENCY: f64 = 130.0;
const NODE: f64 = 18.0;
const PARTITIONS: f64 = 130.0;
/// Room between panels, for the next one's heading.
const GAP: f64 = 34.0;
/// Room above the first panel, for the faults' numbers and its heading.
const TOP: f64 = 46.0;
/// Where the faults' times begin to be shaded.
const BAND_TOP: f64 = 18.0;
const RIGHT: f64 = 14.0;

/// One panel's place.
#[derive(Clone, Copy)]
struct Panel {
    top: f64,
    bottom: f64,
}

struct Drawing<'a> {
    verdict: &'a Verdict,
    width: Width,
    time: Scale,
    svg: String,
}

/// The whole picture.
pub(super) fn draw(verdict: &Verdict, width: Width) -> String {
    let length = (verdict.figures.length_ms as f64).max(1.0);
    let nodes = nodes(verdict);
    let throughput = Panel {
        top: TOP,
        bottom: TOP + THROUGHPUT,
    };
    let latency = below(throughput, LATENCY);
    let node_lanes = below(latency, NODE * nodes.len().max(1) as f64);
    let partition_lanes = below(node_lanes, PARTITIONS);
    let height = partition_lanes.bottom + 30.0;
    let right = width.units() - RIGHT;
    let mut drawing = Drawing {
        verdict,
        width,
        time: Scale::linear((0.0, length), (width.left(), right)),
        svg: String::new(),
    };
    drawing.bands(BAND_TOP, partition_lanes.bottom);
    drawing.axis(length, partition_lanes.bottom);
    drawing.throughput(throughput);
    drawing.latency(latency);
    drawing.nodes(node_lanes, &nodes);
    drawing.partitions(partition_lanes);
    format!(
        "<svg viewBox=\"0 0 {:.0} {height:.0}\" role=\"img\" aria-label=\"throughput, latency, nodes and partitions over time\">\n{}</svg>\n",
        width.units(),
        drawing.svg
    )
}

fn below(panel: Panel, height: f64) -> Panel {
    Panel {
        top: panel.bottom + GAP,
        bottom: panel.bottom + GAP + height,
    }
}

fn nodes(verdict: &Verdict) -> Vec<String> {
    let mut names: Vec<String> = verdict
        .faults
        .iter()
        .flat_map(|fault| fault.health_before.keys().cloned())
        .collect();
    names.sort();
    names.dedup();
    names
}

impl Drawing<'_> {
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.svg.write_fmt(text);
        self.svg.push('\n');
    }

    fn right(&self) -> f64 {
        self.width.units() - RIGHT
    }

    /// The faults, behind everything, with their numbers.
    fn bands(&mut self, top: f64, bottom: f64) {
        for (number, fault) in (1..).zip(&self.verdict.faults) {
            let class = if fault.outcome == FaultOutcome::Applied {
                "band"
            } else {
                "band not"
            };
            let (from, to) = (
                self.time.at(fault.start_ms as f64),
                self.time.at(fault.end_ms as f64),
            );
            let (wide, high, middle) =
                ((to - from).max(1.0), bottom - top, f64::midpoint(from, to));
            let title = escape(&fault_title(number, fault));
            self.put(format_args!(
                "<g><title>{title}</title><rect class=\"{class}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\"/>\
                 <text class=\"fault\" x=\"{middle:.1}\" y=\"{:.1}\">{number}</text></g>",
                top - 5.0
            ));
        }
    }

    fn axis(&mut self, length: f64, bottom: f64) {
        let count = if self.width == Width::Wide { 12 } else { 4 };
        for seconds in ticks(length / 1e3, count) {
            if seconds * 1e3 > length * 1.001 {
                continue;
            }
            let x = self.time.at(seconds * 1e3);
            self.put(format_args!(
                "<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom:.1}\" y2=\"{:.1}\"/>\
                 <text class=\"axis middle\" x=\"{x:.1}\" y=\"{:.1}\">{seconds} s</text>",
                bottom + 4.0,
                bottom + 17.0
            ));
        }
    }

    fn heading(&mut self, panel: Panel, words: &str) {
        let (x, y) = (self.width.left(), panel.top - 9.0);
        self.put(format_args!(
            "<text class=\"heading\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>"
        ));
    }

    fn grid(&mut self, y: f64, label: &str) {
        let (left, right) = (self.width.left(), self.right());
        self.put(format_args!(
            "<line class=\"grid\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"axis end\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
            left - 6.0,
            y + 4.0
        ));
    }

    fn throughput(&mut self, panel: Panel) {
        let series = &self.verdict.figures.series;
        let per_second = 1e3 / series.interval_ms as f64;
        let rows = series.rows.clone();
        let interval = series.interval_ms as f64;
        let rate = |count: u64| count as f64 * per_second;
        let highest = rows
            .iter()
            .map(|row| rate(row.served + row.failed + row.unknown));
        let marks = ticks(highest.fold(1.0, f64::max), 3);
        let top = *marks.last().unwrap_or(&1.0);
        let scale = Scale::linear((0.0, top), (panel.bottom, panel.top));
        for mark in marks {
            self.grid(scale.at(mark), &thousands(mark as u64));
        }
        let mut area = format!("M{:.1},{:.1}", self.time.at(0.0), panel.bottom);
        let mut line = String::new();
        for (number, row) in rows.iter().enumerate() {
            let (from, to) = self.row(number, interval);
            let y = scale.at(rate(row.served));
            let _ = write!(area, "L{from:.1},{y:.1}L{to:.1},{y:.1}");
            let start = if number == 0 { 'M' } else { 'L' };
            let _ = write!(line, "{start}{from:.1},{y:.1}L{to:.1},{y:.1}");
        }
        let _ = write!(area, "L{:.1},{:.1}Z", self.right(), panel.bottom);
        self.put(format_args!(
            "<path class=\"area\" d=\"{area}\"/><path class=\"line\" d=\"{line}\"/>"
        ));
        for (number, row) in rows.iter().enumerate() {
            let (from, to) = self.row(number, interval);
            let mut below = rate(row.served);
            for (count, class) in [(row.failed, "failed"), (row.unknown, "unknown")] {
                if count > 0 {
                    let (low, high) = (scale.at(below), scale.at(below + rate(count)));
                    below += rate(count);
                    let (wide, high_px) = ((to - from).max(0.5), (low - high).max(1.5));
                    let y = low - high_px;
                    self.put(format_args!(
                        "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{high_px:.1}\"><title>{count} {class}</title></rect>"
                    ));
                }
            }
        }
        let words = match self.width {
            Width::Wide => {
                "operations per second: <tspan class=\"t-line\">answered</tspan>, <tspan class=\"t-failed\">failed</tspan>, <tspan class=\"t-unknown\">outcome unknown</tspan>"
            }
            Width::Narrow => {
                "per second: <tspan class=\"t-line\">answered</tspan>, <tspan class=\"t-failed\">failed</tspan>, <tspan class=\"t-unknown\">unknown</tspan>"
            }
        };
        self.heading(panel, words);
    }

    fn row(&self, number: usize, interval: f64) -> (f64, f64) {
        let from = number as f64 * interval;
        (self.time.at(from), self.time.at(from + interval))
    }

    fn latency(&mut self, panel: Panel) {
        let series = &self.verdict.figures.series;
        let (rows, interval) = (series.rows.clone(), series.interval_ms as f64);
        let known = rows.iter().filter(|row| row.served > 0);
        let (mut low, mut high) = (f64::MAX, 1.0_f64);
        for row in known {
            low = low.min(row.p50_ms.max(0.01));
            high = high.max(row.p99_ms);
        }
        let low = 10_f64.powf(low.min(high).log10().floor());
        let high = 10_f64.powf(high.log10().ceil()).max(low * 10.0);
        let scale = Scale::logarithmic((low, high), (panel.bottom, panel.top));
        let mut mark = low;
        while mark <= high * 1.001 {
            self.grid(
                scale.at(mark),
                &duration_ms(mark).replace(".0 ", " ").replace(".00 ", " "),
            );
            mark *= 10.0;
        }
        for (class, pick) in [("p99", 0), ("p50", 1)] {
            let mut path = String::new();
            let mut open = false;
            for (number, row) in rows.iter().enumerate() {
                if row.served == 0 {
                    // Where nothing was answered there is no latency.
                    open = false;
                    continue;
                }
                let (from, to) = self.row(number, interval);
                let y = scale.at(if pick == 0 { row.p99_ms } else { row.p50_ms });
                let start = if open { 'L' } else { 'M' };
                let _ = write!(path, "{start}{from:.1},{y:.1}L{to:.1},{y:.1}");
                open = true;
            }
            self.put(format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
        }
        self.heading(
            panel,
            "latency: <tspan class=\"t-p50\">median</tspan>, <tspan class=\"t-p99\">99th percentile</tspan>",
        );
    }

    fn nodes(&mut self, panel: Panel, names: &[String]) {
        for (lane, name) in names.iter().enumerate() {
            let y = panel.top + lane as f64 * NODE;
            let (left, right) = (self.width.left(), self.right());
            self.put(format_args!(
                "<text class=\"axis end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
                 <line class=\"lane\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
                left - 6.0,
                y + NODE / 2.0 + 4.0,
                escape(name),
                y + NODE / 2.0,
                y + NODE / 2.0
            ));
            for (number, fault) in (1..).zip(&self.verdict.faults) {
                for injection in &fault.injections {
                    let hit = injection.outcome != FaultOutcome::Skipped
                        && injection.targets.contains(name);
                    if !hit {
                        continue;
                    }
                    let class = match injection.action.as_str() {
                        "kill" => "kill",
                        "pause" => "pause",
                        _ => "cut",
                    };
                    let from = self.time.at(injection.at_ms as f64);
                    let wide = (self.time.at(fault.end_ms as f64) - from).max(2.0);
                    let title = escape(&fault_title(number, fault));
                    self.put(format_args!(
                        "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{:.1}\" rx=\"3\"><title>{title}</title></rect>",
                        y + 2.5,
                        NODE - 5.0
                    ));
                }
            }
        }
        self.heading(
            panel,
            "nodes: <tspan class=\"t-kill\">killed</tspan>, <tspan class=\"t-pause\">paused</tspan>, <tspan class=\"t-cut\">cut off</tspan>",
        );
    }

    fn partitions(&mut self, panel: Panel) {
        let lanes = &self.verdict.figures.availability.noticeable;
        let height = (panel.bottom - panel.top) / lanes.len().max(1) as f64;
        let mut outages = Vec::new();
        for (id, lane) in lanes.iter().enumerate() {
            let y = panel.top + id as f64 * height;
            outages.extend(lane.iter().map(|outage| (id, y, *outage)));
        }
        let (left, wide) = (self.width.left(), self.right() - self.width.left());
        self.put(format_args!(
            "<rect class=\"served\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{:.1}\"/>",
            panel.top,
            panel.bottom - panel.top
        ));
        for (id, y, outage) in outages {
            let from = self.time.at(outage.from_ms);
            let wide = (self.time.at(outage.from_ms + outage.ms) - from).max(1.5);
            let title = format!(
                "partition {id}: {} without an answer",
                duration_ms(outage.ms)
            );
            self.put(format_args!(
                "<rect class=\"outage\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{:.1}\"><title>{title}</title></rect>",
                (height - 1.0).max(0.5)
            ));
        }
        for id in [0, lanes.len().saturating_sub(1)] {
            let y = panel.top + (id as f64 + 0.5) * height + 4.0;
            self.put(format_args!(
                "<text class=\"axis end\" x=\"{:.1}\" y=\"{y:.1}\">{id}</text>",
                left - 6.0
            ));
        }
        let words = match self.width {
            Width::Wide => {
                "partitions: <tspan class=\"t-outage\">without an answer for more than 0.2 s</tspan>"
            }
            Width::Narrow => {
                "partitions: <tspan class=\"t-outage\">no answer for over 0.2 s</tspan>"
            }
        };
        self.heading(panel, words);
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
