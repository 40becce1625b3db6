//! Outages, and how long recovery took.
//!
//! A partition is *out* from the last answer until the next one, but only as long as somebody
//! asked: where all clients wait for another partition, nobody knows about this one. So an outage
//! begins at the later of the last answer and the beginning of the oldest operation that was open
//! after it.

use serde::{Deserialize, Serialize};

use super::{FaultSpan, Input, milliseconds};
use crate::sample::Sample;

/// A time without an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// When it began, milliseconds since the run began.
    pub from_ms: f64,
    /// How long it lasted, milliseconds.
    pub ms: f64,
    /// Whether it still lasted when the run ended.
    pub open: bool,
}

/// How long clients felt a fault.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// The fault, by its place among those that were applied.
    pub fault: usize,
    /// When it began, milliseconds since the run began.
    #[serde(default)]
    pub began_ms: f64,
    /// When everything was undone, milliseconds since the run began.
    pub healed_ms: f64,
    /// From its beginning (or from when a partition fell silent, if that was much later) until every
    /// partition answered again, milliseconds; none if one never did.
    pub ms: Option<f64>,
    /// The partition that was last.
    pub partition: Option<u32>,
}

/// Outages and recoveries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    /// The longest time in which no partition answered.
    pub overall: Outage,
    /// The longest outage of each partition.
    pub partitions: Vec<Outage>,
    /// All outages of each partition that a person would notice.
    pub noticeable: Vec<Vec<Outage>>,
    /// After each fault that was applied.
    pub recoveries: Vec<Recovery>,
    /// The slowest recovery, milliseconds; none if there was none, or if one never came.
    pub recovery_ms_max: Option<f64>,
}

/// Shorter outages are not kept one by one, milliseconds.
const NOTICEABLE_MS: f64 = 200.0;
/// An outage that begins so long after a fault was undone may still be its doing, milliseconds.
const AFTERMATH_MS: f64 = 1_000.0;

impl Availability {
    pub(super) fn of(input: Input<'_>) -> Availability {
        let all = Answers::of(input.samples.iter());
        let partitions: Vec<Answers> = (0..input.partitions)
            .map(|id| Answers::of(input.samples.iter().filter(|sample| sample.partition == id)))
            .collect();
        let outages: Vec<Vec<Outage>> = partitions
            .iter()
            .map(|answers| answers.outages(input.length_ns))
            .collect();
        let noticeable: Vec<Vec<Outage>> = outages
            .iter()
            .map(|outages| {
                let long = |outage: &&Outage| outage.ms >= NOTICEABLE_MS;
                outages.iter().filter(long).copied().collect()
            })
            .collect();
        let next_begins = |fault: usize| match input.faults.get(fault + 1) {
            Some(next) => milliseconds(next.start_ns),
            None => f64::INFINITY,
        };
        let recoveries: Vec<Recovery> = (0..)
            .zip(input.faults)
            .map(|(fault, span)| {
                recovery(fault, *span, next_begins(fault), &partitions, &noticeable)
            })
            .collect();
        let slowest = recoveries.iter().map(|recovery| recovery.ms);
        Availability {
            overall: longest(&all.outages(input.length_ns)),
            partitions: outages.iter().map(|outages| longest(outages)).collect(),
            noticeable,
            recovery_ms_max: slowest
                .reduce(|one, other| Some(one?.max(other?)))
                .flatten(),
            recoveries,
        }
    }
}

fn longest(outages: &[Outage]) -> Outage {
    outages
        .iter()
        .copied()
        .max_by(|one, other| one.ms.total_cmp(&other.ms))
        .unwrap_or_default()
}

/// Outages of several partitions that overlap are one time in which not every partition answered. The
/// first one counts from the fault's beginning, unless it began much later; the longest is told. Where
/// no partition was silent for long, the slowest first answer after the beginning is.
fn recovery(
    fault: usize,
    span: FaultSpan,
    next_begins_ms: f64,
    partitions: &[Answers],
    noticeable: &[Vec<Outage>],
) -> Recovery {
    let (began_ms, healed_ms) = (milliseconds(span.start_ns), milliseconds(span.end_ns));
    let recovery = |ms, partition| Recovery {
        fault,
        began_ms,
        healed_ms,
        ms,
        partition,
    };
    let begins_before = (healed_ms + AFTERMATH_MS).min(next_begins_ms);
    let all = (0_u32..)
        .zip(noticeable)
        .flat_map(|(id, outages)| outages.iter().map(move |one| (id, *one)));
    let mut brought: Vec<(u32, Outage)> = all
        .filter(|(_, outage)| {
            outage.from_ms + outage.ms > began_ms && outage.from_ms < begins_before
        })
        .collect();
    brought.sort_by(|(_, one), (_, other)| one.from_ms.total_cmp(&other.from_ms));
    let mut slowest: (f64, Option<u32>) = (0.0, None);
    for ((id, answers), outages) in (0_u32..).zip(partitions).zip(noticeable) {
        let answered = answers.until_answer(span.start_ns);
        let never = answered.is_none() && answers.asked_after(span.start_ns);
        if never
            || outages
                .iter()
                .any(|outage| outage.open && outage.from_ms < begins_before)
        {
            return recovery(None, Some(id));
        }
        if let Some(ms) = answered.map(milliseconds).filter(|ms| *ms >= slowest.0) {
            slowest = (ms, Some(id));
        }
    }
    // From when until when not every partition has answered.
    let (mut from_ms, mut until_ms) = (began_ms, began_ms + AFTERMATH_MS.min(healed_ms - began_ms));
    for (id, outage) in brought {
        if outage.from_ms > until_ms {
            from_ms = outage.from_ms;
        }
        until_ms = until_ms.max(outage.from_ms + outage.ms);
        let ms = outage.from_ms + outage.ms - from_ms;
        if ms >= slowest.0 {
            slowest = (ms, Some(id));
        }
    }
    recovery(Some(slowest.0), slowest.1)
}

/// When one partition (or the whole cluster) answered, and what was asked meanwhile.
struct Answers {
    /// Times of answers, in order.
    answered: Vec<u64>,
    /// All operations by their completion, each with the earliest beginning of those that
    /// completed no earlier.
    asked: Vec<(u64, u64)>,
}

impl Answers {
    fn of<'a>(samples: impl Iterator<Item = &'a Sample>) -> Answers {
        let mut answered = Vec::new();
        let mut asked: Vec<(u64, u64)> = Vec::new();
        for sample in samples {
            asked.push((sample.complete_ns, sample.invoke_ns));
            if sample.served {
                answered.push(sample.complete_ns);
            }
        }
        answered.sort_unstable();
        asked.sort_unstable();
        let mut earliest = u64::MAX;
        for (_, invoke) in asked.iter_mut().rev() {
            earliest = earliest.min(*invoke);
            *invoke = earliest;
        }
        Answers { answered, asked }
    }

    /// The beginning of the oldest operation that was open after `time`.
    fn asked_since(&self, time: u64) -> Option<u64> {
        let next = self
            .asked
            .partition_point(|&(complete, _)| complete <= time);
        self.asked.get(next).map(|&(_, invoke)| invoke.max(time))
    }

    fn asked_after(&self, time: u64) -> bool {
        self.asked_since(time).is_some()
    }

    /// From `time`, or from when somebody asked after it, until the next answer.
    fn until_answer(&self, time: u64) -> Option<u64> {
        let next = self.answered.partition_point(|&at| at < time);
        let answer = *self.answered.get(next)?;
        Some(answer.saturating_sub(self.asked_since(time)?.min(answer)))
    }

    fn outages(&self, end_ns: u64) -> Vec<Outage> {
        let mut outages = Vec::new();
        let mut last = 0;
        for &answer in &self.answered {
            let from = self
                .asked_since(last)
                .map_or(answer, |asked| asked.min(answer));
            outages.push(Outage {
                from_ms: milliseconds(from),
                ms: milliseconds(answer - from),
                open: false,
            });
            last = answer;
        }
        if let Some(from) = self.asked_since(last).filter(|&from| from < end_ns) {
            let (from_ms, ms) = (milliseconds(from), milliseconds(end_ns - from));
            outages.push(Outage {
                from_ms,
                ms,
                open: true,
            });
        }
        outages
    }
}
