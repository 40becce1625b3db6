//! What transactions consist of, and what comes of it.

use kensho_protocol::ids::Position;
use serde::{Deserialize, Serialize};

use crate::tables::key::Key;
use crate::tables::query::Text;
use crate::tables::statement::{NewRow, Raw};

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
    #[error("the row would be larger than {} MiB", super::ROW_BYTES >> 20)]
    RowTooLarge,
    /// All that is read together is too large.
    #[error("what is read is larger than {} MiB", super::READ_BYTES >> 20)]
    ReadsTooMuch,
}
