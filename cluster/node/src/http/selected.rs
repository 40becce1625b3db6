//! Rows, and what was made of them, as JSON.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use kensho_query::row::elements;
use kensho_query::types::ScalarType;
use kensho_query::value::size_bytes;
use kensho_storage::tables::{Answer as Found, Selected, Text};
use serde_json::json;

use super::error::Error;

/// More rows cannot be had at once; who asks for more gets so many.
pub(super) const ROWS_MAX: u64 = 10_000;

/// What `NOW()` is for a query that arrives now: milliseconds since 1970. It is decided here, once, and goes
/// with the query.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// What a query found in a container.
pub(super) fn decode<'a>(found: &'a [u8], container: &str) -> Result<Selected<'a>, Error> {
    match Found::decode(found) {
        Some(Found::Selected(selected)) => Ok(selected),
        Some(Found::NoSuchContainer) => Err(Error::no_container(container)),
        Some(Found::WrongKey(text)) => Err(Error::does_not_fit(text)),
        Some(Found::WrongQuery(code, text)) => Err(Error::wrong_query(code, text)),
        other => unreachable!("{other:?} answers no question for rows"),
    }
}

/// `{"columns":[…],"rows":[…],"total":…,"offset":…,"limit":…}`
pub(super) fn rows_json(selected: &Selected<'_>) -> Vec<u8> {
    let mut body = room_for(selected);
    body.push(b'{');
    columns(&mut body, selected, false);
    body.extend_from_slice(b",\"rows\":");
    rows(&mut body, &selected.rows);
    end_with_total(body, selected)
}

/// The same of one of several containers: `{"container":…,"columns":[…],"results":[…],…}`
pub(super) fn part_json(container: &str, selected: &Selected<'_>) -> Vec<u8> {
    let mut body = room_for(selected);
    body.extend_from_slice(b"{\"container\":");
    serde_json::to_writer(&mut body, container).expect("a name is JSON");
    body.push(b',');
    columns(&mut body, selected, false);
    body.extend_from_slice(b",\"results\":");
    rows(&mut body, &selected.rows);
    end_with_total(body, selected)
}

fn end_with_total(mut body: Vec<u8>, selected: &Selected<'_>) -> Vec<u8> {
    let (offset, limit) = (selected.offset, selected.limit);
    let total = selected.total.unwrap_or_default();
    write!(
        body,
        ",\"total\":{total},\"offset\":{offset},\"limit\":{limit}}}"
    )
    .expect("a Vec takes everything");
    body
}

/// The result of a statement: `{"columns":[…],"results":[…],"offset":…,"limit":…,"total":…,
/// "responseSizeByte":…}`; of one value of many rows, the first two alone.
pub(super) fn tql_json(selected: &Selected<'_>) -> Vec<u8> {
    let mut body = room_for(selected);
    body.push(b'{');
    columns(&mut body, selected, true);
    body.extend_from_slice(b",\"results\":");
    rows(&mut body, &selected.rows);
    if let Some(total) = selected.total {
        let (offset, limit) = (selected.offset, selected.limit);
        let size = size(selected);
        write!(
            body,
            ",\"offset\":{offset},\"limit\":{limit},\"total\":{total},\"responseSizeByte\":{size}"
        )
        .expect("a Vec takes everything");
    }
    body.push(b'}');
    body
}

fn room_for(selected: &Selected<'_>) -> Vec<u8> {
    let bytes: usize = selected.rows.iter().map(|row| row.0.len() + 1).sum();
    Vec::with_capacity(bytes + 64 * (selected.columns.len() + 2))
}

fn columns(body: &mut Vec<u8>, selected: &Selected<'_>, with_precision: bool) {
    let column = |(name, kind): &(_, kensho_query::types::ColumnType)| {
        let is_time = kind.scalar == ScalarType::Timestamp && !kind.array;
        match is_time && with_precision {
            true => json!({"name": name, "type": kind.to_string(), "timePrecision": "MILLISECOND"}),
            false => json!({"name": name, "type": kind.to_string()}),
        }
    };
    let columns: Vec<_> = selected.columns.iter().map(column).collect();
    body.extend_from_slice(b"\"columns\":");
    serde_json::to_writer(body, &columns).expect("names are JSON");
}

fn rows(body: &mut Vec<u8>, rows: &[Text<'_>]) {
    body.push(b'[');
    for (number, row) in rows.iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&row.0);
    }
    body.push(b']');
}

fn size(selected: &Selected<'_>) -> u64 {
    let of_row = |row: &Text<'_>| -> u64 {
        let cells = elements(&row.0).zip(&selected.columns);
        cells.map(|(cell, (_, kind))| size_bytes(*kind, cell)).sum()
    };
    selected.rows.iter().map(of_row).sum()
}
