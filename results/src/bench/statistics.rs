//! Medians, quartiles and intervals of confidence of a few dozen rounds.
//!
//! Rounds on a shared machine have outliers on one side, so nothing here assumes a normal
//! distribution.

use serde::{Deserialize, Serialize};

/// The middle of some numbers, and how far they spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// A quarter of them are below.
    pub lower_quartile: f64,
    /// Half of them are below.
    pub median: f64,
    /// Three quarters of them are below.
    pub upper_quartile: f64,
}

impl Spread {
    /// Of these numbers; all 0 if there are none.
    pub fn of(numbers: &[f64]) -> Spread {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        Spread {
            lower_quartile: quantile(&sorted, 0.25),
            median: quantile(&sorted, 0.5),
            upper_quartile: quantile(&sorted, 0.75),
        }
    }
}

/// The quantile of sorted numbers, between neighbours in proportion; 0 if there are none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
}

/// Where the true median lies, with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Not below this.
    pub low: f64,
    /// Not above this.
    pub high: f64,
}

/// How often the numbers are drawn anew.
const RESAMPLES: usize = 2_000;

impl Interval {
    /// The percentile bootstrap of the median (Efron, "Bootstrap Methods: Another Look at the
    /// Jackknife", Annals of Statistics 7, 1979). The same numbers give the same interval.
    pub fn of_median(numbers: &[f64]) -> Interval {
        // SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): enough to draw rounds, and fixed for ever.
        let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut draw = |below: usize| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) % below as u64) as usize
        };
        if numbers.is_empty() {
            return Interval {
                low: 0.0,
                high: 0.0,
            };
        }
        let mut medians: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let drawn = (0..numbers.len()).map(|_| numbers[draw(numbers.len())]);
                let mut drawn: Vec<f64> = drawn.collect();
                drawn.sort_by(f64::total_cmp);
                quantile(&drawn, 0.5)
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Interval {
            low: quantile(&medians, 0.025),
            high: quantile(&medians, 0.975),
        }
    }

    /// Whether the two have nothing in common.
    pub fn is_apart_from(&self, other: &Interval) -> bool {
        self.high < other.low || other.high < self.low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_neighbours() {
        let spread = Spread::of(&[4.0, 1.0, 2.0, 3.0]);
        assert_eq!(
            (spread.lower_quartile, spread.median, spread.upper_quartile),
            (1.75, 2.5, 3.25)
        );
        assert_eq!(Spread::of(&[]).median, 0.0);
        assert_eq!(Spread::of(&[7.0]).upper_quartile, 7.0);
    }

    #[test]
    fn the_interval_holds_the_median_and_shrinks_with_more_rounds() {
        let rounds = |count: usize| -> Vec<f64> {
            (0..count)
                .map(|n| 100.0 + (n * 7 % count) as f64 / count as f64)
                .collect()
        };
        let (few, many) = (
            Interval::of_median(&rounds(8)),
            Interval::of_median(&rounds(64)),
        );
        assert!(few.low < 100.5 && 100.5 < few.high, "{few:?}");
        assert!(
            many.high - many.low < few.high - few.low,
            "{many:?} {few:?}"
        );
    }

    #[test]
    fn one_outlier_does_not_move_the_interval_away() {
        let steady = Interval::of_median(&[99.0, 100.0, 101.0, 100.0, 99.0, 101.0, 100.0]);
        let disturbed = Interval::of_median(&[99.0, 100.0, 101.0, 20.0, 99.0, 101.0, 100.0]);
        assert!(!steady.is_apart_from(&disturbed));
        let slower = Interval::of_median(&[89.0, 90.0, 91.0, 90.0, 89.0, 91.0, 90.0]);
        assert!(steady.is_apart_from(&slower) && slower.is_apart_from(&steady));
    }
}
