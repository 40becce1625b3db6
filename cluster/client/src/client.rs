//! The client and its operations.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use kensho_protocol::ids::Position;
use kensho_protocol::request::RequestId;
use kensho_protocol::session::{Address, Answer, Event, Kind, Preference, Session};

use crate::answer::{self, ErrorBody};
use crate::container::Container;
use crate::core::{Command, Core, Counters};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::options::Options;
use crate::path::push_segment;
use crate::pool::{NoAnswer, Pool};
use crate::request::{self, Head};
use crate::response::Response;
use crate::scan::{Rows, Scan};

/// Longer paths are refused by nodes.
const PATH_LIMIT_BYTES: usize = 65_534;

/// A client of one cluster. It is cheap to clone; clones share connections and the table, and may
/// be used at the same time.
///
/// A client and its clones are one *session*: what one of them has read or written, all of them see from
/// then on, also where backups answer ([`Client::reading_from`]).
#[derive(Clone)]
pub struct Client {
    core: Arc<Core>,
    /// Who may answer reads.
    reads: ReadFrom,
    /// `/griddb/v2/{cluster}/dbs/{database}/containers`
    containers: Arc<str>,
}

/// A row as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// A JSON array of the row's values in the order of the columns, the row key included.
    pub value: Bytes,
    /// The row's version, for [`Condition::IfMatch`].
    pub etag: String,
}

/// Who may answer reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadFrom {
    /// The owner of the partition alone: the answer is the newest there is.
    #[default]
    Owner,
    /// Any replica. The answer knows of all that this client has read and written, and of all that was
    /// acknowledged to anybody longer ago than `max_age`.
    Any {
        /// How old the answer may be; less than a millisecond counts as one.
        max_age: Duration,
    },
    /// The same, from the replica that usually answers soonest.
    Nearest {
        /// How old the answer may be.
        max_age: Duration,
    },
}

impl ReadFrom {
    fn kind(self) -> Kind {
        match self {
            ReadFrom::Owner => Kind::Read,
            ReadFrom::Any { .. } => Kind::ReadAny(Preference::Any),
            ReadFrom::Nearest { .. } => Kind::ReadAny(Preference::Nearest),
        }
    }

    fn max_age(self) -> Option<Duration> {
        match self {
            ReadFrom::Owner => None,
            ReadFrom::Any { max_age } | ReadFrom::Nearest { max_age } => Some(max_age),
        }
    }
}

/// What must be the case for an update to take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// Nothing.
    Any,
    /// There is no such row.
    IfAbsent,
    /// The row has this version ([`Row::etag`]).
    IfMatch(&'a str),
}

/// The row that stood against a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Its version then.
    pub etag: String,
    /// Its values; `None` if it was changed since, as a late retry finds: read it anew.
    pub value: Option<Bytes>,
}

/// What came of a put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// The row was inserted or replaced.
    Stored {
        /// Its version now.
        etag: String,
    },
    /// The condition did not hold; nothing was changed.
    ConditionFailed {
        /// The row as it was, if there was one.
        current: Option<Current>,
    },
}

/// What came of a delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delete {
    /// The row was deleted.
    Deleted,
    /// There was no such row.
    NotFound,
    /// The condition did not hold; nothing was changed.
    ConditionFailed {
        /// The row as it was, if there was one.
        current: Option<Current>,
    },
}

/// What came of creating a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// It was created.
    Created,
    /// There was one of this name; nothing was changed.
    Exists,
}

/// A result, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// The result.
    pub value: T,
    /// The name of the node that carried the statement out.
    pub node: String,
    /// How old a backup's answer may be; `None`: the owner answered.
    pub age: Option<Duration>,
    /// How often the statement was sent.
    pub attempts: u32,
}

impl<T> Answered<T> {
    pub(crate) fn map<U>(
        self,
        convert: impl FnOnce(T) -> Result<U, Error>,
    ) -> Result<Answered<U>, Error> {
        Ok(Answered {
            value: convert(self.value)?,
            node: self.node,
            age: self.age,
            attempts: self.attempts,
        })
    }
}

/// A statement as it is sent.
pub(crate) struct Statement {
    kind: Kind,
    method: Method,
    path: String,
    condition: Option<(&'static str, String)>,
    /// A backup may answer, if its data are not older than this.
    max_age: Option<Duration>,
    body: Bytes,
}

impl Client {
    /// A client of the cluster that has nodes at `members` (`host:port`); one that answers is
    /// enough. Nothing is sent before the first statement. Must be called within a tokio runtime,
    /// which has to live as long as the client.
    #[must_use]
    pub fn connect<M>(members: M, options: Options) -> Client
    where
        M: IntoIterator,
        M::Item: ToString,
    {
        let members = members
            .into_iter()
            .map(|member| Address::from(member.to_string()));
        let mut containers = String::from("/griddb/v2");
        push_segment(&mut containers, &options.cluster);
        containers.push_str("/dbs");
        push_segment(&mut containers, &options.database);
        containers.push_str("/containers");
        let (probe, table) = (
            options.session.probe_interval,
            options.session.table_timeout,
        );
        let pool = Pool::new(options.connect_timeout);
        let session = Session::new(options.session, members.collect(), random_seed());
        Client {
            core: Core::start(session, (pool, options.credentials), probe, table),
            reads: ReadFrom::Owner,
            containers: containers.into(),
        }
    }

    /// The same client, with reads that these may answer. Updates, and what asks for more than rows, go to
    /// owners as before.
    #[must_use]
    pub fn reading_from(&self, reads: ReadFrom) -> Client {
        Client {
            reads,
            ..self.clone()
        }
    }

    /// A token of what this client has seen of `container`'s partition, for another client that is to see
    /// as much ([`Client::see`]): `None` if it has seen nothing.
    #[must_use]
    pub fn seen(&self, container: &str) -> Option<String> {
        let hash = kensho_protocol::routing::container_hash(container);
        let seen = self.core.seen(hash)?;
        Some(seen.to_string())
    }

    /// From now on this client sees at least what another one had seen of `container`'s partition when it
    /// gave this token.
    ///
    /// # Errors
    /// When this is no token.
    pub fn see(&self, container: &str, token: &str) -> Result<(), Error> {
        let seen = token.parse().map_err(|_| Error::Impossible {
            statement: format!("see {token:?} of {container}"),
            reason: "it is no token of what a client has seen".to_owned(),
        })?;
        let hash = kensho_protocol::routing::container_hash(container);
        self.core.handle(Event::Seen { hash, at: seen });
        Ok(())
    }

    /// What the client did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.core.counters()
    }

    /// How many statements are under way.
    #[must_use]
    pub fn open_statements(&self) -> usize {
        self.core.open_statements()
    }

    /// Creates a container.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create_container(&self, container: &Container) -> Result<Answered<Create>, Error> {
        let what = || format!("create container {}", container.name());
        let body = serde_json::to_vec(container).expect("a container is JSON");
        let statement = self.update(&what, Method::POST, &[], Condition::Any, body.into())?;
        let answered = self.run(&what, container.name(), statement).await?;
        answered.map(|response| match response.status {
            StatusCode::CREATED => Ok(Create::Created),
            StatusCode::CONFLICT => Ok(Create::Exists),
            _ => Err(refused(what(), &response)),
        })
    }

    /// Deletes a container with all its rows; it is no error if there is none.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_container(&self, container: &str) -> Result<Answered<()>, Error> {
        let what = || format!("delete container {container}");
        let body = serde_json::to_vec(&[container]).expect("a name is JSON");
        let statement = self.update(&what, Method::DELETE, &[], Condition::Any, body.into())?;
        let answered = self.run(&what, container, statement).await?;
        answered.map(|response| match response.status {
            StatusCode::NO_CONTENT => Ok(()),
            _ => Err(refused(what(), &response)),
        })
    }

    /// Reads a row; `None` if there is no such row.
    ///
    /// # Errors
    /// See [`Error`]; among others if there is no such container.
    pub async fn get(&self, container: &str, key: &str) -> Result<Answered<Option<Row>>, Error> {
        let what = || format!("get {key} of {container}");
        let path = &[container, "rows", key];
        let statement = self.read(&what, Method::GET, path, Bytes::new())?;
        let answered = self.run(&what, container, statement).await?;
        answered.map(|response| match response.status {
            StatusCode::OK => row(&what, &response).map(Some),
            StatusCode::NOT_FOUND if no_such_row(&response) => Ok(None),
            _ => Err(refused(what(), &response)),
        })
    }

    /// Reads rows; without an order of their own, in the order of their keys.
    ///
    /// # Errors
    /// See [`Error`]; among others if the condition cannot be read, or does not fit the container.
    pub async fn scan(&self, container: &str, scan: &Scan) -> Result<Answered<Rows>, Error> {
        let what = || format!("scan {container}");
        let body = serde_json::to_vec(scan).expect("a scan is JSON");
        let statement = self.read(&what, Method::POST, &[container, "rows"], body.into())?;
        let answered = self.run(&what, container, statement).await?;
        answered.map(|response| match serde_json::from_slice(&response.body) {
            Ok(rows) if response.status == StatusCode::OK => Ok(rows),
            _ => Err(refused(what(), &response)),
        })
    }

    /// Inserts or replaces a row. `row` is a JSON array of all its values in the order of the
    /// columns, the row key included, for example `["k1",42]`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn put(
        &self,
        container: &str,
        key: &str,
        row: impl Into<Bytes>,
        condition: Condition<'_>,
    ) -> Result<Answered<Put>, Error> {
        let what = || format!("put {key} into {container}");
        let path = &[container, "rows", key];
        let statement = self.update(&what, Method::PUT, path, condition, row.into())?;
        let answered = self.run(&what, container, statement).await?;
        answered.map(|response| match response.status {
            StatusCode::OK | StatusCode::CREATED => Ok(Put::Stored {
                etag: etag(&what, &response)?,
            }),
            StatusCode::PRECONDITION_FAILED => Ok(Put::ConditionFailed {
                current: current(&response),
            }),
            _ => Err(refused(what(), &response)),
        })
    }

    /// Inserts or replaces rows, all of them or none, and says how many. `rows` is a JSON array of
    /// rows as for [`Client::put`], for example `[["k1",42],["k2",43]]`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn put_rows(
        &self,
        container: &str,
        rows: impl Into<Bytes>,
    ) -> Result<Answered<u32>, Error> {
        let what = || format!("put rows into {container}");
        let path = &[container, "rows"];
        let statement = self.update(&what, Method::PUT, path, Condition::Any, rows.into())?;
        let answered = self.run(&what, container, statement).await?;
        answered.map(|response| match answer::stored(&response) {
            Some(count) if response.status == StatusCode::OK => Ok(count),
            _ => Err(refused(what(), &response)),
        })
    }

    /// Deletes a row.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(
        &self,
        container: &str,
        key: &str,
        condition: Condition<'_>,
    ) -> Result<Answered<Delete>, Error> {
        let what = || format!("delete {key} from {container}");
        let path = &[container, "rows", key];
        let statement = self.update(&what, Method::DELETE, path, condition, Bytes::new())?;
        let answered = self.run(&what, container, statement).await?;
        answered.map(|response| match response.status {
            StatusCode::NO_CONTENT => Ok(Delete::Deleted),
            StatusCode::NOT_FOUND if no_such_row(&response) => Ok(Delete::NotFound),
            StatusCode::PRECONDITION_FAILED => Ok(Delete::ConditionFailed {
                current: current(&response),
            }),
            _ => Err(refused(what(), &response)),
        })
    }

    fn read(
        &self,
        what: &impl Fn() -> String,
        method: Method,
        segments: &[&str],
        body: Bytes,
    ) -> Result<Statement, Error> {
        Ok(Statement {
            kind: self.reads.kind(),
            method,
            path: self.path(what, segments)?,
            condition: None,
            max_age: self.reads.max_age(),
            body,
        })
    }

    pub(crate) fn update(
        &self,
        what: &impl Fn() -> String,
        method: Method,
        segments: &[&str],
        condition: Condition<'_>,
        body: Bytes,
    ) -> Result<Statement, Error> {
        let condition = match condition {
            Condition::Any => None,
            Condition::IfAbsent => Some(("if-none-match", "*".to_owned())),
            Condition::IfMatch(etag) if request::is_plain(etag.as_bytes()) => {
                Some(("if-match", etag.to_owned()))
            }
            Condition::IfMatch(etag) => {
                return Err(Error::Impossible {
                    statement: what(),
                    reason: format!("{etag:?} is no version of a row"),
                });
            }
        };
        Ok(Statement {
            kind: Kind::Update,
            method,
            path: self.path(what, segments)?,
            condition,
            max_age: None,
            body,
        })
    }

    fn path(&self, what: &impl Fn() -> String, segments: &[&str]) -> Result<String, Error> {
        let mut path = String::with_capacity(self.containers.len() + 64);
        path.push_str(&self.containers);
        for segment in segments {
            push_segment(&mut path, segment);
        }
        if path.len() > PATH_LIMIT_BYTES {
            let length = path.len();
            return Err(Error::Impossible {
                statement: what(),
                reason: format!(
                    "its path has {length} bytes; at most {PATH_LIMIT_BYTES} are allowed"
                ),
            });
        }
        Ok(path)
    }

    /// Runs a statement to its end; whatever a node finally answers is a result.
    pub(crate) async fn run(
        &self,
        what: &impl Fn() -> String,
        container: &str,
        statement: Statement,
    ) -> Result<Answered<Response>, Error> {
        let hash = kensho_protocol::routing::container_hash(container);
        let open = self.core.run(hash, statement.kind);
        let mut last = None;
        let mut attempts = 0;
        loop {
            match open.mailbox.next().await {
                Command::Send {
                    attempt,
                    to,
                    id,
                    as_of,
                } => {
                    attempts = attempt;
                    let request = statement.request(&to, self.core.credentials.as_ref(), id, as_of);
                    let exchange = self.core.pool.exchange(&to, &request);
                    let response = tokio::select! {
                        biased;
                        response = exchange => response,
                        () = open.mailbox.has_news() => continue,
                    };
                    let answer = match &response {
                        Ok(response) => answer::classify(response),
                        Err(NoAnswer::Unreachable) => Answer::Unreachable,
                        Err(NoAnswer::Lost) => Answer::Lost,
                    };
                    last = response.ok();
                    self.core.handle(Event::Answered {
                        token: open.token,
                        attempt,
                        answer,
                    });
                }
                Command::Abandon => {}
                Command::Finish(Ok(())) => break,
                Command::Finish(Err(failure)) => {
                    return Err(Error::GaveUp {
                        statement: what(),
                        failure,
                    });
                }
            }
        }
        let response = last.expect("a statement ends well only with an answer");
        Ok(Answered {
            node: response.served_by.clone().unwrap_or_default(),
            age: response.age,
            value: response,
            attempts,
        })
    }
}

impl Statement {
    fn request(
        &self,
        to: &Address,
        user: Option<&Credentials>,
        id: Option<RequestId>,
        as_of: Position,
    ) -> Vec<u8> {
        let head = Head::new(&self.method, &self.path, to).with_user(user);
        let mut head = head.with_text("kensho-forward", "no");
        if let Some(id) = id {
            let key = format_args!("{:x}/{}", id.client.0, id.sequence);
            head = head
                .with("idempotency-key", &key)
                .with("kensho-as-of", &as_of);
        }
        if let Some(max_age) = self.max_age {
            let max_age_ms = max_age.as_millis().max(1);
            head = head
                .with_text("kensho-read", "any")
                .with("kensho-max-age-ms", &max_age_ms);
            if as_of != Position::default() {
                head = head.with("kensho-as-of", &as_of);
            }
        }
        if let Some((name, value)) = &self.condition {
            head = head.with_text(name, value);
        }
        head.body(&self.body)
    }
}

/// Whether a 404 speaks of the row; one that speaks of something else has a body.
fn no_such_row(response: &Response) -> bool {
    response.body.is_empty()
}

fn etag(what: &impl Fn() -> String, response: &Response) -> Result<String, Error> {
    match &response.etag {
        Some(etag) => Ok(etag.clone()),
        None => Err(refused(what(), response)),
    }
}

fn row(what: &impl Fn() -> String, response: &Response) -> Result<Row, Error> {
    Ok(Row {
        value: response.body.clone(),
        etag: etag(what, response)?,
    })
}

fn current(response: &Response) -> Option<Current> {
    let etag = response.etag.clone()?;
    let value = (!response.body.is_empty()).then(|| response.body.clone());
    Some(Current { etag, value })
}

pub(crate) fn refused(statement: String, response: &Response) -> Error {
    let body: ErrorBody = serde_json::from_slice(&response.body).unwrap_or_default();
    let message = match &body.message[..] {
        "" => "the answer is not one that a node of this cluster gives".to_owned(),
        _ => body.message,
    };
    let node = response.served_by.as_deref().unwrap_or("unknown");
    Error::Refused {
        statement,
        node: node.to_owned(),
        status: response.status.as_u16(),
        code: body.code,
        message,
        definite: body.definite,
    }
}

/// A seed that no other client has: from the keys that the standard library draws from the
/// operating system.
fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
