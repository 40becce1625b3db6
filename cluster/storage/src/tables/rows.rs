//! Rows and keys that were checked against a container's columns, ready to become a statement.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use kensho_protocol::ids::Position;
use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, SeqAccess, Visitor};

use super::cell::{Cell, Seen};
use super::container::ContainerInfo;
use super::key::Key;
use super::statement::{Condition, NewRow, Raw, Statement};

/// Why a row cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The text is not the JSON that it should be.
    #[error("{0}")]
    NotRows(String),
    /// A value does not fit its column.
    #[error("row {row}, column \"{column}\" ({kind}): {what}")]
    Value {
        /// Which row, counted from 1.
        row: usize,
        /// The column's name.
        column: String,
        /// The column's type.
        kind: String,
        /// What is wrong.
        what: String,
    },
    /// A row has more or fewer values than the container has columns.
    #[error("row {row} has {got} values, but the container has {columns} columns")]
    Count {
        /// Which row, counted from 1.
        row: usize,
        /// How many values it has.
        got: usize,
        /// How many it should have.
        columns: usize,
    },
}

/// Room for what a statement takes besides the texts in it, and for what each of its rows does.
const PUT_BYTES: usize = 12;
const ROW_BYTES: usize = 4;

/// Rows that fit a container, with their values in the form in which they are kept.
#[derive(Clone, Debug, Default)]
pub struct ValidRows {
    values: Vec<u8>,
    key_texts: String,
    rows: Vec<(KeyPart, Range<usize>)>,
}

/// Keys that fit a container.
#[derive(Clone, Debug, Default)]
pub struct ValidKeys {
    key_texts: String,
    keys: Vec<KeyPart>,
}

/// A key whose text, if it is one, stands elsewhere.
#[derive(Clone, Debug)]
enum KeyPart {
    Integer(i64),
    Timestamp(i64),
    Text(Range<usize>),
    None,
}

impl KeyPart {
    fn key<'a>(&self, texts: &'a str) -> Key<'a> {
        match self {
            KeyPart::Integer(number) => Key::Integer(*number),
            KeyPart::Timestamp(time) => Key::Timestamp(*time),
            KeyPart::Text(range) => Key::Text(&texts[range.clone()]),
            KeyPart::None => Key::None,
        }
    }

    fn of(seen: Seen, texts: &str, texts_before: usize) -> Self {
        match seen {
            Seen::Integer(number) => KeyPart::Integer(number),
            Seen::Timestamp(time) => KeyPart::Timestamp(time),
            Seen::Text => KeyPart::Text(texts_before..texts.len()),
            Seen::Other => KeyPart::None,
        }
    }
}

impl ValidRows {
    /// One row, from the text of a JSON array of its values.
    ///
    /// # Errors
    /// When it does not fit the container.
    pub fn one(info: &ContainerInfo, text: &[u8]) -> Result<Self, RowError> {
        let mut reading = Reading::new(info);
        reading.rows.values.reserve(text.len());
        let done = read(text, Row(&mut reading));
        reading.finish(done)
    }

    /// Rows, from the text of a JSON array of such arrays.
    ///
    /// # Errors
    /// When one of them does not fit the container.
    pub fn many(info: &ContainerInfo, text: &[u8]) -> Result<Self, RowError> {
        let mut reading = Reading::new(info);
        reading.rows.values.reserve(text.len());
        let done = read(text, Rows(&mut reading));
        reading.finish(done)
    }

    /// How many they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = NewRow<'_>> {
        self.rows.iter().map(|(key, value)| NewRow {
            key: key.key(&self.key_texts),
            value: Raw(&self.values[value.clone()]),
        })
    }

    /// The statement that puts them into the container that was created at `schema`.
    #[must_use]
    pub fn put(&self, container: &str, schema: Position, condition: Condition) -> Bytes {
        let put = Statement::Put {
            container,
            schema,
            condition,
            rows: self.iter().collect(),
        };
        let texts = container.len() + self.key_texts.len() + self.values.len();
        put.encode_in(PUT_BYTES + ROW_BYTES * self.len() + texts)
    }
}

impl ValidKeys {
    /// Keys, from the text of a JSON array.
    ///
    /// # Errors
    /// When one of them is no key of the container.
    pub fn many(info: &ContainerInfo, text: &[u8]) -> Result<Self, RowError> {
        if info.key_type().is_none() {
            return Err(RowError::NotRows(
                "the container has no row key, so none of its rows can be named".to_owned(),
            ));
        }
        let mut reading = Reading::new(info);
        let done = read(text, Keys(&mut reading));
        let rows = reading.finish(done)?;
        Ok(ValidKeys {
            key_texts: rows.key_texts,
            keys: rows.rows.into_iter().map(|(key, _)| key).collect(),
        })
    }

    /// The first of them.
    pub(super) fn first(&self) -> Key<'_> {
        let first = self.keys.first().expect("it was asked for one");
        first.key(&self.key_texts)
    }

    /// The keys in order.
    pub fn iter(&self) -> impl Iterator<Item = Key<'_>> {
        self.keys.iter().map(|key| key.key(&self.key_texts))
    }

    /// How many they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The statement that deletes their rows from the container that was created at `schema`.
    #[must_use]
    pub fn delete(&self, container: &str, schema: Position, condition: Condition) -> Bytes {
        let delete = Statement::Delete {
            container,
            schema,
            condition,
            keys: self.iter().collect(),
        };
        delete.encode()
    }
}

/// The reader of JSON says where in the text something is wrong; a person asks which row and column.
pub(super) fn without_place(error: &str) -> &str {
    match error.rsplit_once(" at line ") {
        Some((what, place)) if place.contains(" column ") => what,
        _ => error,
    }
}

/// Reads `text`; what is wrong with it as JSON is an error.
fn read<'de>(
    text: &'de [u8],
    seed: impl DeserializeSeed<'de, Value = ()>,
) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    seed.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Rows on their way in.
struct Reading<'a> {
    info: &'a ContainerInfo,
    rows: ValidRows,
    /// What is wrong with a value; the error of the JSON reader only says that there is something.
    problem: Option<RowError>,
}

impl<'a> Reading<'a> {
    fn new(info: &'a ContainerInfo) -> Self {
        Reading {
            info,
            rows: ValidRows::default(),
            problem: None,
        }
    }

    fn finish(self, read: Result<(), serde_json::Error>) -> Result<ValidRows, RowError> {
        match (read, self.problem) {
            (Ok(()), _) => Ok(self.rows),
            (Err(_), Some(problem)) => Err(problem),
            (Err(error), None) => Err(RowError::NotRows(error.to_string())),
        }
    }

    /// Notes what is wrong with a value, unless the JSON itself is.
    fn note<E: fmt::Display>(&mut self, column: usize, error: &E) {
        let text = error.to_string();
        let what = without_place(&text);
        if what.starts_with("expected ") && what.contains(", got ") {
            let column = &self.info.columns[column];
            self.problem.get_or_insert(RowError::Value {
                row: self.rows.rows.len() + 1,
                column: column.name.clone(),
                kind: column.kind.to_string(),
                what: what.to_owned(),
            });
        }
    }
}

/// An array of rows.
struct Rows<'a, 'b>(&'b mut Reading<'a>);

/// An array of values.
struct Row<'a, 'b>(&'b mut Reading<'a>);

/// An array of keys.
struct Keys<'a, 'b>(&'b mut Reading<'a>);

macro_rules! sequence {
    ($name:ident, $expected:literal) => {
        impl<'de> DeserializeSeed<'de> for $name<'_, '_> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_seq(self)
            }
        }

        impl<'de> Visitor<'de> for $name<'_, '_> {
            type Value = ();

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($expected)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<(), A::Error> {
                self.read(sequence)
            }
        }
    };
}

sequence!(
    Rows,
    "an array of rows, each an array of values in column order"
);
sequence!(Row, "a row: an array of values in column order");
sequence!(Keys, "an array of row keys");

impl Rows<'_, '_> {
    fn read<'de, A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element_seed(Row(self.0))?.is_some() {}
        Ok(())
    }
}

impl Row<'_, '_> {
    fn read<'de, A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let reading = self.0;
        let info = reading.info;
        let (start, texts_before) = (reading.rows.values.len(), reading.rows.key_texts.len());
        let mut key = KeyPart::None;
        for (index, column) in info.columns.iter().enumerate() {
            let is_key = index == 0 && info.row_key;
            reading
                .rows
                .values
                .push(if index == 0 { b'[' } else { b',' });
            let cell = Cell {
                column,
                is_key,
                out: &mut reading.rows.values,
                key_texts: &mut reading.rows.key_texts,
            };
            match sequence.next_element_seed(cell) {
                Ok(Some(seen)) if is_key => {
                    key = KeyPart::of(seen, &reading.rows.key_texts, texts_before);
                }
                Ok(Some(_)) => {}
                Ok(None) => return Err(reading.wrong_count(index)),
                Err(error) => {
                    reading.note(index, &error);
                    return Err(error);
                }
            }
        }
        let mut got = info.columns.len();
        while sequence.next_element::<IgnoredAny>()?.is_some() {
            got += 1;
        }
        if got > info.columns.len() {
            return Err(reading.wrong_count(got));
        }
        reading.rows.values.push(b']');
        let value = start..reading.rows.values.len();
        reading.rows.rows.push((key, value));
        Ok(())
    }
}

impl Keys<'_, '_> {
    fn read<'de, A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let reading = self.0;
        loop {
            let rows = &mut reading.rows;
            rows.values.clear();
            let texts_before = rows.key_texts.len();
            let cell = Cell {
                column: &reading.info.columns[0],
                is_key: true,
                out: &mut rows.values,
                key_texts: &mut rows.key_texts,
            };
            match sequence.next_element_seed(cell) {
                Ok(Some(seen)) => {
                    let key = KeyPart::of(seen, &rows.key_texts, texts_before);
                    rows.rows.push((key, 0..0));
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    reading.note(0, &error);
                    return Err(error);
                }
            }
        }
    }
}

impl Reading<'_> {
    fn wrong_count<E: de::Error>(&mut self, got: usize) -> E {
        let error = RowError::Count {
            row: self.rows.rows.len() + 1,
            got,
            columns: self.info.columns.len(),
        };
        let text = E::custom(&error);
        self.problem.get_or_insert(error);
        text
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
