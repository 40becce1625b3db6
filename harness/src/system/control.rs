//! Questions to a node that bypass its proxy: how it is, and what its partition table says.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::HeaderValue;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// More is not read of an answer.
const BODY_BYTES_MAX: usize = 16 << 20;

/// GET `path` of the node at `address`; an answer other than 200 is an error.
pub(super) async fn get(address: SocketAddr, path: &str, limit: Duration) -> Result<Bytes> {
    let request = Request::get(path).body(Full::default())?;
    let asked = tokio::time::timeout(limit, ask(address, request)).await;
    let (status, body) = asked.with_context(|| {
        format!(
            "{address} did not answer {path} in {} ms",
            limit.as_millis()
        )
    })??;
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
    let asked = tokio::time::timeout(limit, ask(address, request)).await;
    let (status, _) = asked.with_context(|| {
        format!(
            "{address} did not answer {path} in {} ms",
            limit.as_millis()
        )
    })??;
    Ok(status.as_u16())
}

async fn ask(
    address: SocketAddr,
    mut request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let headers = request.headers_mut();
    headers.insert("host", address.to_string().parse()?);
    headers.insert("connection", HeaderValue::from_static("close"));
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX)
            .collect()
            .await;
        let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
        Ok((status, body))
    };
    // The connection must be driven while the exchange waits, and may end before it.
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        _ = connection => exchange.await,
    }
}
