//! Rows by a condition: POST of `/containers/{container}/rows`.

use std::borrow::Cow;

use kensho_storage::tables::{Query, Wanted};
use serde::Deserialize;

use super::answer::{self, Answer};
use super::error::Error;
use super::selected::{self, ROWS_MAX};
use super::service::{Asked, Kind, Service, as_of};

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(default)]
    offset: Option<u64>,
    limit: u64,
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
    let body: Body<'_> = serde_json::from_slice(&asked.body).map_err(|error| {
        Error::malformed(format!(
            "the body is not what asks for rows, such as \
             {{\"limit\":100,\"condition\":\"id >= 50\",\"sort\":\"id desc\"}}: {error}"
        ))
    })?;
    if body.limit == 0 {
        return Err(Error::malformed("the limit is 0; it is 1 or more"));
    }
    let query = Query::Select {
        container,
        wanted: Wanted::Rows {
            condition: given(body.condition.as_deref()),
            sort: given(body.sort.as_deref()),
        },
        offset: body.offset.unwrap_or_default(),
        limit: body.limit.min(ROWS_MAX),
        now: selected::now(),
    };
    let (at, found) = service.read(partition, query.encode()).await?;
    let selected = selected::decode(&found, container)?;
    let body = selected::rows_json(&selected);
    Ok(as_of(answer::json(hyper::StatusCode::OK, body), at))
}

/// An empty condition or order is none.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}
