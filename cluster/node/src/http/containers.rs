//! Containers: create, list, describe, delete.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::future::{join, join_all};
use http_body_util::BodyExt;
use hyper::StatusCode;
use kensho_protocol::ids::PartitionId;
use kensho_protocol::request::Refusal;
use kensho_storage::tables::{
    Answer as Found, ContainerInfo, ContainerKind, Outcome, Query, Statement,
};
use serde::{Deserialize, Serialize};

use super::answer::{self, Answer};
use super::error::Error;
use super::headers;
use super::numbered::{self, numbered};
use super::part;
use super::router;
use super::rows;
use super::service::{Asked, Kind, Owner, Service, as_of};

/// Creates a container.
pub(super) async fn create(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let (name, info) = ContainerInfo::from_json(&asked.body).map_err(Error::does_not_fit)?;
    let partition = service.partition(&name)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked, Kind::Update).await {
        return elsewhere;
    }
    let request = numbered(asked)?;
    let seen = headers::as_of(&asked.headers)?;
    let statement = Statement::CreateContainer { name: &name, info };
    let executed = service
        .execute(partition, request, seen, statement.encode())
        .await?;
    match Outcome::decode(&executed.outcome) {
        Some(Outcome::Created) => Ok(as_of(answer::empty(StatusCode::CREATED), executed.at)),
        Some(Outcome::AlreadyExists) => Err(Error::container_exists(&name)),
        _ => Err(Refusal::NumberUsed.into()),
    }
}

/// Describes a container.
pub(super) async fn info(
    service: &Service,
    asked: &Asked,
    container: &str,
) -> Result<Answer, Error> {
    let partition = service.partition(container)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked, Kind::Read).await {
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

/// Changes what a container is like: names and indexes of columns, and columns more at the end.
pub(super) async fn alter(
    service: &Service,
    asked: &Asked,
    container: &str,
) -> Result<Answer, Error> {
    let partition = service.partition(container)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked, Kind::Update).await {
        return elsewhere;
    }
    let request = numbered(asked)?;
    let seen = headers::as_of(&asked.headers)?;
    let schema = rows::look_up(service, partition, container).await?;
    let info = schema
        .info
        .altered(&asked.body)
        .map_err(Error::does_not_fit)?;
    let told = info.to_json(container);
    let statement = Statement::AlterContainer {
        name: container,
        schema: schema.created,
        info,
    };
    let executed = service
        .execute(partition, request, seen, statement.encode())
        .await?;
    service.schemas.forget(container);
    match Outcome::decode(&executed.outcome) {
        Some(Outcome::Altered) => Ok(as_of(answer::json(StatusCode::OK, told), executed.at)),
        outcome => rows::not_done(service, container, &executed, outcome.as_ref()),
    }
}

/// Deletes containers; those that are not there are no error.
pub(super) async fn delete(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let names: Vec<String> = serde_json::from_slice(&asked.body).map_err(|error| {
        Error::malformed(format!(
            "the body is a JSON array of names of containers: {error}"
        ))
    })?;
    if headers::request_id(&asked.headers)?.is_some() && names.len() > 1 {
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
        if let Some(elsewhere) = service.elsewhere(partition, &one, Kind::Update).await {
            let elsewhere = elsewhere?;
            if !elsewhere.status().is_success() {
                return Ok(elsewhere);
            }
            last = elsewhere;
            continue;
        }
        // What is passed on is written anew, so that only the name says whether it is the same.
        let request = numbered::of_body(asked, name.as_bytes())?;
        let statement = Statement::DropContainer { name };
        let executed = service
            .execute(partition, request, seen, statement.encode())
            .await?;
        service.schemas.forget(name);
        last = as_of(answer::empty(StatusCode::NO_CONTENT), executed.at);
    }
    Ok(last)
}

/// More names cannot be had at once; who asks for more gets so many.
const NAMES_MAX: usize = 10_000;

/// What a list may be asked for.
#[derive(Default)]
struct Wanted {
    offset: usize,
    limit: Option<usize>,
    kind: Option<ContainerKind>,
    prefix: String,
    descending: bool,
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
                value.parse::<usize>().map_err(|_| wrong())
            };
            match name {
                "offset" => wanted.offset = number()?,
                "limit" => wanted.limit = Some(number()?.min(NAMES_MAX)),
                "type" => {
                    wanted.kind = Some(match value {
                        "COLLECTION" => ContainerKind::Collection,
                        "TIME_SERIES" => ContainerKind::TimeSeries,
                        _ => return Err(one_of(name, value, "COLLECTION or TIME_SERIES")),
                    });
                }
                "prefix" if value.is_empty() => {}
                "prefix" => wanted.prefix = router::decode(value)?.into_owned(),
                "sort" => {
                    wanted.descending = match value.to_ascii_lowercase().as_str() {
                        "asc" => false,
                        "desc" => true,
                        _ => return Err(one_of(name, value, "asc or desc")),
                    }
                }
                _ => {
                    return Err(Error::malformed(format!(
                        "there is no parameter {name} here; there are type, prefix, sort, offset and limit"
                    )));
                }
            }
        }
        Ok(wanted)
    }
}

fn one_of(name: &str, value: &str, values: &str) -> Error {
    Error::malformed(format!("{name} is {value}; it is {values}"))
}

#[derive(Serialize)]
struct List<'a> {
    names: &'a [String],
    total: usize,
    offset: usize,
    limit: usize,
    /// The partitions whose containers are in the list; only in answers to other nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    listed: Option<&'a BTreeSet<u16>>,
    /// The partitions whose containers are not in the list, since nobody serves them at the moment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<u16>,
}

#[derive(Deserialize)]
struct OthersList {
    names: Vec<String>,
    listed: BTreeSet<u16>,
}

/// Lists the containers of all partitions, in the order of their names; of those that nobody serves at
/// the moment it says that they are missing. With `Kensho-Forward: no` it lists those of the partitions
/// that this node owns.
pub(super) async fn list(service: &Service, asked: &Asked) -> Result<Answer, Error> {
    let wanted = Wanted::parse(asked.uri.query())?;
    let forwards = headers::may_be_forwarded(&asked.headers);
    // Other nodes ask for all that there are.
    if forwards && wanted.limit.is_none() {
        return Err(Error::malformed(
            "how many names are wanted at most is not said; say ?limit=100, say",
        ));
    }
    let (kind, prefix) = (wanted.kind, wanted.prefix.as_str());
    let mut names = BTreeSet::new();
    let mut listed = BTreeSet::new();
    let mut reads = Vec::new();
    let mut others = BTreeSet::new();
    let partitions = service.data.plane.borrow().settings().identity.partitions;
    for partition in (0..partitions).map(PartitionId) {
        match service.owner(partition) {
            // All at once: each may wait for long.
            Owner::Here => reads.push(async move {
                let query = Query::ListContainers { kind, prefix };
                (partition, service.read(partition, query.encode()).await)
            }),
            Owner::There(address) if forwards => {
                others.insert(address);
            }
            Owner::There(_) | Owner::Nobody => {}
        }
    }
    let others = others
        .iter()
        .map(|address| list_of(service, asked, &wanted, address));
    let (own, theirs) = join(join_all(reads), join_all(others)).await;
    for (partition, found) in own {
        if let Ok((_, found)) = found
            && let Some(Found::Names(found)) = Found::decode(&found)
        {
            listed.insert(partition.0);
            names.extend(found.into_iter().map(str::to_owned));
        }
    }
    for list in theirs.into_iter().flatten() {
        listed.extend(list.listed);
        names.extend(list.names);
    }
    if forwards && listed.is_empty() {
        return Err(Refusal::NotServing.into());
    }
    let missing = (0..partitions).filter(|partition| forwards && !listed.contains(partition));
    let missing = missing.collect();
    let mut names: Vec<String> = names.into_iter().collect();
    if wanted.descending {
        names.reverse();
    }
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
        listed: (!forwards).then_some(&listed),
        missing,
    };
    let body = serde_json::to_vec(&list).expect("names are JSON");
    Ok(answer::json(StatusCode::OK, body))
}

/// What the node at `address` lists; `None` if it does not answer.
async fn list_of(
    service: &Service,
    asked: &Asked,
    wanted: &Wanted,
    address: &str,
) -> Option<OthersList> {
    let path = asked.uri.path();
    let prefix = part::encode(&wanted.prefix);
    let kind = match wanted.kind {
        None => "",
        Some(ContainerKind::Collection) => "&type=COLLECTION",
        Some(ContainerKind::TimeSeries) => "&type=TIME_SERIES",
    };
    let all = Asked {
        method: asked.method.clone(),
        uri: format!("{path}?prefix={prefix}{kind}").parse().ok()?,
        headers: asked.headers.clone(),
        body: Bytes::new(),
    };
    let answer = service.forward(address, &all, Kind::Read).await.ok()?;
    let succeeded = answer.status() == StatusCode::OK;
    let body = answer
        .into_body()
        .collect()
        .await
        .unwrap_or_else(|never| match never {});
    let list = serde_json::from_slice(&body.to_bytes()).ok();
    let list = list.filter(|_| succeeded);
    if list.is_none() {
        tracing::debug!(address, "no list of containers came");
    }
    list
}
