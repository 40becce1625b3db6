//! How a cluster is found, where no address of a node is known.
//!
//! What is found is only where to begin: which nodes there are is then said by the partition table.

use std::io;
use std::time::Duration;

use http::Method;
use kensho_notice::{Group, Key, LONGEST};
use kensho_protocol::session::Address;
use serde::Deserialize;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::pool::Pool;
use crate::request::{self, Head};

/// Where clients reach the master of `cluster`, by the next notice that it sends to `group`. Notices of other
/// clusters, and those that were not signed with `key`, count for nothing.
///
/// # Errors
/// When there is none within `patience` (the master sends one every 5 s, if it is set to), or the group
/// cannot be listened to.
pub async fn by_notice(
    cluster: &str,
    key: &Key,
    group: Group,
    patience: Duration,
) -> io::Result<String> {
    let socket = UdpSocket::from_std(group.listener()?)?;
    let next = async {
        let mut datagram = [0; LONGEST];
        loop {
            let length = socket.recv(&mut datagram).await?;
            if let Some(notice) = key.read(&datagram[..length], cluster) {
                return Ok(notice.client);
            }
        }
    };
    let silent = || {
        let text = format!("no notice of cluster {cluster} came to {}", group.address);
        io::Error::new(io::ErrorKind::TimedOut, text)
    };
    timeout(patience, next)
        .await
        .unwrap_or_else(|_| Err(silent()))
}

/// A member as a provider has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Provided {
    Ours { client: String },
    GridDb { transaction: Place },
}

#[derive(Deserialize)]
struct Place {
    address: String,
    port: u16,
}

/// The addresses that are listed at a URL, like `http://host:8080/members`: a JSON array of
/// `{"client":"host:port"}`, or of objects as GridDB's providers have them, with
/// `{"transaction":{"address","port"}}`.
///
/// # Errors
/// When there is no such list within `patience`.
pub async fn by_provider(url: &str, patience: Duration) -> io::Result<Vec<String>> {
    let wrong = |what: &str| io::Error::other(format!("{url}: {what}"));
    let rest = url.strip_prefix("http://");
    let rest = rest.ok_or_else(|| wrong("the URL must begin with http://"))?;
    if !request::is_plain(rest.as_bytes()) {
        return Err(wrong("the URL has characters that no URL has"));
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = match host.contains(':') {
        true => host.to_owned(),
        false => format!("{host}:80"),
    };
    let address = Address::from(host);
    let request = Head::new(&Method::GET, &format!("/{path}"), &address).body(&[]);
    let pool = Pool::new(patience);
    let answer = timeout(patience, pool.exchange(&address, &request)).await;
    let answer = answer.map_err(|_| wrong("no answer came in time"))?;
    let answer = answer.map_err(|_| wrong("it cannot be reached"))?;
    if !answer.status.is_success() {
        return Err(wrong(&format!("the answer is {}", answer.status)));
    }
    let members: Vec<Provided> = serde_json::from_slice(&answer.body).map_err(|error| {
        let what = "the answer is no list such as [{\"client\":\"host:port\"}]";
        wrong(&format!("{what}: {error}"))
    })?;
    let addresses = members.into_iter().map(|member| match member {
        Provided::Ours { client } => client,
        Provided::GridDb { transaction } => format!("{}:{}", transaction.address, transaction.port),
    });
    Ok(addresses.collect())
}
