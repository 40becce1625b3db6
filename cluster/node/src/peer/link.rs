//! The connection to one node, made again whenever it is lost.

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use kensho_protocol::ids::NodeId;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::TcpStream;

use super::outbox::{Outbox, OutboxBody};
use super::{Hello, Introduction, Plane};

const BACKOFF_MIN: Duration = Duration::from_millis(20);
/// A node that is back is connected again within this long.
const BACKOFF_MAX: Duration = Duration::from_millis(200);
const PATIENCE_MIN: Duration = Duration::from_secs(1);
/// What is said of a connection that was refused.
const NOBODY_LISTENS: &str = "nobody listens there";

/// What a link needs to know.
#[derive(Clone)]
pub(crate) struct LinkSettings {
    pub(crate) plane: Plane,
    pub(crate) hello: Arc<Hello>,
    pub(crate) heartbeat: Duration,
    pub(crate) queue_limit_bytes: usize,
}

/// A connection to the node of one name.
pub(crate) struct Link {
    settings: LinkSettings,
    name: String,
    address: String,
    outbox: Arc<Outbox>,
}

impl Link {
    pub(crate) fn new(settings: &LinkSettings, name: &str, address: &str) -> Self {
        Link {
            outbox: Outbox::new(settings.queue_limit_bytes),
            settings: settings.clone(),
            name: name.to_owned(),
            address: address.to_owned(),
        }
    }

    /// Connects again and again; `met` is told who answers, each time, and `gone` whenever nobody listens any
    /// more where somebody has answered.
    pub(crate) async fn run(self, met: impl Fn(&Introduction, &Arc<Outbox>), gone: impl Fn(&str)) {
        let mut backoff = BACKOFF_MIN;
        let mut last_trouble = String::new();
        let mut was_there = false;
        loop {
            let trouble = match self.connect(&last_trouble, &met).await {
                Ok(reason) => {
                    backoff = BACKOFF_MIN;
                    was_there = true;
                    reason
                }
                Err(trouble) => trouble,
            };
            // M8: whoever is there, but takes nobody in, does not refuse.
            if was_there && trouble == NOBODY_LISTENS {
                gone(&self.name);
            }
            if self.settings.plane == Plane::Control {
                let hello = &self.settings.hello;
                hello.no_connection(&self.name, &self.address, &trouble);
            }
            if trouble != last_trouble {
                tracing::info!(
                    plane = %self.settings.plane, peer = self.name, address = self.address,
                    "no connection: {trouble}"
                );
                last_trouble = trouble;
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    fn patience(&self) -> Duration {
        (self.settings.heartbeat * 3).max(PATIENCE_MIN)
    }

    /// Connects once and sends until the connection is lost: `Ok` why it was, `Err` why there was
    /// none.
    async fn connect(
        &self,
        last_trouble: &str,
        met: &impl Fn(&Introduction, &Arc<Outbox>),
    ) -> Result<String, String> {
        let hello = async {
            let stream =
                TcpStream::connect(&self.address)
                    .await
                    .map_err(|error| match error.kind() {
                        ErrorKind::ConnectionRefused => NOBODY_LISTENS.to_owned(),
                        _ => error.to_string(),
                    })?;
            self.prepare(&stream).map_err(|error| error.to_string())?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|error| error.to_string())?;
            let connection = tokio::spawn(connection);
            let stop = AbortOnDrop(connection);
            let theirs = self.introduce(&mut sender).await?;
            Ok::<_, String>((sender, theirs, stop))
        };
        let (mut sender, theirs, _stop) = tokio::time::timeout(self.patience(), hello)
            .await
            .map_err(|_| "no answer in time".to_owned())??;
        if theirs.member.name != self.name {
            return Err(format!(
                "node {} answers there; correct the address of member {}",
                theirs.member.name, self.name
            ));
        }
        tracing::info!(
            plane = %self.settings.plane, peer = self.name, id = theirs.member.id.0,
            after = last_trouble, "connected"
        );
        let body = self.outbox.connect();
        let _disconnect = Disconnect(&self.outbox);
        let _connected = Connected::to(self, &theirs);
        met(&theirs, &self.outbox);
        let stream = self.request("stream", PeerBody::Stream(body));
        let reason = match sender.send_request(stream).await {
            Ok(response) => format!(
                "the other node ended the stream with status {}",
                response.status()
            ),
            Err(error) => format!("the connection broke: {error}"),
        };
        Ok(reason)
    }

    fn prepare(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        // A node that vanished without a word is noticed even if nothing ever comes back.
        let patience = u32::try_from(self.patience().as_millis()).unwrap_or(u32::MAX);
        setsockopt(stream, sockopt::TcpUserTimeout, &patience)?;
        Ok(())
    }

    async fn introduce(
        &self,
        sender: &mut http1::SendRequest<PeerBody>,
    ) -> Result<Introduction, String> {
        let hello = &self.settings.hello;
        let ours = serde_json::to_vec(&hello.ours).expect("an introduction is JSON");
        let request = self.request("hello", PeerBody::Whole(Full::new(ours.into())));
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        let refusal = if status == StatusCode::OK {
            match hello.judge(&body) {
                Ok(theirs) => return Ok(theirs),
                Err(refusal) => refusal,
            }
        } else {
            format!(
                "refused with status {status}: {}",
                String::from_utf8_lossy(&body)
            )
        };
        if self.settings.plane == Plane::Control && hello.is_news(&refusal) {
            tracing::warn!(peer = self.name, address = self.address, "{refusal}");
        }
        Err(refusal)
    }

    fn request(&self, what: &str, body: PeerBody) -> Request<PeerBody> {
        Request::post(format!("/peer/{}/{what}", self.settings.plane))
            .header(header::HOST, &self.address)
            .header(header::AUTHORIZATION, self.settings.hello.authorization())
            .body(body)
            .expect("addresses and secrets are plain text")
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<Result<(), hyper::Error>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Other threads know of the connection as long as this is there.
struct Connected<'a>(&'a Link, NodeId);

impl<'a> Connected<'a> {
    fn to(link: &'a Link, theirs: &Introduction) -> Option<Self> {
        let life = Some(theirs.life());
        let LinkSettings { plane, hello, .. } = &link.settings;
        (*plane == Plane::Control).then(|| {
            hello.connected(theirs.member.id, &link.name, life);
            Connected(link, theirs.member.id)
        })
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        let Connected(link, node) = self;
        link.settings.hello.connected(*node, &link.name, None);
    }
}

struct Disconnect<'a>(&'a Outbox);

impl Drop for Disconnect<'_> {
    fn drop(&mut self) {
        self.0.disconnect();
    }
}

/// What goes over one connection: first an introduction, then the stream.
enum PeerBody {
    Whole(Full<Bytes>),
    Stream(OutboxBody),
}

impl Body for PeerBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            PeerBody::Whole(body) => Pin::new(body).poll_frame(context),
            PeerBody::Stream(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            PeerBody::Whole(body) => body.size_hint(),
            PeerBody::Stream(body) => body.size_hint(),
        }
    }
}
