//! Data folders that go back in time, are lost or are used twice (rule R14), and nodes that cannot join.

use std::path::Path;
use std::process::Command;

use kensho_client::Client;

use crate::cluster::{Cluster, free_addresses, wait_until};
use crate::registers::{create_registers, put};

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let copied = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(copied.expect("cp starts").success());
}

/// A cluster in which each partition is on two nodes.
fn two_of_three(heartbeat_ms: u32, extra: &str) -> Cluster {
    two_of(3, heartbeat_ms, extra)
}

fn two_of(nodes: usize, heartbeat_ms: u32, extra: &str) -> Cluster {
    let settings = format!("replicas = 2\nheartbeat_ms = {heartbeat_ms}\n{extra}");
    let mut cluster = Cluster::new(nodes, &settings);
    for node in &mut cluster.nodes {
        node.start();
    }
    wait_for_two_each(&cluster);
    cluster
}

/// Waits until all nodes are ready, and each partition is held by two of them.
fn wait_for_two_each(cluster: &Cluster) {
    wait_until("each partition is on two nodes", || {
        cluster.nodes.iter().all(|node| {
            let ready = node.get("/readyz").status == 200;
            let table = node.table().filter(|_| ready);
            table.is_some_and(|table| {
                let partitions = table["partitions"].as_array().expect("partitions");
                let two = |partition: &serde_json::Value| {
                    let in_sync = partition["in_sync"].as_array();
                    in_sync.is_some_and(|in_sync| in_sync.len() == 2)
                };
                partitions.iter().all(two)
            })
        })
    });
}

/// Who holds the registers: the owner, and its backup.
fn holders(cluster: &Cluster) -> (String, String) {
    let owner = cluster.owner_of("registers");
    let table = cluster.nodes[0].table().expect("a table");
    let partition = kensho_protocol::routing::partition_of("registers", 8);
    let in_sync = table["partitions"][usize::from(partition.0)]["in_sync"].clone();
    let mut others = in_sync.as_array().expect("names").iter();
    let backup = others.find(|name| **name != *owner).expect("a backup");
    (owner.clone(), backup.as_str().expect("a name").to_owned())
}

/// The epoch of the partition that holds the registers, as the node knows it.
fn epoch_of_registers(cluster: &Cluster, node: &str) -> Option<u64> {
    let node = cluster.nodes.iter().find(|other| other.name == node)?;
    let partition = kensho_protocol::routing::partition_of("registers", 8);
    node.table()?["partitions"][usize::from(partition.0)]["epoch"].as_u64()
}

async fn put_all(client: &Client, keys: std::ops::Range<i64>) {
    for key in keys {
        put(client, &format!("k{key}"), key).await;
    }
}

/// 40 rows are in the copy that is made of the backup's folder, 120 in all were confirmed.
async fn with_older_copy(cluster: &mut Cluster) -> (String, String) {
    let client = cluster.client();
    create_registers(&client).await;
    put_all(&client, 0..40).await;
    let (owner, backup) = holders(cluster);
    let folder = cluster.folder.path().to_owned();
    cluster.node(&backup).stop();
    copy(&folder.join(&backup), &folder.join("copy"));
    cluster.node(&backup).start();
    wait_for_two_each(cluster);
    put_all(&client, 40..120).await;
    assert_eq!(holders(cluster), (owner.clone(), backup.clone()));
    (owner, backup)
}

/// Stops the node in good order, so that it counts until it is back, and puts its folder back. Who is killed
/// is missed at once, and leaves the in-sync set.
fn put_back(cluster: &mut Cluster, name: &str) {
    let folder = cluster.folder.path().to_owned();
    cluster.node(name).stop();
    copy(&folder.join("copy"), &folder.join(name));
}

async fn expect_all(client: &Client) {
    for key in 0..120 {
        let row = client.get("registers", &format!("k{key}")).await.unwrap();
        let row = row.value.expect("no row is lost").value;
        assert_eq!(row, format!("[\"k{key}\",{key}]").as_bytes());
    }
}

fn figure(cluster: &mut Cluster, name: &str, figure: &str) -> u64 {
    let stat = cluster.node(name).get("/node/stat").json();
    stat["kensho"][figure].as_u64().expect("a number")
}

#[tokio::test]
async fn a_folder_that_is_put_back_is_found_out_and_brought_in_sync() {
    // On a busy machine it takes seconds until the node is back.
    let mut cluster = two_of_three(2_000, "");
    let (owner, backup) = with_older_copy(&mut cluster).await;
    let before = epoch_of_registers(&cluster, &owner).expect("a table");
    put_back(&mut cluster, &backup);
    cluster.node(&backup).start();
    let log = |cluster: &Cluster| {
        let nodes = cluster.nodes.iter();
        let logs = nodes
            .filter(|node| node.name == backup)
            .map(super::cluster::Node::log);
        logs.collect::<String>()
    };
    wait_until("the node has found out", || {
        log(&cluster).contains("the data folder was put back from an older copy")
    });
    assert_eq!(figure(&mut cluster, &backup, "rolled_back"), 1);
    // It leaves the in-sync set, and comes back into it: two epochs.
    wait_until("it was brought in sync", || {
        epoch_of_registers(&cluster, &owner) >= Some(before + 2)
    });
    wait_for_two_each(&cluster);
    // The one that was put back has everything again.
    cluster.node(&owner).kill();
    expect_all(&cluster.client()).await;
}

#[tokio::test]
async fn where_disks_are_distrusted_nobody_goes_on_alone_from_a_folder_that_was_put_back() {
    let mut cluster = two_of_three(500, "distrust_disks = true");
    let (owner, backup) = with_older_copy(&mut cluster).await;
    // It must not go on without the backup.
    cluster.node(&owner).pause();
    put_back(&mut cluster, &backup);
    cluster.node(&owner).kill();
    cluster.node(&backup).start();
    // There may be no master without the owner: the two that are left distrust one disk. A master that waits
    // for a table to be accepted says of no partition that it cannot be served.
    let silent = format!("\"follower\":\"{owner}\"");
    let misses_owner = |line: &str| {
        line.contains("the partition cannot be served")
            || line.contains("the master was not heard for too long")
            || line.contains("a follower is silent") && line.contains(&silent)
    };
    wait_until("the owner is missed", || {
        let mut logs = cluster.nodes.iter().map(crate::cluster::Node::log);
        logs.any(|log| log.lines().any(misses_owner))
    });
    cluster.node(&owner).start();
    expect_all(&cluster.client()).await;
}

#[tokio::test]
async fn elsewhere_it_goes_on_and_that_is_told() {
    let mut cluster = two_of_three(500, "");
    let (owner, backup) = with_older_copy(&mut cluster).await;
    cluster.node(&owner).pause();
    put_back(&mut cluster, &backup);
    cluster.node(&owner).kill();
    cluster.node(&backup).start();
    let told = |node: &crate::cluster::Node| {
        let answer = node.get("/node/stat");
        let count = |stat: serde_json::Value| stat["kensho"]["unconfirmed_promotions"].as_u64();
        answer.status == 200 && count(answer.json()) > Some(0)
    };
    wait_until("it is told", || {
        let mut living = cluster.nodes.iter().filter(|node| node.name != owner);
        living.any(told)
    });
}

/// The backup has started anew, and the owner is gone: only an operator can say that the backup's data will do.
#[tokio::test]
async fn an_operator_has_a_partition_go_on_without_who_may_have_more() {
    let mut cluster = two_of(5, 500, "distrust_disks = true");
    let client = cluster.client();
    create_registers(&client).await;
    put_all(&client, 0..5).await;
    let (owner, backup) = holders(&cluster);
    cluster.node(&owner).pause();
    cluster.node(&backup).stop();
    cluster.node(&owner).kill();
    cluster.node(&backup).start();
    wait_until("nobody goes on", || {
        let mut logs = cluster.nodes.iter().map(crate::cluster::Node::log);
        logs.any(|log| log.contains("the partition cannot be served"))
    });
    let told = |cluster: &Cluster| {
        let living = cluster.nodes.iter().filter(|node| node.name != owner);
        let stats = living.map(|node| node.get("/node/stat").json());
        let counts = stats.map(|stat| stat["kensho"]["unconfirmed_promotions"].as_u64());
        counts.flatten().sum::<u64>()
    };
    assert_eq!(told(&cluster), 0, "nothing was decided yet");
    let mut living = cluster.nodes.iter().filter(|node| node.name != owner);
    let any = living.next().expect("nodes");
    let refused = any.ask("POST", "/node/failover", "", "{}");
    assert_eq!(refused.status, 400, "{refused:?}");
    // Any node takes it; one that knows no master for the moment says so.
    wait_until("it is taken", || {
        any.ask("POST", "/node/failover", "", "").status == 202
    });
    let row = client
        .get("registers", "k4")
        .await
        .expect("it is served again");
    assert!(row.value.is_some());
    assert!(told(&cluster) > 0, "it is counted");
    let mut logs = cluster.nodes.iter().map(crate::cluster::Node::log);
    assert!(
        logs.any(|log| log.contains("POST /node/failover")),
        "and logged"
    );
}

/// What a node says of why it is no member.
fn says(cluster: &Cluster, node: usize, parts: &[&str]) {
    wait_until("it says why", || {
        let ready = cluster.nodes[node].get("/readyz");
        ready.status == 503 && parts.iter().all(|part| ready.body.contains(part))
    });
    wait_until("its log says so", || {
        let log = cluster.nodes[node].log();
        let mut lines = log
            .lines()
            .filter(|line| line.contains("no member of its cluster"));
        lines.any(|line| line.contains("WARN") && parts.iter().all(|part| line.contains(part)))
    });
}

#[tokio::test]
async fn a_node_whose_folder_is_lost_is_told_what_to_do_and_joins_anew() {
    let mut cluster = Cluster::started(3, "");
    let client = cluster.client();
    create_registers(&client).await;
    put_all(&client, 0..5).await;
    cluster.nodes[2].stop();
    std::fs::remove_dir_all(cluster.folder.path().join("n3")).unwrap();
    cluster.nodes[2].start();
    says(
        &cluster,
        2,
        &["the name n3 belongs to", "/node/leave", "--join"],
    );
    // As it says: the lost one is removed, then the new one joins.
    wait_until("the lost one has left", || {
        let answer = cluster.nodes[0].ask("POST", "/node/leave", "", "{\"name\": \"n3\"}");
        answer.status == 204
    });
    says(&cluster, 2, &["to have it join", "/node/join"]);
    let peer = cluster.nodes[0].peer.clone();
    let body = format!("{{\"through\": [{{\"name\": \"n1\", \"peer\": \"{peer}\"}}]}}");
    let answer = cluster.nodes[2].ask("POST", "/node/join", "", &body);
    assert_eq!(answer.status, 202, "{answer:?}");
    cluster.wait_until_whole();
}

#[tokio::test]
async fn a_second_process_under_a_members_name_is_refused_by_name() {
    let mut cluster = Cluster::started(3, "");
    let mut double = cluster.double_of("n2");
    double.start();
    wait_until("it says why", || {
        let ready = double.get("/readyz");
        ready.status == 503 && ready.body.contains("the name n2 belongs to")
    });
    wait_until("the members say so, too", || {
        cluster.nodes[0].log().contains("the name n2 belongs to")
    });
    let table = cluster.nodes[0].table().unwrap();
    assert_eq!(table["nodes"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_node_that_reaches_nobody_says_why() {
    let cluster = Cluster::started(1, "replicas = 1");
    let mut cluster = cluster;
    let nobody = free_addresses(1).remove(0);
    let mut lost = cluster.joining("n8", &format!("[{{name = \"n1\", peer = \"{nobody}\"}}]"));
    lost.start();
    wait_until("it says why", || {
        let ready = lost.get("/readyz");
        ready.status == 503 && ready.body.contains(&format!("n1 at {nobody}: "))
    });
    wait_until("its log says so", || {
        let log = lost.log();
        let mut lines = log
            .lines()
            .filter(|line| line.contains("no member of its cluster"));
        lines.any(|line| line.contains("WARN") && line.contains(&nobody))
    });
    let mut unknown = cluster.joining("n9", "[{name = \"n1\", peer = \"no-such-host.invalid:1\"}]");
    unknown.start();
    wait_until("it says why", || {
        unknown
            .get("/readyz")
            .body
            .contains("n1 at no-such-host.invalid:1: ")
    });
}
