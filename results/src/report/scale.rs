//! From values to places in a picture.

use crate::text::duration_ms;

/// For which screen a picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// A desk's.
    Wide,
    /// A hand's.
    Narrow,
}

impl Width {
    /// The picture's width in its own units, which are pixels when it fills its screen.
    pub(super) fn units(self) -> f64 {
        match self {
            Width::Wide => 1040.0,
            Width::Narrow => 360.0,
        }
    }

    /// Room for the words left of the picture.
    pub(super) fn left(self) -> f64 {
        match self {
            Width::Wide => 76.0,
            Width::Narrow => 48.0,
        }
    }
}

/// A picture in its two widths; the style sheet shows the one that fits.
pub(super) fn picture(draw: impl Fn(Width) -> String) -> String {
    format!(
        "<div class=\"wide\">{}</div>\n<div class=\"narrow\">{}</div>\n",
        draw(Width::Wide),
        draw(Width::Narrow)
    )
}

/// A linear or logarithmic scale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
    logarithmic: bool,
}

impl Scale {
    /// From `domain` to `range`.
    pub(super) fn linear(domain: (f64, f64), range: (f64, f64)) -> Scale {
        Scale {
            domain,
            range,
            logarithmic: false,
        }
    }

    /// From the logarithm of `domain`, which is above 0, to `range`.
    pub(super) fn logarithmic(domain: (f64, f64), range: (f64, f64)) -> Scale {
        Scale {
            domain,
            range,
            logarithmic: true,
        }
    }

    /// The place of a value; values beyond the domain are at its edge.
    pub(super) fn at(&self, value: f64) -> f64 {
        let (low, high) = self.domain;
        let place = |value: f64| if self.logarithmic { value.ln() } else { value };
        let value = value.clamp(low, high);
        let span = place(high) - place(low);
        let part = if span > 0.0 {
            (place(value) - place(low)) / span
        } else {
            0.0
        };
        self.range.0 + part * (self.range.1 - self.range.0)
    }
}

/// Round numbers from 0 to `highest`, about `count` of them, the last one at or above it.
pub(super) fn ticks(highest: f64, count: usize) -> Vec<f64> {
    let step = highest.max(1e-9) / count.max(1) as f64;
    let magnitude = 10_f64.powf(step.log10().floor());
    let factors = [1.0, 2.0, 2.5, 5.0, 10.0];
    let factor = factors
        .into_iter()
        .find(|factor| factor * magnitude >= step)
        .unwrap_or(10.0);
    let step = factor * magnitude;
    let last = (highest / step).ceil().max(1.0) as usize;
    (0..=last).map(|number| number as f64 * step).collect()
}

/// A round duration, for a mark of an axis: `10 s`, not `10.00 s`.
pub(super) fn mark_ms(milliseconds: f64) -> String {
    duration_ms(milliseconds)
        .replace(".00 ", " ")
        .replace(".0 ", " ")
}

/// The powers of ten around `lowest` and `highest`: the domain of a logarithmic scale, and its marks.
pub(super) fn decades(lowest: f64, highest: f64) -> ((f64, f64), Vec<f64>) {
    let highest = highest.max(0.01);
    let low = lowest.clamp(0.01, highest).log10().floor() as i32;
    let high = (highest.log10().ceil() as i32).max(low + 1);
    let marks: Vec<f64> = (low..=high).map(|power| 10_f64.powi(power)).collect();
    ((10_f64.powi(low), 10_f64.powi(high)), marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_highest() {
        assert_eq!(ticks(60.0, 6), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(ticks(1_340.0, 3), [0.0, 500.0, 1_000.0, 1_500.0]);
        assert!(ticks(0.0, 4).len() >= 2);
    }

    #[test]
    fn decades_hold_what_there_is() {
        assert_eq!(
            decades(2.0, 300.0),
            ((1.0, 1_000.0), vec![1.0, 10.0, 100.0, 1_000.0])
        );
        assert_eq!([1.0, 10_000.0].map(mark_ms), ["1 ms", "10 s"]);
        assert_eq!(decades(f64::MAX, 0.0).1.len(), 2, "nothing was measured");
    }

    #[test]
    fn scales_map_ends_to_ends() {
        let linear = Scale::linear((0.0, 10.0), (100.0, 0.0));
        assert_eq!(
            [0.0, 5.0, 10.0, 99.0].map(|v| linear.at(v)),
            [100.0, 50.0, 0.0, 0.0]
        );
        let logarithmic = Scale::logarithmic((1.0, 100.0), (0.0, 2.0));
        assert!((logarithmic.at(10.0) - 1.0).abs() < 1e-9);
        assert_eq!(logarithmic.at(0.0), 0.0);
        assert_eq!(Scale::linear((1.0, 1.0), (3.0, 4.0)).at(1.0), 3.0);
    }
}
