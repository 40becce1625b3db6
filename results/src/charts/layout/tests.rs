//! Every kind of picture, laid out: nothing overlaps and nothing leaves the picture.

use super::lay_out;
use crate::charts::golden;
use crate::charts::look::{HEIGHT, WIDTH};
use crate::charts::shape::{Shape, Text};
use crate::charts::{Chart, Source, all};

fn charts() -> Vec<Chart> {
    all(&golden::sources())
}

fn texts(shapes: &[Shape]) -> Vec<&Text> {
    let texts = shapes.iter().filter_map(|shape| match shape {
        Shape::Text(text) => Some(text),
        _ => None,
    });
    texts.collect()
}

#[test]
fn there_is_a_chart_for_every_question() {
    let names: Vec<String> = charts().into_iter().map(|chart| chart.name).collect();
    let expected = [
        "throughput",
        "ratio",
        "latency",
        "processor-time",
        "durability",
        "batches",
        "failover-time",
        "outage-owner",
        "catch-up",
        "lost-writes",
        "election-rounds",
    ];
    assert_eq!(names, expected);
    assert!(matches!(golden::sources()[0], Source::Bench(_)));
}

#[test]
fn no_words_stand_on_others() {
    for chart in charts() {
        let shapes = lay_out(&chart);
        let texts = texts(&shapes);
        for (number, one) in texts.iter().enumerate() {
            let (left, top, right, bottom) = one.bounds();
            for other in &texts[..number] {
                let (l, t, r, b) = other.bounds();
                let apart = right <= l || r <= left || bottom <= t || b <= top;
                assert!(apart, "{}: {:?} and {:?}", chart.name, one.text, other.text);
            }
        }
    }
}

#[test]
fn everything_is_within_the_picture() {
    for chart in charts() {
        for shape in lay_out(&chart) {
            let places = match &shape {
                Shape::Line { points, .. } => points.clone(),
                Shape::Area { corners, .. } => corners.clone(),
                Shape::Point { at, .. } => vec![*at],
                Shape::Text(text) => {
                    let (left, top, right, bottom) = text.bounds();
                    vec![(left, top), (right, bottom)]
                }
            };
            for (x, y) in places {
                let within = (0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y);
                assert!(within, "{}: {shape:?}", chart.name);
            }
        }
    }
}

#[test]
fn titles_state_what_the_data_say() {
    let charts = charts();
    let title = |name: &str| {
        let chart = charts.iter().find(|chart| chart.name == name);
        chart
            .unwrap_or_else(|| panic!("there is {name}"))
            .title
            .clone()
    };
    assert_eq!(
        title("throughput"),
        "With 64 connections: 40,000 puts/s with no backup, 28,000 semi-sync"
    );
    assert_eq!(
        title("ratio"),
        "No backup : async : semi-sync = 100 : 85 : 70 with 64 connections; the original tells 100 : 70 : 50"
    );
    assert_eq!(
        title("durability"),
        "Waiting for the disk leaves 60 % of the throughput with no backup"
    );
    assert_eq!(
        title("batches"),
        "Batches of 100 put 25 times as many rows per second as single puts"
    );
    assert_eq!(
        title("failover-time"),
        "After a kill, service is back within 0.60 s, half of the times within 0.45 s"
    );
    assert_eq!(
        title("outage-owner"),
        "Killing the owner makes puts wait for 0.42 s at most; back, it catches up in 1.5 s (2.0 MB/s)"
    );
    assert_eq!(
        title("lost-writes"),
        "When backups are 10 ms behind, an async failover loses 40 acknowledged writes (median); semi-sync loses none in 2 kills"
    );
    assert!(title("election-rounds").contains("8.0 rounds on average: 2.0 times log2 N"));
}
