//! From a request to its answer.

use std::future::Future;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use kensho_kernel::data::{Ask, Query, Told};
use kensho_protocol::ids::{PartitionId, Position};
use kensho_protocol::request::{Numbered, ReadFrom, Refusal, Reply, Source};
use kensho_protocol::routing;

use super::answer::{self, Answer};
use super::error::{self, Error, POSITION};
use super::forward::Forwarder;
use super::router::{self, DatabasePath, Route};
use super::schema::Schemas;
use super::{
    DASHBOARD, DATABASE, DESCRIPTION, Entrance, backup, batch, blob, containers, headers,
    levelling, many, members, metrics, nodes, operation, permission, rows, scan, state, tql,
    transaction,
};
use crate::access;
use crate::clock;
use crate::data::Data;
use crate::door::{Guest, Guests};
use crate::recent_log;
use crate::settings::{Limits, limits};

/// Whether the owner or a backup answered.
const ROLE: HeaderName = HeaderName::from_static("kensho-role");
/// All that was acknowledged longer ago than this is in a backup's answer.
const AGE_MS: HeaderName = HeaderName::from_static("kensho-age-ms");
const SERVED_BY: HeaderName = HeaderName::from_static("kensho-served-by");

/// What answers clients. It belongs to the data plane's thread.
pub(super) struct Service {
    pub(super) data: Data,
    pub(super) schemas: Schemas,
    pub(super) forwarder: Forwarder,
    cluster: String,
    partitions: u16,
    served_by: HeaderValue,
    limits: Limits,
    pub(super) guests: Rc<Guests>,
    pub(super) entrance: Entrance,
    /// Only this machine reaches the node, and may do something without credentials.
    loopback_only: bool,
}

/// A request whose body has arrived.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What a request does. A read is without effect, so that a failed one never leaves a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It changes nothing, whatever its method is.
    Read,
    /// It may have an effect.
    Update,
}

/// Who owns a partition, as far as this node knows.
pub(super) enum Owner {
    /// This node.
    Here,
    /// The node that clients reach at this address.
    There(String),
    /// No table is known yet, or it names nobody.
    Nobody,
}

/// What came of an update.
pub(super) struct Executed {
    pub(super) outcome: Bytes,
    pub(super) at: Position,
}

/// What came of a read.
pub(super) struct Read {
    pub(super) answer: Bytes,
    at: Position,
    /// Who answered, if the client left that open.
    source: Option<Source>,
}

/// What came of a read that anybody may have answered.
pub(super) enum Found {
    /// This node's replica answered.
    Here(Read),
    /// Another node did, and this is to be passed on.
    Elsewhere(Answer),
}

impl Read {
    /// Says up to which log entry the answer knows, and who gives it.
    pub(super) fn labelled(&self, answer: Answer) -> Answer {
        let mut answer = as_of(answer, self.at);
        let headers = answer.headers_mut();
        match self.source {
            None => {}
            Some(Source::Owner) => {
                headers.insert(ROLE, HeaderValue::from_static("owner"));
            }
            Some(Source::Backup { as_of }) => {
                headers.insert(ROLE, HeaderValue::from_static("backup"));
                let age_ms = clock::now().since(as_of).as_micros().div_ceil(1_000);
                let age_ms = answer::short_value(format_args!("{age_ms}"));
                headers.insert(AGE_MS, age_ms);
            }
        }
        answer
    }
}

impl Service {
    pub(super) fn new(data: &Data, guests: Rc<Guests>, entrance: Entrance) -> Self {
        let plane = data.plane.borrow();
        let settings = plane.settings();
        Service {
            schemas: Schemas::default(),
            forwarder: Forwarder::new(settings),
            cluster: settings.identity.cluster.clone(),
            partitions: settings.identity.partitions,
            served_by: HeaderValue::from_str(&settings.name).expect("names are plain"),
            limits: settings.limits,
            guests,
            loopback_only: settings.client_listen.ip().is_loopback()
                && settings.anonymous.is_some(),
            entrance,
            data: data.clone(),
        }
    }

    /// Whatever is asked, there is an answer.
    pub(super) async fn answer(&self, request: Request<Incoming>, guest: &Guest) -> Answer {
        self.guests.head_came(guest);
        let mut answer = match self.answer_or_refuse(request, guest).await {
            Ok(answer) => answer,
            Err(error) => error.response(),
        };
        answer
            .headers_mut()
            .entry(SERVED_BY)
            .or_insert_with(|| self.served_by.clone());
        let length = answer.body().size_hint().lower();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.guests.answered(guest, length, Instant::now());
        answer
    }

    async fn answer_or_refuse(
        &self,
        request: Request<Incoming>,
        guest: &Guest,
    ) -> Result<Answer, Error> {
        let (head, body) = request.into_parts();
        let uri = head.uri.clone();
        let route = router::route(uri.path())?;
        self.check_permission(&route, &head.method, &head.headers)
            .await?;
        let (cluster, database, path) = match route {
            Route::Table => {
                return get_only(&head.method, || operation::table(self, &head.headers));
            }
            Route::Stat => return get_only(&head.method, || operation::stat(self)),
            Route::Join | Route::Leave | Route::Failover | Route::Levelling | Route::Move => {
                let asked = Asked {
                    body: self.body(&head.method, body, guest).await?,
                    method: head.method,
                    uri: head.uri,
                    headers: head.headers,
                };
                if asked.method != Method::POST {
                    return Err(Error::wrong_method("POST"));
                }
                return match router::route(uri.path())? {
                    Route::Join => Box::pin(members::join(self, &asked)).await,
                    Route::Leave => Box::pin(members::leave(self, &asked)).await,
                    Route::Levelling => Box::pin(levelling::set(self, &asked)).await,
                    Route::Move => Box::pin(levelling::move_partition(self, &asked)).await,
                    _ => Box::pin(members::fail_over(self, &asked)).await,
                };
            }
            Route::Dashboard => return get_only(&head.method, || answer::page(DASHBOARD)),
            Route::Nodes if head.method == Method::GET => {
                self.guests.request_came(guest);
                return Box::pin(nodes::stats(self, &head.headers)).await;
            }
            Route::Plan if head.method == Method::GET => {
                self.guests.request_came(guest);
                let asked = Asked {
                    body: Bytes::new(),
                    method: head.method,
                    uri: head.uri,
                    headers: head.headers,
                };
                return Box::pin(levelling::plan(self, &asked)).await;
            }
            Route::Nodes | Route::Plan => return Err(Error::wrong_method("GET")),
            Route::Partitions => return get_only(&head.method, || state::partitions(self)),
            Route::Config => return get_only(&head.method, || state::config(self)),
            Route::Metrics => return get_only(&head.method, || metrics::show(self)),
            Route::Log => {
                return get_only(&head.method, || {
                    answer::json(StatusCode::OK, recent_log::as_json())
                });
            }
            Route::Backup(partition) if head.method == Method::GET => {
                self.guests.request_came(guest);
                return Box::pin(backup::rows(self, partition)).await;
            }
            Route::Backup(_) => return Err(Error::wrong_method("GET")),
            Route::Health => return get_only(&head.method, || answer::empty(StatusCode::OK)),
            Route::Ready => return get_only(&head.method, || operation::ready(self)),
            Route::Description => {
                return get_only(&head.method, || answer::json(StatusCode::OK, DESCRIPTION));
            }
            Route::Database {
                cluster,
                database,
                path,
            } => (cluster, database, path),
        };
        if cluster != self.cluster {
            return Err(Error::other_cluster(&cluster, &self.cluster));
        }
        if database != DATABASE {
            return Err(Error::unknown_database(&database, DATABASE));
        }
        let asked = Asked {
            body: self.body(&head.method, body, guest).await?,
            method: head.method,
            uri: head.uri,
            headers: head.headers,
        };
        match path {
            DatabasePath::Rows(_)
            | DatabasePath::RowsWithFiles(_)
            | DatabasePath::ManyRows
            | DatabasePath::Tql
                if asked.method == Method::POST && self.guests.is_full() =>
            {
                // An answer may be as long as a body, and nothing is lost by asking again.
                Err(Error::overloaded("clients hold as much memory as they may"))
            }
            DatabasePath::CheckConnection => match asked.method {
                Method::GET => operation::check_connection(self, asked.uri.query()),
                _ => Err(Error::wrong_method("GET")),
            },
            DatabasePath::Containers => match asked.method {
                Method::GET => Box::pin(containers::list(self, &asked)).await,
                Method::POST => Box::pin(containers::create(self, &asked)).await,
                Method::DELETE => Box::pin(containers::delete(self, &asked)).await,
                _ => Err(Error::wrong_method("GET, POST, DELETE")),
            },
            DatabasePath::Info(container) => match asked.method {
                Method::GET => Box::pin(containers::info(self, &asked, &container)).await,
                Method::PATCH => Box::pin(containers::alter(self, &asked, &container)).await,
                _ => Err(Error::wrong_method("GET, PATCH")),
            },
            DatabasePath::Rows(container) => match asked.method {
                Method::PUT => batch::put(self, &asked, &container).await,
                Method::POST => Box::pin(scan::rows(self, &asked, &container)).await,
                Method::DELETE => Box::pin(batch::delete(self, &asked, &container)).await,
                _ => Err(Error::wrong_method("PUT, POST, DELETE")),
            },
            DatabasePath::Transaction(container) => match asked.method {
                Method::POST => Box::pin(transaction::execute(self, &asked, &container)).await,
                _ => Err(Error::wrong_method("POST")),
            },
            DatabasePath::ManyRows => match asked.method {
                Method::PUT => Box::pin(many::put(self, &asked)).await,
                Method::POST => Box::pin(many::rows(self, &asked)).await,
                _ => Err(Error::wrong_method("PUT, POST")),
            },
            DatabasePath::Tql => match asked.method {
                Method::POST => Box::pin(tql::answer(self, &asked)).await,
                _ => Err(Error::wrong_method("POST")),
            },
            DatabasePath::RowsWithFiles(container) => match asked.method {
                Method::POST => Box::pin(blob::rows(self, &asked, &container)).await,
                Method::PUT if blob::is_form(&asked) => {
                    Box::pin(blob::put(self, &asked, &container)).await
                }
                _ => self.row(&asked, &container, "blob").await,
            },
            DatabasePath::Row(container, key) => self.row(&asked, &container, &key).await,
            DatabasePath::Sql => Err(Error::not_offered(
                "SQL is not offered. To select, POST TQL to /tql, or a condition to \
                 /containers/{container}/rows; to insert or update, PUT /containers/{container}/rows; to delete \
                 rows, DELETE /containers/{container}/rows; to create or drop, POST or DELETE /containers",
            )),
        }
    }

    async fn row(&self, asked: &Asked, container: &str, key: &str) -> Result<Answer, Error> {
        self.check_length("row key", key)?;
        let row = rows::Named { container, key };
        match asked.method {
            Method::GET => rows::get(self, asked, row).await,
            Method::PUT => rows::put(self, asked, row).await,
            Method::DELETE => rows::delete(self, asked, row).await,
            _ => Err(Error::wrong_method("GET, PUT, DELETE")),
        }
    }

    /// Whether whoever asks may do that.
    async fn check_permission(
        &self,
        route: &Route<'_>,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<(), Error> {
        let changes = !matches!(*method, Method::GET | Method::HEAD);
        access::check_origin(headers, changes, self.loopback_only).map_err(Error::foreign)?;
        let Some(needed) = permission::needed(route, method) else {
            return Ok(());
        };
        let admitted = self.entrance.guard.admit(headers, needed).await;
        admitted.map_err(|why| Error::no_entry(why, needed))
    }

    async fn body(&self, method: &Method, body: Incoming, guest: &Guest) -> Result<Bytes, Error> {
        if *method == Method::GET {
            self.guests.request_came(guest);
            return Ok(Bytes::new());
        }
        let limit = self.limits.body_bytes;
        let mut all = std::pin::pin!(Limited::new(body, limit).collect());
        // Mostly it came with the head, and no timer is needed.
        let at_once = std::future::poll_fn(|context| Poll::Ready(all.as_mut().poll(context))).await;
        let all = match at_once {
            Poll::Ready(all) => Ok(all),
            Poll::Pending => Box::pin(tokio::time::timeout(self.limits.request_timeout, all)).await,
        };
        match all {
            Ok(Ok(body)) => {
                self.guests.request_came(guest);
                Ok(body.to_bytes())
            }
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                Err(Error::body_too_large(limit))
            }
            Ok(Err(error)) => Err(Error::malformed(format!(
                "the body did not arrive: {error}"
            ))),
            Err(_) => Err(Error::request_timeout()),
        }
    }

    /// Refuses names that are longer than the settings allow.
    pub(super) fn check_length(&self, what: &str, name: &str) -> Result<(), Error> {
        let limit = self.limits.key_bytes;
        if name.len() > limit {
            return Err(Error::key_too_long(what, name.len(), limit));
        }
        Ok(())
    }

    /// How many partitions there are.
    pub(super) fn partitions(&self) -> u16 {
        self.partitions
    }

    /// Which partition a container belongs to.
    pub(super) fn partition(&self, container: &str) -> Result<PartitionId, Error> {
        self.check_length("container name", container)?;
        Ok(routing::partition_of(container, self.partitions))
    }

    /// Who owns a partition.
    pub(super) fn owner(&self, partition: PartitionId) -> Owner {
        let plane = self.data.plane.borrow();
        let Some(table) = plane.view().table.as_ref().filter(|table| table.born) else {
            return Owner::Nobody;
        };
        let owner = table.assignment(partition).owner;
        if owner == plane.me().id {
            return Owner::Here;
        }
        match table.members.get(&owner) {
            Some(member) => Owner::There(member.client_address.clone()),
            None => Owner::Nobody,
        }
    }

    /// If another node owns the partition: its answer, or the refusal to ask it. `None`: this node
    /// is to answer.
    pub(super) async fn elsewhere(
        &self,
        partition: PartitionId,
        asked: &Asked,
        kind: Kind,
    ) -> Option<Result<Answer, Error>> {
        match self.owner(partition) {
            Owner::Here => None,
            Owner::Nobody => Some(Err(Refusal::NotServing.into())),
            Owner::There(_) if !headers::may_be_forwarded(&asked.headers) => {
                Some(Err(Refusal::NotOwner.into()))
            }
            // What is rare is boxed: each request's future is moved, so a small one is cheaper.
            Owner::There(address) => Some(Box::pin(self.forward(&address, asked, kind)).await),
        }
    }

    pub(super) async fn forward(
        &self,
        address: &str,
        asked: &Asked,
        kind: Kind,
    ) -> Result<Answer, Error> {
        let answer = self.forwarder.forward(address, asked, kind).await?;
        // The owner has changed just now; one who asked for no routing need not learn of it.
        if answer.status() == StatusCode::MISDIRECTED_REQUEST {
            return Err(Refusal::NotServing.into());
        }
        Ok(answer)
    }

    /// No statement is longer.
    pub(super) fn statement_limit(&self) -> usize {
        limits::statement_bytes(self.limits.body_bytes)
    }

    /// Hands in an update, and waits for its outcome.
    pub(super) async fn execute(
        &self,
        partition: PartitionId,
        request: Option<Numbered>,
        as_of: Position,
        statement: Bytes,
    ) -> Result<Executed, Error> {
        let limit = self.statement_limit();
        if statement.len() > limit {
            return Err(Error::statement_too_large(statement.len(), limit));
        }
        let update = Ask::Update {
            request,
            as_of,
            statement,
        };
        match self.ask(partition, update, Refusal::OutcomeUnknown).await? {
            Reply::Done { at, outcome } => Ok(Executed { outcome, at }),
            Reply::Refused(refusal) => Err(refusal.into()),
            Reply::Answer { .. } => unreachable!("an update is not answered like a read"),
        }
    }

    /// Hands in a read, and waits for its answer: the youngest entry that it knows of, and itself.
    pub(super) async fn read(
        &self,
        partition: PartitionId,
        query: Bytes,
    ) -> Result<(Position, Bytes), Error> {
        match self.read_here(partition, query.into()).await? {
            Ok(read) => Ok((read.at, read.answer)),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The answer of this node's replica, or why it gives none.
    async fn read_here(
        &self,
        partition: PartitionId,
        query: Query,
    ) -> Result<Result<Read, Refusal>, Error> {
        let asked_any = query.from != ReadFrom::Owner;
        let ask = Ask::Read(query);
        match self.ask(partition, ask, Refusal::NotServing).await? {
            Reply::Answer { at, answer, source } => Ok(Ok(Read {
                at,
                answer,
                source: asked_any.then_some(source),
            })),
            Reply::Refused(refusal) => Ok(Err(refusal)),
            Reply::Done { .. } => unreachable!("a read is not answered like an update"),
        }
    }

    /// Reads as the request wants it: from this node, if it may and can answer, and otherwise from the
    /// owner, if the request may be passed on.
    pub(super) async fn read_for(
        &self,
        asked: &Asked,
        partition: PartitionId,
        query: Bytes,
    ) -> Result<Found, Error> {
        let query = headers::query(&asked.headers, query)?;
        let from_owner = query.from == ReadFrom::Owner;
        let owner = match self.owner(partition) {
            Owner::Here => None,
            Owner::There(address) => Some(address),
            Owner::Nobody => return Err(Refusal::NotServing.into()),
        };
        let forwards = headers::may_be_forwarded(&asked.headers);
        match owner {
            Some(owner) if from_owner && forwards => {
                // What is rare is boxed: each request's future is moved, so a small one is cheaper.
                let answer = Box::pin(self.forward(&owner, asked, Kind::Read)).await?;
                Ok(Found::Elsewhere(answer))
            }
            Some(_) if from_owner => Err(Refusal::NotOwner.into()),
            owner => match (self.read_here(partition, query).await?, owner) {
                (Ok(read), _) => Ok(Found::Here(read)),
                (Err(refusal), Some(owner)) if forwards && refusal != Refusal::SeenLost => {
                    let answer = Box::pin(self.forward(&owner, asked, Kind::Read)).await?;
                    Ok(Found::Elsewhere(answer))
                }
                (Err(Refusal::Behind), Some(owner)) => Err(Error::behind(&owner)),
                (Err(refusal), _) => Err(refusal.into()),
            },
        }
    }

    /// Hands in what a client wants, and waits for what it is told.
    async fn ask(
        &self,
        partition: PartitionId,
        ask: Ask,
        if_stopped: Refusal,
    ) -> Result<Reply, Error> {
        let answered = self.data.plane.borrow_mut().ask(partition, ask);
        self.data.wake.notify_one();
        match answered.await {
            Ok(Told::Reply(reply)) => Ok(reply),
            Ok(Told::Overloaded(reason)) => Err(Error::overloaded(reason)),
            Err(_) => Err(if_stopped.into()),
        }
    }
}

fn get_only(method: &Method, answer: impl FnOnce() -> Answer) -> Result<Answer, Error> {
    if *method == Method::GET {
        Ok(answer())
    } else {
        Err(Error::wrong_method("GET"))
    }
}

/// Says up to which log entry the answer knows.
pub(super) fn as_of(mut answer: Answer, at: Position) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(POSITION, error::position(at));
    answer
}
