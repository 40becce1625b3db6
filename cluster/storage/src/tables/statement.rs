//! What goes into and comes out of [`Tables`](super::Tables), as bytes.
//!
//! All of it is encoded with postcard. What is decoded borrows from the bytes, so a row is not copied
//! on its way.
//!
//! Statements are in logs, and outcomes in images: what is new in them stands at the end of its `enum`, so
//! that older logs and images are read as they were written.

use std::borrow::Cow;

use bytes::Bytes;
use kensho_protocol::ids::Position;
use kensho_query::Code;
use kensho_query::types::ColumnType;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::container::{ContainerInfo, ContainerKind};
use super::key::Key;

/// An update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statement<'a> {
    /// Makes a container.
    CreateContainer {
        /// Its name; what differs only in case is the same name.
        name: &'a str,
        /// What it is like.
        info: ContainerInfo,
    },
    /// Removes a container with all its rows.
    DropContainer {
        /// Its name.
        name: &'a str,
    },
    /// Inserts rows, or replaces those of the same key: all of them, or none.
    Put {
        /// The container's name.
        container: &'a str,
        /// Where the container was created that the rows were checked against.
        schema: Position,
        /// What must be true of each row's key before.
        condition: Condition,
        /// The rows.
        #[serde(borrow)]
        rows: Vec<NewRow<'a>>,
    },
    /// Removes rows: all that are there, or none if the condition does not hold.
    Delete {
        /// The container's name.
        container: &'a str,
        /// Where the container was created that the keys were checked against.
        schema: Position,
        /// What must be true of each key before.
        condition: Condition,
        /// The keys.
        keys: Vec<Key<'a>>,
    },
    /// Some operations if all requirements are met, and others if not; all of the operations or none.
    Transaction {
        /// The container's name.
        container: &'a str,
        /// Where the container was created that keys and values were checked against.
        schema: Position,
        /// What must be true of rows.
        requirements: Vec<Requirement<'a>>,
        /// What is done if it is.
        #[serde(borrow)]
        then: Vec<Operation<'a>>,
        /// What is done if it is not.
        #[serde(borrow)]
        otherwise: Vec<Operation<'a>>,
    },
}

/// What must be true of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement<'a> {
    /// The row's key.
    #[serde(borrow)]
    pub key: Key<'a>,
    /// What must be true.
    pub must: Must<'a>,
}

/// See [`Requirement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Must<'a> {
    /// It is there.
    Exist,
    /// It is not there.
    BeAbsent,
    /// It was last written there.
    HaveVersion(Position),
    /// It is there, and one of its values compares like this with another. What compares with `null` is
    /// equal to it or not, and nothing else.
    Compare {
        /// The column, counted from 0.
        column: u16,
        /// How.
        comparison: Comparison,
        /// The other value, as it would be kept.
        #[serde(borrow)]
        value: Raw<'a>,
    },
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A part of a transaction. Each sees what those before it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation<'a> {
    /// Reads a row.
    Get(#[serde(borrow)] Key<'a>),
    /// Inserts or replaces a row.
    Put(#[serde(borrow)] NewRow<'a>),
    /// Removes a row, if it is there.
    Delete(#[serde(borrow)] Key<'a>),
    /// Adds elements to the end of an array.
    Append(#[serde(borrow)] Change<'a>),
    /// Adds to a number.
    Add(#[serde(borrow)] Change<'a>),
}

/// A change of one value. If there is no row, one is made of the key and `null`s first; `null` is an array
/// without elements, or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change<'a> {
    /// The row's key.
    #[serde(borrow)]
    pub key: Key<'a>,
    /// The column, counted from 0; never the key.
    pub column: u16,
    /// What is added, as it would be kept: an array of elements, or a number.
    pub value: Raw<'a>,
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done<'a> {
    /// The row that was read.
    Row {
        /// Its version.
        version: Position,
        /// Its value.
        #[serde(borrow)]
        value: Text<'a>,
    },
    /// There is no row to read.
    NoRow,
    /// The row has this version now.
    Stored(Position),
    /// The row is not there any more.
    Deleted {
        /// Whether it was.
        existed: bool,
    },
}

/// Why a transaction cannot be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Fault {
    /// A row that is not there cannot be made of `null`s.
    #[error("there is no such row, and one cannot be made: another column is never null")]
    Incomplete,
    /// The sum does not fit the column.
    #[error("the sum is too large for the column")]
    TooLarge,
    /// The row would be too large.
    #[error("the row would be larger than {} MiB", super::transaction::ROW_BYTES >> 20)]
    RowTooLarge,
    /// All that is read together is too large.
    #[error("what is read is larger than {} MiB", super::transaction::READ_BYTES >> 20)]
    ReadsTooMuch,
}

/// A row of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRow<'a> {
    /// Its key, which is also the first column of its value.
    #[serde(borrow)]
    pub key: Key<'a>,
    /// A compact JSON array in column order.
    pub value: Raw<'a>,
}

/// What must be true of a key for an update to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Condition {
    /// Nothing.
    Any,
    /// There is no row of this key.
    IfAbsent,
    /// There is a row of this key, last written there.
    IfVersion(Position),
}

/// What came of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome<'a> {
    /// The container was made.
    Created,
    /// There is a container of this name.
    AlreadyExists,
    /// The container was removed.
    Dropped,
    /// There is no container of this name.
    NoSuchContainer,
    /// The rows were stored.
    Stored {
        /// Their version.
        version: Position,
        /// How many.
        count: u32,
    },
    /// The rows are not there any more.
    Deleted {
        /// How many were there.
        existed: u32,
    },
    /// Nothing was changed, since the condition did not hold for some key.
    ConditionFailed {
        /// For which row or key of the statement, counted from 0.
        index: u32,
        /// The version of what stood there; none if there was nothing.
        current: Option<Position>,
        /// What stood there. It is no part of what is kept for retries: it is told as long as the row
        /// still has that version.
        #[serde(borrow)]
        value: Option<Raw<'a>>,
    },
    /// The container is another one than the rows were checked against: check them again.
    SchemaChanged,
    /// The statement makes no sense; it changed nothing.
    Malformed,
    /// The transaction was carried out.
    Transacted {
        /// Whether the requirements were met.
        succeeded: bool,
        /// What came of each operation.
        #[serde(borrow)]
        results: Vec<Done<'a>>,
    },
    /// The transaction changed nothing, since an operation cannot be carried out.
    Faulty {
        /// Whether the requirements were met.
        succeeded: bool,
        /// Which operation, counted from 0.
        index: u32,
        /// Why.
        fault: Fault,
    },
}

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

macro_rules! encoded {
    ($name:ident) => {
        impl<'a> $name<'a> {
            /// As bytes.
            ///
            /// # Panics
            /// When memory is exhausted.
            #[must_use]
            pub fn encode(&self) -> Bytes {
                self.encode_in(0)
            }

            /// As bytes, for which so much room is made at first.
            pub(super) fn encode_in(&self, room_bytes: usize) -> Bytes {
                postcard::to_extend(self, Vec::with_capacity(room_bytes))
                    .expect("there is nothing in it that cannot be encoded")
                    .into()
            }

            /// From bytes; `None` if they are something else.
            #[must_use]
            pub fn decode(bytes: &'a [u8]) -> Option<Self> {
                match postcard::take_from_bytes(bytes) {
                    Ok((value, [])) => Some(value),
                    _ => None,
                }
            }
        }
    };
}

encoded!(Statement);
encoded!(Outcome);
encoded!(Query);
encoded!(Answer);

/// Bytes that are encoded as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(pub &'a [u8]);

impl std::fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.0))
    }
}

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'a [u8]>::deserialize(deserializer).map(Raw)
    }
}
