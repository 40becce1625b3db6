//! Rows of several containers in one request: PUT and POST of `/containers/rows`.
//!
//! Each container's rows are stored all or none, as by a request of its own. Before anything is stored, all of them
//! are checked, so that what does not fit changes nothing anywhere. What fails later, since a partition is not
//! served, say, is told container by container.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use hyper::{Method, StatusCode};
use kensho_storage::tables::{ContainerInfo, Query, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::{self, Answer};
use super::error::Error;
use super::selected::{self, ROWS_MAX};
use super::service::{Asked, Kind, Service};
use super::{batch, headers, part, rows};

/// Rows for a container.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Put {
    container_name: String,
    rows: Box<RawValue>,
}

/// What became of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    container_name: &'a str,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize)]
#[serde(untagged)]
enum What {
    #[serde(rename_all = "camelCase")]
    Stored {
        updated_rows: u64,
    },
    Failed(Failure),
}

/// An error as it is answered.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    error_code: u32,
    error_message: String,
    definite: bool,
}

/// The answer if not all rows were stored.
#[derive(Serialize)]
struct Partly<'a> {
    version: &'static str,
    #[serde(flatten)]
    first: Failure,
    results: &'a [Told<'a>],
}

/// What a put answers.
#[derive(Deserialize)]
struct Count {
    count: u64,
}

/// Inserts rows of several containers, or replaces those of the same keys.
pub(super) async fn put(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let example = r#"{"containerName":"container1","rows":[[1,"a"]]}"#;
    let parts: Vec<Put> = part::parts(asked, part::CONTAINERS_MAX, example)?;
    if headers::request_id(&asked.headers)?.is_some() && parts.len() > 1 {
        return Err(Error::malformed(
            "an Idempotency-Key is of one update, and rows of several containers are several updates; send \
             one container at a time, each with a number of its own",
        ));
    }
    let mut names = BTreeSet::new();
    for part in &parts {
        if !names.insert(part.container_name.to_ascii_lowercase()) {
            let name = shown(&part.container_name);
            return Err(Error::malformed(format!(
                "container {name} stands there twice; give all its rows in one place"
            )));
        }
    }
    let checks = parts.iter().map(|part| check(service, asked, part));
    for (checked, part) in join_all(checks).await.into_iter().zip(&parts) {
        let place = || format!("container {}", shown(&part.container_name));
        if let Err(answer) = checked.map_err(|error| error.of(place()))? {
            return Ok(answer);
        }
    }
    let puts = parts.iter().map(|part| store(service, asked, part));
    let stored = join_all(puts).await;
    let told: Vec<Told<'_>> = stored
        .iter()
        .zip(&parts)
        .map(|((_, what), part)| Told {
            container_name: &part.container_name,
            what: match what {
                Ok(updated_rows) => What::Stored {
                    updated_rows: *updated_rows,
                },
                Err(failure) => What::Failed(failure.clone()),
            },
        })
        .collect();
    let failed = stored
        .iter()
        .find_map(|(status, what)| Some((*status, what.as_ref().err()?)));
    let Some((status, first)) = failed else {
        let body = serde_json::to_vec(&told).expect("names and numbers are JSON");
        return Ok(answer::json(StatusCode::OK, body));
    };
    // As a whole it had no effect only if no part of it had.
    let definite = stored
        .iter()
        .all(|(_, what)| what.as_ref().is_err_and(|failure| failure.definite));
    let body = serde_json::to_vec(&Partly {
        version: "v2",
        first: Failure {
            definite,
            ..first.clone()
        },
        results: &told,
    });
    Ok(answer::json(status, body.expect("texts are JSON")))
}

/// Whether the rows would fit now.
async fn check(service: &Service, asked: &Asked, part: &Put) -> Result<Result<(), Answer>, Error> {
    let name = &part.container_name;
    let rows = part.rows.get().as_bytes();
    let fits = |info: &ContainerInfo| batch::valid(info, rows);
    let Some(address) = service.address_of(name, asked)? else {
        let partition = service.partition(name)?;
        let schema = rows::look_up(service, partition, name).await?;
        fits(&schema.info)?;
        return Ok(Ok(()));
    };
    let path = format!("/containers/{}/info", part::encode(name));
    let info = asked.for_path(Method::GET, &path, "")?;
    let answer = service.forward(&address, &info, Kind::Read).await?;
    if answer.status() != StatusCode::OK {
        return Ok(Err(answer));
    }
    let (_, info) = ContainerInfo::from_json(&part::body(answer).await)
        .map_err(|error| Error::does_not_fit(error.to_string()))?;
    fits(&info)?;
    Ok(Ok(()))
}

/// Stores the rows of one container.
async fn store(service: &Service, asked: &Asked, part: &Put) -> (StatusCode, Result<u64, Failure>) {
    let name = &part.container_name;
    let path = format!("/containers/{}/rows", part::encode(name));
    let rows = part.rows.get().to_owned();
    let answer = match asked.for_path(Method::PUT, &path, rows) {
        Ok(one) => batch::put(service, &one, name).await,
        Err(error) => Err(error),
    };
    let answer = answer.unwrap_or_else(|error| error.response());
    let status = answer.status();
    let body = part::body(answer).await;
    if status == StatusCode::OK
        && let Ok(Count { count }) = serde_json::from_slice(&body)
    {
        return (status, Ok(count));
    }
    let failure = serde_json::from_slice(&body).unwrap_or_else(|_| Failure {
        error_code: 150_001,
        error_message: "a condition did not hold for a row".to_owned(),
        definite: true,
    });
    (status, Err(failure))
}

/// Which rows of a container are wanted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Get {
    name: String,
    start_key_value: Option<Key>,
    finish_key_value: Option<Key>,
    key_values: Option<Vec<Key>>,
    offset: Option<u64>,
    limit: Option<u64>,
}

/// A row key, which is a text or a number.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Text(String),
    Number(i64),
}

impl Key {
    fn text(&self) -> String {
        match self {
            Key::Text(text) => text.clone(),
            Key::Number(number) => number.to_string(),
        }
    }
}

/// Reads rows of several containers.
pub(super) async fn rows(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let example = r#"{"name":"container1","startKeyValue":1,"finishKeyValue":9,"limit":100}"#;
    let parts: Vec<Get> = part::parts(asked, part::CONTAINERS_MAX, example)?;
    let answered = parts.iter().map(|part| read(service, asked, part));
    let mut results = Vec::with_capacity(parts.len());
    for (result, part) in join_all(answered).await.into_iter().zip(&parts) {
        let place = || format!("container {}", shown(&part.name));
        match result.map_err(|error| error.of(place()))? {
            Ok(result) => results.push(result),
            Err(answer) => return Ok(answer),
        }
    }
    Ok(answer::json(StatusCode::OK, part::array(&results)))
}

async fn read(
    service: &Service,
    asked: &Asked,
    part: &Get,
) -> Result<Result<Box<RawValue>, Answer>, Error> {
    if part.limit == Some(0) {
        return Err(Error::malformed("the limit is 0; it is 1 or more"));
    }
    if let Some(address) = service.address_of(&part.name, asked)? {
        let body = serde_json::to_vec(&[part]).expect("texts and numbers are JSON");
        let one = asked.with_body(body);
        let answer = service.forward(&address, &one, Kind::Read).await?;
        return part::only_element(answer).await;
    }
    let text = |key: &Option<Key>| key.as_ref().map(Key::text);
    let (from, to) = (text(&part.start_key_value), text(&part.finish_key_value));
    let keys = part.key_values.as_ref().filter(|keys| !keys.is_empty());
    let keys: Option<Vec<String>> = keys.map(|keys| keys.iter().map(Key::text).collect());
    let wanted = match &keys {
        Some(keys) => Wanted::Keys(keys.iter().map(String::as_str).collect()),
        None => Wanted::Range {
            from: from.as_deref(),
            to: to.as_deref(),
        },
    };
    let query = Query::Select {
        container: &part.name,
        wanted,
        offset: part.offset.unwrap_or_default(),
        limit: part.limit.unwrap_or(ROWS_MAX).min(ROWS_MAX),
        now: selected::now(),
    };
    let partition = service.partition(&part.name)?;
    let (_, found) = service.read(partition, query.encode()).await?;
    let selected = selected::decode(&found, &part.name)?;
    Ok(Ok(part::raw(selected::part_json(&part.name, &selected))))
}

fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}
