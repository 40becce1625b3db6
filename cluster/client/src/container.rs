//! The description of a container.

use serde::Serialize;

/// A collection: rows with a row key, which is the first column.
#[derive(Clone, Debug, Serialize)]
pub struct Container {
    #[serde(rename = "container_name")]
    name: String,
    container_type: &'static str,
    rowkey: bool,
    columns: Vec<Column>,
}

#[derive(Clone, Debug, Serialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Container {
    /// The name of the row key's column.
    pub const KEY: &'static str = "key";

    /// A collection whose rows are found by a column [`Container::KEY`] of this type: `STRING`, `INTEGER`,
    /// `LONG` or `TIMESTAMP`.
    #[must_use]
    pub fn keyed(name: impl Into<String>, key_type: impl Into<String>) -> Self {
        Container {
            name: name.into(),
            container_type: "COLLECTION",
            rowkey: true,
            columns: Vec::new(),
        }
        .column(Self::KEY, key_type)
    }

    /// The same, with one more column of this name and type.
    #[must_use]
    pub fn column(mut self, name: impl Into<String>, kind: impl Into<String>) -> Self {
        self.columns.push(Column {
            name: name.into(),
            kind: kind.into(),
        });
        self
    }

    /// The container's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
