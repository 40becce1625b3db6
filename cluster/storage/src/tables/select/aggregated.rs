//! What is made of many rows: one value, or those rows in which a value is the greatest or the least.

use std::borrow::Cow;

use kensho_query::row::Split;
use kensho_query::types::{ColumnType, ScalarType};
use kensho_query::value::Value;
use kensho_query::{Accumulator, Aggregate, Code, Wrong};

use super::matching::Matching;
use super::{Refused, Selected, Text};
use crate::tables::{Container, RowKey};

/// In the Web API whatever is a number comes as a DOUBLE.
fn shown_as(result: ColumnType) -> ColumnType {
    match result.scalar {
        ScalarType::Timestamp => result,
        _ => ColumnType {
            scalar: ScalarType::Double,
            array: false,
        },
    }
}

impl Container {
    /// One value of many rows.
    pub(super) fn aggregated(
        &self,
        matching: &Matching<'_>,
        aggregate: Aggregate,
        column: Option<usize>,
    ) -> Result<Selected<'_>, Refused> {
        let kind = column.map(|column| self.info.columns[column].kind);
        let mut accumulator = Accumulator::new(aggregate);
        let mut split = Split::default();
        matching.each(|key, row| {
            match column.zip(kind) {
                Some((column, kind)) => {
                    let cells = split.row(&row.value, column + 1);
                    let time = match key {
                        RowKey::Timestamp(time) => Some(*time),
                        _ => None,
                    };
                    accumulator.push(&Value::read(kind, cells.cell(column)), time);
                }
                None => accumulator.count(),
            }
            Ok(())
        })?;
        let result = aggregate.result(kind);
        let value = accumulator.finish(result).map_err(|what| {
            Refused::Wrong(Wrong {
                code: Code::Value,
                at: 0,
                what: what.into(),
            })
        })?;
        let rows = value.into_iter().map(|value| {
            let mut row = vec![b'['];
            value.write(&mut row);
            if let Value::Integer(_) = value {
                // All digits are there, for those who can take more than a DOUBLE has.
                row.extend_from_slice(b".0");
            }
            row.push(b']');
            Text(row.into())
        });
        Ok(Selected {
            columns: vec![("aggregationResult".into(), shown_as(result))],
            rows: rows.collect(),
            total: None,
            offset: 0,
            limit: 1,
        })
    }

    /// The rows with the greatest or the least value of a column.
    pub(super) fn extreme<'a>(
        &self,
        matching: &Matching<'a>,
        greatest: bool,
        column: usize,
    ) -> Result<Vec<Text<'a>>, Refused> {
        let kind = self.info.columns[column].kind;
        let mut split = Split::default();
        let mut best = Value::Null;
        let mut rows = Vec::new();
        matching.each(|_, row| {
            let cells = split.row(&row.value, column + 1);
            let value = Value::read(kind, cells.cell(column));
            if value == Value::Null {
                return Ok(());
            }
            let ordering = value.compare(&best);
            let is_better = ordering.is_none_or(|ordering| match greatest {
                true => ordering.is_gt(),
                false => ordering.is_lt(),
            });
            if is_better {
                rows.clear();
                best = value;
            }
            if is_better || ordering.is_some_and(std::cmp::Ordering::is_eq) {
                rows.push(Text(Cow::Borrowed(&*row.value)));
            }
            Ok(())
        })?;
        Ok(rows)
    }
}
