//! What all members say of themselves, for a page that can ask one node only.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::BodyExt;
use hyper::header::HeaderMap;
use hyper::{Method, StatusCode, Uri};
use kensho_protocol::request::Refusal;
use serde_json::Value;

use super::answer::{self, Answer};
use super::error::Error;
use super::operation;
use super::service::{Asked, Kind, Service};

/// Nobody who looks at a page waits longer for a node.
const PATIENCE: Duration = Duration::from_secs(2);

/// The figures of each member by its name; `null` if it does not answer. `headers` are those of whoever asks,
/// which the others look at, too.
pub(super) async fn stats(service: &Service, headers: &HeaderMap) -> Result<Answer, Error> {
    let (own, members) = {
        let plane = service.data.plane.borrow();
        let table = plane.view().table.as_ref().filter(|table| table.born);
        let table = table.ok_or(Refusal::NotServing)?;
        let members = table.members.values();
        let members: Vec<(String, String)> = members
            .map(|member| (member.name.clone(), member.client_address.clone()))
            .collect();
        (plane.me().name.clone(), members)
    };
    let ask = members.into_iter().map(|(name, address)| {
        let own = &own;
        async move {
            let figures = if name == *own {
                Some(operation::figures(service).0)
            } else {
                figures_of(service, &address, headers).await
            };
            (name, figures.unwrap_or_default())
        }
    });
    let stats: BTreeMap<String, Value> = join_all(ask).await.into_iter().collect();
    let body = serde_json::to_vec(&stats).expect("figures are JSON");
    Ok(answer::json(StatusCode::OK, body))
}

async fn figures_of(service: &Service, address: &str, headers: &HeaderMap) -> Option<Value> {
    let asked = Asked {
        method: Method::GET,
        uri: Uri::from_static("/node/stat"),
        headers: headers.clone(),
        body: Bytes::new(),
    };
    let forwarded = service.forward(address, &asked, Kind::Read);
    let answer = tokio::time::timeout(PATIENCE, forwarded).await.ok()?.ok()?;
    if answer.status() != StatusCode::OK {
        return None;
    }
    let body = answer.into_body().collect().await.ok()?.to_bytes();
    serde_json::from_slice(&body).ok()
}
