//! Figures of a run, from its operations and faults.

mod availability;
mod effect;
mod latency;
mod series;

use std::collections::BTreeMap;

use kensho_checker::history::Kind;
use serde::{Deserialize, Serialize};

pub use availability::{Availability, Outage, Recovery};
pub use effect::{Effect, FaultTime};
pub use latency::{LatencyByPhase, Quantiles, write_latency_log};
pub use series::{Series, SeriesRow};

use crate::sample::Sample;

/// A fault's time, in nanoseconds since the run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultSpan {
    /// When it began.
    pub start_ns: u64,
    /// When everything was undone.
    pub end_ns: u64,
}

/// What the figures are computed from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The operations of the main phase.
    pub samples: &'a [Sample],
    /// The faults that were applied, in order.
    pub faults: &'a [FaultSpan],
    /// Names of the operations that the workload performs.
    pub operations: &'a [&'static str],
    /// How many partitions there are.
    pub partitions: u32,
    /// How long the main phase lasted, nanoseconds.
    pub length_ns: u64,
    /// Operations per second that were wanted; none if clients did as many as they could.
    pub rate: Option<f64>,
}

/// A part of a run, as its faults divide it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before the first fault; all of a run without faults.
    Before,
    /// While a fault lasts.
    During,
    /// Between two faults.
    Between,
    /// After the last fault.
    After,
}

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 4] = [Phase::Before, Phase::During, Phase::Between, Phase::After];

    /// The phase at a time.
    pub fn at(faults: &[FaultSpan], time_ns: u64) -> Phase {
        let next = faults.partition_point(|fault| fault.end_ns < time_ns);
        match faults.get(next) {
            Some(fault) if fault.start_ns <= time_ns => Phase::During,
            Some(_) if next > 0 => Phase::Between,
            None if next > 0 => Phase::After,
            _ => Phase::Before,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Before => "before",
            Phase::During => "during",
            Phase::Between => "between",
            Phase::After => "after",
        }
    }
}

/// How many operations ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeCounts {
    /// They happened.
    pub ok: u64,
    /// They had no effect.
    pub fail: u64,
    /// Nobody knows.
    pub info: u64,
}

impl OutcomeCounts {
    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Ok => self.ok += 1,
            Kind::Fail => self.fail += 1,
            Kind::Info | Kind::Invoke => self.info += 1,
        }
    }

    /// All of them.
    pub fn total(self) -> u64 {
        self.ok + self.fail + self.info
    }
}

/// How fast operations were to begin, and how fast they did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Operations per second that were wanted.
    pub wanted: f64,
    /// Operations per second that clients began.
    pub reached: f64,
}

impl Pace {
    /// The part of the wanted rate that clients must reach for latencies to be those of the database
    /// alone.
    const ENOUGH: f64 = 0.95;

    /// Whether clients did not keep up: latencies then tell of too few clients as well.
    pub fn falls_short(self) -> bool {
        self.reached < Pace::ENOUGH * self.wanted
    }
}

/// All figures of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How long the main phase lasted, milliseconds.
    pub length_ms: u64,
    /// Operations by name and outcome.
    pub operations: BTreeMap<String, OutcomeCounts>,
    /// Successes by phase and name: what shows that nothing passes because nothing happened.
    pub succeeded: BTreeMap<Phase, BTreeMap<String, u64>>,
    /// Answered operations per second, by phase.
    pub throughput: BTreeMap<Phase, f64>,
    /// Latency of answered operations from their intended beginning, milliseconds.
    pub latency_ms: LatencyByPhase,
    /// Operations per second that were wanted, and that clients reached; none if they did as many as
    /// they could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
    /// The longest time in which nothing at all was answered, milliseconds.
    pub unavailable_ms_max: f64,
    /// Outages and recoveries.
    pub availability: Availability,
    /// Throughput and latency over time.
    pub series: Series,
}

impl Figures {
    /// Computes them.
    pub fn of(input: Input<'_>) -> Figures {
        let mut operations: BTreeMap<String, OutcomeCounts> = BTreeMap::new();
        let mut succeeded: BTreeMap<Phase, BTreeMap<String, u64>> = BTreeMap::new();
        let mut answered: BTreeMap<Phase, u64> = BTreeMap::new();
        for &f in input.operations {
            operations.insert(f.to_string(), OutcomeCounts::default());
        }
        for (phase, _) in phase_seconds(input.faults, input.length_ns) {
            let none = input
                .operations
                .iter()
                .map(|f| (f.to_string(), 0))
                .collect();
            succeeded.insert(phase, none);
            answered.insert(phase, 0);
        }
        for sample in input.samples {
            operations
                .entry(sample.f.to_string())
                .or_default()
                .add(sample.kind);
            let phase = Phase::at(input.faults, sample.complete_ns);
            if sample.kind == Kind::Ok {
                *succeeded
                    .entry(phase)
                    .or_default()
                    .entry(sample.f.to_string())
                    .or_default() += 1;
            }
            if sample.served {
                *answered.entry(phase).or_default() += 1;
            }
        }
        let seconds = phase_seconds(input.faults, input.length_ns);
        let rate = |(phase, count): (Phase, u64)| {
            let seconds = seconds
                .get(&phase)
                .copied()
                .filter(|&seconds| seconds > 0.0)?;
            Some((phase, round(count as f64 / seconds)))
        };
        let availability = Availability::of(input);
        Figures {
            length_ms: input.length_ns / 1_000_000,
            operations,
            succeeded,
            throughput: answered.into_iter().filter_map(rate).collect(),
            latency_ms: LatencyByPhase::of(input),
            pace: input.rate.map(|wanted| Pace {
                wanted: round(wanted),
                reached: round(
                    input.samples.len() as f64 / (input.length_ns as f64 / 1e9).max(0.001),
                ),
            }),
            unavailable_ms_max: availability.overall.ms,
            availability,
            series: Series::of(input),
        }
    }

    /// Answers per second, on average over the whole run.
    pub fn answers_per_second(&self) -> f64 {
        let answered: u64 = self.series.rows.iter().map(|row| row.served).sum();
        round(answered as f64 / (self.length_ms as f64 / 1e3).max(0.001))
    }

    /// All operations.
    pub fn operation_count(&self) -> u64 {
        self.operations.values().map(|counts| counts.total()).sum()
    }
}

/// How long each phase lasted; phases that did not occur are missing.
fn phase_seconds(faults: &[FaultSpan], length_ns: u64) -> BTreeMap<Phase, f64> {
    let mut nanoseconds: BTreeMap<Phase, u64> = BTreeMap::new();
    let mut at = 0;
    for fault in faults {
        let quiet = if at == 0 {
            Phase::Before
        } else {
            Phase::Between
        };
        *nanoseconds.entry(quiet).or_default() += fault.start_ns.saturating_sub(at);
        *nanoseconds.entry(Phase::During).or_default() += fault.end_ns - fault.start_ns;
        at = fault.end_ns;
    }
    let last = if faults.is_empty() {
        Phase::Before
    } else {
        Phase::After
    };
    *nanoseconds.entry(last).or_default() += length_ns.saturating_sub(at);
    nanoseconds
        .into_iter()
        .map(|(phase, ns)| (phase, ns as f64 / 1e9))
        .collect()
}

/// Milliseconds with three digits after the point: enough for people, and files stay readable.
fn milliseconds(ns: u64) -> f64 {
    (ns / 1_000) as f64 / 1_000.0
}

fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests;
