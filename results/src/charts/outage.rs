//! What do clients notice while a node is killed, away, and catching up?

use super::loss::machine;
use super::{Axis, Chart, Lines, Panel, Picture, Point, Series, Shade, Style};
use crate::bench::outage::{Outage, OutageSet};

pub(super) fn charts(set: &OutageSet) -> Vec<Chart> {
    set.outages
        .iter()
        .map(|outage| chart(set, outage))
        .collect()
}

fn chart(set: &OutageSet, outage: &Outage) -> Chart {
    let seconds = |ms: u64| ms as f64 / 1e3;
    let at = |row: usize| seconds(outage.interval_ms) * (row as f64 + 0.5);
    let points = |figure: &dyn Fn(usize) -> f64| {
        let all = (0..outage.rows.len()).map(|row| Point::new(at(row), figure(row)));
        all.collect::<Vec<_>>()
    };
    let rate = points(&|row| outage.per_second(&outage.rows[row]));
    let latency = |figure: &dyn Fn(usize) -> f64| {
        let all = points(figure);
        all.into_iter()
            .filter(|point| point.y > 0.0)
            .collect::<Vec<_>>()
    };
    let p50 = latency(&|row| outage.rows[row].p50_ms);
    let p99 = latency(&|row| outage.rows[row].p99_ms);
    let lowest = p50
        .iter()
        .map(|point| point.y)
        .fold(f64::INFINITY, f64::min);
    let highest = p99.iter().map(|point| point.y).fold(0.0, f64::max);
    let most = rate.iter().map(|point| point.y).fold(0.0, f64::max);
    let catching_up = seconds(outage.whole_ms.saturating_sub(outage.started_ms));
    let megabytes = outage.caught_up_bytes as f64 / 1e6;
    let victim = &outage.victim;
    Chart {
        name: format!("outage-{}", victim.replace(' ', "-")),
        title: format!(
            "Killing the {victim} makes puts wait for {:.2} s at most; back, it catches up in {catching_up:.1} s ({:.1} MB/s)",
            outage.longest_wait_ms() / 1e3,
            megabytes / catching_up.max(0.001)
        ),
        subtitle: format!(
            "{}; {:.0} puts begun per second; latency from the intended beginning",
            outage.text, outage.rate
        ),
        note: machine(&set.host),
        command: set.command.clone(),
        picture: Picture::Lines(Lines {
            x: Axis::between(
                "time, s",
                0.0,
                at(outage.rows.len()) - seconds(outage.interval_ms) / 2.0,
            ),
            panels: vec![
                Panel {
                    y: Axis::from_zero("answered puts/s", most),
                    series: vec![Series {
                        name: "puts/s".to_string(),
                        style: Style::Line,
                        points: rate,
                    }],
                },
                Panel {
                    y: Axis::logarithmic("latency, ms", lowest.min(highest), highest),
                    series: vec![
                        Series {
                            name: "latency p50".to_string(),
                            style: Style::Line,
                            points: p50,
                        },
                        Series {
                            name: "latency p99".to_string(),
                            style: Style::Line,
                            points: p99,
                        },
                    ],
                },
            ],
            shades: vec![
                Shade {
                    from: seconds(outage.killed_ms),
                    to: seconds(outage.started_ms),
                    text: format!("{victim} killed"),
                },
                Shade {
                    from: seconds(outage.started_ms),
                    to: seconds(outage.whole_ms),
                    text: "catching up".to_string(),
                },
            ],
        }),
    }
}
