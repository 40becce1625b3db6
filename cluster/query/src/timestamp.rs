//! Points in time: milliseconds since 1970 (UTC), their texts, and the calendar.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{Span, Timestamp};

/// The last point in time that a column takes: 9999-12-31T23:59:59.999Z.
pub const LAST: i64 = 253_402_300_799_999;
const DAY: i64 = 86_400_000;

/// Milliseconds since 1970 (UTC) of a time written `YYYY-MM-DDThh:mm:ss.SSSZ`, the only form that
/// there is; `None` for anything else. The calendar is the Gregorian one, before its time too.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let bytes: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let separators = [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'.'),
        (23, b'Z'),
    ];
    if separators.iter().any(|(at, byte)| bytes[*at] != *byte) {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0_i64, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + i64::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let millisecond = number(20, 23)?;
    let valid = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    valid.then_some(seconds * 1000 + millisecond)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// After <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date and the time of day, UTC; `None` for years that have not four digits.
fn calendar(time: i64) -> Option<DateTime> {
    let time = Timestamp::from_millisecond(time).ok()?;
    let calendar = Offset::UTC.to_datetime(time);
    (0..=9999).contains(&calendar.year()).then_some(calendar)
}

/// The text that [`parse_timestamp`] reads; `None` for years that have not four digits.
#[must_use]
pub fn format_timestamp(time: i64) -> Option<String> {
    let calendar = calendar(time)?;
    Some(calendar.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

/// A time as conditions may write it: the milliseconds may be left out, and instead of `Z` there may be
/// a distance from UTC, `+09:00` or `+0900`.
#[must_use]
pub fn parse_literal(text: &str) -> Option<i64> {
    let (time, rest) = text.split_at_checked(19)?;
    let (milliseconds, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at_checked(3)?,
        None => ("000", rest),
    };
    let time = parse_timestamp(&format!("{time}.{milliseconds}Z"))?;
    if zone == "Z" {
        return Some(time);
    }
    let (sign, zone) = match zone.split_at_checked(1)? {
        ("+", zone) => (1, zone),
        ("-", zone) => (-1, zone),
        _ => return None,
    };
    let (hours, minutes) = match zone.split_once(':') {
        Some(parts) => parts,
        None => zone.split_at_checked(2)?,
    };
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i64>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then(|| time - sign * (hours * 60 + minutes) * 60_000)
}

/// What times are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Years of the calendar.
    Year,
    /// Months of the calendar.
    Month,
    /// 24 hours.
    Day,
    /// 60 minutes.
    Hour,
    /// 60 seconds.
    Minute,
    /// 1000 milliseconds.
    Second,
    /// The least unit.
    Millisecond,
}

impl Unit {
    /// The unit of this name, whatever its case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let units = [
            ("YEAR", Unit::Year),
            ("MONTH", Unit::Month),
            ("DAY", Unit::Day),
            ("HOUR", Unit::Hour),
            ("MINUTE", Unit::Minute),
            ("SECOND", Unit::Second),
            ("MILLISECOND", Unit::Millisecond),
        ];
        let found = units
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, unit)| *unit)
    }

    /// How many milliseconds it has; years and months have no fixed number.
    #[must_use]
    pub fn milliseconds(self) -> Option<i64> {
        match self {
            Unit::Year | Unit::Month => None,
            Unit::Day => Some(DAY),
            Unit::Hour => Some(3_600_000),
            Unit::Minute => Some(60_000),
            Unit::Second => Some(1000),
            Unit::Millisecond => Some(1),
        }
    }

    /// So many units after `time`. A day that the month does not have is its last one. `None` if the
    /// year has not four digits.
    #[must_use]
    pub fn add(self, time: i64, amount: i64) -> Option<i64> {
        let sum = match self.milliseconds() {
            Some(unit) => time.checked_add(amount.checked_mul(unit)?)?,
            None => {
                let span = match self {
                    Unit::Year => Span::new().try_years(amount),
                    _ => Span::new().try_months(amount),
                };
                let sum = calendar(time)?.checked_add(span.ok()?).ok()?;
                Offset::UTC.to_timestamp(sum).ok()?.as_millisecond()
            }
        };
        calendar(sum).map(|_| sum)
    }

    /// How many whole units lie from `begin` to `end`; less than 0 if `end` is before.
    #[must_use]
    pub fn between(self, begin: i64, end: i64) -> i64 {
        if let Some(unit) = self.milliseconds() {
            return end.saturating_sub(begin) / unit;
        }
        let Some((begin, end)) = calendar(begin).zip(calendar(end)) else {
            return 0;
        };
        let months = begin.until((jiff::Unit::Month, end));
        let months = months.map_or(0, |span| i64::from(span.get_months()));
        if self == Unit::Year {
            months / 12
        } else {
            months
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        for (text, milliseconds) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("1970-01-01T00:00:00.001Z", 1),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2000-02-29T12:00:00.000Z", 951_825_600_000),
            ("2026-01-31T23:59:59.999Z", 1_769_903_999_999),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("0001-01-01T00:00:00.000Z", -62_135_596_800_000),
        ] {
            assert_eq!(parse_timestamp(text), Some(milliseconds), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T23:59:59Z",
            "2026-01-31T23:59:59.999",
            "2026-01-31T23:59:59.999z",
            "2026-01-31 23:59:59.999Z",
            "2026-1-31T23:59:59.9999Z",
            "2026-13-01T00:00:00.000Z",
            "2026-00-01T00:00:00.000Z",
            "2026-02-29T00:00:00.000Z",
            "1900-02-29T00:00:00.000Z",
            "2026-04-31T00:00:00.000Z",
            "2026-01-00T00:00:00.000Z",
            "2026-01-01T24:00:00.000Z",
            "2026-01-01T00:60:00.000Z",
            "2026-01-01T00:00:60.000Z",
            "+026-01-01T00:00:00.000Z",
            "2026-01-01T00:00:00.-01Z",
            "２026-01-01T00:00:00.00Z",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn literals_may_be_shorter_and_have_a_zone() {
        let midnight = parse_timestamp("2026-01-31T00:00:00.000Z");
        for text in [
            "2026-01-31T00:00:00Z",
            "2026-01-31T00:00:00.000Z",
            "2026-01-31T09:00:00+09:00",
            "2026-01-30T18:30:00.000-0530",
        ] {
            assert_eq!(parse_literal(text), midnight, "{text}");
        }
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T00:00:00",
            "2026-01-31T00:00:00.0Z",
            "2026-01-31T00:00:00+9:00",
            "2026-01-31T00:00:00+24:00",
            "2026-01-31T00:00:00\u{e4}",
        ] {
            assert_eq!(parse_literal(text), None, "{text}");
        }
    }

    #[test]
    fn the_calendar_adds_and_counts() {
        let time = |text: &str| parse_literal(text).unwrap();
        for (unit, begin, amount, end) in [
            (
                Unit::Month,
                "2026-01-31T10:00:00Z",
                1,
                "2026-02-28T10:00:00Z",
            ),
            (
                Unit::Month,
                "2026-01-15T10:00:00Z",
                -13,
                "2024-12-15T10:00:00Z",
            ),
            (
                Unit::Year,
                "2024-02-29T00:00:00Z",
                1,
                "2025-02-28T00:00:00Z",
            ),
            (Unit::Day, "2024-02-28T00:00:00Z", 2, "2024-03-01T00:00:00Z"),
            (
                Unit::Millisecond,
                "2024-02-28T00:00:00Z",
                1000,
                "2024-02-28T00:00:01Z",
            ),
        ] {
            assert_eq!(unit.add(time(begin), amount), Some(time(end)), "{begin}");
        }
        assert_eq!(Unit::Year.add(0, 9000), None);
        assert_eq!(Unit::Day.add(0, i64::MAX), None);
        let (begin, end) = ("2024-01-31T12:00:00Z", "2025-01-31T11:00:00Z");
        for (unit, expected) in [(Unit::Year, 0), (Unit::Month, 11), (Unit::Day, 365)] {
            assert_eq!(unit.between(time(begin), time(end)), expected, "{unit:?}");
            assert_eq!(unit.between(time(end), time(begin)), -expected, "{unit:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn times_come_back_from_their_texts(time in -62_167_219_200_000..=LAST) {
            let text = format_timestamp(time).unwrap();
            proptest::prop_assert_eq!(parse_timestamp(&text), Some(time));
        }
    }
}
