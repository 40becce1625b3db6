//! A picture of a cycle of transactions: a ring of boxes with an arrow for each dependency.

use super::html::escape;
use crate::report::Anomaly;
use std::f64::consts::TAU;
use std::fmt::Write;

/// How many transactions a ring can show.
const MEMBERS_MAX: usize = 16;

/// The picture of an anomaly's cycle; empty if it has none, or one that is too long for a ring.
pub(super) fn draw(anomaly: &Anomaly) -> String {
    let count = anomaly.cycle.len();
    if !(2..=MEMBERS_MAX).contains(&count) || anomaly.operations.len() < count {
        return String::new();
    }
    let radius = if count == 2 {
        120.0
    } else {
        70.0 + 26.0 * count as f64
    };
    let (box_width, box_height) = (116.0, 40.0);
    let width = 2.0 * radius + box_width + 24.0;
    let angle =
        |at: usize| TAU * at as f64 / count as f64 - if count == 2 { TAU / 2.0 } else { TAU / 4.0 };
    // A ring of three does not reach as far down as up.
    let lowest = (0..count).map(|at| angle(at).sin()).fold(0.0, f64::max);
    let (above, below) = if count == 2 {
        (95.0, 95.0)
    } else {
        let edge = box_height / 2.0 + 30.0;
        (radius + edge, radius * lowest + edge)
    };
    let height = above + below;
    let place = |at: usize| {
        let (sin, cos) = angle(at).sin_cos();
        (width / 2.0 + radius * cos, above + radius * sin)
    };
    let mut svg = String::new();
    let _ = write!(
        svg,
        r#"<svg class="cycle" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-label="{}"><defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z"/></marker></defs>"#,
        escape(&anomaly.text)
    );
    for edge in &anomaly.cycle {
        let (from, to) = (place(edge.from), place(edge.to));
        // A bow outwards; the ends are cut off where the boxes begin.
        let (mx, my) = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt().max(1.0);
        let bow = if count == 2 { 62.0 } else { 24.0 };
        let (bx, by) = (mx + dy / length * bow, my - dx / length * bow);
        let start = clip(from, (bx, by), box_width, box_height);
        let end = clip(to, (bx, by), box_width + 8.0, box_height + 8.0);
        let _ = write!(
            svg,
            r#"<g class="edge {kind}"><title>{}</title><path d="M{:.1} {:.1}Q{bx:.1} {by:.1} {:.1} {:.1}" marker-end="url(#arrow)"/><text x="{:.1}" y="{:.1}">{kind}</text></g>"#,
            escape(&edge.why),
            start.0,
            start.1,
            end.0,
            end.1,
            (mx + bx) / 2.0 + dy / length * 17.0,
            (my + by) / 2.0 - dx / length * 17.0 + 4.0,
            kind = edge.kind,
        );
    }
    for at in 0..count {
        let (x, y) = place(at);
        let view = &anomaly.operations[at];
        let _ = write!(
            svg,
            r#"<g class="transaction"><title>{}</title><rect x="{:.1}" y="{:.1}" width="{box_width}" height="{box_height}" rx="9"/><text class="name" x="{x:.1}" y="{:.1}">T{}</text><text class="who" x="{x:.1}" y="{:.1}">process {}</text></g>"#,
            escape(&view.to_string()),
            x - box_width / 2.0,
            y - box_height / 2.0,
            y - 2.0,
            view.invoke,
            y + 13.0,
            escape(&view.process),
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Where the line from the middle of a box towards a point leaves the box.
fn clip(middle: (f64, f64), towards: (f64, f64), width: f64, height: f64) -> (f64, f64) {
    let (dx, dy) = (towards.0 - middle.0, towards.1 - middle.1);
    let scale = (width / 2.0 / dx.abs().max(0.001))
        .min(height / 2.0 / dy.abs().max(0.001))
        .min(1.0);
    (middle.0 + dx * scale, middle.1 + dy * scale)
}
