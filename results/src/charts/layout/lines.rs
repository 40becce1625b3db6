//! Lines in one panel or several, with shaded times.

use super::frame::{self, Entry, Room, Sample};
use crate::charts::look::{AXIS, Hand, LABEL, SHADE, SMALL, hand};
use crate::charts::shape::{Anchor, Place, Shape, width};
use crate::charts::{Chart, Lines, Panel, Series, Style};

const BETWEEN_PANELS: f64 = 6.0;

pub(super) fn lay_out(chart: &Chart, lines: &Lines) -> Vec<Shape> {
    let mut shapes = Vec::new();
    let mut number = 0;
    let mut hands: Vec<Vec<Hand>> = Vec::new();
    let mut legend = Vec::new();
    for panel in &lines.panels {
        hands.push(Vec::new());
        for series in &panel.series {
            let hand = hand(number);
            if series.style != Style::Reference {
                number += 1;
            }
            hands.last_mut().expect("it was pushed").push(hand);
            let sample = match series.style {
                Style::Marked => Sample::MarkedLine(hand),
                Style::Line => Sample::Line(hand),
                Style::Marks => Sample::Mark(hand),
                Style::Reference => Sample::Reference,
            };
            legend.push(Entry {
                name: series.name.clone(),
                sample,
            });
        }
    }
    let room = frame::around(chart, &legend, &mut shapes);
    let count = lines.panels.len().max(1) as f64;
    let height = (room.bottom - room.top) / count;
    // All panels begin at the same place, so that times stand above each other.
    let insides = lines
        .panels
        .iter()
        .map(|panel| frame::within(room, &panel.y, "").left);
    let left = insides.fold(room.left, f64::max);
    for (place, (panel, hands)) in lines.panels.iter().zip(&hands).enumerate() {
        let last = place + 1 == lines.panels.len();
        let top = room.top + height * place as f64;
        let own = Room {
            top,
            bottom: top + height - BETWEEN_PANELS,
            ..room
        };
        let words = if last { &lines.x.text[..] } else { "" };
        let mut inner = frame::within(own, &panel.y, words);
        inner.left = left;
        if !last {
            inner.bottom += 14.0;
        }
        self::panel(
            lines,
            panel,
            hands,
            inner,
            room.left,
            place == 0,
            &mut shapes,
        );
        if last {
            frame::horizontal(inner, &lines.x, &mut shapes);
        }
    }
    shapes
}

fn panel(
    lines: &Lines,
    panel: &Panel,
    hands: &[Hand],
    inner: Room,
    outer_left: f64,
    shades_named: bool,
    shapes: &mut Vec<Shape>,
) {
    for (number, shade) in lines.shades.iter().enumerate() {
        let (left, right) = (inner.x(&lines.x, shade.from), inner.x(&lines.x, shade.to));
        let room = Room {
            left,
            right: right.max(left + 1.0),
            ..inner
        };
        shapes.push(Shape::Area {
            corners: room.corners(),
            colour: SHADE,
            // Neighbours differ.
            opacity: if number % 2 == 0 { 0.16 } else { 0.07 },
        });
    }
    frame::vertical(inner, &panel.y, outer_left, shapes);
    if shades_named {
        // Above the panel, beside the axis' text: no line passes there.
        let mut free_after = outer_left + width(&panel.y.text, SMALL) + 6.0;
        for shade in &lines.shades {
            let left = inner.x(&lines.x, shade.from);
            if left >= free_after && left + width(&shade.text, SMALL) <= inner.right {
                free_after = left + width(&shade.text, SMALL) + 6.0;
                let at = (left, inner.top - LABEL);
                shapes.push(frame::text(&shade.text, at, Anchor::Begin, SMALL, true));
            }
        }
    }
    for (series, hand) in panel.series.iter().zip(hands) {
        self::series(lines, panel, series, *hand, inner, shapes);
    }
}

fn series(
    lines: &Lines,
    panel: &Panel,
    series: &Series,
    hand: Hand,
    inner: Room,
    shapes: &mut Vec<Shape>,
) {
    let at = |x: f64, y: f64| -> Place { (inner.x(&lines.x, x), inner.y(&panel.y, y)) };
    let points: Vec<Place> = series
        .points
        .iter()
        .map(|point| at(point.x, point.y))
        .collect();
    for point in &series.points {
        if let Some((lower, upper)) = point.quartiles {
            shapes.push(Shape::Line {
                points: vec![at(point.x, lower), at(point.x, upper)],
                colour: hand.colour,
                width: 1.5,
                dash: None,
            });
        }
    }
    if series.style != Style::Marks && points.len() > 1 {
        let reference = series.style == Style::Reference;
        shapes.push(Shape::Line {
            points: points.clone(),
            colour: if reference { AXIS } else { hand.colour },
            width: if reference { 1.5 } else { 2.5 },
            dash: if reference {
                Some((2.0, 3.0))
            } else {
                hand.dash
            },
        });
    }
    if matches!(series.style, Style::Marked | Style::Marks) {
        for at in points {
            shapes.push(Shape::Point {
                at,
                mark: hand.mark,
                colour: hand.colour,
                radius: 5.0,
            });
        }
    }
}
