//! What do clients notice while a node is killed, away, and catching up?

use super::loss::machine;
use super::through_time;
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
    let absence = &outage.absence;
    let catching_up = absence.catch_up_seconds();
    let megabytes = outage.caught_up_bytes as f64 / 1e6;
    let victim = &outage.victim;
    Chart {
        name: format!("outage-{}", victim.replace(' ', "-")),
        title: format!(
            "Killing the {victim} makes puts wait for {:.2} s at most; back, it catches up in {catching_up:.1} s ({:.1} MB/s)",
            absence.longest_wait_ms() / 1e3,
            megabytes / catching_up.max(0.001)
        ),
        subtitle: format!(
            "{}; {} puts begun per second; latency from the intended beginning",
            outage.text,
            thousands(absence.rate.round() as u64)
        ),
        note: machine(&set.host),
        command: set.command.clone(),
        picture: Picture::Lines(through_time::lines(
            absence,
            &format!("{victim} killed"),
            "catching up",
        )),
    }
}
