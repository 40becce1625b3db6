//! A backup of a running cluster: the rows of each partition, as its owner has them at one moment, in a file
//! of its own. Clients go on meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::{Method, StatusCode};

use super::manifest::{Listed, Manifest, write};
use super::reach::{Reach, table};

/// So many partitions are read at the same time.
const AT_ONCE: usize = 2;
/// A partition that is not served is asked for again after this.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Backs up all rows of the cluster into `folder`, which must not be there yet or be empty. `tell` is told the
/// number of partitions that are done, and of bytes.
///
/// # Errors
/// When a partition is not served within `limit`, or a file cannot be written; the folder is then no backup.
pub async fn back_up(
    reach: &Reach,
    folder: &Path,
    begun: String,
    limit: Duration,
    tell: &dyn Fn(usize, u64),
) -> Result<Manifest> {
    make_folder(folder)?;
    let health = super::look(reach).await?;
    let cluster = health.cluster.context("no node tells the cluster's name")?;
    let mut bytes = 0;
    let partitions = 0..health.partitions;
    let texts = stream::iter(partitions.map(|partition| async move {
        let text = partition_text(reach, partition, limit).await?;
        let listed = Listed::of(partition, &text)
            .with_context(|| format!("what the owner of partition {partition} sent"))?;
        write(&folder.join(&listed.file), text.as_bytes())?;
        Ok::<_, anyhow::Error>(listed)
    }));
    let mut texts = texts.buffered(AT_ONCE);
    let mut files = Vec::new();
    while let Some(listed) = texts.try_next().await? {
        bytes += listed.bytes;
        files.push(listed);
        tell(files.len(), bytes);
    }
    let manifest = Manifest::new(cluster, begun, files);
    manifest.write(folder)?;
    Ok(manifest)
}

fn make_folder(folder: &Path) -> Result<()> {
    let shown = folder.display();
    std::fs::create_dir_all(folder).with_context(|| format!("{shown} cannot be made"))?;
    let mut files = std::fs::read_dir(folder).with_context(|| format!("{shown} cannot be read"))?;
    if files.next().is_some() {
        bail!("{shown} is not empty; give each backup a folder of its own");
    }
    Ok(())
}

/// The rows of a partition, from its owner, whoever that is by then.
pub(super) async fn partition_text(
    reach: &Reach,
    partition: usize,
    limit: Duration,
) -> Result<String> {
    let start = Instant::now();
    loop {
        let why = match ask_owner(reach, partition).await {
            Ok(Some(text)) => return Ok(text),
            Ok(None) => "nobody serves it".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        if start.elapsed() >= limit {
            bail!(
                "partition {partition} could not be read within {} s: {why}",
                limit.as_secs()
            );
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

async fn ask_owner(reach: &Reach, partition: usize) -> Result<Option<String>> {
    let told = table(reach).await?;
    let owner = told.table.partitions.get(partition);
    let owner = owner.and_then(|partition| partition.owner.as_deref());
    let Some(address) = owner.and_then(|owner| told.address(owner)) else {
        return Ok(None);
    };
    let path = format!("/node/backup/{partition}");
    let answer = reach.ask(address, Method::GET, &path, Bytes::new()).await?;
    if answer.status != StatusCode::OK {
        bail!("{address}: {}", answer.complaint());
    }
    let text = String::from_utf8(answer.body.into()).context("what came is no text")?;
    Ok(Some(text))
}
