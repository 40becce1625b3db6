//! How long does a node take to be in sync again that was away for long, and what do clients notice?

use super::loss::machine;
use super::through_time;
use super::{Chart, Picture};
use crate::bench::catch_up::CatchUpSet;
use crate::text::{duration_ms, thousands};

pub(super) fn chart(set: &CatchUpSet) -> Chart {
    let catch_up = &set.catch_up;
    let absence = &catch_up.absence;
    let (before, during) = (&catch_up.phases.before, &catch_up.phases.catching_up);
    Chart {
        name: "catch-up".to_string(),
        title: format!(
            "{:.0} MB of data images bring a node in sync again in {:.1} s ({:.1} MB/s); meanwhile 99 % of puts take {}, otherwise {}",
            catch_up.image_bytes as f64 / 1e6,
            absence.catch_up_seconds(),
            catch_up.megabytes_per_second(),
            duration_ms(during.latency.p99_ms),
            duration_ms(before.latency.p99_ms)
        ),
        subtitle: format!(
            "{}; {} puts begun per second (answered meanwhile: {}); medians: {} meanwhile, {} before; latency from the intended beginning",
            catch_up.text,
            thousands(absence.rate.round() as u64),
            thousands(during.per_second.round() as u64),
            duration_ms(during.latency.p50_ms),
            duration_ms(before.latency.p50_ms)
        ),
        note: machine(&set.host),
        command: set.command.clone(),
        picture: Picture::Lines(through_time::lines(
            absence,
            "node away",
            "data images sent",
        )),
    }
}
