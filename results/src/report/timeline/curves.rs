//! Throughput, errors and latency over time.

use std::fmt::Write;

use super::super::scale::{Scale, Width, decades, mark_ms, ticks};
use super::{Drawing, Panel};
use crate::figures::SeriesRow;
use crate::text::thousands;

/// What a curve of latency shows of a row, milliseconds.
type Quantile = fn(&SeriesRow) -> f64;

impl<'a> Drawing<'a> {
    fn rows(&self) -> &'a [SeriesRow] {
        &self.verdict.figures.series.rows
    }

    /// Operations per second, of a row's count.
    fn rate(&self, count: u64) -> f64 {
        count as f64 * 1e3 / self.verdict.figures.series.interval_ms.max(1) as f64
    }

    /// Where a row begins and ends.
    fn row(&self, number: usize) -> (f64, f64) {
        let interval = self.verdict.figures.series.interval_ms as f64;
        let from = number as f64 * interval;
        (self.time.at(from), self.time.at(from + interval))
    }

    pub(super) fn throughput(&mut self, panel: Panel) {
        let rows = self.rows();
        let highest = rows.iter().map(|row| self.rate(row.served));
        let marks = ticks(highest.fold(1.0, f64::max), 3);
        let scale = Scale::linear(
            (0.0, marks.last().copied().unwrap_or(1.0)),
            (panel.bottom, panel.top),
        );
        for mark in marks {
            self.grid(scale.at(mark), &thousands(mark as u64));
        }
        let mut line = String::new();
        let mut end = 0.0;
        for (number, row) in rows.iter().enumerate() {
            let (from, to) = self.row(number);
            let y = scale.at(self.rate(row.served));
            let _ = write!(line, "L{from:.1},{y:.1}H{to:.1}");
            end = to;
        }
        let bottom = panel.bottom;
        let outline = line.strip_prefix('L').unwrap_or("0,0").to_string();
        self.put(format_args!(
            "<path class=\"area\" d=\"M0,{bottom:.1}{line}L{end:.1},{bottom:.1}Z\"/><path class=\"line\" d=\"M{outline}\"/>"
        ));
        self.heading(panel, "<tspan class=\"t-line\">answers</tspan> per second");
    }

    pub(super) fn errors(&mut self, panel: Panel) {
        let rows = self.rows();
        let highest = rows.iter().map(|row| self.rate(row.failed + row.unknown));
        let highest = highest.fold(0.0, f64::max);
        let marks = ticks(highest.max(10.0), 2);
        let scale = Scale::linear(
            (0.0, marks.last().copied().unwrap_or(1.0)),
            (panel.bottom, panel.top),
        );
        for mark in marks {
            self.grid(scale.at(mark), &thousands(mark as u64));
        }
        let (mut failed, mut unknown) = (String::new(), String::new());
        for (number, row) in rows.iter().enumerate() {
            let (from, to) = self.row(number);
            let mut below = 0;
            for (count, path) in [(row.failed, &mut failed), (row.unknown, &mut unknown)] {
                if count > 0 {
                    let (low, high) = (self.rate(below), self.rate(below + count));
                    let (low, high) = (scale.at(low), scale.at(high));
                    // What there is must be seen.
                    let high = high.min(low - 1.5);
                    let _ = write!(path, "M{from:.1},{low:.1}V{high:.1}H{to:.1}V{low:.1}Z");
                    below += count;
                }
            }
        }
        self.put(format_args!(
            "<path class=\"failed\" d=\"{failed}\"/><path class=\"unknown\" d=\"{unknown}\"/>"
        ));
        self.heading(
            panel,
            "errors per second: <tspan class=\"t-failed\">failed</tspan>, <tspan class=\"t-unknown\">outcome unknown</tspan>",
        );
    }

    pub(super) fn latency(&mut self, panel: Panel) {
        let rows = self.rows();
        let served = || rows.iter().filter(|row| row.served > 0);
        let lowest = served().map(|row| row.p50_ms).fold(f64::MAX, f64::min);
        let highest = served().map(|row| row.p99_ms).fold(0.0, f64::max);
        let (domain, marks) = decades(lowest, highest);
        let scale = Scale::logarithmic(domain, (panel.bottom, panel.top));
        for mark in marks {
            self.grid(scale.at(mark), &mark_ms(mark));
        }
        let curves: [(&str, Quantile); 2] = [("p99", |row| row.p99_ms), ("p50", |row| row.p50_ms)];
        for (class, quantile) in curves {
            let mut path = String::new();
            let mut open = false;
            for (number, row) in rows.iter().enumerate() {
                if row.served == 0 {
                    // Where nothing was answered there is no latency.
                    open = false;
                    continue;
                }
                let (from, to) = self.row(number);
                let y = scale.at(quantile(row));
                let start = if open { 'L' } else { 'M' };
                let _ = write!(path, "{start}{from:.1},{y:.1}H{to:.1}");
                open = true;
            }
            self.put(format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
        }
        let words = match self.width {
            Width::Wide => {
                "latency: <tspan class=\"t-p50\">median</tspan>, <tspan class=\"t-p99\">99th percentile</tspan>"
            }
            Width::Narrow => {
                "latency: <tspan class=\"t-p50\">median</tspan>, <tspan class=\"t-p99\">99 %</tspan>"
            }
        };
        self.heading(panel, words);
    }
}
