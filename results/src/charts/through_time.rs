//! Throughput above latency over time, with what went on shaded: the picture of outages and of
//! catch-ups.

use super::{Axis, Lines, Panel, Point, Series, Shade, Style};
use crate::bench::outage::OutageRow;

/// Rows of `interval_ms`, and times in milliseconds at which something began and ended.
pub(super) fn lines(rows: &[OutageRow], interval_ms: u64, times: &[(u64, u64, String)]) -> Lines {
    let at = |row: usize| seconds(interval_ms) * (row as f64 + 0.5);
    let points = |figure: &dyn Fn(&OutageRow) -> f64| {
        let all = rows.iter().enumerate();
        all.map(|(number, row)| Point::new(at(number), figure(row)))
            .collect::<Vec<_>>()
    };
    let latency = |figure: &dyn Fn(&OutageRow) -> f64| {
        let all = points(figure);
        all.into_iter()
            .filter(|point| point.y > 0.0)
            .collect::<Vec<_>>()
    };
    let series = |name: &str, points| Series {
        name: name.to_string(),
        style: Style::Line,
        points,
    };
    let rate = points(&|row| row.answered as f64 / seconds(interval_ms));
    let p50 = latency(&|row| row.p50_ms);
    let p99 = latency(&|row| row.p99_ms);
    let heights = |points: &[Point]| points.iter().map(|point| point.y).collect::<Vec<_>>();
    let lowest = heights(&p50).into_iter().fold(f64::INFINITY, f64::min);
    let highest = heights(&p99).into_iter().fold(0.0, f64::max);
    let most = heights(&rate).into_iter().fold(0.0, f64::max);
    let shade = |(from, to, text): &(u64, u64, String)| Shade {
        from: seconds(*from),
        to: seconds(*to),
        text: text.clone(),
    };
    Lines {
        x: Axis::between("time, s", 0.0, seconds(interval_ms) * rows.len() as f64),
        panels: vec![
            Panel {
                y: Axis::from_zero("answered puts/s", most),
                series: vec![series("puts/s", rate)],
            },
            Panel {
                y: Axis::logarithmic("latency, ms", lowest.min(highest), highest),
                series: vec![series("latency p50", p50), series("latency p99", p99)],
            },
        ],
        shades: times.iter().map(shade).collect(),
    }
}

/// Milliseconds as seconds.
pub(super) fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1e3
}
