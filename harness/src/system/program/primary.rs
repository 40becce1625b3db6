//! Who is primary, as a command of the user's tells it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::file::Filled;
use crate::system::Roles;
use crate::system::table::{Partition, Stamp, Table};

/// It is asked again only after this time: each question is a process.
const EVERY: Duration = Duration::from_millis(500);
/// A command that takes longer does not know.
const LIMIT: Duration = Duration::from_secs(2);

/// Asks a command, which writes the name of a node.
pub(super) struct Primary {
    command: Filled,
    folder: PathBuf,
    names: Vec<String>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    asked: Option<Instant>,
    primary: Option<String>,
    /// How many primaries there were.
    changes: u64,
}

impl Primary {
    pub(super) fn new(command: Filled, folder: PathBuf, names: Vec<String>) -> Primary {
        Primary {
            command,
            folder,
            names,
            known: Mutex::default(),
        }
    }

    async fn ask(&self) -> Option<String> {
        let mut command = Command::new(&self.command.program);
        command
            .args(&self.command.arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(LIMIT, command.output()).await;
        let output = output.ok()?.ok().filter(|output| output.status.success())?;
        let said = String::from_utf8(output.stdout).ok()?;
        let name = said.trim();
        self.names.iter().find(|known| *known == name).cloned()
    }
}

impl Roles for Primary {
    fn partitions(&self) -> u32 {
        1
    }

    fn partition(&self, _container: &str) -> u32 {
        0
    }

    fn lease_ms(&self) -> u64 {
        0
    }

    /// One partition, whose owner is the primary, which is the master as well.
    fn table(&self) -> BoxFuture<'_, Option<Table>> {
        Box::pin(async move {
            let mut known = self.known.lock().await;
            if known.asked.is_none_or(|asked| asked.elapsed() > EVERY) {
                let primary = self.ask().await;
                known.asked = Some(Instant::now());
                if primary.is_some() && primary != known.primary {
                    known.changes += 1;
                }
                known.primary = primary.or(known.primary.take());
            }
            let primary = known.primary.clone()?;
            Some(Table {
                stamp: Stamp {
                    term: known.changes,
                    revision: known.changes,
                },
                partitions: vec![Partition {
                    id: 0,
                    epoch: known.changes,
                    owner: Some(primary.clone()),
                    in_sync: self.names.clone(),
                    catch_up: Vec::new(),
                }],
                master: Some(primary),
            })
        })
    }
}
