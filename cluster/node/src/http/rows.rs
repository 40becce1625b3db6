//! Single rows: GET, PUT and DELETE of `/containers/{container}/rows/{key}`.

use std::rc::Rc;

use bytes::Bytes;
use hyper::{StatusCode, header};
use kensho_protocol::ids::{PartitionId, Position};
use kensho_protocol::request::Refusal;
use kensho_storage::tables::{
    Answer as Found, Condition, Key, Outcome, Query, Raw, Statement, ValidRows,
};

use super::answer::{self, Answer};
use super::error::Error;
use super::headers;
use super::numbered::numbered;
use super::schema::Schema;
use super::service::{self, Asked, Executed, Kind, Service, as_of};

/// Which row is meant.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) container: &'a str,
    pub(super) key: &'a str,
}

/// Reads a row.
pub(super) async fn get(service: &Service, asked: &Asked, row: Named<'_>) -> Result<Answer, Error> {
    let partition = service.partition(row.container)?;
    let query = Query::Get {
        container: row.container,
        key: row.key,
    };
    let read = match service.read_for(asked, partition, query.encode()).await? {
        service::Found::Here(read) => read,
        service::Found::Elsewhere(answer) => return Ok(answer),
    };
    let found = &read.answer;
    match Found::decode(found) {
        Some(Found::Row { version, value }) => {
            let value = slice(found, value);
            Ok(read.labelled(row_answer(StatusCode::OK, version, value)))
        }
        Some(Found::NoSuchRow) => Ok(read.labelled(answer::empty(StatusCode::NOT_FOUND))),
        Some(Found::NoSuchContainer) => Err(Error::no_container(row.container)),
        Some(Found::WrongKey(text)) => Err(Error::does_not_fit(text)),
        other => unreachable!("{other:?} answers no question for a row"),
    }
}

/// Inserts or replaces a row.
pub(super) async fn put(service: &Service, asked: &Asked, row: Named<'_>) -> Result<Answer, Error> {
    let partition = service.partition(row.container)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked, Kind::Update).await {
        return elsewhere;
    }
    let condition = headers::condition(&asked.headers)?;
    let make = |schema: &Schema| put_statement(schema, row, condition, &asked.body);
    let executed = execute_checked(service, asked, partition, row.container, make).await?;
    match Outcome::decode(&executed.outcome) {
        Some(Outcome::Stored { version, .. }) => {
            let mut stored = answer::empty(StatusCode::OK);
            stored
                .headers_mut()
                .insert(header::ETAG, answer::etag(version));
            Ok(as_of(stored, executed.at))
        }
        outcome => not_done(service, row.container, &executed, outcome.as_ref()),
    }
}

/// Deletes a row.
pub(super) async fn delete(
    service: &Service,
    asked: &Asked,
    row: Named<'_>,
) -> Result<Answer, Error> {
    let partition = service.partition(row.container)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked, Kind::Update).await {
        return elsewhere;
    }
    let condition = headers::condition(&asked.headers)?;
    let make = |schema: &Schema| delete_statement(schema, row, condition);
    let executed = execute_checked(service, asked, partition, row.container, make).await?;
    match Outcome::decode(&executed.outcome) {
        Some(Outcome::Deleted { existed }) => {
            let status = if existed > 0 {
                StatusCode::NO_CONTENT
            } else {
                StatusCode::NOT_FOUND
            };
            Ok(as_of(answer::empty(status), executed.at))
        }
        outcome => not_done(service, row.container, &executed, outcome.as_ref()),
    }
}

fn put_statement(
    schema: &Schema,
    row: Named<'_>,
    condition: Condition,
    body: &[u8],
) -> Result<Bytes, Error> {
    let valid = ValidRows::one(&schema.info, body).map_err(Error::does_not_fit)?;
    let key = schema
        .info
        .parse_key(row.key)
        .map_err(Error::does_not_fit)?;
    if let Key::Inserted(..) = key {
        return Err(Error::does_not_fit(
            "a row of a container without row key is never replaced; PUT /containers/{container}/rows adds \
             rows, and a row's id reads and deletes it",
        ));
    }
    if valid.iter().next().map(|row| row.key) != Some(key) {
        return Err(Error::does_not_fit(format!(
            "the row's first value is its key, and must be the one in the path, {}",
            row.key
        )));
    }
    Ok(valid.put(row.container, schema.created, condition))
}

fn delete_statement(schema: &Schema, row: Named<'_>, condition: Condition) -> Result<Bytes, Error> {
    let key = schema
        .info
        .parse_key(row.key)
        .map_err(Error::does_not_fit)?;
    let delete = Statement::Delete {
        container: row.container,
        schema: schema.created,
        condition,
        keys: vec![key],
    };
    Ok(delete.encode())
}

/// Executes a statement that is made for what the container is like.
pub(super) async fn execute_checked(
    service: &Service,
    asked: &Asked,
    partition: PartitionId,
    container: &str,
    make: impl Fn(&Schema) -> Result<Bytes, Error>,
) -> Result<Executed, Error> {
    let request = numbered(asked)?;
    let seen = headers::as_of(&asked.headers)?;
    let remembered = service
        .schemas
        .get(container)
        .and_then(|schema| make(&schema).ok());
    let statement = match remembered {
        Some(statement) => statement,
        // What is remembered may be out of date: a statement is refused only after a fresh look.
        None => make(&*Box::pin(look_up(service, partition, container)).await?)?,
    };
    service.execute(partition, request, seen, statement).await
}

/// What a container is like now.
pub(super) async fn look_up(
    service: &Service,
    partition: PartitionId,
    container: &str,
) -> Result<Rc<Schema>, Error> {
    let query = Query::ContainerInfo { name: container };
    let (_, found) = service.read(partition, query.encode()).await?;
    match Found::decode(&found) {
        Some(Found::Info { info, created, .. }) => {
            let schema = Rc::new(Schema { info, created });
            service.schemas.remember(container, Rc::clone(&schema));
            Ok(schema)
        }
        _ => {
            service.schemas.forget(container);
            Err(Error::no_container(container))
        }
    }
}

/// The answer to an update that changed nothing.
pub(super) fn not_done(
    service: &Service,
    container: &str,
    executed: &Executed,
    outcome: Option<&Outcome<'_>>,
) -> Result<Answer, Error> {
    let at = executed.at;
    match outcome {
        Some(Outcome::ConditionFailed { current, value, .. }) => {
            let status = StatusCode::PRECONDITION_FAILED;
            let mut failed = match value {
                Some(value) => answer::json(status, slice(&executed.outcome, *value)),
                None => answer::empty(status),
            };
            // Without a value: something else stands there by now.
            if let Some(version) = current {
                let etag = answer::etag(*version);
                failed.headers_mut().insert(header::ETAG, etag);
            }
            Ok(as_of(failed, at))
        }
        Some(Outcome::NoSuchContainer) => {
            service.schemas.forget(container);
            Err(Error::no_container(container))
        }
        Some(Outcome::SchemaChanged) => {
            service.schemas.forget(container);
            Err(Error::container_replaced(container))
        }
        // Only an Idempotency-Key that was used for something else before comes to this, if chance has it
        // that both have one digest.
        _ => Err(Refusal::NumberUsed.into()),
    }
}

fn row_answer(status: StatusCode, version: Position, value: Bytes) -> Answer {
    let mut answer = answer::json(status, value);
    answer
        .headers_mut()
        .insert(header::ETAG, answer::etag(version));
    answer
}

/// The part of `whole` that `part` is, without a copy.
fn slice(whole: &Bytes, part: Raw<'_>) -> Bytes {
    whole.slice_ref(part.0)
}
