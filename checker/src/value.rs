//! A value of a history, whatever notation it was written in (JSON or EDN).
//!
//! Equality is structural and total, so that values can be interned: floating-point numbers are
//! compared by their bits, and maps and sets are kept sorted.

use std::fmt;

/// A value that an operation carried.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// Nothing: `null` in JSON, `nil` in EDN.
    Nil,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number that is not a 64-bit whole number; kept by the bits of its double.
    Float(u64),
    /// Text.
    Text(String),
    /// A name: an EDN keyword (without its colon) or symbol.
    Name(String),
    /// A sequence: JSON array, EDN vector or list.
    List(Vec<Value>),
    /// A set, sorted.
    Set(Vec<Value>),
    /// A map, sorted by key.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// A set of these elements; the same element twice counts once.
    pub fn set(mut elements: Vec<Value>) -> Value {
        elements.sort();
        elements.dedup();
        Value::Set(elements)
    }

    /// A map of these entries; of two with the same key the later one counts.
    pub fn map(mut entries: Vec<(Value, Value)>) -> Value {
        entries.reverse();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|later, earlier| later.0 == earlier.0);
        Value::Map(entries)
    }

    /// The number, if it is a whole one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether it is a number, of any kind and size.
    pub fn is_number(&self) -> bool {
        match self {
            Value::Int(_) | Value::Float(_) => true,
            Value::Name(name) => is_great_number(name),
            _ => false,
        }
    }

    /// The elements of a list or set.
    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Value::List(elements) | Value::Set(elements) => Some(elements),
            _ => None,
        }
    }

    /// The text of a string or a name.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) | Value::Name(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that is too great for [`Value::Int`], by its digits: as a float it would be
    /// equal to its neighbours.
    pub(crate) fn great_number(digits: &str) -> Option<Value> {
        let canonical = digits.strip_prefix('+').unwrap_or(digits);
        is_great_number(canonical).then(|| Value::Name(canonical.to_owned()))
    }

    /// The entry of a map under a name, given as a keyword or as text.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let Value::Map(entries) = self else {
            return None;
        };
        entries
            .iter()
            .find(|(key, _)| key.as_text() == Some(name))
            .map(|(_, value)| value)
    }

    /// The value as JSON; names become strings, sets become arrays.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Value::Nil => Json::Null,
            Value::Bool(truth) => Json::Bool(*truth),
            Value::Int(number) => Json::from(*number),
            Value::Float(bits) => Json::from(f64::from_bits(*bits)),
            Value::Text(text) | Value::Name(text) => Json::from(text.as_str()),
            Value::List(elements) | Value::Set(elements) => {
                Json::Array(elements.iter().map(Value::to_json).collect())
            }
            Value::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, value)| {
                        let key = key.as_text().map_or_else(|| key.to_string(), str::to_owned);
                        (key, value.to_json())
                    })
                    .collect(),
            ),
        }
    }
}

fn is_great_number(name: &str) -> bool {
    let digits = name.strip_prefix('-').unwrap_or(name);
    digits.len() > 18 && digits.bytes().all(|digit| digit.is_ascii_digit())
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Value {
        use serde_json::Value as Json;
        match json {
            Json::Null => Value::Nil,
            Json::Bool(truth) => Value::Bool(*truth),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(small), _) => Value::Int(small),
                (None, Some(great)) => Value::Name(great.to_string()),
                _ => Value::Float(number.as_f64().unwrap_or(f64::NAN).to_bits()),
            },
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(elements) => Value::List(elements.iter().map(Value::from).collect()),
            Json::Object(entries) => Value::map(
                entries
                    .iter()
                    .map(|(key, value)| (Value::Text(key.clone()), Value::from(value)))
                    .collect(),
            ),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

/// Writes the value as EDN, which for numbers, texts and lists of them reads like any notation.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn row(f: &mut fmt::Formatter<'_>, elements: &[Value]) -> fmt::Result {
            for (place, element) in elements.iter().enumerate() {
                if place > 0 {
                    f.write_str(" ")?;
                }
                write!(f, "{element}")?;
            }
            Ok(())
        }
        match self {
            Value::Nil => f.write_str("nil"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Float(bits) => write!(f, "{:?}", f64::from_bits(*bits)),
            Value::Text(text) => {
                f.write_str("\"")?;
                for letter in text.chars() {
                    match letter {
                        '"' => f.write_str("\\\"")?,
                        '\\' => f.write_str("\\\\")?,
                        '\n' => f.write_str("\\n")?,
                        '\r' => f.write_str("\\r")?,
                        '\t' => f.write_str("\\t")?,
                        other => write!(f, "{other}")?,
                    }
                }
                f.write_str("\"")
            }
            Value::Name(name) if is_great_number(name) => f.write_str(name),
            Value::Name(name) => write!(f, ":{name}"),
            Value::List(elements) => {
                f.write_str("[")?;
                row(f, elements)?;
                f.write_str("]")
            }
            Value::Set(elements) => {
                f.write_str("#{")?;
                row(f, elements)?;
                f.write_str("}")
            }
            Value::Map(entries) => {
                f.write_str("{")?;
                for (place, (key, value)) in entries.iter().enumerate() {
                    if place > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{key} {value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_and_sets_do_not_depend_on_the_order_of_writing() {
        let pair = |key: &str, value| (Value::from(key), Value::Int(value));
        assert_eq!(
            Value::map(vec![pair("a", 1), pair("b", 2)]),
            Value::map(vec![pair("b", 2), pair("a", 0), pair("a", 1)])
        );
        assert_eq!(
            Value::set(vec![Value::Int(2), Value::Int(1)]),
            Value::set(vec![Value::Int(1), Value::Int(2), Value::Int(1)])
        );
    }

    #[test]
    fn text_is_escaped_as_edn() {
        assert_eq!(Value::from("a \"b\"\n").to_string(), r#""a \"b\"\n""#);
    }

    #[test]
    fn great_whole_numbers_stay_apart() {
        let edn = |text: &str| crate::formats::edn::parse(text.as_bytes()).unwrap();
        assert_eq!(edn("9223372036854775807"), Value::Int(i64::MAX));
        for (one, other) in [
            ("9223372036854775808", "9223372036854775809"),
            ("-123456789012345678901N", "-123456789012345678902N"),
        ] {
            assert_ne!(edn(one), edn(other));
            assert_eq!(edn(one).to_string(), one.trim_end_matches('N'));
            assert_eq!(edn(one), edn(&edn(one).to_string()));
        }
        let json =
            |text: &str| Value::from(&serde_json::from_str::<serde_json::Value>(text).unwrap());
        assert_ne!(json("18446744073709551615"), json("18446744073709551614"));
        assert_eq!(json("18446744073709551615"), edn("18446744073709551615"));
    }
}
