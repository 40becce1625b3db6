//! Row keys.

use std::fmt;

use kensho_protocol::ids::{Lsn, Position};
use kensho_protocol::small_bytes::SmallBytes;
use serde::{Deserialize, Serialize};

use kensho_query::timestamp::parse_timestamp;

/// A row's key as a statement carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Key<'a> {
    /// Of an INTEGER or LONG column.
    Integer(i64),
    /// Of a TIMESTAMP column: milliseconds since 1970, UTC.
    Timestamp(i64),
    /// Of a STRING column.
    Text(#[serde(borrow)] &'a str),
    /// The container has no row key: every row is a new one.
    None,
    /// Of a container without row key: the row that was inserted by the entry with this number, as its
    /// so-manieth, counted from 0. In URLs `17.0`.
    Inserted(Lsn, u32),
}

/// Which keys a container has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// INTEGER
    Integer,
    /// LONG
    Long,
    /// TIMESTAMP
    Timestamp,
    /// STRING
    Text,
}

/// A row's key as it is kept. Keys of one container are of one kind; they order as people expect.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// As in [`Key`].
    Integer(i64),
    /// As in [`Key`].
    Timestamp(i64),
    /// As in [`Key`]; certainly UTF-8.
    Text(SmallBytes),
    /// Of a container without row key: where the row was inserted, which is the order of insertion.
    Inserted(Lsn, u32),
}

impl RowKey {
    /// The key of the row that the entry at `at` puts as its `index`-th.
    pub(super) fn of_put(key: Key<'_>, at: Position, index: usize) -> Self {
        match key {
            Key::None => RowKey::Inserted(
                at.lsn,
                u32::try_from(index).expect("rows come in one message"),
            ),
            key => RowKey::named(key).expect("it is a key"),
        }
    }

    /// The key of a row that may be there; a row of a container without row key has no name.
    pub(super) fn named(key: Key<'_>) -> Option<Self> {
        match key {
            Key::Integer(number) => Some(RowKey::Integer(number)),
            Key::Timestamp(time) => Some(RowKey::Timestamp(time)),
            Key::Text(text) => Some(RowKey::Text(SmallBytes::from(text.as_bytes()))),
            Key::Inserted(lsn, index) => Some(RowKey::Inserted(lsn, index)),
            Key::None => None,
        }
    }
}

/// The key of a row without row key, from its text.
pub(super) fn parse_inserted(text: &str) -> Result<Key<'static>, InvalidKey> {
    let parse = || {
        let (lsn, index) = text.split_once('.')?;
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(lsn) || !is_number(index) {
            return None;
        }
        Some(Key::Inserted(Lsn(lsn.parse().ok()?), index.parse().ok()?))
    };
    parse().ok_or_else(|| {
        InvalidKey(format!(
            "the container has no row key: a row's id is the number of the log entry that inserted it, and its \
             place among the rows of the request, like 17.0; got \"{}\"",
            text.chars().take(64).collect::<String>()
        ))
    })
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowKey::Integer(number) => write!(f, "{number}"),
            RowKey::Timestamp(time) => write!(f, "{time}ms"),
            RowKey::Text(text) => write!(f, "{:?}", String::from_utf8_lossy(text)),
            RowKey::Inserted(lsn, index) => write!(f, "{lsn:?}+{index}"),
        }
    }
}

impl KeyType {
    /// Its name, as in a container's columns.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            KeyType::Integer => "INTEGER",
            KeyType::Long => "LONG",
            KeyType::Timestamp => "TIMESTAMP",
            KeyType::Text => "STRING",
        }
    }

    /// A key from its text, as in a URL.
    ///
    /// # Errors
    /// When it is no key of this type.
    pub fn parse(self, text: &str) -> Result<Key<'_>, InvalidKey> {
        let key = match self {
            KeyType::Text => Some(Key::Text(text)),
            KeyType::Integer => text.parse::<i32>().ok().map(|n| Key::Integer(n.into())),
            KeyType::Long => text.parse().ok().map(Key::Integer),
            KeyType::Timestamp => parse_timestamp(text).map(Key::Timestamp),
        };
        key.ok_or_else(|| {
            let expected = match self {
                KeyType::Text => "text",
                KeyType::Integer => "a whole number from -2147483648 to 2147483647",
                KeyType::Long => "a whole number from -9223372036854775808 to 9223372036854775807",
                KeyType::Timestamp => "a time like 2026-01-31T23:59:59.999Z",
            };
            InvalidKey(format!(
                "the container's row key is a {}: expected {expected}, got \"{}\"",
                self.name(),
                text.chars().take(64).collect::<String>()
            ))
        })
    }
}

/// A text is no key of the container.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidKey(pub(super) String);
