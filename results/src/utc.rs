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
}
