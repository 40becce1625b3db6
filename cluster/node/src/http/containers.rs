//! Containers: create, list, describe, delete.

use std::collections::BTreeSet;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::StatusCode;
use kensho_protocol::ids::PartitionId;
use kensho_protocol::request::Refusal;
use kensho_storage::tables::{Answer as Found, ContainerInfo, Outcome, Query, Statement};
use serde::{Deserialize, Serialize};

use super::answer::{self, Answer};
use super::error::Error;
use super::headers;
use super::service::{Asked, Owner, Service, as_of};

/// Creates a container.
pub(super) async fn create(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let (name, info) = ContainerInfo::from_json(&asked.body).map_err(Error::does_not_fit)?;
    let partition = service.partition(&name)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked).await {
        return elsewhere;
    }
    let id = headers::request_id(&asked.headers)?;
    let seen = headers::as_of(&asked.headers)?;
    let statement = Statement::CreateContainer { name: &name, info };
    let executed = service
        .execute(partition, id, seen, statement.encode())
        .await?;
    match Outcome::decode(&executed.outcome) {
        Some(Outcome::Created) => Ok(as_of(answer::empty(StatusCode::CREATED), executed.at)),
        Some(Outcome::AlreadyExists) => Err(Error::container_exists(&name)),
        _ => Err(Error::key_used_before()),
    }
}

/// Describes a container.
pub(super) async fn info(
    service: &Service,
    asked: &Asked,
    container: &str,
) -> Result<Answer, Error> {
    let partition = service.partition(container)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked).await {
        return elsewhere;
    }
    let query = Query::ContainerInfo { name: container };
    let (at, found) = service.read(partition, query.encode()).await?;
    match Found::decode(&found) {
        Some(Found::Info { name, info, .. }) => {
            Ok(as_of(answer::json(StatusCode::OK, info.to_json(name)), at))
        }
        _ => Err(Error::no_container(container)),
    }
}

/// Deletes containers; those that are not there are no error.
pub(super) async fn delete(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let names: Vec<String> = serde_json::from_slice(&asked.body).map_err(|error| {
        Error::malformed(format!(
            "the body is a JSON array of names of containers: {error}"
        ))
    })?;
    let id = headers::request_id(&asked.headers)?;
    if id.is_some() && names.len() > 1 {
        return Err(Error::malformed(
            "with an Idempotency-Key, delete one container at a time",
        ));
    }
    let seen = headers::as_of(&asked.headers)?;
    let mut last = answer::empty(StatusCode::NO_CONTENT);
    for name in &names {
        let partition = service.partition(name)?;
        let one = Asked {
            method: asked.method.clone(),
            uri: asked.uri.clone(),
            headers: asked.headers.clone(),
            body: serde_json::to_vec(&[name]).expect("a name is JSON").into(),
        };
        if let Some(elsewhere) = service.elsewhere(partition, &one).await {
            let elsewhere = elsewhere?;
            if !elsewhere.status().is_success() {
                return Ok(elsewhere);
            }
            last = elsewhere;
            continue;
        }
        let statement = Statement::DropContainer { name };
        let executed = service
            .execute(partition, id, seen, statement.encode())
            .await?;
        service.schemas.forget(name);
        last = as_of(answer::empty(StatusCode::NO_CONTENT), executed.at);
    }
    Ok(last)
}

/// What a list may be asked for.
#[derive(Default)]
struct Wanted {
    offset: usize,
    limit: Option<usize>,
}

impl Wanted {
    fn parse(query: Option<&str>) -> Result<Self, Error> {
        let mut wanted = Wanted::default();
        for parameter in query
            .unwrap_or_default()
            .split('&')
            .filter(|part| !part.is_empty())
        {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let number = || {
                let wrong = || Error::malformed(format!("{name} is {value}; it must be a number"));
                value.parse().map_err(|_| wrong())
            };
            match name {
                "offset" => wanted.offset = number()?,
                "limit" => wanted.limit = Some(number()?),
                _ => {
                    return Err(Error::malformed(format!(
                        "there is no parameter {name} here; there are offset and limit"
                    )));
                }
            }
        }
        Ok(wanted)
    }
}

#[derive(Serialize)]
struct List<'a> {
    names: &'a [String],
    total: usize,
    offset: usize,
    limit: usize,
}

#[derive(Deserialize)]
struct OthersList {
    names: Vec<String>,
}

/// Lists the containers of all partitions, in the order of their names. With `Kensho-Forward: no`
/// those of the partitions that this node owns.
pub(super) async fn list(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let wanted = Wanted::parse(asked.uri.query())?;
    let mut names = BTreeSet::new();
    let mut others = BTreeSet::new();
    let forwards = headers::may_be_forwarded(&asked.headers);
    let partitions = service.data.plane.borrow().settings().identity.partitions;
    for partition in (0..partitions).map(PartitionId) {
        match service.owner(partition) {
            Owner::Here => {
                let (_, found) = service
                    .read(partition, Query::ListContainers.encode())
                    .await?;
                if let Some(Found::Names(found)) = Found::decode(&found) {
                    names.extend(found.into_iter().map(str::to_owned));
                }
            }
            Owner::There(address) if forwards => {
                others.insert(address);
            }
            Owner::There(_) => {}
            Owner::Nobody => return Err(Refusal::NotServing.into()),
        }
    }
    for address in others {
        let theirs = list_of(service, asked, &address).await?;
        names.extend(theirs.names);
    }
    let names: Vec<String> = names.into_iter().collect();
    let offset = wanted.offset.min(names.len());
    let limit = wanted
        .limit
        .unwrap_or(names.len())
        .min(names.len() - offset);
    let list = List {
        names: &names[offset..offset + limit],
        total: names.len(),
        offset: wanted.offset,
        limit: wanted.limit.unwrap_or(limit),
    };
    let body = serde_json::to_vec(&list).expect("names are JSON");
    Ok(answer::json(StatusCode::OK, body))
}

async fn list_of(service: &Service, asked: &Asked, address: &str) -> Result<OthersList, Error> {
    let all = Asked {
        method: asked.method.clone(),
        uri: asked.uri.path().parse().expect("it was a path before"),
        headers: asked.headers.clone(),
        body: Bytes::new(),
    };
    let answer = service.forward(address, &all).await?;
    let succeeded = answer.status() == StatusCode::OK;
    let body = answer
        .into_body()
        .collect()
        .await
        .unwrap_or_else(|never| match never {});
    let list = serde_json::from_slice(&body.to_bytes()).ok();
    list.filter(|_| succeeded).ok_or_else(|| {
        tracing::debug!(address, "no list of containers came");
        Refusal::NotServing.into()
    })
}
