//! What clients are told when something is wrong.
//!
//! # Error codes
//! | code | status | meaning |
//! | --- | --- | --- |
//! | 150001 | 400 | the request is malformed: a path, header, parameter or JSON that is not what it should be |
//! | 150002 | 404 | there is no such path |
//! | 150003 | 405 | the path does not take this method; the header `Allow` names those it takes |
//! | 150004 | 413 | the body is larger than `body_limit_bytes`, or its rows or files make too large a statement |
//! | 150005 | 400 | a row key or container name is longer than `key_limit_bytes` |
//! | 150006 | 404 | this is another cluster |
//! | 150007 | 404 | there is no such database |
//! | 150008 | 404 | there is no such container |
//! | 150009 | 409 | there is a container of this name already |
//! | 150010 | 400 | a row, a container's description, or a condition does not fit: a value, or a name that there is not |
//! | 150011 | 408 | the request did not come in time |
//! | 150012 | 501 | this is not offered |
//! | 150013 | 409 | the container was replaced by another one of its name meanwhile |
//! | 150014 | 409 | the member is needed, and stays |
//! | 150015 | 401 | there are no credentials, or wrong ones |
//! | 150016 | 403 | the user may not do that |
//! | 150017 | 403 | a browser sent the request for a page of another site, or under another name than the node's |
//! | 150018 | 400 | a condition or statement compares or computes with values of the wrong types |
//! | 151001 | 400 | a condition, sort order or statement cannot be read |
//! | 170001 | 421 | another node owns the partition, and no forwarding was asked for |
//! | 170002 | 503 | the partition is not served at the moment |
//! | 170003 | 503 | fewer nodes than `min_in_sync` are in sync |
//! | 170004 | 504 | the update is under way, and its outcome is not known |
//! | 170005 | 409 | the outcome may be forgotten; `Kensho-Position` is the `Kensho-As-Of` for a new attempt |
//! | 170006 | 504 | the read did not succeed in time |
//! | 170007 | 503 | the node has too much to do; it did not look at the request |
//! | 170008 | 422 | the Idempotency-Key was used for a different update before |
//! | 170009 | 503 | the disk of the partition's owner is full, and no node in sync has room; reads go on |
//! | 170010 | 503 | the backup's data are too old for this read; `Kensho-Owner` says who can answer |
//! | 170011 | 409 | what the `Kensho-As-Of` of a read stands for was lost by a failover in async |
//!
//! The last eleven are those of [`kensho_protocol::error_code`].

use std::fmt::Display;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use kensho_protocol::ids::Position;
use kensho_protocol::request::Refusal;
use kensho_query::Code;
use serde::Serialize;

use super::answer;
use crate::access::{Foreign, NoEntry, Role};

/// The youngest log entry that an answer knows of.
pub(super) const POSITION: HeaderName = HeaderName::from_static("kensho-position");

/// Where clients reach the owner of the partition.
const OWNER: HeaderName = HeaderName::from_static("kensho-owner");

/// A place in the log, as the value of that header.
pub(super) fn position(at: Position) -> HeaderValue {
    answer::short_value(format_args!("{at}"))
}

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Error {
    status: StatusCode,
    code: u32,
    message: String,
    definite: bool,
    header: Option<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    version: &'static str,
    error_code: u32,
    error_message: &'a str,
    definite: bool,
}

impl Error {
    fn new(status: StatusCode, code: u32, message: impl Display) -> Self {
        Error {
            status,
            code,
            message: message.to_string(),
            definite: true,
            header: None,
        }
    }

    pub(super) fn malformed(message: impl Display) -> Self {
        Error::new(StatusCode::BAD_REQUEST, 150_001, message)
    }

    pub(super) fn unknown_path(path: &str) -> Self {
        let message = format!(
            "there is no path {path}; data are under /griddb/v2/{{cluster}}/dbs/{{database}}/containers, \
             the state of the cluster under /cluster/table, /node/stat, /node/partition, /node/config, /node/log and /metrics, its members under /node/join and \
             /node/leave, /node/failover forces a failover; /openapi.json describes them all"
        );
        Error::new(StatusCode::NOT_FOUND, 150_002, message)
    }

    pub(super) fn wrong_method(allowed: &'static str) -> Self {
        let message = format!("the path takes {allowed} only");
        Error {
            header: Some((header::ALLOW, HeaderValue::from_static(allowed))),
            ..Error::new(StatusCode::METHOD_NOT_ALLOWED, 150_003, message)
        }
    }

    pub(super) fn body_too_large(limit: usize) -> Self {
        let message = format!("the body is larger than {limit} bytes; send less at a time");
        Error {
            header: Some((header::CONNECTION, HeaderValue::from_static("close"))),
            ..Error::new(StatusCode::PAYLOAD_TOO_LARGE, 150_004, message)
        }
    }

    pub(super) fn statement_too_large(length: usize, limit: usize) -> Self {
        let message = format!(
            "as a statement, the rows take {length} bytes, and at most {limit} are allowed; send fewer \
             at a time"
        );
        Error::new(StatusCode::PAYLOAD_TOO_LARGE, 150_004, message)
    }

    pub(super) fn archive_too_large(limit: usize) -> Self {
        let message = format!(
            "unpacked, the files of the archive take more than {limit} bytes; send fewer rows at a time"
        );
        Error::new(StatusCode::PAYLOAD_TOO_LARGE, 150_004, message)
    }

    pub(super) fn key_too_long(what: &str, length: usize, limit: usize) -> Self {
        let message = format!("the {what} has {length} bytes; at most {limit} are allowed");
        Error::new(StatusCode::BAD_REQUEST, 150_005, message)
    }

    pub(super) fn other_cluster(asked: &str, ours: &str) -> Self {
        let message = format!("this is cluster {ours}, not {asked}");
        Error::new(StatusCode::NOT_FOUND, 150_006, message)
    }

    pub(super) fn unknown_database(asked: &str, ours: &str) -> Self {
        let message = format!("there is no database {asked}; there is {ours}");
        Error::new(StatusCode::NOT_FOUND, 150_007, message)
    }

    pub(super) fn no_container(name: &str) -> Self {
        let message = format!("there is no container {name}; create it first");
        Error::new(StatusCode::NOT_FOUND, 150_008, message)
    }

    pub(super) fn container_exists(name: &str) -> Self {
        let message = format!("there is a container {name} already");
        Error::new(StatusCode::CONFLICT, 150_009, message)
    }

    pub(super) fn does_not_fit(message: impl Display) -> Self {
        Error::new(StatusCode::BAD_REQUEST, 150_010, message)
    }

    /// A condition or statement is wrong.
    pub(super) fn wrong_query(code: Code, message: impl Display) -> Self {
        let code = match code {
            Code::Syntax => 151_001,
            Code::Type => 150_018,
            Code::Name | Code::Value => 150_010,
        };
        Error::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The same error, of one of several things that were asked for.
    pub(super) fn of(mut self, what: impl Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    pub(super) fn request_timeout() -> Self {
        Error {
            header: Some((header::CONNECTION, HeaderValue::from_static("close"))),
            ..Error::new(
                StatusCode::REQUEST_TIMEOUT,
                150_011,
                "the request did not come in time",
            )
        }
    }

    pub(super) fn not_offered(message: impl Display) -> Self {
        Error::new(StatusCode::NOT_IMPLEMENTED, 150_012, message)
    }

    pub(super) fn container_replaced(name: &str) -> Self {
        let message = format!(
            "container {name} was replaced by another one meanwhile, and nothing was changed; \
             send it again, with a new Idempotency-Key if there was one"
        );
        Error::new(StatusCode::CONFLICT, 150_013, message)
    }

    pub(super) fn member_kept(name: &str, why: impl Display) -> Self {
        let message = format!("{name} is not removed: {why}");
        Error::new(StatusCode::CONFLICT, 150_014, message)
    }

    /// It would need credentials, or better ones.
    pub(super) fn no_entry(why: NoEntry, needed: Role) -> Self {
        match why {
            NoEntry::Unknown => Error {
                header: Some((
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Basic realm=\"kensho\", charset=\"UTF-8\""),
                )),
                ..Error::new(
                    StatusCode::UNAUTHORIZED,
                    150_015,
                    "give name and password of a user (HTTP Basic) whom the node's users_file knows",
                )
            },
            NoEntry::Role(role) => {
                let message =
                    format!("this takes a user with role {needed}, and this one has {role}");
                Error::new(StatusCode::FORBIDDEN, 150_016, message)
            }
            NoEntry::Busy => Error::overloaded("too many passwords wait to be verified"),
        }
    }

    pub(super) fn foreign(foreign: Foreign) -> Self {
        Error::new(StatusCode::FORBIDDEN, 150_017, foreign)
    }

    pub(super) fn overloaded(reason: &str) -> Self {
        let message = format!("{reason}; try again later");
        Error {
            header: Some((header::RETRY_AFTER, HeaderValue::from_static("1"))),
            ..Error::new(
                StatusCode::SERVICE_UNAVAILABLE,
                Refusal::Overloaded.error_code(),
                message,
            )
        }
    }

    pub(super) fn not_ready(reason: &str) -> Self {
        Error::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Refusal::NotServing.error_code(),
            reason,
        )
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        let (status, message) = match refusal {
            Refusal::NotOwner => (
                StatusCode::MISDIRECTED_REQUEST,
                "this node does not own the container's partition; /cluster/table says who does",
            ),
            Refusal::NotServing => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the container's partition is not served at the moment; try again",
            ),
            Refusal::TooFewInSync => (
                StatusCode::SERVICE_UNAVAILABLE,
                "fewer nodes are in sync than min_in_sync asks for; try again",
            ),
            Refusal::OutcomeUnknown => (
                StatusCode::GATEWAY_TIMEOUT,
                "the update may have taken effect, or may still do so; a retry with the same \
                 Idempotency-Key gets its outcome",
            ),
            Refusal::OutcomeForgotten { .. } => (
                StatusCode::CONFLICT,
                "whether this update was executed before may have been forgotten; if it is sent for \
                 the first time, send it with a new Idempotency-Key and the Kensho-Position of this \
                 answer as Kensho-As-Of",
            ),
            Refusal::Overloaded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too many updates of the container's partition wait; try again later",
            ),
            Refusal::NoRoom => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the disk of the node that owns the container's partition is full: updates are refused \
                 until it has room or another node has taken over; reads go on",
            ),
            Refusal::Behind => (
                StatusCode::SERVICE_UNAVAILABLE,
                "this backup does not know of what Kensho-As-Of stands for yet, or its data are older than \
                 Kensho-Max-Age-Ms; the partition's owner can answer (without Kensho-Forward: no it is asked)",
            ),
            Refusal::SeenLost => (
                StatusCode::CONFLICT,
                "what Kensho-As-Of stands for was lost by a failover in async, or is too old to tell: the \
                 session cannot go on from there; read without Kensho-As-Of, and begin a new one",
            ),
            Refusal::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                "the read did not succeed in time",
            ),
            Refusal::NumberUsed => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "this Idempotency-Key was used for a different update before; nothing was done: each \
                 update needs its own",
            ),
        };
        let header = match refusal {
            Refusal::OutcomeForgotten { now } => Some((POSITION, position(now))),
            Refusal::NotServing | Refusal::TooFewInSync | Refusal::Overloaded | Refusal::NoRoom => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            _ => None,
        };
        Error {
            definite: refusal.definite(),
            header,
            ..Error::new(status, refusal.error_code(), message)
        }
    }

    /// A backup cannot answer, and the owner, whom clients reach at `owner`, can (rule R16).
    pub(super) fn behind(owner: &str) -> Self {
        Error {
            header: HeaderValue::from_str(owner).ok().map(|at| (OWNER, at)),
            ..Error::refused(Refusal::Behind)
        }
    }

    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        let body = Body {
            version: "v2",
            error_code: self.code,
            error_message: &self.message,
            definite: self.definite,
        };
        let body = serde_json::to_vec(&body).expect("plain text is JSON");
        let mut response = answer::json(self.status, body);
        if let Some((name, value)) = &self.header {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::refused(refusal)
    }
}
