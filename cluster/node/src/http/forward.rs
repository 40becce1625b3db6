//! Passing a request on to the node that owns the partition: one hop, never more.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kensho_protocol::request::Refusal;

use super::answer::Answer;
use super::error::Error;
use super::service::{Asked, Kind};
use crate::settings::Settings;

/// `no`: answer 421 instead of forwarding.
pub(super) const FORWARD: HeaderName = HeaderName::from_static("kensho-forward");

/// Headers that speak of one connection only (RFC 9110, 7.6.1), are set anew, or were looked at here.
const NOT_PASSED_ON: [HeaderName; 7] = [
    header::CONNECTION,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::UPGRADE,
    header::ORIGIN,
    HeaderName::from_static("sec-fetch-site"),
];

/// Passes requests on, over pooled connections.
pub(super) struct Forwarder {
    client: Client<HttpConnector, Full<Bytes>>,
    timeout: std::time::Duration,
}

impl Forwarder {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(settings.protocol.missed_after()));
        Forwarder {
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .retry_canceled_requests(true)
                .build(connector),
            // The other node knows the deadline; this is for one that does not answer at all.
            timeout: settings.statement_deadline + settings.protocol.heartbeat,
        }
    }

    /// The answer of the node at `address`.
    pub(super) async fn forward(
        &self,
        address: &str,
        asked: &Asked,
        kind: Kind,
    ) -> Result<Answer, Error> {
        let path = asked.uri.path_and_query();
        let path = path.map_or("/", |path| path.as_str());
        let mut request = Request::new(Full::new(asked.body.clone()));
        *request.method_mut() = asked.method.clone();
        *request.uri_mut() = format!("http://{address}{path}")
            .parse()
            .map_err(|_| Error::refused(Refusal::NotServing))?;
        for (name, value) in &asked.headers {
            if !NOT_PASSED_ON.contains(name) {
                request.headers_mut().append(name, value.clone());
            }
        }
        request
            .headers_mut()
            .insert(FORWARD, HeaderValue::from_static("no"));
        let unknown = match kind {
            Kind::Read => Refusal::TimedOut,
            Kind::Update => Refusal::OutcomeUnknown,
        };
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| {
                tracing::debug!(address, "forwarding failed: {error}");
                if error.is_connect() {
                    Refusal::NotServing
                } else {
                    unknown
                }
            })?;
            let (mut head, body) = response.into_parts();
            let body = body.collect().await.map_err(|_| unknown)?.to_bytes();
            for name in NOT_PASSED_ON {
                head.headers.remove(name);
            }
            Ok::<_, Refusal>(Response::from_parts(head, Full::new(body)))
        };
        let answer = tokio::time::timeout(self.timeout, exchange)
            .await
            .map_err(|_| unknown)??;
        Ok(answer)
    }
}
