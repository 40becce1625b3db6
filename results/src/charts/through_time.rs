//! Throughput above latency over time, with what went on shaded: the picture of outages and of
//! catch-ups.

use super::{Axis, Lines, Panel, Point, Series, Shade, Style};
use crate::bench::absence::{Absence, Latency, Row};

/// The whole time; what to call the one in which the node was away, and the one in which it was
/// brought in sync.
pub(super) fn lines(absence: &Absence, away: &str, catching_up: &str) -> Lines {
    let (rows, interval) = (&absence.rows, seconds(absence.interval_ms));
    let at = |row: usize| interval * (row as f64 + 0.5);
    let points = |figure: &dyn Fn(&Row) -> f64| {
        let all = rows.iter().enumerate();
        all.map(|(number, row)| Point::new(at(number), figure(row)))
            .collect::<Vec<_>>()
    };
    let latency = |figure: &dyn Fn(&Latency) -> f64| {
        let all = points(&|row| figure(&row.latency));
        all.into_iter()
            .filter(|point| point.y > 0.0)
            .collect::<Vec<_>>()
    };
    let series = |name: &str, points| Series {
        name: name.to_string(),
        style: Style::Line,
        points,
    };
    let rate = points(&|row| row.answered as f64 / interval);
    let p50 = latency(&|latency| latency.p50_ms);
    let p99 = latency(&|latency| latency.p99_ms);
    let heights = |points: &[Point]| points.iter().map(|point| point.y).collect::<Vec<_>>();
    let lowest = heights(&p50).into_iter().fold(f64::INFINITY, f64::min);
    let highest = heights(&p99).into_iter().fold(0.0, f64::max);
    let most = heights(&rate).into_iter().fold(0.0, f64::max);
    let shade = |from, to, text: &str| Shade {
        from: seconds(from),
        to: seconds(to),
        text: text.to_string(),
    };
    Lines {
        x: Axis::between("time, s", 0.0, interval * rows.len() as f64),
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
        shades: vec![
            shade(absence.killed_ms, absence.started_ms, away),
            shade(absence.started_ms, absence.whole_ms, catching_up),
        ],
    }
}

/// Milliseconds as seconds.
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1e3
}
