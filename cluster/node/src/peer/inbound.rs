//! The connections that other nodes make to this one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use kensho_protocol::ids::{Life, NodeId};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use super::frame::Decoder;
use super::{Arrived, Hello, Introduction, Plane};

const HELLO_LIMIT_BYTES: usize = 64 << 10;

/// Messages of one node, in the order in which it sent them.
pub(crate) struct Received<M> {
    pub(crate) from: NodeId,
    pub(crate) messages: Vec<M>,
}

/// The receiving side of one plane. It belongs to one thread.
pub(crate) struct Inbound<M> {
    plane: Plane,
    hello: Arc<Hello>,
    sink: mpsc::Sender<Received<M>>,
    /// The connection of each node; a new one replaces the one before.
    streams: RefCell<HashMap<NodeId, (Life, AbortHandle)>>,
}

/// Who is at the other end of a connection.
#[derive(Default)]
struct Peer {
    node: RefCell<Option<(NodeId, Life, String)>>,
    /// It has shown the secret.
    known: Notify,
}

impl<M: DeserializeOwned + 'static> Inbound<M> {
    pub(crate) fn new(
        plane: Plane,
        hello: Arc<Hello>,
        sink: mpsc::Sender<Received<M>>,
    ) -> Rc<Self> {
        Rc::new(Inbound {
            plane,
            hello,
            sink,
            streams: RefCell::default(),
        })
    }

    /// Serves a connection in a task of its own, on the thread that this belongs to.
    pub(crate) fn accept(self: &Rc<Self>, arrived: Arrived) {
        let inbound = Rc::clone(self);
        let peer = Rc::new(Peer::default());
        let (handle_to_task, handle) = tokio::sync::oneshot::channel::<AbortHandle>();
        let task = tokio::task::spawn_local(async move {
            let Ok(this_task) = handle.await else {
                return;
            };
            let service = service_fn(|request| {
                let (inbound, peer, this_task) = (inbound.clone(), peer.clone(), this_task.clone());
                async move { Ok::<_, Infallible>(inbound.answer(request, &peer, &this_task).await) }
            });
            let (stream, stranger) = arrived.split();
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let stays_a_stranger = async {
                tokio::select! {
                    () = stranger.dismissed() => {}
                    () = peer.known.notified() => {
                        drop(stranger);
                        std::future::pending::<()>().await;
                    }
                }
            };
            let served = tokio::select! {
                served = served => served,
                () = stays_a_stranger => return,
            };
            if let (Err(error), Some((_, _, name))) = (served, &*peer.node.borrow()) {
                tracing::debug!(plane = %inbound.plane, peer = name, "connection ended: {error}");
            }
        });
        // The task is not polled before this function returns, so it finds its handle.
        let _ = handle_to_task.send(task.abort_handle());
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: &Peer,
        this_task: &AbortHandle,
    ) -> Response<Full<Bytes>> {
        if !self.hello.is_authorized(request.headers()) {
            return self.refuse(
                StatusCode::UNAUTHORIZED,
                "the secret is not that of this cluster; give all nodes the same".to_owned(),
            );
        }
        peer.known.notify_one();
        let (head, body) = request.into_parts();
        let plane = format!("/peer/{}/", self.plane);
        match (head.method, head.uri.path().strip_prefix(&plane)) {
            (Method::POST, Some("hello")) => self.greet(body, peer).await,
            (Method::POST, Some("stream")) => {
                let known = peer.node.borrow().clone();
                let Some((from, life, name)) = known else {
                    return self.refuse(StatusCode::FORBIDDEN, "say hello first".to_owned());
                };
                // From here on nothing of an earlier start of the node is taken (rule R14).
                let stream = (life, this_task.clone());
                if let Some((_, before)) = self.streams.borrow_mut().insert(from, stream) {
                    before.abort();
                }
                self.receive(from, &name, body).await
            }
            _ => self.refuse(
                StatusCode::NOT_FOUND,
                "there is nothing here for nodes".to_owned(),
            ),
        }
    }

    async fn greet(&self, body: Incoming, peer: &Peer) -> Response<Full<Bytes>> {
        let body = match Limited::new(body, HELLO_LIMIT_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return self.refuse(StatusCode::BAD_REQUEST, error.to_string()),
        };
        match self.hello.judge(&body) {
            Ok(theirs) => {
                if let Some(refusal) = self.second_process(&theirs) {
                    return self.refuse(StatusCode::CONFLICT, refusal);
                }
                let life = theirs.life();
                *peer.node.borrow_mut() = Some((theirs.member.id, life, theirs.member.name));
                let ours = serde_json::to_vec(&self.hello.ours).expect("an introduction is JSON");
                Response::new(Full::new(ours.into()))
            }
            Err(refusal) => self.refuse(StatusCode::CONFLICT, refusal),
        }
    }

    /// R14: why a process is refused that says to be a node of which another process is connected, both
    /// ways: it works on a copy of that one's data folder. (One way only, it may be left from before the
    /// node's machine stopped.)
    fn second_process(&self, theirs: &Introduction) -> Option<String> {
        let (id, name) = (theirs.member.id, &theirs.member.name);
        let streams = self.streams.borrow();
        let (first, stream) = streams.get(&id)?;
        let lives = !stream.is_finished() && self.hello.process_of(id) == Some(*first);
        (lives && *first != theirs.life()).then(|| {
            format!(
                "node {name} runs already, as {first}; this process, {}, works on a copy of its data \
                 folder: stop it, and give it an empty folder and a name of its own",
                theirs.life()
            )
        })
    }

    /// Takes messages until the stream ends.
    async fn receive(&self, from: NodeId, name: &str, mut body: Incoming) -> Response<Full<Bytes>> {
        let mut decoder = Decoder::default();
        while let Some(frame) = body.frame().await {
            let piece = match frame {
                Ok(frame) => frame.into_data().unwrap_or_default(),
                // The other node has stopped, or its connection broke: nothing is refused.
                Err(error) => {
                    tracing::debug!(plane = %self.plane, peer = name, "a stream ended: {error}");
                    break;
                }
            };
            let mut messages = Vec::new();
            if let Err(malformed) = decoder.decode(&piece, &mut messages) {
                tracing::warn!(plane = %self.plane, peer = name, "{malformed}; the connection is closed");
                return self.refuse(StatusCode::BAD_REQUEST, malformed.to_string());
            }
            if messages.is_empty() {
                continue;
            }
            // When this node cannot follow, the sender's queue fills up, and it notices.
            if self.sink.send(Received { from, messages }).await.is_err() {
                break;
            }
        }
        Response::new(Full::default())
    }

    fn refuse(&self, status: StatusCode, text: String) -> Response<Full<Bytes>> {
        if self.plane == Plane::Control && self.hello.is_news(&text) {
            tracing::warn!(status = status.as_u16(), "a node was refused: {text}");
        }
        let mut response = Response::new(Full::new(text.into()));
        *response.status_mut() = status;
        response
    }
}
