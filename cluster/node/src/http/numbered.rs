//! The number of an update, and what tells the update from another one of the same number (rule R11).
//!
//! That is what the client asked for, and not the statement that a node makes of it, since this depends
//! on what the container was like when it was made: a retry must be known as one at any time, and at
//! any node.

use hyper::Uri;
use hyper::header::{self, HeaderMap, HeaderName};
use kensho_protocol::request::{Digest, Numbered};

use super::error::Error;
use super::headers;
use super::service::Asked;

/// What numbers the update that is asked for, if anything does.
pub(super) fn numbered(asked: &Asked) -> Result<Option<Numbered>, Error> {
    of_body(asked, &asked.body)
}

/// The same of an update that the body says in more than one way: `body` is what it means.
pub(super) fn of_body(asked: &Asked, body: &[u8]) -> Result<Option<Numbered>, Error> {
    let Some(id) = headers::request_id(&asked.headers)? else {
        return Ok(None);
    };
    let digest = Digest::of(&[
        asked.method.as_str().as_bytes(),
        path(&asked.uri),
        bytes(&asked.headers, &header::IF_MATCH),
        bytes(&asked.headers, &header::IF_NONE_MATCH),
        body,
    ]);
    Ok(Some(Numbered { id, digest }))
}

fn path(uri: &Uri) -> &[u8] {
    uri.path_and_query()
        .map_or(b"", |path| path.as_str().as_bytes())
}

fn bytes<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a [u8] {
    headers.get(name).map_or(b"", |value| value.as_bytes())
}
