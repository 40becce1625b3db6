//! One connection to a node, driven by whoever uses it: request, answer and socket are handled in
//! the caller's own task, one statement at a time. A request is one buffer and, unless it is long, one
//! write; of an answer only what is made use of is kept.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::response::{self, Framing, Malformed, Response};

/// Room that is made for what comes in.
const READ_BYTES: usize = 4 << 10;

/// A connection with no request under way.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What has come in, and was not looked at.
    read: BytesMut,
    reusable: bool,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The request was not sent.
    Unsent,
    /// The request may have been sent.
    Sent,
}

impl From<Malformed> for Broken {
    fn from(_: Malformed) -> Self {
        Broken::Sent
    }
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
        Ok(Connection {
            stream,
            read: BytesMut::with_capacity(READ_BYTES),
            reusable: true,
        })
    }

    /// Whether another request may be sent after the last answer.
    pub(crate) fn is_reusable(&self) -> bool {
        self.reusable
    }

    /// Sends a request and waits for the whole answer. After an error the connection is of no use.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Response, Broken> {
        if self.was_closed() {
            return Err(Broken::Unsent);
        }
        self.send(request).await?;
        let head = loop {
            if let Some(head) = response::take_head(&mut self.read)? {
                break head;
            }
            self.read_some().await?;
        };
        self.reusable &= head.keep;
        let body = match head.framing {
            Framing::Length(0) => Bytes::new(),
            Framing::Length(length) => {
                while self.read.len() < length {
                    self.read_some().await?;
                }
                self.read.split_to(length).freeze()
            }
            Framing::Chunked => {
                let mut body = BytesMut::new();
                while !response::take_chunks(&mut self.read, &mut body)? {
                    self.read_some().await?;
                }
                body.freeze()
            }
            Framing::UntilClose => {
                while self.read_buf().await.map_err(|_| Broken::Sent)? > 0 {}
                self.read.split().freeze()
            }
        };
        // More than was asked for: nobody knows what it belongs to.
        self.reusable &= self.read.is_empty();
        Ok(Response {
            body,
            ..head.response
        })
    }

    /// Whether the node has closed the connection meanwhile, or sent what nobody asked for.
    fn was_closed(&mut self) -> bool {
        match self.stream.try_read_buf(&mut self.read) {
            Ok(_) => true,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    async fn send(&mut self, request: &[u8]) -> Result<(), Broken> {
        let mut sent = match self.stream.write(request).await {
            Ok(0) | Err(_) => return Err(Broken::Unsent),
            Ok(sent) => sent,
        };
        // A node that refuses a long request answers before it has read all of it.
        let (mut from, mut to) = self.stream.split();
        while sent < request.len() {
            let written = tokio::select! {
                biased;
                written = to.write(&request[sent..]) => written.unwrap_or(0),
                _ = from.read_buf(&mut self.read) => 0,
            };
            if written == 0 {
                self.reusable = false;
                break;
            }
            sent += written;
        }
        Ok(())
    }

    async fn read_buf(&mut self) -> io::Result<usize> {
        self.read.reserve(READ_BYTES);
        self.stream.read_buf(&mut self.read).await
    }

    async fn read_some(&mut self) -> Result<(), Broken> {
        match self.read_buf().await {
            Ok(0) | Err(_) => Err(Broken::Sent),
            Ok(_) => Ok(()),
        }
    }
}
