//! Updates and what comes of them, as bytes.
//!
//! All of it is encoded with postcard. What is decoded borrows from the bytes, so a row is not copied
//! on its way.
//!
//! Statements are in logs, and outcomes in images: what is new in them stands at the end of its `enum`, so
//! that older logs and images are read as they were written.

use bytes::Bytes;
use kensho_protocol::ids::Position;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::container::ContainerInfo;
use super::key::Key;
use super::transaction::{Done, Fault, Operation, Requirement};

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
    /// Changes what a container is like: names and indexes of its columns, and columns more at the end.
    AlterContainer {
        /// Its name.
        name: &'a str,
        /// Where the container was created, or last changed, that this was made for.
        schema: Position,
        /// What it is like then.
        info: ContainerInfo,
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
    /// The container is like that now.
    Altered,
}

/// Makes a type of ours bytes, and the other way round.
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

pub(super) use encoded;

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
