//! One value of a row: checked against its column, and written in the one form in which it is kept.

use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, SeqAccess, Visitor};

use kensho_query::geometry::is_geometry;
use kensho_query::timestamp::parse_timestamp;
use kensho_query::types::{Column, ScalarType};

/// What a value is as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Integer(i64),
    Timestamp(i64),
    /// The text was added to the end of the key texts.
    Text,
    /// Nothing that could be a key.
    Other,
}

/// Reads one value.
pub(super) struct Cell<'a> {
    pub(super) column: &'a Column,
    pub(super) is_key: bool,
    /// The value's compact JSON text is added here.
    pub(super) out: &'a mut Vec<u8>,
    /// The text of a key is added here.
    pub(super) key_texts: &'a mut String,
}

impl<'de> DeserializeSeed<'de> for Cell<'_> {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Cell<'_> {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.column.kind.array {
            f.write_str("an array of ")?;
        }
        f.write_str(match self.column.kind.scalar {
            ScalarType::Bool => "true or false",
            ScalarType::String => "text",
            ScalarType::Byte => "a whole number from -128 to 127",
            ScalarType::Short => "a whole number from -32768 to 32767",
            ScalarType::Integer => "a whole number from -2147483648 to 2147483647",
            ScalarType::Long => "a whole number from -9223372036854775808 to 9223372036854775807",
            ScalarType::Float => "a number that fits into 32 bits",
            ScalarType::Double => "a number that fits into 64 bits",
            ScalarType::Timestamp => "a time from 1970 on, like \"2026-01-31T23:59:59.999Z\"",
            ScalarType::Geometry => "a geometry as well-known text, like \"POINT(1 2)\"",
            ScalarType::Blob => "bytes as base64 text",
        })
    }

    fn visit_unit<E: de::Error>(self) -> Result<Seen, E> {
        if !self.column.nullable {
            return Err(self.wrong("null"));
        }
        self.out.extend_from_slice(b"null");
        Ok(Seen::Other)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Seen, E> {
        if self.scalar() != Some(ScalarType::Bool) {
            return Err(self.wrong(if value { "true" } else { "false" }));
        }
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
        Ok(Seen::Other)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Seen, E> {
        match self.scalar() {
            Some(ScalarType::Float | ScalarType::Double) => self.float(value as f64),
            Some(scalar) => match range(scalar) {
                Some(range) if range.contains(&value) => {
                    write(self.out, &value);
                    Ok(Seen::Integer(value))
                }
                _ => Err(self.wrong(&value.to_string())),
            },
            None => Err(self.wrong(&value.to_string())),
        }
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Seen, E> {
        match (i64::try_from(value), self.scalar()) {
            (Ok(value), _) => self.visit_i64(value),
            (Err(_), Some(ScalarType::Float | ScalarType::Double)) => self.float(value as f64),
            (Err(_), _) => Err(self.wrong(&value.to_string())),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Seen, E> {
        match self.scalar() {
            Some(ScalarType::Float | ScalarType::Double) => self.float(value),
            _ => Err(self.wrong(&value.to_string())),
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Seen, E> {
        let Some(scalar) = self.scalar() else {
            return Err(self.wrong_text(value));
        };
        match scalar {
            ScalarType::Geometry if !is_geometry(value) => Err(self.wrong_text(value)),
            ScalarType::String | ScalarType::Geometry => {
                write_text(self.out, value);
                if self.is_key {
                    self.key_texts.push_str(value);
                    return Ok(Seen::Text);
                }
                Ok(Seen::Other)
            }
            ScalarType::Blob if is_base64(value.as_bytes()) => {
                write_text(self.out, value);
                Ok(Seen::Other)
            }
            ScalarType::Timestamp => match parse_timestamp(value) {
                Some(time) if time >= 0 => {
                    write_text(self.out, value);
                    Ok(Seen::Timestamp(time))
                }
                _ => Err(self.wrong_text(value)),
            },
            ScalarType::Byte | ScalarType::Short | ScalarType::Integer | ScalarType::Long => {
                match value.parse() {
                    Ok(number) => self.visit_i64(number),
                    Err(_) => Err(self.wrong_text(value)),
                }
            }
            // Read as what it is to be, so that it is rounded once.
            ScalarType::Float => match value.parse::<f32>() {
                Ok(number) => self.float(number.into()),
                Err(_) => Err(self.wrong_text(value)),
            },
            ScalarType::Double => match value.parse() {
                Ok(number) => self.float(number),
                Err(_) => Err(self.wrong_text(value)),
            },
            ScalarType::Bool if value.eq_ignore_ascii_case("true") => self.visit_bool(true),
            ScalarType::Bool if value.eq_ignore_ascii_case("false") => self.visit_bool(false),
            ScalarType::Bool | ScalarType::Blob => Err(self.wrong_text(value)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Seen, A::Error> {
        if !self.column.kind.array {
            return Err(self.wrong("an array"));
        }
        let mut element = self.column.clone();
        element.kind.array = false;
        element.nullable = false;
        self.out.push(b'[');
        let mut is_first = true;
        loop {
            let end = self.out.len();
            if !is_first {
                self.out.push(b',');
            }
            let next = sequence.next_element_seed(Cell {
                column: &element,
                is_key: false,
                out: self.out,
                key_texts: self.key_texts,
            })?;
            if next.is_none() {
                self.out.truncate(end);
                break;
            }
            is_first = false;
        }
        self.out.push(b']');
        Ok(Seen::Other)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, _: A) -> Result<Seen, A::Error> {
        Err(self.wrong("an object"))
    }
}

impl Cell<'_> {
    /// The column's type, unless it holds arrays.
    fn scalar(&self) -> Option<ScalarType> {
        (!self.column.kind.array).then_some(self.column.kind.scalar)
    }

    fn float<E: de::Error>(self, value: f64) -> Result<Seen, E> {
        let is_float = self.column.kind.scalar == ScalarType::Float;
        let narrow = value as f32;
        let is_finite = value.is_finite() && (!is_float || narrow.is_finite());
        if !is_finite {
            return Err(self.wrong(&value.to_string()));
        }
        if is_float {
            write(self.out, &narrow);
        } else {
            write(self.out, &value);
        }
        Ok(Seen::Other)
    }

    fn wrong<E: de::Error>(&self, got: &str) -> E {
        E::custom(format_args!(
            "expected {}, got {got}",
            self as &dyn de::Expected
        ))
    }

    fn wrong_text<E: de::Error>(&self, got: &str) -> E {
        let shown: String = got.chars().take(64).collect();
        let rest = if shown.len() < got.len() { "…" } else { "" };
        self.wrong(&format!("\"{shown}{rest}\""))
    }
}

fn range(scalar: ScalarType) -> Option<std::ops::RangeInclusive<i64>> {
    Some(match scalar {
        ScalarType::Byte => i8::MIN.into()..=i8::MAX.into(),
        ScalarType::Short => i16::MIN.into()..=i16::MAX.into(),
        ScalarType::Integer => i32::MIN.into()..=i32::MAX.into(),
        ScalarType::Long => i64::MIN..=i64::MAX,
        _ => return None,
    })
}

fn write<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("numbers and text can be written as JSON");
}

/// Writes a text as JSON. Nearly all texts need no escapes, and whether one does is found out many
/// bytes at a time.
fn write_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let escaped = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    if bytes.iter().fold(false, |any, &byte| any | escaped(byte)) {
        return write(out, text);
    }
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    out.extend_from_slice(bytes);
    out.push(b'"');
}

/// Whether `text` is base64 with padding (RFC 4648, section 4).
fn is_base64(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = &text[..text.len() - padding];
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len().is_multiple_of(4) && padding <= 2 && digits.iter().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_written_as_any_writer_of_json_does(text in "[\\x00-\\x7fäß€\u{10348}]{0,40}") {
            let mut written = Vec::new();
            write_text(&mut written, &text);
            prop_assert_eq!(written, serde_json::to_vec(&text).unwrap());
        }
    }
}
