//! Rows put into a container, and deleted from it.

use std::sync::Arc;

use bytes::Bytes;
use kensho_protocol::ids::Position;

use super::key::Key;
use super::statement::{Condition, NewRow, Outcome};
use super::{Change, Container, Row, RowKey};

impl Container {
    /// What stood there before a change stands there again; of several changes, the last one comes first.
    pub(super) fn put_back(&mut self, previous: impl IntoIterator<Item = (RowKey, Option<Row>)>) {
        for (key, row) in previous {
            match row {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove_entry(&key).map(|(_, row)| row),
            };
        }
    }
}

pub(super) fn put(
    at: Position,
    bytes: &Bytes,
    container: &mut Container,
    condition: Condition,
    rows: &[NewRow<'_>],
) -> (Bytes, Change) {
    let key = |index: usize, row: &NewRow<'_>| RowKey::of_put(row.key, at, index);
    if condition != Condition::Any {
        for (index, row) in rows.iter().enumerate() {
            if let Err(outcome) = condition.check(index, container.rows.get(&key(index, row))) {
                return (outcome.encode(), Change::Nothing);
            }
        }
    }
    let mut store = |index: usize, row: &NewRow<'_>, value: Bytes| {
        let key = key(index, row);
        let new = Row { version: at, value };
        let previous = container.rows.insert(key.clone(), new);
        (key, previous)
    };
    let change = match rows {
        [row] => {
            let (key, previous) = store(0, row, bytes.slice_ref(row.value.0));
            Change::Row(Arc::clone(&container.key), key, previous)
        }
        rows => {
            let mut previous = Vec::with_capacity(rows.len());
            for piece in pieces(rows) {
                let mut values = copied(piece);
                for row in piece {
                    let value = values.split_to(row.value.0.len());
                    previous.push(store(previous.len(), row, value));
                }
            }
            Change::Rows(Arc::clone(&container.key), previous)
        }
    };
    let stored = Outcome::Stored {
        version: at,
        count: u32::try_from(rows.len()).expect("rows come in one message"),
    };
    (stored.encode(), change)
}

/// Rows of a batch that share a piece of memory take at least this together, in bytes, unless they are
/// the last ones.
const PIECE: usize = 1 << 10;

/// The rows of a batch, a few at a time. A batch is not kept in memory as a whole, since a row that is
/// not written again would keep all of it; and not row by row, since there are many small ones.
fn pieces<'a, 'b>(rows: &'b [NewRow<'a>]) -> impl Iterator<Item = &'b [NewRow<'a>]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let full = rest.iter().position(|row| {
            bytes += row.value.0.len();
            bytes >= PIECE
        });
        let (piece, after) = rest.split_at(full.map_or(rest.len(), |last| last + 1));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The values of these rows, one after the other.
fn copied(rows: &[NewRow<'_>]) -> Bytes {
    let mut values = Vec::with_capacity(rows.iter().map(|row| row.value.0.len()).sum());
    for row in rows {
        values.extend_from_slice(row.value.0);
    }
    values.into()
}

pub(super) fn delete(
    container: &mut Container,
    condition: Condition,
    keys: &[Key<'_>],
) -> (Bytes, Change) {
    let keys = keys.iter().filter_map(|key| RowKey::named(*key));
    if condition != Condition::Any {
        for (index, key) in keys.clone().enumerate() {
            if let Err(outcome) = condition.check(index, container.rows.get(&key)) {
                return (outcome.encode(), Change::Nothing);
            }
        }
    }
    let previous: Vec<(RowKey, Option<Row>)> = keys
        .filter_map(|key| container.rows.remove_entry(&key))
        .map(|(key, row)| (key, Some(row)))
        .collect();
    let deleted = Outcome::Deleted {
        existed: u32::try_from(previous.len()).expect("keys come in one message"),
    };
    let change = match previous.is_empty() {
        true => Change::Nothing,
        false => Change::Rows(Arc::clone(&container.key), previous),
    };
    (deleted.encode(), change)
}

impl Condition {
    fn check(self, index: usize, current: Option<&Row>) -> Result<(), Outcome<'static>> {
        let holds = match self {
            Condition::Any => true,
            Condition::IfAbsent => current.is_none(),
            Condition::IfVersion(version) => current.is_some_and(|row| row.version == version),
        };
        if holds {
            return Ok(());
        }
        Err(Outcome::ConditionFailed {
            index: u32::try_from(index).expect("rows come in one message"),
            current: current.map(|row| row.version),
            value: None,
        })
    }
}
