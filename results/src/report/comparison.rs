//! Throughput and latency of two runs on one time axis.

use std::fmt::Write;

use super::scale::{Scale, Width, decades, mark_ms, picture, ticks};
use crate::figures::{Series, SeriesRow};
use crate::text::thousands;
use crate::verdict::Verdict;

const THROUGHPUT: (f64, f64) = (24.0, 184.0);
const LATENCY: (f64, f64) = (220.0, 360.0);
const RIGHT: f64 = 14.0;

/// Draws them, the first as A and the second as B.
pub fn comparison(one: &Verdict, other: &Verdict) -> String {
    picture(|width| draw([&one.figures.series, &other.figures.series], width))
}

fn draw(series: [&Series; 2], width: Width) -> String {
    let length_ms = series.map(|series| series.rows.len() as f64 * series.interval_ms as f64);
    let length_ms = length_ms[0].max(length_ms[1]).max(1.0);
    let time = Scale::linear((0.0, length_ms), (width.left(), width.units() - RIGHT));
    let mut svg = String::new();
    let count = if width == Width::Wide { 12 } else { 4 };
    for seconds in ticks(length_ms / 1e3, count) {
        if seconds * 1e3 <= length_ms * 1.001 {
            let x = time.at(seconds * 1e3);
            let _ = writeln!(
                svg,
                "<text class=\"axis middle\" x=\"{x:.1}\" y=\"{:.1}\">{seconds} s</text>",
                LATENCY.1 + 17.0
            );
        }
    }
    let rate = |series: &Series, row: &SeriesRow| {
        row.served as f64 * 1e3 / series.interval_ms.max(1) as f64
    };
    let rates = |series: &Series| {
        let rates = series.rows.iter().map(|row| rate(series, row));
        rates.fold(1.0, f64::max)
    };
    let marks = ticks(rates(series[0]).max(rates(series[1])), 3);
    let top = marks.last().copied().unwrap_or(1.0);
    let scale = Scale::linear((0.0, top), (THROUGHPUT.1, THROUGHPUT.0));
    for mark in marks {
        grid(&mut svg, width, scale.at(mark), &thousands(mark as u64));
    }
    let answered = |row: &SeriesRow| row.served > 0;
    let served: Vec<&SeriesRow> = series
        .iter()
        .flat_map(|series| series.rows.iter().filter(|row| answered(row)))
        .collect();
    let lowest = served.iter().map(|row| row.p50_ms).fold(f64::MAX, f64::min);
    let highest = served.iter().map(|row| row.p99_ms).fold(0.0, f64::max);
    let (domain, marks) = decades(lowest, highest);
    let latency = Scale::logarithmic(domain, (LATENCY.1, LATENCY.0));
    for mark in marks {
        grid(&mut svg, width, latency.at(mark), &mark_ms(mark));
    }
    for (class, series) in ["a", "b"].into_iter().zip(series) {
        let throughput = line(series, time, |row| Some(scale.at(rate(series, row))));
        let p50 = line(series, time, |row| {
            answered(row).then(|| latency.at(row.p50_ms))
        });
        let p99 = line(series, time, |row| {
            answered(row).then(|| latency.at(row.p99_ms))
        });
        let _ = writeln!(
            svg,
            "<path class=\"series {class}\" d=\"{throughput}\"/><path class=\"series {class}\" d=\"{p50}\"/>\
             <path class=\"series faint {class}\" d=\"{p99}\"/>"
        );
    }
    let left = width.left();
    let _ = write!(
        svg,
        "<text class=\"heading\" x=\"{left}\" y=\"{:.1}\">answers per second: <tspan class=\"t-a\">A</tspan>, <tspan class=\"t-b\">B</tspan></text>\
         <text class=\"heading\" x=\"{left}\" y=\"{:.1}\">latency: median, and 99th percentile faint</text>",
        THROUGHPUT.0 - 10.0,
        LATENCY.0 - 10.0
    );
    format!(
        "<svg viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"throughput and latency of both runs over time\">\n{svg}</svg>\n",
        width.units(),
        LATENCY.1 + 26.0
    )
}

fn grid(svg: &mut String, width: Width, y: f64, label: &str) {
    let _ = writeln!(
        svg,
        "<line class=\"grid\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
         <text class=\"axis end\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
        width.left(),
        width.units() - RIGHT,
        width.left() - 6.0,
        y + 4.0
    );
}

/// A line through the rows that have a place.
fn line(series: &Series, time: Scale, place: impl Fn(&SeriesRow) -> Option<f64>) -> String {
    let interval = series.interval_ms as f64;
    let mut path = String::new();
    let mut open = false;
    for (number, row) in series.rows.iter().enumerate() {
        let Some(y) = place(row) else {
            open = false;
            continue;
        };
        let x = time.at((number as f64 + 0.5) * interval);
        let _ = write!(path, "{}{x:.1},{y:.1}", if open { 'L' } else { 'M' });
        open = true;
    }
    path
}
