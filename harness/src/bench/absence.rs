//! A node is killed, away, started again and caught up; and when what of it was.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

use super::foreground::milliseconds;
use crate::system::System;
use crate::system::kensho::KenshoSystem;

/// A node that has not caught up by then never does.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);
/// How exactly the end of a catch-up is seen.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// When what happened, milliseconds since the beginning.
pub(super) struct Times {
    pub(super) killed_ms: u64,
    pub(super) started_ms: u64,
    /// Every partition had all its replicas in sync again.
    pub(super) whole_ms: u64,
    pub(super) end_ms: u64,
}

/// Waits for `around`, kills `node`, waits for `away`, starts it, waits until the cluster is whole,
/// and for `around` again.
pub(super) async fn absence(
    system: &KenshoSystem,
    node: &str,
    around: Duration,
    away: impl Future<Output = Result<()>>,
) -> Result<Times> {
    let begin = Instant::now();
    tokio::time::sleep(around).await;
    let killed_ms = milliseconds(begin.elapsed());
    system.kill(node)?;
    away.await?;
    let started_ms = milliseconds(begin.elapsed());
    system.start(node).await?;
    caught_up(system, node).await?;
    let whole_ms = milliseconds(begin.elapsed());
    tokio::time::sleep(around).await;
    Ok(Times {
        killed_ms,
        started_ms,
        whole_ms,
        end_ms: milliseconds(begin.elapsed()),
    })
}

async fn caught_up(system: &KenshoSystem, node: &str) -> Result<()> {
    let begin = Instant::now();
    while let Err(missing) = system.settled().await {
        if begin.elapsed() > CATCH_UP_LIMIT {
            bail!("{node} has not caught up: {missing}");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}
