//! The description of a container.

use serde::{Deserialize, Serialize};

/// What a container is like. The columns come in the order of a row's values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    #[serde(rename = "container_name")]
    name: String,
    container_type: String,
    rowkey: bool,
    columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    index: Vec<String>,
    #[serde(default, rename = "notNull", skip_serializing_if = "is_false")]
    not_null: bool,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

impl Container {
    /// The name of the row key's column.
    pub const KEY: &'static str = "key";

    /// What a node says of a container (`/containers/{container}/info`), for one like it.
    ///
    /// # Errors
    /// When this is no description of a container.
    pub fn from_json(description: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(description)
    }

    /// A collection whose rows are found by a column [`Container::KEY`] of this type: `STRING`, `INTEGER`,
    /// `LONG` or `TIMESTAMP`.
    #[must_use]
    pub fn keyed(name: impl Into<String>, key_type: impl Into<String>) -> Self {
        Container {
            name: name.into(),
            container_type: "COLLECTION".to_owned(),
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
            index: Vec::new(),
            not_null: false,
        });
        self
    }

    /// The container's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_node_says_is_understood_and_said_again() {
        let told =
            br#"{"container_name":"c","container_type":"TIME_SERIES","rowkey":true,"columns":[
            {"name":"at","type":"TIMESTAMP","index":[],"notNull":false},
            {"name":"v","type":"LONG","index":["TREE"],"notNull":true}]}"#;
        let container = Container::from_json(told).expect("a description");
        let again = serde_json::to_vec(&container).expect("JSON");
        assert_eq!(
            Container::from_json(&again).expect("a description"),
            container
        );
        assert!(
            String::from_utf8(again)
                .expect("text")
                .contains("\"index\":[\"TREE\"],\"notNull\":true")
        );
        assert!(Container::from_json(br#"{"container_name":"c"}"#).is_err());
    }
}
