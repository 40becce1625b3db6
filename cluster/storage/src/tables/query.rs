//! Questions and answers, as bytes.

use std::borrow::Cow;

use bytes::Bytes;
use kensho_protocol::ids::Position;
use kensho_query::Code;
use kensho_query::types::ColumnType;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::container::{ContainerInfo, ContainerKind};
use super::statement::{Raw, encoded};

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query<'a> {
    /// What a container is like.
    ContainerInfo {
        /// Its name.
        name: &'a str,
    },
    /// The names of all containers of the partition...
    ListContainers {
        /// ...of this kind...
        kind: Option<ContainerKind>,
        /// ...that begin with this, whatever its case.
        prefix: &'a str,
    },
    /// All rows of the partition, see [`Answer::Everything`].
    Everything,
    /// One row.
    Get {
        /// The container's name.
        container: &'a str,
        /// The key as text.
        key: &'a str,
    },
    /// Rows, or what is made of them.
    Select {
        /// The container's name.
        container: &'a str,
        /// Which.
        #[serde(borrow)]
        wanted: Wanted<'a>,
        /// So many are left out at the beginning.
        offset: u64,
        /// At most so many are given.
        limit: u64,
        /// What `NOW()` is: milliseconds since 1970.
        now: i64,
    },
}

/// Which rows of a container are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted<'a> {
    /// Those for which a condition holds.
    Rows {
        /// The condition; none holds for all.
        condition: Option<&'a str>,
        /// The columns by which they are sorted; without any, they are in the order of their keys.
        sort: Option<&'a str>,
    },
    /// Those whose keys lie between two, themselves included. Keys are texts.
    Range {
        /// The least.
        from: Option<&'a str>,
        /// The greatest.
        to: Option<&'a str>,
    },
    /// Those of these keys, which are texts, in the order of the keys.
    Keys(#[serde(borrow)] Vec<&'a str>),
    /// What a statement of TQL says. It has an offset and a limit of its own; the limit of the query is
    /// the most that it may ask for.
    Tql {
        /// The statement.
        statement: &'a str,
        /// Only these columns of its rows; all if there is none.
        #[serde(borrow)]
        columns: Vec<&'a str>,
    },
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer<'a> {
    /// What the container is like.
    Info {
        /// Its name as it was given.
        name: &'a str,
        /// What it is like.
        info: ContainerInfo,
        /// Where it was created; statements name it as their `schema`.
        created: Position,
    },
    /// All containers and rows as lines of JSON: for each container `{"container":…,"rows":…}`, described as it
    /// is given to create it, followed by so many rows in the order of their keys; and at last
    /// `{"containers":…,"rows":…}`, which counts both.
    #[serde(borrow)]
    Everything(Text<'a>),
    /// Names in the order of their lower-cased forms.
    #[serde(borrow)]
    Names(Vec<&'a str>),
    /// The row.
    Row {
        /// Where it was last written.
        version: Position,
        /// A compact JSON array in column order.
        value: Raw<'a>,
    },
    /// What was asked for.
    Selected(#[serde(borrow)] Selected<'a>),
    /// There is no container of this name.
    NoSuchContainer,
    /// There is no row of this key.
    NoSuchRow,
    /// That text is no key of this container.
    WrongKey(String),
    /// The condition or the statement is wrong.
    WrongQuery(Code, String),
    /// The query makes no sense.
    Malformed,
}

/// Rows, or what was made of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selected<'a> {
    /// Their columns: names and types.
    #[serde(borrow)]
    pub columns: Vec<(Cow<'a, str>, ColumnType)>,
    /// Each a compact JSON array in column order.
    #[serde(borrow)]
    pub rows: Vec<Text<'a>>,
    /// How many there are, those that are left out included; none if it is one value of many rows, or
    /// a plan.
    pub total: Option<u64>,
    /// So many were left out at the beginning.
    pub offset: u64,
    /// So many were to be given at most.
    pub limit: u64,
}

/// Bytes that are a row's, or were made of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, [u8]>);

impl std::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'a [u8]>::deserialize(deserializer).map(|bytes| Text(bytes.into()))
    }
}

encoded!(Query);
encoded!(Answer);
