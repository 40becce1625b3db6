//! Where everything stands: a chart as shapes. Nothing here knows of SVG or PNG.

mod bars;
mod frame;
mod lines;
mod strips;

use super::shape::Shape;
use super::{Chart, Picture};

/// The shapes of a chart, in the order in which they are painted.
pub(super) fn lay_out(chart: &Chart) -> Vec<Shape> {
    match &chart.picture {
        Picture::Lines(lines) => lines::lay_out(chart, lines),
        Picture::Bars(bars) => bars::lay_out(chart, bars),
        Picture::Strips(strips) => strips::lay_out(chart, strips),
    }
}

#[cfg(test)]
mod tests;
