//! How a cluster is: what its nodes say of themselves, and what of that calls for somebody.

use std::collections::BTreeMap;

use anyhow::Result;
use bytes::Bytes;
use futures_util::future::join_all;
use hyper::{Method, StatusCode};
use kensho_results::text::counted;
use serde::{Deserialize, Serialize};

use super::reach::{Answer, Member, Reach, Told, table};

/// How a cluster is.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// Its name.
    pub cluster: Option<String>,
    /// Its master, if one is known.
    pub master: Option<String>,
    /// The term and the revision of its table.
    pub table: (u64, u64),
    /// How many partitions there are.
    pub partitions: usize,
    /// How many nodes are to hold each.
    pub replicas: usize,
    /// Its members, by their names.
    pub nodes: Vec<NodeHealth>,
    /// What calls for somebody, in words. Without any the cluster is whole.
    pub problems: Vec<String>,
}

/// How a member is.
#[derive(Clone, Debug, Serialize)]
pub struct NodeHealth {
    /// Its name.
    pub name: String,
    /// Where it listens for clients.
    pub address: String,
    /// What it says of itself; nothing if it does not answer.
    pub told: Option<Stat>,
    /// So many partitions it owns by the table.
    pub owner: usize,
    /// Of so many it is a backup.
    pub backup: usize,
    /// To so many it is being brought in sync.
    pub catch_up: usize,
}

/// What is made use of in the answer to `/node/stat`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stat {
    /// As GridDB names it.
    pub cluster: ClusterStat,
    /// As GridDB names it.
    pub performance: Performance,
    /// What GridDB has no names for.
    pub kensho: Ours,
}

/// The node in its cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ClusterStat {
    pub cluster_name: String,
    pub cluster_status: String,
    pub node_status: String,
    pub replication_num: usize,
}

/// What the node does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Performance {
    pub total_row_num: u64,
    pub total_read_operation: u64,
    pub total_write_operation: u64,
}

/// More of that.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Ours {
    pub lost_entries: u64,
    pub possible_losses: u64,
    pub unconfirmed_promotions: u64,
    pub rolled_back: u64,
    pub second_masters: u64,
    pub disk: Disk,
    pub door: Door,
}

/// The data folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Disk {
    pub room: bool,
    pub full: Option<String>,
    pub used_bytes: Option<u64>,
    pub free_bytes: Option<u64>,
}

/// The connections.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Door {
    pub connections: u64,
    pub refused: u64,
}

/// Asks all members how they are.
///
/// # Errors
/// When no node knows the partition table.
pub async fn look(reach: &Reach) -> Result<Health> {
    let told = table(reach).await?;
    let stats = join_all(told.nodes.iter().map(|member| stat(reach, member))).await;
    Ok(judge(&told, stats))
}

async fn stat(reach: &Reach, member: &Member) -> Result<Stat, String> {
    let asked = reach.ask(&member.client, Method::GET, "/node/stat", Bytes::new());
    match asked.await {
        Ok(Answer {
            status: StatusCode::OK,
            body,
        }) => serde_json::from_slice(&body)
            .map_err(|error| format!("tells what is not understood: {error}")),
        Ok(answer) => Err(answer.complaint()),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// What follows from what nodes say.
fn judge(told: &Told, stats: Vec<Result<Stat, String>>) -> Health {
    let Told { table, nodes } = told;
    let mut problems = Vec::new();
    let known = stats.iter().flatten().next();
    let cluster = known.map(|stat| stat.cluster.cluster_name.clone());
    let replicas = known.map_or(1, |stat| stat.cluster.replication_num);
    if table.master.is_none() {
        problems.push(
            "no master is known: nothing is served until a majority of the nodes agree on one"
                .to_owned(),
        );
    }
    let mut roles: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let (mut unowned, mut short) = (Vec::new(), Vec::new());
    for partition in &table.partitions {
        if let Some(owner) = &partition.owner {
            roles.entry(owner).or_default()[0] += 1;
        } else {
            unowned.push(partition.id);
        }
        let backups = partition
            .in_sync
            .iter()
            .filter(|name| Some(*name) != partition.owner.as_ref());
        backups.for_each(|name| roles.entry(name).or_default()[1] += 1);
        partition
            .catch_up
            .iter()
            .for_each(|name| roles.entry(name).or_default()[2] += 1);
        if partition.in_sync.len() < replicas.min(nodes.len()) {
            short.push(partition.id);
        }
    }
    if !unowned.is_empty() {
        problems.push(format!("{} no owner: {}", has(&unowned), list(&unowned)));
    }
    if !short.is_empty() {
        let wanted = counted(replicas as u64, "node");
        problems.push(format!(
            "{} fewer copies than on {wanted}: {}",
            has(&short),
            list(&short)
        ));
    }
    let nodes = nodes.iter().zip(stats).map(|(member, stat)| {
        let name = &member.name;
        match &stat {
            Ok(stat) => problems_of(name, stat, &mut problems),
            Err(why) => problems.push(format!("{name} does not tell how it is: {why}")),
        }
        let [owner, backup, catch_up] = roles.get(name.as_str()).copied().unwrap_or_default();
        NodeHealth {
            name: name.clone(),
            address: member.client.clone(),
            told: stat.ok(),
            owner,
            backup,
            catch_up,
        }
    });
    Health {
        cluster,
        master: table.master.clone(),
        table: (table.stamp.term, table.stamp.revision),
        partitions: table.partitions.len(),
        replicas,
        nodes: nodes.collect(),
        problems,
    }
}

fn problems_of(name: &str, stat: &Stat, problems: &mut Vec<String>) {
    if stat.cluster.node_status != "ACTIVE" {
        problems.push(format!("{name} is not part of a quorum: it serves nothing"));
    }
    if let Some(why) = stat
        .kensho
        .disk
        .full
        .as_ref()
        .filter(|_| !stat.kensho.disk.room)
    {
        problems.push(format!(
            "{name} takes no updates, since its disk is full: {why}"
        ));
    }
    let lost = stat.kensho.lost_entries + stat.kensho.possible_losses;
    if lost > 0 {
        problems.push(format!(
            "{name} counts {}: the log of that node says which",
            counted(lost, "loss of acknowledged updates, or possible one,")
        ));
    }
    let doubted = [
        (
            stat.kensho.rolled_back,
            "data folder put back from an older copy",
        ),
        (
            stat.kensho.unconfirmed_promotions,
            "partition that goes on though nobody could tell whether something is lost",
        ),
        (stat.kensho.second_masters, "second master of one term"),
    ];
    for (count, what) in doubted {
        if count > 0 {
            problems.push(format!("{name} counts {}", counted(count, what)));
        }
    }
}

fn has(partitions: &[u32]) -> String {
    let count = partitions.len() as u64;
    let verb = if count == 1 { "has" } else { "have" };
    format!("{} {verb}", counted(count, "partition"))
}

/// The first few, and how many more there are.
fn list(partitions: &[u32]) -> String {
    const SHOWN: usize = 10;
    let shown = partitions.iter().take(SHOWN).map(u32::to_string);
    let shown = shown.collect::<Vec<_>>().join(", ");
    match partitions.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told() -> Told {
        serde_json::from_value(json!({
            "stamp": {"term": 3, "revision": 9}, "master": "n1",
            "partitions": [
                {"id": 0, "epoch": 1, "owner": "n1", "in_sync": ["n1", "n2"], "catch_up": []},
                {"id": 1, "epoch": 1, "owner": "n2", "in_sync": ["n2"], "catch_up": ["n1"]},
                {"id": 2, "epoch": 1, "owner": null, "in_sync": ["n1", "n2"], "catch_up": []}],
            "nodes": [{"name": "n1", "client": "a:1"}, {"name": "n2", "client": "a:2"}],
        }))
        .unwrap()
    }

    fn stat(status: &str, lost: u64) -> Stat {
        serde_json::from_value(json!({
            "cluster": {"clusterName": "c", "clusterStatus": "MASTER", "nodeStatus": status, "replicationNum": 3},
            "performance": {"totalRowNum": 5, "totalReadOperation": 1, "totalWriteOperation": 2},
            "kensho": {"lost_entries": lost, "possible_losses": 0, "unconfirmed_promotions": 0,
                "rolled_back": 0, "second_masters": 0,
                "disk": {"room": true, "full": null, "used_bytes": 7, "free_bytes": null},
                "door": {"connections": 1, "refused": 0}},
        }))
        .unwrap()
    }

    #[test]
    fn what_is_wrong_is_said_and_roles_are_counted() {
        let stats = vec![Ok(stat("ACTIVE", 0)), Err("it does not listen".to_owned())];
        let health = judge(&told(), stats);
        assert_eq!(health.cluster.as_deref(), Some("c"));
        let roles = |node: &NodeHealth| (node.owner, node.backup, node.catch_up);
        assert_eq!(
            health.nodes.iter().map(roles).collect::<Vec<_>>(),
            [(1, 1, 1), (1, 2, 0)]
        );
        assert_eq!(
            health.problems,
            [
                "1 partition has no owner: 2",
                "1 partition has fewer copies than on 3 nodes: 1",
                "n2 does not tell how it is: it does not listen",
            ]
        );
        let stats = vec![Ok(stat("INACTIVE", 0)), Ok(stat("ACTIVE", 2))];
        let problems = judge(&told(), stats).problems.join("\n");
        assert!(
            problems.contains("n1 is not part of a quorum"),
            "{problems}"
        );
        assert!(problems.contains("n2 counts 2 "), "{problems}");
    }

    #[test]
    fn a_cluster_that_is_whole_has_no_problems() {
        let mut told = told();
        for partition in &mut told.table.partitions {
            partition.owner = Some("n1".to_owned());
            partition.in_sync = vec!["n1".to_owned(), "n2".to_owned()];
        }
        let health = judge(&told, vec![Ok(stat("ACTIVE", 0)), Ok(stat("ACTIVE", 0))]);
        assert!(health.problems.is_empty(), "{:?}", health.problems);
    }

    #[test]
    fn long_lists_are_cut() {
        let many: Vec<u32> = (0..13).collect();
        assert_eq!(list(&many), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 3 more");
        assert_eq!(list(&many[..2]), "0, 1");
    }
}
