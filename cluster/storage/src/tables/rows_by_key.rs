//! Rows by their keys, and by the values of columns that have a TREE index.
//!
//! An index follows from the rows: it is no part of an image, and is made anew from the rows of one.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::ops::{Bound, RangeBounds};

use kensho_protocol::small_bytes::SmallBytes;
use kensho_query::condition::Range;
use kensho_query::row::Split;
use kensho_query::types::ColumnType;
use kensho_query::value::Value;

use super::container::ContainerInfo;
use super::{Row, RowKey};

/// The rows of a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rows {
    by_key: BTreeMap<RowKey, Row>,
    indexes: Vec<Index>,
}

/// The keys of the rows by the values of a column. A row without a value is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Index {
    column: usize,
    kind: ColumnType,
    keys: BTreeMap<IndexKey, BTreeSet<RowKey>>,
}

/// A value that orders as the language's comparisons do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum IndexKey {
    Bool(bool),
    /// Of whole numbers and times.
    Integer(i64),
    /// The bits of a floating point number, changed so that they order like the number.
    Float(u64),
    Text(SmallBytes),
}

impl IndexKey {
    fn of(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(IndexKey::Bool(*value)),
            Value::Integer(number) | Value::Time(number) => Some(IndexKey::Integer(*number)),
            Value::Float(number) => {
                // Both zeros are equal.
                let bits = (number + 0.0).to_bits();
                let is_negative = bits >> 63 == 1;
                let ordered = if is_negative { !bits } else { bits | 1 << 63 };
                Some(IndexKey::Float(ordered))
            }
            Value::Text(text) => Some(IndexKey::Text(text.as_bytes().into())),
            Value::Null | Value::Array(_) | Value::Opaque => None,
        }
    }
}

impl Index {
    fn key(&self, row: &Row, split: &mut Split) -> Option<IndexKey> {
        let cells = split.row(&row.value, self.column + 1);
        IndexKey::of(&Value::read(self.kind, cells.cell(self.column)))
    }

    fn insert(&mut self, value: IndexKey, key: RowKey) {
        self.keys.entry(value).or_default().insert(key);
    }

    fn remove(&mut self, value: &IndexKey, key: &RowKey) {
        if let Some(keys) = self.keys.get_mut(value) {
            keys.remove(key);
            if keys.is_empty() {
                self.keys.remove(value);
            }
        }
    }
}

impl Rows {
    /// None yet.
    pub(super) fn new(info: &ContainerInfo) -> Self {
        // Rows are kept by their key anyway.
        let first = usize::from(info.row_key);
        let columns = info.columns.iter().enumerate().skip(first);
        let indexed =
            columns.filter(|(_, column)| column.indexes.iter().any(|kind| kind == "TREE"));
        let indexes = indexed.map(|(column, of)| Index {
            column,
            kind: of.kind,
            keys: BTreeMap::new(),
        });
        Rows {
            by_key: BTreeMap::new(),
            indexes: indexes.collect(),
        }
    }

    /// These.
    pub(super) fn of(by_key: BTreeMap<RowKey, Row>, info: &ContainerInfo) -> Self {
        let mut rows = Rows::new(info);
        let mut split = Split::default();
        for index in &mut rows.indexes {
            for (key, row) in &by_key {
                if let Some(value) = index.key(row, &mut split) {
                    index.insert(value, key.clone());
                }
            }
        }
        rows.by_key = by_key;
        rows
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn get(&self, key: &RowKey) -> Option<&Row> {
        self.by_key.get(key)
    }

    pub(super) fn iter(&self) -> btree_map::Iter<'_, RowKey, Row> {
        self.by_key.iter()
    }

    pub(super) fn range(
        &self,
        keys: impl RangeBounds<RowKey>,
    ) -> btree_map::Range<'_, RowKey, Row> {
        self.by_key.range(keys)
    }

    /// Inserts or replaces a row; what stood there before.
    pub(super) fn insert(&mut self, key: RowKey, row: Row) -> Option<Row> {
        if self.indexes.is_empty() {
            return self.by_key.insert(key, row);
        }
        self.leave_indexes(&key);
        let mut split = Split::default();
        for index in &mut self.indexes {
            if let Some(value) = index.key(&row, &mut split) {
                index.insert(value, key.clone());
            }
        }
        self.by_key.insert(key, row)
    }

    /// Removes a row.
    pub(super) fn remove_entry(&mut self, key: &RowKey) -> Option<(RowKey, Row)> {
        if !self.indexes.is_empty() {
            self.leave_indexes(key);
        }
        self.by_key.remove_entry(key)
    }

    fn leave_indexes(&mut self, key: &RowKey) {
        let Some(row) = self.by_key.get(key) else {
            return;
        };
        let mut split = Split::default();
        for index in &mut self.indexes {
            if let Some(value) = index.key(row, &mut split) {
                index.remove(&value, key);
            }
        }
    }

    /// The column of an index that is not what follows from the rows.
    pub(super) fn wrong_index(&self, info: &ContainerInfo) -> Option<usize> {
        if self.indexes.is_empty() {
            return None;
        }
        let anew = Rows::of(self.by_key.clone(), info);
        let mut pairs = self.indexes.iter().zip(&anew.indexes);
        let wrong = pairs.find(|(index, anew)| index != anew);
        wrong.map(|(index, _)| index.column)
    }

    /// Damages the indexes.
    #[cfg(test)]
    pub(super) fn forget_in_indexes(&mut self, key: &RowKey) {
        self.leave_indexes(key);
    }

    /// The columns that have an index.
    pub(super) fn indexed(&self) -> impl Iterator<Item = usize> {
        self.indexes.iter().map(|index| index.column)
    }

    /// The rows with a value of this column in a range, in the order of their keys; `None` if there are more
    /// than `limit`, or no index.
    pub(super) fn by_index(
        &self,
        column: usize,
        range: &Range,
        limit: usize,
    ) -> Option<Vec<(&RowKey, &Row)>> {
        let mut indexes = self.indexes.iter();
        let index = indexes.find(|index| index.column == column)?;
        let bound = |bound: &Bound<Value<'static>>| match bound {
            Bound::Included(value) => IndexKey::of(value).map(Bound::Included),
            Bound::Excluded(value) => IndexKey::of(value).map(Bound::Excluded),
            Bound::Unbounded => Some(Bound::Unbounded),
        };
        let values = (bound(&range.from)?, bound(&range.to)?);
        let mut found = Vec::new();
        if !is_empty(&values) {
            for key in index.keys.range(values).flat_map(|(_, keys)| keys) {
                if found.len() == limit {
                    return None;
                }
                found.push(
                    self.by_key
                        .get_key_value(key)
                        .expect("an index has the keys of rows"),
                );
            }
        }
        found.sort_unstable_by_key(|(key, _)| *key);
        Some(found)
    }
}

/// Whether nothing lies between: a map cannot be asked for such a range.
pub(super) fn is_empty<T: Ord>(range: &(Bound<T>, Bound<T>)) -> bool {
    match range {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (
            Bound::Included(from) | Bound::Excluded(from),
            Bound::Included(to) | Bound::Excluded(to),
        ) => from >= to,
    }
}
