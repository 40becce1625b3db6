//! Times of day, in UTC, as names of folders and as text.

use std::time::SystemTime;

use jiff::Timestamp;

/// A time in UTC, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc(Timestamp);

impl Utc {
    /// The time now.
    pub fn now() -> Utc {
        SystemTime::now().into()
    }

    /// Milliseconds from 1970 to the time that `text` tells as `2026-03-15T09:30:05.123456Z`
    /// (RFC 3339, in UTC, with or without a fraction); none if it is written otherwise.
    pub fn unix_ms(text: &str) -> Option<f64> {
        // The crate also takes offsets, and a space for the T: no log of ours has these.
        if !text.ends_with('Z') || text.as_bytes().get(10) != Some(&b'T') {
            return None;
        }
        let time: Timestamp = text.parse().ok()?;
        let since = time.as_nanosecond();
        (since >= 0).then_some(since as f64 / 1e6)
    }

    /// As a name of a folder: `20260315T093005.123Z`; sorts by time.
    pub fn folder_name(self) -> String {
        self.0.strftime("%Y%m%dT%H%M%S.%3fZ").to_string()
    }

    /// As text (RFC 3339): `2026-03-15T09:30:05Z`.
    pub fn text(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// A time that no calendar has (before 1970, or some 8,000 years from now) becomes the beginning of 1970.
impl From<SystemTime> for Utc {
    fn from(time: SystemTime) -> Utc {
        let known = Timestamp::try_from(time).ok();
        Utc(known
            .filter(|time| *time >= Timestamp::UNIX_EPOCH)
            .unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn utc(milliseconds: u64) -> Utc {
        (UNIX_EPOCH + Duration::from_millis(milliseconds)).into()
    }

    #[test]
    fn known_times() {
        let text = |milliseconds| utc(milliseconds).text();
        assert_eq!(Utc::from(UNIX_EPOCH - Duration::from_secs(1)), utc(0));
        assert_eq!(text(0), "1970-01-01T00:00:00Z");
        assert_eq!(text(951_782_399_999), "2000-02-28T23:59:59Z");
        assert_eq!(text(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(text(1_735_689_599_000), "2024-12-31T23:59:59Z");
        assert_eq!(text(4_107_542_400_000), "2100-03-01T00:00:00Z");
        assert_eq!(utc(1_773_567_005_123).folder_name(), "20260315T093005.123Z");
    }

    #[test]
    fn text_is_read_back() {
        for milliseconds in [0, 951_782_399_000, 951_782_400_000, 1_773_567_005_000] {
            let text = utc(milliseconds).text();
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
