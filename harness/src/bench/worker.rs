//! One of the concurrent clients: it performs one operation at a time.

use std::fmt::Write;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, StatusCode};
use kensho_client::{Client, Condition, Container, Scan};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::generator::Operation;
use super::mix::Kind;

/// A client of what is under load.
pub(super) enum Worker {
    /// A clone of the client that all workers of a cluster share.
    Rows(Rows),
    /// The same; it puts so many rows at once.
    Batches(Rows, u64),
    /// A connection to the echo server, and the message.
    Echo(TcpStream, Vec<u8>),
    /// A connection to etcd, and the value, encoded.
    Etcd(SendRequest<Full<Bytes>>, Rc<str>),
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
    /// Performs `operation` to its end; gives how many operations it was: each row counts.
    pub(super) async fn perform(&mut self, operation: Operation) -> Result<u64, String> {
        match self {
            Worker::Rows(rows) => rows.perform(operation).await.map(|()| 1),
            Worker::Batches(rows, count) => rows.put_batch(operation.record, *count).await,
            Worker::Echo(stream, message) => echo(stream, message).await.map(|()| 1),
            Worker::Etcd(connection, value) => put_to_etcd(connection, operation.record, value)
                .await
                .map(|()| 1),
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

    /// Puts `count` rows, of which `record` is one; they are all of the same container.
    pub(super) async fn put_batch(&self, record: u64, count: u64) -> Result<u64, String> {
        let mut rows = String::with_capacity((self.value.len() + 32) * count as usize);
        for number in 0..count {
            let key = key(record + number * self.containers.len() as u64);
            let before = if number == 0 { '[' } else { ',' };
            let _ = write!(rows, "{before}[\"{key}\",\"{}\"]", self.value);
        }
        rows.push(']');
        let put = self.client.put_rows(self.container(record), rows).await;
        match put.map_err(|error| error.to_string())?.value {
            stored if u64::from(stored) == count => Ok(count),
            stored => Err(format!("{stored} of {count} rows were stored")),
        }
    }

    /// The first rows of batches of `count` that together hold `records` rows, and few more.
    pub(super) fn first_of_batches(&self, records: u64, count: u64) -> impl Iterator<Item = u64> {
        let containers = self.containers.len() as u64;
        let firsts = (0..records).step_by((containers * count) as usize);
        firsts.flat_map(move |first| first..first + containers)
    }

    /// Whether a row is there.
    pub(super) async fn has(&self, record: u64) -> Result<bool, String> {
        let got = self.client.get(self.container(record), &key(record)).await;
        got.map(|got| got.value.is_some())
            .map_err(|error| error.to_string())
    }

    async fn get(&self, record: u64) -> Result<(), String> {
        if self.has(record).await? {
            return Ok(());
        }
        let container = self.container(record);
        Err(format!(
            "the row {} of {container} is not there",
            key(record)
        ))
    }

    /// Reads at most `limit` rows from `record` on.
    async fn scan(&self, record: u64, limit: u32) -> Result<(), String> {
        let (container, key) = (self.container(record), key(record));
        let scan = Scan::first(limit).condition(format!("{} >= '{key}'", Container::KEY));
        let scanned = self.client.scan(container, &scan).await;
        let rows = scanned.map_err(|error| error.to_string())?.value.rows;
        if rows.len() <= limit as usize && rows.first().is_some_and(|row| row[0] == key) {
            return Ok(());
        }
        Err(format!(
            "a scan of {container} from {key} on gave {} rows, and not that one first",
            rows.len()
        ))
    }

    async fn perform(&self, operation: Operation) -> Result<(), String> {
        match operation.kind {
            Kind::Read => self.get(operation.record).await,
            Kind::Scan(rows) => self.scan(operation.record, rows).await,
            Kind::Update | Kind::Insert => self.put(operation.record).await,
            Kind::ReadModifyWrite => {
                self.get(operation.record).await?;
                self.put(operation.record).await
            }
        }
    }

    pub(super) fn container(&self, record: u64) -> &str {
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

/// A put by etcd's JSON gateway.
async fn put_to_etcd(
    connection: &mut SendRequest<Full<Bytes>>,
    record: u64,
    value: &str,
) -> Result<(), String> {
    let key = BASE64.encode(key(record));
    let body = format!("{{\"key\":\"{key}\",\"value\":\"{value}\"}}");
    let exchanged = async {
        let request = Request::post("/v3/kv/put")
            .header("host", "etcd")
            .body(Full::from(body))?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        anyhow::ensure!(
            status == StatusCode::OK,
            "it answered by {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok::<_, anyhow::Error>(())
    };
    exchanged.await.map_err(|error| format!("etcd: {error}"))
}
