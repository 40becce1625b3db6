//! Charts: what measurements say, as pictures with the same look everywhere.
//!
//! From data to picture in three steps, each a value: data files are recognised ([`source`]), the
//! questions asked of them give [`Chart`]s, whose titles state the finding in words computed from
//! the data (one file per question), and a chart is laid out as shapes (`layout`), painted as SVG
//! and PNG (`paint`). Each picture has its chart as JSON beside it. No font of the system is
//! needed: the one used for PNG, and for measuring text, is part of the program.

mod axis;
mod bench;
mod catch_up;
mod election;
mod failover;
#[cfg(test)]
mod golden;
mod layout;
mod look;
mod loss;
mod outage;
mod paint;
mod shape;
pub mod source;
mod through_time;

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

pub use axis::{Axis, Scale};
pub use source::Source;

/// A picture, as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// The name of its files.
    pub name: String,
    /// What it shows, in a sentence.
    pub title: String,
    /// What was measured, and how.
    pub subtitle: String,
    /// Where the data comes from: the machine.
    pub note: String,
    /// The command that measured it.
    pub command: String,
    /// What is drawn.
    pub picture: Picture,
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picture {
    /// Lines over one horizontal axis, in one panel or several.
    Lines(Lines),
    /// Groups of bars.
    Bars(Bars),
    /// Rows of single values.
    Strips(Strips),
}

/// Lines over one horizontal axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// The horizontal axis.
    pub x: Axis,
    /// One above the other.
    pub panels: Vec<Panel>,
    /// Parts of the horizontal axis that are shaded.
    pub shades: Vec<Shade>,
}

/// Lines with one vertical axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn.
    pub series: Vec<Series>,
}

/// Points that belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// How it is drawn.
    pub style: Style,
    /// The points, in order.
    pub points: Vec<Point>,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Each with a mark, and a line through them.
    Marked,
    /// A line only: there are many.
    Line,
    /// Marks only.
    Marks,
    /// A thin grey line: something to compare with.
    Reference,
}

/// A point, with the quartiles of what it is the median of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Horizontally.
    pub x: f64,
    /// Vertically.
    pub y: f64,
    /// The quartiles, if it is a median.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quartiles: Option<(f64, f64)>,
}

/// A part of the horizontal axis that is shaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shade {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// What was then.
    pub text: String,
}

/// Groups of bars, from zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bars {
    /// The vertical axis.
    pub y: Axis,
    /// The names of a group's bars.
    pub names: Vec<String>,
    /// How the bars of a group stand.
    pub standing: Standing,
    /// Digits after the point of the values that are written at bars.
    pub digits: usize,
    /// The groups.
    pub groups: Vec<Group>,
}

/// How the bars of a group stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Side by side.
    Beside,
    /// One on top of the other.
    Stacked,
}

/// A group of bars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// What they are of.
    pub name: String,
    /// A value for each of the names, where there is one; its x is not used.
    pub bars: Vec<Option<Point>>,
}

/// Rows of single values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strips {
    /// The horizontal axis.
    pub x: Axis,
    /// The rows: name and values.
    pub rows: Vec<(String, Vec<f64>)>,
}

impl Point {
    /// A point without quartiles.
    pub fn new(x: f64, y: f64) -> Point {
        Point {
            x,
            y,
            quartiles: None,
        }
    }

    /// The median of several numbers.
    pub fn of(x: f64, spread: crate::bench::statistics::Spread) -> Point {
        Point {
            x,
            y: spread.median,
            quartiles: Some((spread.lower_quartile, spread.upper_quartile)),
        }
    }

    /// The highest that is drawn of it.
    pub(crate) fn top(&self) -> f64 {
        self.quartiles
            .map_or(self.y, |(_, upper)| upper.max(self.y))
    }
}

impl Chart {
    /// Writes `name.svg`, `name.png` and `name.json` to `folder`.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let shapes = layout::lay_out(self);
        let path = |ending: &str| folder.join(format!("{}.{ending}", self.name));
        let write = |ending: &str, bytes: &[u8]| {
            let path = path(ending);
            std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
        };
        write("svg", paint::svg(&shapes)?.as_bytes())?;
        write("png", &paint::png(&shapes)?)?;
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        write("json", &json)
    }
}

/// All charts that these data give.
pub fn all(sources: &[Source]) -> Vec<Chart> {
    let mut charts = Vec::new();
    for source in sources {
        match source {
            Source::Bench(set) => charts.extend(bench::charts(set)),
            Source::Failover(times) => charts.extend(failover::chart(times)),
            Source::Outage(set) => charts.extend(outage::charts(set)),
            Source::CatchUp(set) => charts.push(catch_up::chart(set)),
            Source::Election(set) => charts.extend(election::chart(set)),
            Source::Loss(set) => charts.extend(loss::chart(set)),
        }
    }
    charts
}

#[cfg(test)]
pub(crate) use golden::bench_set as golden_bench_set;
