//! One connection to a node, driven by whoever uses it: request, answer and socket are handled in
//! the caller's own task, which costs fewer wake-ups than a task per connection.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection with no request under way.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Pin<Box<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>>,
    closed: bool,
}

/// Why there is no answer.
pub(crate) enum Broken {
    /// The request was not sent.
    Unsent(Box<Request<Full<Bytes>>>),
    /// The request may have been sent.
    Sent,
}

impl Connection {
    /// Connects to `address` (`host:port`).
    pub(crate) async fn open(address: &str, timeout: Duration) -> io::Result<Self> {
        let connect = async {
            // Addresses are mostly numeric; a resolver would cost a thread.
            match address.parse::<SocketAddr>() {
                Ok(address) => TcpStream::connect(address).await,
                Err(_) => TcpStream::connect(address).await,
            }
        };
        let stream = tokio::time::timeout(timeout, connect)
            .await
            .map_err(|_| io::ErrorKind::TimedOut)??;
        stream.set_nodelay(true)?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        Ok(Connection {
            sender,
            driver: Box::pin(driver),
            closed: false,
        })
    }

    /// Sends a request and waits for the whole answer.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Broken> {
        if poll_fn(|context| self.poll_ready(context)).await.is_err() {
            return Err(Broken::Unsent(Box::new(request)));
        }
        let mut answer = pin!(self.sender.try_send_request(request));
        let (driver, closed) = (&mut self.driver, &mut self.closed);
        let answer = poll_fn(|context| drive(driver, closed, answer.as_mut(), context)).await;
        let answer = answer.map_err(|mut error| match error.take_message() {
            Some(request) => Broken::Unsent(Box::new(request)),
            None => Broken::Sent,
        })?;
        let (head, body) = answer.into_parts();
        let mut body = pin!(collect(body));
        let body = poll_fn(|context| drive(driver, closed, body.as_mut(), context)).await;
        let body = body.map_err(|_| Broken::Sent)?;
        Ok(Response::from_parts(head, body))
    }

    /// Ready when the connection can take a request; an error when it is closed.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ()>> {
        if self.closed || self.driver.as_mut().poll(context).is_ready() {
            self.closed = true;
            return Poll::Ready(Err(()));
        }
        self.sender.poll_ready(context).map_err(|_| ())
    }
}

/// Polls `work`, and the connection that it depends on.
fn drive<D: Future, W: Future>(
    driver: &mut Pin<Box<D>>,
    closed: &mut bool,
    mut work: Pin<&mut W>,
    context: &mut Context<'_>,
) -> Poll<W::Output> {
    if !*closed && driver.as_mut().poll(context).is_ready() {
        *closed = true;
    }
    work.as_mut().poll(context)
}

/// The whole body; without a copy if it came in one piece, as it mostly does.
async fn collect(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if first.is_empty() {
            first = data;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&data);
        }
    }
    Ok(if more.is_empty() {
        first
    } else {
        more.freeze()
    })
}
