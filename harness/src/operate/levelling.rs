//! Where roles are: what the master is going to move, and what people have it move.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::reach::{Reach, table};

/// How often it is looked whether something has come to its end.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What the master is going to do so that all nodes have a like share.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Whether it does.
    pub levelling: Levelling,
    /// What is left to do, as it looks now.
    pub steps: Vec<Step>,
}

/// How roles are levelled.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Levelling {
    /// Whether they are.
    pub on: bool,
    /// At most so many partitions are copied at a time.
    pub copies_at_once: usize,
    /// At most so many partitions are handed over at a time.
    pub hand_overs_at_once: usize,
}

/// A step of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// `hand-over`, `copy` or `drop`.
    pub step: String,
    /// Of which partition.
    pub partition: u16,
    /// The owner that hands it over, or the node whose copy is given up, in the end or at once.
    pub from: Option<String>,
    /// The next owner, or the node that gets a copy.
    pub to: Option<String>,
}

/// Asks the master for its plan.
///
/// # Errors
/// When nobody can tell.
pub async fn plan(reach: &Reach) -> Result<Plan> {
    let answer = reach
        .ask_any(Method::GET, "/cluster/plan", Bytes::new())
        .await?;
    match answer.status {
        StatusCode::OK => serde_json::from_slice(&answer.body).context("what is told is no plan"),
        _ => bail!("there is no plan to be had: {}", answer.complaint()),
    }
}

/// Sets how roles are levelled, as far as it is named.
///
/// # Errors
/// When no master takes it.
pub async fn set_levelling(
    reach: &Reach,
    on: Option<bool>,
    copies_at_once: Option<usize>,
    hand_overs_at_once: Option<usize>,
) -> Result<()> {
    let mut set = serde_json::Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            set.insert(name.to_owned(), value);
        }
    };
    put("on", on.map(Value::from));
    put("copies_at_once", copies_at_once.map(Value::from));
    put("hand_overs_at_once", hand_overs_at_once.map(Value::from));
    let body = Value::Object(set).to_string();
    let answer = reach
        .ask_any(Method::POST, "/cluster/levelling", body.into())
        .await?;
    match answer.status {
        StatusCode::ACCEPTED => Ok(()),
        _ => bail!("it is not set: {}", answer.complaint()),
    }
}

/// Has the member `to` own `partition`, and waits until it does. `tell` is told of each state on the way.
///
/// # Errors
/// When that is refused, or it does not within `limit`.
pub async fn move_partition(
    reach: &Reach,
    partition: u16,
    to: &str,
    limit: Duration,
    tell: &dyn Fn(&str),
) -> Result<()> {
    let start = Instant::now();
    let mut before = String::new();
    loop {
        // A new master does not know of the request: it is asked again until it is done.
        let body = json!({ "partition": partition, "to": to }).to_string();
        let answer = reach
            .ask_any(Method::POST, "/cluster/move", body.into())
            .await?;
        if answer.status != StatusCode::ACCEPTED {
            bail!(
                "partition {partition} does not move: {}",
                answer.complaint()
            );
        }
        let told = table(reach).await?;
        let Some(at) = told.table.partitions.get(usize::from(partition)) else {
            bail!("there is no partition {partition}");
        };
        if at.owner.as_deref() == Some(to) {
            return Ok(());
        }
        let has = |names: &[String]| names.iter().any(|name| name == to);
        let state = match (has(&at.in_sync), has(&at.catch_up)) {
            (true, _) => format!("{to} has a copy, and is handed the partition over"),
            (_, true) => format!("{to} gets a copy"),
            _ => "it is not under way yet".to_owned(),
        };
        if state != before {
            tell(&state);
            before = state;
        }
        if start.elapsed() >= limit {
            bail!(
                "partition {partition} is not at {to} after {} s: {before}; the log of the master may say why",
                limit.as_secs()
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
