//! The processes of a system's nodes on this machine: which run, which were paused, and which have ended
//! although nobody had asked them to.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kensho_means::tree;

use super::process::NodeProcess;
use super::{Processes, Status};

/// Processes by the names of their nodes.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    running: Mutex<BTreeMap<String, NodeProcess>>,
    /// Nodes that ended although nobody had asked them to, with their status.
    exits: Mutex<BTreeMap<String, String>>,
}

impl Nodes {
    fn running(&self) -> MutexGuard<'_, BTreeMap<String, NodeProcess>> {
        // A panic elsewhere must not keep nodes from being stopped.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exits(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.exits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts down a process that has ended by itself.
    fn notice_exit(&self, node: &str) {
        let mut running = self.running();
        let Some(status) = running.get_mut(node).and_then(NodeProcess::exited) else {
            return;
        };
        running.remove(node);
        self.exits().insert(node.to_string(), status.to_string());
    }

    /// Whether a node's process is there, running or paused.
    pub(crate) fn is_there(&self, node: &str) -> bool {
        self.notice_exit(node);
        self.running().contains_key(node)
    }

    /// What became of a node's process.
    pub(crate) fn status(&self, node: &str) -> Status {
        if self.is_there(node) {
            let paused = self.running().get(node).is_some_and(NodeProcess::paused);
            return if paused {
                Status::Paused
            } else {
                Status::Running
            };
        }
        let exit = self.exits().get(node).cloned();
        exit.map_or(Status::Stopped, Status::Exited)
    }

    /// The processes of each node that runs, and of those that they have started.
    pub(crate) fn trees(&self) -> Vec<(String, Vec<u32>)> {
        let running = self.running();
        let numbers = running
            .iter()
            .map(|(node, process)| (node.clone(), process.number()));
        let numbers: Vec<(String, u32)> = numbers.collect();
        drop(running);
        let trees = numbers
            .into_iter()
            .map(|(node, number)| (node, tree::members(number)));
        trees.collect()
    }

    /// The numbers of the processes that run.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.running().values().map(NodeProcess::number).collect()
    }

    /// Takes a process that was just started, and waits until it is `up`.
    ///
    /// # Errors
    /// If it ends before that, or takes longer than `limit`.
    pub(crate) async fn start<F: Future<Output = bool>>(
        &self,
        node: &str,
        process: NodeProcess,
        log: &Path,
        limit: Duration,
        up: impl Fn() -> F,
    ) -> Result<()> {
        self.exits().remove(node);
        self.running().insert(node.to_string(), process);
        let begin = Instant::now();
        loop {
            if up().await {
                return Ok(());
            }
            let ended = self.running().get_mut(node).map(NodeProcess::exited);
            match ended {
                Some(None) if begin.elapsed() < limit => {}
                Some(None) => bail!(
                    "{node} is not up after {} s: {}",
                    limit.as_secs(),
                    last_line(log)
                ),
                Some(Some(status)) => {
                    self.running().remove(node);
                    bail!(
                        "{node} ended while it started ({status}): {}",
                        last_line(log)
                    );
                }
                None => bail!("{node} was stopped while it started"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends a node in order, with force if it does not obey within `limit`.
    pub(crate) async fn stop(&self, node: &str, limit: Duration) -> Result<()> {
        let process = self.running().remove(node);
        let Some(process) = process else {
            return Ok(());
        };
        if !process.stop(limit).await? {
            bail!(
                "{node} did not end within {} s and was killed",
                limit.as_secs()
            );
        }
        Ok(())
    }

    fn with<T>(&self, node: &str, act: impl FnOnce(&mut NodeProcess) -> Result<T>) -> Result<T> {
        let mut running = self.running();
        let process = running
            .get_mut(node)
            .with_context(|| format!("{node} is not running"))?;
        act(process)
    }
}

impl Processes for Nodes {
    fn kill(&self, node: &str) -> Result<()> {
        self.notice_exit(node);
        let process = self.running().remove(node);
        process
            .with_context(|| format!("{node} is not running"))?
            .kill()
    }

    fn pause(&self, node: &str) -> Result<()> {
        self.with(node, NodeProcess::pause)
    }

    fn resume(&self, node: &str) -> Result<()> {
        self.with(node, NodeProcess::resume)
    }

    fn stands_still(&self, node: &str) -> Result<bool> {
        self.with(node, |process| Ok(tree::stands_still(process.number())?))
    }
}

/// The last line of a log that says something: most often why its node ended.
fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    let line = last.unwrap_or("it said nothing");
    format!("{line:.400} (log: {})", log.display())
}
