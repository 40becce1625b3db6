//! A connection that somebody makes to this node, up to where it is known which plane it is for.

use std::io;
use std::net::TcpStream as StdStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Plane;
use crate::door::Stranger;

const CONTROL: &[u8] = b"POST /peer/control/";
const DATA: &[u8] = b"POST /peer/data/";
const START_BYTES: usize = CONTROL.len();

/// A connection whose first bytes have come.
pub(crate) struct Arrived {
    stream: Begun,
    stranger: Stranger,
}

/// The same, on its way to another thread.
pub(crate) struct HandedOver {
    start: Vec<u8>,
    stream: StdStream,
    stranger: Stranger,
}

/// A stream of which the start was read already.
pub(super) struct Begun {
    start: Vec<u8>,
    stream: TcpStream,
}

impl Arrived {
    /// Waits until it is known which plane a new connection is for. `None`: it is for neither, or does not
    /// say so in time.
    pub(crate) async fn wait(mut stream: TcpStream, stranger: Stranger) -> Option<(Plane, Self)> {
        let start = async {
            let mut start = Vec::with_capacity(START_BYTES);
            loop {
                if start.starts_with(CONTROL) {
                    return Some((Plane::Control, start));
                } else if start.starts_with(DATA) {
                    return Some((Plane::Data, start));
                } else if !(CONTROL.starts_with(&start) || DATA.starts_with(&start)) {
                    return None;
                }
                let missing = (START_BYTES - start.len()) as u64;
                let came = (&mut stream).take(missing).read_buf(&mut start).await;
                if came.ok()? == 0 {
                    return None;
                }
            }
        };
        let (plane, start) = tokio::select! {
            start = start => start?,
            () = stranger.dismissed() => return None,
        };
        let stream = Begun { start, stream };
        Some((plane, Arrived { stream, stranger }))
    }

    /// To another thread.
    pub(crate) fn hand_over(self) -> io::Result<HandedOver> {
        let Begun { start, stream } = self.stream;
        Ok(HandedOver {
            start,
            stream: stream.into_std()?,
            stranger: self.stranger,
        })
    }

    /// On the other thread.
    pub(crate) fn take_over(handed_over: HandedOver) -> io::Result<Self> {
        let HandedOver {
            start,
            stream,
            stranger,
        } = handed_over;
        let stream = TcpStream::from_std(stream)?;
        let stream = Begun { start, stream };
        Ok(Arrived { stream, stranger })
    }

    pub(super) fn split(self) -> (Begun, Stranger) {
        (self.stream, self.stranger)
    }
}

impl AsyncRead for Begun {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.start.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let fits = this.start.len().min(buffer.remaining());
        buffer.put_slice(&this.start[..fits]);
        this.start.drain(..fits);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::{Source, Strangers};
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    /// What becomes of a connection on which these pieces come, and all that can be read of it then.
    async fn arrive(pieces: &[&str]) -> Option<(Plane, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let sender = async {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            for piece in pieces {
                stream
                    .write_all(piece.as_bytes())
                    .await
                    .expect("it is sent");
                tokio::task::yield_now().await;
            }
        };
        let receiver = async {
            let (stream, _) = listener.accept().await.expect("a connection");
            let stranger = Strangers::new(1, 1).admit(Source::from(address.ip()));
            let (plane, arrived) = Arrived::wait(stream, stranger).await?;
            let handed_over = arrived.hand_over().expect("a socket");
            let (mut stream, _) = Arrived::take_over(handed_over).expect("a socket").split();
            let mut all = String::new();
            stream.read_to_string(&mut all).await.expect("it comes");
            Some((plane, all))
        };
        tokio::join!(sender, receiver).1
    }

    #[tokio::test]
    async fn the_start_says_which_plane_and_is_read_again() {
        let request = "POST /peer/data/hello HTTP/1.1";
        let expected = Some((Plane::Data, request.to_owned()));
        assert_eq!(arrive(&[request]).await, expected);
        let (first, second) = request.split_at(7);
        assert_eq!(arrive(&[first, second]).await, expected);
        let request = "POST /peer/control/x";
        let expected = Some((Plane::Control, request.to_owned()));
        assert_eq!(arrive(&[request]).await, expected);
        for nothing in [
            "",
            "POST /peer/",
            "GET / HTTP/1.1",
            "POST /peer/other/hello",
        ] {
            assert_eq!(arrive(&[nothing]).await, None, "{nothing}");
        }
    }
}
