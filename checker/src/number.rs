//! Numbers as histories have them: whole ones of any size, and decimal ones.

use crate::value::Value;
use std::cmp::Ordering;
use std::fmt;

/// A number of a history. Whole numbers are exact; decimal ones are as good as a double, so what is
/// computed from them is compared with a tolerance.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// A whole number.
    Whole(i128),
    /// Any other one.
    Decimal(f64),
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number::Whole(0);

    /// The number that a value is, if it is one.
    pub fn of(value: &Value) -> Option<Number> {
        match value {
            Value::Int(number) => Some(Number::Whole(i128::from(*number))),
            Value::Float(bits) => {
                let number = f64::from_bits(*bits);
                number.is_finite().then_some(Number::Decimal(number))
            }
            Value::Name(digits) if value.is_number() => Some(match digits.parse() {
                Ok(whole) => Number::Whole(whole),
                Err(_) => Number::Decimal(digits.parse().ok()?),
            }),
            _ => None,
        }
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Number) -> Number {
        if let (Number::Whole(one), Number::Whole(other)) = (self, other)
            && let Some(sum) = one.checked_add(other)
        {
            return Number::Whole(sum);
        }
        Number::Decimal(self.as_double() + other.as_double())
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negated(self) -> Number {
        match self {
            Number::Whole(number) if number != i128::MIN => Number::Whole(-number),
            other => Number::Decimal(-other.as_double()),
        }
    }

    /// The smaller of both.
    #[must_use]
    pub fn least(self, other: Number) -> Number {
        if other.is_less(self) { other } else { self }
    }

    /// The greater of both.
    #[must_use]
    pub fn most(self, other: Number) -> Number {
        if self.is_less(other) { other } else { self }
    }

    /// Whether it is less than the other by more than sums of decimal numbers are off.
    pub fn is_less(self, other: Number) -> bool {
        self.compare(other) == Ordering::Less
    }

    /// Whether both are the same as far as sums of decimal numbers can tell.
    pub fn equals(self, other: Number) -> bool {
        self.compare(other) == Ordering::Equal
    }

    fn compare(self, other: Number) -> Ordering {
        if let (Number::Whole(one), Number::Whole(other)) = (self, other) {
            return one.cmp(&other);
        }
        let (one, other) = (self.as_double(), other.as_double());
        if one.is_infinite() || other.is_infinite() {
            return one.total_cmp(&other);
        }
        let tolerance = 1e-9 * one.abs().max(other.abs()).max(1.0);
        if (one - other).abs() <= tolerance {
            Ordering::Equal
        } else {
            one.total_cmp(&other)
        }
    }

    fn as_double(self) -> f64 {
        match self {
            Number::Whole(number) => number as f64,
            Number::Decimal(number) => number,
        }
    }

    /// As JSON has it.
    pub fn to_json(self) -> serde_json::Value {
        match self {
            Number::Whole(number) => match i64::try_from(number) {
                Ok(small) => small.into(),
                Err(_) => number.to_string().into(),
            },
            Number::Decimal(number) => number.into(),
        }
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Number {
        Number::Whole(i128::from(number))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Whole(number) => write!(f, "{number}"),
            Number::Decimal(number) => write!(f, "{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<Number> {
        Number::of(&crate::formats::edn::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn sums_of_decimal_numbers_are_what_one_expects() {
        let sum = number("0.1").unwrap().plus(number("0.2").unwrap());
        assert!(sum.equals(number("0.3").unwrap()));
        assert!(number("0.3").unwrap().is_less(number("0.31").unwrap()));
        assert!(
            number("10.5")
                .unwrap()
                .plus(number("9.5").unwrap())
                .equals(20.into())
        );
    }

    #[test]
    fn great_whole_numbers_are_exact() {
        let great = number("18446744073709551616").unwrap();
        assert!(great.is_less(great.plus(1.into())));
        assert!(great.plus(great.negated()).equals(Number::ZERO));
        assert_eq!(great.to_string(), "18446744073709551616");
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["nil", "\"5\"", ":five", "[5]", "##Inf", "##NaN", "true"] {
            assert!(number(text).is_none(), "{text}");
        }
    }
}
