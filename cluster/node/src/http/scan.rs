//! Rows by a range of keys: POST of `/containers/{container}/rows`.

use std::borrow::Cow;

use hyper::StatusCode;
use kensho_storage::tables::{Answer as Found, ContainerInfo, Order, Query, Raw};
use serde::Deserialize;
use serde_json::json;

use super::answer::{self, Answer};
use super::condition::{self, KeyRange};
use super::error::Error;
use super::service::{Asked, Kind, Service, as_of};

/// More rows cannot be had at once.
const ROWS_MAX: u32 = 10_000;

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted<'a> {
    #[serde(default)]
    offset: u32,
    limit: u32,
    #[serde(borrow)]
    condition: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sort: Option<Cow<'a, str>>,
}

/// Reads rows.
pub(super) async fn rows(
    service: &Service,
    asked: &Asked,
    container: &str,
) -> Result<Answer, Error> {
    let partition = service.partition(container)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked, Kind::Read).await {
        return elsewhere;
    }
    let wanted: Wanted<'_> = serde_json::from_slice(&asked.body).map_err(|error| {
        Error::malformed(format!(
            "the body is not what asks for rows, such as \
             {{\"limit\":100,\"condition\":\"id >= 50\"}}: {error}"
        ))
    })?;
    if wanted.limit > ROWS_MAX {
        let limit = wanted.limit;
        return Err(Error::malformed(format!(
            "the limit is {limit}; at most {ROWS_MAX} rows can be had at once, and more by an offset"
        )));
    }
    let range = match wanted.condition.as_deref() {
        None | Some("") => KeyRange::ALL,
        Some(text) => KeyRange::parse(text)
            .map_err(|wrong| Error::malformed(format!("the condition: {wrong}")))?,
    };
    let (sorted, order) = match wanted.sort.as_deref() {
        None | Some("") => (None, Order::Ascending),
        Some(text) => {
            let (column, order) =
                sort(text).map_err(|wrong| Error::malformed(format!("the sort order: {wrong}")))?;
            (Some(column), order)
        }
    };
    if let (Some(one), Some(other)) = (&range.column, &sorted)
        && one != other
    {
        return Err(Error::malformed(format!(
            "the condition speaks of {one} and the sort order of {other}; both are offered for the \
             row key only"
        )));
    }
    let query = Query::Scan {
        container,
        column: range.column.as_deref().or(sorted.as_deref()),
        from: range.from.as_ref().map(|key| &**key),
        to: range.to.as_ref().map(|key| &**key),
        order,
        offset: wanted.offset,
        limit: wanted.limit,
    };
    let (at, found) = service.read(partition, query.encode()).await?;
    match Found::decode(&found) {
        Some(Found::Rows { info, rows, total }) => {
            let body = shown(&info, &rows, total, &wanted);
            Ok(as_of(answer::json(StatusCode::OK, body), at))
        }
        Some(Found::NoSuchContainer) => Err(Error::no_container(container)),
        Some(Found::WrongKey(text)) => Err(Error::does_not_fit(text)),
        other => unreachable!("{other:?} answers no question for rows"),
    }
}

/// A column and an order: `id`, `id asc`, `id desc`.
fn sort(text: &str) -> Result<(Cow<'_, str>, Order), String> {
    let (column, rest) = condition::name(text)?;
    let rest = rest.trim();
    let word = |word| condition::keyword(rest, word) == Some("");
    if rest.is_empty() || word("asc") {
        Ok((column, Order::Ascending))
    } else if word("desc") {
        Ok((column, Order::Descending))
    } else {
        Err(format!(
            "expected asc or desc after {column}, not {}",
            condition::shown(rest)
        ))
    }
}

fn shown(info: &ContainerInfo, rows: &[Raw<'_>], total: u64, wanted: &Wanted<'_>) -> Vec<u8> {
    let columns: Vec<_> = info
        .columns
        .iter()
        .map(|column| json!({"name": column.name, "type": column.kind.to_string()}))
        .collect();
    let bytes: usize = rows.iter().map(|row| row.0.len() + 1).sum();
    let mut body = Vec::with_capacity(bytes + 64 * (columns.len() + 2));
    body.extend_from_slice(b"{\"columns\":");
    serde_json::to_writer(&mut body, &columns).expect("names are JSON");
    body.extend_from_slice(b",\"rows\":[");
    for (number, row) in rows.iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        body.extend_from_slice(row.0);
    }
    let (offset, limit) = (wanted.offset, wanted.limit);
    let end = format!("],\"total\":{total},\"offset\":{offset},\"limit\":{limit}}}");
    body.extend_from_slice(end.as_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read() {
        assert_eq!(sort("id"), Ok(("id".into(), Order::Ascending)));
        assert_eq!(sort(" id ASC"), Ok(("id".into(), Order::Ascending)));
        assert_eq!(sort("\"i=\" desc "), Ok(("i=".into(), Order::Descending)));
        assert!(sort("id desc, name").unwrap_err().contains("desc, name"));
        assert!(sort("").is_err());
    }
}
