//! How long are clients without service after a kill?

use std::collections::BTreeMap;

use super::source::FailoverTimes;
use super::{Axis, Chart, Picture, Strips};
use crate::bench::statistics::Spread;

pub(super) fn chart(times: &BTreeMap<String, FailoverTimes>) -> Option<Chart> {
    let all: Vec<f64> = times
        .values()
        .flat_map(|times| times.each_ms.iter().copied())
        .collect();
    let longest = all.iter().copied().fold(0.0, f64::max);
    if all.is_empty() {
        return None;
    }
    let median = Spread::of(&all).median;
    let mut rows: Vec<(String, Vec<f64>)> = times
        .iter()
        .map(|(what, times)| {
            let what = what.replace("owner and master", "owner and the master");
            (format!("kill of the {what}"), times.each_ms.clone())
        })
        .collect();
    rows.sort_by(|one, other| {
        f64::total_cmp(&Spread::of(&one.1).median, &Spread::of(&other.1).median)
    });
    Some(Chart {
        name: "failover-time".to_string(),
        title: format!(
            "After a kill, service is back within {:.2} s, half of the times within {:.2} s",
            longest / 1e3,
            median / 1e3
        ),
        subtitle: format!(
            "{} kills; longest time without an answer from a partition that the killed node owned",
            all.len()
        ),
        note: "5 nodes, 3 replicas, semi-sync, heartbeat 100 ms".to_string(),
        command: "make failover".to_string(),
        picture: Picture::Strips(Strips {
            x: Axis::from_zero("time without service, ms", longest),
            rows,
        }),
    })
}
