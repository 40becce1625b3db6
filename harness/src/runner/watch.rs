//! Watches the cluster from outside while a run lasts: changes of the partition table, and nodes
//! that end by themselves.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use kensho_results::verdict::{Failover, UnexpectedExit};
use serde_json::json;
use tokio::task::JoinHandle;

use super::clock::Clock;
use crate::system::table::Table;
use crate::system::{Status, System};

/// Time between two looks at the table.
const EVERY: Duration = Duration::from_millis(100);

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    /// The newest table.
    pub table: Option<Table>,
    /// Who was master when the newest term was first seen.
    master: Option<String>,
    /// Changes of owners and of the master.
    pub failovers: Vec<Failover>,
    /// Nodes that ended by themselves.
    pub exits: Vec<UnexpectedExit>,
    /// When the last look began that brought a table.
    looked_ms: Option<u64>,
}

impl Sightings {
    /// Takes note of a table, the newest of all nodes when a look at them began, which ended at
    /// `at_ms`; gives whether it tells anything new.
    fn note(&mut self, table: Table, began_ms: u64, at_ms: u64) -> bool {
        // Whoever serves by a table has told it: what is new was not there at the last look.
        let after_ms = self.looked_ms.replace(began_ms);
        let Some(old) = &self.table else {
            self.master.clone_from(&table.master);
            self.table = Some(table);
            return true;
        };
        // A node that was cut off may still tell an older one.
        if table.stamp < old.stamp || table == *old || table.master.is_none() {
            return false;
        }
        // A master has a term of its own, and commits the table in it; before that, nodes may tell
        // different ones.
        if table.stamp.term != old.stamp.term {
            let from = std::mem::replace(&mut self.master, table.master.clone());
            self.failovers.push(Failover {
                at_ms,
                partition: None,
                from,
                to: table.master.clone(),
                number: table.stamp.term,
                fault: None,
                after_ms,
                recorded: false,
            });
        }
        for partition in &table.partitions {
            let before = old.partitions.iter().find(|old| old.id == partition.id);
            let from = before.and_then(|before| before.owner.clone());
            if from != partition.owner {
                self.failovers.push(Failover {
                    at_ms,
                    partition: Some(partition.id),
                    from,
                    to: partition.owner.clone(),
                    number: partition.epoch,
                    fault: None,
                    after_ms,
                    recorded: false,
                });
            }
        }
        self.table = Some(table);
        true
    }
}

/// A watcher at work; stops when dropped.
pub struct Watch {
    sightings: Arc<Mutex<Sightings>>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins to watch; every change of the table is written to the file `path`.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn start<S: System>(system: Arc<S>, clock: Clock, path: &Path) -> Result<Watch> {
        let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
        let sightings = Arc::new(Mutex::new(Sightings::default()));
        let task = tokio::spawn(watch(system, clock, file, Arc::clone(&sightings)));
        Ok(Watch { sightings, task })
    }

    /// What was seen so far.
    pub fn sightings(&self) -> Sightings {
        lock(&self.sightings).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(sightings: &Mutex<Sightings>) -> MutexGuard<'_, Sightings> {
    sightings.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn watch<S: System>(
    system: Arc<S>,
    clock: Clock,
    mut file: File,
    sightings: Arc<Mutex<Sightings>>,
) {
    let mut exited = BTreeSet::new();
    loop {
        let began_ms = clock.now_ms();
        let table = match system.roles() {
            Some(roles) => roles.table().await,
            None => None,
        };
        if let Some(table) = table {
            let at_ms = clock.now_ms();
            let line = json!({"at_ms": at_ms, "table": table});
            if lock(&sightings).note(table, began_ms, at_ms) {
                // Losing a line of this side file must not end the run.
                let _ = writeln!(file, "{line}");
            }
        }
        for node in system.nodes() {
            match system.status(node) {
                Status::Exited(status) => {
                    if exited.insert(node.clone()) {
                        let exit = UnexpectedExit {
                            node: node.clone(),
                            at_ms: clock.now_ms(),
                            status,
                        };
                        lock(&sightings).exits.push(exit);
                    }
                }
                _ => drop(exited.remove(node)),
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::table::{Partition, Stamp};

    fn table(term: u64, revision: u64, master: &str, owner: &str) -> Table {
        Table {
            stamp: Stamp { term, revision },
            master: Some(master.to_string()),
            partitions: vec![Partition {
                id: 0,
                epoch: revision,
                owner: Some(owner.to_string()),
                in_sync: vec![],
                catch_up: vec![],
            }],
        }
    }

    #[test]
    fn a_change_of_owner_or_master_is_a_failover_and_older_tables_are_not() {
        let mut sightings = Sightings::default();
        assert!(sightings.note(table(1, 1, "n1", "n2"), 5, 10));
        assert!(
            !sightings.note(table(1, 1, "n1", "n2"), 15, 20),
            "nothing new"
        );
        assert!(sightings.note(table(1, 2, "n1", "n3"), 25, 30));
        assert!(
            !sightings.note(table(1, 1, "n1", "n2"), 35, 40),
            "an older table"
        );
        sightings.note(table(1, 2, "n4", "n3"), 40, 45);
        assert!(sightings.note(table(2, 3, "n4", "n3"), 45, 50));
        let seen: Vec<_> = sightings
            .failovers
            .iter()
            .map(|f| (f.when(), f.partition, f.from.as_deref(), f.to.as_deref()))
            .collect();
        let expected = [
            (
                "between 0.015 and 0.030 s".to_string(),
                Some(0),
                Some("n2"),
                Some("n3"),
            ),
            (
                "between 0.040 and 0.050 s".to_string(),
                None,
                Some("n1"),
                Some("n4"),
            ),
        ];
        assert_eq!(seen, expected);
    }
}
