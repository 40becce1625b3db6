//! Many rows of a container at once: PUT and DELETE of `/containers/{container}/rows`.
//!
//! A container lives in one partition, so all rows of a request are one statement: one entry of the
//! log, stored as a whole or not at all, with one version for all of them.

use bytes::Bytes;
use hyper::{StatusCode, header};
use kensho_storage::tables::{Condition, ContainerInfo, Key, Outcome, ValidKeys, ValidRows};
use serde::Serialize;

use super::answer::{self, Answer};
use super::error::Error;
use super::headers;
use super::rows::{execute_checked, not_done};
use super::schema::Schema;
use super::service::{Asked, Kind, Service, as_of};

/// The answer to a put.
#[derive(Serialize)]
struct Stored {
    /// How many rows were inserted or replaced.
    count: u32,
}

/// Inserts rows, or replaces those of the same keys.
pub(super) async fn put(
    service: &Service,
    asked: &Asked,
    container: &str,
) -> Result<Answer, Error> {
    let partition = service.partition(container)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked, Kind::Update).await {
        return elsewhere;
    }
    let rows = |_: &Schema| Ok(asked.body.clone());
    store(service, asked, container, rows).await
}

/// The same at the node that owns the container's partition; `rows` says which rows, as an array of arrays.
pub(super) async fn store(
    service: &Service,
    asked: &Asked,
    container: &str,
    rows: impl Fn(&Schema) -> Result<Bytes, Error>,
) -> Result<Answer, Error> {
    let partition = service.partition(container)?;
    let condition = headers::condition(&asked.headers)?;
    let make =
        |schema: &Schema| put_statement(service, schema, container, condition, &rows(schema)?);
    let executed = execute_checked(service, asked, partition, container, make).await?;
    match Outcome::decode(&executed.outcome) {
        Some(Outcome::Stored { version, count }) => {
            let body = serde_json::to_vec(&Stored { count }).expect("a number is JSON");
            let mut stored = answer::json(StatusCode::OK, body);
            stored
                .headers_mut()
                .insert(header::ETAG, answer::etag(version));
            Ok(as_of(stored, executed.at))
        }
        outcome => not_done(service, container, &executed, outcome.as_ref()),
    }
}

/// Deletes the rows of these keys; those that are not there are no error.
pub(super) async fn delete(
    service: &Service,
    asked: &Asked,
    container: &str,
) -> Result<Answer, Error> {
    let partition = service.partition(container)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked, Kind::Update).await {
        return elsewhere;
    }
    let condition = headers::condition(&asked.headers)?;
    let make = |schema: &Schema| {
        let keys = ValidKeys::many(&schema.info, &asked.body).map_err(Error::does_not_fit)?;
        Ok(keys.delete(container, schema.created, condition))
    };
    let executed = execute_checked(service, asked, partition, container, make).await?;
    match Outcome::decode(&executed.outcome) {
        Some(Outcome::Deleted { .. }) => {
            Ok(as_of(answer::empty(StatusCode::NO_CONTENT), executed.at))
        }
        outcome => not_done(service, container, &executed, outcome.as_ref()),
    }
}

/// The rows of an array of rows, of which there is at least one.
pub(super) fn valid(info: &ContainerInfo, rows: &[u8]) -> Result<ValidRows, Error> {
    let valid = ValidRows::many(info, rows).map_err(Error::does_not_fit)?;
    match valid.is_empty() {
        true => Err(Error::does_not_fit("there is no row; give at least one")),
        false => Ok(valid),
    }
}

fn put_statement(
    service: &Service,
    schema: &Schema,
    container: &str,
    condition: Condition,
    body: &[u8],
) -> Result<Bytes, Error> {
    let valid = valid(&schema.info, body)?;
    for row in valid.iter() {
        if let Key::Text(key) = row.key {
            service.check_length("row key", key)?;
        }
    }
    Ok(valid.put(container, schema.created, condition))
}
