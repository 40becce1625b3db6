//! What clients notice of a rolling restart: each node is told to stop, started again and in sync again
//! before the next one, under a constant load. Before each there is a control of the same kind in which
//! nothing is done.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use kensho_results::bench::rolling::{RollingCluster, RollingRound};
use tokio::time::Instant;

use super::contestant::{Replication, settings, start_cluster, stop_cluster};
use super::foreground::{Ended, Foreground, milliseconds, phase};
use crate::system::System;
use crate::system::kensho::{Durability, KenshoSystem};

/// How rolling restarts are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// How many nodes there are.
    pub nodes: usize,
    /// Their heartbeat.
    pub heartbeat: Duration,
    /// How they replicate.
    pub replication: Replication,
    /// Puts begun per second.
    pub rate: f64,
    /// Bytes of a row's value.
    pub value_bytes: usize,
    /// How often all nodes are restarted.
    pub rounds: usize,
    /// Load without a restart before each round.
    pub control: Duration,
}

/// Puts go over the same rows again and again.
const RECORDS: u64 = 20_000;
/// A cluster that is not whole by then never is.
const WHOLE_LIMIT: Duration = Duration::from_secs(120);
/// How exactly the end of a catch-up is seen.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Makes the restarts; `tell` is told of each round.
///
/// # Errors
/// If the cluster cannot be started, a node does not stop in time, or the cluster does not become whole again.
pub async fn restart(
    plan: Plan,
    program: &Path,
    folder: PathBuf,
    tell: impl Fn(usize, &RollingRound),
) -> Result<RollingCluster> {
    let mut settings = settings(
        plan.nodes,
        plan.replication,
        Durability::Sync,
        program,
        folder,
    )?;
    settings.heartbeat_ms = milliseconds(plan.heartbeat);
    let system = KenshoSystem::new(settings).await?;
    let store = start_cluster(&system).await?;
    let foreground = Foreground {
        rows: store.rows(plan.value_bytes),
        records: RECORDS,
        rate: plan.rate,
    };
    let mut rounds = Vec::new();
    for number in 1..=plan.rounds {
        let round = round(&system, &foreground, plan.control).await?;
        tell(number, &round);
        rounds.push(round);
    }
    stop_cluster(&system).await;
    Ok(RollingCluster {
        text: format!(
            "{} nodes, {}, durability sync, heartbeat {} ms, values of {} bytes",
            plan.nodes,
            plan.replication.name(),
            milliseconds(plan.heartbeat),
            plan.value_bytes
        ),
        nodes: plan.nodes,
        heartbeat_ms: milliseconds(plan.heartbeat),
        rate: plan.rate,
        rounds,
    })
}

async fn round(
    system: &KenshoSystem,
    foreground: &Foreground,
    control: Duration,
) -> Result<RollingRound> {
    let script = async {
        let begin = Instant::now();
        tokio::time::sleep(control).await;
        let control_ms = milliseconds(begin.elapsed());
        let (mut stop_ms, mut whole_ms) = (Vec::new(), Vec::new());
        for node in system.nodes() {
            let stopping = Instant::now();
            system.stop(node).await?;
            stop_ms.push(milliseconds(stopping.elapsed()));
            let starting = Instant::now();
            system.start(node).await?;
            whole_again(system, node).await?;
            whole_ms.push(milliseconds(starting.elapsed()));
        }
        let end_ms = milliseconds(begin.elapsed());
        Ok((control_ms, end_ms, stop_ms, whole_ms))
    };
    let ((control_ms, end_ms, stop_ms, whole_ms), puts) = foreground.during(script).await?;
    // Where a put ends decides to which it belongs; what was still open at the end counts as well.
    let last_ms = puts.iter().map(|put: &Ended| milliseconds(put.at)).max();
    let end_ms = end_ms.max(last_ms.unwrap_or(0) + 1);
    let quiet = phase(&puts, 0, control_ms);
    let restarts = phase(&puts, control_ms, end_ms);
    let failed = quiet.errors + restarts.errors;
    Ok(RollingRound {
        control_longest_ms: quiet.latency.max_ms,
        restart_longest_ms: restarts.latency.max_ms,
        failed,
        answered: puts.len() as u64 - failed,
        stop_ms,
        whole_ms,
    })
}

async fn whole_again(system: &KenshoSystem, node: &str) -> Result<()> {
    let begin = Instant::now();
    while let Err(missing) = system.settled().await {
        if begin.elapsed() > WHOLE_LIMIT {
            bail!("the cluster is not whole after the restart of {node}: {missing}");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}
