//! Times of day, in UTC, as names of folders and as text.

use std::time::{SystemTime, UNIX_EPOCH};

/// A time in UTC, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    millisecond: u64,
}

impl Utc {
    /// The time now.
    pub fn now() -> Utc {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Utc::from_unix_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// The time so many milliseconds after 1970 began.
    pub fn from_unix_ms(milliseconds: u64) -> Utc {
        let seconds = milliseconds / 1000;
        // Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, so
        // that the leap day is the last of its year.
        let days = seconds / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        Utc {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: seconds / 3_600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            millisecond: milliseconds % 1_000,
        }
    }

    /// Milliseconds from 1970 to the time that `text` tells as `2026-03-15T09:30:05.123456Z`
    /// (RFC 3339, in UTC, with or without a fraction); none if it is written otherwise.
    pub fn unix_ms(text: &str) -> Option<f64> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
        let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
        let marked = |&(at, mark): &(usize, &str)| text.get(at..=at) == Some(mark);
        if !marks.iter().all(marked) {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let fraction: f64 = match text.get(19..)?.strip_suffix('Z')? {
            "" => 0.0,
            digits => format!("0{digits}").parse().ok()?,
        };
        // The same algorithm the other way around.
        let year = if month <= 2 {
            year.checked_sub(1)?
        } else {
            year
        };
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + day.checked_sub(1)?;
        let (era, year_of_era) = (year / 400, year % 400);
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
        let seconds =
            days * 86_400 + number(11, 13)? * 3_600 + number(14, 16)? * 60 + number(17, 19)?;
        Some((seconds as f64 + fraction) * 1e3)
    }

    /// As a name of a folder: `20260315T093005.123Z`; sorts by time.
    pub fn folder_name(self) -> String {
        let Utc {
            year,
            month,
            day,
            hour,
            minute,
            second,
            millisecond,
        } = self;
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{millisecond:03}Z")
    }

    /// As text (RFC 3339): `2026-03-15T09:30:05Z`.
    pub fn text(self) -> String {
        let Utc {
            year,
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        let text = |milliseconds| Utc::from_unix_ms(milliseconds).text();
        assert_eq!(text(0), "1970-01-01T00:00:00Z");
        assert_eq!(text(951_782_399_999), "2000-02-28T23:59:59Z");
        assert_eq!(text(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(text(1_735_689_599_000), "2024-12-31T23:59:59Z");
        assert_eq!(text(4_107_542_400_000), "2100-03-01T00:00:00Z");
        assert_eq!(
            Utc::from_unix_ms(1_773_567_005_123).folder_name(),
            "20260315T093005.123Z"
        );
    }

    #[test]
    fn text_is_read_back() {
        for milliseconds in [0, 951_782_399_000, 951_782_400_000, 1_773_567_005_000] {
            let text = Utc::from_unix_ms(milliseconds).text();
            assert_eq!(Utc::unix_ms(&text), Some(milliseconds as f64), "{text}");
        }
        let with_fraction = Utc::unix_ms("2026-03-15T09:30:05.123456Z").unwrap();
        assert!((with_fraction - 1_773_567_005_123.456).abs() < 0.01);
        for wrong in [
            "",
            "2026-03-15",
            "2026-03-15 09:30:05Z",
            "2026-03-15T09:30:05+01:00",
            "1969-01-01T00:00:00Z",
        ] {
            assert_eq!(Utc::unix_ms(wrong), None, "{wrong}");
        }
    }
}
