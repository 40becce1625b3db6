//! What do failovers lose, and how much does that depend on how far a backup was behind?

use super::{Axis, Chart, Lines, Panel, Picture, Point, Series, Style};
use crate::bench::loss::LossSet;
use crate::bench::statistics::Spread;
use crate::run::Host;
use crate::text::thousands;

pub(super) fn chart(set: &LossSet) -> Option<Chart> {
    let kills = |mode: &str| {
        let all = set.series.iter().filter(|series| series.mode == mode);
        all.flat_map(|series| series.kills.iter().copied())
            .collect::<Vec<_>>()
    };
    let (lossy, safe) = (kills("async"), kills("semi-sync"));
    let lost: Vec<f64> = lossy.iter().map(|kill| kill.lost as f64).collect();
    if lost.is_empty() {
        return None;
    }
    let most = lost.iter().copied().fold(0.0, f64::max);
    let longest = lossy
        .iter()
        .map(|kill| kill.link_delay_ms)
        .fold(0.0, f64::max);
    let with = |delay: f64| {
        let kills = lossy.iter().filter(|kill| kill.link_delay_ms == delay);
        let lost: Vec<f64> = kills.map(|kill| kill.lost as f64).collect();
        thousands(Spread::of(&lost).median.round() as u64)
    };
    let safe_lost: u64 = safe.iter().map(|kill| kill.lost).sum();
    let semi_sync = match (safe.len(), safe_lost) {
        (0, _) => String::new(),
        (count, 0) => format!("; semi-sync loses none in {count} kills"),
        (count, lost) => format!("; semi-sync LOST {lost} in {count} kills"),
    };
    let series = |mode: &str| Series {
        name: mode.to_string(),
        style: Style::Marks,
        points: kills(mode)
            .iter()
            .map(|kill| Point::new(kill.link_delay_ms, kill.lost as f64))
            .collect(),
    };
    let rates: Vec<f64> = lossy
        .iter()
        .map(|kill| kill.acknowledged_per_second)
        .collect();
    Some(Chart {
        name: "lost-writes".to_string(),
        title: format!(
            "When backups are {longest:.0} ms behind, an async failover loses {} acknowledged writes (median){semi_sync}",
            with(longest)
        ),
        subtitle: format!(
            "each mark: a kill of an owner at {} acknowledged puts/s (median); what was under way to its backups is lost with it; every row was asked for",
            thousands(Spread::of(&rates).median.round() as u64)
        ),
        note: machine(&set.host),
        command: set.command.clone(),
        picture: Picture::Lines(Lines {
            x: Axis::from_zero(
                "replication lag: time under way from owner to backup, ms",
                longest,
            ),
            panels: vec![Panel {
                y: Axis::from_zero("acknowledged writes lost", most),
                series: vec![series("async"), series("semi-sync")],
            }],
            shades: Vec::new(),
        }),
    })
}

/// The machine in a few words.
pub(super) fn machine(host: &Host) -> String {
    let gigabytes = (host.memory_bytes as f64 / 1e9).round();
    format!(
        "client and nodes on one machine: {} processors, {gigabytes:.0} GB, {}, {}",
        host.processors, host.system, host.disk
    )
}
