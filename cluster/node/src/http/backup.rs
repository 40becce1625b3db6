//! All rows of one partition at one moment, for a backup: `GET /node/backup/{partition}`.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{self, HeaderValue};
use kensho_protocol::ids::PartitionId;
use kensho_protocol::request::Refusal;
use kensho_storage::tables::{Answer as Found, Query};

use super::answer::Answer;
use super::error::Error;
use super::service::{Owner, Service, as_of};

/// The rows, as lines of JSON; only the partition's owner has them. It is a read like any other: all that was
/// acknowledged is there.
pub(super) async fn rows(service: &Service, partition: u16) -> Result<Answer, Error> {
    let partitions = service.data.plane.borrow().settings().identity.partitions;
    if partition >= partitions {
        return Err(Error::malformed(format!(
            "there is no partition {partition}; there are 0 to {}",
            partitions - 1
        )));
    }
    let partition = PartitionId(partition);
    match service.owner(partition) {
        Owner::Here => {}
        Owner::There(_) => return Err(Refusal::NotOwner.into()),
        Owner::Nobody => return Err(Refusal::NotServing.into()),
    }
    let (at, found) = service.read(partition, Query::Everything.encode()).await?;
    let Some(Found::Everything(text)) = Found::decode(&found) else {
        unreachable!("a question for everything is answered by it");
    };
    let text = found.slice_ref(&text.0);
    let mut answer = Response::new(Full::<Bytes>::new(text));
    let kind = HeaderValue::from_static("application/jsonl");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(as_of(answer, at))
}
