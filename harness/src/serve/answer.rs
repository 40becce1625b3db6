//! Answers: their bodies, and the headers that all of them have.

use std::io;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::page;

/// What is sent: bytes at hand, a file, or events without end.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What our own pages may do: use our style sheet and our script, and ask us.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// What files of runs may do: show themselves with their own script. They are of no origin, so that
/// nothing in them can ask this server.
const FILE_POLICY: &str = "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; \
    script-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'";

/// Whose content an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Ours.
    Own,
    /// A file's.
    File,
}

/// An answer with a body of a type.
pub(super) fn answer(
    status: StatusCode,
    content: Content,
    content_type: &'static str,
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let policy = match content {
        Content::Own => PAGE_POLICY,
        Content::File => FILE_POLICY,
    };
    let headers: [(HeaderName, &'static str); 5] = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // Runs go on, and reports are drawn again.
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Bytes at hand.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// One of our pages.
pub(super) fn html(page: String) -> Response<Body> {
    answer(
        StatusCode::OK,
        Content::Own,
        "text/html; charset=utf-8",
        whole(page),
    )
}

/// A part of our pages.
pub(super) fn asset(content_type: &'static str, text: &'static str) -> Response<Body> {
    answer(StatusCode::OK, Content::Own, content_type, whole(text))
}

/// Data.
pub(super) fn json(value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => answer(
            StatusCode::OK,
            Content::Own,
            "application/json",
            whole(bytes),
        ),
        Err(error) => refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the answer cannot be written: {error}"),
        ),
    }
}

/// A page that says what is wrong.
pub(super) fn refusal(status: StatusCode, why: &str) -> Response<Body> {
    let mut response = html(page::refusal(status, why));
    *response.status_mut() = status;
    response
}
