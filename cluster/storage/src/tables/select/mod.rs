//! Rows by conditions, by keys and by statements.
//!
//! What a condition says of the row key, or of a column with an index, is a range, and nothing outside of it
//! is looked at (see [`matching`]).

mod aggregated;
mod explain;
mod matching;
mod sampling;
mod sorted;

use std::borrow::Cow;
use std::ops::Bound;

use kensho_query::condition::{self, Condition, SortedBy};
use kensho_query::row::Split;
use kensho_query::select::{Container as Target, Select, What};
use kensho_query::types::ColumnType;
use kensho_query::{Code, Wrong};

use super::query::{Answer, Selected, Text, Wanted};
use super::{Container, ContainerKind, KeyType, Row, RowKey};

/// Rows of more bytes are not given at once.
const ANSWER_BYTES: usize = 20 << 20;

use matching::Matching;

/// Why there is no answer.
#[derive(Debug)]
enum Refused {
    Wrong(Wrong),
    Key(String),
    TooLarge,
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        Refused::Wrong(wrong)
    }
}

/// Which part of the rows is given.
#[derive(Clone, Copy, Debug)]
struct Page {
    offset: u64,
    limit: u64,
}

/// Rows that were found, and how many there are.
type Found<'a> = (Vec<Text<'a>>, u64);

impl Container {
    pub(super) fn select<'a>(
        &'a self,
        wanted: &Wanted<'_>,
        offset: u64,
        limit: u64,
        now: i64,
    ) -> Answer<'a> {
        let page = Page { offset, limit };
        let selected = match wanted {
            Wanted::Rows { condition, sort } => self.rows_where(*condition, *sort, page, now),
            Wanted::Range { from, to } => self.rows_between(*from, *to, page),
            Wanted::Keys(keys) => self.rows_of(keys, page),
            Wanted::Tql { statement, columns } => self.tql(statement, columns, limit, now),
        };
        match selected {
            Ok(selected) => Answer::Selected(selected),
            Err(Refused::Wrong(wrong)) => Answer::WrongQuery(wrong.code, wrong.to_string()),
            Err(Refused::Key(what)) => Answer::WrongKey(what),
            Err(Refused::TooLarge) => Answer::WrongQuery(
                Code::Value,
                format!(
                    "the rows have more than {} MiB; ask for fewer at a time by limit and offset",
                    ANSWER_BYTES >> 20
                ),
            ),
        }
    }

    fn rows_where(
        &self,
        condition: Option<&str>,
        sort: Option<&str>,
        page: Page,
        now: i64,
    ) -> Result<Selected<'_>, Refused> {
        let columns = &self.info.columns;
        let condition = match condition {
            Some(text) => Condition::parse(text, columns, now)
                .map_err(|wrong| within("the condition: ", wrong))?,
            None => Condition::default(),
        };
        let order = match sort {
            Some(text) => condition::sorted_by(text, columns)
                .map_err(|wrong| within("the sort order: ", wrong))?,
            None => Vec::new(),
        };
        let (rows, total) = self.page(&self.matching(condition), &order, page)?;
        Ok(self.whole_rows(rows, total, page))
    }

    fn rows_between(
        &self,
        from: Option<&str>,
        to: Option<&str>,
        page: Page,
    ) -> Result<Selected<'_>, Refused> {
        if !self.info.row_key {
            return Err(no_row_key());
        }
        if self.info.key_type() == Some(KeyType::Text) && (from.is_some() || to.is_some()) {
            let what = "the row key is a STRING, and startKeyValue and finishKeyValue are for LONG, INTEGER and \
                        TIMESTAMP; ask for a condition instead";
            return Err(Refused::Key(what.to_owned()));
        }
        let bound = |text: Option<&str>| match text {
            None => Ok(Bound::Unbounded),
            Some(text) => self.row_key(text).map(Bound::Included),
        };
        let matching =
            Matching::by_keys(&self.rows, (bound(from)?, bound(to)?), Condition::default());
        let (rows, total) = self.page(&matching, &[], page)?;
        Ok(self.whole_rows(rows, total, page))
    }

    fn rows_of(&self, keys: &[&str], page: Page) -> Result<Selected<'_>, Refused> {
        let keys = keys.iter().map(|text| self.row_key(text));
        let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
        keys.sort_unstable();
        keys.dedup();
        let mut given = Given::new(page);
        for row in keys.iter().filter_map(|key| self.rows.get(key)) {
            given.take(&row.value)?;
        }
        let (rows, total) = given.finish();
        Ok(self.whole_rows(rows, total, page))
    }

    fn row_key(&self, text: &str) -> Result<RowKey, Refused> {
        if !self.info.row_key {
            return Err(no_row_key());
        }
        let key = self.info.parse_key(text);
        let key = key.map_err(|error| Refused::Key(error.to_string()))?;
        Ok(RowKey::named(key).expect("a text is no missing key"))
    }

    fn whole_rows<'a>(&'a self, rows: Vec<Text<'a>>, total: u64, page: Page) -> Selected<'a> {
        Selected {
            columns: self.all_columns(),
            rows,
            total: Some(total),
            offset: page.offset,
            limit: page.limit,
        }
    }

    fn all_columns(&self) -> Vec<(Cow<'_, str>, ColumnType)> {
        let columns = self.info.columns.iter();
        columns
            .map(|column| ((&*column.name).into(), column.kind))
            .collect()
    }

    fn tql(
        &self,
        statement: &str,
        columns: &[&str],
        limit: u64,
        now: i64,
    ) -> Result<Selected<'_>, Refused> {
        let target = Target {
            name: &self.name,
            columns: &self.info.columns,
            is_time_series: self.info.kind == ContainerKind::TimeSeries,
            now,
        };
        let select = Select::parse(statement, &target)?;
        let page = Page {
            offset: select.offset,
            limit: select.limit.unwrap_or(limit).min(limit),
        };
        let columns = self.chosen(columns)?;
        if let Some(explain) = select.explain {
            return self.explain(explain, select);
        }
        let by_time = matches!(
            select.what,
            What::Near(..) | What::Interpolated { .. } | What::Sampling(_)
        );
        let matching = match by_time {
            true => self.matching_by_key(select.condition),
            false => self.matching(select.condition),
        };
        let order = &select.order;
        let found = match select.what {
            What::Rows => self.page(&matching, order, page),
            What::Aggregate(aggregate, column) => {
                return self.aggregated(&matching, aggregate, column);
            }
            What::Near(near, time) => {
                let row = matching.near(near, time)?;
                self.page_of(row.into_iter().collect(), order, page)
            }
            What::Interpolated { column, time } => {
                let row = self.interpolated(&matching, column, time)?;
                self.page_of(row.into_iter().collect(), order, page)
            }
            What::Sampling(sampling) => {
                let rows = self.sampled(&matching, sampling)?;
                self.page_of(rows, order, page)
            }
            What::Extreme { greatest, column } => {
                let rows = self.extreme(&matching, greatest, column)?;
                self.page_of(rows, order, page)
            }
        };
        let (rows, total) = found?;
        let mut selected = self.whole_rows(rows, total, page);
        if let Some(columns) = columns {
            selected.project(&columns);
        }
        Ok(selected)
    }

    /// The places of these columns; `None` for all of them.
    fn chosen(&self, names: &[&str]) -> Result<Option<Vec<usize>>, Refused> {
        if names.is_empty() {
            return Ok(None);
        }
        let columns = &self.info.columns;
        let places = names.iter().map(|name| {
            let mut columns = columns.iter();
            let place = columns.position(|column| column.name.eq_ignore_ascii_case(name));
            let shown: String = name.chars().take(64).collect();
            place.ok_or_else(|| Refused::Key(format!("there is no column {shown}")))
        });
        places.collect::<Result<_, _>>().map(Some)
    }

    /// A part of the rows in an order.
    fn page<'a>(
        &self,
        matching: &Matching<'a>,
        order: &[SortedBy],
        page: Page,
    ) -> Result<Found<'a>, Refused> {
        // No two rows have the same key, so that whatever comes behind it decides nothing.
        let by_key = match order.first() {
            None => Some(false),
            Some(first) if first.column == 0 && self.info.row_key => Some(first.descending),
            Some(_) => None,
        };
        let Some(descending) = by_key else {
            let mut rows = Vec::new();
            matching.each(|_, row| {
                rows.push(Text(Cow::Borrowed(&*row.value)));
                Ok(())
            })?;
            return self.page_of(rows, order, page);
        };
        let mut given = Given::new(page);
        let take = |_: &RowKey, row: &'a Row| given.take(&row.value);
        match descending {
            false => matching.each(take)?,
            true => matching.each_from_the_end(take)?,
        }
        Ok(given.finish())
    }

    /// A part of these rows in an order.
    fn page_of<'a>(
        &self,
        mut rows: Vec<Text<'a>>,
        order: &[SortedBy],
        page: Page,
    ) -> Result<Found<'a>, Refused> {
        if !order.is_empty() {
            rows = sorted::sorted(rows, order, &self.info.columns);
        }
        let total = rows.len() as u64;
        let rows = rows.into_iter().skip(count(page.offset));
        let mut bytes = 0;
        let mut given = Vec::new();
        for row in rows.take(count(page.limit)) {
            bytes += row.0.len();
            if bytes > ANSWER_BYTES {
                return Err(Refused::TooLarge);
            }
            given.push(row);
        }
        Ok((given, total))
    }
}

impl Selected<'_> {
    /// Leaves these columns, in this order.
    fn project(&mut self, columns: &[usize]) {
        let width = columns.iter().max().map_or(0, |last| last + 1);
        let mut split = Split::default();
        for row in &mut self.rows {
            let cells = split.row(&row.0, width);
            let mut projected = vec![b'['];
            for (number, column) in columns.iter().enumerate() {
                if number > 0 {
                    projected.push(b',');
                }
                projected.extend_from_slice(cells.cell(*column));
            }
            projected.push(b']');
            row.0 = projected.into();
        }
        let all = &self.columns;
        self.columns = columns.iter().map(|column| all[*column].clone()).collect();
    }
}

/// A part of the rows that come by.
struct Given<'a> {
    page: Page,
    rows: Vec<Text<'a>>,
    bytes: usize,
    total: u64,
}

impl<'a> Given<'a> {
    fn new(page: Page) -> Self {
        Given {
            page,
            rows: Vec::new(),
            bytes: 0,
            total: 0,
        }
    }

    fn take(&mut self, row: &'a [u8]) -> Result<(), Refused> {
        if self.total >= self.page.offset && (self.rows.len() as u64) < self.page.limit {
            self.bytes += row.len();
            if self.bytes > ANSWER_BYTES {
                return Err(Refused::TooLarge);
            }
            self.rows.push(Text(row.into()));
        }
        self.total += 1;
        Ok(())
    }

    fn finish(self) -> Found<'a> {
        (self.rows, self.total)
    }
}

fn no_row_key() -> Refused {
    Refused::Key("the container has no row key to ask for; ask for a condition instead".to_owned())
}

fn within(place: &str, wrong: Wrong) -> Wrong {
    let Wrong { code, at, what } = wrong;
    let what = format!("{place}{what}").into();
    Wrong { code, at, what }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
