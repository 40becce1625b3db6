//! What do failovers lose, and how much does that depend on how far a backup was behind?

use super::{Axis, Chart, Lines, Panel, Picture, Point, Series, Style};
use crate::bench::outage::LossSet;
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
    let spread = Spread::of(&lost);
    let most = lost.iter().copied().fold(0.0, f64::max);
    let some = lost.iter().filter(|&&lost| lost > 0.0).count();
    let safe_lost: u64 = safe.iter().map(|kill| kill.lost).sum();
    let semi_sync = match safe.len() {
        0 => String::new(),
        count => format!("; semi-sync lost {safe_lost} in {count} kills"),
    };
    let series = |mode: &str| Series {
        name: mode.to_string(),
        style: Style::Marks,
        points: kills(mode)
            .iter()
            .map(|kill| Point::new(kill.lag_ms, kill.lost as f64))
            .collect(),
    };
    let lag = lossy.iter().map(|kill| kill.lag_ms).fold(0.0, f64::max);
    let rates: Vec<f64> = lossy
        .iter()
        .map(|kill| kill.acknowledged_per_second)
        .collect();
    Some(Chart {
        name: "lost-writes".to_string(),
        title: format!(
            "Async: {some} of {} kills of an owner lost acknowledged writes, {} at most (median {}){semi_sync}",
            lost.len(),
            thousands(most as u64),
            thousands(spread.median as u64),
        ),
        subtitle: format!(
            "each mark is one kill, at {} acknowledged puts/s (median); each acknowledged row was asked for afterwards",
            thousands(Spread::of(&rates).median as u64)
        ),
        note: machine(&set.host),
        command: set.command.clone(),
        picture: Picture::Lines(Lines {
            x: Axis::from_zero(
                "replication lag: age of the oldest lost write at the kill, ms",
                lag,
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
        "client and nodes on one machine: {} processors, {gigabytes:.0} GB, {}",
        host.processors, host.system
    )
}
