//! What an operation makes of a store: requests, and what the answers say.
//!
//! A workload's operation becomes one call or several, one after another (see
//! [`Clients`](crate::workload::Clients)). Who performs a call, over sockets or in a simulated world,
//! hands the answer back. Every system says which calls it serves, and a workload which it needs.

use std::time::Duration;

use serde_json::Value;

use crate::transaction::Transaction;

/// A request of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Read a row.
    Get {
        /// The container it is in.
        container: String,
        /// Its row key.
        key: String,
    },
    /// Read a row from any copy of it that knows of all that this client has seen, and of all that anybody was
    /// told longer ago than `max_age`.
    GetAny {
        /// The container it is in.
        container: String,
        /// Its row key.
        key: String,
        /// How old the answer may be.
        max_age: Duration,
    },
    /// Write a row.
    Put {
        /// The container it is in.
        container: String,
        /// Its row key.
        key: String,
        /// The new value.
        value: u64,
        /// When to do so.
        condition: Condition,
    },
    /// Read the rows of a container whose keys lie in a range, in the order of their keys as bytes.
    Scan {
        /// The container.
        container: String,
        /// The least key.
        from: String,
        /// What all keys are less than.
        to: String,
        /// At most so many rows.
        limit: u32,
    },
    /// Remove a row.
    Delete {
        /// The container it is in.
        container: String,
        /// Its row key.
        key: String,
    },
    /// Carry out a transaction.
    Transact {
        /// The container that all of its rows are in.
        container: String,
        /// What is done.
        transaction: Transaction,
    },
    /// Anything else, as a message in the manner of Maelstrom.
    Message {
        /// A JSON object with a `type`.
        body: Value,
        /// Whether it may change something.
        changes: bool,
    },
}

/// What is asked for by a call, whatever it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallKind {
    /// [`Call::Get`].
    Get,
    /// [`Call::GetAny`].
    GetAny,
    /// [`Call::Put`].
    Put,
    /// [`Call::Scan`].
    Scan,
    /// [`Call::Delete`].
    Delete,
    /// [`Call::Transact`].
    Transact,
    /// [`Call::Message`].
    Message,
}

impl CallKind {
    /// Those that are about rows.
    pub const OF_ROWS: &'static [CallKind] = &[
        CallKind::Get,
        CallKind::GetAny,
        CallKind::Put,
        CallKind::Scan,
        CallKind::Delete,
        CallKind::Transact,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            CallKind::Get => "get",
            CallKind::GetAny => "get-any",
            CallKind::Put => "put",
            CallKind::Scan => "scan",
            CallKind::Delete => "delete",
            CallKind::Transact => "transact",
            CallKind::Message => "message",
        }
    }
}

impl Call {
    /// What kind of call it is.
    pub fn kind(&self) -> CallKind {
        match self {
            Call::Get { .. } => CallKind::Get,
            Call::GetAny { .. } => CallKind::GetAny,
            Call::Put { .. } => CallKind::Put,
            Call::Scan { .. } => CallKind::Scan,
            Call::Delete { .. } => CallKind::Delete,
            Call::Transact { .. } => CallKind::Transact,
            Call::Message { .. } => CallKind::Message,
        }
    }

    /// Whether it may change something.
    pub fn is_update(&self) -> bool {
        match self {
            Call::Get { .. } | Call::GetAny { .. } | Call::Scan { .. } => false,
            Call::Put { .. } | Call::Delete { .. } => true,
            Call::Transact { transaction, .. } => transaction.changes(),
            Call::Message { changes, .. } => *changes,
        }
    }

    /// The container it is for; none has an empty name.
    pub fn container(&self) -> &str {
        match self {
            Call::Get { container, .. }
            | Call::GetAny { container, .. }
            | Call::Put { container, .. }
            | Call::Scan { container, .. }
            | Call::Delete { container, .. }
            | Call::Transact { container, .. } => container,
            Call::Message { .. } => "",
        }
    }
}

/// When a write takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// In any case.
    Always,
    /// If the row does not exist.
    Absent,
    /// If the row's version is this `ETag`.
    Version(String),
}

impl Condition {
    /// The value of a row that was read, 0 where there is none; and the condition that nobody has changed
    /// it meanwhile.
    pub fn unchanged(row: Option<(u64, String)>) -> (u64, Condition) {
        match row {
            Some((value, version)) => (value, Condition::Version(version)),
            None => (0, Condition::Absent),
        }
    }
}

/// The answer of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The row that was asked for: its value and its version; `None` where there is none.
    Row(Option<(u64, String)>),
    /// Written; the row's new version if the store tells it.
    Written(Option<String>),
    /// The rows that were asked for: their keys and values.
    Rows(Vec<(String, u64)>),
    /// Removed, if the row was there at all.
    Deleted {
        /// Whether it was.
        existed: bool,
    },
    /// Carried out: what each of its operations saw in the column, null where there is no row, or nothing
    /// to see. None if it was refused by its own requirement.
    Transacted(Option<Vec<Value>>),
    /// The answer to a message: a JSON object with a `type`.
    Message(Value),
    /// The condition did not hold, because of what stood there.
    Mismatch(Found),
    /// Not done, or nobody knows.
    Error {
        /// Whether it had no effect and never will.
        definite: bool,
        /// What happened.
        text: String,
    },
}

/// What stood against a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There was no such row.
    Nothing,
    /// The row's value and its version.
    Row(u64, String),
    /// A row of which the store does not know the value any more.
    Unknown,
}

impl From<Option<(u64, String)>> for Found {
    fn from(row: Option<(u64, String)>) -> Self {
        row.map_or(Found::Nothing, |(value, version)| {
            Found::Row(value, version)
        })
    }
}
