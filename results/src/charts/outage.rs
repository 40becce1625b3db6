//! What do clients notice while a node is killed, away, and catching up?

use super::loss::machine;
use super::through_time::{self, seconds};
use super::{Chart, Picture};
use crate::bench::outage::{Outage, OutageSet};
use crate::text::thousands;

pub(super) fn charts(set: &OutageSet) -> Vec<Chart> {
    set.outages
        .iter()
        .map(|outage| chart(set, outage))
        .collect()
}

fn chart(set: &OutageSet, outage: &Outage) -> Chart {
    let catching_up = seconds(outage.whole_ms.saturating_sub(outage.started_ms));
    let megabytes = outage.caught_up_bytes as f64 / 1e6;
    let victim = &outage.victim;
    let times = [
        (
            outage.killed_ms,
            outage.started_ms,
            format!("{victim} killed"),
        ),
        (
            outage.started_ms,
            outage.whole_ms,
            "catching up".to_string(),
        ),
    ];
    Chart {
        name: format!("outage-{}", victim.replace(' ', "-")),
        title: format!(
            "Killing the {victim} makes puts wait for {:.2} s at most; back, it catches up in {catching_up:.1} s ({:.1} MB/s)",
            outage.longest_wait_ms() / 1e3,
            megabytes / catching_up.max(0.001)
        ),
        subtitle: format!(
            "{}; {} puts begun per second; latency from the intended beginning",
            outage.text,
            thousands(outage.rate.round() as u64)
        ),
        note: machine(&set.host),
        command: set.command.clone(),
        picture: Picture::Lines(through_time::lines(
            &outage.rows,
            outage.interval_ms,
            &times,
        )),
    }
}
