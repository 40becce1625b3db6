//! How many rounds does an election take as clusters grow?

use super::source::ElectionSet;
use super::{Axis, Chart, Lines, Panel, Picture, Point, Series, Style};
use crate::text::thousands;

pub(super) fn chart(set: &ElectionSet) -> Option<Chart> {
    let nodes: Vec<f64> = {
        let all = set.series.iter().flat_map(|series| series.points.iter());
        let mut nodes: Vec<f64> = all
            .map(|point| point.nodes)
            .filter(|&nodes| nodes >= 1.0)
            .collect();
        nodes.sort_by(f64::total_cmp);
        nodes.dedup();
        nodes
    };
    let largest = *nodes.last()?;
    let first = set.series.first()?;
    let mean = first
        .points
        .iter()
        .find(|point| point.nodes == largest)?
        .rounds
        .mean;
    let mut series: Vec<Series> = set
        .series
        .iter()
        .map(|series| Series {
            name: format!("{}, mean", series.name),
            style: Style::Marked,
            points: series
                .points
                .iter()
                .map(|point| Point::new(point.nodes, point.rounds.mean))
                .collect(),
        })
        .collect();
    series.push(Series {
        name: "log2 N".to_string(),
        style: Style::Reference,
        points: nodes
            .iter()
            .map(|&nodes| Point::new(nodes, nodes.log2()))
            .collect(),
    });
    let tops = series
        .iter()
        .flat_map(|series| series.points.iter().map(Point::top));
    let highest = tops.fold(0.0, f64::max);
    let relation = mean / largest.log2().max(1.0);
    Some(Chart {
        name: "election-rounds".to_string(),
        title: format!(
            "An election of {} nodes takes {mean:.1} rounds on average: {relation:.1} times log2 N",
            thousands(largest as u64)
        ),
        subtitle: "rounds of the bully tournament until a master is elected, simulated".to_string(),
        note: set.command.clone(),
        command: set.command.clone(),
        picture: Picture::Lines(Lines {
            x: Axis::values("nodes (N)", &nodes),
            panels: vec![Panel {
                y: Axis::from_zero("rounds", highest),
                series,
            }],
            shades: Vec::new(),
        }),
    })
}
