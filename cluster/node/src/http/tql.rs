//! Statements of TQL: POST of `/tql`.

use futures_util::future::join_all;
use hyper::StatusCode;
use kensho_storage::tables::{Query, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::{self, Answer};
use super::error::Error;
use super::part;
use super::selected::{self, ROWS_MAX};
use super::service::{Asked, Kind, Service};

/// A statement, and what it is for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Asking {
    /// The container's name.
    name: String,
    stmt: String,
    /// Only these columns.
    columns: Option<Vec<String>>,
    /// Whether the answer may be made of several parts; here it never is.
    has_partial_execution: Option<bool>,
}

/// Carries statements out, each by itself.
pub(super) async fn answer(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let example = r#"{"name":"container1","stmt":"select * where id >= 50 limit 100"}"#;
    let parts: Vec<Asking> = part::parts(asked, part::STATEMENTS_MAX, example)?;
    let answered = parts.iter().map(|asking| one(service, asked, asking));
    let mut results = Vec::with_capacity(parts.len());
    for (result, asking) in join_all(answered).await.into_iter().zip(&parts) {
        match result.map_err(|error| error.of(format_args!("container {}", shown(&asking.name))))? {
            Ok(result) => results.push(result),
            Err(answer) => return Ok(answer),
        }
    }
    Ok(answer::json(StatusCode::OK, part::array(&results)))
}

async fn one(
    service: &Service,
    asked: &Asked,
    asking: &Asking,
) -> Result<Result<Box<RawValue>, Answer>, Error> {
    if let Some(address) = service.address_of(&asking.name, asked)? {
        let body = serde_json::to_vec(&[asking]).expect("texts are JSON");
        let one = asked.with_body(body);
        let answer = service.forward(&address, &one, Kind::Read).await?;
        return part::only_element(answer).await;
    }
    let columns = asking.columns.iter().flatten();
    let query = Query::Select {
        container: &asking.name,
        wanted: Wanted::Tql {
            statement: &asking.stmt,
            columns: columns.map(String::as_str).collect(),
        },
        offset: 0,
        limit: ROWS_MAX,
        now: selected::now(),
    };
    let partition = service.partition(&asking.name)?;
    let (_, found) = service.read(partition, query.encode()).await?;
    let selected = selected::decode(&found, &asking.name)?;
    Ok(Ok(part::raw(selected::tql_json(&selected))))
}

fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}
