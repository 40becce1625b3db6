//! How nodes are asked.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use kensho_client::Credentials;
use serde::Deserialize;

use crate::exchange::exchange;
use crate::system::table::Table;

/// The nodes of a cluster, and as whom they are asked.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Where nodes listen for clients (`host:port`); one that answers is enough.
    pub addresses: Vec<String>,
    /// A user, if the cluster knows users.
    pub credentials: Option<Credentials>,
    /// A node that has not answered by then does not.
    pub patience: Duration,
}

/// What a node answers.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// The table that a node tells, with the nodes' addresses.
#[derive(Clone, Debug, Deserialize)]
pub struct Told {
    /// Who is what.
    #[serde(flatten)]
    pub table: Table,
    /// All members.
    pub nodes: Vec<Member>,
}

/// A member of the cluster.
#[derive(Clone, Debug, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where it listens for clients.
    pub client: String,
}

impl Told {
    /// Where the node of this name listens for clients.
    pub(super) fn address(&self, name: &str) -> Option<&str> {
        let member = self.nodes.iter().find(|member| member.name == name)?;
        Some(&member.client)
    }
}

impl Answer {
    /// What went wrong, in the node's own words where it has some.
    pub(super) fn complaint(&self) -> String {
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "errorMessage")]
            message: String,
        }
        match serde_json::from_slice::<Body>(&self.body) {
            Ok(Body { message }) => format!("{message} (status {})", self.status.as_u16()),
            Err(_) => format!("status {}", self.status.as_u16()),
        }
    }
}

impl Reach {
    /// Asks the node at `address`; whatever it answers.
    pub(super) async fn ask(
        &self,
        address: &str,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Answer> {
        let asked = tokio::time::timeout(self.patience, self.exchange(address, method, path, body));
        let seconds = self.patience.as_secs_f32();
        asked
            .await
            .with_context(|| format!("{address} did not answer in {seconds} s"))?
            .with_context(|| format!("{address} cannot be asked"))
    }

    async fn exchange(
        &self,
        address: &str,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(credentials) = &self.credentials {
            request = request.header("authorization", credentials.authorization());
        }
        let request = request.body(Full::new(body))?;
        // A backup reads whole partitions.
        let (status, body) = exchange(address, request, usize::MAX).await?;
        Ok(Answer { status, body })
    }

    /// Asks node after node until one does not say that it cannot at the moment.
    pub(super) async fn ask_any(&self, method: Method, path: &str, body: Bytes) -> Result<Answer> {
        let mut tried = String::new();
        for address in &self.addresses {
            match self.ask(address, method.clone(), path, body.clone()).await {
                Ok(answer) if answer.status != StatusCode::SERVICE_UNAVAILABLE => {
                    return Ok(answer);
                }
                Ok(answer) => {
                    let _ = write!(tried, "\n  {address}: {}", answer.complaint());
                }
                Err(error) => {
                    let _ = write!(tried, "\n  {error:#}");
                }
            }
        }
        bail!("no node can tell:{tried}")
    }
}

/// The committed partition table, as the first node tells it that knows it.
///
/// # Errors
/// When none does.
pub async fn table(reach: &Reach) -> Result<Told> {
    let path = "/cluster/table";
    let answer = reach.ask_any(Method::GET, path, Bytes::new()).await?;
    if answer.status != StatusCode::OK {
        bail!("{path}: {}", answer.complaint());
    }
    serde_json::from_slice(&answer.body).context("what is told is no partition table")
}
