//! What cells mean, and how values compare.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::row::elements;
use crate::timestamp::{format_timestamp, parse_timestamp};
use crate::types::{ColumnType, ScalarType};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// None is there.
    Null,
    /// Of BOOL.
    Bool(bool),
    /// Of BYTE, SHORT, INTEGER and LONG.
    Integer(i64),
    /// Of FLOAT and DOUBLE.
    Float(f64),
    /// Of STRING.
    Text(Cow<'a, str>),
    /// Of TIMESTAMP: milliseconds since 1970, UTC.
    Time(i64),
    /// Of columns of arrays.
    Array(Array<'a>),
    /// Of GEOMETRY and BLOB, of which can only be said whether they are there.
    Opaque,
}

/// An array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Array<'a> {
    scalar: ScalarType,
    text: &'a [u8],
}

impl<'a> Array<'a> {
    /// How many elements it has.
    #[must_use]
    pub fn len(self) -> usize {
        elements(self.text).count()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element at this place, counted from 0.
    #[must_use]
    pub fn element(self, place: usize) -> Option<Value<'a>> {
        let cell = elements(self.text).nth(place)?;
        Some(scalar(self.scalar, cell))
    }
}

impl<'a> Value<'a> {
    /// What the text of a cell means. What should not be there is taken for `null`.
    #[must_use]
    pub fn read(kind: ColumnType, cell: &'a [u8]) -> Self {
        match cell {
            b"null" => Value::Null,
            text if kind.array => Value::Array(Array {
                scalar: kind.scalar,
                text,
            }),
            cell => scalar(kind.scalar, cell),
        }
    }

    /// How two values of comparable types compare; `None` if one of them is `null`, or if the types
    /// are not comparable.
    #[must_use]
    pub fn compare(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
            (Value::Integer(one), Value::Integer(other))
            | (Value::Time(one), Value::Time(other)) => Some(one.cmp(other)),
            (Value::Float(one), Value::Float(other)) => Some(floats(*one, *other)),
            (Value::Integer(one), Value::Float(other)) => Some(integer_and_float(*one, *other)),
            (Value::Float(one), Value::Integer(other)) => {
                Some(integer_and_float(*other, *one).reverse())
            }
            (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }

    /// The order in which rows are sorted: `null` is the greatest.
    #[must_use]
    pub fn order(&self, other: &Value<'_>) -> Ordering {
        match (self, other) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => Ordering::Greater,
            (_, Value::Null) => Ordering::Less,
            (one, other) => one.compare(other).unwrap_or(Ordering::Equal),
        }
    }

    /// As a number; `None` if it is none.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Integer(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// Adds the value's JSON text to the end of `out`. A number that JSON cannot express becomes the
    /// text of its name.
    pub fn write(&self, out: &mut Vec<u8>) {
        let written = match self {
            Value::Null | Value::Opaque => {
                out.extend_from_slice(b"null");
                Ok(())
            }
            Value::Bool(value) => serde_json::to_writer(&mut *out, value),
            Value::Integer(number) => serde_json::to_writer(&mut *out, number),
            Value::Float(number) if number.is_finite() => serde_json::to_writer(&mut *out, number),
            Value::Float(number) => serde_json::to_writer(&mut *out, &name_of(*number)),
            Value::Text(text) => serde_json::to_writer(&mut *out, text),
            Value::Time(time) => serde_json::to_writer(&mut *out, &format_timestamp(*time)),
            Value::Array(array) => {
                out.extend_from_slice(array.text);
                Ok(())
            }
        };
        written.expect("values can be written as JSON");
    }
}

/// How many bytes a cell counts for in `responseSizeByte`: a text has its length, everything else
/// the size of its type.
#[must_use]
pub fn size_bytes(kind: ColumnType, cell: &[u8]) -> u64 {
    if cell == b"null" {
        return 0;
    }
    if kind.array {
        let scalar = ColumnType {
            array: false,
            ..kind
        };
        return elements(cell).map(|cell| size_bytes(scalar, cell)).sum();
    }
    match kind.scalar {
        ScalarType::Bool | ScalarType::Byte => 1,
        ScalarType::Short => 2,
        ScalarType::Integer | ScalarType::Float => 4,
        ScalarType::Long | ScalarType::Double | ScalarType::Timestamp => 8,
        ScalarType::String => match scalar(ScalarType::String, cell) {
            Value::Text(text) => text.len() as u64,
            _ => 0,
        },
        ScalarType::Geometry | ScalarType::Blob => cell.len().saturating_sub(2) as u64,
    }
}

fn name_of(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "INF"
    } else {
        "-INF"
    }
}

fn scalar(kind: ScalarType, cell: &[u8]) -> Value<'_> {
    let text = std::str::from_utf8(cell).unwrap_or_default();
    let inside = || {
        text.get(1..text.len().saturating_sub(1))
            .unwrap_or_default()
    };
    let value = match kind {
        ScalarType::Bool => Some(Value::Bool(text == "true")),
        ScalarType::Byte | ScalarType::Short | ScalarType::Integer | ScalarType::Long => {
            text.parse().ok().map(Value::Integer)
        }
        // As the number that the column holds, which has fewer digits than its text may suggest.
        ScalarType::Float => text.parse::<f32>().ok().map(|n| Value::Float(n.into())),
        ScalarType::Double => text.parse().ok().map(Value::Float),
        ScalarType::Timestamp => parse_timestamp(inside()).map(Value::Time),
        ScalarType::String if memchr::memchr(b'\\', cell).is_none() => {
            Some(Value::Text(inside().into()))
        }
        ScalarType::String => serde_json::from_str(text).ok().map(Value::Text),
        ScalarType::Geometry | ScalarType::Blob => Some(Value::Opaque),
    };
    value.unwrap_or(Value::Null)
}

/// NaN equals itself and is greater than all else.
fn floats(one: f64, other: f64) -> Ordering {
    one.partial_cmp(&other)
        .unwrap_or_else(|| one.is_nan().cmp(&other.is_nan()))
}

/// Exactly: a whole number beyond 2⁵³ is not rounded first.
fn integer_and_float(integer: i64, float: f64) -> Ordering {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() || float >= LIMIT {
        return Ordering::Less;
    }
    if float < -LIMIT {
        return Ordering::Greater;
    }
    let whole = float.trunc() as i64;
    integer.cmp(&whole).then_with(|| floats(0.0, float.fract()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read<'a>(kind: &str, cell: &'a str) -> Value<'a> {
        Value::read(ColumnType::parse(kind).unwrap(), cell.as_bytes())
    }

    #[test]
    fn cells_mean_what_their_columns_say() {
        assert_eq!(
            read("LONG", "9223372036854775807"),
            Value::Integer(i64::MAX)
        );
        assert_eq!(read("FLOAT", "0.1"), Value::Float(f64::from(0.1_f32)));
        assert_eq!(read("DOUBLE", "0.1"), Value::Float(0.1));
        assert_eq!(read("STRING", r#""a\"b""#), Value::Text("a\"b".into()));
        assert_eq!(read("STRING", r#""""#), Value::Text("".into()));
        let time = read("TIMESTAMP", r#""1970-01-01T00:00:01.000Z""#);
        assert_eq!(time, Value::Time(1000));
        assert_eq!(read("LONG", "null"), Value::Null);
        let Value::Array(array) = read("STRING_ARRAY", r#"["a","b,"]"#) else {
            panic!("it is an array");
        };
        assert_eq!(array.len(), 2);
        assert_eq!(array.element(1), Some(Value::Text("b,".into())));
        assert_eq!(array.element(2), None);
    }

    /// The example of the description of GridDB's Web API: 29 bytes for such a row.
    #[test]
    fn cells_have_the_sizes_of_their_types() {
        let row = [
            ("TIMESTAMP", r#""2016-01-16T10:25:00.253Z""#, 8),
            ("DOUBLE", "20.02", 8),
            ("STRING", r#""row_example_1""#, 13),
            ("STRING", "null", 0),
            ("SHORT_ARRAY", "[1,2]", 4),
            ("BLOB", r#""YWJj""#, 4),
        ];
        for (kind, cell, bytes) in row {
            let kind = ColumnType::parse(kind).unwrap();
            assert_eq!(size_bytes(kind, cell.as_bytes()), bytes, "{cell}");
        }
    }

    #[test]
    fn large_numbers_compare_exactly() {
        let long = Value::Integer((1 << 53) + 1);
        let double = Value::Float((1_u64 << 53) as f64);
        assert_eq!(long.compare(&double), Some(Ordering::Greater));
        assert_eq!(double.compare(&long), Some(Ordering::Less));
        let most = Value::Integer(i64::MAX);
        assert_eq!(most.compare(&Value::Float(9.3e18)), Some(Ordering::Less));
        assert_eq!(most.compare(&Value::Float(f64::NAN)), Some(Ordering::Less));
        let minus = Value::Integer(-1);
        assert_eq!(minus.compare(&Value::Float(-1.5)), Some(Ordering::Greater));
        assert_eq!(minus.compare(&Value::Null), None);
        assert_eq!(minus.order(&Value::Null), Ordering::Less);
    }

    proptest! {
        #[test]
        fn whole_numbers_and_fractions_compare_as_numbers_do(
            integer in any::<i32>(),
            float in prop_oneof![any::<f64>(), (-5..5_i32).prop_map(f64::from)],
        ) {
            let compared = Value::Integer(integer.into()).compare(&Value::Float(float));
            let expected = f64::from(integer).partial_cmp(&float).unwrap_or(Ordering::Less);
            prop_assert_eq!(compared, Some(expected));
        }

        #[test]
        fn any_cell_is_read_somehow(cell: Vec<u8>, kind in 0..11_usize, array: bool) {
            let kind = ColumnType { scalar: ScalarType::NAMES[kind].1, array };
            if let Value::Array(array) = Value::read(kind, &cell) {
                let _ = (array.len(), array.element(1));
            }
        }
    }
}
