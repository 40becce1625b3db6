//! The latencies of each window as an interval log of HDR histograms (`.hlog`), which the tools of
//! HdrHistogram read.

use std::io::Write;
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow};
use hdrhistogram::serialization::V2Serializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::experiment::WindowLatency;

/// Writes them; tags are the contestants.
///
/// # Errors
/// If it cannot be written.
pub fn write(output: &mut impl Write, windows: &[WindowLatency], began: SystemTime) -> Result<()> {
    let mut serializer = V2Serializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("latency in nanoseconds; tags are contestants")
        .with_start_time(began)
        .with_base_time(began)
        .with_max_value_divisor(1e6)
        .begin_log_with(output, &mut serializer)
        .context("cannot write the latency log")?;
    for window in windows {
        let tag = tag(&window.name);
        let begin = window.end.saturating_sub(window.length);
        log.write_histogram(&window.latency, begin, window.length, Tag::new(&tag))
            .map_err(|error| anyhow!("cannot write the latency log: {error:?}"))?;
    }
    Ok(())
}

/// A name without the characters that mean something in the log.
fn tag(name: &str) -> String {
    name.replace(", ", "-").replace([' ', ','], "-")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::bench::window::histogram;

    #[test]
    fn each_window_is_an_interval_with_its_contestant() {
        let window = |name: &str, end: u64| {
            let mut latency = histogram();
            latency.record(1_000).unwrap();
            WindowLatency {
                name: name.to_string(),
                end: Duration::from_secs(end),
                length: Duration::from_secs(1),
                latency,
            }
        };
        let windows = [window("none", 1), window("semi-sync, 2 backups", 2)];
        let mut log = Vec::new();
        write(&mut log, &windows, SystemTime::UNIX_EPOCH).unwrap();
        let tags: Vec<String> = IntervalLogIterator::new(&log)
            .filter_map(|entry| match entry.unwrap() {
                LogEntry::Interval(interval) => Some(interval.tag().unwrap().as_str().to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(tags, ["none", "semi-sync-2-backups"]);
    }
}
