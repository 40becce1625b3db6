//! Who belongs to a cluster.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::reach::{Reach, table};

/// How often it is looked whether something has come to its end.
const LOOK_EVERY: Duration = Duration::from_millis(500);

fn body(value: &Value) -> Bytes {
    value.to_string().into()
}

/// Has the member `name` leave the cluster, and waits until it has left: others have taken over what it held.
/// `tell` is told how far it is.
///
/// # Errors
/// When the member is needed, or it has not left within `limit`.
pub async fn leave(reach: &Reach, name: &str, limit: Duration, tell: &dyn Fn(&str)) -> Result<()> {
    let start = Instant::now();
    let mut before = None;
    loop {
        // A new master does not know of the request: it is asked for again until it is done. While there is
        // none, as when the one that leaves was master, nobody can tell.
        let step = async {
            let asked = body(&json!({ "name": name }));
            let answer = reach.ask_any(Method::POST, "/node/leave", asked).await?;
            let told = table(reach).await?;
            Ok::<_, anyhow::Error>((answer, told))
        };
        let (answer, told) = match step.await {
            Ok(step) => step,
            Err(_) if before.is_some() && start.elapsed() < limit => {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        match answer.status {
            StatusCode::NO_CONTENT => return Ok(()),
            StatusCode::ACCEPTED => {}
            _ => bail!("{name} does not leave: {}", answer.complaint()),
        }
        let holds = |names: &[String]| names.iter().any(|other| other == name);
        let partitions = told.table.partitions.iter();
        let held = partitions
            .filter(|partition| holds(&partition.in_sync))
            .count();
        if before != Some(held) {
            tell(&format!("{name} still holds {held} partitions"));
            before = Some(held);
        }
        if start.elapsed() >= limit {
            bail!(
                "{name} has not left within {} s, and goes on to; kensho cluster status says what is missing",
                limit.as_secs()
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Has the node at `reach`, which is no member yet, join the cluster of `through` (names, and where the node
/// reaches them), and waits until it is a member.
///
/// # Errors
/// When it is none within `limit`.
pub async fn join(reach: &Reach, through: &[(String, String)], limit: Duration) -> Result<String> {
    let start = Instant::now();
    let members = through
        .iter()
        .map(|(name, peer)| json!({"name": name, "peer": peer}));
    let asked = body(&json!({ "through": members.collect::<Vec<_>>() }));
    let Some(address) = reach.addresses.first() else {
        bail!("no address of the node is given");
    };
    let answer = reach
        .ask(address, Method::POST, "/node/join", asked)
        .await?;
    if answer.status != StatusCode::ACCEPTED {
        bail!("{address} does not join: {}", answer.complaint());
    }
    loop {
        let stat = reach
            .ask(address, Method::GET, "/node/stat", Bytes::new())
            .await?;
        if stat.status != StatusCode::OK {
            bail!("{address}: {}", stat.complaint());
        }
        let stat: Value = serde_json::from_slice(&stat.body)?;
        if stat["kensho"]["member"] == true {
            let name = stat["cluster"]["nodeName"].as_str().unwrap_or(address);
            return Ok(name.to_owned());
        }
        if start.elapsed() >= limit {
            bail!(
                "{address} is no member after {} s; its log says why",
                limit.as_secs()
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Has partitions that wait for nodes which may have more go on without them.
///
/// # Errors
/// When no node takes the request.
pub async fn fail_over(reach: &Reach) -> Result<()> {
    let answer = reach
        .ask_any(Method::POST, "/node/failover", Bytes::new())
        .await?;
    match answer.status {
        StatusCode::ACCEPTED => Ok(()),
        _ => bail!("there is no failover: {}", answer.complaint()),
    }
}
