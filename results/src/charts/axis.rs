//! Axes: which values lie where, and which of them are written.

use serde::{Deserialize, Serialize};

use crate::text::thousands;

/// An axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What it is, with the unit.
    pub text: String,
    /// Where values lie.
    pub scale: Scale,
    /// The values that are written, and how.
    pub ticks: Vec<(f64, String)>,
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
}

/// Where values lie on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// In proportion.
    Linear,
    /// By their logarithm.
    Logarithmic,
    /// Shares near 1, by the number of their nines: 0.9, 0.99, 0.999.
    Nines,
}

impl Axis {
    /// From 0 to a round number not below `highest`.
    pub fn from_zero(text: &str, highest: f64) -> Axis {
        let highest = if highest > 0.0 { highest } else { 1.0 };
        let step = round_step(highest / 5.0);
        let count = (highest / step).ceil();
        let tick = |n: u32| (f64::from(n) * step, number(f64::from(n) * step));
        Axis {
            text: text.to_string(),
            scale: Scale::Linear,
            ticks: (0..=count as u32).map(tick).collect(),
            from: 0.0,
            to: count * step,
        }
    }

    /// Exactly from `from` to `to`, with round numbers written.
    pub fn between(text: &str, from: f64, to: f64) -> Axis {
        let step = round_step((to - from) / 6.0);
        let first = (from / step).ceil() as i64;
        let last = (to / step).floor() as i64;
        let tick = |n: i64| (n as f64 * step, number(n as f64 * step));
        Axis {
            text: text.to_string(),
            scale: Scale::Linear,
            ticks: (first..=last).map(tick).collect(),
            from,
            to,
        }
    }

    /// Powers of ten around `lowest` and `highest`, both above 0; in between 2 and 5 are written if
    /// there is room.
    pub fn logarithmic(text: &str, lowest: f64, highest: f64) -> Axis {
        let lowest = lowest.max(1e-9);
        let (least, most) = (
            lowest.log10().floor() as i32,
            highest.max(lowest * 1.01).log10().ceil() as i32,
        );
        let steps: &[f64] = if most - least <= 3 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let all = (least..=most)
            .flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
        let all: Vec<f64> = all.collect();
        let from = all
            .iter()
            .copied()
            .filter(|&at| at <= lowest * 1.000_001)
            .fold(10_f64.powi(least), f64::max);
        let to = all
            .iter()
            .copied()
            .filter(|&at| at >= highest * 0.999_999)
            .fold(10_f64.powi(most), f64::min);
        let ticks = all
            .into_iter()
            .filter(|&at| at >= from * 0.999_999 && at <= to * 1.000_001);
        Axis {
            text: format!("{text} (log scale)"),
            scale: Scale::Logarithmic,
            ticks: ticks.map(|at| (at, number(at))).collect(),
            from,
            to,
        }
    }

    /// By their logarithm, with just these values written.
    pub fn values(text: &str, values: &[f64]) -> Axis {
        let from = values.iter().copied().fold(f64::INFINITY, f64::min);
        let to = values.iter().copied().fold(0.0, f64::max);
        Axis {
            text: format!("{text} (log scale)"),
            scale: Scale::Logarithmic,
            ticks: values.iter().map(|&value| (value, number(value))).collect(),
            from: from / 1.1,
            to: to * 1.1,
        }
    }

    /// Shares of operations from 0 to 99.99 %.
    pub fn nines(text: &str) -> Axis {
        let ticks = [
            (0.0, "0"),
            (0.5, "50 %"),
            (0.9, "90 %"),
            (0.99, "99 %"),
            (0.999, "99.9 %"),
            (0.9999, "99.99 %"),
        ];
        Axis {
            text: text.to_string(),
            scale: Scale::Nines,
            ticks: ticks
                .into_iter()
                .map(|(at, text)| (at, text.to_string()))
                .collect(),
            from: 0.0,
            to: 0.9999,
        }
    }

    /// Where a value lies: 0 at the beginning, 1 at the end; values beyond lie there.
    pub fn place(&self, value: f64) -> f64 {
        let along = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Nines => -(1.0 - value).max(1e-12).log10(),
        };
        let (from, to) = (along(self.from), along(self.to));
        ((along(value) - from) / (to - from)).clamp(0.0, 1.0)
    }
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-12).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps
        .into_iter()
        .find(|step| step * power >= least * 0.999_999);
    step.unwrap_or(10.0) * power
}

/// A number as it stands at an axis.
pub(super) fn number(value: f64) -> String {
    if value >= 1_000.0 {
        return thousands(value.round() as u64);
    }
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() {
        "0".to_string()
    } else {
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn axes_from_zero_end_at_a_round_number() {
        let axis = Axis::from_zero("puts/s", 43_210.0);
        assert_eq!((axis.from, axis.to), (0.0, 50_000.0));
        assert_eq!(
            written(&axis),
            ["0", "10,000", "20,000", "30,000", "40,000", "50,000"]
        );
        assert_eq!(
            written(&Axis::from_zero("ms", 0.9)),
            ["0", "0.2", "0.4", "0.6", "0.8", "1"]
        );
        assert_eq!(Axis::from_zero("", 0.0).to, 1.0);
    }

    #[test]
    fn logarithmic_axes_hold_what_they_must_and_not_much_more() {
        let axis = Axis::logarithmic("ms", 0.4, 13.0);
        assert_eq!((axis.from, axis.to), (0.2, 20.0));
        assert_eq!(written(&axis), ["0.2", "0.5", "1", "2", "5", "10", "20"]);
        assert!((axis.place(2.0) - 0.5).abs() < 1e-9);
        assert_eq!(written(&Axis::logarithmic("ms", 1.0, 90_000.0)).len(), 6);
    }

    #[test]
    fn each_nine_takes_the_same_room() {
        let axis = Axis::nines("");
        let step = axis.place(0.99) - axis.place(0.9);
        assert!((axis.place(0.999) - axis.place(0.99) - step).abs() < 1e-9);
        assert_eq!((axis.place(0.0), axis.place(0.999_999)), (0.0, 1.0));
    }

    #[test]
    fn only_what_lies_between_is_written() {
        assert_eq!(
            written(&Axis::between("s", 0.0, 61.0)),
            ["0", "20", "40", "60"]
        );
        assert_eq!(
            written(&Axis::values("", &[1.0, 4.0, 128.0])),
            ["1", "4", "128"]
        );
    }
}
