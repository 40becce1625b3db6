//! Lengths of time as people write them: `100ms`, `60s`, `10m`, `2h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    milliseconds: u64,
}

const UNITS: [(&str, u64); 4] = [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

impl Span {
    /// In milliseconds.
    pub(super) fn milliseconds(self) -> u64 {
        self.milliseconds
    }

    /// As the standard library has it.
    pub(super) fn duration(self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let wrong = || {
            format!(
                "{text:?} is no length of time: write a number and a unit, such as 100ms, 60s, 10m, 2h"
            )
        };
        let (number, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
            .ok_or_else(wrong)?;
        let number: u64 = number.trim().parse().map_err(|_| wrong())?;
        let milliseconds = number
            .checked_mul(*factor)
            .filter(|&ms| ms > 0)
            .ok_or_else(wrong)?;
        Ok(Span { milliseconds })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.milliseconds {
            ms if ms % 1_000 == 0 => write!(f, "{}s", ms / 1_000),
            ms => write!(f, "{ms}ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_required_and_zero_is_no_length() {
        let milliseconds = |text: &str| text.parse::<Span>().unwrap().milliseconds();
        assert_eq!(
            ["100ms", "60s", "10m", "2h"].map(milliseconds),
            [100, 60_000, 600_000, 7_200_000]
        );
        for wrong in ["60", "s", "-1s", "0s", "1.5s", "99999999999999999999s", ""] {
            assert!(
                wrong.parse::<Span>().unwrap_err().contains("such as 100ms"),
                "{wrong}"
            );
        }
        assert_eq!(
            ["1500ms", "60s"].map(|text| text.parse::<Span>().unwrap().to_string()),
            ["1500ms", "60s"]
        );
    }
}
