//! What columns hold.

use serde::{Deserialize, Serialize};

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
    /// Their names, as in a container's columns.
    pub const NAMES: [(&'static str, ScalarType); 11] = [
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
    /// The type of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
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

    /// Whether a column of this type may have this index.
    #[must_use]
    pub fn may_have_index(self, index: &str) -> bool {
        match index {
            "TREE" => self.has_order(),
            "SPATIAL" => self.scalar == ScalarType::Geometry,
            _ => false,
        }
    }

    /// Whether values of this type have an order.
    #[must_use]
    pub fn has_order(self) -> bool {
        !self.array && !matches!(self.scalar, ScalarType::Geometry | ScalarType::Blob)
    }

    /// Whether it is of single numbers.
    #[must_use]
    pub fn is_number(self) -> bool {
        self.is_whole()
            || !self.array && matches!(self.scalar, ScalarType::Float | ScalarType::Double)
    }

    /// Whether it is of single whole numbers.
    #[must_use]
    pub fn is_whole(self) -> bool {
        use ScalarType::{Byte, Integer, Long, Short};
        !self.array && matches!(self.scalar, Byte | Short | Integer | Long)
    }
}
