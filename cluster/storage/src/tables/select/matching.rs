//! The rows for which a condition holds, and how they are found: among a range of keys, or by an index.

use std::collections::btree_map;
use std::ops::Bound;

use kensho_query::condition::{Condition, Range};
use kensho_query::row::Split;
use kensho_query::value::Value;

use super::Refused;
use crate::tables::rows_by_key::{Rows, is_empty};
use crate::tables::{Container, Row, RowKey};

/// A range of keys.
pub(super) type Keys = (Bound<RowKey>, Bound<RowKey>);

/// The rows for which a condition holds.
pub(super) struct Matching<'a> {
    rows: &'a Rows,
    pub(super) keys: Keys,
    /// What an index found: its column, and the rows in the order of their keys.
    pub(super) indexed: Option<(usize, Vec<(&'a RowKey, &'a Row)>)>,
    /// What has to hold of a row that was found.
    pub(super) condition: Condition,
}

impl Container {
    /// The rows for which a condition holds.
    pub(super) fn matching(&self, condition: Condition) -> Matching<'_> {
        let mut matching = self.matching_by_key(condition);
        if let (Bound::Unbounded, Bound::Unbounded) = matching.keys {
            matching.look_into_indexes();
        }
        matching
    }

    /// The same, found by their keys alone.
    pub(super) fn matching_by_key(&self, mut condition: Condition) -> Matching<'_> {
        let keys = match self.info.row_key {
            true => {
                let range = condition.take_range(0);
                (range.from.map(key_of), range.to.map(key_of))
            }
            false => (Bound::Unbounded, Bound::Unbounded),
        };
        Matching::by_keys(&self.rows, keys, condition)
    }
}

impl<'a> Matching<'a> {
    pub(super) fn by_keys(rows: &'a Rows, keys: Keys, condition: Condition) -> Self {
        Matching {
            rows,
            keys,
            indexed: None,
            condition,
        }
    }

    /// Takes the index that finds the fewest rows. If that is more than a quarter of all, they are looked at
    /// in their order, which costs less than to look each of them up.
    fn look_into_indexes(&mut self) {
        let mut limit = self.rows.len() / 4 + 1;
        let mut best = None;
        for column in self.rows.indexed() {
            let mut rest = self.condition.clone();
            let range = rest.take_range(column);
            if range == Range::ALL {
                continue;
            }
            if let Some(found) = self.rows.by_index(column, &range, limit) {
                limit = found.len();
                best = Some((column, found, rest));
            }
        }
        if let Some((column, found, rest)) = best {
            self.indexed = Some((column, found));
            self.condition = rest;
        }
    }

    /// How many rows are looked at.
    pub(super) fn looked_at(&self) -> usize {
        match &self.indexed {
            Some((_, found)) => found.len(),
            None => self.rows_of(self.keys.clone()).count(),
        }
    }

    /// The rows of a range of keys, whether the condition holds or not.
    pub(super) fn rows_of(&self, keys: Keys) -> btree_map::Range<'a, RowKey, Row> {
        match is_empty(&keys) {
            true => btree_map::Range::default(),
            false => self.rows.range(keys),
        }
    }

    pub(super) fn each(
        &self,
        take: impl FnMut(&'a RowKey, &'a Row) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        match &self.indexed {
            Some((_, found)) => each(found.iter().copied(), &self.condition, take),
            None => each(self.rows_of(self.keys.clone()), &self.condition, take),
        }
    }

    pub(super) fn each_from_the_end(
        &self,
        take: impl FnMut(&'a RowKey, &'a Row) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        match &self.indexed {
            Some((_, found)) => each(found.iter().rev().copied(), &self.condition, take),
            None => each(self.rows_of(self.keys.clone()).rev(), &self.condition, take),
        }
    }
}

fn each<'a>(
    rows: impl Iterator<Item = (&'a RowKey, &'a Row)>,
    condition: &Condition,
    mut take: impl FnMut(&'a RowKey, &'a Row) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let mut split = Split::default();
    for (key, row) in rows {
        if condition.holds(&row.value, &mut split)? {
            take(key, row)?;
        }
    }
    Ok(())
}

fn key_of(value: Value<'static>) -> RowKey {
    match value {
        Value::Integer(number) => RowKey::Integer(number),
        Value::Time(time) => RowKey::Timestamp(time),
        Value::Text(text) => RowKey::Text(text.as_bytes().into()),
        other => unreachable!("{other:?} is no row key"),
    }
}
