//! A node is killed, away, started again and brought in sync again, under load.

use std::time::Duration;

use anyhow::{Result, bail};
use kensho_results::bench::absence::Absence;
use tokio::time::Instant;

use super::foreground::{Ended, Foreground, INTERVAL_MS, in_rows, milliseconds};
use crate::system::System;
use crate::system::kensho::KenshoSystem;

/// A node that has not caught up by then never does.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);
/// How exactly the end of a catch-up is seen.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What an absence is.
pub(super) struct Script<A> {
    /// Load before the kill, and after all is in sync again.
    pub(super) around: Duration,
    /// How long the node stays dead: until this ends.
    pub(super) away: A,
}

/// Makes the load, and meanwhile kills `node`, starts it again, and waits until all is in sync; gives
/// each put that ended as well.
pub(super) async fn absence(
    system: &KenshoSystem,
    node: &str,
    foreground: &Foreground,
    script: Script<impl Future<Output = Result<()>>>,
) -> Result<(Absence, Vec<Ended>)> {
    let Script { around, away } = script;
    let script = async {
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
        let end_ms = milliseconds(begin.elapsed());
        Ok((killed_ms, started_ms, whole_ms, end_ms))
    };
    let ((killed_ms, started_ms, whole_ms, end_ms), puts) = foreground.during(script).await?;
    let absence = Absence {
        rate: foreground.rate,
        interval_ms: INTERVAL_MS,
        rows: in_rows(&puts, end_ms),
        killed_ms,
        started_ms,
        whole_ms,
    };
    Ok((absence, puts))
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
