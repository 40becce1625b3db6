//! Questions to a node that bypass its proxy: how it is, and what its partition table says.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};

use crate::exchange::exchange;

/// More is not read of an answer.
const BODY_BYTES_MAX: usize = 16 << 20;

/// GET `path` of the node at `address`; an answer other than 200 is an error.
pub(super) async fn get(address: SocketAddr, path: &str, limit: Duration) -> Result<Bytes> {
    let request = Request::get(path).body(Full::default())?;
    let (status, body) = ask(address, request, limit).await?;
    if status != StatusCode::OK {
        bail!("{address} answered {path} by {status}");
    }
    Ok(body)
}

/// POST `body` to `path` of the node at `address`; gives the status of the answer.
pub(super) async fn post(
    address: SocketAddr,
    path: &str,
    body: &str,
    limit: Duration,
) -> Result<u16> {
    let request = Request::post(path).body(Full::from(body.to_owned()))?;
    let (status, _) = ask(address, request, limit).await?;
    Ok(status.as_u16())
}

async fn ask(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
    limit: Duration,
) -> Result<(StatusCode, Bytes)> {
    let path = request.uri().to_string();
    let at = address.to_string();
    let asked = tokio::time::timeout(limit, exchange(&at, request, BODY_BYTES_MAX)).await;
    asked.with_context(|| {
        format!(
            "{address} did not answer {path} in {} ms",
            limit.as_millis()
        )
    })?
}
