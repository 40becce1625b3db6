//! What is around every picture: title, subtitle, legend, axes and note.

use crate::charts::look::{
    AXIS, GRID, HEIGHT, Hand, INK, LABEL, MARGIN, QUIET_INK, SMALL, SUBTITLE, TITLE, WIDTH,
};
use crate::charts::shape::{Anchor, Place, Shape, Text, width, wrap};
use crate::charts::{Axis, Chart};

/// A part of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Room {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Room {
    /// Where a value of the horizontal axis lies.
    pub(super) fn x(&self, axis: &Axis, value: f64) -> f64 {
        self.left + (self.right - self.left) * axis.place(value)
    }

    /// Where a value of the vertical axis lies.
    pub(super) fn y(&self, axis: &Axis, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * axis.place(value)
    }

    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn corners(&self) -> Vec<Place> {
        vec![
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
        ]
    }
}

pub(super) fn text(words: &str, at: Place, anchor: Anchor, size: f64, quiet: bool) -> Shape {
    Shape::Text(Text {
        text: words.to_string(),
        at,
        anchor,
        size,
        colour: if quiet { QUIET_INK } else { INK },
    })
}

/// How a series is shown in the legend.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) sample: Sample,
}

/// What stands before the name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sample {
    Line(Hand),
    MarkedLine(Hand),
    Mark(Hand),
    Box(Hand),
    Reference,
}

const SAMPLE: f64 = 30.0;
const GAP: f64 = 22.0;

/// Draws title, subtitle, legend and note; gives the room that is left.
pub(super) fn around(chart: &Chart, legend: &[Entry], shapes: &mut Vec<Shape>) -> Room {
    let limit = WIDTH - 2.0 * MARGIN;
    let mut y = MARGIN + TITLE * 0.4;
    for line in wrap(&chart.title, TITLE, limit) {
        shapes.push(text(&line, (MARGIN, y), Anchor::Begin, TITLE, false));
        y += TITLE * 1.25;
    }
    for line in wrap(&chart.subtitle, SUBTITLE, limit) {
        shapes.push(text(&line, (MARGIN, y), Anchor::Begin, SUBTITLE, true));
        y += SUBTITLE * 1.3;
    }
    y += 6.0;
    let mut x = MARGIN;
    if legend.len() > 1 {
        for entry in legend {
            let wide = SAMPLE + 7.0 + width(&entry.name, LABEL);
            if x > MARGIN && x + wide > WIDTH - MARGIN {
                x = MARGIN;
                y += LABEL * 1.4;
            }
            sample(entry.sample, (x, y), shapes);
            shapes.push(text(
                &entry.name,
                (x + SAMPLE + 7.0, y),
                Anchor::Begin,
                LABEL,
                false,
            ));
            x += wide + GAP;
        }
        y += LABEL * 1.2;
    }
    let note = HEIGHT - 14.0;
    shapes.push(text(
        &chart.note,
        (MARGIN, note),
        Anchor::Begin,
        SMALL - 2.0,
        true,
    ));
    Room {
        left: MARGIN,
        top: y,
        right: WIDTH - MARGIN,
        bottom: note - 14.0,
    }
}

fn sample(sample: Sample, (x, y): Place, shapes: &mut Vec<Shape>) {
    let line = |hand: Hand| Shape::Line {
        points: vec![(x, y), (x + SAMPLE, y)],
        colour: hand.colour,
        width: 2.5,
        dash: hand.dash,
    };
    let mark = |hand: Hand| Shape::Point {
        at: (x + SAMPLE / 2.0, y),
        mark: hand.mark,
        colour: hand.colour,
        radius: 5.0,
    };
    match sample {
        Sample::Line(hand) => shapes.push(line(hand)),
        Sample::MarkedLine(hand) => shapes.extend([line(hand), mark(hand)]),
        Sample::Mark(hand) => shapes.push(mark(hand)),
        Sample::Reference => shapes.push(Shape::Line {
            points: vec![(x, y), (x + SAMPLE, y)],
            colour: AXIS,
            width: 1.5,
            dash: Some((2.0, 3.0)),
        }),
        Sample::Box(hand) => {
            let room = Room {
                left: x + 10.0,
                top: y - 7.0,
                right: x + SAMPLE,
                bottom: y + 7.0,
            };
            shapes.push(Shape::Area {
                corners: room.corners(),
                colour: hand.colour,
                opacity: 1.0,
            });
        }
    }
}

/// Room within `room` for what is drawn, with the axes around it.
pub(super) fn within(room: Room, y: &Axis, x_text: &str) -> Room {
    let widest = y
        .ticks
        .iter()
        .map(|(_, words)| width(words, SMALL))
        .fold(0.0, f64::max);
    let below = if x_text.is_empty() { 24.0 } else { 44.0 };
    Room {
        left: room.left + widest + 10.0,
        top: room.top + LABEL + 8.0,
        right: room.right - 8.0,
        bottom: room.bottom - below,
    }
}

/// Draws a vertical axis with its grid, its text above it.
pub(super) fn vertical(inner: Room, axis: &Axis, outer_left: f64, shapes: &mut Vec<Shape>) {
    let mut free_below = f64::INFINITY;
    for (value, words) in &axis.ticks {
        let y = inner.y(axis, *value);
        let colour = if *value == axis.from { AXIS } else { GRID };
        shapes.push(Shape::Line {
            points: vec![(inner.left, y), (inner.right, y)],
            colour,
            width: 1.0,
            dash: None,
        });
        // Numbers never stand on each other.
        if free_below - y >= SMALL * 1.15 {
            free_below = y;
            shapes.push(text(words, (inner.left - 8.0, y), Anchor::End, SMALL, true));
        }
    }
    let at = (outer_left, inner.top - LABEL);
    shapes.push(text(&axis.text, at, Anchor::Begin, SMALL, true));
}

/// Draws a horizontal axis below `inner`, with its text.
pub(super) fn horizontal(inner: Room, axis: &Axis, shapes: &mut Vec<Shape>) {
    let mut free_after = f64::NEG_INFINITY;
    for (value, words) in &axis.ticks {
        let x = inner.x(axis, *value);
        shapes.push(Shape::Line {
            points: vec![(x, inner.bottom), (x, inner.bottom + 5.0)],
            colour: AXIS,
            width: 1.0,
            dash: None,
        });
        let half = width(words, SMALL) / 2.0;
        if x - half >= free_after {
            free_after = x + half + 8.0;
            shapes.push(text(
                words,
                (x, inner.bottom + 15.0),
                Anchor::Middle,
                SMALL,
                true,
            ));
        }
    }
    shapes.push(Shape::Line {
        points: vec![(inner.left, inner.bottom), (inner.right, inner.bottom)],
        colour: AXIS,
        width: 1.0,
        dash: None,
    });
    let at = (f64::midpoint(inner.left, inner.right), inner.bottom + 34.0);
    shapes.push(text(&axis.text, at, Anchor::Middle, SMALL, true));
}
