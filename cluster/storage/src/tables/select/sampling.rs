//! Rows of a time series at given times: the one before or after, or what lies between the two.

use std::borrow::Cow;
use std::ops::Bound;

use kensho_query::row::Split;
use kensho_query::select::{Near, Sampling};
use kensho_query::types::{ColumnType, ScalarType};
use kensho_query::value::Value;

use super::matching::Matching;
use super::{Refused, Text};
use crate::tables::{Container, Row, RowKey};

/// A row and its time.
type Timed<'a> = (i64, &'a Row);

impl<'a> Matching<'a> {
    /// The row at a time, or next to it.
    pub(super) fn near(&self, near: Near, time: i64) -> Result<Option<Text<'a>>, Refused> {
        let found = match near.after {
            true => self.first_after(time, near.or_at)?,
            false => self.last_before(time, near.or_at)?,
        };
        Ok(found.map(|(_, row)| Text(Cow::Borrowed(&*row.value))))
    }

    /// The first row after a time; also one at that time, if `or_at`.
    fn first_after(&self, time: i64, or_at: bool) -> Result<Option<Timed<'a>>, Refused> {
        let from = key_bound(time, or_at);
        let from = match &self.keys.0 {
            Bound::Included(key) | Bound::Excluded(key) if *key > RowKey::Timestamp(time) => {
                self.keys.0.clone()
            }
            Bound::Excluded(key) if *key == RowKey::Timestamp(time) => self.keys.0.clone(),
            _ => from,
        };
        self.first(self.rows_of((from, self.keys.1.clone())))
    }

    /// The last row before a time; also one at that time, if `or_at`.
    fn last_before(&self, time: i64, or_at: bool) -> Result<Option<Timed<'a>>, Refused> {
        let to = key_bound(time, or_at);
        let to = match &self.keys.1 {
            Bound::Included(key) | Bound::Excluded(key) if *key < RowKey::Timestamp(time) => {
                self.keys.1.clone()
            }
            Bound::Excluded(key) if *key == RowKey::Timestamp(time) => self.keys.1.clone(),
            _ => to,
        };
        self.first(self.rows_of((self.keys.0.clone(), to)).rev())
    }

    /// The first of these rows for which the condition holds.
    fn first(
        &self,
        rows: impl Iterator<Item = (&'a RowKey, &'a Row)>,
    ) -> Result<Option<Timed<'a>>, Refused> {
        let mut split = Split::default();
        for (key, row) in rows {
            if let RowKey::Timestamp(time) = key
                && self.condition.holds(&row.value, &mut split)?
            {
                return Ok(Some((*time, row)));
            }
        }
        Ok(None)
    }
}

fn key_bound(time: i64, included: bool) -> Bound<RowKey> {
    match included {
        true => Bound::Included(RowKey::Timestamp(time)),
        false => Bound::Excluded(RowKey::Timestamp(time)),
    }
}

impl Container {
    /// The row at a time. If there is none, it is the one before it, with a value of this column that lies
    /// between those of the rows around the time.
    pub(super) fn interpolated<'a>(
        &self,
        matching: &Matching<'a>,
        column: usize,
        time: i64,
    ) -> Result<Option<Text<'a>>, Refused> {
        let Some(before) = matching.last_before(time, true)? else {
            return Ok(None);
        };
        if before.0 == time {
            return Ok(Some(Text(Cow::Borrowed(&*before.1.value))));
        }
        let after = matching.first_after(time, false)?;
        Ok(after.map(|after| self.between(before, after, Some(column), time)))
    }

    /// Rows at regular times, where there are rows to make them of.
    pub(super) fn sampled<'a>(
        &self,
        matching: &Matching<'a>,
        sampling: Sampling,
    ) -> Result<Vec<Text<'a>>, Refused> {
        let mut before = matching.last_before(sampling.from, true)?;
        let mut after = matching.first_after(sampling.from, false)?;
        let mut rows = Vec::new();
        for time in sampling.times() {
            while let Some(next) = after.filter(|next| next.0 <= time) {
                before = Some(next);
                after = matching.first_after(next.0, false)?;
            }
            let Some(before) = before else {
                continue;
            };
            if before.0 == time {
                rows.push(Text(Cow::Borrowed(&*before.1.value)));
                continue;
            }
            let around = after.or_else(|| sampling.column.is_none().then_some(before));
            if let Some(after) = around {
                rows.push(self.between(before, after, sampling.column, time));
            }
        }
        Ok(rows)
    }

    /// The row before a time, with that time, and with what this column has between the two rows.
    fn between<'a>(
        &self,
        before: Timed<'_>,
        after: Timed<'_>,
        column: Option<usize>,
        time: i64,
    ) -> Text<'a> {
        let width = column.unwrap_or_default() + 1;
        let mut split = Split::default();
        let mut key = Vec::new();
        Value::Time(time).write(&mut key);
        let mut row = Vec::with_capacity(before.1.value.len());
        split.row(&before.1.value, width).replace(0, &key, &mut row);
        let Some(column) = column else {
            return Text(row.into());
        };
        let kind = self.info.columns[column].kind;
        let mut other = Split::default();
        let cells = (
            split.row(&before.1.value, width).cell(column),
            other.row(&after.1.value, width).cell(column),
        );
        let values = (Value::read(kind, cells.0), Value::read(kind, cells.1));
        let passed = (i128::from(time - before.0), i128::from(after.0 - before.0));
        let mut cell = Vec::new();
        interpolate(kind, &values.0, &values.1, passed).write(&mut cell);
        let mut whole = Vec::with_capacity(row.len());
        split.row(&row, width).replace(column, &cell, &mut whole);
        Text(whole.into())
    }
}

/// The value between two, after so much of the time from the first to the second. A whole number is
/// rounded towards 0.
fn interpolate(
    kind: ColumnType,
    before: &Value<'_>,
    after: &Value<'_>,
    (passed, whole): (i128, i128),
) -> Value<'static> {
    match (before, after) {
        (Value::Integer(before), Value::Integer(after)) => {
            let (before, after) = (i128::from(*before), i128::from(*after));
            // Exactly, and in the range of both, so that it fits.
            let sum = before * (whole - passed) + after * passed;
            i64::try_from(sum / whole).map_or(Value::Null, Value::Integer)
        }
        (Value::Float(before), Value::Float(after)) => {
            let part = passed as f64 / whole as f64;
            let value = before * (1.0 - part) + after * part;
            match kind.scalar {
                ScalarType::Float => Value::Float(f64::from(value as f32)),
                _ => Value::Float(value),
            }
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_between_those_around_them() {
        let long = ColumnType::parse("LONG").unwrap();
        let whole = |before, after, passed| {
            let (before, after) = (Value::Integer(before), Value::Integer(after));
            interpolate(long, &before, &after, passed)
        };
        assert_eq!(whole(0, 10, (1, 4)), Value::Integer(2));
        assert_eq!(whole(0, -10, (1, 4)), Value::Integer(-2));
        assert_eq!(whole(i64::MIN, i64::MAX, (1, 2)), Value::Integer(0));
        assert_eq!(whole(i64::MAX, i64::MAX, (1, 3)), Value::Integer(i64::MAX));
        let double = ColumnType::parse("DOUBLE").unwrap();
        let between =
            |before: &Value<'_>, after: &Value<'_>| interpolate(double, before, after, (1, 4));
        assert_eq!(
            between(&Value::Float(1.0), &Value::Float(3.0)),
            Value::Float(1.5)
        );
        let widest = between(&Value::Float(f64::MAX), &Value::Float(f64::MIN));
        assert!(
            matches!(widest, Value::Float(value) if value.is_finite()),
            "{widest:?}"
        );
        assert_eq!(between(&Value::Null, &Value::Float(3.0)), Value::Null);
    }
}
