//! Puts the rows of a backup into an empty cluster, and looks whether they are there.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use kensho_client::{Client, Container, Create, Options};
use serde::Deserialize;

use super::backup::partition_text;
use super::manifest::{Listed, Manifest, check, text_of};
use super::reach::Reach;
use super::snapshot;

/// Rows of one request, in bytes and in number; a single row may be longer.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_ROWS: usize = 1_000;

/// Restores the backup in `folder` into the cluster at `reach`, which has no container yet and as many
/// partitions as the one that was backed up. `tell` is told how many partitions are done.
///
/// # Errors
/// Before anything is written: when a file of the backup is damaged, or the cluster is not empty or another
/// one. Later: when the cluster does not take the rows within `limit`, or shows others afterwards.
pub async fn restore(
    reach: &Reach,
    folder: &Path,
    limit: Duration,
    tell: &dyn Fn(usize),
) -> Result<Manifest> {
    let manifest = check(folder)?;
    let health = super::look(reach).await?;
    let cluster = health.cluster.context("no node tells the cluster's name")?;
    if health.partitions != manifest.partitions {
        bail!(
            "the backup has {} partitions and cluster {cluster} has {}: restore it into one that was begun \
             with --partitions {}",
            manifest.partitions,
            health.partitions,
            manifest.partitions
        );
    }
    let present = containers(reach, &cluster).await?;
    if present > 0 {
        bail!("cluster {cluster} has {present} containers already; restore into an empty one");
    }
    let mut options = Options::new(cluster).failover_timeout(limit);
    options.credentials.clone_from(&reach.credentials);
    let client = Client::connect(&reach.addresses, options);
    for (partition, listed) in manifest.files.iter().enumerate() {
        let text = text_of(folder, partition, listed)?;
        put(&client, &text)
            .await
            .with_context(|| format!("partition {partition}, {}", listed.file))?;
        tell(partition + 1);
    }
    for (partition, listed) in manifest.files.iter().enumerate() {
        let text = partition_text(reach, partition, limit).await?;
        if Listed::of(partition, &text)?.sha256 != listed.sha256 {
            let differs = difference(&text_of(folder, partition, listed)?, &text)?;
            bail!(
                "after the restore, partition {partition} has other rows than {}: {differs}",
                listed.file
            );
        }
    }
    Ok(manifest)
}

async fn containers(reach: &Reach, cluster: &str) -> Result<usize> {
    #[derive(Deserialize)]
    struct List {
        total: usize,
        #[serde(default)]
        missing: Vec<u16>,
    }
    let path = format!("/griddb/v2/{cluster}/dbs/public/containers?limit=1");
    let answer = reach.ask_any(Method::GET, &path, Bytes::new()).await?;
    if answer.status != StatusCode::OK {
        bail!("{path}: {}", answer.complaint());
    }
    let list: List = serde_json::from_slice(&answer.body).context("a list of containers")?;
    if !list.missing.is_empty() {
        bail!(
            "{} partitions are not served: whether the cluster is empty cannot be told",
            list.missing.len()
        );
    }
    Ok(list.total)
}

async fn put(client: &Client, text: &str) -> Result<()> {
    for part in snapshot::read(text)? {
        let container = Container::from_json(part.container.as_bytes())
            .context("the description of a container is not understood")?;
        let name = container.name();
        match client.create_container(&container).await?.value {
            Create::Created => {}
            Create::Exists => bail!("somebody else created container {name} meanwhile"),
        }
        let mut rest = &part.rows[..];
        while !rest.is_empty() {
            let batch = first_batch(rest);
            let body = format!("[{}]", rest[..batch].join(","));
            client.put_rows(name, body).await?;
            rest = &rest[batch..];
        }
    }
    Ok(())
}

/// How many of the rows go in one request.
fn first_batch(rows: &[&str]) -> usize {
    let mut bytes = 0;
    let fits = rows.iter().take(BATCH_ROWS).take_while(|row| {
        bytes += row.len() + 1;
        bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

/// Where two texts of a partition differ first, in words.
fn difference(backup: &str, found: &str) -> Result<String> {
    let parts = |text| -> Result<BTreeMap<String, (usize, String)>> {
        let parts = snapshot::read(text)?;
        let parts = parts.iter().map(|part| {
            let container = part.container.to_owned();
            (container, (part.rows.len(), part.rows.join("\n")))
        });
        Ok(parts.collect())
    };
    let (backup, found) = (parts(backup)?, parts(found)?);
    let differing = backup
        .iter()
        .find(|(container, rows)| found.get(*container) != Some(rows));
    Ok(match differing {
        Some((container, (rows, _))) => match found.get(container) {
            Some((now, _)) => format!("{container} had {rows} rows and has {now}"),
            None => format!("{container} is missing"),
        },
        None => "it has more containers: somebody else writes".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_bounded_and_never_empty() {
        let long = "x".repeat(BATCH_BYTES + 1);
        assert_eq!(first_batch(&[&long, "[1]"]), 1);
        assert_eq!(first_batch(&["[1]", &long]), 1);
        assert_eq!(first_batch(&vec!["[1]"; BATCH_ROWS + 1]), BATCH_ROWS);
    }

    #[test]
    fn a_difference_is_named() {
        let text = |rows: &[&str]| {
            let mut text = format!(
                "{{\"container\":{{\"container_name\":\"a\"}},\"rows\":{}}}\n",
                rows.len()
            );
            rows.iter()
                .for_each(|row| text.push_str(&format!("{row}\n")));
            text.push_str(&format!("{{\"containers\":1,\"rows\":{}}}\n", rows.len()));
            text
        };
        let named = difference(&text(&["[1]", "[2]"]), &text(&["[1]"])).unwrap();
        assert!(named.contains("\"a\"} had 2 rows and has 1"), "{named}");
        let empty = "{\"containers\":0,\"rows\":0}\n";
        assert!(
            difference(&text(&[]), empty)
                .unwrap()
                .contains("is missing")
        );
        assert!(
            difference(empty, &text(&[]))
                .unwrap()
                .contains("more containers")
        );
    }
}
