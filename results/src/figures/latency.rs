//! Latencies: quantiles by phase, and the log of HDR histograms.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2Serializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use serde::{Deserialize, Serialize};

use super::{Input, Phase, milliseconds};
use crate::sample::Sample;

/// Quantiles of latency, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// How many operations.
    pub count: u64,
    /// Half of them were faster.
    pub p50: f64,
    /// 90 of 100 were faster.
    pub p90: f64,
    /// 99 of 100 were faster.
    pub p99: f64,
    /// 999 of 1000 were faster.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

impl Quantiles {
    fn of(histogram: &Histogram<u64>) -> Quantiles {
        let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
        Quantiles {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: milliseconds(histogram.max()),
        }
    }
}

/// Latency of answered operations from their intended beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyByPhase {
    /// Of all.
    #[serde(flatten)]
    pub all: Quantiles,
    /// Of all, from when a client really began: without the time for which operations waited for one.
    #[serde(default)]
    pub service: Quantiles,
    /// By phase of the run.
    pub phases: BTreeMap<Phase, Quantiles>,
    /// By name of the operation.
    pub operations: BTreeMap<String, Quantiles>,
}

/// A histogram of nanoseconds with three digits, of any range.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are allowed")
}

pub(super) fn latency_ns(sample: &Sample) -> u64 {
    sample.complete_ns.saturating_sub(sample.intended_ns)
}

pub(super) fn record(histogram: &mut Histogram<u64>, sample: &Sample) {
    // A histogram that grows takes every value.
    let _ = histogram.record(latency_ns(sample).max(1));
}

impl LatencyByPhase {
    pub(super) fn of(input: Input<'_>) -> LatencyByPhase {
        let (mut all, mut service) = (histogram(), histogram());
        let mut phases: BTreeMap<Phase, Histogram<u64>> = BTreeMap::new();
        let mut operations: BTreeMap<String, Histogram<u64>> = BTreeMap::new();
        for sample in input.samples.iter().filter(|sample| sample.served) {
            let phase = Phase::at(input.faults, sample.complete_ns);
            record(&mut all, sample);
            let begun = Sample {
                intended_ns: sample.invoke_ns,
                ..*sample
            };
            record(&mut service, &begun);
            record(phases.entry(phase).or_insert_with(histogram), sample);
            record(
                operations
                    .entry(sample.f.to_string())
                    .or_insert_with(histogram),
                sample,
            );
        }
        LatencyByPhase {
            all: Quantiles::of(&all),
            service: Quantiles::of(&service),
            phases: phases
                .iter()
                .map(|(&phase, h)| (phase, Quantiles::of(h)))
                .collect(),
            operations: operations
                .iter()
                .map(|(f, h)| (f.clone(), Quantiles::of(h)))
                .collect(),
        }
    }
}

/// Writes latencies as an interval log: one histogram (nanoseconds) for each second and operation.
///
/// # Errors
/// If it cannot be written.
pub fn write_latency_log(
    output: &mut impl Write,
    samples: &[Sample],
    began: SystemTime,
) -> Result<()> {
    let mut seconds: BTreeMap<(u64, &str), Histogram<u64>> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.served) {
        let second = (sample.complete_ns / 1_000_000_000, sample.f);
        record(seconds.entry(second).or_insert_with(histogram), sample);
    }
    let mut serializer = V2Serializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment(
            "latency from intended beginning to completion, nanoseconds; tags are operations",
        )
        .with_start_time(began)
        .with_base_time(began)
        .with_max_value_divisor(1e6)
        .begin_log_with(output, &mut serializer)
        .context("cannot write the latency log")?;
    for ((second, f), histogram) in &seconds {
        let (begin, length) = (Duration::from_secs(*second), Duration::from_secs(1));
        log.write_histogram(histogram, begin, length, Tag::new(f))
            .map_err(|error| anyhow::anyhow!("cannot write the latency log: {error:?}"))?;
    }
    Ok(())
}
