//! One value that was checked against a column.

use kensho_query::types::Column;
use serde::de::DeserializeSeed;

use super::cell::Cell;
use super::rows::{RowError, without_place};

/// A value that fits a column, in the form in which it is kept.
#[derive(Clone, Debug)]
pub(super) struct ValidValue(Vec<u8>);

impl ValidValue {
    /// A value from its JSON text.
    pub(super) fn read(column: &Column, text: &[u8]) -> Result<Self, RowError> {
        let mut value = Vec::new();
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let cell = Cell {
            column,
            is_key: false,
            out: &mut value,
            key_texts: &mut String::new(),
        };
        let read = cell.deserialize(&mut deserializer);
        match read.and_then(|_| deserializer.end()) {
            Ok(()) => Ok(ValidValue(value)),
            Err(error) => Err(RowError::NotRows(format!(
                "column \"{}\" ({}): {}",
                column.name,
                column.kind,
                without_place(&error.to_string())
            ))),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
