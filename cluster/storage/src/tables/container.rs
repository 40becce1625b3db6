//! What a container is like: its kind, its columns, its row key.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};

use kensho_query::types::{Column, ColumnType, ScalarType};

use super::key::{InvalidKey, Key, KeyType, parse_inserted};
use super::name::check_name;

/// What a container is like.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContainerInfo {
    /// Its kind.
    pub kind: ContainerKind,
    /// Whether the first column is the row key.
    pub row_key: bool,
    /// Its columns; there is at least one.
    pub columns: Vec<Column>,
}

/// The kinds of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ContainerKind {
    /// Rows by any key, or none.
    Collection,
    /// Rows by time.
    TimeSeries,
}

/// Which keys a column of this type makes, if it can be a row key.
fn key_type(kind: ColumnType) -> Option<KeyType> {
    match (kind.scalar, kind.array) {
        (ScalarType::String, false) => Some(KeyType::Text),
        (ScalarType::Integer, false) => Some(KeyType::Integer),
        (ScalarType::Long, false) => Some(KeyType::Long),
        (ScalarType::Timestamp, false) => Some(KeyType::Timestamp),
        _ => None,
    }
}

/// A container as clients describe it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    container_name: String,
    container_type: String,
    rowkey: bool,
    columns: Vec<ColumnDescription>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnDescription {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    /// Only milliseconds are kept.
    #[serde(default, rename = "timePrecision", skip_serializing)]
    time_precision: Option<String>,
    #[serde(default, deserialize_with = "listed")]
    index: Vec<String>,
    #[serde(default, rename = "notNull", skip_serializing_if = "is_false")]
    not_null: bool,
}

/// A list, or `null` for none.
fn listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

// serde hands in a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

/// Most columns of a container.
const COLUMN_LIMIT: usize = 1024;

impl ContainerInfo {
    /// A container's name and what it is like, from the JSON text
    /// `{"container_name","container_type","rowkey","columns":[{"name","type","index","notNull"}]}`, of
    /// which the last two may be left out.
    ///
    /// # Errors
    /// When the text is something else, or no container can be like that.
    pub fn from_json(text: &[u8]) -> Result<(String, Self), InvalidContainer> {
        let description: Description = serde_json::from_slice(text)
            .map_err(|error| InvalidContainer(format!("no description of a container: {error}")))?;
        check_name(&description.container_name)
            .map_err(|error| InvalidContainer(error.to_string()))?;
        let kind = match description.container_type.as_str() {
            "COLLECTION" => ContainerKind::Collection,
            "TIME_SERIES" => ContainerKind::TimeSeries,
            other => {
                return Err(InvalidContainer(format!(
                    "container_type is COLLECTION or TIME_SERIES, not \"{other}\""
                )));
            }
        };
        let row_key = description.rowkey;
        let columns = description.columns.into_iter().enumerate();
        let columns: Vec<Column> = columns
            .map(|(index, column)| column.check(row_key && index == 0))
            .collect::<Result<_, _>>()?;
        let info = ContainerInfo {
            kind,
            row_key,
            columns,
        };
        info.check()?;
        Ok((description.container_name, info))
    }

    pub(super) fn check(&self) -> Result<(), InvalidContainer> {
        let invalid = |what: String| Err(InvalidContainer(what));
        if self.columns.is_empty() || self.columns.len() > COLUMN_LIMIT {
            return invalid(format!(
                "a container has 1 to {COLUMN_LIMIT} columns, not {}",
                self.columns.len()
            ));
        }
        let mut names = BTreeSet::new();
        for column in &self.columns {
            if !names.insert(column.name.to_ascii_lowercase()) {
                return invalid(format!("there are two columns \"{}\"", column.name));
            }
        }
        let first = &self.columns[0];
        if self.row_key && key_type(first.kind).is_none() {
            return invalid(format!(
                "the row key \"{}\" is a STRING, INTEGER, LONG or TIMESTAMP, not a {}",
                first.name, first.kind
            ));
        }
        if self.kind == ContainerKind::TimeSeries && self.key_type() != Some(KeyType::Timestamp) {
            return invalid("the row key of a time series is a TIMESTAMP".to_owned());
        }
        Ok(())
    }

    /// The JSON text that [`ContainerInfo::from_json`] reads.
    #[must_use]
    pub fn to_json(&self, name: &str) -> Vec<u8> {
        let columns = self.columns.iter();
        let description = Description {
            container_name: name.to_owned(),
            container_type: match self.kind {
                ContainerKind::Collection => "COLLECTION".to_owned(),
                ContainerKind::TimeSeries => "TIME_SERIES".to_owned(),
            },
            rowkey: self.row_key,
            columns: columns
                .enumerate()
                .map(|(number, column)| ColumnDescription {
                    name: column.name.clone(),
                    kind: column.kind.to_string(),
                    time_precision: None,
                    index: column.indexes.clone(),
                    // Of a row key it goes without saying.
                    not_null: !(column.nullable || number == 0 && self.row_key),
                })
                .collect(),
        };
        serde_json::to_vec(&description).expect("names and lists can be written as JSON")
    }

    /// Which keys the rows have; `None` if they have none.
    #[must_use]
    pub fn key_type(&self) -> Option<KeyType> {
        let first = self.columns.first().filter(|_| self.row_key)?;
        key_type(first.kind)
    }

    /// A row's key from its text; without a row key, its id.
    ///
    /// # Errors
    /// When it is no key of this container.
    pub fn parse_key<'a>(&self, text: &'a str) -> Result<Key<'a>, InvalidKey> {
        match self.key_type() {
            Some(kind) => kind.parse(text),
            None => parse_inserted(text),
        }
    }
}

impl ColumnDescription {
    /// A column that may have nulls.
    pub(super) fn of(name: &str, kind: &str, indexes: &[String]) -> Self {
        ColumnDescription {
            name: name.to_owned(),
            kind: kind.to_owned(),
            time_precision: None,
            index: indexes.to_vec(),
            not_null: false,
        }
    }

    pub(super) fn check(self, is_key: bool) -> Result<Column, InvalidContainer> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./=".contains(&byte);
        if self.name.is_empty() || self.name.len() > 256 || !self.name.bytes().all(allowed) {
            return Err(InvalidContainer(format!(
                "\"{}\" cannot be the name of a column: a name has 1 to 256 of the characters \
                 A-Z a-z 0-9 _ - . / =",
                self.name.chars().take(64).collect::<String>()
            )));
        }
        let Some(kind) = ColumnType::parse(&self.kind) else {
            let types: Vec<&str> = ScalarType::NAMES.iter().map(|(name, _)| *name).collect();
            return Err(InvalidContainer(format!(
                "column \"{}\" has the type \"{}\"; the types are {}, and, but for the last two, the \
                 same with _ARRAY",
                self.name,
                self.kind,
                types.join(" ")
            )));
        };
        let precision = self.time_precision.as_deref();
        if precision.is_some_and(|precision| precision != "MILLISECOND") {
            return Err(InvalidContainer(format!(
                "column \"{}\" has a timePrecision that is not offered; times are kept to the MILLISECOND",
                self.name
            )));
        }
        let mut indexes: Vec<String> = Vec::new();
        for index in self.index {
            if !kind.may_have_index(&index) {
                return Err(InvalidContainer(format!(
                    "column \"{}\" ({kind}) asks for the index \"{index}\"; there is TREE, for all but \
                     arrays, BLOB and GEOMETRY, and SPATIAL for GEOMETRY",
                    self.name
                )));
            }
            if !indexes.contains(&index) {
                indexes.push(index);
            }
        }
        Ok(Column {
            name: self.name,
            kind,
            nullable: !is_key && !self.not_null,
            indexes,
        })
    }
}

/// No container can be like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidContainer(pub(super) String);

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(kind: &str, rowkey: bool, columns: &str) -> Result<ContainerInfo, String> {
        let text = format!(
            r#"{{"container_name":"t","container_type":"{kind}","rowkey":{rowkey},"columns":[{columns}]}}"#
        );
        let read = ContainerInfo::from_json(text.as_bytes());
        read.map(|(_, info)| info)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_description_comes_back_as_it_was_given() {
        let text = r#"{"container_name":"Sensors@a","container_type":"TIME_SERIES","rowkey":true,"columns":[{"name":"time","type":"TIMESTAMP","index":[]},{"name":"values","type":"DOUBLE_ARRAY","index":[]},{"name":"id","type":"LONG","index":["TREE"]}]}"#;
        let (name, info) = ContainerInfo::from_json(text.as_bytes()).unwrap();
        assert_eq!(name, "Sensors@a");
        assert_eq!(info.key_type(), Some(KeyType::Timestamp));
        assert!(!info.columns[0].nullable && info.columns[1].nullable);
        assert_eq!(String::from_utf8(info.to_json(&name)).unwrap(), text);
    }

    #[test]
    fn what_may_be_left_out_may_be_null_or_said() {
        let columns = r#"{"name":"t","type":"TIMESTAMP","timePrecision":"MILLISECOND","index":null},
            {"name":"v","type":"LONG","notNull":true,"index":["TREE","TREE"]}"#;
        let info = describe("TIME_SERIES", true, columns).unwrap();
        assert_eq!(info.columns[1].indexes, ["TREE"]);
        assert!(!info.columns[1].nullable);
        let told = String::from_utf8(info.to_json("t")).unwrap();
        assert!(
            told.contains(r#"{"name":"t","type":"TIMESTAMP","index":[]}"#),
            "{told}"
        );
        let value = r#"{"name":"v","type":"LONG","index":["TREE"],"notNull":true}"#;
        assert!(told.contains(value), "{told}");
    }

    #[test]
    fn a_wrong_description_is_explained() {
        let id = r#"{"name":"id","type":"LONG"}"#;
        for (kind, columns, what) in [
            ("TABLE", id, "not \"TABLE\""),
            ("COLLECTION", "", "1 to 1024 columns, not 0"),
            ("TIME_SERIES", id, "is a TIMESTAMP"),
            (
                "COLLECTION",
                r#"{"name":"id","type":"NUMBER"}"#,
                "\"NUMBER\"",
            ),
            (
                "COLLECTION",
                r#"{"name":"id","type":"BLOB_ARRAY"}"#,
                "\"BLOB_ARRAY\"",
            ),
            (
                "COLLECTION",
                r#"{"name":"id","type":"DOUBLE"}"#,
                "not a DOUBLE",
            ),
            (
                "COLLECTION",
                r#"{"name":"id","type":"LONG_ARRAY"}"#,
                "not a LONG_ARRAY",
            ),
            ("COLLECTION", r#"{"name":"i d","type":"LONG"}"#, "\"i d\""),
            (
                "COLLECTION",
                r#"{"name":"id","type":"LONG","index":["HASH"]}"#,
                "\"HASH\"",
            ),
            (
                "COLLECTION",
                r#"{"name":"id","type":"LONG"},{"name":"a","type":"LONG_ARRAY","index":["TREE"]}"#,
                "\"a\" (LONG_ARRAY) asks for the index",
            ),
            (
                "COLLECTION",
                r#"{"name":"id","type":"LONG"},{"name":"t","type":"TIMESTAMP","timePrecision":"NANOSECOND"}"#,
                "MILLISECOND",
            ),
            ("COLLECTION", r#"{"name":"id"}"#, "missing field `type`"),
            (
                "COLLECTION",
                r#"{"name":"id","type":"LONG","key":1}"#,
                "unknown field `key`",
            ),
            (
                "COLLECTION",
                r#"{"name":"id","type":"LONG"},{"name":"ID","type":"LONG"}"#,
                "two columns \"ID\"",
            ),
        ] {
            let error = describe(kind, true, columns).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
        assert!(describe("COLLECTION", false, r#"{"name":"d","type":"DOUBLE"}"#).is_ok());
        assert!(ContainerInfo::from_json(b"[]").is_err());
    }
}
