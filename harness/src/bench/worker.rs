//! One of the concurrent clients: it performs one operation at a time.

use std::rc::Rc;

use bytes::Bytes;
use kensho_client::{Client, Condition};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::generator::Operation;
use super::mix::Kind;

/// A client of what is under load.
pub(super) enum Worker {
    /// A clone of the client that all workers of a cluster share.
    Kensho(Rows),
    /// A connection to the echo server, and the message.
    Echo(TcpStream, Vec<u8>),
}

/// Rows of a cluster, and how to get at them.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) client: Client,
    pub(super) containers: Rc<[String]>,
    /// A value for each row.
    pub(super) value: Rc<str>,
}

impl Worker {
    /// Performs `operation` to its end.
    pub(super) async fn perform(&mut self, operation: Operation) -> Result<(), String> {
        match self {
            Worker::Kensho(rows) => rows.perform(operation).await,
            Worker::Echo(stream, message) => echo(stream, message).await,
        }
    }
}

impl Rows {
    pub(super) async fn put(&self, record: u64) -> Result<(), String> {
        let key = key(record);
        let row = Bytes::from(format!("[\"{key}\",\"{}\"]", self.value));
        let put = self
            .client
            .put(self.container(record), &key, row, Condition::Any);
        put.await.map(drop).map_err(|error| error.to_string())
    }

    async fn get(&self, record: u64) -> Result<(), String> {
        let key = key(record);
        let container = self.container(record);
        let got = self
            .client
            .get(container, &key)
            .await
            .map_err(|error| error.to_string())?;
        match got.value {
            Some(_) => Ok(()),
            None => Err(format!("the row {key} of {container} is not there")),
        }
    }

    async fn perform(&self, operation: Operation) -> Result<(), String> {
        match operation.kind {
            Kind::Read => self.get(operation.record).await,
            Kind::Update | Kind::Insert => self.put(operation.record).await,
            Kind::ReadModifyWrite => {
                self.get(operation.record).await?;
                self.put(operation.record).await
            }
        }
    }

    fn container(&self, record: u64) -> &str {
        let count = self.containers.len() as u64;
        &self.containers[usize::try_from(record % count).unwrap_or(0)]
    }
}

fn key(record: u64) -> String {
    format!("user{record}")
}

async fn echo(stream: &mut TcpStream, message: &mut [u8]) -> Result<(), String> {
    let exchanged = async {
        stream.write_all(message).await?;
        stream.read_exact(message).await
    };
    exchanged
        .await
        .map(drop)
        .map_err(|error| format!("the echo server: {error}"))
}
