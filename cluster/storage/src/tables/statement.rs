//! What goes into and comes out of [`Tables`](super::Tables), as bytes.
//!
//! All of it is encoded with postcard. What is decoded borrows from the bytes, so a row is not copied
//! on its way.

use std::ops::Bound;

use bytes::Bytes;
use kensho_protocol::ids::Position;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::container::ContainerInfo;
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
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query<'a> {
    /// What a container is like.
    ContainerInfo {
        /// Its name.
        name: &'a str,
    },
    /// The names of all containers of the partition.
    ListContainers,
    /// One row.
    Get {
        /// The container's name.
        container: &'a str,
        /// The key as text.
        key: &'a str,
    },
    /// Rows of a range of keys.
    Scan {
        /// The container's name.
        container: &'a str,
        /// The column that is taken for the row key, if the range or the order speaks of one.
        column: Option<&'a str>,
        /// The least key, as text.
        #[serde(borrow)]
        from: Bound<&'a str>,
        /// The greatest key, as text.
        #[serde(borrow)]
        to: Bound<&'a str>,
        /// The order in which they are given.
        order: Order,
        /// So many are left out at the beginning.
        offset: u32,
        /// At most so many are given.
        limit: u32,
    },
}

/// An order of rows by their keys; rows without row key are in the order of their insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// The least key first.
    Ascending,
    /// The greatest key first.
    Descending,
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
    /// The rows that were asked for.
    Rows {
        /// What the container is like.
        info: ContainerInfo,
        /// Each a compact JSON array in column order.
        #[serde(borrow)]
        rows: Vec<Raw<'a>>,
        /// How many rows the range has, those that are left out included.
        total: u64,
    },
    /// There is no container of this name.
    NoSuchContainer,
    /// There is no row of this key.
    NoSuchRow,
    /// That text is no key of this container.
    WrongKey(String),
    /// The query makes no sense.
    Malformed,
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
