//! The partition table, as nodes tell it at `/cluster/table`.

use kensho_nemesis::target::{Roles, View};
use serde::{Deserialize, Serialize};

/// Orders tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// The master's term.
    pub term: u64,
    /// How many changes there were.
    pub revision: u64,
}

/// Who is what for one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// The partition.
    pub id: u32,
    /// Changes with the owner and the in-sync set.
    pub epoch: u64,
    /// Its owner, if it has one.
    pub owner: Option<String>,
    /// Owner and backups.
    pub in_sync: Vec<String>,
    /// Those that are being brought in sync.
    #[serde(default)]
    pub catch_up: Vec<String>,
}

/// The partition table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Which table this is.
    pub stamp: Stamp,
    /// The master, as far as the node that told it knows one.
    pub master: Option<String>,
    /// All partitions.
    pub partitions: Vec<Partition>,
}

impl Table {
    /// What the nemesis needs to know of it.
    pub fn view(&self, nodes: &[String]) -> View {
        let roles = |partition: &Partition| {
            let owner = partition.owner.clone()?;
            let backups = partition
                .in_sync
                .iter()
                .filter(|node| **node != owner)
                .cloned()
                .collect();
            Some(Roles {
                id: partition.id,
                owner,
                backups,
            })
        };
        View {
            nodes: nodes.to_vec(),
            master: self.master.clone(),
            partitions: self.partitions.iter().filter_map(roles).collect(),
        }
    }

    /// The partitions that `node` owns.
    pub fn owned_by(&self, node: &str) -> Vec<u32> {
        let owned = self
            .partitions
            .iter()
            .filter(|p| p.owner.as_deref() == Some(node));
        owned.map(|partition| partition.id).collect()
    }

    /// What keeps the table from being whole: every partition with an owner and `replicas` nodes
    /// in sync.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub fn whole(&self, replicas: usize) -> Result<(), String> {
        if self.partitions.is_empty() {
            return Err("the partition table is empty".to_string());
        }
        if self.master.is_none() {
            return Err("no master is known".to_string());
        }
        for partition in &self.partitions {
            let id = partition.id;
            if partition.owner.is_none() {
                return Err(format!("partition {id} has no owner"));
            }
            let in_sync = partition.in_sync.len();
            if in_sync < replicas {
                return Err(format!(
                    "partition {id} has {in_sync} of {replicas} nodes in sync"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_nodes_tell_is_read() {
        let text = r#"{"stamp":{"term":1,"revision":3},"master":"n1","partitions":[
            {"id":0,"epoch":1,"owner":"n1","in_sync":["n1","n2"],"catch_up":["n3"]},
            {"id":1,"epoch":4,"owner":null,"in_sync":["n2"],"catch_up":[]}],
            "nodes":[{"name":"n1","client":"127.0.0.1:7000"}]}"#;
        let table: Table = serde_json::from_str(text).unwrap();
        assert_eq!(
            table.stamp,
            Stamp {
                term: 1,
                revision: 3
            }
        );
        let view = table.view(&["n1".to_string(), "n2".to_string()]);
        assert_eq!(view.partitions.len(), 1);
        assert_eq!(view.partitions[0].backups, ["n2"]);
        assert_eq!(table.owned_by("n1"), [0]);
        assert_eq!(table.whole(2).unwrap_err(), "partition 1 has no owner");
        assert_eq!(
            table.whole(3).unwrap_err(),
            "partition 0 has 2 of 3 nodes in sync"
        );
    }
}
