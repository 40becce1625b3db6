//! Rows of single values: each value a dot, the median a line.

use super::frame::{self, Room};
use crate::bench::statistics::Spread;
use crate::charts::look::{INK, LABEL, hand};
use crate::charts::shape::{Anchor, Shape, width};
use crate::charts::{Chart, Strips};

pub(super) fn lay_out(chart: &Chart, strips: &Strips) -> Vec<Shape> {
    let mut shapes = Vec::new();
    let room = frame::around(chart, &[], &mut shapes);
    let widest = strips
        .rows
        .iter()
        .map(|(name, _)| width(name, LABEL))
        .fold(0.0, f64::max);
    let inner = Room {
        left: room.left + widest + 16.0,
        right: room.right - 16.0,
        top: room.top,
        bottom: room.bottom - 44.0,
    };
    frame::horizontal(inner, &strips.x, &mut shapes);
    let height = (inner.bottom - inner.top) / strips.rows.len().max(1) as f64;
    for (number, (name, values)) in strips.rows.iter().enumerate() {
        let middle = inner.top + height * (number as f64 + 0.5);
        shapes.push(frame::text(
            name,
            (room.left, middle),
            Anchor::Begin,
            LABEL,
            false,
        ));
        for (place, value) in values.iter().enumerate() {
            // Spread over the row by the golden ratio, so that equal values are seen as several.
            let spread = (place as f64 * 0.618_034).fract() - 0.5;
            let hand = hand(number);
            shapes.push(Shape::Point {
                at: (inner.x(&strips.x, *value), middle + spread * height * 0.5),
                mark: hand.mark,
                colour: hand.colour,
                radius: 4.5,
            });
        }
        let median = Spread::of(values).median;
        let x = inner.x(&strips.x, median);
        shapes.push(Shape::Line {
            points: vec![(x, middle - height * 0.36), (x, middle + height * 0.36)],
            colour: INK,
            width: 2.0,
            dash: None,
        });
        let words = format!("median {median:.0} ms");
        let at = (x, middle - height * 0.36 - 8.0);
        shapes.push(frame::text(&words, at, Anchor::Middle, LABEL - 2.0, true));
    }
    shapes
}
