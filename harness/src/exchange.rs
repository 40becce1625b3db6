//! One request to a node on a connection of its own, past every proxy.

use anyhow::{Error, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What the node at `address` (`host:port`) answers; it is an error if its body has more than `bytes_max` bytes.
pub(crate) async fn exchange(
    address: &str,
    mut request: Request<Full<Bytes>>,
    bytes_max: usize,
) -> Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let headers = request.headers_mut();
    headers.insert(HOST, address.parse()?);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), bytes_max).collect();
        let body = body.await.map_err(Error::from_boxed)?.to_bytes();
        Ok((status, body))
    };
    // The connection must be driven while the exchange waits, and may end before it.
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        _ = connection => exchange.await,
    }
}
