//! A part of a request that speaks of several containers: what concerns one of them is answered here, or by
//! the node that owns its partition.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::StatusCode;
use kensho_protocol::request::Refusal;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::answer::Answer;
use super::error::Error;
use super::service::{Asked, Service};

/// More containers cannot be spoken of at once.
pub(super) const CONTAINERS_MAX: usize = 100;
/// More statements cannot be sent at once.
pub(super) const STATEMENTS_MAX: usize = 10;

/// The parts of a request, at most so many: its body is an array.
pub(super) fn parts<T: DeserializeOwned>(
    asked: &Asked,
    most: usize,
    example: &str,
) -> Result<Vec<T>, Error> {
    let parts: Vec<T> = serde_json::from_slice(&asked.body).map_err(|error| {
        Error::malformed(format!("the body is an array such as [{example}]: {error}"))
    })?;
    match parts.len() {
        count if (1..=most).contains(&count) => Ok(parts),
        count => Err(Error::malformed(format!(
            "the body has {count} elements; 1 to {most} are answered at once"
        ))),
    }
}

impl Asked {
    /// The same request with another body.
    pub(super) fn with_body(&self, body: impl Into<Bytes>) -> Asked {
        Asked {
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: self.headers.clone(),
            body: body.into(),
        }
    }

    /// A request for another path of the database.
    pub(super) fn for_path(
        &self,
        method: hyper::Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Asked, Error> {
        let database = self.uri.path().split('/').take(6);
        let database: Vec<&str> = database.collect();
        let uri = format!("{}{path}", database.join("/"));
        Ok(Asked {
            method,
            uri: uri
                .parse()
                .map_err(|_| Error::malformed("a name is too long for a path"))?,
            headers: self.headers.clone(),
            body: body.into(),
        })
    }
}

/// The one element of the array that another node answered with; its error, if it did not succeed.
pub(super) async fn only_element(answer: Answer) -> Result<Result<Box<RawValue>, Answer>, Error> {
    if answer.status() != StatusCode::OK {
        return Ok(Err(answer));
    }
    let body = body(answer).await;
    let elements: Result<[Box<RawValue>; 1], _> = serde_json::from_slice(&body);
    match elements {
        Ok([element]) => Ok(Ok(element)),
        Err(error) => {
            tracing::warn!("another node's answer cannot be read: {error}");
            Err(Refusal::NotServing.into())
        }
    }
}

/// The body of an answer.
pub(super) async fn body(answer: Answer) -> Bytes {
    let collected = answer.into_body().collect().await;
    collected.unwrap_or_else(|never| match never {}).to_bytes()
}

/// Elements as an array.
pub(super) fn array(elements: &[Box<RawValue>]) -> Vec<u8> {
    serde_json::to_vec(elements).expect("they are JSON")
}

/// JSON that this node wrote.
pub(super) fn raw(json: Vec<u8>) -> Box<RawValue> {
    let text = String::from_utf8(json).expect("JSON is UTF-8");
    RawValue::from_string(text).expect("it is JSON")
}

impl Service {
    /// Whether another node is to answer for a container: at which address.
    pub(super) fn address_of(
        &self,
        container: &str,
        asked: &Asked,
    ) -> Result<Option<String>, Error> {
        use super::headers::may_be_forwarded;
        use super::service::Owner;
        match self.owner(self.partition(container)?) {
            Owner::Here => Ok(None),
            Owner::Nobody => Err(Refusal::NotServing.into()),
            Owner::There(_) if !may_be_forwarded(&asked.headers) => Err(Refusal::NotOwner.into()),
            Owner::There(address) => Ok(Some(address)),
        }
    }
}

/// A text as a segment of a path, or as a value of a parameter (RFC 3986).
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::router::decode;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in ".{1,20}") {
            let encoded = encode(&text);
            let path = format!("/containers/{encoded}/rows");
            let uri: hyper::Uri = path.parse().unwrap();
            prop_assert_eq!(uri.path(), &path);
            prop_assert_eq!(&*decode(&encoded).unwrap(), &*text);
        }
    }
}
