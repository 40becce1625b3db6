//! What does replication cost? Throughput, latency and processor time of the modes, side by side.

use super::loss::machine;
use super::{Axis, Bars, Chart, Group, Lines, Panel, Picture, Point, Series, Standing, Style};
use crate::bench::statistics::Spread;
use crate::bench::{BenchSet, Contestant, Experiment, Round};
use crate::text::thousands;

/// What the original published for none, async and semi-sync, in this order.
const ORIGINAL: [(&str, f64); 3] = [("none", 100.0), ("async", 70.0), ("semi-sync", 50.0)];
/// The connections at which modes are compared.
const FULL: usize = 64;

pub(super) fn charts(set: &BenchSet) -> Vec<Chart> {
    let charts = [
        throughput(set),
        ratios(set),
        latency(set),
        processor(set),
        durability(set),
        batches(set),
    ];
    charts.into_iter().flatten().collect()
}

fn chart(set: &BenchSet, name: &str, title: String, subtitle: String, picture: Picture) -> Chart {
    Chart {
        name: name.to_string(),
        title,
        subtitle,
        note: format!("{}; {}", machine(&set.host), set.began),
        command: set.command.clone(),
        picture,
    }
}

/// Experiments with single puts of as many connections as can do, by their number.
fn by_connections(set: &BenchSet) -> Vec<&Experiment> {
    let mut found: Vec<&Experiment> = set
        .experiments
        .iter()
        .filter(|experiment| experiment.name.starts_with("connections "))
        .collect();
    found.sort_by_key(|experiment| experiment.load.connections);
    found
}

/// The experiment that compares modes at full load: the one of [`FULL`] connections, or the largest.
fn full(set: &BenchSet) -> Option<&Experiment> {
    let all = by_connections(set);
    let exactly = all
        .iter()
        .find(|experiment| experiment.load.connections == FULL);
    exactly.or(all.last()).copied()
}

/// Our clusters in an experiment, not what they are measured against.
fn clusters(experiment: &Experiment) -> impl Iterator<Item = &Contestant> {
    experiment
        .contestants
        .iter()
        .filter(|contestant| contestant.replication.is_some())
}

fn settings(experiment: &Experiment) -> String {
    let durability = clusters(experiment).find_map(|contestant| contestant.durability.clone());
    format!(
        "single puts of {} bytes, durability {}; medians and quartiles of {} rounds of {} ms, in turns",
        experiment.load.value_bytes,
        durability.unwrap_or_default(),
        experiment
            .contestants
            .first()
            .map_or(0, |contestant| contestant.rounds.len()),
        experiment.window_ms
    )
}

fn throughput(set: &BenchSet) -> Option<Chart> {
    let experiments = by_connections(set);
    let largest = full(set)?;
    let best = clusters(largest).map(|contestant| (contestant.rate().median, &contestant.name));
    let (most, name) = best.max_by(|one, other| one.0.total_cmp(&other.0))?;
    let series: Vec<Series> = clusters(largest)
        .map(|contestant| {
            let points = experiments.iter().filter_map(|experiment| {
                let rate = experiment.contestant(&contestant.name)?.rate();
                Some(Point::of(experiment.load.connections as f64, rate))
            });
            Series {
                name: spoken(&contestant.name),
                style: Style::Marked,
                points: points.collect(),
            }
        })
        .collect();
    let tops = series
        .iter()
        .flat_map(|series| series.points.iter().map(Point::top));
    let highest = tops.fold(0.0, f64::max);
    let connections: Vec<f64> = experiments
        .iter()
        .map(|experiment| experiment.load.connections as f64)
        .collect();
    let title = match largest.contestant("semi-sync") {
        Some(semi_sync) => format!(
            "With {} connections: {} puts/s with {}, {} semi-sync",
            largest.load.connections,
            thousands(most.round() as u64),
            spoken(name),
            thousands(semi_sync.rate().median.round() as u64)
        ),
        None => format!(
            "With {} connections: {} puts/s with {}",
            largest.load.connections,
            thousands(most.round() as u64),
            spoken(name)
        ),
    };
    let picture = Picture::Lines(Lines {
        x: Axis::values("connections", &connections),
        panels: vec![Panel {
            y: Axis::from_zero("puts/s", highest),
            series,
        }],
        shades: Vec::new(),
    });
    Some(chart(set, "throughput", title, settings(largest), picture))
}

fn spoken(name: &str) -> String {
    if name == "none" {
        "no backup".to_string()
    } else {
        name.to_string()
    }
}

fn ratios(set: &BenchSet) -> Option<Chart> {
    let experiments = by_connections(set);
    let largest = full(set)?;
    let none = largest.contestant("none")?;
    let of = |experiment: &Experiment, name: &str| -> Option<Spread> {
        let contestant = experiment.contestant(name)?;
        let ratios = contestant.ratios(experiment.contestant("none")?, Round::rate);
        let percent: Vec<f64> = ratios.into_iter().map(|ratio| ratio * 100.0).collect();
        Some(Spread::of(&percent))
    };
    let mut names: Vec<String> = vec!["original (published)".to_string()];
    names.extend(
        experiments
            .iter()
            .map(|experiment| match experiment.load.connections {
                1 => "1 connection".to_string(),
                count => format!("{count} connections"),
            }),
    );
    let groups: Vec<Group> = clusters(largest)
        .map(|contestant| {
            let original = ORIGINAL.iter().find(|(name, _)| *name == contestant.name);
            let mut bars = vec![original.map(|(_, percent)| Point::new(0.0, *percent))];
            bars.extend(experiments.iter().map(|experiment| {
                of(experiment, &contestant.name).map(|spread| match contestant.name == none.name {
                    true => Point::new(0.0, 100.0),
                    false => Point::of(0.0, spread),
                })
            }));
            Group {
                name: spoken(&contestant.name),
                bars,
            }
        })
        .collect();
    let told: Vec<String> = ORIGINAL
        .iter()
        .filter_map(|(name, _)| Some(format!("{:.0}", of(largest, name)?.median)))
        .collect();
    let tops = groups
        .iter()
        .flat_map(|group| group.bars.iter().flatten().map(Point::top));
    let highest = tops.fold(100.0, f64::max);
    let title = format!(
        "No backup : async : semi-sync = {} with {} connections; the original tells 100 : 70 : 50",
        told.join(" : "),
        largest.load.connections
    );
    let picture = Picture::Bars(Bars {
        y: Axis::from_zero("puts/s, no backup = 100", highest * 1.05),
        names,
        standing: Standing::Beside,
        digits: 0,
        groups,
    });
    Some(chart(set, "ratio", title, settings(largest), picture))
}

fn latency(set: &BenchSet) -> Option<Chart> {
    let open = set
        .experiments
        .iter()
        .find(|experiment| experiment.load.rate.is_some());
    let experiment = open.or_else(|| full(set))?;
    let series: Vec<Series> = clusters(experiment)
        .map(|contestant| Series {
            name: spoken(&contestant.name),
            style: Style::Line,
            points: contestant
                .latency_us
                .iter()
                .filter(|(share, _)| *share <= 0.9999)
                .map(|(share, us)| Point::new(*share, us / 1e3))
                .collect(),
        })
        .collect();
    let all = || {
        series
            .iter()
            .flat_map(|series| series.points.iter().map(|point| point.y))
    };
    let (lowest, highest) = (
        all().fold(f64::INFINITY, f64::min),
        all().fold(0.0, f64::max),
    );
    if highest == 0.0 {
        return None;
    }
    let told: Vec<String> = clusters(experiment)
        .filter_map(|contestant| {
            let ms = contestant.latency_at(0.99)? / 1e3;
            Some(format!("{ms:.1} ms ({})", spoken(&contestant.name)))
        })
        .take(3)
        .collect();
    let load = &experiment.load;
    let pace = match load.rate {
        Some(rate) => format!(
            "{} puts begun per second whatever their latency",
            thousands(rate as u64)
        ),
        None => format!("{} connections in a closed loop", load.connections),
    };
    let title = format!("99 % of puts take at most {}", told.join(", "));
    let picture = Picture::Lines(Lines {
        x: Axis::nines("share of puts answered by then"),
        panels: vec![Panel {
            y: Axis::logarithmic("latency, ms", lowest, highest),
            series,
        }],
        shades: Vec::new(),
    });
    let durability = clusters(experiment).find_map(|contestant| contestant.durability.clone());
    let subtitle = format!(
        "{pace}; values of {} bytes, durability {}",
        load.value_bytes,
        durability.unwrap_or_default()
    );
    Some(chart(set, "latency", title, subtitle, picture))
}

fn processor(set: &BenchSet) -> Option<Chart> {
    let experiment = full(set)?;
    let groups: Vec<Group> = clusters(experiment)
        .map(|contestant| Group {
            name: spoken(&contestant.name),
            bars: vec![
                Some(Point::new(0.0, contestant.server_cpu_us().median)),
                Some(Point::new(0.0, contestant.client_cpu_us().median)),
            ],
        })
        .collect();
    let sum = |group: &Group| group.bars.iter().flatten().map(|bar| bar.y).sum::<f64>();
    let highest = groups.iter().map(sum).fold(0.0, f64::max);
    let told: Vec<String> = groups
        .iter()
        .take(3)
        .map(|group| format!("{:.0} µs {}", sum(group), group.name))
        .collect();
    let title = format!("Processor time of a put: {}", told.join(", "));
    let picture = Picture::Bars(Bars {
        y: Axis::from_zero("processor time per put, µs", highest * 1.05),
        names: vec!["nodes".to_string(), "client".to_string()],
        standing: Standing::Stacked,
        digits: 0,
        groups,
    });
    let subtitle = format!(
        "single puts of {} bytes, {} connections, closed loop; medians",
        experiment.load.value_bytes, experiment.load.connections
    );
    Some(chart(set, "processor-time", title, subtitle, picture))
}

fn durability(set: &BenchSet) -> Option<Chart> {
    let experiment = set
        .experiments
        .iter()
        .find(|experiment| experiment.name == "durability")?;
    let find = |replication: &str, durability: &str| {
        clusters(experiment).find(|contestant| {
            contestant.replication.as_deref() == Some(replication)
                && contestant.durability.as_deref() == Some(durability)
        })
    };
    let settings = ["delayed", "sync"];
    let mut replications: Vec<&str> = Vec::new();
    for contestant in clusters(experiment) {
        let replication = contestant.replication.as_deref().unwrap_or_default();
        if !replications.contains(&replication) {
            replications.push(replication);
        }
    }
    let groups: Vec<Group> = replications
        .iter()
        .map(|replication| {
            let bar = |durability| Some(Point::of(0.0, find(replication, durability)?.rate()));
            Group {
                name: spoken(replication),
                bars: settings.map(bar).to_vec(),
            }
        })
        .collect();
    let first = replications.first()?;
    let share = find(first, "sync")?.ratios(find(first, "delayed")?, Round::rate);
    let title = format!(
        "Waiting for the disk leaves {:.0} % of the throughput with {}",
        Spread::of(&share).median * 100.0,
        spoken(first)
    );
    let tops = groups
        .iter()
        .flat_map(|group| group.bars.iter().flatten().map(Point::top));
    let picture = Picture::Bars(Bars {
        y: Axis::from_zero("puts/s", tops.fold(0.0, f64::max) * 1.05),
        names: settings.map(|name| format!("durability {name}")).to_vec(),
        standing: Standing::Beside,
        digits: 0,
        groups,
    });
    let subtitle = format!(
        "single puts of {} bytes, {} connections, closed loop; medians and quartiles",
        experiment.load.value_bytes, experiment.load.connections
    );
    Some(chart(set, "durability", title, subtitle, picture))
}

fn batches(set: &BenchSet) -> Option<Chart> {
    let experiment = set
        .experiments
        .iter()
        .find(|experiment| experiment.name == "batches")?;
    let single = experiment
        .contestants
        .iter()
        .find(|contestant| contestant.batch_rows == 1)?;
    let batched = experiment
        .contestants
        .iter()
        .max_by_key(|contestant| contestant.batch_rows)?;
    let times = Spread::of(&batched.ratios(single, Round::rate)).median;
    let groups: Vec<Group> = experiment
        .contestants
        .iter()
        .map(|contestant| Group {
            name: contestant.name.clone(),
            bars: vec![Some(Point::of(0.0, contestant.rate()))],
        })
        .collect();
    let tops = groups
        .iter()
        .flat_map(|group| group.bars.iter().flatten().map(Point::top));
    let picture = Picture::Bars(Bars {
        y: Axis::from_zero("rows/s", tops.fold(0.0, f64::max) * 1.05),
        names: vec!["rows/s".to_string()],
        standing: Standing::Beside,
        digits: 0,
        groups,
    });
    let title = format!(
        "Batches of {} put {times:.0} times as many rows per second as single puts",
        batched.batch_rows
    );
    let subtitle = format!(
        "no backup, {} connections, values of {} bytes; medians and quartiles",
        experiment.load.connections, experiment.load.value_bytes
    );
    Some(chart(set, "batches", title, subtitle, picture))
}
