//! Groups of bars, with their values written at them.

use super::frame::{self, Entry, Room, Sample};
use crate::charts::look::{AXIS, INK, LABEL, SMALL, hand};
use crate::charts::shape::{Anchor, Shape, width, wrap};
use crate::charts::{Bars, Chart, Group, Standing};
use crate::text::thousands;

pub(super) fn lay_out(chart: &Chart, bars: &Bars) -> Vec<Shape> {
    let mut shapes = Vec::new();
    let legend: Vec<Entry> = bars
        .names
        .iter()
        .enumerate()
        .map(|(number, name)| Entry {
            name: name.clone(),
            sample: Sample::Box(hand(number)),
        })
        .collect();
    let room = frame::around(chart, &legend, &mut shapes);
    let inner = frame::within(room, &bars.y, "names below");
    frame::vertical(inner, &bars.y, room.left, &mut shapes);
    let wide = inner.width() / bars.groups.len().max(1) as f64;
    for (number, group) in bars.groups.iter().enumerate() {
        let left = inner.left + wide * number as f64;
        let own = Room {
            left: left + wide * 0.12,
            right: left + wide * 0.88,
            ..inner
        };
        match bars.standing {
            Standing::Beside => beside(bars, group, own, &mut shapes),
            Standing::Stacked => stacked(bars, group, own, &mut shapes),
        }
        let middle = left + wide / 2.0;
        for (line, words) in wrap(&group.name, LABEL, wide - 6.0).iter().enumerate() {
            let at = (middle, inner.bottom + 16.0 + line as f64 * LABEL * 1.15);
            shapes.push(frame::text(words, at, Anchor::Middle, LABEL, false));
        }
    }
    shapes
}

fn beside(bars: &Bars, group: &Group, own: Room, shapes: &mut Vec<Shape>) {
    // Bars of few groups would be planks.
    let most = group.bars.len().max(1) as f64;
    let wide = (own.width() / most).min(90.0);
    let begin = f64::midpoint(own.left, own.right) - wide * most / 2.0;
    for (number, bar) in group.bars.iter().enumerate() {
        let Some(bar) = bar else { continue };
        let left = begin + wide * number as f64 + 1.5;
        let room = Room {
            left,
            right: left + wide - 3.0,
            top: own.y(&bars.y, bar.y),
            ..own
        };
        shapes.push(Shape::Area {
            corners: room.corners(),
            colour: hand(number).colour,
            opacity: 1.0,
        });
        let middle = f64::midpoint(room.left, room.right);
        if let Some((lower, upper)) = bar.quartiles {
            shapes.push(Shape::Line {
                points: vec![
                    (middle, own.y(&bars.y, lower)),
                    (middle, own.y(&bars.y, upper)),
                ],
                colour: INK,
                width: 1.5,
                dash: None,
            });
        }
        let words = written(bar.y, bars.digits);
        let size = if width(&words, SMALL) > wide - 2.0 {
            SMALL * (wide - 2.0) / width(&words, SMALL)
        } else {
            SMALL
        };
        let at = (middle, own.y(&bars.y, bar.top()) - 10.0);
        shapes.push(frame::text(&words, at, Anchor::Middle, size, false));
    }
}

fn stacked(bars: &Bars, group: &Group, own: Room, shapes: &mut Vec<Shape>) {
    let middle = f64::midpoint(own.left, own.right);
    let half = (own.width() / 2.0).min(45.0);
    let mut below = 0.0;
    for (number, bar) in group.bars.iter().enumerate() {
        let Some(bar) = bar else { continue };
        let room = Room {
            left: middle - half,
            right: middle + half,
            top: own.y(&bars.y, below + bar.y),
            bottom: own.y(&bars.y, below),
        };
        shapes.push(Shape::Area {
            corners: room.corners(),
            colour: hand(number).colour,
            opacity: 1.0,
        });
        shapes.push(Shape::Line {
            points: vec![(room.left, room.top), (room.right, room.top)],
            colour: AXIS,
            width: 0.5,
            dash: None,
        });
        below += bar.y;
    }
    let at = (middle, own.y(&bars.y, below) - 10.0);
    shapes.push(frame::text(
        &written(below, bars.digits),
        at,
        Anchor::Middle,
        SMALL,
        false,
    ));
}

fn written(value: f64, digits: usize) -> String {
    if digits == 0 {
        thousands(value.round() as u64)
    } else {
        format!("{value:.digits$}")
    }
}
