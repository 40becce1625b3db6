//! What waits to be sent to one node.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame};

/// A bounded queue of messages. While there is no connection it takes nothing: old messages are of
/// no use to a node that was away.
pub(crate) struct Outbox {
    limit_bytes: usize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    /// Counts the connections; `None` while there is none.
    connection: Option<u64>,
    connections: u64,
    dropped: u64,
    waker: Option<Waker>,
}

impl Outbox {
    pub(crate) fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Outbox {
            limit_bytes,
            queue: Mutex::default(),
        })
    }

    /// Queues whole messages; without a connection, or when too much waits already, they are
    /// dropped. However long they are, they are taken when nothing waits, or they could never be sent.
    pub(crate) fn push(&self, piece: Bytes) {
        let mut queue = self.queue.lock().expect("nobody panicked");
        let too_much = queue.bytes > 0 && queue.bytes + piece.len() > self.limit_bytes;
        if queue.connection.is_none() || too_much {
            queue.dropped += 1;
            return;
        }
        queue.bytes += piece.len();
        queue.pieces.push_back(piece);
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
    }

    /// A connection is there: from now on messages are taken. The body ends with
    /// [`disconnect`](Outbox::disconnect).
    pub(crate) fn connect(self: &Arc<Self>) -> OutboxBody {
        let mut queue = self.queue.lock().expect("nobody panicked");
        queue.connections += 1;
        queue.connection = Some(queue.connections);
        OutboxBody {
            connection: queue.connections,
            outbox: Arc::clone(self),
        }
    }

    /// The connection is gone, and what waited with it.
    pub(crate) fn disconnect(&self) {
        let mut queue = self.queue.lock().expect("nobody panicked");
        queue.connection = None;
        queue.pieces.clear();
        queue.bytes = 0;
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
    }

    /// How many batches of messages were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.queue.lock().expect("nobody panicked").dropped
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.queue
            .lock()
            .expect("nobody panicked")
            .connection
            .is_some()
    }
}

/// The endless body of one connection.
pub(crate) struct OutboxBody {
    connection: u64,
    outbox: Arc<Outbox>,
}

impl Body for OutboxBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut queue = self.outbox.queue.lock().expect("nobody panicked");
        if queue.connection != Some(self.connection) {
            return Poll::Ready(None);
        }
        match queue.pieces.pop_front() {
            Some(piece) => {
                queue.bytes -= piece.len();
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn next(body: &mut OutboxBody) -> Option<Option<Bytes>> {
        let mut context = Context::from_waker(Waker::noop());
        let mut frame = body.frame();
        match std::future::Future::poll(Pin::new(&mut frame), &mut context) {
            Poll::Ready(Some(frame)) => {
                Some(Some(frame.expect("no error").into_data().expect("data")))
            }
            Poll::Ready(None) => Some(None),
            Poll::Pending => None,
        }
    }

    #[test]
    fn it_takes_nothing_without_a_connection_or_beyond_its_limit() {
        let outbox = Outbox::new(10);
        outbox.push(Bytes::from_static(b"lost"));
        let mut body = outbox.connect();
        outbox.push(Bytes::from_static(b"sixsix"));
        outbox.push(Bytes::from_static(b"toobig"));
        outbox.push(Bytes::from_static(b"four"));
        assert_eq!(outbox.dropped(), 2);
        assert_eq!(next(&mut body), Some(Some(Bytes::from_static(b"sixsix"))));
        assert_eq!(next(&mut body), Some(Some(Bytes::from_static(b"four"))));
        assert_eq!(next(&mut body), None, "it waits for more");
        outbox.push(Bytes::from_static(b"longer than the limit"));
        let long = next(&mut body).flatten().expect("there was room for it");
        assert_eq!(long.len(), 21);
        outbox.push(Bytes::from_static(b"old"));
        outbox.disconnect();
        assert_eq!(next(&mut body), Some(None), "the body ends");
        let mut again = outbox.connect();
        assert_eq!(next(&mut again), None, "nothing old is sent");
        assert_eq!(
            next(&mut body),
            Some(None),
            "and not to the connection before"
        );
    }
}
