//! Rows of a range of keys, in the order of their keys.

use std::ops::Bound;

use super::statement::{Answer, Order, Raw};
use super::{Container, Row, RowKey};

/// What part of a container is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range<'a> {
    /// The column that is taken for the row key.
    pub(super) column: Option<&'a str>,
    /// The keys that it begins and ends with, as text, whatever the order.
    pub(super) keys: (Bound<&'a str>, Bound<&'a str>),
    pub(super) order: Order,
    /// Of the rows in that order, so many are left out at the beginning...
    pub(super) offset: u32,
    /// ...and at most so many of the others are given.
    pub(super) limit: u32,
}

impl Container {
    pub(super) fn scan(&self, range: &Range<'_>) -> Answer<'_> {
        if let Some(column) = range.column
            && !self.is_key(column)
        {
            let text = match self.info.columns.first().filter(|_| self.info.row_key) {
                Some(key) => format!(
                    "\"{column}\" is not the row key, which is \"{}\": conditions and orders are \
                     offered for the row key only",
                    key.name
                ),
                None => "the container has no row key, so there is no condition and no order to \
                         ask for"
                    .to_owned(),
            };
            return Answer::WrongKey(text);
        }
        let keys = match (self.bound(range.keys.0), self.bound(range.keys.1)) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(wrong), _) | (_, Err(wrong)) => return wrong,
        };
        let found = (!is_empty(&keys)).then(|| self.rows.range(keys));
        let all = found.into_iter().flatten();
        let total = all.clone().count() as u64;
        let rows = match range.order {
            Order::Ascending => part(all, range),
            Order::Descending => part(all.rev(), range),
        };
        Answer::Rows {
            info: self.info.as_ref().clone(),
            rows,
            total,
        }
    }

    fn is_key(&self, column: &str) -> bool {
        let first = self.info.columns.first().filter(|_| self.info.row_key);
        first.is_some_and(|first| first.name.eq_ignore_ascii_case(column))
    }

    fn bound(&self, text: Bound<&str>) -> Result<Bound<RowKey>, Answer<'_>> {
        let key = |text| match self.info.parse_key(text) {
            Ok(key) => Ok(RowKey::named(key).expect("a text is no missing key")),
            Err(error) => Err(Answer::WrongKey(error.to_string())),
        };
        Ok(match text {
            Bound::Included(text) => Bound::Included(key(text)?),
            Bound::Excluded(text) => Bound::Excluded(key(text)?),
            Bound::Unbounded => Bound::Unbounded,
        })
    }
}

/// Whether no key lies between: such bounds cannot be asked of a map.
fn is_empty(keys: &(Bound<RowKey>, Bound<RowKey>)) -> bool {
    match keys {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (
            Bound::Included(from) | Bound::Excluded(from),
            Bound::Included(to) | Bound::Excluded(to),
        ) => from >= to,
    }
}

fn part<'a>(rows: impl Iterator<Item = (&'a RowKey, &'a Row)>, range: &Range<'_>) -> Vec<Raw<'a>> {
    rows.skip(range.offset as usize)
        .take(range.limit as usize)
        .map(|(_, row)| Raw(&row.value))
        .collect()
}
