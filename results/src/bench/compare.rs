//! Two sets of measurements side by side, with a verdict only where the difference exceeds the noise.
//!
//! Absolute times of two days on two machines say nothing about the program, so only ratios within
//! an experiment are compared: what a contestant does for each thing that the first one does, round
//! by round. The rule: a ratio has changed if the 95 % intervals of its median in the two sets (see
//! [`Interval`]) have nothing in common, and the medians differ by more than [`START_NOISE`].
//! Otherwise there is no verdict.

use super::statistics::{Interval, Spread};
use super::{BenchSet, Contestant, Experiment, Round};

/// Two starts of the same programs differ by so much although all rounds of each agree: memory,
/// ports and partitions lie differently.
pub const START_NOISE: f64 = 0.05;

/// What became of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is better than before.
    Better,
    /// It is worse than before.
    Worse,
    /// The difference is within the noise.
    Noise,
}

/// One figure in both sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The experiment.
    pub experiment: String,
    /// The figure, in words.
    pub figure: String,
    /// The median before.
    pub before: f64,
    /// The median now.
    pub now: f64,
    /// The verdict.
    pub change: Change,
}

/// Which of two figures is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    Higher,
    Lower,
}

/// All figures that are in both sets.
pub fn compare(before: &BenchSet, now: &BenchSet) -> Vec<Compared> {
    let mut all = Vec::new();
    for experiment in &now.experiments {
        let Some(earlier) = before.experiment(&experiment.name) else {
            continue;
        };
        let (Some(base), Some(base_before)) =
            (experiment.contestants.first(), earlier.contestants.first())
        else {
            continue;
        };
        if base.name != base_before.name || experiment.load != earlier.load {
            continue;
        }
        for contestant in &experiment.contestants[1..] {
            let Some(contestant_before) = earlier.contestant(&contestant.name) else {
                continue;
            };
            let figure = |what: &str, better, of: &dyn Fn(&Round) -> f64| {
                let ratios = |one: &Contestant, base: &Contestant| one.ratios(base, of);
                figure(
                    experiment,
                    format!("{what} of {}, as a share of {}", contestant.name, base.name),
                    better,
                    &ratios(contestant_before, base_before),
                    &ratios(contestant, base),
                )
            };
            // In an open loop the rate is given, not found.
            if experiment.load.rate.is_none() {
                all.push(figure("throughput", Better::Higher, &Round::rate));
            }
            all.push(figure("processor time", Better::Lower, &Round::cpu_us));
        }
    }
    all
}

fn figure(
    experiment: &Experiment,
    words: String,
    better: Better,
    before: &[f64],
    now: &[f64],
) -> Compared {
    let (earlier, later) = (Spread::of(before).median, Spread::of(now).median);
    Compared {
        experiment: experiment.name.clone(),
        figure: words,
        before: earlier,
        now: later,
        change: verdict(before, now, better),
    }
}

fn verdict(before: &[f64], now: &[f64], better: Better) -> Change {
    let (earlier, later) = (Spread::of(before).median, Spread::of(now).median);
    let apart = Interval::of_median(before).is_apart_from(&Interval::of_median(now));
    if !apart || (later - earlier).abs() <= START_NOISE * earlier.abs() {
        return Change::Noise;
    }
    if (later > earlier) == (better == Better::Higher) {
        Change::Better
    } else {
        Change::Worse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(middle: f64, noise: f64) -> Vec<f64> {
        (0..10_i32)
            .map(|round| middle + noise * f64::from((round * 7) % 10 - 5) / 5.0)
            .collect()
    }

    #[test]
    fn only_what_exceeds_the_noise_has_a_verdict() {
        let before = rounds(0.80, 0.02);
        assert_eq!(
            verdict(&before, &rounds(0.60, 0.02), Better::Higher),
            Change::Worse
        );
        assert_eq!(
            verdict(&before, &rounds(0.95, 0.02), Better::Higher),
            Change::Better
        );
        assert_eq!(
            verdict(&before, &rounds(0.95, 0.02), Better::Lower),
            Change::Worse
        );
        // Small against what another start does.
        assert_eq!(
            verdict(&before, &rounds(0.83, 0.001), Better::Higher),
            Change::Noise
        );
        // Large, but both sets vary as much.
        assert_eq!(
            verdict(&rounds(0.80, 0.4), &rounds(0.70, 0.4), Better::Higher),
            Change::Noise
        );
        assert_eq!(verdict(&before, &before, Better::Higher), Change::Noise);
    }

    #[test]
    fn a_slower_machine_is_no_slower_program() {
        let before = crate::charts::golden_bench_set();
        let mut now = before.clone();
        for contestant in now
            .experiments
            .iter_mut()
            .flat_map(|one| &mut one.contestants)
        {
            for round in &mut contestant.rounds {
                round.seconds *= 2.0;
                round.client_cpu_seconds *= 2.0;
                round.server_cpu_seconds *= 2.0;
            }
        }
        let same = compare(&before, &now);
        assert!(same.len() > 20 && same.iter().all(|one| one.change == Change::Noise));
        let semi_sync = &mut now.experiments[3].contestants[2];
        assert_eq!(semi_sync.name, "semi-sync");
        for round in &mut semi_sync.rounds {
            round.seconds *= 1.5;
        }
        let changed: Vec<Compared> = compare(&before, &now)
            .into_iter()
            .filter(|one| one.change != Change::Noise)
            .collect();
        assert_eq!(changed.len(), 1);
        assert_eq!(
            changed[0].figure,
            "throughput of semi-sync, as a share of none"
        );
        assert_eq!((changed[0].change, changed[0].before), (Change::Worse, 0.7));
        assert!((changed[0].now - 0.7 / 1.5).abs() < 1e-6);
    }
}
