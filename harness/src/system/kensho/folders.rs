//! What can be done to the data folders of our nodes (rule R14).

use std::fs;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::{CONTROL_LIMIT, KenshoSystem, START_LIMIT};
use crate::system::{Folders, control};

/// The copy of a data folder, beside it.
pub(super) const COPY: &str = "data-copy";
/// The data folder itself, while a clone of it is used.
pub(super) const OWN: &str = "data-own";

impl Folders for KenshoSystem {
    fn copy(&self, node: &str) -> Result<()> {
        let folder = self.folder(node);
        copy_folder(&folder.join("data"), &folder.join(COPY))
    }

    fn put_back(&self, node: &str) -> Result<()> {
        let folder = self.folder(node);
        copy_folder(&folder.join(COPY), &folder.join("data"))
    }

    fn clone_folder(&self, node: &str) -> Result<()> {
        let folder = self.folder(node);
        replace(&folder.join("data"), &folder.join(OWN))?;
        copy_folder(&folder.join(OWN), &folder.join("data"))
    }

    fn end_clone(&self, node: &str) -> Result<()> {
        let folder = self.folder(node);
        replace(&folder.join(OWN), &folder.join("data"))
    }

    fn lose(&self, node: &str) -> Result<()> {
        remove(&self.folder(node).join("data"))?;
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.insert(node.to_string());
        Ok(())
    }
}

impl KenshoSystem {
    fn is_lost(&self, node: &str) -> bool {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.contains(node)
    }

    /// Does what a node says whose folder is lost: has the one removed that its name belongs to, and then has
    /// it join.
    ///
    /// # Errors
    /// If the others do not let it go in time, or do not take it.
    pub(super) async fn replace_if_lost(&self, node: &str) -> Result<()> {
        if !self.is_lost(node) {
            return Ok(());
        }
        let leave = json!({"name": node}).to_string();
        let begin = Instant::now();
        let mut asked = self.names.iter().filter(|name| *name != node).cycle();
        loop {
            let other = asked.next().context("there are other nodes")?;
            let address = self.ports(other)?.client;
            match control::post(address, "/node/leave", &leave, CONTROL_LIMIT).await {
                Ok(204) => break,
                said if begin.elapsed() > START_LIMIT => bail!(
                    "the folder of {node} is lost, and it is still a member after {} s; {other} says {said:?}",
                    START_LIMIT.as_secs()
                ),
                _ => tokio::time::sleep(CONTROL_LIMIT / 8).await,
            }
        }
        let others = self.names.iter().filter(|name| *name != node);
        let through = others.filter_map(|name| {
            let peer = self.peer_address(node, name)?;
            Some(json!({"name": name, "peer": peer}))
        });
        let join = json!({"through": through.collect::<Vec<_>>()}).to_string();
        let address = self.ports(node)?.client;
        let said = control::post(address, "/node/join", &join, CONTROL_LIMIT).await?;
        if said != 202 {
            bail!("{node} answered {said} when it was to join anew");
        }
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.remove(node);
        Ok(())
    }
}

/// Moves a folder to a place where there may be another one.
fn replace(from: &Path, to: &Path) -> Result<()> {
    remove(to)?;
    let cannot = || format!("cannot move {} to {}", from.display(), to.display());
    fs::rename(from, to).with_context(cannot)
}

fn remove(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let cannot = || format!("cannot remove {}", folder.display());
    fs::remove_dir_all(folder).with_context(cannot)
}

/// Copies a folder to a place where there may be another one.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    remove(to)?;
    copy_into(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

fn copy_into(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_into(&source, &target)?;
        } else {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}
