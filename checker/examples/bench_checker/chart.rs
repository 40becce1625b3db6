//! The chart: time against the number of operations, one line for each number of clients.

use plotters::coord::ranged1d::{KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde_json::Value;
use std::error::Error;

const INK: RGBColor = RGBColor(29, 36, 48);
const SOFT: RGBColor = RGBColor(104, 113, 127);
const GRID: RGBColor = RGBColor(227, 225, 220);
const TONES: [RGBColor; 3] = [
    RGBColor(46, 139, 106),
    RGBColor(47, 111, 179),
    RGBColor(138, 91, 176),
];
const FONT: &str = "system-ui, sans-serif";

/// Powers of ten, evenly spaced.
struct Decades(i32, i32);

impl Ranged for Decades {
    type FormatOption = plotters::coord::ranged1d::NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (value.log10() - f64::from(self.0)) / f64::from(self.1 - self.0);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        (self.0..=self.1).map(|power| 10_f64.powi(power)).collect()
    }

    fn range(&self) -> std::ops::Range<f64> {
        10_f64.powi(self.0)..10_f64.powi(self.1)
    }
}

impl plotters::coord::ranged1d::ValueFormatter<f64> for Decades {
    fn format(value: &f64) -> String {
        value.to_string()
    }
}

/// Draws the rows that belong to the curve.
pub(crate) fn draw(rows: &Value, path: &str) -> Result<(), Box<dyn Error>> {
    let mut lines: std::collections::BTreeMap<u64, Vec<(f64, f64)>> = Default::default();
    for row in rows.as_array().into_iter().flatten() {
        let curve = row["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("curve-"));
        if let (true, Some(clients), Some(operations), Some(seconds)) = (
            curve,
            row["clients"].as_u64(),
            row["operations"].as_f64(),
            row["cpu_s"].as_f64(),
        ) {
            lines
                .entry(clients)
                .or_default()
                .push((operations, seconds * 1e3));
        }
    }
    let area = SVGBackend::new(path, (860, 520)).into_drawing_area();
    area.fill(&WHITE)?;
    let text = |size: i32, color: &RGBColor| (FONT, size).into_font().color(color);
    area.draw_text("Time for a verdict", &text(20, &INK), (28, 22))?;
    area.draw_text(
        "CPU time of one thread · one key, unique values, 5 % of all outcomes unknown · witness validated",
        &text(13, &SOFT),
        (28, 50),
    )?;
    let mut chart = ChartBuilder::on(&area)
        .margin_top(84)
        .margin_right(96)
        .margin_left(24)
        .margin_bottom(18)
        .x_label_area_size(44)
        .y_label_area_size(58)
        .build_cartesian_2d(Decades(3, 6), Decades(-2, 3))?;
    chart
        .configure_mesh()
        .axis_style(GRID)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .label_style(text(13, &SOFT))
        .x_label_formatter(&|operations| grouped(*operations as u64))
        .y_label_formatter(&|ms| format!("{ms} ms"))
        .x_desc("operations")
        .draw()?;
    let mut labels: Vec<(i32, String, RGBColor)> = Vec::new();
    for ((clients, points), tone) in lines.iter().zip(TONES) {
        chart.draw_series(LineSeries::new(
            points.iter().copied(),
            tone.stroke_width(2),
        ))?;
        chart.draw_series(
            points
                .iter()
                .map(|point| Circle::new(*point, 4, tone.filled())),
        )?;
        if let Some(last) = points.last() {
            let (_, y) = chart.backend_coord(last);
            let client = if *clients == 1 { "client" } else { "clients" };
            labels.push((y, format!("{clients} {client}"), tone));
        }
    }
    // Where lines end close to each other, their names are moved apart.
    labels.sort_by_key(|(y, ..)| *y);
    for at in 1..labels.len() {
        labels[at].0 = labels[at].0.max(labels[at - 1].0 + 18);
    }
    for (y, label, tone) in labels {
        let style = text(13, &tone).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw_text(&label, &style, (860 - 96 + 10, y))?;
    }
    area.present()?;
    Ok(())
}

/// A number with a space between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}
