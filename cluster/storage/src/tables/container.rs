//! What a container is like: its kind, its columns, its row key.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::key::{InvalidKey, Key, KeyType};
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

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnType,
    /// Whether a value may be missing (`null`). Never true of a row key.
    pub nullable: bool,
    /// The indexes on it, as they were asked for.
    pub indexes: Vec<String>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ColumnType {
    /// Of what type.
    pub scalar: ScalarType,
    /// Whether it holds arrays of that.
    pub array: bool,
}

/// The types of single values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScalarType {
    /// true or false
    Bool,
    /// text
    String,
    /// whole number of 8 bits
    Byte,
    /// whole number of 16 bits
    Short,
    /// whole number of 32 bits
    Integer,
    /// whole number of 64 bits
    Long,
    /// floating point number of 32 bits
    Float,
    /// floating point number of 64 bits
    Double,
    /// point in time
    Timestamp,
    /// well-known text
    Geometry,
    /// base64
    Blob,
}

impl ScalarType {
    const NAMES: [(&'static str, ScalarType); 11] = [
        ("BOOL", ScalarType::Bool),
        ("STRING", ScalarType::String),
        ("BYTE", ScalarType::Byte),
        ("SHORT", ScalarType::Short),
        ("INTEGER", ScalarType::Integer),
        ("LONG", ScalarType::Long),
        ("FLOAT", ScalarType::Float),
        ("DOUBLE", ScalarType::Double),
        ("TIMESTAMP", ScalarType::Timestamp),
        ("GEOMETRY", ScalarType::Geometry),
        ("BLOB", ScalarType::Blob),
    ];
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = ScalarType::NAMES
            .iter()
            .find(|(_, scalar)| *scalar == self.scalar)
            .map_or("", |(name, _)| name);
        f.write_str(name)?;
        f.write_str(if self.array { "_ARRAY" } else { "" })
    }
}

impl ColumnType {
    fn parse(name: &str) -> Option<Self> {
        let (scalar, array) = match name.strip_suffix("_ARRAY") {
            Some(scalar) => (scalar, true),
            None => (name, false),
        };
        let (_, scalar) = ScalarType::NAMES.iter().find(|(name, _)| *name == scalar)?;
        let no_arrays = matches!(scalar, ScalarType::Geometry | ScalarType::Blob);
        (!array || !no_arrays).then_some(ColumnType {
            scalar: *scalar,
            array,
        })
    }

    fn key_type(self) -> Option<KeyType> {
        match (self.scalar, self.array) {
            (ScalarType::String, false) => Some(KeyType::Text),
            (ScalarType::Integer, false) => Some(KeyType::Integer),
            (ScalarType::Long, false) => Some(KeyType::Long),
            (ScalarType::Timestamp, false) => Some(KeyType::Timestamp),
            _ => None,
        }
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
struct ColumnDescription {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    index: Vec<String>,
}

/// Most columns of a container.
const COLUMN_LIMIT: usize = 1024;

impl ContainerInfo {
    /// A container's name and what it is like, from the JSON text
    /// `{"container_name","container_type","rowkey","columns":[{"name","type","index"}]}`.
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

    fn check(&self) -> Result<(), InvalidContainer> {
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
        if self.row_key && first.kind.key_type().is_none() {
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
                .map(|column| ColumnDescription {
                    name: column.name.clone(),
                    kind: column.kind.to_string(),
                    index: column.indexes.clone(),
                })
                .collect(),
        };
        serde_json::to_vec(&description).expect("names and lists can be written as JSON")
    }

    /// Which keys the rows have; `None` if they have none.
    #[must_use]
    pub fn key_type(&self) -> Option<KeyType> {
        let first = self.columns.first().filter(|_| self.row_key)?;
        first.kind.key_type()
    }

    /// A row's key from its text.
    ///
    /// # Errors
    /// When it is no key of this container.
    pub fn parse_key<'a>(&self, text: &'a str) -> Result<Key<'a>, InvalidKey> {
        match self.key_type() {
            Some(kind) => kind.parse(text),
            None => Err(InvalidKey(
                "the container has no row key, so none of its rows can be named".to_owned(),
            )),
        }
    }
}

impl ColumnDescription {
    fn check(self, is_key: bool) -> Result<Column, InvalidContainer> {
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
        for index in &self.index {
            if !matches!(index.as_str(), "TREE" | "SPATIAL") {
                return Err(InvalidContainer(format!(
                    "column \"{}\" asks for the index \"{index}\"; the indexes are TREE and SPATIAL",
                    self.name
                )));
            }
        }
        Ok(Column {
            name: self.name,
            kind,
            nullable: !is_key,
            indexes: self.index,
        })
    }
}

/// No container can be like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidContainer(String);

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
