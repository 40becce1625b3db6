//! Rows by a condition: POST of `/containers/{container}/rows`.

use std::borrow::Cow;

use kensho_storage::tables::{Query, Wanted};
use serde::Deserialize;

use super::answer::{self, Answer};
use super::error::Error;
use super::selected::{self, ROWS_MAX};
use super::service::{Asked, Found, Service};

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body<'a> {
    #[serde(default)]
    offset: Option<u64>,
    limit: u64,
    #[serde(borrow)]
    condition: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sort: Option<Cow<'a, str>>,
    /// The column whose values are the names of files with BLOBs; it says nothing where there are no files.
    #[serde(borrow, rename = "fileNameCol")]
    file_name_column: Option<Cow<'a, str>>,
}

impl<'a> Body<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Error> {
        let wrong = |what: &dyn std::fmt::Display| {
            Error::malformed(format!(
                "the body is not what asks for rows, such as \
                 {{\"limit\":100,\"condition\":\"id >= 50\",\"sort\":\"id desc\"}}: {what}"
            ))
        };
        // The reader of JSON would take an array for the fields in their order.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(wrong(&"it is an object"));
        }
        let body: Body<'_> = serde_json::from_slice(body).map_err(|error| wrong(&error))?;
        match body.limit {
            0 => Err(Error::malformed("the limit is 0; it is 1 or more")),
            _ => Ok(body),
        }
    }

    /// The query for it.
    pub(super) fn query<'b>(&'b self, container: &'b str) -> Query<'b> {
        Query::Select {
            container,
            wanted: Wanted::Rows {
                condition: given(self.condition.as_deref()),
                sort: given(self.sort.as_deref()),
            },
            offset: self.offset.unwrap_or_default(),
            limit: self.limit.min(ROWS_MAX),
            now: selected::now(),
        }
    }

    /// The column that gives files their names.
    pub(super) fn file_name_column(&self) -> Option<&str> {
        given(self.file_name_column.as_deref())
    }
}

/// Reads rows.
pub(super) async fn rows(
    service: &Service,
    asked: &Asked,
    container: &str,
) -> Result<Answer, Error> {
    let partition = service.partition(container)?;
    let query = Body::read(&asked.body)?.query(container).encode();
    let read = match service.read_for(asked, partition, query).await? {
        Found::Here(read) => read,
        Found::Elsewhere(answer) => return Ok(answer),
    };
    let selected = selected::decode(&read.answer, container)?;
    let body = selected::rows_json(&selected);
    Ok(read.labelled(answer::json(hyper::StatusCode::OK, body)))
}

/// An empty text is none.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}
